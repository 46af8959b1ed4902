package analyse

import (
	"bytes"
	"math"
	"strconv"
)

// maxDigits is how many digits of a decimal are kept: all of them fit in an
// int64.
const maxDigits = 18

// maxPlaces is how many places behind the point a decimal may have.
const maxPlaces = 18

// Decimal is a number as it was written: Unscaled / 10^Places.
type Decimal struct {
	Unscaled int64
	// Places is the number of digits behind the point, 0 to 18.
	Places int
	// Cut tells that the text had more digits than fit, and that the last one
	// was rounded.
	Cut bool
}

// Float returns the nearest float64.
func (d Decimal) Float() float64 {
	if d.Unscaled > -1<<53 && d.Unscaled < 1<<53 {
		return float64(d.Unscaled) / float64(pow10(d.Places)) // both exact, so rounded once
	}
	f, _ := strconv.ParseFloat(strconv.FormatInt(d.Unscaled, 10)+"e-"+strconv.Itoa(d.Places), 64)
	return f
}

// same reports whether both are one number, however many zeros they end with.
func (d Decimal) same(o Decimal) bool {
	for d.Places > 0 && d.Unscaled%10 == 0 {
		d.Unscaled, d.Places = d.Unscaled/10, d.Places-1
	}
	for o.Places > 0 && o.Unscaled%10 == 0 {
		o.Unscaled, o.Places = o.Unscaled/10, o.Places-1
	}
	return d.Unscaled == o.Unscaled && d.Places == o.Places
}

// pow10 is 10^n for n from 0 to 18.
func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// parseDecimal reads a number with mark between its whole part and its
// fraction: "12", "-0,5", ".5", "1e3". ok is false for anything else, and for
// numbers of 10^18 and more.
func parseDecimal(b []byte, mark byte) (d Decimal, ok bool) {
	negative := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative = b[0] == '-'
		b = b[1:]
	}
	exponent := 0
	if i := bytes.IndexAny(b, "eE"); i >= 0 {
		e, err := strconv.Atoi(string(b[i+1:]))
		if err != nil || e < -1000 || e > 1000 {
			return Decimal{}, false
		}
		exponent, b = e, b[:i]
	}
	digits, behind, seen := 0, 0, false
	next := byte('0') // the first digit that did not fit
	for i, c := range b {
		switch {
		case c == mark && !seen:
			seen = true
		case c < '0' || c > '9':
			return Decimal{}, false
		case digits < maxDigits:
			d.Unscaled = 10*d.Unscaled + int64(c-'0')
			if d.Unscaled > 0 {
				digits++
			}
			if seen {
				behind++
			}
		default:
			if !seen {
				return Decimal{}, false
			}
			if !d.Cut {
				next = c
			}
			d.Cut = d.Cut || bytes.ContainsAny(b[i:], "123456789")
		}
	}
	if len(b) == 0 || len(b) == 1 && seen {
		return Decimal{}, false
	}
	if d.Cut && next >= '5' {
		d.Unscaled++
	}
	ok = d.shift(behind - exponent)
	if negative {
		d.Unscaled = -d.Unscaled
	}
	return d, ok
}

// shift gives the number so many places, within what a Decimal may have.
func (d *Decimal) shift(places int) bool {
	for places > 0 && d.Unscaled%10 == 0 && (places > maxPlaces || d.Unscaled == 0) {
		d.Unscaled /= 10
		places--
	}
	if d.Unscaled == 0 {
		places = 0
	}
	for places < 0 {
		if d.Unscaled > math.MaxInt64/10 {
			return false
		}
		d.Unscaled *= 10
		places++
	}
	for places > maxPlaces { // smaller than anything that is measured
		d.Unscaled = (d.Unscaled + 5) / 10
		d.Cut = true
		places--
	}
	d.Places = places
	return d.Unscaled <= 1e18
}
