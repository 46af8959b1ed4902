// Package dcat says what is published as DCAT-AP-NL 3.0: one graph of triples,
// written in three syntaxes (Turtle, RDF/XML, JSON-LD) that always mean the
// same.
//
// Every node has an IRI of its own: there are no blank nodes, so that a
// harvester can compare two readings of the catalogue node by node.
package dcat

import (
	"fmt"
	"net/url"
	"sort"
	"strings"
	"time"
	"unicode/utf8"
)

// Vocab is one namespace with the prefix it is written with.
type Vocab struct{ Prefix, IRI string }

// Vocabularies returns the namespaces that the writers know, by prefix.
func Vocabularies() []Vocab {
	return []Vocab{
		{"adms", "http://www.w3.org/ns/adms#"},
		{"dcat", "http://www.w3.org/ns/dcat#"},
		{"dcatap", "http://data.europa.eu/r5r/"},
		{"dct", "http://purl.org/dc/terms/"},
		{"foaf", "http://xmlns.com/foaf/0.1/"},
		{"geo", "http://www.opengis.net/ont/geosparql#"},
		{"rdf", rdfNS},
		{"rdfs", "http://www.w3.org/2000/01/rdf-schema#"},
		{"skos", "http://www.w3.org/2004/02/skos/core#"},
		{"vcard", "http://www.w3.org/2006/vcard/ns#"},
		{"xsd", xsdNS},
	}
}

const (
	rdfNS = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	xsdNS = "http://www.w3.org/2001/XMLSchema#"
)

// Name is a term of a known vocabulary as prefix:local, such as "dct:title".
type Name string

// expand returns the IRI of a name.
func (n Name) expand() (string, error) {
	prefix, local, ok := strings.Cut(string(n), ":")
	if ok && isLocal(local) {
		for _, v := range Vocabularies() {
			if v.Prefix == prefix {
				return v.IRI + local, nil
			}
		}
	}
	return "", fmt.Errorf("name %q: use a known prefix and a plain local name", string(n))
}

// isLocal reports whether s may be written behind a prefix in all syntaxes.
func isLocal(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '_' && c != '-') {
			return false
		}
	}
	return s != ""
}

// Term is the object of a triple: an IRI, or a literal with either a language
// or a datatype. The zero value is no term. Terms are made by IRI, Lit, Typed,
// Date and DateTime only, which see to it that every syntax can hold them.
type Term struct {
	iri, text, lang string
	datatype        Name
	err             error
}

// maxIRI is the longest address, in bytes. Readers of JSON-LD drop what is
// said of longer ones in silence.
const maxIRI = 2000

// IRI returns a node. What an IRI may not hold is percent-encoded; an address
// without a scheme, or a longer one than readers take, is an error of the graph.
func IRI(s string) Term {
	e := escapeIRI(s)
	if len(e) > maxIRI {
		return Term{err: fmt.Errorf("IRI %.80q: %d bytes is too long, keep it within %d", s, len(e), maxIRI)}
	}
	if u, err := url.Parse(e); err != nil || u.Scheme == "" {
		return Term{err: fmt.Errorf("IRI %q: give a whole address with its scheme", s)}
	}
	return Term{iri: e}
}

// escapeIRI percent-encodes every byte that is not allowed in an IRI reference
// of the three syntaxes, and everything outside ASCII.
func escapeIRI(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c <= ' ', c >= 0x7f, strings.IndexByte("<>\"{}|^`\\", c) >= 0, c == '%' && !isEscape(s[i:]), c == '[', c == ']':
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isEscape(s string) bool {
	return len(s) >= 3 && isHex(s[1]) && isHex(s[2])
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// Lit returns a text in a language ("nl", "en").
func Lit(text, lang string) Term { return Term{text: clean(text), lang: lang} }

// Typed returns a literal with a datatype ("xsd:duration").
func Typed(text string, datatype Name) Term { return Term{text: clean(text), datatype: datatype} }

// Plain returns a text without language.
func Plain(text string) Term { return Typed(text, "xsd:string") }

// Date returns the day of t in UTC.
func Date(t time.Time) Term { return Typed(t.UTC().Format(time.DateOnly), "xsd:date") }

// DateTime returns t in UTC, to the second.
func DateTime(t time.Time) Term { return Typed(t.UTC().Format(time.RFC3339), "xsd:dateTime") }

// clean replaces what XML cannot hold, so that the three syntaxes hold the same
// text whatever comes in.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r', r >= 0x20 && r <= 0xd7ff, r >= 0xe000 && r <= 0xfffd, r >= 0x10000 && r <= 0x10ffff:
			return r
		}
		return utf8.RuneError
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// isIRI reports whether the term is a node.
func (t Term) isIRI() bool { return t.iri != "" }

// statement is a predicate and an object of a subject.
type statement struct {
	name Name
	term Term
}

// node is one subject with what is said of it, in order.
type node struct {
	iri        string
	statements []statement
}

// Graph is a set of triples, grouped by subject in the order in which subjects
// and statements were added. Adding a triple twice changes nothing.
type Graph struct {
	nodes []*node
	index map[string]*node
	seen  map[string]bool
	errs  []error
}

// NewGraph returns an empty graph.
func NewGraph() *Graph { return &Graph{index: map[string]*node{}, seen: map[string]bool{}} }

// Add states that subject has name with each of the terms.
func (g *Graph) Add(subject string, name Name, terms ...Term) {
	s := IRI(subject)
	iri, err := name.expand()
	if s.err != nil || err != nil {
		g.fail(s.err, err)
		return
	}
	for _, t := range terms {
		if t.err != nil || !t.isIRI() && t.lang == "" && t.datatype == "" {
			g.fail(t.err, fmt.Errorf("%s of %s: a term without language and datatype", name, subject))
			continue
		}
		key, err := ntriple(s.iri, iri, t)
		if err != nil {
			g.fail(err)
			continue
		}
		if g.seen[key] {
			continue
		}
		g.seen[key] = true
		n := g.index[s.iri]
		if n == nil {
			n = &node{iri: s.iri}
			g.index[s.iri] = n
			g.nodes = append(g.nodes, n)
		}
		n.statements = append(n.statements, statement{name, t})
	}
}

// Type states the classes of a subject.
func (g *Graph) Type(subject string, classes ...Name) {
	for _, c := range classes {
		iri, err := c.expand()
		if err != nil {
			g.fail(err)
			continue
		}
		g.Add(subject, "rdf:type", IRI(iri))
	}
}

// Texts states a text in Dutch and English; an empty one is left out.
func (g *Graph) Texts(subject string, name Name, nl, en string) {
	if nl != "" {
		g.Add(subject, name, Lit(nl, "nl"))
	}
	if en != "" {
		g.Add(subject, name, Lit(en, "en"))
	}
}

func (g *Graph) fail(errs ...error) {
	for _, err := range errs {
		if err != nil {
			g.errs = append(g.errs, err)
			return
		}
	}
}

// Len returns the number of triples.
func (g *Graph) Len() int { return len(g.seen) }

// NTriples returns the triples as sorted N-Triples lines. Two graphs are the
// same when these are, because there are no blank nodes.
func (g *Graph) NTriples() []byte {
	lines := make([]string, 0, len(g.seen))
	for l := range g.seen {
		lines = append(lines, l)
	}
	sort.Strings(lines)
	return []byte(strings.Join(lines, ""))
}

func ntriple(s, p string, t Term) (string, error) {
	if t.isIRI() {
		return "<" + s + "> <" + p + "> <" + t.iri + "> .\n", nil
	}
	l := "<" + s + "> <" + p + "> " + quote(t.text)
	switch {
	case t.lang != "":
		l += "@" + t.lang
	case t.datatype != "xsd:string":
		dt, err := t.datatype.expand()
		if err != nil {
			return "", err
		}
		l += "^^<" + dt + ">"
	}
	return l + " .\n", nil
}

// quote writes a text between double quotes with the escapes of N-Triples and
// Turtle.
func quote(s string) string {
	r := strings.NewReplacer("\\", `\\`, "\"", `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	return `"` + r.Replace(s) + `"`
}
