package geo

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Figures are the key figures that CBS publishes with the boundaries of an area,
// as they stood at the begin of the year of the vintage. A nil figure is not
// known, which is not 0: CBS withholds small numbers.
type Figures struct {
	// Inhabitants and Households are counts.
	Inhabitants, Households *int
	// Density is inhabitants per km² of land, in whole numbers as CBS gives it.
	Density *int
}

// Known counts the figures that are known.
func (f Figures) Known() int {
	n := 0
	for _, v := range []*int{f.Inhabitants, f.Households, f.Density} {
		if v != nil {
			n++
		}
	}
	return n
}

// withheld is the bound below which a number of CBS is no number but a reason
// why there is none (-99997 withheld, -99995 does not apply).
const withheld = -9000

// mostFigure is above the inhabitants of the country.
const mostFigure = 100_000_000

// figure reads a property that holds a key figure; nil when it is missing. what
// tells of a value that is no figure, which counts as missing too.
func figure(raw json.RawMessage) (n *int, what string) {
	text := strings.TrimSpace(string(raw))
	if strings.HasPrefix(text, `"`) {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return nil, "no number"
		}
		text = strings.TrimSpace(s)
	}
	if text == "" || text == "null" || text == "." {
		return nil, ""
	}
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case err == nil && v < withheld:
		return nil, ""
	case err != nil, v < 0, v > mostFigure, v != math.Trunc(v):
		return nil, fmt.Sprintf("%.20q is no number of people, households or people per km²", text)
	}
	whole := int(v)
	return &whole, ""
}

// properties are what the properties of a feature say of an area, whatever the
// vintage calls them.
type properties struct {
	// text holds the values that are text, by plain name.
	text    map[string]string
	figures Figures
	// year is the vintage that the feature itself names, 0 for none.
	year int
	// odd tells of figures that are none.
	odd []string
}

// plain writes the name of a property without capitals and underscores: the
// services of PDOK, the files of CBS and their older vintages differ in nothing
// else (aantal_inwoners, aantalInwoners; BU_CODE).
func plain(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "")
}

// propertiesOf reads the properties of a feature. What each name means is kept
// in plainNames, because a whole country brings the same 240 names 14,000 times.
func propertiesOf(raw map[string]json.RawMessage, plainNames map[string]string) properties {
	p := properties{text: map[string]string{}}
	const mostNames = 10_000 // a file that names every property anew is not kept in memory
	for name, value := range raw {
		key, ok := plainNames[name]
		if !ok {
			if key = plain(name); len(plainNames) < mostNames {
				plainNames[name] = key
			}
		}
		p.take(key, name, value)
	}
	return p
}

func (p *properties) take(key, name string, value json.RawMessage) {
	var into **int
	switch key {
	case "aantalinwoners", "aantinw":
		into = &p.figures.Inhabitants
	case "aantalhuishoudens", "aantalhh":
		into = &p.figures.Households
	case "bevolkingsdichtheidinwonersperkm2", "bevdichth":
		into = &p.figures.Density
	case "jaar":
		if n, _ := figure(value); n != nil && *n > 1900 && *n < 2200 {
			p.year = *n
		}
		return
	case "statcode", "buurtcode", "wijkcode", "gemeentecode", "bucode", "wkcode", "gmcode", "jaarstatcode", "jrstatcode", "water",
		"statnaam", "buurtnaam", "wijknaam", "gemeentenaam", "bunaam", "wknaam", "gmnaam":
		var s string
		if json.Unmarshal(value, &s) == nil {
			p.text[key] = strings.TrimSpace(s)
		}
		return
	default:
		return
	}
	n, what := figure(value)
	if what != "" {
		p.odd = append(p.odd, fmt.Sprintf("%s: %s", name, what))
	}
	if *into == nil {
		*into = n
	}
}

// vintage is the year that the feature names, in a property of its own or in
// front of its code (2016BU04791110); 0 when it names none.
func (p *properties) vintage() int {
	if p.year != 0 {
		return p.year
	}
	for _, key := range []string{"jaarstatcode", "jrstatcode"} {
		if s := p.text[key]; len(s) > 4 {
			if y, err := strconv.Atoi(s[:4]); err == nil {
				return y
			}
		}
	}
	return 0
}
