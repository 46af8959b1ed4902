package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The house: imports only point down this list. A folder that is not named
// stands with the longest listed folder above it; test support packages may be
// imported by tests only and are not held to the order.
var houseOrder = []string{
	"cmd deploy/bench",
	"web",
	"opendata/api",
	"opendata/report opendata/export opendata/dcat opendata/sensorthings",
	"opendata",
	"geo/tile geo/pdok",
	"geo",
	"geo/norm",
	"ingest/mqtt ingest/broker ingest/door",
	"ingest/mqtt/topic",
	"ingest/tube",
	"ingest/series",
	"ingest/register",
	"ingest",
	"ingest/decode ingest/quality ingest/calibration",
	"ingest/reading",
	"firmware-sim",
	"deploy",
}

func rank(t *testing.T, pkg string) int {
	t.Helper()
	best, length := -1, -1
	for i, row := range houseOrder {
		for _, p := range strings.Fields(row) {
			if (pkg == p || strings.HasPrefix(pkg, p+"/")) && len(p) > length {
				best, length = i, len(p)
			}
		}
	}
	require.NotEqual(t, -1, best, "package %s stands in no room of the house", pkg)
	return best
}

func isTestSupport(pkg string) bool {
	base := filepath.Base(pkg)
	return strings.HasSuffix(base, "test")
}

// goFiles calls fn for every Go file of the module.
func goFiles(t *testing.T, fn func(pkg, path string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "data" || name == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() && path != root {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return filepath.SkipDir // a module of its own
			}
		}
		if filepath.Ext(name) == ".go" {
			rel, err := filepath.Rel(root, filepath.Dir(path))
			if err != nil {
				return err
			}
			fn(filepath.ToSlash(rel), path)
		}
		return nil
	})
	require.NoError(t, err)
}

func TestImportsPointDown(t *testing.T) {
	fset := token.NewFileSet()
	seen := 0
	goFiles(t, func(pkg, path string) {
		f, err := parser.ParseFile(fset, path, nil, parser.ImportsOnly)
		require.NoError(t, err)
		test := strings.HasSuffix(path, "_test.go") || isTestSupport(pkg)
		for _, imp := range f.Imports {
			target, err := strconv.Unquote(imp.Path.Value)
			require.NoError(t, err)
			target, ours := strings.CutPrefix(target, "buurtmeter/")
			if !ours {
				continue
			}
			seen++
			if test {
				continue // a test may reach for the real component above it
			}
			require.False(t, isTestSupport(target), "%s imports %s outside a test", path, target)
			from, to := rank(t, pkg), rank(t, target)
			same := from == to && (strings.HasPrefix(target, pkg+"/") || strings.HasPrefix(pkg, target+"/"))
			require.True(t, from < to || same, "%s imports %s: imports only point down the house", path, target)
		}
	})
	require.Greater(t, seen, 20, "the walk found almost nothing")
}

func TestEveryPackageHasAComment(t *testing.T) {
	fset := token.NewFileSet()
	has := map[string]bool{}
	goFiles(t, func(pkg, path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.PackageClauseOnly)
		require.NoError(t, err)
		has[pkg] = has[pkg] || f.Doc != nil
	})
	require.NotEmpty(t, has)
	for pkg, ok := range has {
		require.True(t, ok, "package %s has no package comment", pkg)
	}
}

// TestSecretPositionHasFewReaders lists who may see exact coordinates. A new
// reader is a decision, not an accident.
func TestSecretPositionHasFewReaders(t *testing.T) {
	allowed := []string{"ingest/reading", "ingest/register", "geo"}
	found := 0
	goFiles(t, func(pkg, path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		if !strings.Contains(string(b), ".Reveal()") {
			return
		}
		found++
		require.Contains(t, allowed, pkg, "%s reads an exact position", path)
	})
	require.Positive(t, found)
}
