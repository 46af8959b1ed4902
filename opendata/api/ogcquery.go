package api

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/paulmach/orb"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/opendata"
)

// The sizes of a page of features. More than the most is cut to it: the standard
// allows no error there.
const (
	ogcPage = 100
	ogcMost = 10_000
)

// OGCItemsInput is a question for features.
type OGCItemsInput struct {
	CollectionInput
	BBox     []float64 `query:"bbox" minItems:"4" maxItems:"6" doc:"West, south, east, north in degrees (WGS 84); with six numbers the third and the sixth are heights, which do not count. West may be larger than east, over the antimeridian" example:"[4.7,52.4,4.9,52.5]"`
	DateTime string    `query:"datetime" maxLength:"80" doc:"A moment, or two with / between them and .. for an open end, with time zone. Of areas: the latest year with data in it" example:"2025-01-01T00:00:00Z/.."`
	Limit    int       `query:"limit" minimum:"1" default:"100" doc:"Features per page; at most 10,000 are given" example:"100"`
	After    string    `query:"after" maxLength:"120" doc:"Id of the last feature of the page before; next links have it" example:"BU04791210"`
	Norm     string    `query:"norm" maxLength:"64" doc:"Id of a norm, for collections of areas; without it, the EU norm on the year mean" example:"eu2008-no2-y"`
	Year     int       `query:"year" minimum:"1990" maximum:"2200" doc:"Calendar year (UTC+1), for areas and hours; of areas without it, the latest whole year" example:"2025"`
	F        string    `query:"f" enum:"json,geojson" doc:"Form of the answer; both are GeoJSON" example:"geojson"`
}

// ogcQuery is a question that was understood.
type ogcQuery struct {
	boxes []orb.Bound
	// from and to bound the time asked for, both included; zero is open.
	from, to time.Time
	timed    bool
	norm     norm.Norm
	// year is 0 when every year is meant; none tells that no year can be meant.
	year int
	none bool
}

// of fills what was left out.
func (q ogcQuery) of(g *opendata.Graph, k ogcKind) ogcQuery {
	if !k.byNorm {
		return q
	}
	if q.year == 0 {
		q.year = g.Year
		if q.timed {
			q.year, q.none = 0, true
			for _, y := range g.Years {
				if from, to := calendarYear(y); q.during(from, to) {
					q.year, q.none = y, false
				}
			}
		}
	}
	if q.norm.ID == "" {
		q.norm, _ = g.DefaultNorm(q.year)
	}
	return q
}

// during reports whether [from, to) and the time asked for have a moment in common.
func (q ogcQuery) during(from, to time.Time) bool {
	return !q.timed || (q.to.IsZero() || !from.After(q.to)) && (q.from.IsZero() || to.After(q.from))
}

// meets reports whether a feature stands in one of the boxes; one without a place
// does not.
func (q ogcQuery) meets(f ogcFeature) bool {
	if len(q.boxes) == 0 {
		return true
	}
	for _, b := range q.boxes {
		if f.point != nil && b.Contains(*f.point) || len(f.shape) > 0 && geo.Meets(f.shape, b) {
			return true
		}
	}
	return false
}

// calendarYear is the year in UTC+1, as norms and means have it.
func calendarYear(y int) (from, to time.Time) {
	return norm.YearStart(y).Start(), norm.YearStart(y + 1).Start()
}

// ask checks a question against its collection.
func (in *OGCItemsInput) ask(g *opendata.Graph, k ogcKind) (ogcQuery, error) {
	var q ogcQuery
	var errs []InputError
	wrong := func(name, detail string) { errs = append(errs, InputError{"query", name, detail}) }
	var err error
	if q.boxes, err = boxes(in.BBox); err != nil {
		wrong("bbox", err.Error())
	}
	if in.DateTime != "" {
		q.timed = true
		if q.from, q.to, err = ogcTime(in.DateTime); err != nil {
			wrong("datetime", err.Error())
		}
	}
	if in.Norm != "" {
		var ok bool
		if q.norm, ok = g.Norm(norm.ID(in.Norm)); !ok {
			wrong("norm", "unknown norm: choose one of /v1/norms")
		}
		if !k.byNorm {
			wrong("norm", "features of this collection hold no verdict: leave it out")
		}
	}
	if q.year = in.Year; in.Year != 0 && !k.byYear {
		wrong("year", "features of this collection are of no year: leave it out, or ask with datetime")
	}
	return q.of(g, k), badInput(errs)
}

// values writes the question back, for the link to the page that begins behind the
// feature with the id.
func (in *OGCItemsInput) values(after string) url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	var box []string
	for _, x := range in.BBox {
		box = append(box, strconv.FormatFloat(x, 'f', -1, 64))
	}
	set("bbox", strings.Join(box, ","))
	set("datetime", in.DateTime)
	set("norm", in.Norm)
	set("f", in.F)
	set("after", after)
	if in.Limit != ogcPage {
		v.Set("limit", strconv.Itoa(in.Limit))
	}
	if in.Year != 0 {
		v.Set("year", strconv.Itoa(in.Year))
	}
	return v
}

// boxes reads a box, which is two when it goes over the antimeridian.
func boxes(n []float64) ([]orb.Bound, error) {
	switch len(n) {
	case 0:
		return nil, nil
	case 4:
	case 6:
		n = []float64{n[0], n[1], n[3], n[4]}
	default:
		return nil, fmt.Errorf("give 4 numbers (west, south, east, north) or 6 with heights, not %d", len(n))
	}
	for _, x := range n {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("%g is no number of degrees", x)
		}
	}
	west, south, east, north := n[0], n[1], n[2], n[3]
	if south > north {
		return nil, fmt.Errorf("the south (second number, %g) lies north of the north (%g)", south, north)
	}
	if west <= east {
		return []orb.Bound{{Min: orb.Point{west, south}, Max: orb.Point{east, north}}}, nil
	}
	return []orb.Bound{
		{Min: orb.Point{west, south}, Max: orb.Point{180, north}},
		{Min: orb.Point{-180, south}, Max: orb.Point{east, north}},
	}, nil
}

// ogcTime reads a moment or an interval, both ends included; an open end is zero.
func ogcTime(s string) (from, to time.Time, err error) {
	first, second, interval := strings.Cut(s, "/")
	if !interval {
		second = first
	}
	read := func(s string) (time.Time, error) {
		if interval && (s == "" || s == "..") {
			return time.Time{}, nil
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return t, fmt.Errorf("%q is no moment: write 2025-01-01T00:00:00Z, with / between two and .. for an open end", s)
		}
		return t.UTC(), nil
	}
	if from, err = read(first); err != nil {
		return from, to, err
	}
	if to, err = read(second); err != nil {
		return from, to, err
	}
	switch {
	case from.IsZero() && to.IsZero():
		err = fmt.Errorf("%q has no end at all: leave it out", s)
	case !from.IsZero() && !to.IsZero() && to.Before(from):
		err = fmt.Errorf("the second moment of %q lies before the first", s)
	}
	return from, to, err
}
