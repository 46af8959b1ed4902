package decode

import (
	"bytes"
	"encoding/base64"
)

// done returns what there is; it is the last call. The elements of problems are stored and shown, and
// a position is the secret of a home: in their copies the digits of positions are
// blanked. They decode to the same as before, because positions are not read.
func (k *kit) done() Decoded {
	if len(k.out.Problems) == 0 || len(k.nodes) == 0 {
		return k.out
	}
	// Parts of the payload share its end, so that their capacity tells where they
	// begin; the text begins after the byte order mark.
	offset := cap(k.in.Payload) - cap(k.text)
	var clean []byte
	for i := range k.nodes {
		n := &k.nodes[i]
		packed := string(n.key) == "frm_payload" || string(n.key) == "payload_raw"
		if !packed && !placeKey(n.key) {
			continue
		}
		if clean == nil {
			clean = bytes.Clone(k.in.Payload)
		}
		end := int(n.end)
		if end == 0 {
			end = len(k.text)
		}
		if part := clean[int(n.begin)+offset : end+offset]; packed {
			k.blankPacked(part, n)
		} else {
			blankDigits(part)
		}
	}
	if clean == nil {
		return k.out
	}
	for i := range k.out.Problems {
		p := &k.out.Problems[i]
		// An element is a part of the payload: it keeps its place and its length.
		begin := cap(k.in.Payload) - cap(p.Element)
		p.Element = clean[begin : begin+len(p.Element)]
	}
	return k.out
}

// placeKey tells whether a key names where something stands. bytes is what
// formatters call the packed payload, which may hold a position too.
func placeKey(key []byte) bool {
	var buf [longestKeyName]byte
	name := plain(&buf, key)
	switch string(name) {
	case "lat", "lon", "lng", "long", "alt", "bytes":
		return true
	}
	for _, part := range [...]string{"latitude", "longitude", "location", "coordinates", "geometry", "featureofinterest", "_lat", "_lon", "_lng"} {
		if bytes.Contains(name, []byte(part)) {
			return true
		}
	}
	return bytes.HasPrefix(name, []byte("gps"))
}

// blankDigits makes 1 of every digit but those of escapes, so that the text stays
// JSON: a number may not begin with two zeros.
func blankDigits(b []byte) {
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\\' && i+1 < len(b):
			if i++; b[i] == 'u' {
				i += 4
			}
		case c >= '0' && c <= '9':
			b[i] = '1'
		}
	}
}

// blankPacked blanks the packed payload of a device, in its quotes: of a packet of
// Meet je stad the position only, so that it can still be decoded; any other
// wholly, because nobody here can say where a position stands in it.
func (k *kit) blankPacked(b []byte, n *node) {
	switch {
	case n.end == 0 && len(b) > 0:
		b = b[1:] // a text without its closing quote
	case n.kind != kindText || len(b) < 2:
		blankDigits(b)
		return
	default:
		b = b[1 : len(b)-1]
	}
	raw, err := base64.StdEncoding.AppendDecode(nil, n.text)
	if start, ok := meetJeStadPosition(k.port, raw); err == nil && ok && base64.StdEncoding.EncodedLen(len(raw)) == len(b) {
		clear(raw[start : start+6])
		base64.StdEncoding.Encode(b, raw)
		return
	}
	for i, c := range b {
		if c != '=' {
			b[i] = 'A'
		}
	}
}
