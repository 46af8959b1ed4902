package decode

import (
	"bytes"
	"strings"
	"time"

	"buurtmeter/ingest/reading"
)

// SensorThings decodes Observations of the OGC SensorThings API 1.0 and 1.1: one
// object, an array of them, or the dataArray of its extension. The Datastream is
// that of the topic or path, v1.1/Datastreams(1)/Observations, or stands in the
// message as "Datastream": {"@iot.id": 1}; the station declares what it measures
// under "Datastreams(1)", "1" or, for ids that are texts, also with the quotes.
//
//   - result is a number, which may stand in a string; an object, a list or a
//     boolean is none of ours.
//   - phenomenonTime is an instant, or an interval of at most MaxInterval, whose
//     begin and length count. Without it resultTime stands in, and without both
//     the time of receipt, flagged ServerTime. null is as good as absent.
//   - FeatureOfInterest and every other position is left unread.
//
// The unit is the declared one: a message does not name it.
func SensorThings(in Input) Decoded {
	k, ok := open(in)
	if !ok {
		return k.done()
	}
	o := observations{kit: k, topic: datastreamOf(in.Topic)}
	root := k.root()
	switch {
	case root.is(shapeObject):
		o.read(root)
	case root.is(shapeArray):
		k.elements(root, o.read)
	default:
		return k.refuse(CauseJSON, "an Observation is one JSON object")
	}
	return k.done()
}

// observations decodes the Observations of one message.
type observations struct {
	*kit
	// topic is the id of the Datastream in the topic; empty when it names none.
	topic string
}

// datastreamOf returns the id in the last Datastreams(…) of a topic or path.
func datastreamOf(topic string) string {
	for topic != "" {
		var level string
		if i := strings.LastIndexByte(topic, '/'); i >= 0 {
			topic, level = topic[:i], topic[i+1:]
		} else {
			topic, level = "", topic
		}
		if id, ok := strings.CutPrefix(level, "Datastreams("); ok {
			id, _ = strings.CutSuffix(id, ")")
			return strings.Trim(id, "'")
		}
	}
	return ""
}

// read takes one element of the message: an Observation, or a group of them. It
// returns false when there are too many.
func (o *observations) read(n *node) (more bool) {
	o.begin(o.source(n))
	if !n.is(shapeObject) {
		o.problem(CauseJSON, "each Observation must be an object with a result", o.element)
		return true
	}
	c, ok := o.datastream(n)
	rows := o.member(n, "dataArray")
	switch {
	case rows != nil:
		return !ok || o.group(c, rows, o.member(n, "components"))
	case !o.another():
		return false
	case ok:
		o.observe(c, o.member(n, "result"), o.member(n, "phenomenonTime"), o.member(n, "resultTime"))
	}
	return true
}

// group takes the rows of a dataArray, whose columns are the components.
func (o *observations) group(c reading.Channel, rows, components *node) (more bool) {
	result, phenomenon, stamp := -1, -1, -1
	column := 0
	for name := range o.children(components) {
		switch string(name.text) {
		case "result":
			result = column
		case "phenomenonTime":
			phenomenon = column
		case "resultTime":
			stamp = column
		}
		column++
	}
	if result < 0 || !rows.is(shapeArray) {
		o.problem(CauseJSON, "a dataArray needs components with \"result\" and a list of rows", o.element)
		return true
	}
	o.several = o.several || o.plural(rows)
	for row := range o.children(rows) {
		o.begin(o.element)
		switch {
		case !o.another():
			return false
		case !row.is(shapeArray):
			o.problem(CauseJSON, "each row of a dataArray must be a list", o.element)
		default:
			o.observe(c, o.at(row, result), o.at(row, phenomenon), o.at(row, stamp))
		}
	}
	if rows.child == 0 {
		o.problem(CauseNoValues, "the dataArray is empty: send at least one row", o.element)
	}
	return true
}

// at returns the value in the column of a row; nil when there is none.
func (o *observations) at(row *node, column int) *node {
	for n := range o.children(row) {
		if column == 0 {
			return n
		}
		column--
	}
	return nil
}

// datastream finds what the Datastream of an element measures. When ok is false
// the problem is filed.
func (o *observations) datastream(n *node) (c reading.Channel, ok bool) {
	id := o.topic
	if stream := o.member(n, "Datastream"); stream != nil {
		named := o.member(stream, "@iot.id")
		if named == nil || named.kind != kindNumber && named.kind != kindText {
			o.problem(CauseChannelUnknown, `"Datastream" must be an object with the "@iot.id" of the Datastream`, o.element)
			return c, false
		}
		if id = string(named.text); o.topic != "" && o.topic != id {
			o.problem(CauseChannelUnknown, "the topic and the message name two Datastreams: send one of the two", o.element)
			return c, false
		}
	}
	if id == "" {
		o.problem(CauseChannelUnknown, `no Datastream is named: publish to v1.1/Datastreams(1)/Observations, or send "Datastream": {"@iot.id": 1}`, o.element)
		return c, false
	}
	for _, key := range [...]string{"Datastreams(" + id + ")", id, "Datastreams('" + id + "')", "'" + id + "'"} {
		if c, ok = o.in.Station.Wire.Channel(key); ok {
			return c, true
		}
	}
	o.fault(CauseChannelUnknown, askChannel, []byte("Datastreams("+id+")"))
	o.report()
	return c, false
}

// observe adds one Observation.
func (o *observations) observe(c reading.Channel, result, phenomenon, stamp *node) {
	at, ok := o.span(phenomenon, stamp)
	if !ok {
		o.report()
		return
	}
	if result != nil {
		o.channeled(c, 0, []byte("result"), result.token)
	}
	o.conclude(at)
}

// span reads the time that an Observation stands for.
func (o *observations) span(phenomenon, stamp *node) (at span, ok bool) {
	if phenomenon.unset() {
		if stamp.unset() {
			return o.when(nil, "phenomenonTime")
		}
		return o.when(stamp, "resultTime")
	}
	begin, end, interval := bytes.Cut(phenomenon.text, []byte("/"))
	if !interval {
		return o.when(phenomenon, "phenomenonTime")
	}
	from, ok := o.moment(token{kind: phenomenon.kind, text: begin}, "phenomenonTime", true)
	if !ok {
		return at, false
	}
	to, ok := o.moment(token{kind: phenomenon.kind, text: end}, "phenomenonTime", true)
	if !ok {
		return at, false
	}
	// Ends such as 07:59:59.999Z mean a whole number of seconds.
	length := (time.Duration(to.milli-from.milli) * time.Millisecond).Round(time.Second)
	if to.milli < from.milli || length > MaxInterval || length == 0 && to != from {
		o.fault(CauseInterval, "the interval of phenomenonTime must last from 1 second to 1 hour: send shorter means", nil)
		return at, false
	}
	return span{instant: from, seconds: int32(length / time.Second)}, true
}
