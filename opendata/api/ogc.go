package api

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/paulmach/orb"

	"buurtmeter/geo"
	"buurtmeter/opendata"
)

// OGC API Features, Part 1: Core 1.0.1 (OGC 17-069r4): the same areas, stations and
// year means for map programs such as QGIS and GDAL.

// ogcConforms returns the requirement classes that hold.
func ogcConforms() []string {
	return []string{
		"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
		"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
		"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
	}
}

const (
	crs84     = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
	gregorian = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
	openAPI30 = "application/vnd.oai.openapi+json;version=3.0"
)

type ogcLink struct {
	Href  string `json:"href" format:"uri" example:"https://buurtmeter.example.nl/v1/ogc/collections"`
	Rel   string `json:"rel" example:"data"`
	Type  string `json:"type" doc:"Media type of what is behind the link" example:"application/json"`
	Title string `json:"title" example:"The collections"`
}

type ogcLanding struct {
	Title       string    `json:"title" example:"Buurtmeter Zaanstad"`
	Description string    `json:"description"`
	Attribution string    `json:"attribution" doc:"What must stand beside a map"`
	Links       []ogcLink `json:"links" nullable:"false"`
}

type ogcConformance struct {
	ConformsTo []string `json:"conformsTo" nullable:"false" doc:"Requirement classes that hold"`
}

type ogcCollections struct {
	Links       []ogcLink       `json:"links" nullable:"false"`
	Collections []ogcCollection `json:"collections" nullable:"false"`
}

type ogcCollection struct {
	ID          string    `json:"id" example:"buurten"`
	Title       string    `json:"title" example:"Buurten"`
	Description string    `json:"description"`
	ItemType    string    `json:"itemType" enum:"feature"`
	Extent      ogcExtent `json:"extent"`
	CRS         []string  `json:"crs" nullable:"false"`
	Links       []ogcLink `json:"links" nullable:"false"`
}

type ogcExtent struct {
	Spatial  *ogcSpatial  `json:"spatial,omitempty" doc:"Absent when nothing has a place"`
	Temporal *ogcTemporal `json:"temporal,omitempty" doc:"Absent when nothing was measured"`
}

type ogcSpatial struct {
	BBox [][]float64 `json:"bbox" nullable:"false" doc:"West, south, east, north in degrees"`
	CRS  string      `json:"crs"`
}

type ogcTemporal struct {
	Interval [][]*time.Time `json:"interval" nullable:"false" doc:"First and last moment; null is open"`
	TRS      string         `json:"trs"`
}

// ogcKind is a collection of features.
type ogcKind struct {
	id, title, description string
	// byNorm tells that a feature holds a verdict, so that norm may be asked for;
	// byYear that a year may be.
	byNorm, byYear bool
	// features returns all of them in order of their ids.
	features func(g *opendata.Graph, q ogcQuery) []ogcFeature
}

func ogcKinds() []ogcKind {
	of := func(areas func(*opendata.Graph) []geo.Area) func(*opendata.Graph, ogcQuery) []ogcFeature {
		return func(g *opendata.Graph, q ogcQuery) []ogcFeature { return ogcAreas(g, areas(g), q) }
	}
	return []ogcKind{
		{
			id: "buurten", title: "Buurten (neighbourhoods)", byNorm: true, byYear: true,
			description: "The neighbourhoods with what their stations say about one norm in one year. The outcome is that of the stations, never of every place in the area.",
			features:    of(func(g *opendata.Graph) []geo.Area { return g.Areas }),
		},
		{
			id: "wijken", title: "Wijken (districts)", byNorm: true, byYear: true, description: "The districts, likewise.",
			features: of(func(g *opendata.Graph) []geo.Area { return g.Districts }),
		},
		{
			id: "gemeenten", title: "Gemeenten (municipalities)", byNorm: true, byYear: true, description: "The municipality, likewise.",
			features: of(func(g *opendata.Graph) []geo.Area {
				if g.Municipality.Code == "" {
					return nil
				}
				return []geo.Area{g.Municipality}
			}),
		},
		{
			id: "stations", title: "Meetpunten (stations)", features: ogcStations,
			description: "The stations at the public centre point of their neighbourhood: their own position is not public. A station without a known neighbourhood has no geometry.",
		},
		{
			id: "hours", title: "Jaarcijfers van uren (summary of hours)", byYear: true, features: ogcYearStats,
			description: "Per station, substance and year: the mean of the hours and how many were measured, at the public centre point of the neighbourhood. Periods of diffusion tubes are weighted by their length.",
		},
	}
}

// ogcKindOf finds the collection.
func ogcKindOf(id string) (ogcKind, error) {
	kinds := ogcKinds()
	i := slices.IndexFunc(kinds, func(k ogcKind) bool { return k.id == id })
	if i < 0 {
		return ogcKind{}, notFound("There is no collection with this name. Look in /v1/ogc/collections.")
	}
	return kinds[i], nil
}

// CollectionInput is the name of a collection in a path.
type CollectionInput struct {
	Collection string `path:"collection" maxLength:"40" doc:"Name of the collection" example:"buurten"`
}

func (s *service) ogcURL(path string, query url.Values) string {
	u := s.o.BaseURL + "/v1/ogc" + path
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	return u
}

func (s *service) ogcRoutes(a huma.API) {
	get(s, a, huma.Operation{
		OperationID: "getOgcLanding", Path: "/ogc", Tags: []string{"ogc"}, Summary: "OGC API Features",
		Description: "Where map programs begin (QGIS, GDAL): OGC API Features, Part 1.",
	}, func(_ context.Context, g *opendata.Graph, _ *struct{}) (*body[ogcLanding], error) {
		return &body[ogcLanding]{ogcLanding{
			Title:       "Buurtmeter " + g.Municipality.Name,
			Description: "Air quality measured by residents and by official stations, per neighbourhood. " + simulatedNote(g),
			Attribution: g.Municipality.Source,
			Links: []ogcLink{
				{s.ogcURL("", nil), "self", fiber.MIMEApplicationJSON, "This page"},
				{s.o.BaseURL + "/v1/openapi.json", "service-desc", openAPI30, "The description of the API"},
				{s.ogcURL("/conformance", nil), "conformance", fiber.MIMEApplicationJSON, "What it conforms to"},
				{s.ogcURL("/collections", nil), "data", fiber.MIMEApplicationJSON, "The collections"},
				{opendata.Licence, "license", fiber.MIMETextHTML, "CC0 1.0"},
			},
		}}, nil
	})
	get(s, a, huma.Operation{
		OperationID: "getOgcConformance", Path: "/ogc/conformance", Tags: []string{"ogc"}, Summary: "What OGC API Features conforms to",
		Description: "The requirement classes of OGC API Features that hold.",
	}, func(context.Context, *opendata.Graph, *struct{}) (*body[ogcConformance], error) {
		return &body[ogcConformance]{ogcConformance{ogcConforms()}}, nil
	})
	get(s, a, huma.Operation{
		OperationID: "listOgcCollections", Path: "/ogc/collections", Tags: []string{"ogc"}, Summary: "All collections",
		Description: "The collections of features: buurten, wijken, gemeenten, stations and hours.",
	}, func(_ context.Context, g *opendata.Graph, _ *struct{}) (*body[ogcCollections], error) {
		out := ogcCollections{Links: []ogcLink{{s.ogcURL("/collections", nil), "self", fiber.MIMEApplicationJSON, "The collections"}}}
		for _, k := range ogcKinds() {
			out.Collections = append(out.Collections, s.ogcCollectionOf(g, k))
		}
		return &body[ogcCollections]{out}, nil
	})
	get(s, a, huma.Operation{
		OperationID: "getOgcCollection", Path: "/ogc/collections/{collection}", Tags: []string{"ogc"}, Summary: "One collection",
		Description: "What is in one collection, where and of when.",
	}, func(_ context.Context, g *opendata.Graph, in *CollectionInput) (*body[ogcCollection], error) {
		k, err := ogcKindOf(in.Collection)
		if err != nil {
			return nil, err
		}
		return &body[ogcCollection]{s.ogcCollectionOf(g, k)}, nil
	})
	s.ogcItemRoutes(a)
}

// simulatedNote says it when not all that is given was measured.
func simulatedNote(g *opendata.Graph) string {
	if g.Simulated {
		return "Simulated stations are among them; they are marked."
	}
	return ""
}

func (s *service) ogcCollectionOf(g *opendata.Graph, k ogcKind) ogcCollection {
	at := "/collections/" + k.id
	out := ogcCollection{
		ID: k.id, Title: k.title, Description: k.description, ItemType: "feature", CRS: []string{crs84},
		Links: []ogcLink{
			{s.ogcURL(at, nil), "self", fiber.MIMEApplicationJSON, k.title},
			{s.ogcURL(at+"/items", nil), "items", geoJSON, "The features"},
			{s.ogcURL("/collections", nil), "parent", fiber.MIMEApplicationJSON, "The collections"},
			{opendata.Licence, "license", fiber.MIMETextHTML, "CC0 1.0"},
		},
	}
	box, any := orb.Bound{}, false
	for _, f := range k.features(g, ogcQuery{}.of(g, k)) {
		b, ok := f.bound()
		if !ok {
			continue
		}
		if any {
			b = box.Union(b)
		}
		box, any = b, true
	}
	if any {
		out.Extent.Spatial = &ogcSpatial{[][]float64{{box.Min[0], box.Min[1], box.Max[0], box.Max[1]}}, crs84}
	}
	if !g.Span.From.IsZero() {
		from, to := g.Span.From.UTC(), g.Span.To.UTC()
		out.Extent.Temporal = &ogcTemporal{[][]*time.Time{{&from, &to}}, gregorian}
	}
	return out
}
