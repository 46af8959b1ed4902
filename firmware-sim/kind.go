package firmwaresim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is a kind of kit: in what form it sends its readings. The zero value is
// the platform's own form. Others publish on a topic that names their form.
type Kind string

// The kinds of kit. Those that end in HTTP post to the HTTP door, a connection for
// each message, as the firmware of small boards does.
const (
	Own          Kind = ""
	SenML        Kind = "senml"
	AirGradient  Kind = "airgradient"
	SmartCitizen Kind = "smart-citizen"
	OwnHTTP      Kind = "own-http"
	AirrohrHTTP  Kind = "airrohr-http"
)

// form is how a kind of kit sends.
type form struct {
	kind Kind
	// encode writes one message of at least one sample and at most limit.
	encode func(samples []Sample) []byte
	limit  int
	// timeless kits have no clock: they send what they measure now, and no
	// history.
	timeless bool
	// path is where a kit that speaks HTTP posts; empty for MQTT.
	path string
}

// forms is the table of kinds: a new one is a line here and a function below.
func forms() []form {
	return []form{
		{kind: Own, encode: message, limit: MaxBatch},
		{kind: SenML, encode: senML, limit: 500},
		{kind: AirGradient, encode: airGradient, limit: 1, timeless: true},
		{kind: SmartCitizen, encode: smartCitizen, limit: 1000},
		{kind: OwnHTTP, encode: message, limit: MaxBatch, path: "/readings"},
		{kind: AirrohrHTTP, encode: airrohr, limit: 1, timeless: true, path: "/airrohr"},
	}
}

func formOf(k Kind) (form, error) {
	for _, f := range forms() {
		if f.kind == k {
			return f, nil
		}
	}
	return form{}, fmt.Errorf("firmware-sim: there is no kind of kit %q, use own or one of %s", k, strings.Join(kindNames(), ", "))
}

func kindNames() (names []string) {
	for _, f := range forms() {
		if f.kind != Own {
			names = append(names, string(f.kind))
		}
	}
	return names
}

// Topic returns the topic on which the device publishes; empty for one that posts
// over HTTP.
func (d Device) Topic() string {
	f, err := formOf(d.Kind)
	switch {
	case err != nil || f.path != "":
		return ""
	case d.Kind == Own:
		return Topic(d.ID)
	}
	return Topic(d.ID) + "/" + string(d.Kind)
}

// ParseMix reads shares of kinds, "own=8,senml=1,airgradient=1". A name without
// a number has the share 1.
func ParseMix(text string) (map[Kind]int, error) {
	mix := map[Kind]int{}
	for part := range strings.SplitSeq(text, ",") {
		name, share, given := strings.Cut(strings.TrimSpace(part), "=")
		k := Kind(name)
		switch name {
		case "own":
			k = Own
		case "":
			return nil, fmt.Errorf("firmware-sim: %q names no kind of kit", text)
		}
		if _, err := formOf(k); err != nil {
			return nil, err
		}
		n := 1
		if given {
			var err error
			if n, err = strconv.Atoi(share); err != nil || n < 0 {
				return nil, fmt.Errorf("firmware-sim: the share of %s is %q, give a whole number", name, share)
			}
		}
		mix[k] += n
	}
	return mix, nil
}

// Mix gives the devices kinds in the given shares. The same seed and number of
// devices give the same kinds.
func Mix(devices []Device, seed uint64, mix map[Kind]int) {
	var kinds []Kind
	for k := range mix {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	total := 0
	for _, k := range kinds {
		total += mix[k]
	}
	if total == 0 {
		return
	}
	// Dealt out in turn from a shuffled deck, so that the shares hold.
	order := make([]int, len(devices))
	for i := range order {
		order[i] = i
		j := int(unit(seed, streamKind, int64(i)) * float64(i+1))
		order[i], order[j] = order[j], order[i]
	}
	for n, i := range order {
		place := n * total / len(devices)
		for _, k := range kinds {
			if place < mix[k] {
				devices[i].Kind = k
				break
			}
			place -= mix[k]
		}
	}
}

// senML writes a pack of RFC 8428: a record per value, the time of each sample
// as its base time.
func senML(samples []Sample) []byte {
	units := map[string]string{NO2: "ug/m3", PM25: "ug/m3", PM10: "ug/m3", Temperature: "Cel", Humidity: "%RH"}
	dst := []byte{'['}
	for _, s := range samples {
		base := `"bt":` + strconv.FormatInt(s.At.Unix(), 10) + ","
		for _, name := range order() {
			v, ok := s.Values[name]
			if !ok {
				continue
			}
			if len(dst) > 1 {
				dst = append(dst, ',')
			}
			dst = append(append(dst, '{'), base...)
			dst = append(dst, `"n":"`+name+`","u":"`+units[name]+`","v":`...)
			dst = append(strconv.AppendFloat(dst, v, 'f', -1, 64), '}')
			base = ""
		}
	}
	return append(dst, ']')
}

// airGradient writes what such a monitor says of one moment: it has no NO2
// sensor and no time.
func airGradient(samples []Sample) []byte {
	s := samples[len(samples)-1]
	dst := []byte(`{"wifi":-61,`)
	for _, k := range [...][2]string{{"pm02", PM25}, {"pm10", PM10}, {"atmp", Temperature}, {"rhum", Humidity}} {
		if v, ok := s.Values[k[1]]; ok && v != missingCode { // what is invalid is left out
			dst = append(dst, `"`+k[0]+`":`...)
			dst = append(strconv.AppendFloat(dst, v, 'f', -1, 64), ',')
		}
	}
	return append(dst, `"noxIndex":1,"firmware":"3.1.3","model":"I-9PSL"}`...)
}

// airrohr writes what that firmware posts to an API of one's own: every module in
// one body, numbers in texts, P1 for PM10 and P2 for PM2.5, and no time.
func airrohr(samples []Sample) []byte {
	s := samples[len(samples)-1]
	dst := []byte(`{"esp8266id":"1234567","software_version":"NRZ-2020-133","sensordatavalues":[`)
	for _, k := range [...][2]string{{"SDS_P1", PM10}, {"SDS_P2", PM25}, {"BME280_temperature", Temperature}, {"BME280_humidity", Humidity}} {
		if v, ok := s.Values[k[1]]; ok && v != missingCode { // a module without a value is left out
			dst = append(dst, `{"value_type":"`+k[0]+`","value":"`...)
			dst = append(strconv.AppendFloat(dst, v, 'f', 2, 64), `"},`...)
		}
	}
	if s.Interval >= time.Millisecond {
		dst = append(dst, `{"value_type":"interval","value":"`...)
		dst = append(strconv.AppendInt(dst, s.Interval.Milliseconds(), 10), `"},`...)
	}
	return append(dst, `{"value_type":"signal","value":"-61"}]}`...)
}

// smartCitizen writes one sample in the present form of that kit, which is not
// JSON, and several in the older one. It has particulate matter only; its other
// sensors have numbers that say nothing without its list.
func smartCitizen(samples []Sample) []byte {
	ids := [...][2]string{{"87", PM25}, {"88", PM10}}
	if len(samples) == 1 {
		s := samples[0]
		dst := append([]byte("{ t:"), s.At.UTC().Format(time.RFC3339)...)
		for _, id := range ids {
			if v, ok := s.Values[id[1]]; ok {
				dst = append(dst, ", "+id[0]+":"...)
				dst = strconv.AppendFloat(dst, v, 'f', -1, 64)
			}
		}
		return append(dst, " }"...)
	}
	dst := []byte(`{"data":[`)
	for i, s := range samples {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"recorded_at":"`...)
		dst = s.At.UTC().AppendFormat(dst, "2006-01-02 15:04:05Z")
		dst = append(dst, `","sensors":[`...)
		first := true
		for _, id := range ids {
			v, ok := s.Values[id[1]]
			if !ok {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(dst, `{"id":`+id[0]+`,"value":`...)
			dst = append(strconv.AppendFloat(dst, v, 'f', -1, 64), '}')
		}
		dst = append(dst, "]}"...)
	}
	return append(dst, "]}"...)
}
