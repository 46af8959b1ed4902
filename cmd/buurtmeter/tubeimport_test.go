package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// labSheet writes a lab sheet with a row for each result, after what stands above
// its table; tubes have the codes first, first+1 and so on.
func labSheet(t *testing.T, name, above string, first int, results ...string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(above + "code;locatie;startdatum;einddatum;NO2 [µg/m³]\n")
	for i, r := range results {
		fmt.Fprintf(&b, "k%d;Dijk;01-01-2025 12:00;01-04-2025 12:00;%s\n", first+i, r)
	}
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	return path
}

// tubeCampaign runs "tube" for one campaign in a register of its own; the first
// argument tells whether it must fail.
func tubeCampaign(t *testing.T) func(fail bool, args ...string) string {
	data := t.TempDir()
	return func(fail bool, args ...string) string {
		t.Helper()
		out, err := runCommand(t, append(append([]string{"tube"}, args...), "--campaign", "Lucht", "--data", data)...)
		require.Equal(t, fail, err != nil, out)
		return out
	}
}

func TestTubeImportNamesEveryRowThatItCannotRead(t *testing.T) {
	tubes := tubeCampaign(t)
	sheet := labSheet(t, "blad.csv", "", 1, "20", "veel", "<15", "-3", "1200")
	out := tubes(true, "import", sheet)
	for _, want := range []string{
		`cannot be read: sheet "blad.csv", row 3, column E: "veel" is not a concentration: write a number`,
		`row 5, column E: "-3" is below 0`, `row 6, column E: "1200" is more than 1000 µg/m³`,
		"rows that cannot be read: 3, and 2 that can; nothing was imported from it", "Try:", "--skip-unreadable",
	} {
		require.Contains(t, out, want)
	}
	require.Contains(t, tubes(true, "list"), "there is no such campaign")
	elsewhere := filepath.Join(t.TempDir(), "nieuw")
	out, err := runCommand(t, "tube", "import", sheet, "--campaign", "Lucht", "--dry-run", "--data", elsewhere)
	require.Error(t, err)
	require.Contains(t, out, "cannot be read")
	require.NoDirExists(t, elsewhere, "a dry run makes nothing")
	out = tubes(false, "import", sheet, "--skip-unreadable", "--dry-run")
	require.Contains(t, out, "read, nothing is stored; 3 rows left out")
	out = tubes(false, "import", sheet, "--skip-unreadable")
	require.Equal(t, 3, strings.Count(out, "left out: sheet"), out)
	require.Contains(t, out, "set blad: 2 tubes with a result (1 below the limit of detection), 0 without, 0 field blanks: imported as version 1 in campaign \"Lucht\"; 3 rows left out")
	require.Contains(t, tubes(false, "import", sheet, "--skip-unreadable"), "nothing changed")
	require.Contains(t, tubes(false, "events"), "; 3 rows could not be read and are left out: 3, 5, 6;")
	list := tubes(false, "list")
	require.Equal(t, 3, strings.Count(list, "left out of set blad: sheet"), list)
	require.Contains(t, list, `"veel" is not a concentration`)
	require.Contains(t, tubes(false, "means"), "up to 3 behind one mean")

	mended := labSheet(t, "blad.csv", "", 1, "20", "30", "<15", "22", "12")
	require.Contains(t, tubes(true, "import", mended), "--why")
	require.Contains(t, tubes(false, "import", mended, "--why", "drie rijen verbeterd"), "imported as version 2")
	require.NotContains(t, tubes(false, "list"), "left out")
	require.NotContains(t, tubes(false, "means"), "left out")

	var many []string
	for range 70 {
		many = append(many, "veel")
	}
	out = tubes(true, "import", labSheet(t, "fout.csv", "", 100, append(many, "1")...))
	require.Equal(t, 50, strings.Count(out, "cannot be read: sheet"))
	require.Contains(t, out, "cannot be read: and 20 more")
	require.Contains(t, tubes(true, "import", labSheet(t, "fout.csv", "", 100, many...), "--skip-unreadable"), "not one of its tubes can be read")
	ppb := labSheet(t, "ppb.csv", "", 100, "12")
	text, err := os.ReadFile(ppb)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(ppb, []byte(strings.Replace(string(text), "µg/m³", "ppb", 1)), 0o600))
	require.Contains(t, tubes(true, "import", ppb, "--skip-unreadable"), "the results are not in µg/m³")
}

func TestTubeImportKeepsTheLaboratory(t *testing.T) {
	tubes := tubeCampaign(t)
	silent, told := labSheet(t, "een.csv", "", 1, "20"), labSheet(t, "twee.csv", "Laboratorium: Gradko\nMethode: 20 % TEA\n", 10, "30")
	out := tubes(false, "import", silent, told)
	require.Contains(t, out, "set een: 1 tubes")
	require.Contains(t, out, "laboratory: not told")
	require.Contains(t, out, "import the file again with --lab NAME")
	require.Contains(t, out, "laboratory: Gradko, method 20 % TEA")
	require.Contains(t, tubes(false, "import", silent, "--lab", "Buro Blauw", "--lab-limit", "1 µg/m³"), "only its laboratory is named anew\n  laboratory: Buro Blauw, limit of detection 1 µg/m³")
	require.Contains(t, tubes(false, "import", silent), "nothing changed\n  laboratory: Buro Blauw")
	require.Contains(t, tubes(true, "import", silent, "--lab", "Gradko"), "Try:   something else stands there of this set")
	require.Contains(t, tubes(true, "import", silent, "--lab", "lab@example.org", "--why", "x"), "Try:   leave that out of names, --lab, --by and --why")
	out = tubes(false, "import", told, "--lab", "Socotec", "--why", "het blad noemt de verzender")
	require.Contains(t, out, "note: the sheet says of its laboratory: Gradko")
	require.Contains(t, out, "laboratory: Socotec, method 20 % TEA")
	require.Contains(t, tubes(false, "events"), "laboratory-named")
	require.Contains(t, tubes(false, "list"), "laboratory: Buro Blauw, limit of detection 1 µg/m³")

	var means []struct {
		Laboratories []struct{ Name, Method, DetectionLimit string }
	}
	require.NoError(t, json.Unmarshal([]byte(tubes(false, "means", "--json")[strings.Index(tubes(false, "means", "--json"), "["):]), &means))
	require.Len(t, means, 1)
	require.Len(t, means[0].Laboratories, 2)
	require.Equal(t, "Socotec", means[0].Laboratories[1].Name)
	require.Contains(t, tubes(false, "means"), "Buro Blauw + Socotec")

	out = tubes(true, "import", silent, filepath.Join(t.TempDir(), "geen.csv"), told)
	require.Contains(t, out, "nothing changed")
	require.Contains(t, out, "the 1 after it are not")
	require.Contains(t, tubes(true, "import", silent, told, "--set", "x"), "--set names one set")
}
