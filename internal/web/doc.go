// Package web serves the pages for people: the landing page, the GraphQL
// playground (GraphiQL), the REST console (Swagger UI) and the REST reference
// (Redoc), all embedded in the program. No page loads anything from another
// host, and each runs under a strict Content-Security-Policy.
//
// What lives where:
//
//   - pages/: HTML templates, small scripts and style sheets written by hand;
//   - playground/: sources of the bundled scripts, and their build (npm);
//   - dist/: what that build writes. Do not edit it: run `npm run build`.
//
// It imports nothing of ours: it knows the addresses of the two APIs, which are
// public contract, and nothing else about them.
package web
