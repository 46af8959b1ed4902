package export

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"buurtmeter/opendata"
)

// flushAt is the number of bytes that a writer gathers before it hands them on.
const flushAt = 32 << 10

// out gathers bytes and hands them on in large pieces. After an error it does
// nothing any more and keeps the error.
type out struct {
	w   io.Writer
	b   []byte
	err error
}

func newOut(w io.Writer) *out { return &out{w: w, b: make([]byte, 0, flushAt+4096)} }

func (o *out) str(s string) { o.b = append(o.b, s...) }

// json appends v as JSON, without the escapes for HTML.
func (o *out) json(v any) {
	if o.err != nil {
		return
	}
	var s strings.Builder
	e := json.NewEncoder(&s)
	e.SetEscapeHTML(false)
	if o.err = e.Encode(v); o.err == nil {
		o.str(strings.TrimSuffix(s.String(), "\n"))
	}
}

// spill hands on when enough was gathered.
func (o *out) spill() error {
	if len(o.b) < flushAt {
		return o.err
	}
	return o.flush()
}

func (o *out) flush() error {
	if o.err == nil && len(o.b) > 0 {
		_, o.err = o.w.Write(o.b)
	}
	o.b = o.b[:0]
	if o.err != nil {
		return fmt.Errorf("write the file: %w", o.err)
	}
	return nil
}

// appendText writes a text cell of a CSV file. A text that a spreadsheet would
// take for a formula gets an apostrophe in front; numbers never come through
// here.
func appendText(b []byte, s string) []byte {
	if s != "" && strings.IndexByte("=+-@\t\r", s[0]) >= 0 {
		s = "'" + s
	}
	if !strings.ContainsAny(s, "\",\n\r") {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}

// head is what stands before the data in the JSON forms.
type head struct {
	Dataset     string                   `json:"dataset"`
	Version     string                   `json:"version"`
	Title       opendata.Text            `json:"title"`
	Modified    time.Time                `json:"modified"`
	Licence     string                   `json:"licence"`
	Publisher   string                   `json:"publisher"`
	Simulated   bool                     `json:"simulated"`
	Quality     opendata.Text            `json:"quality"`
	Explanation map[string]opendata.Text `json:"explanation"`
}

func headOf(d opendata.Dataset, g *opendata.Graph, p opendata.Publisher, explanation map[string]opendata.Text) head {
	return head{
		Dataset: d.ID, Version: d.Version, Title: d.Title, Modified: g.Modified.UTC(), Licence: d.Licence,
		Publisher: p.Name, Simulated: g.Simulated, Quality: d.Quality, Explanation: explanation,
	}
}

// begin writes the head as the first members of the object and leaves it open
// at the list.
func (o *out) begin(collection bool, h head, list string) {
	o.str("{")
	if collection {
		o.str(`"type":"FeatureCollection",`)
	}
	mark := len(o.b)
	o.json(h)
	if o.err == nil { // take the braces off: the members belong to the outer object
		inner := o.b[mark+1 : len(o.b)-1]
		o.b = append(o.b[:mark], inner...)
	}
	o.str(`,"` + list + `":[`)
}

func formatError(format string) error {
	return fmt.Errorf("unknown format %q: use csv, json or geojson", format)
}
