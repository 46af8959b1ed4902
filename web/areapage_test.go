package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
	"buurtmeter/opendata/opendatatest"
)

// textsOf are the texts of all elements of a class, spaces made single.
func textsOf(t *testing.T, body, class string) []string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	require.NoError(t, err)
	var out []string
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && strings.Contains(" "+attr(n, "class")+" ", " "+class+" ") {
			out = append(out, strings.Join(strings.Fields(soft(textOf(n))), " "))
		}
	}
	return out
}

func TestAreasLeadUpAndDown(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	for path, want := range map[string]struct {
		crumb string
		links []string
	}{
		"/buurt/BU04791210":     {"Kaart › Zaanstad › Poelenburg", []string{"/gemeente/GM0479?year=2025", "/wijk/WK047912?year=2025"}},
		"/en/wijk/WK047911":     {"Map › Zaanstad", []string{"/en/gemeente/GM0479?year=2025", "/en/buurt/BU04791110?year=2025", "/en/buurt/BU04791130?year=2025"}},
		"/gemeente/GM0479":      {"Kaart", []string{"/wijk/WK047911?year=2025", "/wijk/WK047913?year=2025", "/buurt/BU04791320?year=2025"}},
		"/":                     {"", []string{"/gemeente/GM0479?year=2025"}},
		"/meetpunt/ref-hemkade": {"Kaart › Achtersluispolder", []string{"/buurt/BU04791110"}},
	} {
		_, body := get(t, app, path)
		if want.crumb != "" {
			assert.Equal(t, []string{want.crumb}, textsOf(t, body, "kruimel"), path)
		}
		links := linksOf(t, body)
		for _, href := range want.links {
			assert.Contains(t, links, href, path)
		}
	}
	_, body := get(t, app, "/wijk/WK047911")
	assert.NotContains(t, body, "BU04791210", "a buurt of another wijk")
}

func TestAWijkSaysWhatItsStationsSay(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	g := opendatatest.Sample()
	n, _ := g.Norm("eu2008-no2-y")
	v := g.Verdict("WK047911", n.ID, 2025)
	require.Equal(t, 3, v.N)
	nl, _ := bothLanguages(t)
	r := request{words: nl, g: g, now: opendatatest.Now()}
	_, body := get(t, app, "/wijk/WK047911")
	page := soft(html.UnescapeString(body))
	assert.Contains(t, page, soft(r.sentence(n, v, false)))
	assert.Contains(t, page, soft(r.meanText(n, v.Group)))
	assert.Contains(t, page, soft(r.above(v)))
	assert.Contains(t, page, "Meetpunten in deze wijk")
	assert.NotContains(t, page, "in deze buurt", "a wijk is none")
	for _, st := range []string{"ref-hemkade", "tube-07", "zst-bomenbuurt-01", "zst-bomenbuurt-02"} {
		assert.Contains(t, linksOf(t, body), "/meetpunt/"+st)
	}
	assert.NotContains(t, body, "zst-poelenburg", "it stands in another wijk")
	assert.Contains(t, linksOf(t, body), "/v1/datasets/verdicts/data.csv?area=WK047911&year=2025")
	assert.Contains(t, page, "Buurtmeter Zaanstad: luchtkwaliteit in Zaandam Zuid (WK047911), 2025.")
	_, body = get(t, app, "/gemeente/GM0479")
	assert.Contains(t, soft(html.UnescapeString(body)), soft(r.sentence(n, g.Verdict("GM0479", n.ID, 2025), false)))
}

func TestTheBuurtenOfAnAreaAreNotRankedWhereTheyOverlap(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	for _, path := range []string{"/gemeente/GM0479?sort=value", "/?sort=value"} {
		_, body := get(t, app, path)
		rows := strings.Split(body[strings.Index(body, `<table class="buurten`):], `role="rowheader"><a href="/buurt/`)
		require.Len(t, rows, 7, path)
		assert.Contains(t, rows[1], "Burgemeestersbuurt", "Poelenburg is the higher, but their intervals overlap")
		assert.Contains(t, rows[2], "Poelenburg")
	}
	_, body := get(t, app, "/wijk/WK047911?sort=value")
	assert.Contains(t, body, `href="/wijk/WK047911?norm=eu2008-no2-y&amp;year=2025#tabel"`, "the columns sort the table of this page")
	assert.Contains(t, body, `action="/wijk/WK047911"`)
}

func TestTheMovableMapOfAWijkHasItsBuurtenOnly(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, page := get(t, app, "/en/wijk/WK047913")
	data := "/kaart/gebieden.geojson?norm=eu2008-no2-y&year=2025&lang=en&within=WK047913"
	assert.Contains(t, html.UnescapeString(page), `data-gebieden="`+data+`"`)
	res, body := get(t, app, data)
	var fc featureCollection
	require.NoError(t, json.Unmarshal([]byte(body), &fc))
	require.Len(t, fc.Features, 2)
	for _, f := range fc.Features {
		assert.Contains(t, page, `class="area `+f.Properties.Class+`" href="`+f.Properties.Href+`"`)
	}
	whole, _ := get(t, app, strings.Replace(data, "&within=WK047913", "", 1))
	assert.NotEqual(t, whole.Header.Get("ETag"), res.Header.Get("ETag"))
	res, _ = get(t, app, strings.Replace(data, "WK047913", "WK999999", 1))
	assert.Equal(t, http.StatusNotFound, res.StatusCode)
}

func TestACodeLeadsToThePageOfItsOwnLevel(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	for path, to := range map[string]string{
		"/buurt/WK047911": "/wijk/WK047911", "/wijk/gm0479?year=2026": "/gemeente/GM0479?year=2026", "/en/gemeente/BU04791210": "/en/buurt/BU04791210", "/wijk/wk047911": "/wijk/WK047911",
	} {
		res, _ := get(t, app, path)
		assert.Equal(t, http.StatusMovedPermanently, res.StatusCode, path)
		assert.Equal(t, to, res.Header.Get("Location"), path)
	}
	for path, title := range map[string]string{"/wijk/WK999999": "Deze wijk kennen we niet", "/en/gemeente/GM9999": "This municipality is not here", "/buurt/x": "Deze buurt kennen we niet"} {
		res, body := get(t, app, path)
		assert.Equal(t, http.StatusNotFound, res.StatusCode, path)
		assert.Contains(t, body, title)
	}
	assert.Equal(t, "/buurt/x%2Fy", AreaPath("x/y"))
}

func TestPagesOfWijkenAreFreshAsOthers(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	tags := map[string]bool{}
	for _, path := range []string{"/wijk/WK047911", "/en/wijk/WK047911", "/wijk/WK047912", "/gemeente/GM0479", "/wijk/WK047911?year=2026"} {
		res, _ := get(t, app, path)
		tag := res.Header.Get("ETag")
		assert.False(t, tags[tag], path)
		tags[tag] = true
		res, body := get(t, app, path, "If-None-Match", tag)
		assert.Equal(t, http.StatusNotModified, res.StatusCode, path)
		assert.Empty(t, body)
	}
}

func TestKindsOfPlacesStandApart(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, body := get(t, app, "/buurt/BU04791210")
	page := soft(html.UnescapeString(body))
	for _, want := range []string{
		"Per soort plek", "Langs een weg met verkeer", "Geen drukke weg of bedrijf vlakbij (achtergrond)", "Niet opgegeven",
		"geen: minder dan 3 meetpunten die het hele jaar maten", "Welk deel van het gebied van elke soort is, heeft niemand opgegeven",
	} {
		assert.Contains(t, page, want)
	}
	assert.NotContains(t, page, "Vlak bij industrie", "there is none")
	_, body = get(t, app, "/buurt/BU04791120")
	assert.NotContains(t, body, "Per soort plek", "of its stations nobody said anything")
	_, body = get(t, app, "/en/meetpunt/tube-07")
	assert.Contains(t, body, "<dd>beside a road with traffic</dd>")
	_, body = get(t, app, "/meetpunt/zst-bomenbuurt-01")
	assert.Contains(t, body, "<dt>Omgeving</dt><dd>niet opgegeven</dd>")
}

// crowded puts n more stations beside roads into Poelenburg.
func crowded(n int) *opendatatest.Memory {
	m := opendatatest.NewMemory()
	no2, _ := m.G.Norm("eu2008-no2-y")
	var points []geo.StationVerdict
	for i := range n {
		st := opendata.Station{ID: reading.StationID(fmt.Sprintf("weg-%03d", i)), Title: fmt.Sprintf("Weg %03d", i), Kind: reading.KindTube, Siting: reading.SitingRoadside, Area: "BU04791210"}
		m.G.Stations = append(m.G.Stations, st)
		x := 30 + float64(i)/100
		points = append(points, geo.StationVerdict{Station: st.ID, Kind: st.Kind, Siting: st.Siting, Verdict: norm.Verdict{
			Norm: no2.ID, Year: 2025, Outcome: norm.Complies, HasValue: true, Value: x, Low: x - 4, High: x + 4, Coverage: 0.95,
		}})
	}
	for _, c := range []geo.Code{"BU04791210", "WK047912", "GM0479"} {
		m.G.Verdicts[opendata.VerdictKey{Area: c, Norm: no2.ID, Year: 2025}] = geo.Summarise(c, no2, 2025, points)
	}
	return m
}

func TestThePageOfAMunicipalityDoesNotGrowWithItsStations(t *testing.T) {
	app := newApp(t, crowded(maxListed+20))
	_, body := get(t, app, "/gemeente/GM0479")
	page := soft(html.UnescapeString(body))
	assert.Contains(t, page, fmt.Sprintf("Nog %d meetpunten staan op de pagina van hun buurt.", maxListed+20-maxPoints))
	assert.Contains(t, page, "en nog 28 meetpunten, in de API", "8 of the sample and 420, of which 400 are listed")
	assert.Contains(t, page, fmt.Sprintf("0 van %d (met 95 %% zekerheid 0 %% tot ", maxListed+20))
	assert.Less(t, len(body), 400_000)
	_, body = get(t, app, "/buurt/BU04791210")
	assert.Equal(t, maxListed+20, strings.Count(body, `rowheader"><a href="/meetpunt/weg-`), "the page of the buurt has every point")
}
