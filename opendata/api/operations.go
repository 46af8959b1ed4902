package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"

	"buurtmeter/opendata"
)

const geoJSON = "application/geo+json"

// routes adds everything under /v1: the documented operations through huma,
// files and catalogue as plain handlers that are documented by hand.
func (s *service) routes(app *fiber.App) {
	group := app.Group("/v1")
	a := humafiber.NewWithGroup(app, guarded{Router: group, before: s.before}, s.config())
	a.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) { next(oneStatus{ctx}) })
	s.areaRoutes(a)
	s.stationRoutes(a)
	s.historyRoutes(a)
	s.assessmentRoutes(a)
	s.tubeRoutes(a)
	s.verdictRoutes(a)
	s.datasetRoutes(a)
	s.fileRoutes(group, a)
	s.ogcRoutes(a)
	s.catalogueRoutes(group, a)
	s.openAPIRoute(group, a)
}

// before says what guards an operation: the routes that are a function of the
// snapshot answer 304 where they can.
func (s *service) before(path string) fiber.Handler {
	switch {
	case strings.HasSuffix(path, "/readings"):
		return s.live
	case path == "/areas" || path == "/areas/:code":
		return s.fresh(fiber.MIMEApplicationJSON, geoJSON)
	default:
		return s.fresh()
	}
}

// guarded is the router that huma adds its operations to. Get answers HEAD too.
type guarded struct {
	fiber.Router
	before func(path string) fiber.Handler
}

// Add adds a route with its guard.
func (r guarded) Add(method, path string, handlers ...fiber.Handler) fiber.Router {
	handlers = append([]fiber.Handler{r.before(path)}, handlers...)
	if method == http.MethodGet {
		return r.Get(path, handlers...)
	}
	return r.Router.Add(method, path, handlers...)
}

// config is huma's: OpenAPI with all that the design rules ask for, no routes
// and no hooks of its own.
func (s *service) config() huma.Config {
	c := huma.DefaultConfig("Buurtmeter", s.o.Version)
	c.CreateHooks = nil // no $schema in GeoJSON
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.Formats = map[string]huma.Format{fiber.MIMEApplicationJSON: huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}
	c.RejectUnknownQueryParameters = true
	c.Transformers = []huma.Transformer{plain}
	c.Info.Description = description
	c.Info.Contact = &huma.Contact{Name: s.o.Publisher.ContactName, Email: s.o.Publisher.ContactEmail, URL: s.o.Publisher.ContactURL}
	c.Info.License = &huma.License{Name: "CC0 1.0", URL: opendata.Licence}
	c.Servers = []*huma.Server{{URL: s.o.BaseURL + "/v1", Description: "This server"}}
	c.Tags = []*huma.Tag{
		{Name: "areas", Description: "Neighbourhoods (CBS buurten) and what their stations say about the norms"},
		{Name: "stations", Description: "Measuring points, their hours, their raw readings and what happened to them"},
		{Name: "verdicts", Description: "Norms, verdicts and the quality of the data"},
		{Name: "datasets", Description: "Datasets, files and the catalogue"},
		{Name: "ogc", Description: "The same as features for map programs: OGC API Features, Part 1"},
	}
	c.OnAddOperation = []huma.AddOpFunc{s.document}
	return c
}

const description = "Air quality measured by residents and by official stations, per neighbourhood. Open data, no registration.\n\n" +
	"Rules that hold everywhere: a missing value is null and never 0. Hours are UTC and named by their begin; years of norms run in UTC+1. " +
	"A norm is only compared over its own averaging period. The place of a station is its neighbourhood; its position is not public. " +
	"Simulated stations are marked.\n\n" +
	"Answers are whole or an error: every error is a problem document (RFC 9457) that says what to do. " +
	"Data is public and may be cached for a minute: this is why Cache-Control is not no-store. Ask again with If-None-Match.\n\n" +
	"Versions follow semver; the header API-Version tells which one answered. Before a field goes away, the new and the old version run side by side for at least six months.\n\n" +
	"Glossary (Dutch): station = meetpunt, area = buurt, norm = norm, verdict = oordeel, hour = uurwaarde, reading = meting, capture = gemeten minuten."

// document adds to an operation what every operation has: the version header on
// good answers and the problems that may come instead.
func (s *service) document(o *huma.OpenAPI, op *huma.Operation) {
	ref := o.Components.Schemas.Schema(reflect.TypeFor[ProblemDocument](), true, "ProblemDocument")
	add := func(status int, why string) {
		key := strconv.Itoa(status)
		if op.Responses[key] == nil {
			op.Responses[key] = &huma.Response{Description: why, Content: map[string]*huma.MediaType{problemType: {Schema: ref}}}
		}
	}
	delete(op.Responses, "default")
	if len(op.Parameters) > 0 {
		add(http.StatusBadRequest, "The question was not understood; all its faults are listed")
	}
	for _, p := range op.Parameters {
		if p.In == "path" {
			add(http.StatusNotFound, "There is no such thing")
			if strings.HasPrefix(op.Path, "/stations/") {
				add(http.StatusGone, "The station was deleted with all that was kept of it")
			}
			break
		}
	}
	if op.Path != "/openapi.json" {
		add(http.StatusServiceUnavailable, "The data is being prepared, or the answer took too long: try again")
		if op.OperationID != "getStationReadings" {
			op.Responses["304"] = &huma.Response{Description: "The copy that the client has is still good"}
		}
	}
	for status, r := range op.Responses {
		if status[0] != '2' && status[0] != '3' {
			continue
		}
		if r.Headers == nil {
			r.Headers = map[string]*huma.Param{}
		}
		r.Headers["API-Version"] = &huma.Param{Description: "Version of the API that answered", Schema: &huma.Schema{Type: "string", Examples: []any{s.o.Version}}}
		r.Headers["access-control-allow-origin"] = &huma.Param{Description: "Open to pages of every site", Schema: &huma.Schema{Type: "string", Examples: []any{"*"}}}
	}
}

// get registers a reading operation. What fn returns as an error becomes a
// problem; its cause is logged and not sent.
func get[I, O any](s *service, a huma.API, op huma.Operation, fn func(ctx context.Context, g *opendata.Graph, in *I) (*O, error)) {
	op.Method = http.MethodGet
	huma.Register(a, op, func(ctx context.Context, in *I) (*O, error) {
		r := callOf(ctx)
		if r.graph == nil {
			return nil, problemFor(errors.New("no snapshot in the request"))
		}
		out, err := fn(ctx, r.graph, in)
		if err != nil {
			p := problemFor(err)
			s.logFailure(ctx, p, op.Path)
			return nil, p
		}
		return out, nil
	})
}
