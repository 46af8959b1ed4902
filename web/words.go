package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
)

//go:embed i18n/*.json
var wordFiles embed.FS

// The languages of the site. Dutch is the first one and has no path prefix.
const (
	dutch   = "nl"
	english = "en"
)

func languages() []string { return []string{dutch, english} }

// words are the texts of one language and its way of writing numbers and days.
type words struct {
	lang     string
	messages map[string]string
}

func loadWords(lang string) (words, error) {
	raw, err := wordFiles.ReadFile("i18n/" + lang + ".json")
	if err != nil {
		return words{}, fmt.Errorf("texts of language %q: %w", lang, err)
	}
	w := words{lang: lang}
	if err := json.Unmarshal(raw, &w.messages); err != nil {
		return words{}, fmt.Errorf("i18n/%s.json: %w", lang, err)
	}
	return w, nil
}

// T returns the text with its {placeholders} filled from pairs of name and
// value. An unknown key is shown between ⟦ ⟧: visible, never silent. Numbers
// must be written by the caller, in the language's own way; an int is.
func (w words) T(key string, pairs ...any) string {
	m, ok := w.messages[key]
	if !ok {
		return "⟦" + key + "⟧"
	}
	if len(pairs) == 0 {
		return m
	}
	old := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		old = append(old, "{"+fmt.Sprint(pairs[i])+"}", w.text(pairs[i+1]))
	}
	return strings.NewReplacer(old...).Replace(m)
}

func (w words) text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return w.Count(int64(v))
	case int64:
		return w.Count(v)
	default:
		return fmt.Sprint(v)
	}
}

// Has reports whether the language knows the key.
func (w words) Has(key string) bool {
	_, ok := w.messages[key]
	return ok
}

// Rich is T for texts that hold `code`: everything is escaped, and what stands
// between backticks becomes a code element.
func (w words) Rich(key string, pairs ...any) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(w.T(key, pairs...), "`") {
		esc := template.HTMLEscapeString(part)
		if i%2 == 1 {
			esc = `<code translate="no">` + esc + "</code>"
		}
		b.WriteString(esc)
	}
	return template.HTML(b.String()) //nolint:gosec // every part was escaped above
}

// N chooses between key.zero (where there is one), key.one and key.other by n,
// with {n} filled.
func (w words) N(key string, n int, pairs ...any) string {
	suffix := ".other"
	switch {
	case n == 1:
		suffix = ".one"
	case n == 0 && w.Has(key+".zero"):
		suffix = ".zero"
	}
	return w.T(key+suffix, append([]any{"n", n}, pairs...)...)
}

// Num writes v with the given decimals and the language's decimal sign.
func (w words) Num(v float64, decimals int) string {
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if neg := strings.TrimPrefix(s, "-"); neg != s && strings.Trim(neg, "0.") == "" {
		s = neg // "-0.0" is 0.0
	}
	return w.written(s)
}

// written puts a plain decimal number into the language's way: its decimal
// sign, thousands apart, and a minus instead of a hyphen.
func (w words) written(s string) string {
	whole, fraction, broken := strings.Cut(s, ".")
	minus := ""
	if rest, ok := strings.CutPrefix(whole, "-"); ok {
		minus, whole = "−", rest
	}
	sep, point := ",", "."
	if w.lang == dutch {
		sep, point = ".", ","
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + sep + whole[i:]
	}
	if broken {
		whole += point + fraction
	}
	return minus + whole
}

// Count writes a whole number with thousands apart.
func (w words) Count(n int64) string {
	return w.written(strconv.FormatInt(n, 10))
}

// Share writes 0.537 as "53 %" ("53%" in English). It rounds down, so that
// nearly complete never reads as complete.
func (w words) Share(f float64) string {
	n := int(f*100 + 1e-9)
	if w.lang == dutch {
		return strconv.Itoa(n) + nbsp + "%"
	}
	return strconv.Itoa(n) + "%"
}

// clock is the time of every statistic and chart: UTC+1 all year round.
func clock(t time.Time) time.Time { return t.In(time.FixedZone("UTC+1", 3600)) }

// Day writes the day of t (UTC+1) in words.
func (w words) Day(t time.Time) string {
	t = clock(t)
	return strconv.Itoa(t.Day()) + " " + w.T("month."+strconv.Itoa(int(t.Month()))) + " " + strconv.Itoa(t.Year())
}

// Moment writes day and time (UTC+1).
func (w words) Moment(t time.Time) string { return w.Day(t) + ", " + clock(t).Format("15:04") }

// Path puts the language's prefix before a path of the site.
func (w words) Path(p string) string {
	if w.lang == dutch {
		return p
	}
	return "/" + w.lang + p
}
