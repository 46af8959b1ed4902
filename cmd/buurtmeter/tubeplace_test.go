package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A campaign of many places is placed with one list, which may be given again.
func TestTubePlacesFromAList(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	do := func(fail bool, args ...string) string {
		t.Helper()
		out, err := runCommand(t, append(args, "--data", data)...)
		require.Equal(t, fail, err != nil, out)
		return out
	}
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	sheet := file("s.csv", "code;locatie;start;eind;NO2 [µg/m³]\n1;Dam 1;01-01-2025;29-01-2025;20\n2;Kade;01-01-2025;29-01-2025;30\n")
	do(false, "tube", "import", sheet, "--campaign", "Lucht", "--lab", "Buro Blauw")
	place := func(fail bool, text string) string {
		return do(fail, "tube", "place", "--campaign", "Lucht", "--file", file("p.csv", text))
	}
	const head = "location;station;name;title;lon;lat\n"
	out := place(true, head+"Dam 1;dam;De Dam;Aan de Dam;4,823791;52,441973\nDijk;dijk;;;4.82;52.44\n")
	require.Contains(t, out, `p.csv line 3: no tube of the campaign hung at "Dijk"; nothing was changed`)
	require.Contains(t, out, "Try:   write the locations as they stand in the sheets: Dam 1, Kade")
	require.NotContains(t, do(false, "station", "list"), "dam")
	list := head + "Dam 1;dam;De Dam;Aan de Dam;4,823791;52,441973\nKade;kade;;;4.823791;52.441973\n"
	for range 2 {
		out = place(false, list)
		require.Contains(t, out, "Dam 1 is De Dam, station dam\nKade is Kade, station kade\n")
		require.NotContains(t, out, "4,8", "where a home is stays secret")
	}
	stations := do(false, "station", "list")
	require.Contains(t, stations, "dam\ttube")
	require.Contains(t, stations, "Aan de Dam")
	require.Contains(t, do(false, "tube", "means", "--campaign", "Lucht"), "De Dam")

	out = place(true, head+"Dam 1;dam2;;;52.441973;4.823791\n")
	require.Contains(t, out, "p.csv line 2: ")
	require.Contains(t, out, "look swapped")
	require.NotContains(t, out, "52.441")
	require.Contains(t, place(true, head+"Dam 1;dam3;;;noord;4.8\n"), "lon and lat are not two numbers")
	require.Contains(t, place(true, "location;station\nDam 1;geen\n"), "register it first")
	require.Contains(t, place(true, "location;station\nDam 1;\n"), "the location or the station is empty")
	require.Contains(t, place(true, "location\nDam 1\n"), `has no column "station"`)
	require.Contains(t, do(true, "tube", "place", "--campaign", "Lucht", "--file", file("p.csv", list), "--station", "dam"), "Try:   name one with --location, or many with --file LIST.csv")
	require.Contains(t, do(true, "tube", "place", "--campaign", "Lucht"), "which places?")
}
