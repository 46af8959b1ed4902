package decode

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// longestDetail bounds the text of a problem, in bytes.
const longestDetail = 350

// fault is a problem in the making: format has one %s for the names, if any.
type fault struct {
	cause, format string
	names         []string
}

// fault notes a problem of the element; key is named in its text, with the other
// keys of the same problem. A nil key names nothing.
func (s *sheet) fault(cause, format string, key []byte) {
	i := slices.IndexFunc(s.faults, func(f fault) bool { return f.cause == cause && f.format == format })
	if i < 0 {
		i = len(s.faults)
		s.faults = append(s.faults, fault{cause: cause, format: format})
	}
	f := &s.faults[i]
	const most, longest = 3, 60
	name := ""
	switch {
	case key == nil || len(f.names) > most:
		return
	case len(f.names) == most:
		name = "…"
	case len(key) > longest:
		name = strconv.Quote(string(key[:longest])) + "…"
	default:
		name = strconv.Quote(string(key))
	}
	if !slices.Contains(f.names, name) {
		f.names = append(f.names, name)
	}
}

// report turns the faults of the element into problems.
func (s *sheet) report() {
	for _, f := range s.faults {
		detail := f.format
		if len(f.names) > 0 {
			detail = fmt.Sprintf(f.format, strings.Join(f.names, ", "))
		}
		s.problem(f.cause, detail, s.element)
	}
}

// problem adds a problem. Of one element each cause is named once, however many
// parts of it have that fault: a reject keeps a copy of the element.
func (s *sheet) problem(cause, detail string, element []byte) {
	const far = 16 // more than there are causes
	for i := len(s.out.Problems) - 1; i >= max(0, len(s.out.Problems)-far); i-- {
		p := &s.out.Problems[i]
		if p.Cause != cause || !same(p.Element, element) {
			continue
		}
		if len(p.Detail)+len(detail) < longestDetail && !strings.Contains(p.Detail, detail) {
			p.Detail += "; " + detail
		}
		return
	}
	s.out.Problems = append(s.out.Problems, Problem{Cause: cause, Detail: detail, Element: element})
}

// same tells whether two parts of one payload are the same part.
func same(a, b []byte) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// refuse adds a problem of the whole message, and ends.
func (s *sheet) refuse(cause, detail string) Decoded {
	s.problem(cause, detail, s.in.Payload)
	return s.done()
}

// refuseJSON is the answer to a text that the scanner could not get through.
func (s *sheet) refuseJSON(at *scanner) Decoded {
	return s.refuse(CauseJSON, fmt.Sprintf("%s, at byte %d: send the JSON of this format", at.why, at.i+s.offset))
}

// extent is a part of the text; packed is not nil for the packed payload of a
// device, in which a position may stand.
type extent struct {
	start, end int
	packed     func(part []byte)
}

// blank remembers that text[start:end] holds a position.
func (s *sheet) blank(start, end int) {
	s.blanked = append(s.blanked, extent{start: start, end: end})
}

// leftOut blanks the value of a key that no decoder reads, text[from:to], when it is
// a position or an object or array, which may hold one.
func (s *sheet) leftOut(key []byte, t token, from, to int) bool {
	if t.kind == kindOther || placeKey(key) {
		s.blank(from, to)
	}
	return true
}

// done returns what there is; it is the last call. The elements of problems are
// stored and shown, and a position is the secret of a home: in their copies the
// digits of positions are blanked. They decode to the same as before, because
// positions are not read.
func (s *sheet) done() Decoded {
	if len(s.out.Problems) == 0 || len(s.blanked) == 0 {
		return s.out
	}
	clean := bytes.Clone(s.in.Payload)
	for _, x := range s.blanked {
		part := clean[x.start+s.offset : x.end+s.offset]
		if x.packed != nil {
			x.packed(part)
		} else {
			blankDigits(part)
		}
	}
	for i := range s.out.Problems {
		p := &s.out.Problems[i]
		// An element is a part of the payload, whose end it shares: its capacity tells
		// where it begins.
		begin := cap(s.in.Payload) - cap(p.Element)
		p.Element = clean[begin : begin+len(p.Element)]
	}
	return s.out
}

// blankDigits makes 1 of every digit, also of those in escapes, so that the text
// stays JSON: a number may not begin with two zeros.
func blankDigits(b []byte) {
	for i, c := range b {
		if c >= '0' && c <= '9' {
			b[i] = '1'
		}
	}
}
