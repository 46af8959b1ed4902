package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"buurtmeter/ingest/reading"
)

// The files of the RIVM example set carry the begin of the hour in UTC+1
// ("Etc/GMT-1" in R), without a zone in the text.
const replayLayout = "2006-01-02 15:04:05"

// replayZone is the zone of the stamps in the files.
func replayZone() *time.Location { return time.FixedZone("UTC+1", 3600) }

// replayRow is one row of the file: the message that the kit would have sent.
type replayRow struct {
	// at is the begin of the hour; zero when the row has no date.
	at      time.Time
	payload []byte
	// values are those of the row in the order of reading.Properties; NaN where
	// it has none.
	values [properties]float64
}

// properties is how many properties there are.
const properties = 12

// slotOf is the place of a property in replayRow.values.
func slotOf(p reading.Property) int {
	return slices.IndexFunc(reading.Properties(), func(i reading.PropertyInfo) bool { return i.Property == p })
}

// replayKit is one kit or official station of the file.
type replayKit struct {
	station  reading.Station
	position reading.SecretPosition
	// atZero counts the rows that put the kit at latitude 0, which is no place;
	// the kit stands at the first place that it has in the file.
	atZero int
	rows   []replayRow
}

// fileFacts are the counts of the lines of the file.
type fileFacts struct {
	rows, kits int
	// repeated counts the rows with the kit and the date of an earlier row.
	repeated int
}

// column finds the property of a column by its heading; the two kinds of file
// spell them differently.
func column(heading string) (reading.Property, bool) {
	switch strings.ToLower(heading) {
	case "no2":
		return reading.NO2, true
	case "pm10":
		return reading.PM10, true
	case "pm25":
		return reading.PM25, true
	case "temp":
		return reading.Temperature, true
	case "rh":
		return reading.Humidity, true
	case "pres":
		return reading.Pressure, true
	}
	return "", false
}

// readReplay reads a file of kits (kind sensor) or of official stations (kind
// reference). Errors name the line.
func readReplay(path string, kind reading.Kind) ([]*replayKit, fileFacts, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fileFacts{}, err
	}
	defer func() { _ = f.Close() }()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return nil, fileFacts{}, fmt.Errorf("%s: %w", path, err)
	}
	rf := replayFile{kind: kind, kits: map[string]*replayKit{}, keys: map[string]bool{}}
	if err := rf.heading(head); err != nil {
		return nil, fileFacts{}, fmt.Errorf("%s: %w", path, err)
	}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = rf.row(rec)
		}
		if err != nil {
			line, _ := r.FieldPos(0)
			return nil, fileFacts{}, fmt.Errorf("%s line %d: %w", path, line, err)
		}
	}
	rf.facts.kits = len(rf.order)
	return rf.order, rf.facts, nil
}

// replayFile is the state of reading one file.
type replayFile struct {
	kind     reading.Kind
	id, date int
	lon, lat int
	columns  map[int]reading.Property
	order    []*replayKit
	kits     map[string]*replayKit
	keys     map[string]bool
	facts    fileFacts
}

func (rf *replayFile) heading(head []string) error {
	rf.id, rf.date, rf.lon, rf.lat = -1, -1, -1, -1
	rf.columns = map[int]reading.Property{}
	for i, h := range head {
		switch h {
		case "kit_id", "station_number":
			rf.id = i
		case "date":
			rf.date = i
		case "lon":
			rf.lon = i
		case "lat":
			rf.lat = i
		}
		if p, ok := column(h); ok {
			for j, q := range rf.columns {
				if p == q {
					return fmt.Errorf("the columns %s and %s are both %s", head[j], h, p)
				}
			}
			rf.columns[i] = p
		}
	}
	if rf.id < 0 || rf.date < 0 || len(rf.columns) == 0 {
		return errors.New("the first line must name the columns kit_id (or station_number), date and at least one of no2, pm10, pm25")
	}
	return nil
}

func (rf *replayFile) row(rec []string) error {
	name, date := rec[rf.id], rec[rf.date]
	kit, err := rf.kit(name, rec)
	if err != nil {
		return err
	}
	rf.facts.rows++
	key := string(kit.station.ID) + "\x00" + date
	if rf.keys[key] {
		rf.facts.repeated++
	}
	rf.keys[key] = true
	row := replayRow{values: noValues()}
	stamp := "null" // what a kit sends whose clock is not set
	if date != "NA" && date != "" {
		if row.at, err = time.ParseInLocation(replayLayout, date, replayZone()); err != nil {
			return fmt.Errorf("date %q is not like %s", date, replayLayout)
		}
		stamp = strconv.Quote(row.at.Format(time.RFC3339))
		if kit.station.Since.IsZero() || row.at.Before(kit.station.Since) {
			kit.station.Since = row.at.UTC()
		}
	}
	values := map[reading.Property]json.Number{}
	for i, p := range rf.columns {
		if n, ok := number(rec[i]); ok {
			values[p] = n
			if row.values[slotOf(p)], err = n.Float64(); err != nil {
				return err
			}
		}
	}
	body, err := json.Marshal(values)
	if err != nil {
		return err
	}
	row.payload = []byte(`{"time":` + stamp + `,"interval":3600,"values":` + string(body) + `}`)
	kit.rows = append(kit.rows, row)
	return nil
}

func noValues() (v [properties]float64) {
	for i := range v {
		v[i] = math.NaN()
	}
	return v
}

// number keeps the digits of the file as they are, so that nothing is rounded
// on the way; NA and empty are no value.
func number(s string) (json.Number, bool) {
	if _, err := strconv.ParseFloat(s, 64); err != nil {
		return "", false
	}
	if !json.Valid([]byte(s)) { // "NaN", "Inf", "0x1p4", "+1"
		return "", false
	}
	return json.Number(s), true
}

// kit returns the kit of a row, placed as far as this row tells.
func (rf *replayFile) kit(name string, rec []string) (*replayKit, error) {
	k := rf.kits[strings.ToLower(name)]
	if k == nil {
		id, err := reading.ParseStationID(strings.ToLower(name))
		if err != nil {
			return nil, err
		}
		k = &replayKit{station: reading.Station{ID: id, Title: name, Kind: rf.kind, Cadence: time.Hour}}
		if rf.kind == reading.KindReference {
			k.station.Maker, k.station.Model = "Luchtmeetnet", "referentie-instrument / reference instrument"
		} else {
			k.station.Maker, k.station.Model = "bewoner / resident (Hollandse Luchten)", "Hollandse Luchten"
		}
		rf.kits[string(id)] = k
		rf.order = append(rf.order, k)
	}
	if rf.lon < 0 || rf.lat < 0 {
		return k, nil
	}
	lon, err1 := strconv.ParseFloat(rec[rf.lon], 64)
	lat, err2 := strconv.ParseFloat(rec[rf.lat], 64)
	switch {
	case err2 == nil && lat == 0:
		k.atZero++
	case err1 == nil && err2 == nil && k.position.IsZero():
		// Without a usable position a station is registered, flagged and shown
		// without an area.
		if pos, err := reading.NewSecretPosition(lon, lat); err == nil {
			k.position, k.station.HasPosition = pos, true
		}
	}
	return k, nil
}
