package dcat_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/piprate/json-gold/ld"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/opendata"
	"buurtmeter/opendata/dcat"
	"buurtmeter/opendata/opendatatest"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files anew")
	os.Exit(m.Run())
}

func publisher() opendata.Publisher {
	return opendata.Publisher{
		URI: "https://identifier.overheid.nl/tooi/id/gemeente/gm0479", Name: "Gemeente Zaanstad",
		ContactName: "Team open data", ContactEmail: "opendata@example.nl", ContactURL: "https://lucht.example.nl/contact",
		BaseURL: "https://lucht.example.nl", DatasetPages: "/open-data/",
	}
}

func catalog(t testing.TB) *dcat.Graph {
	t.Helper()
	g, err := dcat.Catalog(opendatatest.Sample(), publisher())
	require.NoError(t, err)
	return g
}

func encode(t testing.TB, g *dcat.Graph, f dcat.Format) []byte {
	t.Helper()
	b, err := g.Encode(f)
	require.NoError(t, err)
	return b
}

// lines sorts N-Triples, so that two graphs without blank nodes compare as text.
func lines(s string) []string {
	ls := strings.Split(strings.TrimSpace(s), "\n")
	sort.Strings(ls)
	return ls
}

// fromJSONLD reads JSON-LD with an independent processor, as canonical N-Quads.
func fromJSONLD(t testing.TB, b []byte) []string {
	t.Helper()
	var doc any
	require.NoError(t, json.Unmarshal(b, &doc))
	o := ld.NewJsonLdOptions("")
	o.Format, o.Algorithm = "application/n-quads", ld.AlgorithmURDNA2015
	n, err := ld.NewJsonLdProcessor().Normalize(doc, o)
	require.NoError(t, err)
	return lines(n.(string))
}

// fromXML reads the RDF/XML with the XML reader of the standard library.
func fromXML(t testing.TB, b []byte) []string {
	t.Helper()
	const rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	attr := func(e xml.StartElement, space, local string) string {
		for _, a := range e.Attr {
			if a.Name.Local == local && a.Name.Space == space {
				return a.Value
			}
		}
		return ""
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	var out []string
	var subject string
	var pred *xml.StartElement
	var text strings.Builder
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			sort.Strings(out)
			return out
		}
		require.NoError(t, err)
		switch e := tok.(type) {
		case xml.StartElement:
			switch {
			case e.Name.Space == rdf && e.Name.Local == "RDF":
			case e.Name.Space == rdf && e.Name.Local == "Description":
				subject = attr(e, rdf, "about")
			default:
				c := e.Copy()
				pred = &c
				text.Reset()
			}
		case xml.CharData:
			if pred != nil {
				text.Write(e)
			}
		case xml.EndElement:
			if pred == nil {
				continue
			}
			l := "<" + subject + "> <" + pred.Name.Space + pred.Name.Local + "> "
			lit := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(text.String()) + `"`
			switch {
			case attr(*pred, rdf, "resource") != "":
				l += "<" + attr(*pred, rdf, "resource") + ">"
			case attr(*pred, "http://www.w3.org/XML/1998/namespace", "lang") != "":
				l += lit + "@" + attr(*pred, "http://www.w3.org/XML/1998/namespace", "lang")
			case attr(*pred, rdf, "datatype") != "":
				l += lit + "^^<" + attr(*pred, rdf, "datatype") + ">"
			default:
				l += lit
			}
			out = append(out, l+" .")
			pred = nil
		}
	}
}

func TestThreeSyntaxesAreTheSameGraph(t *testing.T) {
	g := catalog(t)
	want := lines(string(g.NTriples()))
	assert.Equal(t, g.Len(), len(want))
	assert.Empty(t, cmp.Diff(want, fromJSONLD(t, encode(t, g, dcat.JSONLD))), "JSON-LD")
	assert.Empty(t, cmp.Diff(want, fromXML(t, encode(t, g, dcat.RDFXML))), "RDF/XML")
	assert.Empty(t, cmp.Diff(want, fromTurtle(t, encode(t, g, dcat.Turtle))), "Turtle")
}

// TestReadByRDFLib reads all three with the parser that CKAN harvests with.
func TestReadByRDFLib(t *testing.T) {
	python := ""
	for _, p := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), p, "-c", "import rdflib").Run() == nil {
			python = p
			break
		}
	}
	if python == "" {
		if os.Getenv("BUURTMETER_REQUIRE_SERVERS") == "1" {
			t.Fatal("python3 with rdflib is asked for: install python3-rdflib")
		}
		t.Skip("install python3-rdflib to read the catalogue with the parser of CKAN")
	}
	g := catalog(t)
	want := lines(string(g.NTriples()))
	dir := t.TempDir()
	for f, name := range map[dcat.Format]string{dcat.Turtle: "turtle", dcat.RDFXML: "xml", dcat.JSONLD: "json-ld"} {
		file := filepath.Join(dir, "catalog."+string(f))
		require.NoError(t, os.WriteFile(file, encode(t, g, f), 0o600))
		script := "import sys,rdflib\nrdflib.NORMALIZE_LITERALS=False\ng=rdflib.Graph()\ng.parse(sys.argv[1],format=sys.argv[2])\nsys.stdout.write(g.serialize(format='nt',encoding='utf-8').decode('utf-8'))"
		cmd := exec.CommandContext(t.Context(), python, "-c", script, file, name)
		cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8")
		out, err := cmd.Output()
		require.NoError(t, err, name)
		assert.Empty(t, cmp.Diff(want, lines(string(out))), name)
	}
}

func TestCatalogGolden(t *testing.T) {
	const file = "testdata/catalog.nt"
	got := catalog(t).NTriples()
	if flag.Lookup("update").Value.String() == "true" {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(file, got, 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Empty(t, cmp.Diff(lines(string(want)), lines(string(got))), "run with -update when the change is meant")
}

func TestEncodingIsDeterministic(t *testing.T) {
	for _, f := range dcat.Formats() {
		first := encode(t, catalog(t), f)
		for range 5 {
			assert.Equal(t, string(first), string(encode(t, catalog(t), f)))
		}
	}
}

func TestCatalogWithoutDataAndPagesIsWhole(t *testing.T) {
	g := opendatatest.Sample()
	g.Span, g.Stations = opendata.Span{}, nil
	p := publisher()
	p.DatasetPages = ""
	c, err := dcat.Catalog(g, p)
	require.NoError(t, err)
	nt := string(c.NTriples())
	assert.NotContains(t, nt, "0001-01-01", "no date is better than a wrong one")
	assert.NotContains(t, nt, "landingPage")
	assert.Contains(t, nt, "distribution/hours-csv")
}

func TestCatalogRefusesSettingsThatMakeItUnreadable(t *testing.T) {
	p := publisher()
	p.BaseURL = "lucht.example.nl"
	_, err := dcat.Catalog(opendatatest.Sample(), p)
	require.ErrorContains(t, err, "base URL")
}

func TestNoPositionReachesTheCatalogue(t *testing.T) {
	nt := string(catalog(t).NTriples())
	assert.NotContains(t, nt, "POINT(4.849", "only the municipality has a place")
	assert.Equal(t, 1, strings.Count(nt, "POINT("))
}

func TestHostileTextAndAddressesStayWhatTheyAre(t *testing.T) {
	g := dcat.NewGraph()
	hostile := "</rdf:li>\"\\ & ' <b>\r\n\t]]> \u00e9\u2028 \U0001f600 \x00\x07\ufffe \xff"
	g.Add("https://x.nl/a b<c>\"[d]{e}|^`\\é%zz%20", "dct:title", dcat.Lit(hostile, "nl"))
	want := lines(string(g.NTriples()))
	assert.Contains(t, want[0], "<https://x.nl/a%20b%3Cc%3E%22%5Bd%5D%7Be%7D%7C%5E%60%5C%C3%A9%25zz%20>")
	assert.Equal(t, want, fromJSONLD(t, encode(t, g, dcat.JSONLD)))
	assert.Equal(t, want, fromXML(t, encode(t, g, dcat.RDFXML)))
	assert.Equal(t, want, fromTurtle(t, encode(t, g, dcat.Turtle)))
}

func TestFaultsOfTheGraphAreErrors(t *testing.T) {
	for name, add := range map[string]func(*dcat.Graph){
		"relative subject": func(g *dcat.Graph) { g.Add("/id/x", "dct:title", dcat.Lit("x", "nl")) },
		"relative object":  func(g *dcat.Graph) { g.Add("https://x.nl/", "dct:title", dcat.IRI("y")) },
		"too long": func(g *dcat.Graph) {
			g.Add("https://x.nl/"+strings.Repeat("é", 400), "dct:title", dcat.Lit("x", "nl"))
		},
		"unknown prefix": func(g *dcat.Graph) { g.Add("https://x.nl/", "dc:title", dcat.Lit("x", "nl")) },
		"bad local name": func(g *dcat.Graph) { g.Add("https://x.nl/", "dct:ti tle", dcat.Lit("x", "nl")) },
		"bad datatype":   func(g *dcat.Graph) { g.Add("https://x.nl/", "dct:title", dcat.Typed("x", "nope:x")) },
		"no term":        func(g *dcat.Graph) { g.Add("https://x.nl/", "dct:title", dcat.Term{}) },
		"bad class":      func(g *dcat.Graph) { g.Type("https://x.nl/", "dct") },
	} {
		t.Run(name, func(t *testing.T) {
			g := dcat.NewGraph()
			add(g)
			for _, f := range dcat.Formats() {
				_, err := g.Encode(f)
				assert.Error(t, err)
			}
		})
	}
	_, err := dcat.NewGraph().Encode("n3")
	assert.ErrorContains(t, err, "use ttl, rdf or jsonld")
}

func TestAddingTwiceChangesNothing(t *testing.T) {
	g := dcat.NewGraph()
	g.Add("https://x.nl/", "dct:title", dcat.Lit("x", "nl"))
	g.Add("https://x.nl/", "dct:title", dcat.Lit("x", "nl"), dcat.Lit("x", "en"))
	assert.Equal(t, 2, g.Len())
}

func TestDatesAreUTC(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 30, 0, 0, time.FixedZone("", 3600))
	g := dcat.NewGraph()
	g.Add("https://x.nl/", "dct:modified", dcat.DateTime(at))
	g.Add("https://x.nl/", "dct:issued", dcat.Date(at))
	nt := string(g.NTriples())
	assert.Contains(t, nt, `"2025-12-31T23:30:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime>`)
	assert.Contains(t, nt, `"2025-12-31"^^<http://www.w3.org/2001/XMLSchema#date>`)
}

// FuzzText: whatever a title holds, the three syntaxes carry the same text.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", opendatatest.Hostile, "\\u0022\n\r\t", "]]>&#10;", "\x00\xff\ufffe\ufffd", "\u2028\u2029", "@en", "'''\"\"\""} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		g := dcat.NewGraph()
		g.Add("https://x.nl/"+path, "dct:title", dcat.Lit(text, "nl"))
		g.Add("https://x.nl/", "dcat:landingPage", dcat.IRI("https://x.nl/"+path))
		if _, err := g.Encode(dcat.Turtle); err != nil {
			return // an address that is none is refused in every syntax
		}
		want := lines(string(g.NTriples()))
		assert.Equal(t, want, fromTurtle(t, encode(t, g, dcat.Turtle)))
		assert.Equal(t, want, fromXML(t, encode(t, g, dcat.RDFXML)))
		assert.Equal(t, want, fromJSONLD(t, encode(t, g, dcat.JSONLD)))
	})
}

// BenchmarkCatalog measures graph and three syntaxes of the sample: what a
// change of the data costs. go test -bench Catalog -benchmem ./opendata/dcat
func BenchmarkCatalog(b *testing.B) {
	g, p := opendatatest.Sample(), publisher()
	b.Run("graph", func(b *testing.B) {
		for b.Loop() {
			if _, err := dcat.Catalog(g, p); err != nil {
				b.Fatal(err)
			}
		}
	})
	c := catalog(b)
	for _, f := range dcat.Formats() {
		b.Run(string(f), func(b *testing.B) {
			for b.Loop() {
				if _, err := c.Encode(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
