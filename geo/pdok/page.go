package pdok

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// pageFacts are what a page says about itself.
type pageFacts struct {
	// ids name its features: by their own id, else by what they hold.
	ids []string
	// next is the address of the next page, empty for none.
	next string
	// returned and matched are what the service says that the page and all pages
	// hold, -1 when it does not say.
	returned, matched int
}

// scanPage reads a page of features without their geometry being understood.
func scanPage(r io.Reader) (pageFacts, error) {
	facts := pageFacts{returned: -1, matched: -1}
	text := bufio.NewReader(r)
	if start, _ := text.Peek(512); strings.HasPrefix(strings.TrimLeft(string(start), " \t\r\n\uFEFF"), "<") {
		all, err := io.ReadAll(io.LimitReader(text, 64<<10))
		if err != nil {
			return facts, err
		}
		return facts, fmt.Errorf("%w: %s", ErrAnswer, detail(all))
	}
	d := json.NewDecoder(text)
	t, err := d.Token()
	if err != nil {
		return facts, unexpected(err)
	}
	if t != json.Delim('{') {
		return facts, fmt.Errorf("%w: it begins with %.20q", ErrAnswer, fmt.Sprint(t))
	}
	found, kind := false, ""
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return facts, unexpected(err)
		}
		if key == "features" {
			found = true
			if err := facts.features(d); err != nil {
				return facts, err
			}
			continue
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return facts, unexpected(err)
		}
		switch key {
		case "type":
			_ = json.Unmarshal(value, &kind) // another form is another kind
		case "links":
			facts.next = nextOf(value)
		case "numberReturned":
			facts.returned = count(value)
		case "numberMatched", "totalFeatures":
			facts.matched = max(facts.matched, count(value))
		}
	}
	if _, err := d.Token(); err != nil {
		return facts, unexpected(err)
	}
	if !found || kind != "FeatureCollection" {
		return facts, fmt.Errorf("%w: JSON of type %.30q without features", ErrAnswer, kind)
	}
	return facts, nil
}

func (f *pageFacts) features(d *json.Decoder) error {
	t, err := d.Token()
	if err != nil {
		return unexpected(err)
	}
	if t != json.Delim('[') {
		return fmt.Errorf("%w: features are no list", ErrAnswer)
	}
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return unexpected(err)
		}
		var named struct {
			ID json.RawMessage `json:"id"`
		}
		_ = json.Unmarshal(raw, &named) // a feature of another shape has no id; it is told when it is read
		id := string(named.ID)
		if id == "" || id == "null" || id == `""` {
			sum := sha256.Sum256(raw)
			id = hex.EncodeToString(sum[:12])
		}
		f.ids = append(f.ids, id)
	}
	_, err = d.Token()
	return unexpected(err)
}

// unexpected makes the end of a text in the middle an error that says so.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// nextOf finds the next page among links that may lead to it in several formats.
func nextOf(raw json.RawMessage) string {
	var links []struct{ Rel, Type, Href string }
	if json.Unmarshal(raw, &links) != nil {
		return ""
	}
	best, rank := "", 0
	for _, l := range links {
		kind, _, _ := strings.Cut(strings.ToLower(l.Type), ";")
		r := map[string]int{"application/geo+json": 3, "application/json": 2, "": 1}[strings.TrimSpace(kind)]
		if strings.EqualFold(l.Rel, "next") && l.Href != "" && r > rank {
			best, rank = l.Href, r
		}
	}
	return best
}

// count reads a number that some services write as text; -1 for none.
func count(raw json.RawMessage) int {
	n, err := strconv.Atoi(strings.Trim(string(raw), `" `))
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// page fetches the next page of the collection and stores it; the state that is
// on disk names it before the next one is asked for.
func (f *Fetch) page(ctx context.Context, name string, c *collection) error {
	const mostPages = 10_000
	if len(c.Pages) >= mostPages {
		return fmt.Errorf("%w: more than %d pages", ErrLoop, mostPages)
	}
	at, err := url.Parse(c.Next)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	p := page{URL: c.Next, File: fmt.Sprintf("%s-%04d.json.gz", name, len(c.Pages)+1)}
	var facts pageFacts
	var final *url.URL
	err = f.client.get(ctx, c.Next, "", func(resp *http.Response, body io.Reader) error {
		if err := checkCRS(resp.Header.Get("Content-Crs")); err != nil {
			return err
		}
		p.ETag, final = resp.Header.Get("ETag"), resp.Request.URL
		var err error
		if p.Bytes, p.Sum, err = store(filepath.Join(f.folder, p.File), body); err != nil {
			return err
		}
		facts, err = scanFile(filepath.Join(f.folder, p.File))
		return err
	})
	if err != nil {
		return err
	}
	p.IDs, p.Features = facts.ids, len(facts.ids)
	if err := c.checkNew(facts.ids); err != nil {
		return err
	}
	if facts.returned >= 0 && facts.returned != p.Features {
		f.o.Progress(Progress{Note: fmt.Sprintf("%s: page %d says that it holds %d features and holds %d; what it holds counts", name, len(c.Pages)+1, facts.returned, p.Features)})
	}
	next, err := f.source.next(name, at, final, facts, c.features()+p.Features)
	if err != nil {
		return err
	}
	if err := c.checkNext(next, p); err != nil {
		return err
	}
	c.Pages = append(c.Pages, p)
	c.Next, c.Whole, c.Matched = next, next == "", max(c.Matched, facts.matched)
	if err := f.save(); err != nil {
		return err
	}
	f.o.Progress(Progress{Collection: name, Pages: len(c.Pages), Features: c.features(), Bytes: c.bytes()})
	return nil
}

// checkNew refuses a page with a feature of an earlier page: a service that lost
// its place begins again at page one without a word.
func (c *collection) checkNew(ids []string) error {
	seen := map[string]bool{}
	for _, p := range c.Pages {
		for _, id := range p.IDs {
			seen[id] = true
		}
	}
	for _, id := range ids {
		if seen[id] {
			return fmt.Errorf("%w: feature %s of page %d came before", ErrLoop, oneLine(id), len(c.Pages)+1)
		}
	}
	return nil
}

// checkNext refuses a next page that was read before, and a row of empty ones.
func (c *collection) checkNext(next string, p page) error {
	if next == "" {
		return nil
	}
	const mostEmpty = 3
	empty := 0
	for _, q := range append(c.Pages, p) {
		if q.URL == next {
			return fmt.Errorf("%w: the page after page %d is one that came before", ErrLoop, len(c.Pages)+1)
		}
		if empty++; q.Features > 0 {
			empty = 0
		}
	}
	if empty > mostEmpty {
		return fmt.Errorf("%w: %d empty pages in a row", ErrLoop, empty)
	}
	return nil
}

// checkCRS refuses coordinates other than WGS84 with longitude first, which is
// what is asked for; the header is missing where a service does not know it.
func checkCRS(header string) error {
	crs := strings.Trim(header, "<> ")
	if crs == "" || strings.HasSuffix(crs, "CRS84") || strings.HasSuffix(crs, "CRS84h") {
		return nil
	}
	return fmt.Errorf("%w: coordinates in %s, where WGS84 (CRS84) was asked for", ErrAnswer, oneLine(crs))
}

// store writes the text of a page, compressed, and returns when it is on disk.
func store(path string, body io.Reader) (size int64, sum string, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // in our own folder
	if err != nil {
		return 0, "", fmt.Errorf("store a page: %w", err)
	}
	h := sha256.New()
	z, _ := gzip.NewWriterLevel(io.MultiWriter(file, h), gzip.BestSpeed) // a level that exists
	size, err = io.Copy(z, body)
	err = errors.Join(err, z.Close(), file.Sync(), file.Close())
	return size, hex.EncodeToString(h.Sum(nil)), err
}

func scanFile(path string) (facts pageFacts, err error) {
	file, err := os.Open(path) //nolint:gosec // in our own folder
	if err != nil {
		return facts, err
	}
	defer func() { _ = file.Close() }()
	z, err := gzip.NewReader(file)
	if err != nil {
		return facts, err
	}
	return scanPage(z)
}
