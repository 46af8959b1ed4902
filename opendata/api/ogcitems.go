package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/paulmach/orb"

	"buurtmeter/geo"
	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
	"buurtmeter/opendata/export"
)

// ogcFeature is a feature before it is written. It has a shape, a point, or no
// place.
type ogcFeature struct {
	id    string
	shape orb.MultiPolygon
	point *orb.Point
	// properties makes its properties.
	properties func() any
}

func (f ogcFeature) bound() (orb.Bound, bool) {
	if f.point != nil {
		return f.point.Bound(), true
	}
	return f.shape.Bound(), len(f.shape) > 0
}

func (f ogcFeature) geometry() *export.Geometry {
	if f.point != nil {
		return export.Point(*f.point)
	}
	return export.MultiPolygon(f.shape)
}

type ogcItem struct {
	export.Feature[any]
	Links []ogcLink `json:"links,omitempty"`
}

type ogcItems struct {
	Type           string    `json:"type" enum:"FeatureCollection"`
	TimeStamp      time.Time `json:"timeStamp" doc:"When the data was put together"`
	NumberMatched  int       `json:"numberMatched" doc:"Features that were asked for, on all pages"`
	NumberReturned int       `json:"numberReturned" doc:"Features on this page"`
	Features       []ogcItem `json:"features" nullable:"false"`
	Links          []ogcLink `json:"links" nullable:"false"`
}

// ogcAnswer is an answer in GeoJSON.
type ogcAnswer[T any] struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Body        T
}

func (s *service) ogcItemRoutes(a huma.API) {
	get(s, a, huma.Operation{
		OperationID: "listOgcItems", Path: "/ogc/collections/{collection}/items", Tags: []string{"ogc"}, Summary: "Features of one collection",
		Description: "The features of one collection in order of their ids, page by page: follow the link next until there is none.",
		Responses:   geoJSONOnly[ogcItems](a),
	}, func(_ context.Context, g *opendata.Graph, in *OGCItemsInput) (*ogcAnswer[ogcItems], error) {
		k, err := ogcKindOf(in.Collection)
		if err != nil {
			return nil, err
		}
		q, err := in.ask(g, k)
		if err != nil {
			return nil, err
		}
		return &ogcAnswer[ogcItems]{geoJSON, s.ogcPageOf(g, k, q, in)}, nil
	})

	type one struct {
		CollectionInput
		Feature string `path:"feature" maxLength:"120" doc:"Id of the feature" example:"BU04791210"`
		Norm    string `query:"norm" maxLength:"64" doc:"As for the collection" example:"eu2008-no2-y"`
		Year    int    `query:"year" minimum:"1990" maximum:"2200" doc:"As for the collection" example:"2025"`
		F       string `query:"f" enum:"json,geojson" doc:"Form of the answer; both are GeoJSON" example:"geojson"`
	}
	get(s, a, huma.Operation{
		OperationID: "getOgcItem", Path: "/ogc/collections/{collection}/items/{feature}", Tags: []string{"ogc"}, Summary: "One feature",
		Description: "One feature of a collection.",
		Responses:   geoJSONOnly[ogcItem](a),
	}, func(_ context.Context, g *opendata.Graph, in *one) (*ogcAnswer[ogcItem], error) {
		k, err := ogcKindOf(in.Collection)
		if err != nil {
			return nil, err
		}
		question := OGCItemsInput{CollectionInput: in.CollectionInput, Norm: in.Norm, Year: in.Year, F: in.F, Limit: ogcPage}
		q, err := question.ask(g, k)
		if err != nil {
			return nil, err
		}
		for _, f := range k.features(g, q) {
			if f.id != in.Feature {
				continue
			}
			item := itemOf(f)
			at := "/collections/" + k.id
			item.Links = []ogcLink{
				{s.ogcURL(at+"/items/"+f.id, question.values("")), "self", geoJSON, "This feature"},
				{s.ogcURL(at, nil), "collection", fiber.MIMEApplicationJSON, k.title},
			}
			return &ogcAnswer[ogcItem]{geoJSON, item}, nil
		}
		return nil, notFound("There is no feature with this id. Look in /v1/ogc/collections/" + k.id + "/items.")
	})
}

func itemOf(f ogcFeature) ogcItem {
	return ogcItem{Feature: export.Feature[any]{Type: "Feature", ID: f.id, Geometry: f.geometry(), Properties: f.properties()}}
}

// geoJSONOnly documents an answer that is GeoJSON.
func geoJSONOnly[T any](a huma.API) map[string]*huma.Response {
	all := forms[T, T](a)
	delete(all["200"].Content, fiber.MIMEApplicationJSON)
	return all
}

// ogcPageOf makes one page. Where it begins is the id of the feature before it, so
// that features that come or go in between shift nothing.
func (s *service) ogcPageOf(g *opendata.Graph, k ogcKind, q ogcQuery, in *OGCItemsInput) ogcItems {
	out := ogcItems{Type: "FeatureCollection", TimeStamp: g.Built.UTC(), Features: []ogcItem{}}
	limit, more, last := min(in.Limit, ogcMost), false, ""
	for _, f := range k.features(g, q) {
		if !q.meets(f) {
			continue
		}
		out.NumberMatched++
		switch {
		case in.After != "" && f.id <= in.After:
		case len(out.Features) < limit:
			out.Features = append(out.Features, itemOf(f))
			last = f.id
		default:
			more = true
		}
	}
	out.NumberReturned = len(out.Features)
	at := "/collections/" + k.id
	out.Links = []ogcLink{
		{s.ogcURL(at+"/items", in.values(in.After)), "self", geoJSON, "This page"},
		{s.ogcURL(at, nil), "collection", fiber.MIMEApplicationJSON, k.title},
	}
	if more {
		out.Links = append(out.Links, ogcLink{s.ogcURL(at+"/items", in.values(last)), "next", geoJSON, "The next page"})
	}
	return out
}

// ogcArea is an area with a verdict, without lists and layers: map programs show
// properties as the columns of a table.
type ogcArea struct {
	Code      string   `json:"code"`
	Name      string   `json:"name"`
	Level     string   `json:"level"`
	Parent    *string  `json:"parent"`
	Vintage   *int     `json:"vintage"`
	Schematic bool     `json:"schematic"`
	Norm      string   `json:"norm"`
	Property  string   `json:"property"`
	Unit      string   `json:"unit"`
	Limit     *float64 `json:"limit"`
	Year      int      `json:"year"`
	Outcome   string   `json:"outcome"`
	Reason    *string  `json:"reason"`
	InForce   bool     `json:"inForce"`
	Simulated bool     `json:"simulated"`
	Stations  int      `json:"stations"`
	Reference int      `json:"referenceStations"`
	Sensors   int      `json:"sensorStations"`
	Coverage  float64  `json:"coverage"`
	Mean      *float64 `json:"mean"`
	MeanLow   *float64 `json:"meanLow"`
	MeanHigh  *float64 `json:"meanHigh"`
	FewPoints bool     `json:"fewPoints"`
	Above     *int     `json:"aboveNorm"`
	Of        *int     `json:"aboveNormOf"`
	Highest   *float64 `json:"highest"`
	High      *float64 `json:"highestHigh"`
	Low       *float64 `json:"highestLow"`
	At        *string  `json:"highestStation"`
	Method    *string  `json:"methodVersion"`
	Source    string   `json:"source"`

	// Key figures of CBS, of the year of the boundaries.
	Inhabitants *int `json:"inhabitants"`
	Households  *int `json:"households"`
	Density     *int `json:"inhabitantsPerKm2"`
}

func ogcAreas(g *opendata.Graph, areas []geo.Area, q ogcQuery) []ogcFeature {
	out := make([]ogcFeature, 0, len(areas))
	if from, to := calendarYear(q.year); q.none || !q.during(from, to) {
		return out
	}
	for _, a := range areas {
		out = append(out, ogcFeature{id: string(a.Code), shape: a.Geometry, properties: func() any { return ogcAreaOf(g, a, q) }})
	}
	slices.SortFunc(out, func(a, b ogcFeature) int { return cmp.Compare(a.id, b.id) })
	return out
}

func ogcAreaOf(g *opendata.Graph, a geo.Area, q ogcQuery) ogcArea {
	v := export.VerdictOf(a, g.Verdict(a.Code, q.norm.ID, q.year))
	n := export.NormOf(q.norm)
	out := ogcArea{
		Code: string(a.Code), Name: a.Name, Level: string(a.Level), Schematic: a.Schematic, Norm: n.ID, Property: n.Property, Unit: n.Unit,
		Limit: n.Value, Year: q.year, Outcome: v.Outcome, Reason: v.Reason, InForce: q.norm.InForce(q.year), Simulated: v.Simulated,
		Stations: v.Stations, Reference: v.Reference, Sensors: v.Sensors, Coverage: v.Coverage, FewPoints: v.FewPoints, Source: a.Source,
		Inhabitants: a.Figures.Inhabitants, Households: a.Figures.Households, Density: a.Figures.Density,
	}
	if a.Parent != "" {
		p := string(a.Parent)
		out.Parent = &p
	}
	if a.Year != 0 {
		out.Vintage = &a.Year
	}
	if v.Mean != nil {
		out.Mean, out.MeanLow, out.MeanHigh = &v.Mean.Value, &v.Mean.Low, &v.Mean.High
	}
	if v.Above != nil {
		out.Above, out.Of = &v.Above.Stations, &v.Above.Of
	}
	if len(v.Points) > 0 {
		p := v.Points[0]
		out.Method = &p.MethodVersion
		if p.Value != nil {
			out.Highest, out.Low, out.High, out.At = &p.Value.Value, &p.Value.Low, &p.Value.High, &p.Station
		}
	}
	return out
}

// ogcStation is a station. Its place is that of its neighbourhood.
type ogcStation struct {
	ID         string     `json:"id"`
	Title      string     `json:"title"`
	Kind       string     `json:"kind"`
	Model      string     `json:"model"`
	Maker      string     `json:"maker"`
	Simulated  bool       `json:"simulated"`
	Paused     bool       `json:"paused"`
	Since      time.Time  `json:"since"`
	Latest     *time.Time `json:"latest"`
	Area       *string    `json:"area"`
	AreaName   *string    `json:"areaName"`
	Properties []string   `json:"properties"`
	Place      string     `json:"place"`
}

// The ways in which a feature of a station has a place.
const (
	placeOfArea = "centre of the neighbourhood"
	placeNone   = "not known"
)

// stationPlace is the public place of a station: the centre of its neighbourhood.
func stationPlace(g *opendata.Graph, st opendata.Station) (point *orb.Point, area *geo.Area) {
	a, ok := g.Area(st.Area)
	if !ok {
		return nil, nil
	}
	return &a.Center, &a
}

func ogcStations(g *opendata.Graph, q ogcQuery) []ogcFeature {
	out := make([]ogcFeature, 0, len(g.Stations))
	for _, st := range g.Stations {
		end := g.Built // it may report any moment
		if st.Paused {
			end = st.Latest.Add(time.Hour)
		}
		if !q.during(st.Since, end) {
			continue
		}
		point, area := stationPlace(g, st)
		out = append(out, ogcFeature{id: string(st.ID), point: point, properties: func() any {
			pub := export.StationOf(st)
			f := ogcStation{
				ID: pub.ID, Title: pub.Title, Kind: pub.Kind, Model: pub.Model, Maker: pub.Maker, Simulated: pub.Simulated, Paused: pub.Paused,
				Since: pub.Since, Latest: pub.Latest, Area: pub.Area, Properties: pub.Properties, Place: placeNone,
			}
			if area != nil {
				f.AreaName, f.Place = &area.Name, placeOfArea
			}
			return f
		}})
	}
	return out
}

// ogcYear is what the hours of one station and year come to.
type ogcYear struct {
	Station   string    `json:"station"`
	Kind      string    `json:"kind"`
	Simulated bool      `json:"simulated"`
	Area      *string   `json:"area"`
	Property  string    `json:"property"`
	Unit      string    `json:"unit"`
	Year      int       `json:"year"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Mean      *float64  `json:"mean"`
	Valid     int       `json:"validHours"`
	Expected  int       `json:"expectedHours"`
	Coverage  float64   `json:"coverage"`
	Campaign  *string   `json:"campaign"`
	Place     string    `json:"place"`
}

func ogcYearStats(g *opendata.Graph, q ogcQuery) []ogcFeature {
	out := make([]ogcFeature, 0, len(g.YearStats))
	for _, y := range g.YearStats {
		from, to := calendarYear(y.Year)
		if q.year != 0 && q.year != y.Year || !q.during(from, to) {
			continue
		}
		st, ok := g.Station(y.Station)
		if !ok {
			continue
		}
		point, _ := stationPlace(g, st)
		id := fmt.Sprintf("%s.%s.%d", y.Station, y.Property, y.Year)
		out = append(out, ogcFeature{id: id, point: point, properties: func() any { return ogcYearOf(g, st, y, from, to) }})
	}
	slices.SortFunc(out, func(a, b ogcFeature) int { return cmp.Compare(a.id, b.id) })
	return out
}

func ogcYearOf(g *opendata.Graph, st opendata.Station, y opendata.YearStat, from, to time.Time) ogcYear {
	raw := y.Property
	if q, ok := calibration.RawOf(string(y.Property)); ok {
		raw = q
	}
	info, _ := reading.InfoOf(raw) // an unknown property has no unit
	out := ogcYear{
		Station: string(st.ID), Kind: string(st.Kind), Simulated: st.Simulated, Property: string(y.Property), Unit: info.Unit, Year: y.Year,
		From: from, To: to, Valid: y.Valid, Expected: y.Expected, Place: placeNone,
	}
	if y.Expected > 0 {
		out.Coverage = float64(y.Valid) / float64(y.Expected)
	}
	if y.Valid > 0 {
		out.Mean = &y.Mean
	}
	if y.Tube != nil {
		out.Campaign, out.Coverage = &y.Tube.Campaign, y.Tube.Coverage
	}
	if a, ok := g.Area(st.Area); ok {
		code := string(a.Code)
		out.Area, out.Place = &code, placeOfArea
	}
	return out
}
