// Package conformancetest finds the files that conformance checks read and that
// are not part of the project: official rule sets, real campaigns and boundaries.
package conformancetest

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Path returns the path of a file or folder below BUURTMETER_SHARED, by default
// the folder "shared" beside the project. Where it is not, the test is skipped and
// says so; with BUURTMETER_REQUIRE_SHARED=1 it fails.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	dir := os.Getenv("BUURTMETER_SHARED")
	if dir == "" {
		dir = filepath.Join(filepath.Dir(project(t)), "shared")
	}
	path := filepath.Join(append([]string{dir}, elem...)...)
	_, err := os.Stat(path)
	if err == nil {
		return path
	}
	message := "conformance check " + t.Name() + " skipped: " + filepath.Join(elem...) + " is not here; set BUURTMETER_SHARED to the folder that holds it"
	if os.Getenv("BUURTMETER_REQUIRE_SHARED") == "1" {
		t.Fatal(message)
	}
	t.Skip(message)
	return ""
}

// Rows reads a CSV file with a header below that folder, as maps by column, or skips
// the test as Path does.
func Rows(t testing.TB, elem ...string) []map[string]string {
	t.Helper()
	f, err := os.Open(Path(t, elem...))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	recs, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	require.NotEmpty(t, recs)
	rows := make([]map[string]string, 0, len(recs)-1)
	for _, rec := range recs[1:] {
		row := make(map[string]string, len(rec))
		for i, name := range recs[0] {
			row[name] = rec[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// project returns the folder of the project: the one with the go.mod that the test
// belongs to.
func project(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		require.NotEqual(t, up, dir, "no go.mod above the test")
		dir = up
	}
}
