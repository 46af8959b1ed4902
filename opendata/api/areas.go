package api

import (
	"context"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/opendata"
	"buurtmeter/opendata/export"
)

// areaList is the answer of /areas.
type areaList struct {
	Municipality export.Area   `json:"municipality"`
	Schematic    bool          `json:"schematic" doc:"The boundaries are drawings"`
	Districts    []export.Area `json:"districts" nullable:"false" doc:"The wijken; empty when their boundaries were not imported"`
	Areas        []export.Area `json:"areas" nullable:"false"`
}

// areaCollection is the answer of /areas as GeoJSON.
type areaCollection struct {
	Type     string                        `json:"type" enum:"FeatureCollection"`
	Features []export.Feature[export.Area] `json:"features" nullable:"false"`
}

// verdictList is a list of verdicts.
type verdictList struct {
	Verdicts []export.Verdict `json:"verdicts" nullable:"false"`
}

// either is an answer that comes as JSON or as GeoJSON.
type either struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Body        any
}

// FormInput is the choice of form in a question. It is exported for huma, which
// reads exported fields only.
type FormInput struct {
	F string `query:"f" enum:"json,geojson" doc:"Form of the answer; wins from the Accept header" example:"geojson"`
}

// CodeInput is the code of an area in a path.
type CodeInput struct {
	Code string `path:"code" maxLength:"20" doc:"CBS code of the neighbourhood, of a wijk or of the municipality" example:"BU04791210"`
}

// forms documents an answer in two forms.
func forms[JSON, Geo any](a huma.API) map[string]*huma.Response {
	r := a.OpenAPI().Components.Schemas
	return map[string]*huma.Response{"200": {
		Description: "OK",
		Content: map[string]*huma.MediaType{
			fiber.MIMEApplicationJSON: {Schema: r.Schema(reflect.TypeFor[JSON](), true, "")},
			geoJSON:                   {Schema: r.Schema(reflect.TypeFor[Geo](), true, "")},
		},
	}}
}

func answer(ctx context.Context, json, geo func() any) *either {
	if callOf(ctx).form == geoJSON {
		return &either{ContentType: geoJSON, Body: geo()}
	}
	return &either{ContentType: fiber.MIMEApplicationJSON, Body: json()}
}

func areaFeature(g *opendata.Graph, a geo.Area) export.Feature[export.Area] {
	return export.Feature[export.Area]{Type: "Feature", ID: string(a.Code), Geometry: export.MultiPolygon(a.Geometry), Properties: export.AreaOf(g, a)}
}

func findArea(g *opendata.Graph, code string) (geo.Area, error) {
	a, ok := g.AnyArea(geo.Code(code))
	if !ok {
		return geo.Area{}, notFound("There is no area with this code. Look in /v1/areas.")
	}
	return a, nil
}

func (s *service) areaRoutes(a huma.API) {
	get(s, a, huma.Operation{
		OperationID: "listAreas", Path: "/areas", Tags: []string{"areas"}, Summary: "All neighbourhoods",
		Description: "All neighbourhoods of the municipality in code order, as JSON without or as GeoJSON with their shapes. The JSON has the wijken too.",
		Responses:   forms[areaList, areaCollection](a),
	}, func(ctx context.Context, g *opendata.Graph, _ *FormInput) (*either, error) {
		return answer(ctx, func() any {
			l := areaList{Municipality: export.AreaOf(g, g.Municipality), Schematic: g.Schematic, Districts: []export.Area{}, Areas: []export.Area{}}
			for _, ar := range g.Districts {
				l.Districts = append(l.Districts, export.AreaOf(g, ar))
			}
			for _, ar := range g.Areas {
				l.Areas = append(l.Areas, export.AreaOf(g, ar))
			}
			return l
		}, func() any {
			c := areaCollection{Type: "FeatureCollection", Features: []export.Feature[export.Area]{}}
			for _, ar := range g.Areas {
				c.Features = append(c.Features, areaFeature(g, ar))
			}
			return c
		}), nil
	})

	type one struct {
		CodeInput
		FormInput
	}
	get(s, a, huma.Operation{
		OperationID: "getArea", Path: "/areas/{code}", Tags: []string{"areas"}, Summary: "One area",
		Description: "One neighbourhood, wijk or the municipality, as JSON without or as a GeoJSON feature with its shape.",
		Responses:   forms[export.Area, export.Feature[export.Area]](a),
	}, func(ctx context.Context, g *opendata.Graph, in *one) (*either, error) {
		ar, err := findArea(g, in.Code)
		if err != nil {
			return nil, err
		}
		return answer(ctx, func() any { return export.AreaOf(g, ar) }, func() any { return areaFeature(g, ar) }), nil
	})

	type verdictsOf struct {
		CodeInput
		Norm string `query:"norm" maxLength:"64" doc:"Id of a norm" example:"eu2008-no2-y"`
		Year int    `query:"year" minimum:"1990" maximum:"2200" doc:"Calendar year (UTC+1)" example:"2025"`
	}
	get(s, a, huma.Operation{
		OperationID: "listAreaVerdicts", Path: "/areas/{code}/verdicts", Tags: []string{"areas"}, Summary: "Verdicts of one area",
		Description: "What the stations of the neighbourhood say about every norm and year, with value, interval, coverage and the verdict per station. " +
			"The code of a wijk or of the municipality gives the stations in all of it. The outcome is that of the stations, never of the area.",
	}, func(ctx context.Context, g *opendata.Graph, in *verdictsOf) (*body[verdictList], error) {
		if _, err := findArea(g, in.Code); err != nil {
			return nil, err
		}
		return listVerdicts(ctx, g, export.Filter{Area: geo.Code(in.Code), Norm: norm.ID(in.Norm), Year: in.Year})
	})
}

// body is an answer in JSON.
type body[T any] struct{ Body T }

// listVerdicts checks that what is asked for exists, so that a misspelt norm is
// not answered with an empty list.
func listVerdicts(ctx context.Context, g *opendata.Graph, f export.Filter) (*body[verdictList], error) {
	var errs []InputError
	if _, ok := g.Norm(f.Norm); f.Norm != "" && !ok {
		errs = append(errs, InputError{"query", "norm", "unknown norm: choose one of /v1/norms"})
	}
	if _, ok := g.AnyArea(f.Area); f.Area != "" && !ok {
		errs = append(errs, InputError{"query", "area", "unknown area: choose one of /v1/areas"})
	}
	if err := badInput(errs); err != nil {
		return nil, err
	}
	vs, err := export.SelectVerdicts(ctx, g, f)
	if err != nil {
		return nil, err
	}
	return &body[verdictList]{verdictList{vs}}, nil
}
