package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/register"
	"buurtmeter/opendata/export"
)

// tubeSheet is a lab sheet of 2025: twelve periods of four weeks at two places,
// one with values on both sides of 40 µg/m³ and one mostly above it; a result of
// the first is below the limit of detection.
func tubeSheet(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("code;locatie;startdatum;einddatum;NO2 [µg/m³]\n")
	from := time.Date(2025, 1, 6, 12, 0, 0, 0, time.UTC)
	for i := range 12 {
		rim := fmt.Sprintf("%d,5", 35+i) // 35.5 to 46.5: 41 in the mean
		if i == 0 {
			rim = "<35,5"
		}
		to := from.AddDate(0, 0, 28)
		for _, hung := range [][2]string{{"Dijk", rim}, {"Kade", strconv.Itoa(47 + i)}} { // 52.5 in the mean
			fmt.Fprintf(&b, "%s-%d;%s;%s;%s;%s\n", hung[0], i, hung[0], from.Format("02-01-2006 15:04"), to.Format("02-01-2006 15:04"), hung[1])
		}
		from = to
	}
	path := filepath.Join(t.TempDir(), "uitslag.csv")
	require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	return path
}

// tubeRig is a running server with a campaign of tubes beside it.
type tubeRig struct {
	*testing.T
	s   *running
	dir string
	reg *register.Register
}

func (r *tubeRig) must(args ...string) string {
	r.Helper()
	out, err := runCommand(r.T, append(args, "--data", r.dir)...)
	require.NoError(r, err, out)
	awaitGraph(r.T, r.s, r.reg)
	return out
}

// verdict is that of the norm of today for NO2 in 2025 where the station stands.
func (r *tubeRig) verdict(area string) map[string]export.PointValue {
	r.Helper()
	status, _, body := get(r.T, r.s.url("/v1/verdicts?norm=eu2008-no2-y&year=2025&area="+area), "application/json")
	require.Equal(r, 200, status, body)
	var answer struct{ Verdicts []export.Verdict }
	require.NoError(r, json.Unmarshal([]byte(body), &answer))
	points := map[string]export.PointValue{}
	for _, v := range answer.Verdicts {
		for _, p := range v.Points {
			points[p.Station] = p
		}
	}
	return points
}

func (r *tubeRig) page(path string) string {
	r.Helper()
	status, _, body := get(r.T, r.s.url(path), "text/html")
	require.Equal(r, 200, status, body)
	return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(body)
}

// From the sheet of the laboratory to the verdict on the page, beside a running
// server.
func TestTubesReachTheVerdict(t *testing.T) {
	dir, sheet := t.TempDir(), tubeSheet(t)
	r := &tubeRig{T: t, dir: dir, s: startServer(t, "--data", dir, "--mqtt-listen", "127.0.0.1:0")}
	r.reg = stationRig{t, "sqlite:" + filepath.Join(dir, "register.db")}.register()
	for _, id := range []string{"dijk", "kade"} {
		r.must("station", "add", "--id", id, "--title", "Buisjes "+id, "--kind", "tube", "--lon", "4.823791", "--lat", "52.441973", "--siting", map[string]string{"kade": "roadside"}[id])
	}
	var station export.Station
	_, _, body := get(t, r.s.url("/v1/stations/dijk"), "application/json")
	require.NoError(t, json.Unmarshal([]byte(body), &station))
	require.NotNil(t, station.Area)
	area := *station.Area
	require.Contains(t, r.page("/meetpunt/dijk"), "heeft nog niets gemeten")

	r.must("tube", "import", sheet, "--campaign", "Schone lucht")
	require.Empty(t, r.verdict(area), "no place is a station yet")
	r.must("tube", "place", "--campaign", "Schone lucht", "--location", "Dijk", "--station", "dijk")
	r.must("tube", "place", "--campaign", "Schone lucht", "--location", "Kade", "--station", "kade")
	points := r.verdict(area)
	require.Len(t, points, 2)
	dijk, kade := points["dijk"], points["kade"]
	require.Equal(t, [2]string{"cannot-tell", "exceeds"}, [2]string{dijk.Outcome, kade.Outcome})
	require.Equal(t, "uncertainty", *dijk.Reason)
	require.True(t, *dijk.Above, "by its value")
	require.InDelta(t, 41, dijk.Value.Value, 0.01)
	require.InDelta(t, 52.5, kade.Value.Value, 0.01)
	require.Less(t, kade.Value.Low, 52.5)
	require.InDelta(t, 336.0/365, kade.Coverage, 0.001)
	require.Nil(t, kade.Calibration)
	require.Equal(t, "roadside", *kade.Siting)
	require.Nil(t, dijk.Siting, "nobody said what surrounds it")
	require.Greater(t, *kade.Probability, 0.95)

	page := r.page("/meetpunt/dijk")
	for _, want := range []string{"41,0 µg/m³ (", "92 %", "12 perioden van campagne Schone lucht; niet geijkt", "1 uitslag lager dan het lab kan meten", "meet met buisjes; laatste jaar 2025", "/v1/datasets/verdicts/data.csv?station=dijk"} {
		require.Contains(t, page, want)
	}
	require.Regexp(t, `Meet sinds</[a-z]+>\s*<[^>]*>2025<`, page, "not when it was registered")
	require.NotContains(t, page, `id="week"`, "tubes have no hours to draw")
	require.NotContains(t, page, "nog geen bruikbare uren")
	page = r.page("/buurt/" + area + "?year=2025")
	for _, want := range []string{"2 meetbuisjes", "Buisjes kade", "52,5", "/meetpunt/kade", "Langs een weg met verkeer"} {
		require.Contains(t, page, want)
	}
	town := r.page("/gemeente/GM0479?year=2025")
	require.Contains(t, town, "2 meetbuisjes")
	require.Contains(t, town, "/buurt/"+area+"?year=2025")
	r.must("station", "set", "--id", "kade", "--siting", "", "--why", "de weg is afgesloten")
	require.Nil(t, r.verdict(area)["kade"].Siting)
	require.NotContains(t, r.page("/buurt/"+area+"?year=2025"), "Langs een weg met verkeer")
	kade.Siting, points["kade"] = nil, r.verdict(area)["kade"]
	_, _, csv := get(t, r.s.url("/v1/datasets/verdicts/data.csv?station=kade&norm=eu2008-no2-y&year=2025"), "")
	require.Contains(t, csv, ",kade,52.5")

	version, _, err := r.reg.DataVersion(t.Context())
	require.NoError(t, err)
	require.Contains(t, r.must("tube", "import", sheet, "--campaign", "Schone lucht"), "nothing changed")
	again, _, err := r.reg.DataVersion(t.Context())
	require.NoError(t, err)
	require.Equal(t, version, again)
	require.Equal(t, points, r.verdict(area))

	require.Contains(t, r.page("/meetpunt/dijk"), "laboratorium niet bekend")
	require.Contains(t, r.must("tube", "import", sheet, "--campaign", "Schone lucht", "--lab", "Buro Blauw"), "only its laboratory is named anew")
	require.Contains(t, r.page("/meetpunt/dijk"), "laboratorium Buro Blauw")
	_, _, body = get(t, r.s.url("/v1/campaigns"), "application/json")
	require.Contains(t, body, `"name":"Buro Blauw"`)
	require.Contains(t, body, "location-named")
	require.NotContains(t, body, "Dijk", "where the tubes hung is not public")
	_, _, body = get(t, r.s.url("/v1/stations/kade/tubes"), "application/json")
	require.Contains(t, body, `"name":"Buro Blauw"`)

	_, pairs := tubeFiles(t)
	r.must("tube", "calibrate", "--campaign", "Schone lucht", "--pairs", pairs)
	calibrated := r.verdict(area)["kade"]
	require.InDelta(t, 51.5, calibrated.Value.Value, 0.01)
	require.NotNil(t, calibrated.Calibration)
	require.Contains(t, *calibrated.Calibration, "/1")
	require.Contains(t, r.page("/meetpunt/kade"), "geijkt; zonder ijking 52,5 µg/m³")

	r.must("station", "delete", "--id", "kade", "--yes")
	require.NotContains(t, r.verdict(area), "kade")
	require.Contains(t, r.verdict(area), "dijk")
	status, _, _ := get(t, r.s.url("/meetpunt/kade"), "text/html")
	require.Equal(t, 410, status)
	require.NotContains(t, r.page("/buurt/"+area+"?year=2025"), "kade")
}
