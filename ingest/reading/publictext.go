package reading

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// ErrNotPublic is wrapped by every error of CheckPublic.
var ErrNotPublic = errors.New("the text is published, so it must not lead to a home or a person")

// CheckPublic refuses free text that is published for good (why something was
// changed, an objection and its answer) when it holds coordinates, a hardware id, a
// password, an e-mail address or a telephone number. The error says which of these
// and where it stands, but never repeats it; it wraps ErrNotPublic.
//
// It is a net for slips and no proof: names and addresses of streets look like any
// other word. What it takes for coordinates: two numbers of four decimals or more
// that can be degrees, of three inside the Netherlands and around; degrees with
// minutes; one number of three decimals beside a word for latitude or longitude; two
// numbers that can be x and y of the national grid (RD); a plus code. Dates, times,
// years and measured values pass.
func CheckPublic(text string) error {
	if len(text) < 32 && !strings.ContainsAny(text, "0123456789@+") {
		return nil // "operator": nothing below is that short without any of these
	}
	// Dates and times go first: their digits look like parts of everything else.
	masked := datesAndTimes().ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat("_", len(s)) })
	for _, r := range publicRules() {
		for _, at := range r.form.FindAllStringSubmatchIndex(masked, -1) {
			parts := make([]string, 0, len(at)/2)
			for i := 0; i < len(at); i += 2 {
				part := ""
				if at[i] >= 0 {
					part = masked[at[i]:at[i+1]]
				}
				parts = append(parts, part)
			}
			if r.is == nil || r.is(parts, masked[at[1]:]) {
				return fmt.Errorf("%w: %s %s", ErrNotPublic, place(text, at[0]), r.what)
			}
		}
	}
	return nil
}

// place names the part of the text that begins at i by the words before it.
func place(text string, i int) string {
	before := strings.TrimSpace(text[:i])
	const most = 24
	if before == "" {
		return "it begins with"
	}
	if cut := len(before) - most; cut > 0 {
		for ; cut < len(before) && !utf8.RuneStart(before[cut]); cut++ {
		}
		before = "…" + before[cut:]
	}
	return "after " + strconv.Quote(before) + " stands"
}

// publicRule is one kind of thing that may not be published. is looks closer at a
// match, given its parts and what follows it.
type publicRule struct {
	what string
	form *regexp.Regexp
	is   func(parts []string, after string) bool
}

// Both are compiled when they are first needed: compiling takes longer than looking.
var (
	datesAndTimes = sync.OnceValue(newDatesAndTimes) //nolint:gochecknoglobals // constants in all but name
	publicRules   = sync.OnceValue(newPublicRules)   //nolint:gochecknoglobals // the same
)

// newDatesAndTimes are 2026-11-23, 23-11-2026 and 08:00:05.123+01:00.
func newDatesAndTimes() *regexp.Regexp {
	return regexp.MustCompile(`\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]?\b|T)|\b\d{1,2}[-/.]\d{1,2}[-/.]\d{4}\b|\b\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?\b`)
}

func newPublicRules() []publicRule {
	const (
		degrees = `(-?\d{1,3})[.,](\d{3,})`
		word    = `[0-9A-Za-z_-]`
	)
	coordinates := func(form string, is func(parts []string, after string) bool) publicRule {
		return publicRule{"what looks like coordinates", regexp.MustCompile(form), is}
	}
	return []publicRule{
		{"an e-mail address", regexp.MustCompile(`[\pL0-9._%+-]+@[\pL0-9-]+(?:\.[\pL0-9-]+)+`), nil},
		coordinates(`(?:^|[^\d.,])`+degrees+`(?:\s*°?\s*[NSEWOZ]\b)?\s*(?:[,;/|]|\ben\b|\band\b)?\s*(?:(?i:lon|lng|longitude|lat|latitude)\s*[=:]?\s*)?`+degrees+`\b`, areDegrees),
		coordinates(`(?i)\b(?:lat|lon|lng|latitude|longitude|breedtegraad|lengtegraad|NB|OL)\b[\s=:]{0,4}-?\d{1,3}[.,]\d{3,}`, nil),
		coordinates(`\b[NSEW]\s?\d{1,3}[.,]\d{3,}`, nil),
		coordinates(`\b\d{1,3}[.,]\d{3,}\s*°?\s*(?:[NSEWZ]|NB|OL)\b`, nil),
		coordinates(`(?i)\b\d{1,3}\s*(?:°|º|\bgraden\b|\bdegrees\b)\s*\d{1,2}(?:[.,]\d+)?\s*(?:['’′]|\bminuten\b|\bminutes\b)`, nil),
		coordinates(`(?i)\b(\d{1,3}[. ]?\d{3})(?:[.,]\d{1,3})?\s*[,;/ ]\s*(?:y\s*[=:]?\s*)?(\d{3}[. ]?\d{3})(?:[.,]\d{1,3})?\b`, areRD),
		coordinates(`\b[23456789CFGHJMPQRVWX]{8}\+[23456789CFGHJMPQRVWX]{2,3}\b`, nil),
		{"what looks like a hardware id", regexp.MustCompile(`(?i)\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5,7}\b`), nil},
		{"what looks like a hardware id", regexp.MustCompile(`(?i)\b(?:esp8266|esp32|eui|raspi|sck)[-_: ]?[0-9a-f]{6,}\b`), nil},
		{"what looks like a hardware id", regexp.MustCompile(`\b[0-9a-fA-F]{12,}\b`), isHardware},
		{"what looks like a password or token", regexp.MustCompile(word + `{32,}`), isToken},
		{"a telephone number", regexp.MustCompile(`(?:\+|\b00)[1-9](?:[ .-]?\(?\d\)?){8,13}\b`), nil},
		{"a telephone number", regexp.MustCompile(`(?:^|[^\d.,])\(?0[1-9](?:\)?[ -]?\d){8}(?:$|[^\d.,]|[.,](?:\D|$))`), nil},
	}
}

// areDegrees looks at two numbers with decimals.
func areDegrees(parts []string, after string) bool {
	if measured(after) {
		return false
	}
	var v [2]float64
	decimals := 9
	for i := range v {
		f, err := strconv.ParseFloat(parts[1+2*i]+"."+parts[2+2*i], 64)
		if err != nil {
			return false
		}
		v[i], decimals = f, min(decimals, len(parts[2+2*i]))
	}
	for _, p := range [...][2]float64{{v[0], v[1]}, {v[1], v[0]}} {
		lat, lon := p[0], p[1]
		if decimals >= 4 && lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180 || lat >= 50 && lat <= 54 && lon >= 2 && lon <= 8 {
			return true
		}
	}
	return false
}

// measured tells whether a unit follows, so that the number before is a value.
func measured(after string) bool {
	after = strings.TrimLeft(after, " \u00a0")
	for _, unit := range [...]string{"µg", "μg", "ug", "mg", "ppb", "ppm", "%", "°C", "hPa", "Pa", "m/s"} {
		if strings.HasPrefix(after, unit) {
			return true
		}
	}
	return false
}

// areRD looks at two whole numbers: x and y of the grid lie apart, so that they can
// be told from each other and from most other numbers.
func areRD(parts []string, after string) bool {
	var v [2]int
	for i := range v {
		n, err := strconv.Atoi(strings.NewReplacer(".", "", " ", "").Replace(parts[1+i]))
		if err != nil {
			return false
		}
		v[i] = n
	}
	const west, east, south, north = 7_000, 300_000, 289_000, 629_000
	return !measured(after) && v[0] >= west && v[0] <= east && v[1] >= south && v[1] <= north
}

// isHardware looks at a word of hexadecimal digits: one of an EUI, MAC address or
// chip has letters and digits; digits alone are one only when they are as many as
// in an EUI or IMEI. A moment such as 202611230800 has fewer.
func isHardware(parts []string, _ string) bool {
	s := parts[0]
	letters := strings.ContainsAny(s, "abcdefABCDEF")
	return letters && strings.ContainsAny(s, "0123456789") || !letters && len(s) >= 15
}

// isToken tells a random word from one that was written: small letters, capitals
// and digits change place all the time.
func isToken(parts []string, _ string) bool {
	changes, last := 0, 0
	for _, c := range parts[0] {
		kind := 0
		switch {
		case unicode.IsDigit(c):
			kind = 1
		case unicode.IsUpper(c):
			kind = 2
		case unicode.IsLower(c):
			kind = 3
		default:
			continue
		}
		if last != 0 && kind != last {
			changes++
		}
		last = kind
	}
	return changes >= len(parts[0])/4
}
