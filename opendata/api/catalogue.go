package api

import (
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"buurtmeter/geo/norm"
	"buurtmeter/opendata"
	"buurtmeter/opendata/dcat"
)

// catalogueCache keeps the three syntaxes of the newest snapshot: they are
// asked for far more often than they change.
type catalogueCache struct {
	mu      sync.Mutex
	graph   *opendata.Graph
	encoded map[dcat.Format][]byte
}

// encode returns the catalogue of g in the syntax.
func (k *catalogueCache) encode(g *opendata.Graph, p opendata.Publisher, f dcat.Format) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.graph != g {
		c, err := dcat.Catalog(g, p)
		if err != nil {
			return nil, err
		}
		encoded := map[dcat.Format][]byte{}
		for _, f := range dcat.Formats() {
			if encoded[f], err = c.Encode(f); err != nil {
				return nil, err
			}
		}
		k.graph, k.encoded = g, encoded
	}
	return k.encoded[f], nil
}

func (s *service) catalogueRoutes(r fiber.Router, a huma.API) {
	r.Get("/dcat/catalog", s.negotiated)
	content := map[string]*huma.MediaType{}
	for _, f := range dcat.Formats() {
		r.Get("/dcat/catalog."+string(f), func(c *fiber.Ctx) error { return s.sendCatalogue(c, f) })
		media := map[string]*huma.MediaType{f.MediaType(): {Schema: &huma.Schema{Type: "string", Description: "The catalogue as DCAT-AP-NL 3.0"}}}
		content[f.MediaType()] = media[f.MediaType()]
		a.OpenAPI().AddOperation(&huma.Operation{
			OperationID: "getCatalog" + strings.ToUpper(string(f)[:1]) + string(f)[1:], Method: http.MethodGet, Path: "/dcat/catalog." + string(f), Tags: []string{"datasets"},
			Summary: "The catalogue as " + f.MediaType(), Description: "The whole catalogue for harvesters, DCAT-AP-NL 3.0, in this one syntax.",
			Responses: map[string]*huma.Response{"200": {Description: "OK", Content: media}},
		})
	}
	a.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "getCatalog", Method: http.MethodGet, Path: "/dcat/catalog", Tags: []string{"datasets"}, Summary: "The catalogue",
		Description: "The whole catalogue for harvesters, DCAT-AP-NL 3.0, in the syntax that the Accept header asks for: Turtle (the default), RDF/XML or JSON-LD.",
		Responses:   map[string]*huma.Response{"200": {Description: "OK", Content: content}, "406": s.problemResponse(a, "None of the syntaxes is accepted")},
	})
}

// negotiated answers in the syntax that the client likes best. Asking for
// something that is not there is a 406 with the list, so that nobody parses
// Turtle as something else.
func (s *service) negotiated(c *fiber.Ctx) error {
	c.Vary(fiber.HeaderAccept)
	var offers []string
	for _, f := range dcat.Formats() {
		offers = append(offers, f.MediaType())
	}
	best := c.Accepts(offers...)
	for _, f := range dcat.Formats() {
		if f.MediaType() == best {
			return s.sendCatalogue(c, f)
		}
	}
	return problem(http.StatusNotAcceptable, "Not acceptable", "The catalogue comes as "+strings.Join(offers, ", ")+
		". Ask for one of these in Accept, or use the addresses that end in .ttl, .rdf and .jsonld.")
}

func (s *service) sendCatalogue(c *fiber.Ctx, f dcat.Format) error {
	g, err := s.o.Source.Graph(c.UserContext())
	if err != nil {
		return err
	}
	b, err := s.catalogue.encode(g, s.o.Publisher, f)
	if err != nil {
		return err
	}
	if s.validate(c, g, f.MediaType()) {
		return nil
	}
	media := f.MediaType()
	if f != dcat.JSONLD { // JSON is UTF-8 by definition
		media += "; charset=utf-8"
	}
	c.Set(fiber.HeaderContentType, media)
	return c.Send(b)
}

// resolve adds the lasting names under /id: each leads on with a 303 to what
// describes the thing, as a page for people and as data for programs.
func (s *service) resolve(app *fiber.App) {
	v1 := s.o.BaseURL + "/v1"
	app.Get("/id/catalog", s.seeOther("catalog", func(*opendata.Graph, string) string { return v1 + "/dcat/catalog" }))
	app.Get("/id/contact", s.seeOther("contact", func(*opendata.Graph, string) string { return s.o.Publisher.ContactURL }))
	app.Get("/id/service/api", s.seeOther("service", func(*opendata.Graph, string) string { return v1 + "/openapi.json" }))
	app.Get("/id/dataset/:id", s.seeOther("dataset", func(g *opendata.Graph, id string) string {
		if _, ok := opendata.FindDataset(g, s.o.Publisher, id); !ok {
			return ""
		}
		return v1 + "/datasets/" + id
	}))
	app.Get("/id/distribution/:id", s.seeOther("distribution", func(g *opendata.Graph, id string) string {
		for _, d := range opendata.Datasets(g, s.o.Publisher) {
			for _, f := range d.Distributions {
				if f.ID == id {
					return f.URL
				}
			}
		}
		return ""
	}))
	app.Get("/id/area/:id", s.seeOther("area", func(g *opendata.Graph, id string) string {
		if _, err := findArea(g, id); err != nil {
			return ""
		}
		return v1 + "/areas/" + id
	}))
	app.Get("/id/station/:id", s.seeOther("station", func(g *opendata.Graph, id string) string {
		if _, err := findStation(g, id); err != nil {
			return ""
		}
		return v1 + "/stations/" + id
	}))
	app.Get("/id/norm/:id", s.seeOther("norm", func(_ *opendata.Graph, id string) string {
		if _, ok := norm.ByID(norm.ID(id)); ok {
			return v1 + "/norms/" + url.PathEscape(id)
		}
		return ""
	}))
}

// seeOther leads on from a name. data gives the address of the data, "" when
// there is no such thing.
func (s *service) seeOther(kind string, data func(g *opendata.Graph, id string) string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		g, err := s.o.Source.Graph(c.UserContext())
		if err != nil {
			return err
		}
		id := c.Params("id")
		to := data(g, id)
		if to == "" {
			return notFound("There is nothing with this name. The catalogue at /v1/dcat/catalog names everything that is published.")
		}
		c.Vary(fiber.HeaderAccept)
		offers := []string{fiber.MIMEApplicationJSON}
		page := s.o.Page(kind, id)
		if page != "" {
			offers = []string{fiber.MIMETextHTML, fiber.MIMEApplicationJSON}
		}
		for _, f := range dcat.Formats() {
			offers = append(offers, f.MediaType())
		}
		switch best := c.Accepts(offers...); best {
		case fiber.MIMETextHTML:
			to = s.o.BaseURL + page
		case fiber.MIMEApplicationJSON, "":
		default:
			if kind != "distribution" && kind != "contact" && kind != "service" {
				to = s.o.BaseURL + "/v1/dcat/catalog"
			}
		}
		c.Set(fiber.HeaderCacheControl, cacheFor)
		return c.Redirect(to, http.StatusSeeOther)
	}
}
