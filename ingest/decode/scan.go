package decode

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of values that are skipped; the format itself
// needs four levels.
const maxDepth = 32

// kind is what a JSON value is, as far as the format cares.
type kind uint8

const (
	kindNull kind = iota
	kindText
	kindNumber
	// kindNotFinite is nan, inf and their spellings: not JSON, but what printf
	// and Python write for a failed measurement. It must cost one value, not
	// the whole message.
	kindNotFinite
	// kindOther is true, false, an object or an array.
	kindOther
)

// token is one scanned value; text is the number as written or the content of
// the string without quotes and escapes.
type token struct {
	kind kind
	text []byte
}

// scanner walks over one JSON text without building a tree. A method that
// returns false has set why; the position tells where.
type scanner struct {
	b   []byte
	i   int
	why string
}

func (s *scanner) fail(why string) bool {
	if s.why == "" {
		s.why = why
	}
	return false
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek returns the next byte that is not white space; 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// object walks over the members of the object that starts here. member must
// consume the value of each.
func (s *scanner) object(member func(key []byte) bool) bool {
	s.i++ // {
	if s.peek() == '}' {
		s.i++
		return true
	}
	for {
		if s.peek() != '"' {
			return s.fail("a key in double quotes is expected")
		}
		key, ok := s.str()
		if !ok {
			return false
		}
		if s.peek() != ':' {
			return s.fail("a colon is expected after the key")
		}
		s.i++
		s.space()
		if !member(key) {
			return false
		}
		switch s.peek() {
		case ',':
			s.i++
		case '}':
			s.i++
			return true
		default:
			return s.fail("a comma or } is expected")
		}
	}
}

// array walks over the elements of the array that starts here.
func (s *scanner) array(element func() bool) bool {
	s.i++ // [
	if s.peek() == ']' {
		s.i++
		return true
	}
	for {
		s.space()
		if !element() {
			return false
		}
		switch s.peek() {
		case ',':
			s.i++
		case ']':
			s.i++
			return true
		default:
			return s.fail("a comma or ] is expected")
		}
	}
}

// value consumes one value of any kind.
func (s *scanner) value(depth int) (token, bool) {
	if s.i >= len(s.b) {
		return token{}, s.fail("the text ends where a value is expected")
	}
	switch c := s.b[s.i]; {
	case c == '"':
		text, ok := s.str()
		return token{kindText, text}, ok
	case c >= '0' && c <= '9':
		return s.number()
	case c == '{' || c == '[':
		return token{kind: kindOther}, s.skip(depth)
	case c == '-':
		if s.i+1 < len(s.b) && s.b[s.i+1]|0x20 >= 'a' {
			return s.word()
		}
		return s.number()
	default:
		return s.word()
	}
}

// skip consumes an object or array whose content is of no interest, but checks
// that it is JSON.
func (s *scanner) skip(depth int) bool {
	if depth >= maxDepth {
		return s.fail("the values are nested too deep")
	}
	if s.b[s.i] == '{' {
		return s.object(func([]byte) bool {
			_, ok := s.value(depth + 1)
			return ok
		})
	}
	return s.array(func() bool {
		_, ok := s.value(depth + 1)
		return ok
	})
}

// member is what an object says under one key; times counts how often it stands
// there, 2 for more than once, and the last one is kept.
type member struct {
	token
	from, to int
	times    uint8
}

func (m *member) there() bool { return m.times > 0 }

// members reads the object that starts here and keeps what stands under the names,
// each in its place of into; other is told of every other key. It returns false
// when the text is not JSON or other does.
func (s *scanner) members(depth int, names []string, into []member, other func(key []byte, t token, from, to int) bool) bool {
	return s.object(func(key []byte) bool {
		from := s.i
		t, ok := s.value(depth)
		if !ok {
			return false
		}
		for i, name := range names {
			if name == string(key) {
				into[i] = member{t, from, s.i, min(2, into[i].times+1)}
				return true
			}
		}
		return other(key, t, from, s.i)
	})
}

// end tells whether nothing is left.
func (s *scanner) end() bool {
	if s.space(); s.i < len(s.b) {
		return s.fail("there is more after the end")
	}
	return true
}

// word consumes a bare word: null, true, false or a number that is none.
func (s *scanner) word() (token, bool) {
	start := s.i
	if s.b[s.i] == '-' || s.b[s.i] == '+' {
		s.i++
	}
	for s.i < len(s.b) && s.b[s.i]|0x20 >= 'a' && s.b[s.i]|0x20 <= 'z' {
		s.i++
	}
	switch w := s.b[start:s.i]; string(w) {
	case "null":
		return token{kind: kindNull}, true
	case "true", "false":
		return token{kind: kindOther}, true
	case "NaN", "nan", "NAN", "-nan", "-NaN", "inf", "-inf", "+inf", "Inf", "-Inf", "+Inf", "INF", "-INF", "Infinity", "-Infinity", "+Infinity":
		return token{kindNotFinite, w}, true
	}
	s.i = start
	return token{}, s.fail("this is not a JSON value")
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}

// number consumes a number in the grammar of JSON.
func (s *scanner) number() (token, bool) {
	end := numberEnd(s.b, s.i)
	if end < 0 {
		return token{}, s.fail("this is not a JSON number")
	}
	text := s.b[s.i:end]
	s.i = end
	return token{kindNumber, text}, true
}

// numberEnd returns the end of the JSON number that starts at i, or -1.
func numberEnd(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	i = digits(b, i)
	if i == start || (b[start] == '0' && i > start+1) {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		start = i + 1
		if i = digits(b, start); i == start {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = digits(b, start); i == start {
			return -1
		}
	}
	return i
}

// str consumes the string that starts here and returns its content. Without
// escapes that is a part of the payload, so nothing is allocated.
func (s *scanner) str() ([]byte, bool) {
	start := s.i + 1
	for i := start; i < len(s.b); i++ {
		switch c := s.b[i]; {
		case c == '"':
			s.i = i + 1
			return s.b[start:i], true
		case c == '\\':
			return s.escaped(start, i)
		case c < 0x20:
			s.i = i
			return nil, s.fail("a control character in a text must be escaped")
		}
	}
	return nil, s.fail("a text has no closing quote")
}

// escaped goes on with a string whose first escape is at i.
func (s *scanner) escaped(start, i int) ([]byte, bool) {
	out := append([]byte(nil), s.b[start:i]...)
	for i < len(s.b) {
		switch c := s.b[i]; {
		case c == '"':
			s.i = i + 1
			return out, true
		case c < 0x20:
			s.i = i
			return nil, s.fail("a control character in a text must be escaped")
		case c != '\\':
			out = append(out, c)
			i++
		default:
			var n int
			if out, n = unescape(out, s.b[i:]); n == 0 {
				s.i = i
				return nil, s.fail("this escape is not JSON")
			}
			i += n
		}
	}
	return nil, s.fail("a text has no closing quote")
}

// unescape appends the character of the escape at the begin of b and returns
// how many bytes the escape takes; 0 for a wrong one.
func unescape(out, b []byte) ([]byte, int) {
	if len(b) < 2 {
		return out, 0
	}
	switch b[1] {
	case '"', '\\', '/':
		return append(out, b[1]), 2
	case 'b':
		return append(out, '\b'), 2
	case 'f':
		return append(out, '\f'), 2
	case 'n':
		return append(out, '\n'), 2
	case 'r':
		return append(out, '\r'), 2
	case 't':
		return append(out, '\t'), 2
	case 'u':
		r := hex4(b)
		if r < 0 {
			return out, 0
		}
		if utf16.IsSurrogate(r) {
			if r2 := hex4(b[6:]); r2 >= 0 {
				if pair := utf16.DecodeRune(r, r2); pair != utf8.RuneError {
					return utf8.AppendRune(out, pair), 12
				}
			}
			r = utf8.RuneError
		}
		return utf8.AppendRune(out, r), 6
	}
	return out, 0
}

// hex4 reads the escape of a code unit at the beginning of b; -1 when it is
// something else.
func hex4(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	for _, c := range b[2:6] {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return -1
		}
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}
