package tube

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxConcentration bounds a result, in µg/m³. The range of EN 16339 ends at 130;
// what is above the bound is another unit or a slip of the keyboard.
const maxConcentration = 1000

// Result is a NO2 concentration in µg/m³ as the laboratory reported it. The zero
// value is a tube without a result: lost, damaged, not analysed.
type Result struct {
	// Text is what stands in the sheet, with its rounding: "40", "38,5", "<15".
	Text string
	// Value is the number; for a result below the limit it is that limit.
	Value float64
	// Known tells whether there is a number at all.
	Known bool
	// Below tells that the concentration is somewhere from 0 to Value.
	Below bool
}

// absent reports whether the text is a word with which a sheet says that there
// is no result.
func absent(s string) bool {
	switch strings.ToLower(s) {
	case "", "-", "--", "x", "na", "n.a.", "n/a", "nan", "null", "none", "-99", "-999", "-9999",
		"lost", "missing", "damaged", "stolen", "void", "no result",
		"nvt", "n.v.t.", "kwijt", "weg", "kapot", "verloren", "vermist", "gestolen", "beschadigd",
		"geen", "geen resultaat", "ongeldig", "vervallen":
		return true
	}
	return false
}

// ParseResult reads a concentration with a decimal point or comma, "<15" for one
// below the limit of detection, and the usual words, in Dutch and English, for a
// tube without a result. It never takes a missing result for 0.
func ParseResult(s string) (Result, error) {
	text := strings.TrimSpace(strings.ReplaceAll(s, "\u00a0", " "))
	if absent(text) {
		return Result{Text: text}, nil
	}
	number, below := strings.CutPrefix(text, "<")
	number = strings.TrimSpace(strings.TrimPrefix(number, "=")) // "<= 15" is no less than "<15" says
	if strings.HasPrefix(text, ">") {
		return Result{}, errors.New("a result above a limit is no concentration: ask the laboratory for the number")
	}
	v, err := parseNumber(number)
	switch {
	case err != nil:
		return Result{}, fmt.Errorf("%s is not a concentration", quoted(s))
	case v < 0:
		return Result{}, fmt.Errorf("%s is below 0: leave the cell empty for a tube without a result", quoted(s))
	case v > maxConcentration:
		return Result{}, fmt.Errorf("%s is more than %d µg/m³: is it another unit?", quoted(s), maxConcentration)
	case below && v == 0:
		return Result{}, errors.New("\"<0\" says nothing")
	}
	return Result{Text: text, Value: v, Known: true, Below: below}, nil
}

// parseNumber reads plain decimals; a comma is a decimal comma, since no
// concentration and no time needs a mark for thousands.
func parseNumber(s string) (float64, error) {
	if strings.Count(s, ",")+strings.Count(s, ".") > 1 {
		return 0, errors.New("more than one decimal mark")
	}
	if s == "" || strings.Trim(s, "0123456789.,+-eE") != "" {
		return 0, errors.New("not a number")
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(s, ",", "."), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, errors.New("not a number")
	}
	return v, nil
}

// quoted is a cell in an error: short, in quotes, without control characters.
func quoted(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strconv.Quote(s)
}

// Policy says what number a result below the limit of detection counts as. It is
// stored with everything that is computed by it.
type Policy string

// The policies.
const (
	// AtLimit counts "<15" as 15: the mean can only come out too high. It is what
	// the Antwerp campaign of 2021 did.
	AtLimit Policy = "limit"
	// HalfLimit counts "<15" as 7.5.
	HalfLimit Policy = "half"
	// LeaveOut counts it as no result; the mean then comes out too high, by
	// leaving out the lowest.
	LeaveOut Policy = "exclude"
)

// ParsePolicy returns the policy with the name; the empty name is AtLimit.
func ParsePolicy(s string) (Policy, error) {
	switch p := Policy(s); p {
	case "":
		return AtLimit, nil
	case AtLimit, HalfLimit, LeaveOut:
		return p, nil
	default:
		return "", fmt.Errorf("%q is no way to count results below the limit of detection: use limit, half or exclude", s)
	}
}

// value is what r counts as; ok is false when it does not count.
func (p Policy) value(r Result) (v float64, ok bool) {
	switch {
	case !r.Known, r.Below && p == LeaveOut:
		return 0, false
	case r.Below && p == HalfLimit:
		return r.Value / 2, true
	default:
		return r.Value, true
	}
}
