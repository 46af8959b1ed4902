package analyse

import (
	"errors"
	"strconv"
	"strings"
)

// PlaceRow is a place of a campaign as a list of places tells it.
type PlaceRow struct {
	// Location as in the lab sheets, Name what it is called, Station the id of the
	// station that it is and Title its public title; only Location is always there.
	Location, Name, Station, Title string
	// Lon and Lat are where it hung, HasPosition whether they are given.
	Lon, Lat    float64
	HasPosition bool
	// Line of the file.
	Line int
}

// ReadPlaces reads a list of places: location and station, and where there are
// name, title, lon and lat in degrees. No error repeats a position.
func ReadPlaces(t *Terminal, in *Input, path string) ([]PlaceRow, error) {
	tb, err := in.Open(t, path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tb.Close() }()
	location := tb.anyColumn("location", "locatie", "omschrijving", "place", "plaats")
	if location < 0 {
		_, err := tb.Column("location")
		return nil, err
	}
	station := tb.anyColumn("station", "id", "meetpunt")
	if station < 0 {
		_, err := tb.Column("station")
		return nil, err
	}
	name, title, lon, lat := tb.anyColumn("name", "naam"), tb.anyColumn("title", "titel"), tb.anyColumn("lon", "longitude"), tb.anyColumn("lat", "latitude")
	text := func(column int) string {
		if column < 0 {
			return ""
		}
		return tb.Text(column)
	}
	var all []PlaceRow
	for tb.Next() {
		r := PlaceRow{Location: text(location), Station: text(station), Name: text(name), Title: text(title), Line: tb.Line()}
		if r.Location == "" || r.Station == "" {
			return nil, tb.Fault(location, errors.New("the location or the station is empty"), "name both, or delete the line")
		}
		x, y := text(lon), text(lat)
		if x != "" || y != "" {
			var errX, errY error
			r.Lon, errX = strconv.ParseFloat(strings.ReplaceAll(x, ",", "."), 64)
			r.Lat, errY = strconv.ParseFloat(strings.ReplaceAll(y, ",", "."), 64)
			if errX != nil || errY != nil {
				return nil, tb.Fault(max(lon, lat), errors.New("lon and lat are not two numbers"), "give both in degrees (WGS84), or neither")
			}
			r.HasPosition = true
		}
		all = append(all, r)
	}
	return all, tb.Err()
}
