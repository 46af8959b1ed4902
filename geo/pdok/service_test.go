package pdok_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/geo/pdok"
)

// service answers in the shape of PDOK's OGC API (gokoala): pages by a cursor
// that nobody else can make, an unknown parameter is a 400, and there is no
// numberMatched. Its fields turn on what real services do besides.
type service struct {
	*httptest.Server
	mu       sync.Mutex
	features map[string][]string
	asked    []string // collection and cursor of each request
	// most is the largest page; a larger limit is cut without a word.
	most int
	// links is what next links begin with; default the server itself.
	links string
	tags  bool
	// unfilterable: gemeentecode is an unknown parameter; unfiltering: it is
	// overlooked.
	unfilterable, unfiltering bool
	// extra is added to a page; before answers instead of the service when it
	// returns true.
	extra  string
	before func(w http.ResponseWriter, r *http.Request, n int) bool
}

func newService(t *testing.T, features map[string][]string) *service {
	t.Helper()
	s := &service{features: features, most: 3}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	s.links = s.URL + "/cbs/ogc/v1"
	return s
}

func (s *service) source() string { return s.URL + "/cbs/ogc/v1" }

// requests returns what was asked for since the last call.
func (s *service) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, "/cbs/ogc/v1/collections/")
	name, _, _ = strings.Cut(name, "/")
	q := r.URL.Query()
	s.mu.Lock()
	s.asked = append(s.asked, strings.TrimSuffix(name+" "+q.Get("cursor"), " "))
	n := len(s.asked)
	s.mu.Unlock()
	if s.before != nil && s.before(w, r, n) {
		return
	}
	q = r.URL.Query() // before may have changed it
	for key := range q {
		known := key == "f" || key == "limit" || key == "cursor" || key == "gemeentecode" && !s.unfilterable
		if !known || !ok {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"title":"Bad Request","detail":"unknown query parameter: %s"}`, key)
			return
		}
	}
	s.page(w, r, name, q)
}

func (s *service) page(w http.ResponseWriter, r *http.Request, name string, q url.Values) {
	all := s.features[name]
	if g := q.Get("gemeentecode"); g != "" && !s.unfiltering {
		var own []string
		for _, f := range all {
			if strings.Contains(f, `"`+g+`"`) {
				own = append(own, f)
			}
		}
		all = own
	}
	limit, _ := strconv.Atoi(q.Get("limit"))
	limit = min(limit, s.most)
	from, _ := strconv.Atoi(strings.TrimPrefix(q.Get("cursor"), "c"))
	to := min(from+limit, len(all))
	tag := fmt.Sprintf(`W/"%08x"`, crc32.ChecksumIEEE([]byte(strings.Join(all[from:to], ""))))
	if s.tags {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	links := []string{`{"rel":"self","type":"application/geo+json","href":"x"}`}
	if to < len(all) {
		next := q
		next.Set("cursor", fmt.Sprintf("c%d", to))
		for _, kind := range []string{"text/html", "application/vnd.ogc.fg+json", "application/geo+json"} {
			next.Set("f", map[string]string{"text/html": "html", "application/vnd.ogc.fg+json": "jsonfg"}[kind])
			if kind == "application/geo+json" {
				next.Set("f", "json")
			}
			links = append(links, fmt.Sprintf(`{"rel":"next","type":%q,"href":%q}`, kind, s.links+"/collections/"+name+"/items?"+next.Encode()))
		}
	}
	w.Header().Set("Content-Type", "application/geo+json")
	w.Header().Set("Content-Crs", "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>")
	_, _ = fmt.Fprintf(w, `{"type":"FeatureCollection","timeStamp":"2026-01-01T00:00:00Z","links":[%s],"features":[%s],"numberReturned":%d%s}`,
		strings.Join(links, ","), strings.Join(all[from:to], ","), to-from, s.extra)
}

// square is the geometry of a box of a hundredth of a degree.
func square(lon, lat float64) string {
	return fmt.Sprintf(`{"type":"MultiPolygon","coordinates":[[[[%[1]f,%[2]f],[%[3]f,%[2]f],[%[3]f,%[4]f],[%[1]f,%[4]f],[%[1]f,%[2]f]]]]}`, lon, lat, lon+.01, lat+.01)
}

// feature is one of the snake_case features of the OGC API.
func feature(id int, level, code, geometry, props string) string {
	return fmt.Sprintf(`{"type":"Feature","id":%d,"properties":{"%scode":%q,"%snaam":"Naam %s","gemeentecode":"GM%s","jaar":2025%s},"geometry":%s}`,
		id, level, code, level, code, code[2:6], props, geometry)
}

// town is a gemeente of two wijken with n buurten, and one wijk with a buurt of
// another gemeente.
func town(n int) map[string][]string {
	f := map[string][]string{
		"gemeenten": {feature(1, "gemeente", "GM0479", square(4.8, 52.4), `,"aantal_inwoners":158000`), feature(2, "gemeente", "GM0363", square(4.9, 52.3), "")},
		"wijken":    {feature(1, "wijk", "WK047901", square(4.8, 52.4), ""), feature(2, "wijk", "WK047902", square(4.81, 52.4), ""), feature(3, "wijk", "WK036301", square(4.9, 52.3), "")},
		"buurten":   {feature(900, "buurt", "BU03630101", square(4.9, 52.3), "")},
	}
	for i := range n {
		code := fmt.Sprintf("BU04790%d%02d", 1+i%2, i)
		f["buurten"] = append(f["buurten"], feature(i, "buurt", code, square(4.7+float64(i)/100, 52.4), fmt.Sprintf(`,"aantal_inwoners":%d`, 100*i)))
	}
	return f
}

// fetching are options for the service, with a clock that stands and no pauses.
func fetching(t *testing.T, s *service) pdok.Options {
	t.Helper()
	return pdok.Options{
		Source: s.source(), Year: 2025, Gemeente: "GM0479", Folder: t.TempDir(),
		Now:   func() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) },
		Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

// run opens the fetch, runs it and reads its areas.
func run(t *testing.T, o pdok.Options) ([]geo.Area, []geo.Problem, error) {
	t.Helper()
	f, err := pdok.Open(o)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	unchanged, err := f.Run(t.Context())
	require.False(t, unchanged)
	if err != nil {
		areas, _, notWhole := f.Areas()
		require.Error(t, notWhole, "what is not whole is not read")
		require.Nil(t, areas)
		return nil, nil, err
	}
	return f.Areas()
}
