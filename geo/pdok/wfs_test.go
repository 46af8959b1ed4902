package pdok_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/geo/pdok"
)

// camel is one of the camelCase features of the WFS.
func camel(layer string, n int, code, geometry string) string {
	level := map[string]string{"buurten": "buurt", "wijken": "wijk", "gemeenten": "gemeente"}[layer]
	return fmt.Sprintf(`{"type":"Feature","id":"%s.%d","properties":{"%scode":%q,"%snaam":"Naam","aantalInwoners":%d,"aantalHuishoudens":-99997,"bevolkingsdichtheidInwonersPerKm2":12},"geometry":%s}`,
		layer, n, level, code, level, n, geometry)
}

// A WFS pages by a number, says or does not say how many there are, and gives
// fewer at a time than it was asked for.
func TestWFS(t *testing.T) {
	layers := map[string][]string{
		"gemeenten": {camel("gemeenten", 1, "GM0479", square(4.8, 52.4)), camel("gemeenten", 2, "GM0363", square(4.9, 52.3))},
		"wijken":    {camel("wijken", 1, "WK047901", square(4.8, 52.4))},
	}
	for i := range 5 {
		layers["buurten"] = append(layers["buurten"], camel("buurten", i, fmt.Sprintf("BU0479010%d", i), square(4.8+float64(i)/100, 52.4)))
	}
	for name, c := range map[string]struct {
		year    int
		layer   string // of buurten
		matched string // of %d features
		most    int
		stuck   bool
		xml     bool
		want    error
	}{
		"numberMatched":            {2022, "buurten", `,"numberMatched":%d`, 2, false, false, nil},
		"totalFeatures as text":    {2022, "buurten", `,"totalFeatures":"%d"`, 2, false, false, nil},
		"it does not say how many": {2022, "buurten", `,"numberMatched":"unknown","x":%d`, 2, false, false, nil},
		"an older year":            {2019, "cbs_buurten_2019", `,"numberMatched":%d`, 100, false, false, nil},
		"it overlooks startIndex":  {2022, "buurten", `,"numberMatched":%d`, 2, true, false, pdok.ErrLoop},
		"an exception":             {2022, "buurten", `,"numberMatched":%d`, 2, false, true, pdok.ErrAnswer},
		"one feature was lost":     {2022, "buurten", `,"numberMatched":1%d`, 2, false, false, pdok.ErrIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				if c.xml {
					_, _ = w.Write([]byte(`<?xml version="1.0"?><ows:ExceptionReport><ows:ExceptionText>no such layer</ows:ExceptionText></ows:ExceptionReport>`))
					return
				}
				name := strings.TrimSuffix(strings.TrimPrefix(q.Get("typeNames"), "cbs_"), "_2019")
				if name == "buurten" && q.Get("typeNames") != c.layer || q.Get("request") != "GetFeature" || q.Get("map") != "x" {
					w.WriteHeader(400)
					return
				}
				from, _ := strconv.Atoi(q.Get("startIndex"))
				if c.stuck {
					from = 0
				}
				all := layers[name]
				from = min(from, len(all))
				page := all[from:min(from+c.most, len(all))]
				_, _ = fmt.Fprintf(w, `{"type":"FeatureCollection","features":[%s]`+c.matched+`}`, strings.Join(page, ","), len(all))
			}))
			defer srv.Close()
			o := fetching(t, &service{Server: srv})
			o.Source, o.Year = srv.URL+"/wfs/v1_0?map=x", c.year
			areas, problems, err := run(t, o)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
				return
			}
			require.NoError(t, err)
			require.Empty(t, problems)
			require.Equal(t, "BU04790100 BU04790101 BU04790102 BU04790103 BU04790104 GM0479 WK047901", codes(areas))
			require.Equal(t, 4, *areas[4].Figures.Inhabitants)
			require.Equal(t, geo.Figures{Inhabitants: areas[4].Figures.Inhabitants, Density: areas[4].Figures.Density}, areas[4].Figures)
			require.Equal(t, 12, *areas[4].Figures.Density)
		})
	}
}
