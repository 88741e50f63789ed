// Command upstream notices when a payer starts to treat claims differently,
// and serves what it found by GraphQL and REST.
package main

import (
	"context"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-chi/chi/v5"

	"upstream/graph"
	"upstream/internal/auth"
	"upstream/internal/cli"
	"upstream/internal/web"
	"upstream/rest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	code := cli.Main(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, cli.Edges{
		Handler: newHandler, OpenAPI: rest.OpenAPI, SDL: graph.SDL,
	})
	stop()
	os.Exit(code)
}

// newHandler puts the edges and the pages on one listener. REST takes every
// path nobody else has, so that unknown ones answer in its shape.
func newHandler(d cli.Deps) (http.Handler, error) {
	retired, err := d.Config.RetiredSecrets()
	if err != nil {
		return nil, err
	}
	keys, err := auth.DeriveKeyring(d.Secret, retired...)
	if err != nil {
		return nil, err
	}
	signIn, err := auth.New(d.Store, auth.Options{Keys: keys})
	if err != nil {
		return nil, err
	}
	restOptions := rest.Options{
		PublicURL: d.Config.PublicURL, Logger: d.Logger, MaxUploadBytes: d.Config.MaxUploadBytes,
	}
	restAPI, err := rest.New(d.Store, signIn, restOptions)
	if err != nil {
		return nil, err
	}
	pages, err := web.New(web.Options{RenderError: rest.PageError(restOptions)})
	if err != nil {
		return nil, err
	}
	graphOptions := graph.Options{NoIntrospection: !d.Config.Introspection, Logger: d.Logger, RequestID: auth.RequestID}
	root := chi.NewRouter()
	pages.Routes(root)
	root.Handle("/graphql", signIn.Middleware(graph.Refuse(graphOptions))(graph.NewHandler(d.Store, graphOptions)))
	root.NotFound(restAPI.ServeHTTP)
	return root, nil
}
