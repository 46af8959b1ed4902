package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/deploy/conformance/conformancetest"
)

// analysed is the answer of "analyse tubes".
type analysed struct {
	Calibration *struct {
		Slope, Intercept, Bias, MAD, UncertaintyAt20, UncertaintyAt40 float64
		MADAfter, Factor, Offset                                      float64
		N                                                             int
		Applied                                                       bool
	}
	Years []struct {
		Location        string
		Year, Periods   int
		Mean, Low, High float64
		Annualised      string
	}
}

// analyseTubes runs "analyse tubes --json", with the notes apart from the answer.
func analyseTubes(t *testing.T, args ...string) (answer analysed, notes string) {
	t.Helper()
	var out, err bytes.Buffer
	require.NoError(t, run(t.Context(), append(append([]string{"analyse", "tubes"}, args...), "--json"), func(string) string { return "" }, &out, &err), err.String())
	require.NoError(t, json.Unmarshal(out.Bytes(), &answer), out.String())
	return answer, err.String()
}

// antwerp is the path of a file of the real campaign.
func antwerp(t *testing.T, name string) string {
	return conformancetest.Path(t, "data", "rol-antwerp-2021", name)
}

func TestAnalyseTubesOfAntwerp(t *testing.T) {
	answer, notes := analyseTubes(t, antwerp(t, "rol_measurements.csv"), "--pairs", antwerp(t, "rol_measurements_calibration.csv"))
	c := answer.Calibration
	require.Equal(t, 24, c.N)
	require.InDelta(t, 1.00440393, c.Slope, 1e-6)
	require.InDelta(t, -1.14630334, c.Intercept, 2e-5)
	require.InDelta(t, -1.03, c.Bias, 0.005)
	require.InDelta(t, 1.64, c.MAD, 0.005)
	require.InDelta(t, 1.48, c.MADAfter, 0.005)
	require.Equal(t, [2]float64{0.996, 1.141}, [2]float64{c.Factor, c.Offset})
	require.InDelta(t, 0.21, c.UncertaintyAt20, 0.005)
	require.InDelta(t, 0.1, c.UncertaintyAt40, 0.01)
	f, err := os.Open(antwerp(t, "rol_measurements_yearly.csv"))
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	published, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	require.Len(t, answer.Years, 27)
	mean := map[string]float64{}
	for _, y := range answer.Years {
		mean[y.Location] = y.Mean
		require.Equal(t, 2021, y.Year)
	}
	for _, r := range published[1:] {
		want, err := strconv.ParseFloat(r[1], 64)
		require.NoError(t, err)
		require.Equal(t, want, math.Round(10*mean[r[0]])/10, r[0])
	}
	require.Contains(t, notes, "24 year means begin with weeks that were not measured")

	all, _ := analyseTubes(t, antwerp(t, "rol_measurements.csv"), "--pairs", antwerp(t, "rol_measurements_calibration.csv"), "--max-missing", "100", "--no-calibration")
	require.Equal(t, 30, all.Calibration.N)
	require.False(t, all.Calibration.Applied)
	require.InDelta(t, 0.82346646, all.Calibration.Slope, 1e-6)
	require.InDelta(t, 3.27896703, all.Calibration.Intercept, 2e-5)
	require.InDelta(t, -1.74, all.Calibration.Bias, 0.005)
	require.InDelta(t, 2.28, all.Calibration.MAD, 0.005)
	for i, y := range all.Years {
		require.InDelta(t, answer.Years[i].Mean, 0.996*y.Mean+1.141, 1e-9, "as the tubes are")
	}
}

// tubeFiles are two places of another year and columns, one of them over two
// years, and pairs beside a station.
func tubeFiles(t *testing.T) (tubes, pairs string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	return write("tubes.csv", `no2;end_date;start_date;Location
20;2023-07-01 12:00;2023-01-01 12:00;Dijk
<15;2023-07-01 12:00;2023-01-01 12:00;Dijk
30;01-01-2024 12:00;01-07-2023 12:00;Dijk
40;2024-07-01 12:00;2024-01-01 12:00;Dijk
;2024-07-01 12:00;2024-01-01 12:00;Dijk
25,5;2023-03-01T12:00:00Z;2023-02-01T12:00:00Z;Sluis
`), write("pairs.csv", `location,period,no2,no2_reference,missing
s,1,11,10,0
s,2,21,20,24.9
s,3,31,30,0
s,4,90,40,25
`)
}

func TestAnalyseTubesOfAnotherShape(t *testing.T) {
	tubes, pairs := tubeFiles(t)
	got, notes := analyseTubes(t, tubes, "--pairs", pairs, "--zone", "UTC")
	require.Equal(t, 3, got.Calibration.N, "24.9 percent is less than 25")
	require.InDelta(t, 1, got.Calibration.Slope, 1e-9)
	require.InDelta(t, 1, got.Calibration.Bias, 1e-9, "tubes less reference")
	require.Len(t, got.Years, 3)
	require.Equal(t, "Dijk", got.Years[0].Location)
	require.Equal(t, [2]int{2023, 2}, [2]int{got.Years[0].Year, got.Years[0].Periods})
	require.InDelta(t, (181*17.5+184*30)/365-1, got.Years[0].Mean, 1e-6)
	require.Less(t, got.Years[0].Low, got.Years[0].Mean)
	require.InDelta(t, 39, got.Years[1].Mean, 1e-6)
	require.Equal(t, 2024, got.Years[1].Year)
	require.InDelta(t, (28*25.5+31*25.5/0.98)/59-1, got.Years[2].Mean, 1e-6, "January from February")
	for _, want := range []string{"1 tubes have no result", "1 results are below the limit of detection and count as the limit", "cover less than nine months"} {
		require.Contains(t, notes, want)
	}
	half, _ := analyseTubes(t, tubes, "--pairs", pairs, "--zone", "UTC", "--below-limit", "half", "--head-ratio", "0")
	require.InDelta(t, (181*13.75+184*30)/365-1, half.Years[0].Mean, 1e-6)
	require.InDelta(t, 24.5, half.Years[2].Mean, 1e-6)
	text, err := os.ReadFile(tubes)
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	lines[0] += ";code"
	for i := 1; i < len(lines)-1; i++ {
		lines[i] += ";k" + strconv.Itoa(i)
	}
	lines[len(lines)-1] = lines[3] + "\n"
	require.NoError(t, os.WriteFile(tubes, []byte(strings.Join(lines, "\n")), 0o600))
	copied, notes := analyseTubes(t, tubes, "--pairs", pairs, "--zone", "UTC")
	require.Equal(t, got, copied)
	require.Contains(t, notes, "tubes.csv line 8 is a copy of an earlier line (tube k3) and does not count")
	raw, _ := analyseTubes(t, tubes, "--no-calibration")
	require.Nil(t, raw.Calibration)
}

func TestAnalyseTubesSaysWhatIsWrong(t *testing.T) {
	tubes, pairs := tubeFiles(t)
	bad := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	const head = "location,start_date,end_date,no2\n"
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no pairs":      {[]string{tubes}, "say --no-calibration"},
		"no file":       {[]string{"--pairs", pairs}, "wants one file"},
		"percentage":    {[]string{tubes, "--pairs", pairs, "--max-missing", "0"}, "--max-missing 0 is not a percentage"},
		"too few":       {[]string{tubes, "--pairs", pairs, "--max-missing", "10"}, "2 of 4 can be used"},
		"zone":          {[]string{tubes, "--pairs", pairs, "--zone", "Mars"}, `--zone "Mars" is not a zone`},
		"text":          {[]string{bad("b.csv", head+"a,2021-01-01,2021-02-01,10\na,2021-02-01,2021-03-01,veel\n"), "--no-calibration"}, `b.csv line 3, column "no2": "veel" is not a concentration`},
		"order":         {[]string{bad("b.csv", head+"a,2021-02-01,2021-01-01,10\n"), "--no-calibration"}, `b.csv line 2, column "end_date": the tube was closed before it was opened`},
		"time":          {[]string{bad("b.csv", head+"a,2021-13-01,2021-01-01,10\n"), "--no-calibration"}, `b.csv line 2, column "start_date": "2021-13-01" is not a date`},
		"no place":      {[]string{bad("b.csv", head+",2021-01-01,2021-02-01,10\n"), "--no-calibration"}, `b.csv line 2, column "location": the tube has no location`},
		"a column":      {[]string{bad("b.csv", "location,end_date,no2\na,2021-01-01,10\n"), "--no-calibration"}, `b.csv has no column "start_date"`},
		"pairs without": {[]string{tubes, "--pairs", tubes}, `has no column "no2_reference"`},
		"stations":      {[]string{tubes, "--pairs", pairs, "--annualise", "ratio"}, "--annualise and --stations need reference stations"},
	} {
		out, err := runCommand(t, append([]string{"analyse", "tubes"}, c.args...)...)
		require.Error(t, err, name)
		require.Contains(t, out, c.want, name)
		require.Contains(t, out, "Try:", name)
	}
}

func TestTubeCampaignFromTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	tubeRun := func(fail bool, args ...string) string {
		t.Helper()
		out, err := runCommand(t, append(append([]string{"tube"}, args...), "--data", data)...)
		require.Equal(t, fail, err != nil, out)
		return out
	}
	sheet := func(first string) string {
		path := filepath.Join(dir, "blad.csv")
		require.NoError(t, os.WriteFile(path, []byte("code;locatie;startdatum;einddatum;NO2 [µg/m³]\nk1;Dijk;01-01-2025 12:00;01-04-2025 12:00;"+first+"\n"+
			"k2;Dijk;01-04-2025 12:00;01-07-2025 12:00;20\nk3;Dijk;01-07-2025 12:00;01-10-2025 12:00;30\nk4;Dijk;01-10-2025 12:00;01-01-2026 12:00;30\n"), 0o600))
		return path
	}
	out := tubeRun(true, "list")
	require.Contains(t, out, "there is no register")
	out = tubeRun(true, "import", sheet("veel"), "--campaign", "Lucht")
	require.Contains(t, out, `cannot be read: sheet "blad.csv", row 2, column E: "veel" is not a concentration`)
	require.Contains(t, out, "nothing was imported")
	require.Contains(t, tubeRun(false, "import", sheet("20"), "--campaign", "Lucht", "--dry-run"), "4 tubes with a result (0 below the limit of detection), 0 without, 0 field blanks: read, nothing is stored")
	require.Contains(t, tubeRun(false, "list"), "there are no campaigns")
	require.Contains(t, tubeRun(false, "import", sheet("200"), "--campaign", "Lucht"), "imported as version 1")
	require.Contains(t, tubeRun(false, "import", sheet("200"), "--campaign", "Lucht"), "nothing changed")
	require.Contains(t, tubeRun(true, "import", sheet("20"), "--campaign", "Lucht"), "say what was wrong with that")
	require.Contains(t, tubeRun(false, "import", sheet("20"), "--campaign", "Lucht", "--why", "nul te veel", "--by", "laboratory"), "imported as version 2")
	require.Contains(t, tubeRun(true, "import", sheet("20"), "--campaign", "Lucht", "--below-limit", "half"), "has other rules")
	require.Contains(t, tubeRun(false, "list", "--campaign", "Lucht"), "place Dijk")
	require.Contains(t, tubeRun(false, "means", "--campaign", "Lucht"), "no calibration")
	_, pairs := tubeFiles(t)
	require.Contains(t, tubeRun(false, "calibrate", "--campaign", "Lucht", "--pairs", pairs), "calibration 1: 1.000 x tube -1.000, from 3 of 4 pairs")
	out, err := runCommand(t, "station", "add", "--id", "dijk", "--title", "Dijk", "--kind", "tube", "--lon", "4.85", "--lat", "52.45", "--data", data)
	require.NoError(t, err, out)
	require.Contains(t, tubeRun(false, "place", "--campaign", "Lucht", "--location", "Dijk", "--name", "De Dijk", "--station", "dijk"), "Dijk is De Dijk")
	require.Contains(t, tubeRun(true, "place", "--campaign", "Lucht", "--location", "Dam", "--station", "dijk"), `no tube of "Lucht" hung at "Dam"`)
	var means []struct {
		Location, Station string
		Mean, Raw         float64
		Calibration       int
	}
	require.NoError(t, json.Unmarshal([]byte(tubeRun(false, "means", "--campaign", "Lucht", "--json")), &means))
	require.Len(t, means, 1)
	require.Equal(t, [2]string{"De Dijk", "dijk"}, [2]string{means[0].Location, means[0].Station})
	require.InDelta(t, (181*20+184*30)/365.0, means[0].Raw, 0.01)
	require.InDelta(t, means[0].Raw-1, means[0].Mean, 1e-9)
	require.Equal(t, 1, means[0].Calibration)
	events := tubeRun(false, "events", "--campaign", "Lucht")
	for _, want := range []string{"campaign-created", "sheet-imported", "sheet-corrected", "laboratory", "nul te veel", "calibrated", "location-named"} {
		require.Contains(t, events, want)
	}
	require.Equal(t, 1, strings.Count(events, "sheet-imported"))
	for _, args := range [][]string{{"means"}, {"means", "--campaign", "Niets"}, {"calibrate", "--campaign", "Lucht"}, {"import", "--campaign", "Lucht"}, {"hang"}} {
		require.Contains(t, tubeRun(true, args...), "Try:")
	}
}
