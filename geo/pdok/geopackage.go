package pdok

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/wkb"
	_ "modernc.org/sqlite" // a GeoPackage is a file of SQLite

	"buurtmeter/geo"
)

// ErrGeoPackage is wrapped for a file that is no GeoPackage with one layer of each
// level.
var ErrGeoPackage = errors.New("no GeoPackage of buurten, wijken and gemeenten")

// IsGeoPackage reports whether the file is one of SQLite, as a GeoPackage is.
func IsGeoPackage(path string) bool {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	start := make([]byte, 16)
	_, err = io.ReadFull(f, start)
	return err == nil && bytes.Equal(start, []byte("SQLite format 3\x00"))
}

// layer is one table of features.
type layer struct {
	table, column string
	rd            bool
}

// ReadGeoPackage reads the layers of buurten, wijken and gemeenten from a file,
// those that are there, in WGS84, ETRS89 (the same within a metre) or RD New,
// which FromRD converts. Only the areas of the gemeente are kept; empty is for
// all. The result is that of geo.ReadGeoJSON, and so are the errors, besides
// ErrGeoPackage and geo.ErrProjection. The file is not written to.
func ReadGeoPackage(ctx context.Context, path string, year int, gemeente geo.Code) ([]geo.Area, []geo.Problem, error) {
	if !IsGeoPackage(path) {
		return nil, nil, fmt.Errorf("%w: it is no file of SQLite", ErrGeoPackage)
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, err
	}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: whole, RawQuery: "mode=ro&immutable=1"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, nil, fmt.Errorf("GeoPackage: %w", err)
	}
	defer func() { _ = db.Close() }()
	layers, err := layersOf(ctx, db)
	if err != nil {
		return nil, nil, err
	}
	all := geo.NewCollector(year, gemeente)
	for _, l := range layers {
		if err := l.read(ctx, db, all); err != nil {
			return nil, all.Problems(), fmt.Errorf("GeoPackage, layer %s: %w", l.table, err)
		}
	}
	areas, err := all.Areas()
	return areas, all.Problems(), err
}

// layersOf finds the layer of each level by its name. One whose coordinates cannot
// be read refuses the file: leaving it out would be half an import.
func layersOf(ctx context.Context, db *sql.DB) ([]layer, error) {
	rows, err := db.QueryContext(ctx, `SELECT g.table_name, g.column_name, COALESCE(s.organization, ''), COALESCE(s.organization_coordsys_id, g.srs_id)
		FROM gpkg_geometry_columns g LEFT JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id ORDER BY g.table_name`)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGeoPackage, err)
	}
	defer func() { _ = rows.Close() }()
	found := map[string]layer{}
	var names []string
	for rows.Next() {
		var l layer
		var org string
		var code int
		if err := rows.Scan(&l.table, &l.column, &org, &code); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrGeoPackage, err)
		}
		names = append(names, l.table)
		level := levelOfLayer(l.table)
		if level == "" {
			continue
		}
		if other, ok := found[level]; ok {
			return nil, fmt.Errorf("%w: %q and %q are both layers of %s", ErrGeoPackage, other.table, l.table, level)
		}
		switch {
		case code == 4326, code == 4258, strings.EqualFold(org, "OGC"):
		case code == 28992 && strings.EqualFold(org, "EPSG"):
			l.rd = true
		default:
			return nil, fmt.Errorf("%w: layer %q is in %s:%d", geo.ErrProjection, l.table, oneLine(org), code)
		}
		found[level] = l
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGeoPackage, err)
	}
	var layers []layer
	for _, level := range collections() {
		if l, ok := found[level]; ok {
			layers = append(layers, l)
		}
	}
	if len(layers) == 0 {
		return nil, fmt.Errorf("%w: its layers are called %.200q", ErrGeoPackage, strings.Join(names, ", "))
	}
	return layers, nil
}

// levelOfLayer tells which collection a layer holds: "buurten", "cbs_buurten_2017",
// "buurt_gegeneraliseerd"; empty for another.
func levelOfLayer(table string) string {
	table = strings.ToLower(table)
	level := ""
	for stem, name := range map[string]string{"buurt": "buurten", "wijk": "wijken", "gemeente": "gemeenten"} {
		if strings.Contains(table, stem) {
			if level != "" {
				return "" // "wijkenenbuurten" is neither
			}
			level = name
		}
	}
	return level
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// read gives every row of the layer to the collector.
func (l layer) read(ctx context.Context, db *sql.DB, all *geo.Collector) error {
	rows, err := db.QueryContext(ctx, `SELECT * FROM `+quoted(l.table)) //nolint:gosec // a name is no parameter; it is quoted
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		props := make(map[string]json.RawMessage, len(names))
		var blob []byte
		for i, name := range names {
			if strings.EqualFold(name, l.column) {
				blob, _ = values[i].([]byte) // nil for a row without geometry
				continue
			}
			switch v := values[i].(type) {
			case string, int64, float64:
				if text, err := json.Marshal(v); err == nil { // infinity is no number of JSON
					props[name] = text
				}
			}
		}
		all.Add(props, func() (orb.Geometry, error) { return l.geometry(blob) })
	}
	return rows.Err()
}

// geometry reads the blob of a GeoPackage: a header with an optional box, then WKB
// (OGC 12-128, clause 2.1.3). nil for none.
func (l layer) geometry(blob []byte) (orb.Geometry, error) {
	if len(blob) == 0 {
		return nil, nil //nolint:nilnil // no geometry is an answer
	}
	if len(blob) < 8 || blob[0] != 'G' || blob[1] != 'P' {
		return nil, errors.New("its geometry is no geometry of a GeoPackage")
	}
	flags := blob[3]
	if flags&0x10 != 0 {
		return nil, nil //nolint:nilnil // marked as empty
	}
	box := map[byte]int{0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
	size, ok := box[flags>>1&0x7]
	if !ok || len(blob) < 8+size {
		return nil, errors.New("its geometry is broken off")
	}
	g, err := wkb.Unmarshal(blob[8+size:])
	if err != nil {
		return nil, fmt.Errorf("its geometry cannot be read: %w", err)
	}
	if !l.rd {
		return g, nil
	}
	switch g := g.(type) {
	case orb.Polygon:
		return g, polygonsFromRD(orb.MultiPolygon{g})
	case orb.MultiPolygon:
		return g, polygonsFromRD(g)
	}
	return g, nil
}
