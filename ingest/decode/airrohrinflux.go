package decode

import (
	"bytes"
	"strconv"
	"strings"
)

// AirrohrInflux decodes what airrohr pushes to an InfluxDB: line protocol, one
// line per message and no time.
//
//	feinstaub,node=esp8266-1234567 SDS_P1=4.05,SDS_P2=2.25,signal=-86
//
// The fields are the value types of Airrohr, and the same rules hold. Measurement
// and tags are not used. Beyond that:
//
//   - A line that breaks the syntax is a problem as a whole: of SDS_P1=4,05 the 4
//     must not be taken. Its neighbours stand. Lines that begin with # are comments.
//   - Numbers may end in i or u; a number may stand in quotes; a quoted word is
//     "no value" as in Airrohr. Line breaks in quotes are not taken.
//   - The time of a line is a whole number in nanoseconds; 10, 13 or 16 digits are
//     seconds, milliseconds or microseconds (the precision that a client asks for
//     does not reach the decoder, and no two of them meet before the year 2286).
//     Without it the time of receipt stands in, flagged ServerTime.
//   - At most MaxReadings lines.
func AirrohrInflux(in Input) Decoded {
	s := newSheet(in)
	text, ok := s.open()
	if !ok {
		return s.done()
	}
	const shape = "a line cannot be read: send measurement,tags field=value,field=value, with points in numbers"
	lines, rest := 0, text
	var l influxLine
	for len(rest) > 0 {
		var line []byte
		start := len(text) - len(rest)
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		line = bytes.TrimRight(line, " \t\r")
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if lines++; lines > MaxReadings {
			return s.refuse(CauseTooLarge, "the message has more than "+strconv.Itoa(MaxReadings)+" lines: split it")
		}
		l = influxLine{b: line, fields: l.fields[:0]}
		why := l.read()
		if why == "" {
			l.file(s, start)
			continue
		}
		s.fault(CauseValueUnreadable, shape+" ("+why+")", nil)
		if bytes.Contains(bytes.ToLower(line), []byte("gps_")) {
			s.blank(start, start+len(line))
		}
	}
	return s.finish("no measured value in the message: send a line with fields such as SDS_P2=2.25")
}

// influxLine is one line while it is being read. Nothing of it counts before all
// of it was read.
type influxLine struct {
	b      []byte
	i      int
	fields []influxField
	time   []byte // nil for none
}

type influxField struct {
	key      []byte
	value    token
	from, to int // of the value, in the line
}

// read walks over the line; why is what broke it.
func (l *influxLine) read() (why string) {
	if c := l.word(","); c == 0 || l.i == 0 {
		return "no fields"
	}
	for l.b[l.i] == ',' {
		l.i++
		from := l.i
		if l.word("=,") != '=' || l.i == from {
			return "a tag without ="
		}
		l.i++
		from = l.i
		if l.word(",") == 0 || l.i == from {
			return "no fields"
		}
	}
	for {
		l.i++ // the space or the comma
		from := l.i
		if l.word("=,") != '=' || l.i == from {
			return "a field without ="
		}
		key := l.b[from:l.i]
		l.i++
		if !l.field(key) {
			return "a field without a value"
		}
		if l.i == len(l.b) {
			return ""
		}
		if l.b[l.i] == ' ' {
			return l.stamp()
		}
		if l.b[l.i] != ',' {
			return "more after a text in quotes"
		}
	}
}

// word goes on to the next space, or byte of stops, that no backslash precedes,
// and returns it; 0 at the end of the line.
func (l *influxLine) word(stops string) byte {
	for ; l.i < len(l.b); l.i++ {
		switch c := l.b[l.i]; {
		case c == '\\':
			l.i++ // whatever follows belongs to the word
		case c == ' ' || strings.IndexByte(stops, c) >= 0:
			return c
		}
	}
	l.i = len(l.b)
	return 0
}

// field reads the value of a field.
func (l *influxLine) field(key []byte) bool {
	from := l.i
	var t token
	if l.i < len(l.b) && l.b[l.i] == '"' {
		text, ok := l.quoted()
		if !ok {
			return false
		}
		t = token{kindText, text}
	} else {
		for l.i < len(l.b) && l.b[l.i] != ',' && l.b[l.i] != ' ' {
			l.i++
		}
		if l.i == from {
			return false
		}
		t = influxNumber(l.b[from:l.i])
	}
	l.fields = append(l.fields, influxField{unescapeInflux(key), t, from, l.i})
	return true
}

// quoted reads a text in quotes, in which \" and \\ stand for themselves.
func (l *influxLine) quoted() (text []byte, ok bool) {
	l.i++
	from := l.i
	for ; l.i < len(l.b); l.i++ {
		switch l.b[l.i] {
		case '\\':
			l.i++
		case '"':
			text = l.b[from:l.i]
			l.i++
			return unescapeInflux(text), true
		}
	}
	return nil, false
}

// influxNumber makes a token of a value without quotes; true and false and what
// is no number become one that no property takes.
func influxNumber(b []byte) token {
	n := b
	if last := b[len(b)-1]; last == 'i' || last == 'u' {
		if n = b[:len(b)-1]; bytes.ContainsAny(n, ".eE") {
			return token{kind: kindOther}
		}
	}
	if numberEnd(n, 0) == len(n) {
		return token{kindNumber, n}
	}
	if w := bytes.TrimPrefix(b, []byte("-")); bytes.EqualFold(w, []byte("nan")) {
		return token{kindNotFinite, b}
	}
	return token{kind: kindOther}
}

// unescapeInflux takes away the backslash before a byte that needs one.
func unescapeInflux(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) && bytes.IndexByte([]byte(`,= "\`), b[i+1]) >= 0 {
			i++
		}
		out = append(out, b[i])
	}
	return out
}

// stamp reads the time at the end of the line. Whether it can be used is a
// question of its own.
func (l *influxLine) stamp() (why string) {
	b := bytes.TrimLeft(l.b[l.i:], " ")
	if digits(b, 0) != len(b) && (b[0] != '-' || digits(b, 1) != len(b)) {
		return "the time is not a whole number"
	}
	l.time = b
	return ""
}

// influxMilli turns the time of a line into milliseconds by its length.
func influxMilli(b []byte) (milli int64, ok bool) {
	n, err := strconv.ParseInt(string(b), 10, 64)
	switch len(b) {
	case 10:
		milli = n * 1000
	case 13:
		milli = n
	case 16:
		milli = n / 1000
	case 19:
		milli = n / 1_000_000
	default:
		return 0, false
	}
	return milli, err == nil && n >= 0 && milli < endMilli
}

// file files the values of a line that begins at start of the text.
func (l *influxLine) file(s *sheet, start int) {
	at, lasts, length, ok := s.now(), absent, int64(0), true
	first := len(s.entries)
	if l.time != nil {
		at.server = false
		if at.milli, ok = influxMilli(l.time); !ok {
			s.fault(CauseTimeUnreadable, "the time of a line cannot be read: send whole nanoseconds since 1970, or none", nil)
		}
	}
	for _, f := range l.fields {
		switch {
		case placeKey(f.key):
			s.blank(start+f.from, start+f.to)
		case string(f.key) == "interval":
			lasts.put(f.value.whole(&length, 1, MaxInterval.Milliseconds()))
		case len(f.key) > longestKey:
			s.fault(CausePropertyUnknown, "%s is too long for a field", f.key)
		default:
			if o, v := airrohrOrigin(s, f.key); v == use {
				s.put(o, f.key, at, f.value, 0)
			}
		}
	}
	if lasts == bad {
		s.fault(CauseInterval, badInterval, nil)
	}
	if !ok || lasts == bad {
		s.entries = s.entries[:first]
	}
	for i := first; i < len(s.entries); i++ {
		s.entries[i].seconds = int32((length + 999) / 1000)
	}
}
