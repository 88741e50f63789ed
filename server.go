// Command upstream notices when a payer starts to treat claims differently,
// and serves what it found by GraphQL and REST.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"

	"upstream/graph"
	"upstream/internal/auth"
	"upstream/internal/cli"
	"upstream/internal/guard"
	"upstream/internal/obs"
	"upstream/internal/web"
	"upstream/rest"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	untilSignal(cancel)
	code := cli.Main(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, cli.Edges{
		Handler: newHandler, OpenAPI: rest.OpenAPI, SDL: graph.SDL,
	})
	cancel()
	os.Exit(code)
}

// untilSignal calls cancel at the first signal to end. By then the next one is
// no longer caught, and so ends the program at once: whoever sees it drain may
// send it.
func untilSignal(cancel context.CancelFunc) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel()
	}()
}

// bodyPatience is how long a body that no edge reads may take to arrive.
const bodyPatience = 30 * time.Second

// newHandler puts the edges and the pages on one listener. REST takes every
// path nobody else has, so that unknown ones answer in its shape.
func newHandler(d cli.Deps) (http.Handler, error) {
	origins, err := d.Config.Origins()
	if err != nil {
		return nil, err
	}
	retired, err := d.Config.RetiredSecrets()
	if err != nil {
		return nil, err
	}
	keys, err := auth.DeriveKeyring(d.Secret, retired...)
	if err != nil {
		return nil, err
	}
	proxies, err := d.Config.ProxyNetworks()
	if err != nil {
		return nil, err
	}
	signIn, err := auth.New(d.Store, auth.Options{Keys: keys, Rejected: d.Throttle.Rejections()})
	if err != nil {
		return nil, err
	}
	restOptions := rest.Options{
		PublicURL: d.Config.PublicURL, Logger: d.Logger, MaxUploadBytes: d.Config.MaxUploadBytes,
		AsyncUploadBytes: d.Config.AsyncBytes, Throttle: d.Throttle, Named: obs.Name,
	}
	restOptions.Checks = []rest.Check{{Name: "workers", Func: d.Workers}, {Name: "cache", Func: d.Throttle.Ping(), Optional: true}}
	if d.Serving != nil {
		restOptions.Checks = append(restOptions.Checks, rest.Check{Name: "server", Func: d.Serving})
	}
	restAPI, err := rest.New(d.Store, signIn, restOptions)
	if err != nil {
		return nil, err
	}
	pages, err := web.New(web.Options{RenderError: rest.PageError(restOptions)})
	if err != nil {
		return nil, err
	}
	graphOptions, err := newGraphOptions(d)
	if err != nil {
		return nil, err
	}
	root := chi.NewRouter()
	pages.Routes(root)
	root.Handle("/graphql", signIn.Middleware(graph.Refuse(graphOptions))(graph.NewHandler(d.Store, graphOptions)))
	root.NotFound(restAPI.ServeHTTP)
	// From the outside in: what every answer carries, its name, its line in the
	// log, who may read it, how long its body may take, and last what it says.
	layers := chi.Chain(
		d.Telemetry.Requests, guard.Headers(strings.HasPrefix(d.Config.PublicURL, "https://")), auth.IdentifyBehind(proxies), obs.AccessLog(d.Logger, auth.RequestID),
		guard.CORS(origins), guard.Bodies(bodyPatience),
	)
	return layers.Handler(root), nil
}

// newGraphOptions reads the settings of GraphQL.
func newGraphOptions(d cli.Deps) (graph.Options, error) {
	limits, err := graph.ParseLimits(d.Config.GraphQLLimits)
	if err != nil {
		return graph.Options{}, fmt.Errorf("--graphql-limits: %w", err)
	}
	options := graph.Options{
		Limits: limits, NoIntrospection: !d.Config.Introspection, Logger: d.Logger, RequestID: auth.RequestID, Throttle: d.Throttle,
		Named: obs.Name, Failed: obs.Outcome,
	}
	if d.Config.TrustedDocs == "" {
		return options, nil
	}
	text, err := os.ReadFile(d.Config.TrustedDocs)
	if err != nil {
		return graph.Options{}, fmt.Errorf("--trusted-documents: %w", err)
	}
	options.Trusted, err = graph.ReadTrustedDocuments(text)
	if err != nil {
		return graph.Options{}, fmt.Errorf("--trusted-documents %s: %w", d.Config.TrustedDocs, err)
	}
	return options, nil
}
