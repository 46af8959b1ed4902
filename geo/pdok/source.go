package pdok

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"buurtmeter/geo"
)

// source is a service and how its pages are addressed.
type source struct {
	base *url.URL
	wfs  bool
}

// newSource reads the address; empty is that of PDOK for the year.
func newSource(address string, year int) (*source, error) {
	if address == "" {
		var err error
		if address, err = ofPDOK(year); err != nil {
			return nil, err
		}
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%.80q: %w: give one that begins with https://", address, ErrSource)
	}
	if u.User != nil {
		return nil, fmt.Errorf("%w: one without a login is needed", ErrSource)
	}
	u.Fragment = ""
	s := &source{base: u, wfs: strings.Contains(strings.ToLower(u.Path), "wfs") || strings.EqualFold(u.Query().Get("service"), "wfs")}
	if !s.wfs {
		path, _, _ := strings.Cut(u.Path, "/collections")
		u.Path = strings.TrimRight(path, "/")
	}
	return s, nil
}

// ofPDOK is the service of PDOK with the wijken and buurten of a year. Which years
// have which service was read from its pages, not tried.
func ofPDOK(year int) (string, error) {
	switch {
	case year >= 2023:
		return fmt.Sprintf("https://api.pdok.nl/cbs/wijken-en-buurten-%d/ogc/v1", year), nil
	case slices.Contains([]int{2012, 2017, 2018, 2019, 2022}, year):
		return fmt.Sprintf("https://service.pdok.nl/cbs/wijkenbuurten/%d/wfs/v1_0", year), nil
	}
	return "", fmt.Errorf("%w: PDOK is not known to have a service with the boundaries of %d", ErrSource, year)
}

// key names what is fetched, for the folder of its pages.
func (s *source) key(year int, gemeente geo.Code) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(s.base, " ", year, " ", gemeente, " ", PageSize)))
	return fmt.Sprintf("%d-%s", year, hex.EncodeToString(sum[:6]))
}

// first is the address of the first page of a collection.
func (s *source) first(collection string, year int, gemeente geo.Code) string {
	u := *s.base
	q := u.Query()
	if s.wfs {
		name := collection
		if year < 2022 {
			name = fmt.Sprintf("cbs_%s_%d", collection, year) // as PDOK called the layers then
		}
		for k, v := range map[string]string{
			"service": "WFS", "version": "2.0.0", "request": "GetFeature", "typeNames": name,
			"outputFormat": "application/json", "srsName": "EPSG:4326", "count": strconv.Itoa(PageSize), "startIndex": "0",
		} {
			q.Set(k, v)
		}
		u.RawQuery = q.Encode()
		return u.String()
	}
	u.Path += "/collections/" + collection + "/items"
	q.Set("f", "json")
	q.Set("limit", strconv.Itoa(PageSize))
	if gemeente != "" {
		q.Set("gemeentecode", string(gemeente))
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// next is the address of the page after one with these facts; empty when it was
// the last. at is where the page was asked for, final where it was found after
// redirections, sofar the number of features up to it.
func (s *source) next(collection string, at, final *url.URL, facts pageFacts, sofar int) (string, error) {
	if s.wfs {
		// A page that is smaller than it was asked for may mean that the service
		// gives fewer at a time; only an empty one, or the number of all, ends it.
		if len(facts.ids) == 0 || facts.matched >= 0 && sofar >= facts.matched {
			return "", nil
		}
		u := *at
		q := u.Query()
		q.Set("startIndex", strconv.Itoa(sofar))
		u.RawQuery = q.Encode()
		return u.String(), nil
	}
	if facts.next == "" {
		return "", nil
	}
	u, err := final.Parse(facts.next)
	if err != nil {
		return "", fmt.Errorf("%w: its next page has the address %.80q", ErrAnswer, facts.next)
	}
	for _, known := range []*url.URL{at, final} {
		if u.Scheme == known.Scheme && u.Host == known.Host {
			return u.String(), nil
		}
	}
	// A service behind another server may not know its own name. Its words are
	// followed on the server that we chose, and nowhere else.
	if !strings.HasSuffix(u.Path, "/collections/"+collection+"/items") {
		return "", fmt.Errorf("%w: its next page is at another server, %s: name that one if it is the right one", ErrAnswer, u.Host)
	}
	own := *at
	own.RawQuery = u.RawQuery
	return own.String(), nil
}
