package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	stdhtml "html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"buurtmeter/geo"
	"buurtmeter/ingest/quality"
	"buurtmeter/opendata"
	"buurtmeter/opendata/opendatatest"
)

// get asks the app for a page; headers are pairs of name and value.
func get(t testing.TB, app *fiber.App, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := app.Test(req, 20_000)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

func pagePaths() []string {
	return []string{
		"/", "/?lens=value", "/?norm=eu2008-pm10-24h&year=2026&sort=outcome", "/?norm=eu2030-pm25-24h&lens=value&sort=value",
		"/buurt/BU04791210", "/buurt/BU04791210?year=2026", "/buurt/BU04791120", "/buurt/BU04791320",
		"/wijk/WK047911", "/wijk/WK047911?norm=eu2030-pm25-24h&year=2026", "/wijk/WK047913?lens=value", "/gemeente/GM0479", "/gemeente/GM0479?sort=value",
		"/meetpunt/ref-hemkade", "/meetpunt/zst-bomenbuurt-02", "/meetpunt/zst-zonder-plek", "/meetpunt/tube-07",
		"/aansluiten", "/methode", "/data", "/privacy",
	}
}

func bothOf(path string) map[string]string {
	return map[string]string{dutch: path, english: "/en" + path}
}

func TestEveryPageInBothLanguages(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	for _, p := range pagePaths() {
		for lang, path := range bothOf(p) {
			t.Run(path, func(t *testing.T) {
				res, body := get(t, app, path)
				require.Equal(t, http.StatusOK, res.StatusCode, body)
				requireGoodPage(t, lang, body)
				requireSecure(t, res)
				other := bothOf(p)[map[string]string{dutch: english, english: dutch}[lang]]
				other, _, _ = strings.Cut(other, "?")
				assert.Contains(t, body, `class="taal" href="`+other, "the switch leads to the same page")
				assert.Contains(t, body, "gesimuleerd-balk", "simulated data is marked on every page")
			})
		}
	}
}

func TestTheMethodPageListsEveryCheck(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	for _, path := range bothOf("/methode") {
		_, body := get(t, app, path)
		doc := stdhtml.UnescapeString(body)
		for _, r := range quality.Rules() {
			assert.Contains(t, doc, r.Threshold, "%s on %s", r.Key, path)
			assert.Contains(t, doc, r.Source, "%s on %s", r.Key, path)
		}
	}
}

// requireGoodPage parses the page and holds it against what every page must be.
func requireGoodPage(t *testing.T, lang, body string) {
	t.Helper()
	assert.NotContains(t, body, "⟦", "a text is missing")
	assert.NotRegexp(t, `\{[a-z]+\}[^/]`, strings.ReplaceAll(body, "<code translate=\"no\">{station}</code>", ""), "a placeholder was not filled")
	assert.NotContains(t, body, opendatatest.Hostile, "a title must come out as text")
	doc, err := html.Parse(strings.NewReader(body))
	require.NoError(t, err)
	ids, h1 := map[string]bool{}, 0
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode {
			assert.NotEqual(t, "style", n.Data, "no inline style")
			if n.Data == "h1" {
				h1++
			}
			if n.Data == "script" {
				assert.Nil(t, n.FirstChild, "no inline script")
			}
			if n.Data == "html" {
				assert.Equal(t, lang, attr(n, "lang"))
			}
			for _, a := range n.Attr {
				assert.NotEqual(t, "style", a.Key, "no style attribute on %s", n.Data)
				assert.False(t, strings.HasPrefix(a.Key, "on"), "no handler %s on %s", a.Key, n.Data)
				assert.False(t, strings.HasPrefix(strings.ToLower(a.Val), "javascript:"), a.Val)
				if a.Key == "id" {
					assert.False(t, ids[a.Val], "id %s twice", a.Val)
					ids[a.Val] = true
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	assert.Equal(t, 1, h1)
	for _, ref := range regexp.MustCompile(`(?:aria-labelledby|for)="([^"]+)"`).FindAllStringSubmatch(body, -1) {
		for _, id := range strings.Fields(ref[1]) {
			assert.True(t, ids[id], "reference to %q, which is not there", id)
		}
	}
	requireBalanced(t, body)
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// requireBalanced checks that every element that was opened is closed in
// order, which the forgiving parser above would mend without a word.
func requireBalanced(t *testing.T, body string) {
	t.Helper()
	void := map[string]bool{"meta": true, "link": true, "input": true, "br": true}
	var open []string
	z := html.NewTokenizer(strings.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			require.ErrorIs(t, z.Err(), io.EOF)
			require.Empty(t, open)
			return
		case html.StartTagToken:
			name, _ := z.TagName()
			if !void[string(name)] {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			require.NotEmpty(t, open)
			require.Equal(t, open[len(open)-1], string(name))
			open = open[:len(open)-1]
		default:
		}
	}
}

func requireSecure(t *testing.T, res *http.Response) {
	t.Helper()
	assert.Equal(t, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "+
		"worker-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'", res.Header.Get("Content-Security-Policy"))
	assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	assert.NotEmpty(t, res.Header.Get("Referrer-Policy"))
	assert.NotEmpty(t, res.Header.Get("Permissions-Policy"))
	assert.Empty(t, res.Header.Get("Set-Cookie"))
}

func TestTheMapHasALinkAndARowPerBuurt(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, body := get(t, app, "/")
	g := opendatatest.Sample()
	for _, a := range g.Areas {
		assert.GreaterOrEqual(t, strings.Count(body, `href="/buurt/`+string(a.Code)+`?year=2025"`), 2, "%s: once in the drawing, once in the table", a.Name)
	}
	assert.Contains(t, body, "De vakken zijn schematische grenzen")
	assert.Contains(t, body, `buurtmeter areas import FILE <span class="datum">--year 2016</span>`)
	assert.Contains(t, body, "1 van de 6 buurten heeft geen meetpunt")
	assert.Contains(t, body, "2008/50/EG, ")
	assert.Contains(t, body, "k-none")
}

func TestAMisspeltLinkSaysThatItShowsSomethingElse(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	for path, want := range map[string]bool{
		"/": false, "/?year=2025&norm=eu2008-no2-y": false, "/?norm=": false, "/?unknown=1": false,
		"/?norm=eu2008-no2-Y": true, "/?year=1999": true, "/?lens=x": true, "/?sort=%27": true, "/en/?year=20x5": true,
	} {
		res, body := get(t, app, path)
		assert.Equal(t, http.StatusOK, res.StatusCode, path)
		assert.Equal(t, want, strings.Contains(body, `role="note"`), path)
	}
}

func TestTheTableSorts(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	rows := regexp.MustCompile(`<tr role="row"><th scope="row" role="rowheader"><a href="[^"]+">([^<]+)</a></th><td role="cell" class="oms">`)
	names := func(path string) []string {
		_, body := get(t, app, path)
		var out []string
		for _, m := range rows.FindAllStringSubmatch(body, -1) {
			out = append(out, m[1])
		}
		return out
	}
	assert.Equal(t, []string{"Achtersluispolder", "Bomenbuurt", "Burgemeestersbuurt", "Hoornseveld", "Peldersveld", "Poelenburg"}, names("/"))
	byValue := names("/?sort=value")
	assert.Equal(t, []string{"Burgemeestersbuurt", "Poelenburg"}, byValue[:2], "Poelenburg is the higher, but their intervals overlap")
	assert.Equal(t, "Hoornseveld", byValue[5], "what was not measured comes last")
}

func TestABuurtWithoutStationSaysHowToTakePart(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, body := get(t, app, "/buurt/BU04791320")
	assert.Contains(t, body, "Er staat geen meetpunt in deze buurt")
	assert.Contains(t, body, `href="/aansluiten"`)
	assert.NotContains(t, body, "oordeel k-")
}

func TestAStationWithoutPlaceSaysSo(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, body := get(t, app, "/en/meetpunt/zst-zonder-plek")
	assert.Contains(t, body, "Place unknown")
	_, body = get(t, app, "/meetpunt/zst-poelenburg-01")
	assert.Contains(t, body, "De precieze plek van een meetpunt is geheim")
	_, body = get(t, app, "/meetpunt/zst-bomenbuurt-02")
	assert.Contains(t, body, "staat op pauze")
}

func TestWithoutSimulatedStationsThereIsNoBanner(t *testing.T) {
	m := opendatatest.NewMemory()
	m.G.Simulated = false
	for i := range m.G.Stations {
		m.G.Stations[i].Simulated = false
	}
	_, body := get(t, newApp(t, m), "/")
	assert.NotContains(t, body, "gesimuleerd-balk")
}

func TestAnEmptyGraphIsAPage(t *testing.T) {
	m := opendatatest.NewMemory()
	m.G = &opendata.Graph{Version: "0", Municipality: geo.Area{Name: "Zaanstad"}, Year: 2026}
	app := newApp(t, m)
	for _, p := range []string{"/", "/data", "/methode", "/en/"} {
		res, body := get(t, app, p)
		assert.Equal(t, http.StatusOK, res.StatusCode)
		assert.NotContains(t, body, "⟦")
	}
}

func TestErrorPages(t *testing.T) {
	m := opendatatest.NewMemory()
	app := newApp(t, m)
	for path, status := range map[string]int{"/buurt/BU1": 404, "/wijk/WK999999": 404, "/en/gemeente/GM9999": 404, "/gemeente/": 404, "/en/meetpunt/x": 404, "/nergens": 404, "/en/nowhere": 404} {
		res, body := get(t, app, path, "Accept", "text/html")
		assert.Equal(t, status, res.StatusCode, path)
		lang := dutch
		if strings.HasPrefix(path, "/en/") {
			lang = english
		}
		requireGoodPage(t, lang, body)
		requireSecure(t, res)
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	}
	m.Err = opendata.ErrNotReady
	res, body := get(t, app, "/")
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.Equal(t, "5", res.Header.Get("Retry-After"))
	assert.Contains(t, body, "Nog even geduld")
}

func TestTheCauseOfAnErrorGoesToTheLogOnly(t *testing.T) {
	m := opendatatest.NewMemory()
	m.BlockErr = errors.New("disk on fire")
	var log bytes.Buffer
	app := fiber.New(fiber.Config{Immutable: true, StrictRouting: true})
	app.Use(func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderXRequestID, "0123456789abcdef")
		return c.Next()
	})
	require.NoError(t, Register(app, Options{Source: m, Log: slog.New(slog.NewTextHandler(&log, nil)), Now: opendatatest.Now}))
	res, body := get(t, app, "/buurt/BU04791210")
	assert.Contains(t, body, "0123456789abcdef", "the reader can tell the operator where to look")
	assert.Contains(t, log.String(), "request_id=0123456789abcdef")
	assert.Equal(t, http.StatusInternalServerError, res.StatusCode)
	assert.NotContains(t, body, "disk on fire")
	assert.Contains(t, log.String(), "disk on fire")
}

func TestTheAPIKeepsItsOwnErrors(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	app.Get("/v1/thing", func(*fiber.Ctx) error { return fiber.ErrNotFound })
	_, body := get(t, app, "/v1/thing", "Accept", "text/html")
	assert.NotContains(t, body, "<html")
	_, body = get(t, app, "/nergens", "Accept", "application/json")
	assert.NotContains(t, body, "<html")
}

func TestETagsFollowDataLanguageAndPath(t *testing.T) {
	m := opendatatest.NewMemory()
	app := newApp(t, m)
	tag := func(path string) string {
		res, _ := get(t, app, path)
		return res.Header.Get("ETag")
	}
	first := tag("/")
	require.NotEmpty(t, first)
	assert.Equal(t, first, tag("/"))
	assert.Equal(t, first, tag("/?utm=1"), "what a page does not know changes nothing")
	for _, p := range []string{"/en/", "/data", "/?lens=value"} {
		assert.NotEqual(t, first, tag(p))
	}
	res, body := get(t, app, "/", "If-None-Match", first)
	assert.Equal(t, http.StatusNotModified, res.StatusCode)
	assert.Empty(t, body)
	assert.Equal(t, first, res.Header.Get("ETag"))
	g := *m.G
	g.Version = "sample-2"
	m.G = &g
	res, _ = get(t, app, "/", "If-None-Match", first)
	assert.Equal(t, http.StatusOK, res.StatusCode)
}

func TestPagesArePacked(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, plain := get(t, app, "/methode")
	res, packed := get(t, app, "/methode", "Accept-Encoding", "br, gzip")
	assert.Equal(t, "gzip", res.Header.Get("Content-Encoding"))
	assert.Contains(t, res.Header.Get("Vary"), "Accept-Encoding")
	z, err := gzip.NewReader(strings.NewReader(packed))
	require.NoError(t, err)
	raw, err := io.ReadAll(z)
	require.NoError(t, err)
	assert.Equal(t, plain, string(raw))
	res, _ = get(t, app, "/methode", "Accept-Encoding", "gzip;q=0")
	assert.Empty(t, res.Header.Get("Content-Encoding"))
}

func TestTheMovableMapSaysWhatTheDrawingSays(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, page := get(t, app, "/en/?norm=eu2008-no2-y&year=2025")
	res, body := get(t, app, "/kaart/gebieden.geojson?norm=eu2008-no2-y&year=2025&lang=en")
	assert.Equal(t, "application/geo+json", res.Header.Get("Content-Type"))
	requireSecure(t, res)
	var fc featureCollection
	require.NoError(t, json.Unmarshal([]byte(body), &fc))
	require.Len(t, fc.Features, 6)
	for _, f := range fc.Features {
		p := f.Properties
		assert.Contains(t, page, `class="area `+p.Class+`" href="`+p.Href+`"`, p.Name)
		assert.Contains(t, page, p.Name+": "+p.Text)
		assert.NotEmpty(t, f.Geometry.Coordinates)
	}
}

func TestWithoutABuiltFrontEndPagesAreWhole(t *testing.T) {
	var log bytes.Buffer
	app := fiber.New(fiber.Config{Immutable: true, StrictRouting: true})
	require.NoError(t, Register(app, Options{
		Source: opendatatest.Source(t), Log: slog.New(slog.NewTextHandler(&log, nil)), Now: opendatatest.Now, Assets: fstest.MapFS{".gitkeep": {}},
	}))
	_, body := get(t, app, "/")
	assert.NotContains(t, body, "<script")
	m := regexp.MustCompile(`rel="stylesheet" href="([^"]+)"`).FindStringSubmatch(body)
	require.NotNil(t, m)
	res, css := get(t, app, m[1])
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Contains(t, css, ".k-exceeds")
	assert.Contains(t, log.String(), "npm run build")
}

func TestAssetsOfABuildAreServedForEver(t *testing.T) {
	dist := fstest.MapFS{
		".vite/manifest.json":   {Data: []byte(`{"src/main.ts":{"file":"assets/m-1.js","css":["assets/m-1.css"],"assets":["assets/f-1.woff2"]}}`)},
		"assets/m-1.js":         {Data: []byte("export {}")},
		"assets/m-1.css":        {Data: []byte("a{}")},
		"assets/f-1.woff2":      {Data: []byte("font")},
		"assets/worker-1.mjs":   {Data: []byte("export {}")},
		"secret/not-served.txt": {Data: []byte("no")},
	}
	app := fiber.New(fiber.Config{Immutable: true, StrictRouting: true, UnescapePath: true})
	require.NoError(t, Register(app, Options{Source: opendatatest.Source(t), Log: slog.New(slog.DiscardHandler), Now: opendatatest.Now, Assets: dist}))
	_, body := get(t, app, "/")
	for _, want := range []string{`src="/assets/m-1.js"`, `href="/assets/m-1.css"`, `rel="preload" href="/assets/f-1.woff2"`} {
		assert.Contains(t, body, want)
	}
	for path, kind := range map[string]string{
		"/assets/m-1.js": "text/javascript; charset=utf-8", "/assets/worker-1.mjs": "text/javascript; charset=utf-8",
		"/assets/m-1.css": "text/css; charset=utf-8", "/assets/f-1.woff2": "font/woff2",
	} {
		res, _ := get(t, app, path)
		assert.Equal(t, http.StatusOK, res.StatusCode, path)
		assert.Equal(t, kind, res.Header.Get("Content-Type"))
		assert.Contains(t, res.Header.Get("Cache-Control"), "immutable")
		requireSecure(t, res)
	}
	for _, path := range []string{"/assets/none.js", "/assets/../secret/not-served.txt", "/assets/%2e%2e/secret/not-served.txt", "/assets/"} {
		res, _ := get(t, app, path)
		assert.Equal(t, http.StatusNotFound, res.StatusCode, path)
	}
}

func TestRegisterAsksForItsParts(t *testing.T) {
	require.Error(t, Register(fiber.New(), Options{}))
}

func TestTheCacheIsBounded(t *testing.T) {
	c := newCache()
	big := document{body: make([]byte, maxCached/3)}
	for _, k := range []string{"a", "b", "c", "d", "e"} {
		c.put("1", k, big)
		assert.LessOrEqual(t, c.bytes, maxCached)
	}
	_, ok := c.get("1", "e")
	assert.True(t, ok)
	_, ok = c.get("2", "e")
	assert.False(t, ok, "another version of the data")
}
