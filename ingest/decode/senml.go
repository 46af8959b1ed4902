package decode

import (
	"bytes"
	"strings"

	"buurtmeter/ingest/reading"
)

// SenML decodes a pack of records in the JSON form of RFC 8428.
//
//		[{"bn": "urn:dev:mac:0024befffe804ff1:", "bt": 1795420800, "n": "no2", "u": "ug/m3", "v": 21.4}, …]
//
//	  - The base fields bn, bt, bu and bv hold for their own and all later records.
//	    bver must be 10, or 26, which is 10 with the units of RFC 8798.
//	  - A name means the property that a channel of the station gives to the whole
//	    of it; else its part behind the last / or : must be a property, as in our
//	    own format or in a usual spelling (pm2.5, temp, rh).
//	  - A record without u or bu is in the unit of its channel or property. Units
//	    that the property does not have are refused.
//	  - A time under 2^28 seconds, after bt was added, is relative to the time of
//	    receipt; such values, and those without any time, are flagged ServerTime.
//	    Records of one moment become one reading; the order of records is free.
//	  - bv is added to v, except to a code for "no value" such as -999. A number may
//	    stand in vs. A sum (s) is no value, nor is vb or vd.
//	  - Positions (a name or unit lat or lon) are not taken. Names are at most 256
//	    bytes long.
//	  - A pack that is not JSON, has a base field twice in one record, or an unknown
//	    field that ends in _ (which says that it must be understood) is refused.
func SenML(in Input) Decoded {
	p := senmlPack{sheet: newSheet(in)}
	if t := in.ContentType; strings.HasSuffix(t, "cbor") || strings.HasSuffix(t, "xml") || strings.HasSuffix(t, "exi") {
		return p.refuse(CauseFormatUnknown, "SenML is read as JSON only: send application/senml+json")
	}
	ok := false
	if p.b, ok = p.open(); !ok {
		return p.done()
	}
	if !p.message() {
		if p.cause != "" {
			return p.refuse(p.cause, p.why)
		}
		return p.refuseJSON(&p.scanner)
	}
	return p.finish(`no value in the pack: send at least one record, like {"n": "no2", "u": "ug/m3", "v": 21.4}`)
}

// The fields of a record, as indexes of its tokens.
const (
	senmlBn = iota
	senmlBt
	senmlBu
	senmlBv
	senmlBver
	senmlN
	senmlU
	senmlT
	senmlV
	senmlVs
	senmlVb
	senmlVd
	senmlS
	senmlFields
)

// senmlRecord is one record of a pack.
type senmlRecord [senmlFields]member

// senmlPack holds the base fields that count for the record that is read.
type senmlPack struct {
	scanner
	*sheet
	cause string
	bn    []byte
	bu    token
	bt    int64 // milliseconds
	bv    float64
	// wrong are the base fields that could not be read: a record must not be
	// resolved with an older one.
	wrong [senmlBver]bool
}

// cancel refuses the pack as a whole.
func (p *senmlPack) cancel(cause, why string) bool {
	p.cause = cause
	return p.fail(why)
}

func (p *senmlPack) message() bool {
	ok := false
	switch p.peek() {
	case '[':
		ok = p.array(p.record)
	case '{':
		ok = p.record()
	default:
		return p.fail("this is not an array of records")
	}
	return ok && p.end()
}

func (p *senmlPack) record() bool {
	if p.peek() != '{' {
		p.fault(CauseValueUnreadable, "each record of the pack must be an object", nil)
		_, ok := p.value(1)
		return ok
	}
	var r senmlRecord
	names := [senmlFields]string{"bn", "bt", "bu", "bv", "bver", "n", "u", "t", "v", "vs", "vb", "vd", "s"}
	ok := p.members(2, names[:], r[:], func(key []byte, t token, from, to int) bool {
		if len(key) > 0 && key[len(key)-1] == '_' {
			return p.cancel(CauseFormatUnknown, "the pack has a field that must be understood and is not known: send the fields of RFC 8428")
		}
		return p.leftOut(key, t, from, to)
	})
	for f := range senmlN {
		if ok && r[f].times > 1 {
			return p.cancel(CauseJSON, "a base field stands twice in one record: send each once")
		}
	}
	return ok && p.bases(&r) && p.resolve(&r)
}

// bases takes over the base fields of the record.
func (p *senmlPack) bases(r *senmlRecord) bool {
	if r[senmlBver].there() {
		n := int64(0)
		if r[senmlBver].kind != kindNumber || r[senmlBver].whole(&n, 1, 255) != good || (n != 10 && n != 26) {
			return p.cancel(CauseFormatUnknown, "this version of SenML is not known: send bver 10, or leave it out")
		}
	}
	if t := r[senmlBn].token; r[senmlBn].there() {
		p.bn, p.wrong[senmlBn] = t.text, t.kind != kindText
	}
	if t := r[senmlBu].token; r[senmlBu].there() {
		p.bu, p.wrong[senmlBu] = t, t.kind != kindText
	}
	ok := false
	if t := r[senmlBt].token; r[senmlBt].there() {
		p.bt, ok = senmlMilli(t)
		p.wrong[senmlBt] = !ok
	}
	if t := r[senmlBv].token; r[senmlBv].there() {
		p.bv, ok = t.float()
		p.wrong[senmlBv] = !ok || t.kind != kindNumber
	}
	return true
}

// resolve files the value of a record. It returns true also when there is none.
func (p *senmlPack) resolve(r *senmlRecord) bool {
	regular := 0
	for f := senmlN; f < senmlFields; f++ {
		regular += int(r[f].times)
	}
	if regular == 0 {
		return true // a record of base fields only
	}
	key, ok := p.fullName(r)
	if !ok {
		return true
	}
	part := key[bytes.LastIndexAny(key, "/:")+1:]
	unit, has := p.bu, p.bu.kind == kindText || p.wrong[senmlBu]
	if r[senmlU].there() {
		unit, has = r[senmlU].token, true
	}
	if placeKey(part) || (unit.kind == kindText && (string(unit.text) == "lat" || string(unit.text) == "lon")) {
		for _, f := range [...]int{senmlV, senmlVs, senmlBv} {
			p.blank(r[f].from, r[f].to)
		}
		p.silent = true
		return true
	}
	o, ok := p.meaning(key, part)
	if !ok {
		return true
	}
	if has {
		known := unit.kind == kindText && r[senmlU].times < 2
		if known {
			o.unit, known = senmlUnit(propertyOf(o.slot), unit.text)
		}
		if !known {
			p.fault(CauseUnitUnknown, "the unit of %s is not one that its property has: send ug/m3 (gases also ppb), Cel, %%RH and Pa", key)
			return true
		}
	}
	value, ok := p.figureOf(r, key)
	if !ok {
		return true
	}
	at, ok := p.time(r, key)
	if !ok {
		return true
	}
	base := 0.
	if value.kind == kindNumber {
		base = p.bv
	}
	p.put(o, key, at, value, base)
	return true
}

// fullName is the base name with the name of the record.
func (p *senmlPack) fullName(r *senmlRecord) (key []byte, ok bool) {
	n := r[senmlN].token
	switch {
	case p.wrong[senmlBn] || r[senmlN].times > 1 || (r[senmlN].there() && n.kind != kindText):
		p.fault(CauseChannelUnknown, "a record has a name that is no text, or two: send bn and n as texts, once", nil)
		return nil, false
	case len(p.bn)+len(n.text) == 0:
		p.fault(CauseChannelUnknown, "a record has no name: send bn, n or both", nil)
		return nil, false
	case len(p.bn)+len(n.text) > longestKey:
		p.fault(CauseChannelUnknown, "a record has a name of more than 256 bytes: send a shorter one", nil)
		return nil, false
	case len(p.bn) == 0:
		return n.text, true
	case len(n.text) == 0:
		return p.bn, true
	}
	return append(append(make([]byte, 0, len(p.bn)+len(n.text)), p.bn...), n.text...), true
}

// meaning says which property a name stands for.
func (p *senmlPack) meaning(key, part []byte) (origin, bool) {
	usual := ownName(part)
	if o, v, ok := p.declared(key, usual); ok {
		return o, v == use
	}
	if usual.slot < 0 {
		p.fault(CausePropertyUnknown, "the name %s is not known: let it end in a property, such as no2, or declare it as a channel", key)
	}
	return usual, usual.slot >= 0
}

// figureOf returns the token with the value of a record.
func (p *senmlPack) figureOf(r *senmlRecord, key []byte) (token, bool) {
	switch n := r[senmlV].times + r[senmlVs].times + r[senmlVb].times + r[senmlVd].times; {
	case n == 0 && r[senmlS].there():
		p.fault(CauseValueUnreadable, "%s has only a sum (s), which is no value of a moment: send v", key)
	case n == 0:
		p.fault(CauseNoValues, "%s has no value: send v", key)
	case n > 1 || r[senmlVb].there() || r[senmlVd].there():
		p.fault(CauseValueUnreadable, "%s must have one value, a number in v", key)
	case r[senmlVs].there():
		return r[senmlVs].token, true
	case p.wrong[senmlBv]:
		p.fault(CauseValueUnreadable, "%s has a base value that is not a number", key)
	default:
		return r[senmlV].token, true
	}
	return token{}, false
}

// time adds the base time to the time of a record.
func (p *senmlPack) time(r *senmlRecord, key []byte) (at instant, ok bool) {
	t := int64(0)
	ok = !p.wrong[senmlBt] && r[senmlT].times < 2
	if ok && r[senmlT].there() {
		t, ok = senmlMilli(r[senmlT].token)
	}
	const relative = 1 << 28 * 1000
	at.milli = p.bt + t
	if at.milli < relative {
		at = instant{milli: p.received + at.milli, server: true}
	}
	if !ok || at.milli < 0 || at.milli >= endMilli {
		p.fault(CauseTimeUnreadable, "the time of %s cannot be read: send bt and t as numbers of seconds, once, together between 1970 and 2099", key)
		return at, false
	}
	return at, true
}

// senmlMilli reads a number of seconds, which may be negative, as milliseconds
// cut towards zero.
func senmlMilli(t token) (milli int64, ok bool) {
	if t.kind != kindNumber {
		return 0, false
	}
	if rest, negative := bytes.CutPrefix(t.text, []byte("-")); negative {
		milli, ok = parseMilli(rest)
		return -milli, ok
	}
	return parseMilli(t.text)
}

// senmlUnit knows the units of the registry beside those of Conversion.
func senmlUnit(p reading.Property, name []byte) (conversion, bool) {
	switch k := slot([]byte(p)); {
	case p == reading.Humidity && string(name) == "/100":
		return conversion{}, true
	case p == reading.CO && string(name) == "kg/m3":
		return conversion{factor: 1e6}, true
	case concentration(k) && string(name) == "kg/m3":
		return conversion{factor: 1e9}, true
	}
	return unitOf(p, name)
}
