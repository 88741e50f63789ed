package cli

import "fmt"

type openAPICommand struct {
	Version string `default:"3.1" enum:"3.1,3.0" help:"Version of the OpenAPI format: 3.1 or 3.0."`
}

// Run prints the OpenAPI document as JSON.
func (c openAPICommand) Run(a *app) error {
	document, err := a.edges.OpenAPI(c.Version)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Out, "%s\n", document)
	return err
}

type schemaCommand struct{}

// Run prints the GraphQL schema.
func (schemaCommand) Run(a *app) error {
	if a.JSON {
		return a.print(map[string]string{"sdl": a.edges.SDL()}, nil)
	}
	_, err := fmt.Fprint(a.Out, a.edges.SDL())
	return err
}
