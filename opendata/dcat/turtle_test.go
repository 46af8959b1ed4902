package dcat_test

import (
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// turtleReader reads the part of Turtle without collections and blank nodes. It
// knows nothing of the writer: strings are read by the Go language's own rules,
// which Turtle's escapes are a part of.
type turtleReader struct {
	t        testing.TB
	s        string
	prefixes map[string]string
}

func fromTurtle(t testing.TB, b []byte) []string {
	t.Helper()
	r := &turtleReader{t: t, s: string(b), prefixes: map[string]string{}}
	var out []string
	for r.peek() != "" {
		if r.peek() == "@prefix" {
			r.next()
			p := strings.TrimSuffix(r.next(), ":")
			r.prefixes[p] = strings.Trim(r.next(), "<>")
			require.Equal(t, ".", r.next())
			continue
		}
		subject := r.iri(r.next())
		for end := ""; end != "."; {
			verb := r.next()
			predicate := "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
			if verb != "a" {
				predicate = r.iri(verb)
			}
			for end = ","; end == ","; end = r.next() {
				out = append(out, subject+" "+predicate+" "+r.object()+" .")
			}
			require.Contains(t, []string{";", "."}, end)
		}
	}
	sort.Strings(out)
	return out
}

func (r *turtleReader) iri(tok string) string {
	if strings.HasPrefix(tok, "<") {
		return tok
	}
	p, local, ok := strings.Cut(tok, ":")
	require.True(r.t, ok, "not a name: %q", tok)
	require.Contains(r.t, r.prefixes, p)
	return "<" + r.prefixes[p] + local + ">"
}

func (r *turtleReader) object() string {
	tok := r.next()
	if !strings.HasPrefix(tok, `"`) {
		return r.iri(tok)
	}
	text, err := strconv.Unquote(tok)
	require.NoError(r.t, err, tok)
	out := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(text) + `"`
	switch {
	case strings.HasPrefix(r.s, "@"):
		i := strings.IndexAny(r.s, " \n")
		out += r.s[:i]
		r.s = r.s[i:]
	case strings.HasPrefix(r.s, "^^"):
		r.s = r.s[2:]
		out += "^^" + r.iri(r.next())
	}
	return out
}

func (r *turtleReader) peek() string {
	s := r.s
	tok := r.next()
	r.s = s
	return tok
}

// next takes one token off.
func (r *turtleReader) next() string {
	r.s = strings.TrimLeft(r.s, " \n")
	if r.s == "" {
		return ""
	}
	i := 0
	switch r.s[0] {
	case '<':
		i = strings.IndexByte(r.s, '>') + 1
	case '"':
		for i = 1; r.s[i] != '"'; i++ {
			require.NotContains(r.t, "\n\r", r.s[i:i+1], "a bare line end in a string")
			if r.s[i] == '\\' {
				i++
			}
		}
		i++
	case ',', ';', '.':
		i = 1
	default:
		i = strings.IndexAny(r.s, " \n")
	}
	tok := r.s[:i]
	r.s = r.s[i:]
	return tok
}
