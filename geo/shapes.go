package geo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ErrProjection is wrapped by the error of ReadShapes for a file that says that
// it is not in WGS84.
var ErrProjection = errors.New("the boundaries are not in WGS84 degrees")

// ReadShapes reads areas of any kind from a GeoJSON FeatureCollection in WGS84.
// What names an area is the property `field`, text or number, or the feature's
// own id when field is "id" and no property is called so; upper and lower case
// only matter where two properties differ in nothing else. Features of one name
// are parts of one area: each comes back as an Area of that code, and NewIndex
// finds the code in whichever of them a point lies, also where they overlap or
// are one part twice.
//
// Areas come back in the order of their codes, with only Code, Name (the same),
// Geometry and Source filled. Rings are mended, and what cannot be used is left
// out and told, as in ReadGeoJSON; so are the errors, and ErrProjection.
func ReadShapes(r io.Reader, field string) ([]Area, []Problem, error) {
	f := reader{source: DefaultSource, seen: map[Code]bool{}, field: field}
	areas, problems, err := f.readAll(r)
	switch {
	case !errors.Is(err, ErrNoAreas) || len(problems) == 0:
		return areas, problems, err
	case f.unnamed == f.features:
		return nil, problems, fmt.Errorf("GeoJSON: %w: none of %d features has the property %q, they have %s", ErrNoAreas, f.features, field, listed(f.fields))
	default:
		return nil, problems, fmt.Errorf("GeoJSON: %w: %s", ErrNoAreas, problems[0])
	}
}

// listed quotes names in order.
func listed(names map[string]bool) string {
	if len(names) == 0 {
		return "none"
	}
	var quoted []string
	for n := range names {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	slices.Sort(quoted)
	return strings.Join(quoted, ", ")
}

// named is describe for areas that a property of any name names.
func (f *reader) named(feat feature) (Area, error) {
	raw, ok := feat.Properties[f.field]
	for k, v := range feat.Properties {
		if f.fields == nil {
			f.fields = map[string]bool{}
		}
		f.fields[k] = true
		if !ok && strings.EqualFold(k, f.field) {
			raw, ok = v, true
		}
	}
	if !ok && f.field == "id" {
		raw = feat.ID
	}
	raw = bytes.TrimSpace(raw)
	var name string
	switch {
	case len(raw) == 0 || string(raw) == "null" || raw[0] == '{' || raw[0] == '[':
	case raw[0] == '"':
		if err := json.Unmarshal(raw, &name); err != nil {
			return Area{}, err
		}
	default:
		name = string(raw)
	}
	if name = strings.TrimSpace(name); name == "" {
		f.unnamed++
		return Area{}, fmt.Errorf("no name: the property %q is missing or empty", f.field)
	}
	return Area{Code: Code(name), Name: name}, nil
}

// checkCRS refuses a file that names coordinates other than those of GeoJSON,
// which are WGS84 in any of its names (ETRS89 is the same within a metre).
func checkCRS(value json.RawMessage) error {
	var crs struct {
		Properties struct {
			Name string `json:"name"`
		} `json:"properties"`
	}
	if json.Unmarshal(value, &crs) != nil || crs.Properties.Name == "" {
		return nil
	}
	name := strings.ToUpper(crs.Properties.Name)
	for _, known := range []string{"CRS84", ":4326", "/4326", ":4258", "/4258"} {
		if strings.HasSuffix(name, known) {
			return nil
		}
	}
	return fmt.Errorf("%w: the file says %.60q", ErrProjection, crs.Properties.Name)
}
