package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// boundaries is a GeoJSON file with a square for each code and name, the first
// one at 4.8, 52.4.
func boundaries(areas ...[2]string) string { return boundariesAt(52, areas...) }

func boundariesAt(lat int, areas ...[2]string) string {
	var features []string
	for i, a := range areas {
		lon := 4.8 + float64(i)/10
		features = append(features, fmt.Sprintf(`{"type":"Feature","properties":{"statcode":%q,"statnaam":"%s"},"geometry":{"type":"Polygon","coordinates":[[[%[3]f,%[5]d.4],[%[4]f,%[5]d.4],[%[4]f,%[5]d.5],[%[3]f,%[5]d.5],[%[3]f,%[5]d.4]]]}}`,
			a[0], a[1], lon, lon+.1, lat))
	}
	return `{"type":"FeatureCollection","features":[` + strings.Join(features, ",") + `]}`
}

func areaFile(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "areas.geojson")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func TestAreasImportTakesOneTown(t *testing.T) {
	zaan, zaan2, ams, haarlem := [2]string{"BU04790001", "Noord"}, [2]string{"BU04790002", "Zuid"}, [2]string{"BU03630001", "Burgwallen"}, [2]string{"BU03920001", "Centrum"}
	for name, c := range map[string]struct {
		file string
		args []string
		want string
		fail bool
	}{
		"its own":               {boundaries(zaan, zaan2), nil, "imported 2 buurten, 0 wijken, 0 gemeenten of 2016; 1 stations stand in a buurt", false},
		"several with Zaanstad": {boundaries(zaan, ams, haarlem), nil, "1 of its 3 areas, those of GM0479, are imported", false},
		"several, one chosen":   {boundariesAt(51, ams, zaan, haarlem), []string{"--gemeente", "GM0392"}, "none of the 1 stations with a position stands", false},
		"another town":          {boundariesAt(51, ams), nil, "none of the 1 stations with a position stands", false},
		"several without":       {boundaries(ams, haarlem), nil, "Try:   choose one with --gemeente, e.g. --gemeente GM0363", true},
		"not in the file":       {boundaries(ams, haarlem), []string{"--gemeente", "GM9999"}, "it holds GM0363, GM0392: choose", true},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			out, err := runCommand(t, "station", "add", "--id", "one", "--title", "Een", "--lon", "4.85", "--lat", "52.45", "--data", data)
			require.NoError(t, err, out)
			args := append([]string{"areas", "import", areaFile(t, []byte(c.file)), "--year", "2016", "--data", data}, c.args...)
			out, err = runCommand(t, args...)
			require.Equal(t, c.fail, err != nil, out)
			assert.Contains(t, out, c.want)
			out, err = runCommand(t, "areas", "list", "--data", data)
			require.NoError(t, err, out)
			assert.Equal(t, c.fail, strings.Contains(out, "no boundaries were imported"), out)
		})
	}
}

func TestAreasImportSaysWhichYearIsInUse(t *testing.T) {
	data := t.TempDir()
	file := areaFile(t, []byte(boundaries([2]string{"BU04790001", "Noord"})))
	imported := func(year string) string {
		out, err := runCommand(t, "areas", "import", file, "--year", year, "--data", data)
		require.NoError(t, err, out)
		return out
	}
	assert.Contains(t, imported("2017"), "of 2017; 0 stations")
	assert.Contains(t, imported("2016"), "the boundaries of 2017 stay in use, because the latest year counts. If they are wrong: buurtmeter areas remove --year 2017")
	out, err := runCommand(t, "areas", "list", "--data", data)
	require.NoError(t, err)
	day := time.Now().UTC().Format(time.DateOnly)
	assert.Equal(t, strings.ReplaceAll("2016: 1 buurten, 0 wijken, 0 gemeenten\n  boundaries of 1 January 2016, imported DAY from areas.geojson\n  without key figures\n"+
		"2017: 1 buurten, 0 wijken, 0 gemeenten (in use)\n  boundaries of 1 January 2017, imported DAY from areas.geojson\n  without key figures\n", "DAY", day), out)
	out, err = runCommand(t, "areas", "remove", "--year", "2017", "--data", data)
	require.NoError(t, err)
	assert.Contains(t, out, "removed the boundaries of 2017; those of 2016 are in use")
	out, err = runCommand(t, "areas", "remove", "--year", "2017", "--data", data)
	require.Error(t, err)
	assert.Contains(t, out, "Try:   buurtmeter areas list")
	out, err = runCommand(t, "areas", "remove", "--year", "2016", "--data", data)
	require.NoError(t, err)
	assert.Contains(t, out, "the schematic cells are in use")
}

func TestAreasImportReadsOrExplainsEveryFile(t *testing.T) {
	good := boundaries([2]string{"BU04790001", "Café"})
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(good))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	latin := strings.ReplaceAll(good, "é", "\xe9")
	wide := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(good)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	other, err := json.Marshal(map[string]string{"type": "Topology"})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		file []byte
		want string
		fail bool
	}{
		"plain":            {[]byte(good), "imported 1 buurten", false},
		"byte order mark":  {[]byte("\uFEFF" + good), "imported 1 buurten", false},
		"gzip":             {packed.Bytes(), "imported 1 buurten", false},
		"gzip, broken off": {packed.Bytes()[:packed.Len()/2], "unexpected EOF", true},
		"not gzip":         {[]byte("\x1f\x8bxx"), "the file is damaged", true},
		"Latin-1":          {[]byte(latin), "save the file as UTF-8", true},
		"UTF-16":           {wide, "save the file as UTF-8", true},
		"empty":            {nil, "the file is empty", true},
		"other JSON":       {other, "instead of a FeatureCollection", true},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			out, err := runCommand(t, "areas", "import", areaFile(t, c.file), "--year", "2016", "--data", data)
			require.Equal(t, c.fail, err != nil, out)
			assert.Contains(t, out, c.want)
			if c.fail {
				assert.Contains(t, out, "Try:   ")
			}
		})
	}
}
