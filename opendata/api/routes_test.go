package api_test

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata/api"
	"buurtmeter/opendata/export"
	"buurtmeter/opendata/opendatatest"
)

// into asks and decodes a good answer.
func into[T any](t *testing.T, path string, headers ...string) T {
	t.Helper()
	res, body := ask(t, newApp(t), "GET", path, headers...)
	require.Equal(t, 200, res.StatusCode, body)
	var v T
	require.NoError(t, json.Unmarshal([]byte(body), &v))
	return v
}

func TestAreas(t *testing.T) {
	l := into[struct {
		Municipality export.Area
		Areas        []export.Area
	}](t, "/v1/areas")
	assert.Len(t, l.Areas, 6)
	assert.Equal(t, "Zaanstad", l.Municipality.Name)
	for _, how := range [][]string{{"/v1/areas?f=geojson"}, {"/v1/areas", "Accept", "application/geo+json"}, {"/v1/areas?f=geojson", "Accept", "application/json"}} {
		c := into[struct {
			Type     string
			Features []export.Feature[export.Area]
		}](t, how[0], how[1:]...)
		assert.Equal(t, "FeatureCollection", c.Type)
		require.Len(t, c.Features, 6)
		assert.Equal(t, "MultiPolygon", c.Features[0].Geometry.Type)
	}
	res, _ := ask(t, newApp(t), "GET", "/v1/areas?f=json", "Accept", "application/geo+json")
	assert.Equal(t, "application/json", res.Header.Get("Content-Type"), "the parameter wins")
	a := into[export.Area](t, "/v1/areas/BU04791210")
	assert.Equal(t, []string{"zst-poelenburg-01", "zst-poelenburg-02", "zst-poelenburg-03"}, a.Stations)
	f := into[export.Feature[export.Area]](t, "/v1/areas/BU04791210?f=geojson")
	assert.Equal(t, "Feature", f.Type)
}

func TestStationsKeepTheirPlaceSecret(t *testing.T) {
	res, body := ask(t, newApp(t), "GET", "/v1/stations")
	require.Equal(t, 200, res.StatusCode)
	assert.Contains(t, body, `<b>\"x\" & y`, "a title is text; JSON needs no HTML escapes")
	for _, word := range []string{"geometry", "coordinates", "latitude", "keeper", "token"} {
		assert.NotContains(t, body, word)
	}
	s := into[export.Station](t, "/v1/stations/zst-zonder-plek")
	assert.True(t, s.NoPosition)
	assert.Nil(t, s.Area)
}

func TestHoursCoverThePeriodExactly(t *testing.T) {
	type answer struct {
		From, To time.Time
		Series   []struct {
			Property       string
			Values         []*float64
			CaptureMinutes []int
			Valid          []bool
			Flags          [][]string
		}
	}
	m := opendatatest.NewMemory()
	// An offset is accepted and answered in UTC; minutes are rounded outwards.
	a := into[answer](t, "/v1/stations/ref-hemkade/hours?property=no2&from=2026-01-31T23:30:00%2B01:00&to=2026-02-02T00:00:00Z")
	assert.Equal(t, "2026-01-31T22:00:00Z", a.From.Format(time.RFC3339))
	require.Len(t, a.Series, 1)
	s := a.Series[0]
	require.Len(t, s.Values, 26)
	require.Len(t, s.Flags, 26)
	for i, v := range s.Values {
		h := reading.HourOf(a.From) + reading.Hour(i)
		want := reading.Missing
		require.NoError(t, m.Blocks(t.Context(), "ref-hemkade", reading.NO2, h.Start(), (h+1).Start(), func(b reading.Block) error {
			want = b.Values[h-b.Month.First()]
			return nil
		}))
		if want == reading.Missing {
			assert.Nil(t, v)
		} else if assert.NotNil(t, v) {
			assert.InDelta(t, reading.Unscaled(want), *v, 0)
		}
	}
	all := into[answer](t, "/v1/stations/ref-hemkade/hours")
	assert.Len(t, all.Series, 3, "without a property, all of them")
	assert.Len(t, all.Series[0].Values, 7*24, "without a period, the last week")
	future := into[answer](t, "/v1/stations/ref-hemkade/hours?property=no2&from=2030-01-01T00:00:00Z")
	assert.Nil(t, future.Series[0].Values[0], "an hour that is not there is null")
	assert.Equal(t, []string{}, future.Series[0].Flags[0])
}

func TestRawReadingsComeWithFlagsAndRevisions(t *testing.T) {
	a := into[struct {
		Readings []struct {
			Revision int
			Values   []struct {
				Value    float64
				Flags    []string
				Excluded bool
			}
		}
	}](t, "/v1/stations/ref-hemkade/readings")
	require.Len(t, a.Readings, 2)
	assert.InDelta(t, -0.5, a.Readings[0].Values[0].Value, 0)
	assert.Equal(t, []string{"range", "server-time"}, a.Readings[1].Values[0].Flags)
	assert.True(t, a.Readings[1].Values[0].Excluded)

	o := options(opendatatest.Source(t))
	o.Raw = nil
	res, body := ask(t, api.New(o), "GET", "/v1/stations/ref-hemkade/readings")
	problemOf(t, res, body, 404)
	res, body = ask(t, newApp(t), "GET", "/v1/stations/ref-hemkade/readings")
	assert.Equal(t, "no-cache", res.Header.Get("Cache-Control"), "readings come in all the time: %s", body)
}

func TestVerdictsNormsQuality(t *testing.T) {
	type list struct{ Verdicts []export.Verdict }
	all := into[list](t, "/v1/verdicts").Verdicts
	assert.Len(t, all, 60)
	one := into[list](t, "/v1/verdicts?norm=eu2008-no2-y&year=2025&area=BU04791210").Verdicts
	require.Len(t, one, 1)
	assert.Equal(t, one, into[list](t, "/v1/areas/BU04791210/verdicts?norm=eu2008-no2-y&year=2025").Verdicts)
	assert.Len(t, into[list](t, "/v1/verdicts?property=pm25").Verdicts, 6*2*2)
	n := into[export.Norm](t, "/v1/norms/eu2008-pm10-24h")
	assert.Equal(t, 35, *n.Allowed)
	assert.Equal(t, "(EU) 2024/2881", n.Next.Instrument)
	norms := into[struct{ Norms []export.Norm }](t, "/v1/norms").Norms
	assert.Len(t, norms, len(norm.All()))
	judged := 0
	for _, n := range norms {
		if n.Judged {
			judged++
		}
		assert.Equal(t, n.Role == "alert" || n.Role == "information", n.Consecutive != nil, n.ID)
		assert.Equal(t, n.Statistic == "exposure-reduction", n.Value == nil, "%s: no value is not 0", n.ID)
	}
	assert.Len(t, norm.Table(), judged)
	assert.Equal(t, "mg/m³", into[export.Norm](t, "/v1/norms/eu2008-co-8h").Unit)
	assert.Equal(t, 3, into[export.Norm](t, "/v1/norms/eu2008-o3-8h").Years)
	assert.Equal(t, 3, *into[export.Norm](t, "/v1/norms/eu2024-no2-alert").Consecutive)
	q := into[struct {
		Flagged, Rejects, Flags []map[string]any
	}](t, "/v1/quality")
	assert.NotEmpty(t, q.Flagged)
	assert.Len(t, q.Rejects, 3)
	assert.Len(t, q.Flags, len(reading.FlagTable()))
}

// TestEveryPropertyCanBeAskedFor: a property that a station may report can be
// read again, and one with norms has verdicts.
func TestEveryPropertyCanBeAskedFor(t *testing.T) {
	app := newApp(t)
	for _, i := range reading.Properties() {
		p := string(i.Property)
		res, body := ask(t, app, "GET", "/v1/stations/ref-hemkade/hours?property="+p)
		assert.Equal(t, 200, res.StatusCode, "%s: %.200s", p, body)
		res, body = ask(t, app, "GET", "/v1/datasets/hours/data.csv?property="+p)
		assert.Equal(t, 200, res.StatusCode, "%s: %.200s", p, body)
		if i.Norm {
			res, body = ask(t, app, "GET", "/v1/verdicts?property="+p)
			assert.Equal(t, 200, res.StatusCode, "%s: %.200s", p, body)
		}
	}
}

func TestFilesAreTheExports(t *testing.T) {
	m := opendatatest.NewMemory()
	base := serve(t, api.New(options(m)))
	for _, format := range []string{"csv", "json", "geojson"} {
		var want strings.Builder
		require.NoError(t, export.Hours(t.Context(), &want, m, m.G, publisher(), format, export.Filter{Year: 2025, Property: reading.NO2}))
		got := fetch(t, "GET", base+"/v1/datasets/hours/data."+format+"?year=2025&property=no2")
		require.NoError(t, got.err)
		require.Equal(t, 200, got.status)
		assert.Equal(t, want.String(), got.body)
		assert.Equal(t, `attachment; filename="buurtmeter-hours-no2-2025.`+format+`"`, got.header.Get("Content-Disposition"))

		want.Reset()
		require.NoError(t, export.Verdicts(t.Context(), &want, m.G, publisher(), format, export.Filter{}))
		got = fetch(t, "GET", base+"/v1/datasets/verdicts/data."+format)
		assert.Equal(t, want.String(), got.body)
	}
	assert.Equal(t, "text/csv; charset=utf-8; header=present", fetch(t, "HEAD", base+"/v1/datasets/hours/data.csv").header.Get("Content-Type"))
}

// TestAFaultInTheMiddleBreaksTheTransfer is the rule that an answer is whole or
// an error: the client must notice.
func TestAFaultInTheMiddleBreaksTheTransfer(t *testing.T) {
	broken := func(failAfter int) string {
		m := opendatatest.NewMemory()
		m.BlockErr, m.FailAfter = errors.New("disk"), failAfter
		m.G.Stations[0], m.G.Stations[1] = m.G.Stations[1], m.G.Stations[0] // series of 23 months first, then of 24
		return serve(t, api.New(options(m)))
	}
	early, late := broken(10), broken(23)
	for _, format := range []string{"csv", "json", "geojson"} {
		got := fetch(t, "GET", early+"/v1/datasets/hours/data."+format)
		assert.Equal(t, 500, got.status, "before the first byte it is a problem document")

		got = fetch(t, "GET", late+"/v1/datasets/hours/data."+format)
		assert.Equal(t, 200, got.status)
		assert.NotEmpty(t, got.body)
		require.ErrorIs(t, got.err, io.ErrUnexpectedEOF, "%s: the client must see that it was broken off", format)
	}
	got := fetch(t, "GET", late+"/v1/datasets/hours/data.csv?station=tube-07")
	require.NoError(t, got.err, "and the server lives on")
	assert.Equal(t, 200, got.status)
}

func TestAClientThatGoesAwayLeavesNothingRunning(t *testing.T) {
	base := serve(t, newApp(t))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	exporting := func() bool {
		stacks := make([]byte, 1<<20)
		return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "(*service).stream")
	}
	for range 5 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/v1/datasets/hours/data.json", nil)
		require.NoError(t, err)
		res, err := client.Do(req)
		require.NoError(t, err)
		_, _ = io.ReadFull(res.Body, make([]byte, 1000))
		assert.True(t, exporting(), "the file is longer than what fits between")
		_ = res.Body.Close()
	}
	assert.Eventually(t, func() bool { return !exporting() }, 10*time.Second, 50*time.Millisecond)
}

func TestCatalogueNegotiation(t *testing.T) {
	app := newApp(t)
	for accept, want := range map[string]string{
		"":                    "text/turtle; charset=utf-8",
		"*/*":                 "text/turtle; charset=utf-8",
		"application/rdf+xml": "application/rdf+xml; charset=utf-8",
		"application/ld+json": "application/ld+json",
		"text/turtle;q=0.2, application/ld+json;q=0.9":                    "application/ld+json",
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": "text/turtle; charset=utf-8",
	} {
		res, body := ask(t, app, "GET", "/v1/dcat/catalog", "Accept", accept)
		assert.Equal(t, 200, res.StatusCode, accept)
		assert.Equal(t, want, res.Header.Get("Content-Type"), accept)
		assert.Equal(t, "Accept", res.Header.Get("Vary"))
		assert.Contains(t, body, "dcat")
	}
	res, body := ask(t, app, "GET", "/v1/dcat/catalog", "Accept", "text/csv")
	p := problemOf(t, res, body, 406)
	assert.Contains(t, p.Detail, "application/rdf+xml")
	res, _ = ask(t, app, "GET", "/v1/dcat/catalog.rdf", "Accept", "text/turtle")
	assert.Equal(t, "application/rdf+xml; charset=utf-8", res.Header.Get("Content-Type"), "the extension says it all")

	o := options(opendatatest.Source(t))
	o.Publisher.ContactEmail = "nobody"
	res, body = ask(t, api.New(o), "GET", "/v1/dcat/catalog")
	problemOf(t, res, body, 500)
}

func TestNamesResolve(t *testing.T) {
	o := options(opendatatest.Source(t))
	o.Page = func(kind, id string) string {
		return map[string]string{"area": "/buurt/" + id, "station": "/meetpunt/" + id}[kind]
	}
	app := api.New(o)
	const host = "https://lucht.example.nl"
	for _, c := range []struct{ path, accept, to string }{
		{"/id/catalog", "", "/v1/dcat/catalog"},
		{"/id/service/api", "text/turtle", "/v1/openapi.json"},
		{"/id/contact", "", "/contact"},
		{"/id/dataset/hours", "", "/v1/datasets/hours"},
		{"/id/dataset/hours", "text/turtle", "/v1/dcat/catalog"},
		{"/id/distribution/hours-csv", "text/turtle", "/v1/datasets/hours/data.csv"},
		{"/id/area/BU04791210", "text/html", "/buurt/BU04791210"},
		{"/id/area/BU04791210", "application/json", "/v1/areas/BU04791210"},
		{"/id/area/GM0479", "application/json", "/v1/areas/GM0479"},
		{"/id/area/WK047911", "application/json", "/v1/areas/WK047911"},
		{"/id/station/ref-hemkade", "*/*", "/meetpunt/ref-hemkade"},
		{"/id/norm/eu2008-no2-y", "", "/v1/norms/eu2008-no2-y"},
	} {
		res, _ := ask(t, app, "GET", c.path, "Accept", c.accept)
		assert.Equal(t, 303, res.StatusCode, c.path)
		assert.Equal(t, host+c.to, res.Header.Get("Location"), "%s as %s", c.path, c.accept)
	}
	for _, path := range []string{"/id/area/BU00000000", "/id/station/x", "/id/norm/x", "/id/dataset/x", "/id/distribution/x", "/id/x"} {
		res, body := ask(t, app, "GET", path)
		problemOf(t, res, body, 404)
	}
}

func TestEveryIRIOfTheCatalogueResolves(t *testing.T) {
	app := newApp(t)
	_, body := ask(t, app, "GET", "/v1/dcat/catalog.ttl")
	seen := map[string]bool{}
	for _, part := range strings.Split(body, "<https://lucht.example.nl")[1:] {
		path, _, _ := strings.Cut(part, ">")
		path, _, _ = strings.Cut(path, "#")
		if path == "/" || path == "/contact" || path == "/v1" || seen[path] { // pages; the endpoint is a prefix
			continue
		}
		seen[path] = true
		res, _ := ask(t, app, "HEAD", path)
		assert.Contains(t, []int{200, 303}, res.StatusCode, path)
	}
	assert.Greater(t, len(seen), 15)
}

func TestOpenAPIGolden(t *testing.T) {
	const file = "testdata/openapi.json"
	res, got := ask(t, newApp(t), "GET", "/v1/openapi.json")
	require.Equal(t, 200, res.StatusCode)
	if flag.Lookup("update").Value.String() == "true" {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Empty(t, cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")), "run with -update when the change is meant")
}

func TestOpenAPIDescribesWhatIsServed(t *testing.T) {
	app := newApp(t)
	doc := into[struct {
		OpenAPI string
		Servers []struct{ URL string }
		Paths   map[string]map[string]struct {
			OperationID, Description string
			Parameters               []struct{ Name, In string }
			Responses                map[string]struct{ Headers map[string]any }
		}
	}](t, "/v1/openapi.json")
	assert.Equal(t, "3.0.3", doc.OpenAPI)
	assert.Equal(t, "https://lucht.example.nl/v1", doc.Servers[0].URL)
	ids := map[string]bool{}
	for path, ops := range doc.Paths {
		op := ops["get"]
		assert.Len(t, ops, 1, path)
		assert.NotEmpty(t, op.Description, path)
		assert.False(t, ids[op.OperationID], "%s twice", op.OperationID)
		ids[op.OperationID] = true
		assert.Contains(t, op.Responses["200"].Headers, "API-Version", path)
		if len(op.Parameters) > 0 {
			assert.Contains(t, op.Responses, "400", path)
		}
		dataset := strings.Contains(path, "/datasets/")
		real := strings.NewReplacer("{code}", "BU04791210", "{collection}", "buurten", "{feature}", "BU04791210").Replace(path)
		switch {
		case dataset:
			real = strings.ReplaceAll(real, "{id}", "hours")
		case strings.Contains(path, "/norms/"):
			real = strings.ReplaceAll(real, "{id}", "eu2008-no2-y")
		default:
			real = strings.ReplaceAll(real, "{id}", "ref-hemkade")
		}
		res, body := ask(t, app, "GET", "/v1"+real)
		assert.Equal(t, 200, res.StatusCode, "%s: %.200s", real, body)
	}
	assert.Len(t, ids, 33)
}
