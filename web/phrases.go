package web

import (
	"regexp"
	"strings"
	"time"

	"buurtmeter/geo/norm"
)

// said is a text with its language, which is empty for that of the page.
type said struct{ Text, Lang string }

// phraseKey is the key of a phrase of the table of norms, which is written in
// English; empty for one that the site has no words for.
func phraseKey(phrase string) string {
	return map[string]string{
		"2008/50/EC":                "phrase.law-2008",
		"(EU) 2024/2881":            "phrase.law-2024",
		"WHO AQG 2021":              "phrase.who-2021",
		"WHO AQG 2005":              "phrase.who-2005",
		"Annex XI.B":                "phrase.annex-11b",
		"Annex I Section 1 Table 2": "phrase.annex-1-2",
		"Annex I Section 2":         "phrase.annex-1s2",
		"Annex I Section 4":         "phrase.annex-1s4",
		"Annex I Section 5":         "phrase.annex-1s5",
		"Annex II":                  "phrase.annex-2",
		"Annex VII.B":               "phrase.annex-7b",
		"Annex VII.C":               "phrase.annex-7c",
		"Annex XII.A":               "phrase.annex-12a",
		"Annex XII.B":               "phrase.annex-12b",
		"Art. 15, Annex XIV.C":      "phrase.annex-14c",
		"Annex XIV.E stage 1":       "phrase.annex-14e",
		"Annex I Section 1 Table 1": "phrase.annex-1",
		"Table 0.1":                 "phrase.table-1",
		"Table 0.2":                 "phrase.table-2",
		"Global update 2005":        "phrase.update-2005",
		"39. BImSchV (German transposition of 2008/50/EC), full text":                                                                                        "phrase.read-german-law",
		"table of thresholds made from the full text of (EU) 2024/2881":                                                                                      "phrase.read-thresholds",
		"quotation of (EU) 2024/2881 Annex I Table 1":                                                                                                        "phrase.read-quotation",
		"AirClim: old and new EU values beside the WHO guidelines":                                                                                           "phrase.read-airclim",
		"State of Global Air and KAPSARC: WHO 2021 guidelines and interim targets":                                                                           "phrase.read-interim",
		"WHO air quality guidelines, global update 2005":                                                                                                     "phrase.read-who-2005",
		"COM(2022) 542 Annex I (the proposal)":                                                                                                               "phrase.read-proposal",
		"In the Netherlands to be met since 2015-01-01 (postponement).":                                                                                      "phrase.note-postponed",
		"A target value of 25 held since 2010-01-01 (Annex XIV.D).":                                                                                          "phrase.note-target",
		"The proposal allowed one hour a year; the adopted text allows three.":                                                                               "phrase.note-proposal",
		"WHO gives no number of hours that may be above the value; every hour above it counts here.":                                                         "phrase.note-hours",
		"WHO asks for the 99th percentile of the day means, 3 to 4 exceedance days a year; more than 3 days above the value count as an exceedance here.":    "phrase.note-days",
		"general knowledge, no source was read":                                                                                                              "phrase.read-nothing",
		"The 99th percentile of the daily maxima is asked for, 3 to 4 exceedance days a year; more than 3 days above the value count as an exceedance here.": "phrase.note-maxima",
		"WHO gives no number of days that may be above the value; every day above it counts here.":                                                           "phrase.note-day",
		"Means over hours do not tell whether this guideline is met.":                                                                                        "phrase.note-short",
		"2008/50/EC is repealed with effect from 2026-12-12. Where this value stands after that day was not read.":                                           "phrase.note-repeal",
		"The text that was read says: three days in a row, or fewer.":                                                                                        "phrase.note-fewer",
		"It holds for the mean of all urban background points of a territory over three calendar years. It is not a test of a street.":                       "phrase.note-exposure",
		"Above it the authorities must measure and may not only calculate. Being above it is no violation.":                                                  "phrase.note-measure",
		"At places that stand for at least 100 km² or for a whole zone.":                                                                                     "phrase.note-zone",
		"WHO asks for the 99th percentile of the day means; more than 3 days above the value count as an exceedance here. One of the tables that were read prints 50 for this guideline: a misprint.":                        "phrase.note-misprint",
		"Compared with ten years before: from below 20 µg/m³ to 85 %, or to 15.0 µg/m³ when that is lower; from 20 µg/m³ and more to 75 %. It is not a test of a street.":                                                    "phrase.note-less-no2",
		"Compared with ten years before: from below 10 µg/m³ to 90 %, or to 8.5 µg/m³ when that is lower; from 10 to below 12 µg/m³ to 85 %, or to 9.0 µg/m³; from 12 µg/m³ and more to 75 %. It is not a test of a street.": "phrase.note-less-pm25",
	}[phrase]
}

// phrase puts a phrase of the table of norms into the page's language. What
// the site has no words for stays English, and says so.
func (w words) phrase(s string) said {
	if k := phraseKey(s); k != "" {
		return said{Text: w.T(k)}
	}
	if w.lang == english {
		return said{Text: w.days(s)}
	}
	return said{Text: s, Lang: english}
}

// phrases is phrase for a list that is joined with semicolons.
func (w words) phrases(s string) []said {
	var out []said
	for _, part := range strings.Split(s, "; ") {
		if part != "" {
			out = append(out, w.phrase(part))
		}
	}
	return out
}

// days writes the dates in s (2015-01-01) in words.
func (w words) days(s string) string {
	return regexp.MustCompile(`\b\d{4}-\d\d-\d\d\b`).ReplaceAllStringFunc(s, func(d string) string {
		t, err := time.Parse(time.DateOnly, d)
		if err != nil {
			return d
		}
		return w.Day(t)
	})
}

// textOf names where a norm is written: "2008/50/EG, bijlage XI.B". Where its
// value goes on in a second text, both are named.
func (w words) textOf(n norm.Norm) string {
	text := ""
	for i, t := range n.Texts() {
		if i > 0 {
			text += "; " + w.T("method.text.from", "from", w.Day(t.From)) + " "
		}
		text += w.phrase(t.Instrument).Text + ", " + w.phrase(t.Article).Text
	}
	return text
}
