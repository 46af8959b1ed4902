package pdok_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/geo/pdok"
)

func codes(areas []geo.Area) string {
	var all []string
	for _, a := range areas {
		all = append(all, string(a.Code))
	}
	return strings.Join(all, " ")
}

const townOf7 = "BU04790100 BU04790102 BU04790104 BU04790106 BU04790201 BU04790203 BU04790205 GM0479 WK047901 WK047902"

// Every way in which services lead to their next page ends with the same areas.
func TestFetchFollowsPages(t *testing.T) {
	for name, change := range map[string]func(*service){
		"absolute links": func(*service) {},
		"relative links": func(s *service) { s.links = "/cbs/ogc/v1" },
		"a service that does not know its own name": func(s *service) { s.links = "http://localhost:8080" },
		"another limit than was asked for":          func(s *service) { s.most = 2 },
		"all in one page":                           func(s *service) { s.most = 1000 },
		"numberReturned that is wrong":              func(s *service) { s.extra = `,"numberReturned":99` },
		"numberMatched as text":                     func(s *service) { s.extra = `,"numberMatched":"unknown"` },
		"a filter that is refused":                  func(s *service) { s.unfilterable = true },
		"a filter that is overlooked":               func(s *service) { s.unfiltering = true },
		"a last page that is empty":                 func(s *service) { s.before = emptyLast },
		"gzip that is not announced": func(s *service) {
			inner := s.Config.Handler
			s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				z := gzip.NewWriter(w)
				inner.ServeHTTP(zipped{w, z}, r)
				_ = z.Close()
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, town(7))
			change(s)
			areas, _, err := run(t, fetching(t, s))
			require.NoError(t, err)
			require.Equal(t, townOf7, codes(areas))
			require.Equal(t, 158000, *areas[7].Figures.Inhabitants)
			require.Equal(t, 0, *areas[0].Figures.Inhabitants, "0 is a number")
			require.Nil(t, areas[8].Figures.Inhabitants)
			require.Equal(t, 2025, areas[0].Year)
		})
	}
}

// emptyLast gives the last page of buurten a next page without features.
func emptyLast(w http.ResponseWriter, r *http.Request, _ int) bool {
	if !strings.Contains(r.URL.Path, "buurten") || r.URL.Query().Get("cursor") != "c6" {
		if r.URL.Query().Get("cursor") == "c7" {
			_, _ = w.Write([]byte(`{"type":"FeatureCollection","links":[],"features":[],"numberReturned":0}`))
			return true
		}
		return false
	}
	_, _ = fmt.Fprintf(w, `{"type":"FeatureCollection","links":[{"rel":"next","href":"?cursor=c7"}],"features":[%s]}`,
		feature(6, "buurt", "BU04790106", square(4.76, 52.4), ""))
	return true
}

type zipped struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (z zipped) Write(p []byte) (int, error) { return z.z.Write(p) }

// What cannot be whole is an error, and the next run does not begin in the same
// circle.
func TestFetchRefusesWhatIsNotWhole(t *testing.T) {
	text := func(s string) func(http.ResponseWriter, *http.Request, int) bool {
		return func(w http.ResponseWriter, _ *http.Request, _ int) bool { _, _ = w.Write([]byte(s)); return true }
	}
	pageWith := func(next string) func(http.ResponseWriter, *http.Request, int) bool {
		return func(w http.ResponseWriter, r *http.Request, n int) bool {
			next := strings.NewReplacer("N", strconv.Itoa(n), "SELF", r.URL.String()).Replace(next)
			_, _ = fmt.Fprintf(w, `{"type":"FeatureCollection","links":[{"rel":"next","href":%q}],"features":[]}`, next)
			return true
		}
	}
	for name, c := range map[string]struct {
		extra  string
		before func(http.ResponseWriter, *http.Request, int) bool
		want   error
		says   string
	}{
		"a next page that is the same": {"", pageWith("SELF"), pdok.ErrLoop, "came before"},
		"empty pages without end":      {"", pageWith("?cursor=N"), pdok.ErrLoop, "empty pages"},
		"a place that it forgets": {"", func(_ http.ResponseWriter, r *http.Request, n int) bool {
			if q := r.URL.Query(); q.Get("cursor") != "" { // begins again at page one, with another cursor
				q.Set("cursor", "c0")
				r.URL.RawQuery = q.Encode()
			}
			return false
		}, pdok.ErrLoop, "came before"},
		"another server":         {"", pageWith("http://10.0.0.1/secret"), pdok.ErrAnswer, "10.0.0.1"},
		"a next page of no form": {"", pageWith("http://[::1"), pdok.ErrAnswer, "next page"},
		"fewer than there are":   {`,"numberMatched":12`, nil, pdok.ErrIncomplete, "1 of 12"},
		"HTML":                   {"", text("<!DOCTYPE html><title>Onderhoud\x1b[2J</title>"), pdok.ErrAnswer, "Onderhoud [2J"},
		"JSON of another kind":   {"", text(`{"type":"Topology"}`), pdok.ErrAnswer, "without features"},
		"a list":                 {"", text(`[1]`), pdok.ErrAnswer, "begins with"},
		"features of no kind":    {"", text(`{"features":{}}`), pdok.ErrAnswer, "no list"},
		"metres": {"", func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.Header().Set("Content-Crs", "<http://www.opengis.net/def/crs/EPSG/0/28992>")
			_, _ = w.Write([]byte(`{"features":[]}`))
			return true
		}, pdok.ErrAnswer, "EPSG/0/28992"},
		"half a page every time": {"", text(`{"features":[{"id":1`), pdok.ErrService, "unexpected EOF"},
		"not found":              {"", func(w http.ResponseWriter, _ *http.Request, _ int) bool { w.WriteHeader(404); return true }, nil, "status 404 Not Found"},
		"no features at all":     {"", text(`{"type":"FeatureCollection","features":[]}`), geo.ErrNoAreas, "0 features"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, town(7))
			s.extra, s.before = c.extra, c.before
			o := fetching(t, s)
			_, _, err := run(t, o)
			require.ErrorContains(t, err, c.says)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
			// The service is mended: the same command does it.
			s.extra, s.before = "", nil
			areas, _, err := run(t, o)
			require.NoError(t, err)
			require.Equal(t, townOf7, codes(areas))
		})
	}
}

// What passes is tried again, with the patience that the service asks for.
func TestFetchTriesAgain(t *testing.T) {
	const whole = 10_000
	good := strings.Repeat(" ", whole)
	for name, c := range map[string]struct {
		first func(http.ResponseWriter)
		least time.Duration
	}{
		"429 with seconds": {func(w http.ResponseWriter) { w.Header().Set("Retry-After", "77"); w.WriteHeader(429) }, 77 * time.Second},
		"503 with a date": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "Thu, 01 Jan 2026 12:01:30 GMT")
			w.WriteHeader(503)
		}, 90 * time.Second},
		"500": {func(w http.ResponseWriter) { w.WriteHeader(500) }, time.Second},
		"broken off": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "20000")
			_, _ = w.Write([]byte(`{"a":"` + good))
		}, time.Second},
		"no JSON":        {func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"features":[nul]}`)) }, time.Second},
		"empty":          {func(http.ResponseWriter) {}, time.Second},
		"half of a gzip": {func(w http.ResponseWriter) { halfGzip(w, true) }, time.Second},
		"half, unasked":  {func(w http.ResponseWriter) { halfGzip(w, false) }, time.Second},
		"closed":         {func(w http.ResponseWriter) { hangUp(w) }, 0}, // the client itself may try again on another connection
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, town(7))
			done := false
			s.before = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if done || r.URL.Query().Get("cursor") == "" {
					return false
				}
				done = true
				c.first(w)
				return true
			}
			o := fetching(t, s)
			var waits []time.Duration
			o.Pause = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
			areas, _, err := run(t, o)
			require.NoError(t, err)
			require.Equal(t, townOf7, codes(areas))
			if c.least > 0 {
				require.Len(t, waits, 1)
				require.GreaterOrEqual(t, waits[0], c.least)
			}
			require.Len(t, s.requests(), 1+1+3+1, "no page was asked for again but that one")
		})
	}

	s := newService(t, town(7))
	tries := 0
	s.before = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		tries++
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(503)
		return true
	}
	_, _, err := run(t, fetching(t, s))
	require.ErrorIs(t, err, pdok.ErrService)
	require.ErrorContains(t, err, "1h0m0s")
	require.Equal(t, 1, tries, "who asks for an hour is not asked again after a second")
	s.before = func(w http.ResponseWriter, _ *http.Request, _ int) bool { tries++; w.WriteHeader(500); return true }
	_, _, err = run(t, fetching(t, s))
	require.ErrorIs(t, err, pdok.ErrService)
	require.Equal(t, 1+6, tries)
}

// A service that falls silent in the middle of an answer is asked again.
func TestFetchDoesNotWaitForever(t *testing.T) {
	s := newService(t, town(7))
	done := false
	s.before = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if done || r.URL.Query().Get("cursor") == "" {
			return false
		}
		done = true
		_, _ = w.Write([]byte(`{"features":[`))
		w.(http.Flusher).Flush()
		<-r.Context().Done() // until the other side gives up
		return true
	}
	o := fetching(t, s)
	o.Silence = 300 * time.Millisecond
	var notes []string
	o.Progress = func(p pdok.Progress) { notes = append(notes, p.Note) }
	areas, _, err := run(t, o)
	require.NoError(t, err)
	require.Equal(t, townOf7, codes(areas))
	require.Contains(t, strings.Join(notes, "\n"), "fell silent")
}

func halfGzip(w http.ResponseWriter, announced bool) {
	var b strings.Builder
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(`{"features":[],"x":"` + strings.Repeat("0123456789abcdef", 500) + `"}`))
	_ = z.Close()
	if announced {
		w.Header().Set("Content-Encoding", "gzip")
	}
	_, _ = w.Write([]byte(b.String()[:b.Len()/2]))
}

func hangUp(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

// An interrupted fetch goes on where it stopped.
func TestFetchResumes(t *testing.T) {
	stop := func(t *testing.T, s *service, o pdok.Options) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		pages := 0
		o.Progress = func(p pdok.Progress) {
			if p.Note == "" && p.Collection == "buurten" {
				if pages++; pages == 2 {
					cancel()
				}
			}
		}
		f, err := pdok.Open(o)
		require.NoError(t, err)
		_, err = f.Run(ctx)
		require.ErrorIs(t, err, context.Canceled)
		_, err = pdok.Open(o)
		require.ErrorIs(t, err, pdok.ErrBusy)
		require.NoError(t, f.Close())
		require.Equal(t, []string{"gemeenten", "wijken", "buurten", "buurten c3"}, s.requests())
	}
	all := []string{"gemeenten", "wijken", "buurten", "buurten c3", "buurten c6"}
	for name, c := range map[string]struct {
		meanwhile func(t *testing.T, s *service, o *pdok.Options)
		want      []string
	}{
		"nothing happened": {func(*testing.T, *service, *pdok.Options) {}, all[4:]},
		"a day passed": {func(_ *testing.T, _ *service, o *pdok.Options) {
			now := o.Now()
			o.Now = func() time.Time { return now.Add(25 * time.Hour) }
		}, all},
		"the clock went back": {func(_ *testing.T, _ *service, o *pdok.Options) {
			now := o.Now()
			o.Now = func() time.Time { return now.Add(-time.Hour) }
		}, all},
		"a page is damaged": {func(t *testing.T, _ *service, o *pdok.Options) {
			found, err := filepath.Glob(filepath.Join(o.Folder, "*", "wijken-0001.json.gz"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(found[0], []byte("x"), 0o600))
		}, all},
		"the state is damaged": {func(t *testing.T, _ *service, o *pdok.Options) {
			found, err := filepath.Glob(filepath.Join(o.Folder, "*", "state.json"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(found[0], []byte("{"), 0o600))
		}, all},
		"another year": {func(_ *testing.T, s *service, o *pdok.Options) { o.Gemeente = ""; s.most = 100 }, all[:3]},
		"the cursor is gone": {func(_ *testing.T, s *service, _ *pdok.Options) {
			first := true
			s.before = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if !first || r.URL.Query().Get("cursor") != "c6" {
					return false
				}
				first = false
				w.WriteHeader(http.StatusBadRequest)
				return true
			}
		}, []string{"buurten c6", "buurten", "buurten c3", "buurten c6"}},
		"the cursor begins again": {func(_ *testing.T, s *service, _ *pdok.Options) {
			first := true
			s.before = func(_ http.ResponseWriter, r *http.Request, _ int) bool {
				if q := r.URL.Query(); first && q.Get("cursor") == "c6" {
					first = false
					q.Del("cursor")
					r.URL.RawQuery = q.Encode()
				}
				return false
			}
		}, []string{"buurten c6", "buurten", "buurten c3", "buurten c6"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, town(7))
			o := fetching(t, s)
			stop(t, s, o)
			c.meanwhile(t, s, &o)
			areas, _, err := run(t, o)
			require.NoError(t, err)
			if o.Gemeente != "" {
				require.Equal(t, townOf7, codes(areas))
			}
			require.Equal(t, c.want, s.requests())
		})
	}
}

// After an import only the tags are left, and they are asked with when the
// register still holds what it led to.
func TestFetchAsksWhetherAnythingChanged(t *testing.T) {
	const held = "what the register holds"
	again := []string{"gemeenten", "wijken", "buurten", "buurten c3", "buurten c6"}
	for name, c := range map[string]struct {
		meanwhile func(s *service, o *pdok.Options)
		unchanged bool
		asked     []string
	}{
		"nothing changed": {func(*service, *pdok.Options) {}, true, again},
		"a page changed": {func(s *service, _ *pdok.Options) {
			s.features["wijken"][0] = feature(1, "wijk", "WK047901", square(4.8, 52.41), "")
		}, false, append([]string{"gemeenten", "wijken"}, again...)},
		"the register holds other ones": {func(_ *service, o *pdok.Options) { o.Held = "" }, false, again},
		"the service lost its tags":     {func(s *service, _ *pdok.Options) { s.tags = false }, false, append([]string{"gemeenten"}, again...)},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, town(7))
			s.tags = true
			o := fetching(t, s)
			f, err := pdok.Open(o)
			require.NoError(t, err)
			_, err = f.Run(t.Context())
			require.NoError(t, err)
			require.NoError(t, f.Done(held))
			require.NoError(t, f.Close())
			left, err := filepath.Glob(filepath.Join(o.Folder, "*", "*.gz"))
			require.NoError(t, err)
			require.Empty(t, left, "the pages are gone")
			s.requests()

			o.Held = held
			c.meanwhile(s, &o)
			f, err = pdok.Open(o)
			require.NoError(t, err)
			unchanged, err := f.Run(t.Context())
			require.NoError(t, err)
			require.Equal(t, c.unchanged, unchanged)
			require.Equal(t, c.asked, s.requests())
			areas, _, err := f.Areas()
			require.Equal(t, c.unchanged, err != nil)
			if !unchanged {
				require.Equal(t, townOf7, codes(areas))
			}
			require.NoError(t, f.Close())
		})
	}
}

// The dirt of real files: told with codes, never a crash, and the rest whole.
func TestFetchTellsOfDirt(t *testing.T) {
	f := town(3)
	f["buurten"] = append(f["buurten"],
		feature(50, "buurt", "BU04790150", "null", ""),
		feature(51, "buurt", "BU04790151", `{"type":"MultiPolygon","coordinates":[]}`, ""),
		feature(52, "buurt", "BU04790152", `{"type":"Polygon","coordinates":[[[4.8,52.5],[4.8,52.6],[4.9,52.6],[4.9,52.5],[4.8,52.5]]]}`, `,"aantal_inwoners":-99997,"aantal_huishoudens":"12,5"`),
		feature(53, "buurt", "BU04790153", `{"type":"Polygon","coordinates":[[[4.8,52.5],[4.9,52.6],[4.9,52.5],[4.8,52.601],[4.8,52.5]]]}`, ""),
		feature(54, "buurt", "BU04790100", square(4.9, 52.4), ""),
		feature(55, "buurt", "BU04799998", square(4.9, 52.4), ""),
		feature(56, "buurt", "BU04790156", square(4.9, 52.4), `,"water":"JA"`),
		`{"type":"Feature","id":57,"properties":{"naam":"GM0479","x":"GM0479"},"geometry":null}`,
		`{"id":58,"x":"GM0479","properties":7}`,
		feature(59, "buurt", "BU04797759", square(4.9, 52.5), ""))
	f["gemeenten"] = append(f["gemeenten"], feature(3, "gemeente", "GM0479", square(4.9, 52.5), `,"water":"JA"`))
	s := newService(t, f)
	areas, problems, err := run(t, fetching(t, s))
	require.NoError(t, err)
	require.Equal(t, "BU04790100 BU04790102 BU04790152 BU04790153 BU04790201 BU04797759 GM0479 WK047901 WK047902", codes(areas))
	require.Nil(t, areas[2].Figures.Inhabitants)
	require.Nil(t, areas[2].Figures.Households)
	var told []string
	for _, tally := range geo.TallyOf(append(problems, geo.Orphans(areas)...)) {
		told = append(told, tally.String())
	}
	assert.Equal(t, []string{
		"kept with a remark: 1 × area above it missing: BU04797759",
		"kept with a remark: 1 × border that crosses itself: BU04790153",
		"left out: 1 × code that came before: BU04790100",
		"kept with a remark: 1 × key figure that is no number: BU04790152",
		"left out: 2 × no area of CBS",
		"left out: 2 × no geometry: BU04790150, BU04790151",
		"left out: 3 × water: BU04790156, BU04799998, GM0479",
	}, told)

	f["buurten"][4] = strings.ReplaceAll(f["buurten"][4], "2025", "2024")
	s = newService(t, f)
	_, _, err = run(t, fetching(t, s))
	require.ErrorIs(t, err, geo.ErrVintage)
	require.ErrorContains(t, err, "1 of 2024 (BU04790150)")
}

func TestSources(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		year   int
		want   string
		fail   string
	}{
		"PDOK":               {"", 2025, "https://api.pdok.nl/cbs/wijken-en-buurten-2025/ogc/v1", ""},
		"PDOK, an older one": {"", 2019, "https://service.pdok.nl/cbs/wijkenbuurten/2019/wfs/v1_0", ""},
		"no service":         {"", 2016, "", "2016"},
		"a collection":       {"https://example.org/ogc/v1/collections/buurten/items?f=html", 2025, "https://example.org/ogc/v1?f=html", ""},
		"a login":            {"https://me:secret@example.org/", 2025, "", "without a login"},
		"a file":             {"file:///etc/passwd", 2025, "", "https://"},
		"no address":         {"://", 2025, "", "https://"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := pdok.Open(pdok.Options{Source: c.source, Year: c.year, Folder: t.TempDir()})
			if c.fail != "" {
				require.ErrorIs(t, err, pdok.ErrSource)
				require.ErrorContains(t, err, c.fail)
				require.NotContains(t, err.Error(), "secret")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, f.Source())
			require.NoError(t, f.Close())
		})
	}
}
