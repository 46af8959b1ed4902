package decode

import (
	"fmt"
	"strconv"

	"buurtmeter/ingest/reading"
)

// kit decodes one message that is read as a whole before its values are filed,
// because what tells their meaning may come after them. Its elements stand alone:
// each is a reading with a time of its own, and is kept alone when it is refused.
type kit struct {
	tree
	*sheet
	// port is the LoRaWAN port of an uplink; 0 when there is none.
	port int64
	// count and several are about the elements of the message, see element.
	count   int
	several bool
}

// open checks the payload and reads it as one JSON text. When ok is false, the
// problem is filed.
func open(in Input) (k *kit, ok bool) {
	if k, ok = openText(in); ok {
		ok = k.parse()
	}
	return k, ok
}

// openText checks the payload as a text.
func openText(in Input) (k *kit, ok bool) {
	k = &kit{sheet: newSheet(in)}
	k.text, ok = k.open()
	return k, ok
}

// usualNodes is how many values a message has room for from the start.
const usualNodes = 256

// parse reads the text as JSON.
func (k *kit) parse() (ok bool) {
	g := grower{scanner: scanner{b: k.text}, nodes: make([]node, 0, min(len(k.text)/12+4, usualNodes))}
	_, ok = g.grow(0, nil)
	ok = ok && g.end()
	k.nodes = g.nodes
	switch {
	case g.full:
		k.problem(CauseTooLarge, fmt.Sprintf("the message has more than %d values: split it", maxNodes), k.in.Payload)
	case !ok:
		k.problem(CauseJSON, fmt.Sprintf("%s, at byte %d: send one JSON text", g.why, g.i+k.offset), k.in.Payload)
	}
	return ok
}

// refuse adds a problem of the whole message, and ends.
func (k *kit) refuse(cause, detail string) Decoded {
	k.problem(cause, detail, k.in.Payload)
	return k.done()
}

// another counts one more reading of the message. At one too many it returns
// false, and that is a problem.
func (k *kit) another() bool {
	if k.count++; k.count > MaxReadings {
		k.problem(CauseTooLarge, "the message has more than "+strconv.Itoa(MaxReadings)+" readings: split it", k.in.Payload)
		return false
	}
	return true
}

// elements gives each element of a list to read, and says so when there is none.
// read returns false to stop.
func (k *kit) elements(list *node, read func(n *node) bool) {
	k.several = k.plural(list)
	for n := range k.children(list) {
		if !read(n) {
			return
		}
	}
	if list.child == 0 {
		k.problem(CauseNoValues, "the list is empty: send at least one measurement", k.source(list))
	}
}

// plural tells whether the list has more than one element.
func (k *kit) plural(list *node) bool { return list.child != 0 && k.nodes[list.child].next != 0 }

// when reads the time of the element under the name that the format has for it.
// Without the key it is the time of receipt, which would be a lie where several
// elements stand in one message. When ok is false, the problem is filed.
func (k *kit) when(n *node, name string) (at span, ok bool) {
	switch {
	case n != nil:
		at.instant, ok = k.moment(n.token, name, true)
		return at, ok
	case k.several:
		k.fault(CauseTimeMissing, "in a message of several measurements each one needs its own "+name, nil)
		return at, false
	}
	return span{instant: k.now()}, true
}

// stands begins an element that is an object of the given shape, or so is says, and
// reads its time. When ok is false, the problem is filed.
func (k *kit) stands(n *node, is bool, shape, name string) (at span, ok bool) {
	k.begin(k.source(n))
	if !is {
		k.problem(CauseJSON, shape, k.element)
		return at, false
	}
	if at, ok = k.when(k.member(n, name), name); !ok {
		k.report()
	}
	return at, ok
}

// known files the value of a key that the format defines as p.
func (k *kit) known(p reading.Property, key []byte, t token) {
	k.measured(origin{slot: slot([]byte(p)), rank: undeclared}, key, instant{}, t)
}

// channeled files the value of a key that the format looks up itself among the
// channels of the station; rank is its place among them.
func (k *kit) channeled(c reading.Channel, rank int, key []byte, t token) {
	if o, v := k.channel(c, rank, key, nothing()); v == use {
		k.put(o, key, instant{}, t, 0)
	}
}

// numeric tells whether the token is a number, so that its key may be one of a
// measurement.
func numeric(t token) bool {
	_, ok := t.decimal()
	return ok || t.kind == kindNotFinite
}

// askChannel is said of names that a channel would explain.
const askChannel = "nobody declared what %s measures: declare the channel with its property and unit for this station, or one without a property to leave it out"

// conclude settles the element, all of whose values stand for the same time.
func (k *kit) conclude(at span) {
	for i := range k.entries {
		k.entries[i].span = at
	}
	k.settle("no value in the message that this platform keeps")
}
