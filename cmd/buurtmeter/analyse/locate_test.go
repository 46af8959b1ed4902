package analyse

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// locate runs the command and returns what it wrote.
func locate(t *testing.T, csv, areas string, flags ...string) (out, notes string, err error) {
	t.Helper()
	dir := t.TempDir()
	file, shapes := filepath.Join(dir, "points.csv"), filepath.Join(dir, "areas.geojson.gz")
	require.NoError(t, os.WriteFile(file, []byte(csv), 0o600))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write([]byte(areas))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(shapes, packed.Bytes(), 0o600))
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	run := LocateCommand().New(fs)
	require.NoError(t, fs.Parse(append([]string{"--areas", shapes, "--area-id", "Naam"}, flags...)))
	var o, e bytes.Buffer
	err = run(t.Context(), &Terminal{Out: &o, Err: &e}, []string{file})
	return o.String(), e.String(), err
}

// What is written is the file to the last byte, but for the column that is added.
func TestLocateKeepsTheRest(t *testing.T) {
	for name, c := range map[string]struct {
		csv, want string
		flags     []string
	}{
		"commas":       {"id,lon,lat\n01,4.50,51.5\n2,5.5,51.5\n", "id,lon,lat,Naam\n01,4.50,51.5,Noord\n2,5.5,51.5,Zuid\n", nil},
		"Excel":        {"\ufeffid;lat;lon\r\n1;51,5;4,5\r\n2;;\r\n", "\ufeffid;lat;lon;Naam\r\n1;51,5;4,5;Noord\r\n2;;;\r\n", nil},
		"no last end":  {"lon,lat\n4.5,51.5\n9,9", "lon,lat,Naam\n4.5,51.5,Noord\n9,9,", nil},
		"old Macs":     {"lon,lat\r4.5,51.5\r", "lon,lat,Naam\r4.5,51.5,Noord\r", nil},
		"quotes":       {"\"a \"\"b\"\"\",lon,lat\n \"x,\r\n\ny\" ,\"4.5\",51.5\n'z, 4.5 ,51.5\n", "\"a \"\"b\"\"\",lon,lat,Naam\n \"x,\r\n\ny\" ,\"4.5\",51.5,Noord\n'z, 4.5 ,51.5,Noord\n", nil},
		"blank lines":  {"lon,lat\n\n4.5,51.5\n \r\n5.5,51.5\n\n", "lon,lat,Naam\n\n4.5,51.5,Noord\n \r\n5.5,51.5,Zuid\n\n", nil},
		"Latin-1":      {"plaats\tlon\tlat\nS\xfad\t4.5\t51.5\n", "plaats\tlon\tlat\tNaam\nS\xfad\t4.5\t51.5\tNoord\n", nil},
		"lines above":  {"sep=;\nlon;lat\n4.5;51.5\n", "sep=;\nlon;lat;Naam\n4.5;51.5;Noord\n", nil},
		"skip":         {"made, by me\nlon,lat\n4.5,51.5\n", "made, by me\nlon,lat,Naam\n4.5,51.5,Noord\n", []string{"--skip", "1"}},
		"empty fields": {"lon;lat;\n4.5;51.5;\n4.5;51.5\n4.5;51.5;; \n", "lon;lat;;Naam\n4.5;51.5;;Noord\n4.5;51.5;;Noord\n4.5;51.5;;Noord\n", nil},
		"other names":  {"x,y,Naam\n4.5,51.5,n\n", "x,y,Naam,buurt\n4.5,51.5,n,Noord\n", []string{"--lon", "x", "--lat", "y", "--column", "buurt"}},
	} {
		out, notes, err := locate(t, c.csv, threeAreas(), c.flags...)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, out, name)
		assert.Contains(t, notes, "areas.geojson.gz: 1 area stands in more than one feature", name)
	}
	out, _, err := locate(t, "lon,lat\n4.5,51.5\n", squares(square(`"a, \"b\""`, 4, 51)))
	require.NoError(t, err)
	assert.Equal(t, "lon,lat,Naam\n4.5,51.5,\"a, \"\"b\"\"\"\n", out)

	utf16 := []byte{0xff, 0xfe}
	for _, c := range "lon\tlat\r\n4,5\t51,5\r\n" {
		utf16 = append(utf16, byte(c), 0)
	}
	out, _, err = locate(t, string(utf16), threeAreas())
	require.NoError(t, err)
	assert.Equal(t, "\ufefflon\tlat\tNaam\r\n4,5\t51,5\tNoord\r\n", out)
}

func TestLocateCountsWhatItCannotPlace(t *testing.T) {
	out, notes, err := locate(t, "lon,lat\n4.5,51.5\n0,0\n,51\n4.5,NA\n-999,51\n9.5,58\n51.5,4.5\n4.5,north\n121000,487000\n5.5,51.5\n", threeAreas())
	require.NoError(t, err)
	assert.Equal(t, "lon,lat,Naam\n4.5,51.5,Noord\n0,0,\n,51,\n4.5,NA,\n-999,51,\n9.5,58,\n51.5,4.5,\n4.5,north,\n121000,487000,\n5.5,51.5,Zuid\n", out)
	for _, want := range []string{
		"points.csv: 10 rows, 2 in an area\n", "2 points outside every area, the first on line 7", "1 of them would lie in an area if longitude and latitude were swapped",
		"4 points without a position, the first on line 3", `2 points with a position that is no degrees; their area is empty. The first: points.csv line 9, column "lat": "north" is not a number`,
	} {
		assert.Contains(t, notes, want)
	}
	_, notes, err = locate(t, "lon,lat\n4.5,51.5\n", squares(square(`"b"`, 4, 51), square(`"a"`, 4, 51)))
	require.NoError(t, err)
	assert.Contains(t, notes, "1 point in several areas that overlap; the first by name was taken")
}

func TestLocateSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		csv, areas string
		flags      []string
		want       string
	}{
		"clash":     {"lon,lat,naam\n4.5,51.5,x\n", threeAreas(), nil, `points.csv has a column "Naam" already`},
		"metres":    {"lon,lat\n121000,487000\n", threeAreas(), nil, `points.csv line 2, column "lon": 121000 is not in degrees`},
		"text":      {"lon,lat\n,\nx,51.5\n", threeAreas(), nil, `points.csv line 3, column "lon": "x" is not a number`},
		"no column": {"x,lat\n4.5,51.5\n", threeAreas(), nil, `points.csv has no column "lon"`},
		"a field":   {"id,lon,lat\n1,4.5,51.5\n2,4.5\n", threeAreas(), nil, "points.csv line 3 has 2 fields, the heading has 3"},
		"a quote":   {"lon,lat\n4.5,\"51.5\n", threeAreas(), nil, "points.csv line 2: the quote is not closed"},
		"no rows":   {"lon,lat\n", threeAreas(), nil, "has no rows below its heading"},
		"property":  {"lon,lat\n4.5,51.5\n", threeAreas(), []string{"--area-id", "code"}, `none of 4 features has the property "code", they have "Naam"`},
		"no areas":  {"lon,lat\n4.5,51.5\n", "buurt", nil, "areas.geojson.gz: GeoJSON"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := locate(t, c.csv, c.areas, c.flags...)
			require.ErrorContains(t, err, c.want)
			assert.NotEmpty(t, try(t, err))
		})
	}
	out, _, err := locate(t, "id,lon,lat\n1,4.5,51.5\n2,4.5\n", threeAreas())
	require.Error(t, err)
	assert.Equal(t, "id,lon,lat,Naam\n1,4.5,51.5,Noord\n", out, "what came before is written")
}

// counted is an output that keeps nothing.
type counted struct{ n, most int }

func (c *counted) Write(p []byte) (int, error) {
	c.n += len(p)
	c.most = max(c.most, len(p))
	return len(p), nil
}

// A long file goes through in pieces, with its progress.
func TestLocateStreams(t *testing.T) {
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, 1))
	var csv bytes.Buffer
	csv.WriteString("id,lon,lat\n")
	const rows = 100_000
	for i := range rows {
		fmt.Fprintf(&csv, "%d,%.5f,51.5\n", i, 4+2*rnd.Float64())
	}
	file, shapes := filepath.Join(dir, "points.csv"), filepath.Join(dir, "areas.geojson")
	require.NoError(t, os.WriteFile(file, csv.Bytes(), 0o600))
	require.NoError(t, os.WriteFile(shapes, []byte(threeAreas()), 0o600))
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	run := LocateCommand().New(fs)
	require.NoError(t, fs.Parse([]string{"--areas", shapes, "--area-id", "naam"}))
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var out counted
	var notes strings.Builder
	require.NoError(t, run(t.Context(), &Terminal{Out: &out, Err: &notes, Now: func() time.Time {
		now = now.Add(time.Second)
		return now
	}}, []string{file}))
	assert.Contains(t, notes.String(), "points.csv: 65536 rows, ")
	assert.Contains(t, notes.String(), "points.csv: 100000 rows, 100000 in an area")
	assert.Greater(t, out.n, csv.Len()+rows*len(",Zuid"))
	assert.LessOrEqual(t, out.most, 1<<16)
}
