package decode

import "time"

// The years that a device's time may name. A device without a clock counts
// from 1970; that is readable, and the check on the station's start flags it.
const (
	firstYear = 1970
	endYear   = 2100
)

// endMilli is the first millisecond that is not accepted: 2100-01-01T00:00Z.
// Unix time in milliseconds lies far behind it, so that mistake is found.
const endMilli = 4_102_444_800_000

// parseStamp reads an RFC 3339 time; a space for the T is allowed, as are
// +0100 and +01 for +01:00, because common firmware writes them. A zone must be
// there. The result is in milliseconds since 1970, cut, not rounded.
func parseStamp(b []byte) (milli int64, ok bool) {
	if len(b) < len("2026-11-23T08:00:00Z") || b[4] != '-' || b[7] != '-' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	if b[10] != 'T' && b[10] != 't' && b[10] != ' ' {
		return 0, false
	}
	y1, y2 := two(b, 0), two(b, 2)
	mo, d, h, mi, se := two(b, 5), two(b, 8), two(b, 11), two(b, 14), two(b, 17)
	if y1 < 0 || y2 < 0 || mo < 1 || mo > 12 || d < 1 || h < 0 || h > 23 || mi < 0 || mi > 59 || se < 0 || se > 59 {
		return 0, false
	}
	y := y1*100 + y2
	// A local time just outside the years may still be inside in UTC; the last
	// comparison decides.
	if y < firstYear-1 || y > endYear {
		return 0, false
	}
	t := time.Date(y, time.Month(mo), d, h, mi, se, 0, time.UTC)
	if t.Day() != d {
		return 0, false // 30 February
	}
	i := 19
	fraction := int64(0)
	if b[i] == '.' {
		end := digits(b, i+1)
		if end == i+1 {
			return 0, false
		}
		for k := range 3 {
			fraction *= 10
			if i+1+k < end {
				fraction += int64(b[i+1+k] - '0')
			}
		}
		i = end
	}
	offset, ok := parseZone(b[i:])
	if !ok {
		return 0, false
	}
	milli = (t.Unix()-offset)*1000 + fraction
	return milli, milli >= 0 && milli < endMilli
}

// parseZone reads Z or an offset and returns it in seconds.
func parseZone(b []byte) (seconds int64, ok bool) {
	if len(b) == 1 && (b[0] == 'Z' || b[0] == 'z') {
		return 0, true
	}
	h, m := -1, 0
	switch {
	case len(b) == 6 && b[3] == ':':
		h, m = two(b, 1), two(b, 4)
	case len(b) == 5:
		h, m = two(b, 1), two(b, 3)
	case len(b) == 3:
		h = two(b, 1)
	}
	if h < 0 || h > 23 || m < 0 || m > 59 {
		return 0, false
	}
	seconds = int64(h)*3600 + int64(m)*60
	switch b[0] {
	case '+':
		return seconds, true
	case '-':
		return -seconds, true
	}
	return 0, false
}

// two reads two decimal digits; -1 when they are something else.
func two(b []byte, i int) int {
	c, d := b[i]-'0', b[i+1]-'0'
	if c > 9 || d > 9 {
		return -1
	}
	return int(c)*10 + int(d)
}

// parseMilli reads a JSON number of seconds and returns whole milliseconds, cut
// and not rounded. It works on the digits: through a float64, 1795420800.123
// would come out as .122. Negative numbers and numbers of more than twelve
// digits before the point are not ok.
func parseMilli(number []byte) (milli int64, ok bool) {
	mantissa, exp := number, 0
	for i, c := range number {
		if c|0x20 != 'e' {
			continue
		}
		mantissa = number[:i]
		if exp, ok = smallInt(number[i+1:]); !ok {
			return 0, false
		}
		break
	}
	if len(mantissa) == 0 || mantissa[0] == '-' {
		return 0, false
	}
	point := len(mantissa)
	for i, c := range mantissa {
		if c == '.' {
			point = i
			break
		}
	}
	// want is how many digits of the mantissa stand before the millisecond's end.
	want := point + exp + 3
	if want > 15 && !allZero(mantissa) {
		return 0, false
	}
	seen := 0
	for _, c := range mantissa {
		if c == '.' {
			continue
		}
		if seen >= want {
			break
		}
		milli = milli*10 + int64(c-'0')
		seen++
	}
	for ; seen < want && milli != 0; seen++ {
		milli *= 10
	}
	return milli, true
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != '0' && c != '.' {
			return false
		}
	}
	return true
}

// smallInt reads a signed integer of at most three digits.
func smallInt(b []byte) (n int, ok bool) {
	neg := false
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		neg = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 3 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	if neg {
		n = -n
	}
	return n, true
}
