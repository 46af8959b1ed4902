package decode

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"buurtmeter/ingest/reading"
)

// valueJSON begins the key of a channel that is a path in a JSON state.
const valueJSON = "value_json."

// HomeAssistant decodes state messages in the manner of Home Assistant's MQTT
// sensors: one number on its own topic, or a JSON object. What they mean is not
// in them but in the discovery config of each entity, which the keeper declares
// as channels, see HomeAssistantChannel: the key is the state topic, or the path
// "value_json.pm.pm25", also written "{{ value_json.pm.pm25 }}". A state topic
// matches as a whole or in its last levels, because the topic of a station may
// stand before it; of several the longest counts. A template is never run.
//
// There is no time in a state: that of receipt stands in, flagged ServerTime.
// "unknown", "unavailable", "None" and an empty state are no value. Messages on a
// config topic give no readings and no problems.
func HomeAssistant(in Input) Decoded {
	if lastLevels(in.Topic, 1) == "config" {
		return Decoded{}
	}
	k, ok := openText(in)
	if !ok {
		return k.done()
	}
	text := bytes.TrimSpace(k.text)
	if len(text) == 0 || text[0] != '{' {
		return k.plainState(text)
	}
	if !k.parse() {
		return k.done()
	}
	declared := declaredPaths(in.Station.Wire)
	var numbers [][]byte
	k.leaves(k.root(), nil, func(path []byte, n *node) bool {
		if i := slices.IndexFunc(declared, func(c reading.Channel) bool { return c.Key == string(path) }); i >= 0 {
			k.channeled(declared[i], i, path, n.token)
			return false
		}
		if numeric(n.token) {
			numbers = append(numbers, path)
			if suspect(path) {
				k.fault(CauseChannelUnknown, askChannel, path)
			}
		}
		return true
	})
	if k.empty() && !k.silent { // none is declared: any may be what was meant
		for _, path := range numbers {
			k.fault(CauseChannelUnknown, askChannel, path)
		}
	}
	k.conclude(span{instant: k.now()})
	return k.done()
}

// plainState takes a state that is one value.
func (k *kit) plainState(text []byte) Decoded {
	best := reading.Channel{}
	for _, c := range k.in.Station.Wire.Channels {
		if c.Key != "" && len(c.Key) > len(best.Key) && (k.in.Topic == c.Key || strings.HasSuffix(k.in.Topic, "/"+c.Key)) {
			best = c
		}
	}
	if best.Key == "" {
		// The end of a topic says more than its begin.
		k.fault(CauseChannelUnknown, askChannel, []byte(lastLevels(k.in.Topic, 3)))
		k.report()
		return k.done()
	}
	t := token{kind: kindText, text: text}
	if len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
		t.text = text[1 : len(text)-1]
	}
	k.channeled(best, 0, []byte("the state"), t)
	k.conclude(span{instant: k.now()})
	return k.done()
}

// lastLevels returns the last n levels of a topic.
func lastLevels(topic string, n int) string {
	for i := len(topic) - 1; i >= 0; i-- {
		if topic[i] == '/' {
			if n--; n == 0 {
				return topic[i+1:]
			}
		}
	}
	return topic
}

// declaredPaths are the channels that are paths in a JSON state, with the bare path
// for their key.
func declaredPaths(w reading.Wire) []reading.Channel {
	paths := make([]reading.Channel, 0, len(w.Channels))
	for _, c := range w.Channels {
		if path, ok := templatePath(c.Key); ok {
			c.Key = path
			paths = append(paths, c)
		}
	}
	return paths
}

// templatePath returns the path of "value_json.<path>", with or without the
// braces of a template around it. ok is false for anything that is more.
func templatePath(s string) (path string, ok bool) {
	s = strings.TrimSpace(s)
	if inner, braced := strings.CutPrefix(s, "{{"); braced {
		if inner, braced = strings.CutSuffix(inner, "}}"); !braced {
			return "", false
		}
		s = strings.Trim(inner, " \t\r\n")
	}
	path, ok = strings.CutPrefix(s, valueJSON)
	if !ok || len(path) > longestPath {
		return "", false
	}
	for name := range strings.SplitSeq(path, ".") {
		if name == "" {
			return "", false
		}
		for _, c := range []byte(name) {
			if c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
				return "", false
			}
		}
	}
	return path, true
}

// ErrEntityDeleted is returned for an empty discovery config: the entity is
// gone, and its channel is to be taken away.
var ErrEntityDeleted = errors.New("entity deleted")

// HomeAssistantChannel reads one discovery config and returns the channel to
// declare for its entity, with the unit in our spelling. The names may be
// abbreviated as Home Assistant allows (stat_t, val_tpl, dev_cla, unit_of_meas,
// and ~ for the base topic). An empty config is ErrEntityDeleted. A template that
// is more than a path, a device class that is none of our properties, a unit that
// is not known and one that is missing where it matters are errors that say what
// to do.
func HomeAssistantChannel(config []byte) (reading.Channel, error) {
	none := reading.Channel{}
	if len(bytes.TrimSpace(config)) == 0 {
		return none, ErrEntityDeleted
	}
	k, ok := open(Input{Payload: config})
	if !ok || !k.root().is(shapeObject) {
		if ok {
			return none, errors.New("the config must be one JSON object")
		}
		return none, errors.New(k.out.Problems[0].Detail)
	}
	class, err := k.setting("device_class", "dev_cla")
	if err != nil {
		return none, err
	}
	c := reading.Channel{}
	if c.Property, ok = deviceClass(class); !ok {
		return none, fmt.Errorf("device_class %q is not kept here: use one of temperature, humidity, atmospheric_pressure, pm1, pm25, pm10, nitrogen_dioxide, ozone, sulphur_dioxide, carbon_monoxide", clip(class))
	}
	if c.Unit, err = k.declaredUnit(c.Property); err != nil {
		return none, err
	}
	c.Key, err = k.declaredKey()
	if err != nil {
		return none, err
	}
	return c, nil
}

// setting returns the text of a key of a config under its long or short name.
func (k *kit) setting(long, short string) (string, error) {
	n, other := k.member(k.root(), long), k.member(k.root(), short)
	if n == nil {
		n = other
	} else if other != nil {
		return "", fmt.Errorf("%s stands there twice, also as %s: send one of the two", long, short)
	}
	switch {
	case n.unset():
		return "", nil
	case n.kind != kindText:
		return "", fmt.Errorf("%s must be a text, once", long)
	}
	return strings.TrimSpace(string(n.text)), nil
}

// deviceClass maps the device classes of Home Assistant that are ours.
func deviceClass(class string) (reading.Property, bool) {
	switch class {
	case "temperature":
		return reading.Temperature, true
	case "humidity":
		return reading.Humidity, true
	case "pressure", "atmospheric_pressure":
		return reading.Pressure, true
	case "pm1":
		return reading.PM1, true
	case "pm25":
		return reading.PM25, true
	case "pm10":
		return reading.PM10, true
	case "nitrogen_dioxide":
		return reading.NO2, true
	case "ozone":
		return reading.O3, true
	case "sulphur_dioxide":
		return reading.SO2, true
	case "carbon_monoxide":
		return reading.CO, true
	}
	return "", false
}

// declaredUnit reads unit_of_measurement. Particles and humidity have one unit
// only in Home Assistant, so there it may be left out.
func (k *kit) declaredUnit(p reading.Property) (string, error) {
	unit, err := k.setting("unit_of_measurement", "unit_of_meas")
	if err != nil {
		return "", err
	}
	if _, ok := unitOf(p, []byte(unit)); !ok {
		return "", fmt.Errorf("the unit %q of %s is not known: use %s", clip(unit), p, "µg/m³ (gases also ppb or ppm), °C, % or hPa")
	}
	if unit == "" && p != reading.Humidity && unsureForGases(p) == byUnsureName {
		return "", fmt.Errorf("unit_of_measurement is missing, and %s comes in several units: name it", p)
	}
	// The micro sign and the Greek letter look the same and are not.
	return strings.ReplaceAll(unit, "\u03bc", "\u00b5"), nil
}

// declaredKey reads where the values of the entity are found.
func (k *kit) declaredKey() (string, error) {
	topic, err := k.setting("state_topic", "stat_t")
	if err != nil {
		return "", err
	}
	template, err := k.setting("value_template", "val_tpl")
	if err != nil {
		return "", err
	}
	if strings.Trim(template, "{} \t\r\n") == "value" && strings.HasPrefix(template, "{{") {
		template = ""
	}
	if template != "" {
		path, ok := templatePath(template)
		if !ok || !strings.HasPrefix(template, "{{") {
			return "", fmt.Errorf("value_template %q is more than a path: use the form {{ value_json.pm25 }}; templates are not run here", clip(template))
		}
		return valueJSON + path, nil
	}
	if base := k.member(k.root(), "~"); base != nil && base.kind == kindText {
		if rest, ok := strings.CutPrefix(topic, "~"); ok {
			topic = string(base.text) + rest
		} else if rest, ok := strings.CutSuffix(topic, "~"); ok {
			topic = rest + string(base.text)
		}
	}
	if topic == "" || strings.ContainsAny(topic, "+#\x00") {
		return "", errors.New("state_topic is missing or has a wildcard: name the topic of the state")
	}
	return topic, nil
}
