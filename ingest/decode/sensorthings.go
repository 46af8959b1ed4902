package decode

import (
	"bytes"
	"strconv"
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
		o.several = false
		o.element(root)
	case root.is(shapeArray):
		o.several = root.child != 0 && k.nodes[root.child].next != 0
		for n := range k.children(root) {
			if !o.element(n) {
				break
			}
		}
		if root.child == 0 {
			return k.refuse(CauseNoValues, "the list is empty: send at least one Observation")
		}
	default:
		return k.refuse(CauseJSON, "an Observation is one JSON object")
	}
	return k.done()
}

// observations decodes the Observations of one message.
type observations struct {
	*kit
	// topic is the id of the Datastream in the topic; empty when it names none.
	topic   string
	several bool
	count   int
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

// element takes one element of the message: an Observation, or a group of them.
// It returns false when there are too many.
func (o *observations) element(n *node) bool {
	text := o.source(n)
	if !n.is(shapeObject) {
		o.problem(CauseJSON, "each Observation must be an object with a result", text)
		return true
	}
	c, ok := o.channel(n, text)
	rows := o.member(n, "dataArray")
	if rows == nil {
		if o.count++; o.count > MaxReadings {
			return o.tooMany()
		}
		if ok {
			o.observe(c, o.member(n, "result"), o.member(n, "phenomenonTime"), o.member(n, "resultTime"), text)
		}
		return true
	}
	if !ok {
		return true
	}
	result, phenomenon, stamp := -1, -1, -1
	column := 0
	for name := range o.children(o.member(n, "components")) {
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
		o.problem(CauseJSON, "a dataArray needs components with \"result\" and a list of rows", text)
		return true
	}
	if rows.child != 0 && o.nodes[rows.child].next != 0 {
		o.several = true
	}
	for row := range o.children(rows) {
		if o.count++; o.count > MaxReadings {
			return o.tooMany()
		}
		if !row.is(shapeArray) {
			o.problem(CauseJSON, "each row of a dataArray must be a list", text)
			continue
		}
		o.observe(c, o.at(row, result), o.at(row, phenomenon), o.at(row, stamp), text)
	}
	if rows.child == 0 {
		o.problem(CauseNoValues, "the dataArray is empty: send at least one row", text)
	}
	return true
}

func (o *observations) tooMany() bool {
	o.problem(CauseTooLarge, "the message has more than "+strconv.Itoa(MaxReadings)+" Observations: split it", o.in.Payload)
	return false
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

// channel finds what the Datastream of an element measures. When ok is false the
// problem stands in the result.
func (o *observations) channel(n *node, text []byte) (c reading.Channel, ok bool) {
	id := o.topic
	if stream := o.member(n, "Datastream"); stream != nil {
		named := o.member(stream, "@iot.id")
		if named == nil || named.kind != kindNumber && named.kind != kindText {
			o.problem(CauseChannelUnknown, `"Datastream" must be an object with the "@iot.id" of the Datastream`, text)
			return c, false
		}
		if id = string(named.text); o.topic != "" && o.topic != id {
			o.problem(CauseChannelUnknown, "the topic and the message name two Datastreams: send one of the two", text)
			return c, false
		}
	}
	if id == "" {
		o.problem(CauseChannelUnknown, `no Datastream is named: publish to v1.1/Datastreams(1)/Observations, or send "Datastream": {"@iot.id": 1}`, text)
		return c, false
	}
	for _, key := range [...]string{"Datastreams(" + id + ")", id, "Datastreams('" + id + "')", "'" + id + "'"} {
		if c, ok = o.in.Station.Wire.Channel(key); ok {
			return c, true
		}
	}
	o.about(CauseChannelUnknown, askChannel, appendName(nil, []byte("Datastreams("+id+")")), text)
	return c, false
}

// observe adds one Observation.
func (o *observations) observe(c reading.Channel, result, phenomenon, stamp *node, text []byte) {
	when, ok := o.span(phenomenon, stamp, text)
	if !ok {
		return
	}
	var s sample
	if result != nil {
		o.declared(&s, c, []byte("result"), result.token)
	}
	o.finish(&s, when, text)
}

// span reads the time that an Observation stands for.
func (o *observations) span(phenomenon, stamp *node, text []byte) (span, bool) {
	if phenomenon.unset() {
		if stamp.unset() {
			if o.several {
				o.problem(CauseTimeMissing, "among several Observations each one needs its own phenomenonTime", text)
				return span{}, false
			}
			return o.now(), true
		}
		return o.when(stamp, "resultTime", text)
	}
	begin, end, interval := bytes.Cut(phenomenon.text, []byte("/"))
	if !interval {
		return o.when(phenomenon, "phenomenonTime", text)
	}
	from, how := o.moment(token{kind: phenomenon.kind, text: begin})
	to, howEnd := o.moment(token{kind: phenomenon.kind, text: end})
	if how != good || howEnd != good {
		o.problem(CauseTimeUnreadable, "phenomenonTime"+unreadableTime, text)
		return span{}, false
	}
	// Ends such as 07:59:59.999Z mean a whole number of seconds.
	length := (time.Duration(to-from) * time.Millisecond).Round(time.Second)
	if to < from || length > MaxInterval || length == 0 && to != from {
		o.problem(CauseInterval, "the interval of phenomenonTime must last from 1 second to 1 hour: send shorter means", text)
		return span{}, false
	}
	return span{at: time.UnixMilli(from).UTC(), interval: length}, true
}
