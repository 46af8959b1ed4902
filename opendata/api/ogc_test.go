package api_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/opendata/export"
	"buurtmeter/opendata/opendatatest"
)

type ogcLinks []struct{ Href, Rel, Type string }

func (l ogcLinks) of(rel string) string {
	for _, x := range l {
		if x.Rel == rel {
			return strings.TrimPrefix(x.Href, "https://lucht.example.nl")
		}
	}
	return ""
}

// read asks and decodes a good answer.
func read[T any](t *testing.T, app *fiber.App, path string) T {
	t.Helper()
	res, body := ask(t, app, "GET", path)
	require.Equal(t, 200, res.StatusCode, body)
	var v T
	require.NoError(t, json.Unmarshal([]byte(body), &v))
	return v
}

type ogcPageRead struct {
	Type                          string
	NumberMatched, NumberReturned int
	Features                      []export.Feature[map[string]any]
	Links                         ogcLinks
}

func (p ogcPageRead) ids() []string {
	var ids []string
	for _, f := range p.Features {
		ids = append(ids, f.ID)
	}
	return ids
}

// TestOGCIsFoundFromItsLandingPage goes the way of a map program: from link to link.
func TestOGCIsFoundFromItsLandingPage(t *testing.T) {
	app := newApp(t)
	type page struct {
		Links       ogcLinks
		ConformsTo  []string
		Collections []struct {
			ID, ItemType string
			CRS          []string
			Links        ogcLinks
			Extent       struct {
				Spatial  *struct{ BBox [][]float64 }
				Temporal *struct{ Interval [][]*string }
			}
		}
	}
	landing := read[page](t, app, "/v1/ogc")
	res, _ := ask(t, app, "GET", landing.Links.of("service-desc"), "Accept", "application/vnd.oai.openapi+json;version=3.0")
	assert.Equal(t, 200, res.StatusCode)
	assert.Equal(t, "application/vnd.oai.openapi+json;version=3.0", res.Header.Get("Content-Type"))
	assert.Contains(t, read[page](t, app, landing.Links.of("conformance")).ConformsTo, "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core")
	all := read[page](t, app, landing.Links.of("data"))
	var ids []string
	for _, c := range all.Collections {
		ids = append(ids, c.ID)
		assert.Equal(t, []string{"http://www.opengis.net/def/crs/OGC/1.3/CRS84"}, c.CRS)
		res, body := ask(t, app, "GET", c.Links.of("items"))
		require.Equal(t, 200, res.StatusCode, body)
		assert.Equal(t, "application/geo+json", res.Header.Get("Content-Type"))
		var p ogcPageRead
		require.NoError(t, json.Unmarshal([]byte(body), &p))
		assert.Equal(t, "FeatureCollection", p.Type)
		assert.Len(t, p.Features, p.NumberReturned)
		require.NotNil(t, c.Extent.Spatial, c.ID)
		require.NotEmpty(t, p.Features, c.ID)
		b := c.Extent.Spatial.BBox[0]
		assert.Less(t, b[0], b[2])
		one := read[export.Feature[map[string]any]](t, app, "/v1/ogc/collections/"+c.ID+"/items/"+url.PathEscape(p.Features[0].ID))
		assert.Equal(t, p.Features[0].Properties, one.Properties)
	}
	assert.Equal(t, []string{"buurten", "wijken", "gemeenten", "stations", "hours"}, ids)
}

// TestOGCPagesAreWhole follows the next links: every feature comes once, whatever
// the size of a page and the filter.
func TestOGCPagesAreWhole(t *testing.T) {
	app := newApp(t)
	for _, start := range []string{
		"/v1/ogc/collections/buurten/items?limit=1", "/v1/ogc/collections/stations/items?limit=2", "/v1/ogc/collections/hours/items?limit=3&year=2025",
		"/v1/ogc/collections/buurten/items?limit=2&bbox=4.7,52.4,4.9,52.5&norm=eu2008-pm10-24h&year=2025&f=json&datetime=2025-01-01T00:00:00Z/..",
	} {
		var ids []string
		matched := -1
		for at := start; at != ""; {
			p := read[ogcPageRead](t, app, at)
			require.NotEmpty(t, p.Features, at)
			ids = append(ids, p.ids()...)
			require.True(t, matched < 0 || p.NumberMatched == matched)
			matched = p.NumberMatched
			at = p.Links.of("next")
		}
		assert.Len(t, ids, matched, start)
		assert.Greater(t, matched, 1, start)
		assert.True(t, slices.IsSorted(ids))
		assert.Len(t, slices.Compact(ids), matched)
	}
	assert.Equal(t, 6, read[ogcPageRead](t, app, "/v1/ogc/collections/buurten/items?limit=10001").NumberReturned, "a limit above the most is no error")
	assert.Empty(t, read[ogcPageRead](t, app, "/v1/ogc/collections/buurten/items?after=ZZ").Features)
}

func TestOGCSelectsByPlaceAndTime(t *testing.T) {
	app := newApp(t)
	const items = "/v1/ogc/collections/buurten/items"
	all := read[ogcPageRead](t, app, items)
	g := opendatatest.Sample()
	require.Len(t, all.Features, len(g.Areas))
	centre := g.Areas[2].Center
	point := url.Values{"bbox": {strings.Join([]string{num(centre[0]), num(centre[1]), num(centre[0]), num(centre[1])}, ",")}}
	assert.Equal(t, []string{string(g.Areas[2].Code)}, read[ogcPageRead](t, app, items+"?"+point.Encode()).ids())
	assert.Empty(t, read[ogcPageRead](t, app, items+"?bbox=0,0,1,1").Features)
	assert.Len(t, read[ogcPageRead](t, app, items+"?bbox=4,52,-5,5,53,100").Features, 6, "heights do not count")
	assert.Len(t, read[ogcPageRead](t, app, items+"?bbox=170,50,10,55").Features, 6, "over the antimeridian")
	assert.Empty(t, read[ogcPageRead](t, app, items+"?bbox=170,50,-170,55").Features)

	year := func(query string) any {
		p := read[ogcPageRead](t, app, items+"?"+query)
		if len(p.Features) == 0 {
			return nil
		}
		return p.Features[0].Properties["year"]
	}
	assert.EqualValues(t, g.Year, year(""))
	assert.EqualValues(t, 2025, year("datetime=2025-06-01T12:00:00Z"))
	assert.EqualValues(t, g.Years[len(g.Years)-1], year("datetime=2025-06-01T12:00:00Z/.."))
	assert.EqualValues(t, 2025, year("datetime=../2025-12-31T22:59:59Z"))
	assert.Nil(t, year("datetime=1990-01-01T00:00:00Z"))
	assert.Nil(t, year("datetime=2026-06-01T00:00:00Z/..&year=2025"))
	assert.EqualValues(t, 2025, year("year=2025"))

	some := read[ogcPageRead](t, app, "/v1/ogc/collections/hours/items?datetime=2025-06-01T00:00:00Z")
	require.NotEmpty(t, some.Features)
	for _, f := range some.Features {
		assert.EqualValues(t, 2025, f.Properties["year"])
	}
}

func num(f float64) string {
	b, _ := json.Marshal(f)
	return string(b)
}

func TestOGCSaysWhatIsWrong(t *testing.T) {
	app := newApp(t)
	for _, query := range []string{
		"bbox=1,2,3", "bbox=a,b,c,d", "bbox=NaN,0,1,1", "bbox=0,2,1,1", "datetime=yesterday", "datetime=../..", "datetime=/", "datetime=2025-01-01",
		"datetime=2025-02-01T00:00:00Z/2025-01-01T00:00:00Z", "limit=0", "limit=many", "norm=none", "year=3", "colour=red", "f=html",
	} {
		res, body := ask(t, app, "GET", "/v1/ogc/collections/buurten/items?"+query)
		assert.Equal(t, 400, res.StatusCode, "%s: %s", query, body)
		assert.Contains(t, body, strings.SplitN(query, "=", 2)[0], query)
	}
	for _, query := range []string{"stations/items?norm=eu2008-no2-y", "stations/items?year=2025", "hours/items?norm=eu2008-no2-y"} {
		res, body := ask(t, app, "GET", "/v1/ogc/collections/"+query)
		assert.Equal(t, 400, res.StatusCode, "%s: %s", query, body)
	}
	for _, path := range []string{"straten", "straten/items", "buurten/items/x", "stations/items/BU04791210"} {
		res, _ := ask(t, app, "GET", "/v1/ogc/collections/"+path)
		assert.Equal(t, 404, res.StatusCode, path)
	}
}

// TestOGCTellsWhatPagesTell compares features with the verdicts of the API, and
// looks that stations stand in their neighbourhood's public centre.
func TestOGCTellsWhatPagesTell(t *testing.T) {
	app := newApp(t)
	g := opendatatest.Sample()
	for _, f := range read[ogcPageRead](t, app, "/v1/ogc/collections/buurten/items?norm=eu2008-no2-y&year=2025").Features {
		l := into[struct{ Verdicts []export.Verdict }](t, "/v1/areas/"+f.ID+"/verdicts?norm=eu2008-no2-y&year=2025")
		require.Len(t, l.Verdicts, 1)
		v := l.Verdicts[0]
		assert.Equal(t, v.Outcome, f.Properties["outcome"])
		assert.InDelta(t, v.Stations, f.Properties["stations"], 0)
		if v.Mean == nil {
			assert.Nil(t, f.Properties["mean"])
		} else {
			assert.InDelta(t, v.Mean.Value, f.Properties["mean"], 0)
		}
	}
	centre := map[string][2]float64{}
	for _, a := range g.Areas {
		centre[string(a.Code)] = a.Center
	}
	for _, f := range read[ogcPageRead](t, app, "/v1/ogc/collections/stations/items").Features {
		area, ok := f.Properties["area"].(string)
		if !ok {
			assert.Nil(t, f.Geometry)
			assert.Equal(t, "not known", f.Properties["place"])
			continue
		}
		require.NotNil(t, f.Geometry)
		want := centre[area]
		assert.Equal(t, []any{want[0], want[1]}, f.Geometry.Coordinates)
	}
}
