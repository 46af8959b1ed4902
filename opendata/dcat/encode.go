package dcat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Format is one RDF syntax.
type Format string

// The syntaxes that a catalogue is offered in.
const (
	Turtle Format = "ttl"
	RDFXML Format = "rdf"
	JSONLD Format = "jsonld"
)

// Formats returns the syntaxes in order of preference.
func Formats() []Format { return []Format{Turtle, RDFXML, JSONLD} }

// MediaType returns the media type without parameters.
func (f Format) MediaType() string {
	switch f {
	case RDFXML:
		return "application/rdf+xml"
	case JSONLD:
		return "application/ld+json"
	default:
		return "text/turtle"
	}
}

// Encode writes the whole graph in the syntax. The answer is the same, byte for
// byte, for the same graph. A graph that holds a fault is not written at all.
func (g *Graph) Encode(f Format) ([]byte, error) {
	if len(g.errs) > 0 {
		return nil, fmt.Errorf("catalogue: %w", errors.Join(g.errs...))
	}
	switch f {
	case Turtle:
		return g.turtle(), nil
	case RDFXML:
		return g.rdfxml(), nil
	case JSONLD:
		return g.jsonld()
	}
	return nil, fmt.Errorf("unknown RDF syntax %q: use ttl, rdf or jsonld", string(f))
}

// used returns the vocabularies that occur as predicate, class or datatype.
func (g *Graph) used() []Vocab {
	in := map[string]bool{"rdf": true}
	for _, n := range g.nodes {
		for _, s := range n.statements {
			for _, name := range []Name{s.name, s.term.datatype} {
				if p, _, ok := strings.Cut(string(name), ":"); ok {
					in[p] = true
				}
			}
			if s.name == "rdf:type" {
				if p, _, ok := strings.Cut(compact(s.term.iri), ":"); ok {
					in[p] = true
				}
			}
		}
	}
	var vs []Vocab
	for _, v := range Vocabularies() {
		if in[v.Prefix] {
			vs = append(vs, v)
		}
	}
	return vs
}

// compact writes an IRI of a vocabulary as prefix:local, else it returns the
// empty string.
func compact(iri string) string {
	for _, v := range Vocabularies() {
		if local, ok := strings.CutPrefix(iri, v.IRI); ok && isLocal(local) {
			return v.Prefix + ":" + local
		}
	}
	return ""
}

func (g *Graph) turtle() []byte {
	var b bytes.Buffer
	for _, v := range g.used() {
		b.WriteString("@prefix " + v.Prefix + ": <" + v.IRI + "> .\n")
	}
	for _, n := range g.nodes {
		b.WriteString("\n<" + n.iri + ">")
		for i, s := range n.statements {
			switch {
			case i > 0 && s.name == n.statements[i-1].name:
				b.WriteString(" ,\n    ")
			case i > 0:
				b.WriteString(" ;\n  ")
			default:
				b.WriteString(" ")
			}
			if i == 0 || s.name != n.statements[i-1].name {
				if s.name == "rdf:type" {
					b.WriteString("a ")
				} else {
					b.WriteString(string(s.name) + " ")
				}
			}
			b.WriteString(turtleTerm(s))
		}
		b.WriteString(" .\n")
	}
	return b.Bytes()
}

func turtleTerm(s statement) string {
	t := s.term
	switch {
	case t.isIRI():
		if c := compact(t.iri); c != "" && s.name == "rdf:type" {
			return c
		}
		return "<" + t.iri + ">"
	case t.lang != "":
		return quote(t.text) + "@" + t.lang
	case t.datatype == "xsd:string":
		return quote(t.text)
	default:
		return quote(t.text) + "^^" + string(t.datatype)
	}
}

func (g *Graph) rdfxml() []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rdf:RDF")
	for _, v := range g.used() {
		b.WriteString("\n  xmlns:" + v.Prefix + "=\"" + v.IRI + "\"")
	}
	b.WriteString(">\n")
	for _, n := range g.nodes {
		b.WriteString("  <rdf:Description rdf:about=\"" + xmlText(n.iri) + "\">\n")
		for _, s := range n.statements {
			t, name := s.term, string(s.name)
			b.WriteString("    <" + name)
			switch {
			case t.isIRI():
				b.WriteString(" rdf:resource=\"" + xmlText(t.iri) + "\"/>\n")
				continue
			case t.lang != "":
				b.WriteString(" xml:lang=\"" + t.lang + "\"")
			case t.datatype != "xsd:string":
				dt, _ := t.datatype.expand() // checked by Add
				b.WriteString(" rdf:datatype=\"" + xmlText(dt) + "\"")
			}
			b.WriteString(">" + xmlText(t.text) + "</" + name + ">\n")
		}
		b.WriteString("  </rdf:Description>\n")
	}
	b.WriteString("</rdf:RDF>\n")
	return b.Bytes()
}

// xmlText escapes for element text and attribute values alike. A carriage
// return is written as a reference, because XML readers turn a bare one into a
// line feed.
func xmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\"", "&quot;", "\r", "&#13;", "\n", "&#10;", "\t", "&#9;").Replace(s)
}

func (g *Graph) jsonld() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("{\n  \"@context\": {")
	for i, v := range g.used() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    " + jsonText(v.Prefix) + ": " + jsonText(v.IRI))
	}
	b.WriteString("\n  },\n  \"@graph\": [")
	for i, n := range g.nodes {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    {\n      \"@id\": " + jsonText(n.iri))
		for _, p := range n.properties() {
			b.WriteString(",\n      " + jsonText(p.key) + ": [" + strings.Join(p.values, ", ") + "]")
		}
		b.WriteString("\n    }")
	}
	b.WriteString("\n  ]\n}\n")
	if !json.Valid(b.Bytes()) {
		return nil, errors.New("catalogue: the JSON-LD is not valid JSON")
	}
	return b.Bytes(), nil
}

// property is one key of a JSON-LD node with its encoded values.
type property struct {
	key    string
	values []string
}

// properties groups the statements by predicate, in order of first mention,
// because a JSON object may hold a key once only.
func (n *node) properties() []property {
	var ps []property
	at := map[Name]int{}
	for _, s := range n.statements {
		i, ok := at[s.name]
		if !ok {
			i = len(ps)
			at[s.name] = i
			key := string(s.name)
			if s.name == "rdf:type" {
				key = "@type"
			}
			ps = append(ps, property{key: key})
		}
		ps[i].values = append(ps[i].values, jsonTerm(s))
	}
	return ps
}

func jsonTerm(s statement) string {
	t := s.term
	switch {
	case s.name == "rdf:type":
		if c := compact(t.iri); c != "" {
			return jsonText(c)
		}
		return jsonText(t.iri)
	case t.isIRI():
		return `{"@id": ` + jsonText(t.iri) + `}`
	case t.lang != "":
		return `{"@value": ` + jsonText(t.text) + `, "@language": ` + jsonText(t.lang) + `}`
	case t.datatype == "xsd:string":
		return `{"@value": ` + jsonText(t.text) + `}`
	default:
		return `{"@value": ` + jsonText(t.text) + `, "@type": ` + jsonText(string(t.datatype)) + `}`
	}
}

// jsonText writes a JSON string. The text was cleaned before, so that it always
// can be written.
func jsonText(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}
