package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"buurtmeter/opendata/opendatatest"
)

// linksOf are the targets of all links of a page.
func linksOf(t *testing.T, body string) []string {
	t.Helper()
	var out []string
	doc, err := html.Parse(strings.NewReader(body))
	require.NoError(t, err)
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "a" {
			out = append(out, attr(n, "href"))
		}
	}
	return out
}

func TestDownloadsAreOfTheThingOnThePage(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	files := func(path string) (out []string) {
		_, body := get(t, app, path)
		for _, href := range linksOf(t, body) {
			if strings.HasPrefix(href, "/v1/datasets/") {
				out = append(out, href)
			}
		}
		assert.Contains(t, linksOf(t, body), "/data", "the way to all of it")
		return out
	}
	buurt := files("/buurt/BU04791210?year=2026")
	assert.Len(t, buurt, 6)
	for _, href := range buurt {
		u, err := url.Parse(href)
		require.NoError(t, err)
		assert.Equal(t, url.Values{"area": {"BU04791210"}, "year": {"2026"}}, u.Query(), href)
	}
	assert.Equal(t, []string{
		"/v1/datasets/hours/data.csv?station=tube-07", "/v1/datasets/hours/data.json?station=tube-07", "/v1/datasets/hours/data.geojson?station=tube-07",
	}, files("/meetpunt/tube-07"))
}

func TestSimulatedIsNeverLost(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	for path, wants := range map[string][]string{
		"/":    {"<strong>1 van de 9 meetpunten is gesimuleerd.</strong>"},
		"/en/": {"<strong>1 of the 9 stations is simulated.</strong>"},
		"/buurt/BU04791310": {
			"versie sample-1. Gesimuleerde gegevens. https://lucht.example.nl/buurt/BU04791310?year=2025", "1 sensor zonder ijking (gesimuleerd)",
		},
		"/meetpunt/sim-peldersveld-01": {"<dd>sensor zonder ijking (gesimuleerd)</dd>"},
		"/en/data":                     {"in Zaanstad, measured by residents (partly simulated data)", "Simulated stations: 1 (official: 0;"},
	} {
		_, body := get(t, app, path)
		for _, want := range wants {
			assert.Contains(t, body, want, path)
		}
		assert.NotContains(t, strings.ToLower(body), "nagebootst", path)
	}
	_, body := get(t, app, "/buurt/BU04791120")
	assert.NotContains(t, body, "esimuleerde gegevens", "its stations are real")
}

func TestWhoWantsToTakePartFindsTheOperatorAndTheBroker(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, body := get(t, app, "/aansluiten")
	for _, want := range []string{"<dd>Gemeente Zaanstad</dd>", `href="mailto:lucht@example.nl"`, `href="https://example.nl/contact"`, "tcp://127.0.0.1:1883", "werkt alleen op de computer"} {
		assert.Contains(t, body, want)
	}
	_, body = get(t, app, "/en/privacy")
	assert.Contains(t, body, "Who is responsible")
	assert.Contains(t, body, "<dd>Gemeente Zaanstad</dd>")
	for address, local := range map[string]bool{
		"tcp://127.0.0.1:1883": true, "tcp://[::]:1883": true, "tcp://localhost:1": true, "tcp://:1883": true,
		"mqtts://mqtt.example.nl:8883": false, "tcp://192.0.2.1:1883": false,
	} {
		assert.Equal(t, local, localOnly(address), address)
	}
}

func TestAnErrorPageHasNoAddressAndKeepsThePathForTheOtherLanguage(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	for path, other := range map[string]string{
		"/buurt/BU1": "/en/buurt/BU1", "/en/meetpunt/x": "/meetpunt/x", "/nergens": "/en/nergens",
		"//example.com/x": "/en/example.com/x", "/en//example.com/x": "/example.com/x", "/en/%5Cexample.com": "/example.com",
	} {
		res, body := get(t, app, path, "Accept", "text/html")
		assert.Equal(t, http.StatusNotFound, res.StatusCode, path)
		assert.NotContains(t, body, `rel="canonical"`, path)
		assert.NotContains(t, body, `rel="alternate"`, path)
		assert.Contains(t, body, `class="taal" href="`+other+`"`, path)
	}
}

func TestALowerCaseCodeLeadsToTheBuurt(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	for path, to := range map[string]string{
		"/buurt/bu04791210": "/buurt/BU04791210", "/en/buurt/Bu04791210?year=2026&x=1": "/en/buurt/BU04791210?year=2026",
	} {
		res, _ := get(t, app, path)
		assert.Equal(t, http.StatusMovedPermanently, res.StatusCode, path)
		assert.Equal(t, to, res.Header.Get("Location"))
	}
	res, _ := get(t, app, "/buurt/bu00000000")
	assert.Equal(t, http.StatusNotFound, res.StatusCode)
}

func TestTitlesOfStationsAreMarkedAsDutch(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	for _, path := range []string{"/buurt/BU04791210", "/meetpunt/zst-poelenburg-01", "/data"} {
		_, body := get(t, app, "/en"+path)
		assert.Regexp(t, ` lang="nl">Poelenburg, (flat|Weerpad)`, body, path)
		_, body = get(t, app, path)
		assert.NotContains(t, body, ` lang="nl">Poelenburg, `, path)
	}
}

func TestWhatIsFoldedAwayHasANameOfItsOwn(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, body := get(t, app, "/buurt/BU04791210")
	doc, err := html.Parse(strings.NewReader(body))
	require.NoError(t, err)
	seen := map[string]bool{}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "summary" {
			continue
		}
		name := textOf(n)
		assert.False(t, seen[name], name)
		seen[name] = true
	}
	assert.Greater(t, len(seen), 3)
}

// textOf is all the text in a node.
func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}
