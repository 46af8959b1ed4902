package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// boundaryService answers as an OGC API with two features a page.
type boundaryService struct {
	*httptest.Server
	mu       sync.Mutex
	asked    []string
	features map[string][]string
	// reached is closed when the page with this name is asked for, which is then
	// never answered.
	stuck   string
	reached chan struct{}
}

func newBoundaryService(t *testing.T, towns ...string) *boundaryService {
	t.Helper()
	s := &boundaryService{features: map[string][]string{}, reached: make(chan struct{})}
	at := 0.0
	add := func(collection, level, code string, inhabitants int) {
		west, east := 4.7+at, 4.8+at
		s.features[collection] = append(s.features[collection], fmt.Sprintf(
			`{"type":"Feature","id":%q,"properties":{"%scode":%q,"%snaam":"Naam","jaar":2025,"aantal_inwoners":%d,"aantal_huishoudens":-99997},`+
				`"geometry":{"type":"Polygon","coordinates":[[[%.2f,52.4],[%.2f,52.4],[%.2f,52.5],[%.2f,52.5],[%.2f,52.4]]]}}`,
			code, level, code, level, inhabitants, west, east, east, west, west))
	}
	for _, town := range towns {
		add("gemeenten", "gemeente", "GM"+town, 300)
		add("wijken", "wijk", "WK"+town+"01", 300)
		for i := range 3 {
			add("buurten", "buurt", fmt.Sprintf("BU%s010%d", town, i), 100*i)
			at += .1
		}
		add("buurten", "buurt", "BU"+town+"9998", -99997)
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *boundaryService) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func (s *boundaryService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	name, ok := strings.CutPrefix(r.URL.Path, "/ogc/v1/collections/")
	switch name, _, _ = strings.Cut(name, "/"); {
	case strings.HasPrefix(r.URL.Path, "/html"):
		_, _ = w.Write([]byte("<html><body>Onderhoud</body></html>"))
		return
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	from, _ := strconv.Atoi(q.Get("cursor"))
	page := fmt.Sprint(name, from)
	s.mu.Lock()
	s.asked = append(s.asked, page)
	stuck := s.stuck == page
	s.mu.Unlock()
	if stuck {
		close(s.reached)
		<-r.Context().Done()
		return
	}
	var all []string
	for _, f := range s.features[name] {
		if town := strings.TrimPrefix(q.Get("gemeentecode"), "GM"); strings.Contains(f, `"id":"BU`+town) || strings.Contains(f, `"id":"WK`+town) || strings.Contains(f, `"id":"GM`+town) {
			all = append(all, f)
		}
	}
	to := min(from+2, len(all))
	tag := fmt.Sprintf("%q", fmt.Sprint(len(all), from))
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("ETag", tag)
	links := ""
	if to < len(all) {
		q.Set("cursor", strconv.Itoa(to))
		links = fmt.Sprintf(`{"rel":"next","type":"application/geo+json","href":%q}`, "?"+q.Encode())
	}
	_, _ = fmt.Fprintf(w, `{"type":"FeatureCollection","links":[%s],"features":[%s]}`, links, strings.Join(all[from:to], ","))
}

func TestAreasImportFromAService(t *testing.T) {
	s := newBoundaryService(t, "0479", "0363")
	data := t.TempDir()
	args := []string{"areas", "import", "--gemeente", "GM0479", "--year", "2025", "--source", s.URL + "/ogc/v1", "--data", data}
	out, err := runCommand(t, args...)
	require.NoError(t, err, out)
	assert.Contains(t, out, "buurten: page 2, 4 features")
	assert.Contains(t, out, "left out: 1 × water: BU04799998")
	assert.Contains(t, out, "imported 3 buurten, 1 wijken, 1 gemeenten of 2025; 0 stations")
	require.Equal(t, []string{"gemeenten0", "wijken0", "buurten0", "buurten2"}, s.requests())

	// Nothing changed by the tags of the service; nor, without them, by what it gives.
	out, err = runCommand(t, args...)
	require.NoError(t, err, out)
	assert.Contains(t, out, "nothing changed at "+s.URL)
	require.Len(t, s.requests(), 4)
	out, err = runCommand(t, append(args, "--data", data, "--source", s.URL+"/ogc/v1/")...)
	require.NoError(t, err, out)
	assert.Contains(t, out, "nothing changed")

	out, err = runCommand(t, "areas", "list", "--data", data)
	require.NoError(t, err, out)
	assert.Contains(t, out, "2025: 3 buurten, 1 wijken, 1 gemeenten (in use)\n  boundaries of 1 January 2025, imported "+time.Now().UTC().Format(time.DateOnly)+" from "+s.URL+"/ogc/v1\n")
	assert.Contains(t, out, "of 3 buurten are known: inhabitants of 3 (300 in all), households of 0, density of 0")

	// Removed, and asked for again: the tags alone do not count.
	_, err = runCommand(t, "areas", "remove", "--year", "2025", "--data", data)
	require.NoError(t, err)
	out, err = runCommand(t, args...)
	require.NoError(t, err, out)
	assert.Contains(t, out, "imported 3 buurten")
}

// The whole country is imported; the site goes on showing one municipality, and a
// station elsewhere counts for none of its areas.
func TestTheSiteShowsOneMunicipalityOfAll(t *testing.T) {
	s := newBoundaryService(t, "0363", "0479")
	data := t.TempDir()
	for id, lon := range map[string]string{"ams": "4.75", "zaan": "5.05"} {
		out, err := runCommand(t, "station", "add", "--id", id, "--title", "Een", "--lon", lon, "--lat", "52.45", "--data", data)
		require.NoError(t, err, out)
	}
	out, err := runCommand(t, "areas", "import", "--all", "--year", "2025", "--source", s.URL+"/ogc/v1", "--data", data)
	require.NoError(t, err, out)
	assert.Contains(t, out, "imported 6 buurten, 2 wijken, 2 gemeenten of 2025; 2 stations stand in a buurt")

	type areas struct {
		Municipality struct{ Code, Name string }
		Areas        []struct {
			Code        string
			Stations    []string
			Inhabitants *struct {
				Value, Year int
				Unit        string
			}
			Households *int
		}
	}
	for town, want := range map[string][]string{"": {"zaan"}, "GM0363": {"ams"}} {
		args := []string{"--data", data, "--mqtt-listen", "127.0.0.1:0", "--door-listen", "127.0.0.1:0"}
		if town != "" {
			args = append(args, "--gemeente", town)
		}
		srv := startServer(t, args...)
		var got areas
		status, _, body := get(t, srv.url("/v1/areas"), "")
		require.Equal(t, 200, status)
		require.NoError(t, json.Unmarshal([]byte(body), &got))
		require.Len(t, got.Areas, 3)
		var stations []string
		for _, a := range got.Areas {
			stations = append(stations, a.Stations...)
			require.Nil(t, a.Households)
			require.NotNil(t, a.Inhabitants)
			require.Equal(t, 2025, a.Inhabitants.Year)
			require.Equal(t, "inhabitants", a.Inhabitants.Unit)
		}
		require.Equal(t, want, stations)
		require.Zero(t, got.Areas[0].Inhabitants.Value)
		require.Equal(t, 200, got.Areas[2].Inhabitants.Value)
		require.Contains(t, []string{"GM0479", town}, got.Municipality.Code)
		status, _, body = get(t, srv.url("/v1/datasets/verdicts/data.geojson"), "")
		require.Equal(t, 200, status)
		require.Contains(t, body, `"inhabitants":{"value":200,"unit":"inhabitants","year":2025}`)
		srv.stop()
	}
	out, err = runCommand(t, "serve", "--data", data, "--gemeente", "GM9999")
	require.Error(t, err)
	require.Contains(t, out, "is not among the 2 of them (GM0363, GM0479)")
	require.Contains(t, out, "Try:   choose another one with --gemeente")
}

// Killed between two pages, the import goes on with those that it has, and nothing
// of it is seen before it is whole.
func TestAreasImportSurvivesAKill(t *testing.T) {
	s := newBoundaryService(t, "0479")
	s.stuck = "buurten2"
	data := t.TempDir()
	args := []string{"areas", "import", "--gemeente", "GM0479", "--year", "2025", "--source", s.URL + "/ogc/v1", "--data", data}
	c := newChild(t, args...)
	require.NoError(t, c.cmd.Start())
	t.Cleanup(c.kill)
	select {
	case <-s.reached:
	case <-time.After(time.Minute):
		t.Fatal("the child did not ask for its page: " + c.log.String())
	}
	c.kill()
	require.Equal(t, []string{"gemeenten0", "wijken0", "buurten0", "buurten2"}, s.requests())
	s.mu.Lock()
	s.stuck = ""
	s.mu.Unlock()
	_, err := runCommand(t, "areas", "list", "--data", data)
	require.Error(t, err, "there is no register yet, let alone half an import")

	out, err := runCommand(t, args...)
	require.NoError(t, err, out)
	require.Contains(t, out, "goes on with the 1 pages that are stored")
	require.Contains(t, out, "imported 3 buurten")
	require.Equal(t, []string{"buurten2"}, s.requests())
}

func TestAreasImportSaysWhatToDo(t *testing.T) {
	s := newBoundaryService(t, "0479")
	source := s.URL + "/ogc/v1"
	file := areaFile(t, []byte(boundaries([2]string{"BU04790001", "Noord"}, [2]string{"BU03630001", "Zuid"})))
	for name, c := range map[string]struct {
		args []string
		says string
		try  string
	}{
		"no municipality":     {[]string{"--year", "2025"}, "wants to know which municipality", "--all for the whole"},
		"both":                {[]string{"--year", "2025", "--all", "--gemeente", "GM0479"}, "contradict", "give one"},
		"a name":              {[]string{"--year", "2025", "--gemeente", "Zaanstad"}, "no code of a municipality", "--gemeente GM0479"},
		"a file and a source": {[]string{file, "--year", "2025", "--source", source}, "contradict", "leave the file out"},
		"a year without one":  {[]string{"--year", "2016", "--all"}, "boundaries of 2016", "name a service with --source"},
		"no such town":        {[]string{"--year", "2025", "--gemeente", "GM0001", "--source", source}, "no usable areas", "name another one with --source"},
		"another year":        {[]string{"--year", "2024", "--all", "--source", source}, "of another year than 2024", "give the year"},
		"another address":     {[]string{"--year", "2025", "--all", "--source", s.URL}, "status 404", "check --source"},
		"a page of the web":   {[]string{"--year", "2025", "--all", "--source", s.URL + "/html"}, "something else than features: Onderhoud", "check --source"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := runCommand(t, append([]string{"areas", "import", "--data", t.TempDir()}, c.args...)...)
			require.Error(t, err, out)
			require.Contains(t, out, c.says)
			require.Contains(t, out, "Try:   ")
			require.Contains(t, out, c.try)
		})
	}
	out, err := runCommand(t, "areas", "import", file, "--year", "2025", "--all", "--data", t.TempDir())
	require.NoError(t, err, out)
	require.Contains(t, out, "imported 2 buurten")
}
