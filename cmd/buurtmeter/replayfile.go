package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
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
}

// replayKit is one kit or official station of the file.
type replayKit struct {
	station  reading.Station
	position reading.SecretPosition
	// atZero tells that the file puts the kit at latitude 0, which is no place.
	atZero bool
	rows   []replayRow
}

// fileFacts are the counts of the file, taken while reading it and independent
// of what the platform does with the rows.
type fileFacts struct {
	rows, kits               int
	noDate, pmOrder, missing int
	atZero, noPlace          int // rows at latitude 0, rows without coordinates
	duplicateKeys            int
	// numbers counts the numeric values per property, missing codes included.
	numbers map[reading.Property]int
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
	rf := replayFile{kind: kind, facts: fileFacts{numbers: map[reading.Property]int{}}, kits: map[string]*replayKit{}, keys: map[string]bool{}}
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
	kind          reading.Kind
	id, date      int
	lon, lat      int
	columns       map[int]reading.Property
	order         []*replayKit
	kits          map[string]*replayKit
	keys          map[string]bool
	facts         fileFacts
	pm10At, pm2At int
}

func (rf *replayFile) heading(head []string) error {
	rf.id, rf.date, rf.lon, rf.lat, rf.pm10At, rf.pm2At = -1, -1, -1, -1, -1, -1
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
			rf.columns[i] = p
			if p == reading.PM10 {
				rf.pm10At = i
			}
			if p == reading.PM25 {
				rf.pm2At = i
			}
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
	key := name + "\x00" + date
	if rf.keys[key] {
		rf.facts.duplicateKeys++
	}
	rf.keys[key] = true
	var row replayRow
	stamp := "null" // what a kit sends whose clock is not set
	if date != "NA" && date != "" {
		if row.at, err = time.ParseInLocation(replayLayout, date, replayZone()); err != nil {
			return fmt.Errorf("date %q is not like %s", date, replayLayout)
		}
		stamp = strconv.Quote(row.at.Format(time.RFC3339))
		if kit.station.Since.IsZero() || row.at.Before(kit.station.Since) {
			kit.station.Since = row.at.UTC()
		}
	} else {
		rf.facts.noDate++
	}
	values := map[reading.Property]json.Number{}
	for i, p := range rf.columns {
		if n, ok := number(rec[i]); ok {
			values[p] = n
			rf.facts.numbers[p]++
			if n == "-999" {
				rf.facts.missing++
			}
		}
	}
	rf.countDirt(rec)
	body, err := json.Marshal(values)
	if err != nil {
		return err
	}
	row.payload = []byte(`{"time":` + stamp + `,"interval":3600,"values":` + string(body) + `}`)
	kit.rows = append(kit.rows, row)
	return nil
}

func (rf *replayFile) countDirt(rec []string) {
	if rf.lat >= 0 {
		switch lat, err := strconv.ParseFloat(rec[rf.lat], 64); {
		case err != nil:
			rf.facts.noPlace++
		case lat == 0:
			rf.facts.atZero++
		}
	}
	if rf.pm2At < 0 || rf.pm10At < 0 || rf.kind != reading.KindSensor {
		return
	}
	fine, err1 := strconv.ParseFloat(rec[rf.pm2At], 64)
	coarse, err2 := strconv.ParseFloat(rec[rf.pm10At], 64)
	if err1 == nil && err2 == nil && fine > coarse {
		rf.facts.pmOrder++
	}
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

func (rf *replayFile) kit(name string, rec []string) (*replayKit, error) {
	if k := rf.kits[name]; k != nil {
		return k, nil
	}
	id, err := reading.ParseStationID(strings.ToLower(name))
	if err != nil {
		return nil, err
	}
	k := &replayKit{station: reading.Station{ID: id, Title: name, Kind: rf.kind, Cadence: time.Hour}}
	if rf.kind == reading.KindReference {
		k.station.Maker, k.station.Model = "Luchtmeetnet", "referentie-instrument / reference instrument"
	} else {
		k.station.Maker, k.station.Model = "bewoner / resident (Hollandse Luchten)", "Hollandse Luchten"
	}
	if rf.lon >= 0 && rf.lat >= 0 {
		lon, err1 := strconv.ParseFloat(rec[rf.lon], 64)
		lat, err2 := strconv.ParseFloat(rec[rf.lat], 64)
		k.atZero = err2 == nil && lat == 0
		if err1 == nil && err2 == nil {
			// A refused position (0,0) leaves the station without one: it is
			// registered, flagged and shown without an area.
			if pos, err := reading.NewSecretPosition(lon, lat); err == nil {
				k.position = pos
			}
		}
	}
	k.station.HasPosition = !k.position.IsZero()
	rf.kits[name] = k
	rf.order = append(rf.order, k)
	return k, nil
}
