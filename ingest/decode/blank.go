package decode

import (
	"bytes"
	"encoding/base64"
)

// placeKey tells whether a key names where something stands. bytes is what
// formatters call the packed payload, which may hold a position too.
func placeKey(key []byte) bool {
	var buf [longestKeyName]byte
	name := plain(&buf, key[:min(len(key), longestKeyName)])
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

// done ends like that of a sheet, when the positions of the document are known.
func (k *kit) done() Decoded {
	if len(k.out.Problems) == 0 {
		return k.out
	}
	for i := range k.nodes {
		n := &k.nodes[i]
		x := extent{start: int(n.begin), end: int(n.end)}
		if x.end == 0 {
			x.end = len(k.text) // it broke off
		}
		switch {
		case string(n.key) == "frm_payload" || string(n.key) == "payload_raw":
			x.packed = func(part []byte) { k.blankPacked(part, n) }
			k.blanked = append(k.blanked, x)
		case placeKey(n.key):
			k.blanked = append(k.blanked, x)
		}
	}
	return k.sheet.done()
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
