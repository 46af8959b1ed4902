package pdok

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"buurtmeter/geo"
)

// The errors that a caller can do something about.
var (
	// ErrLoop is wrapped for a service whose next page is one that came before.
	ErrLoop = errors.New("the pages of the service go round in a circle")
	// ErrIncomplete is wrapped for a service that gave fewer features than it
	// says that it has.
	ErrIncomplete = errors.New("the service did not give all its features")
	// ErrAnswer is wrapped for an answer that is no page of features.
	ErrAnswer = errors.New("the service answers with something else than features")
	// ErrService is wrapped when the service could not be reached or went on
	// failing.
	ErrService = errors.New("the service does not answer as it should")
	// ErrSource is wrapped for an address that cannot be one.
	ErrSource = errors.New("no address of a service")
	// ErrBusy is wrapped when another process fetches the same.
	ErrBusy = errors.New("another import of the same boundaries is running")
)

// PageSize is how many features are asked for at a time: the most that PDOK gives.
const PageSize = 1000

// keepFor is how long pages of an interrupted fetch are gone on with. Pages of
// different days may be of different editions.
const keepFor = 24 * time.Hour

// Options say what is fetched.
type Options struct {
	// Source is the address of the service: the landing page of an OGC API
	// (…/ogc/v1), or a WFS (its path holds "wfs"). Parameters in it are sent
	// along. Empty is the service of PDOK for the year.
	Source string
	// Year is the vintage.
	Year int
	// Gemeente is the only one whose areas are fetched; empty is for all.
	Gemeente geo.Code
	// Folder is where pages are kept until the import is done.
	Folder string
	// Held names the content that the register holds of the year, see
	// geo.Store.Digest. Only when it is what the last fetch led to, the service is
	// asked whether anything changed since.
	Held string
	// Client does the requests; nil is one with timeouts. Silence is how long a
	// service may be silent in the middle of an answer; 0 is a minute.
	Client  *http.Client
	Silence time.Duration
	// Now is the clock, Pause waits; nil are those of the machine.
	Now   func() time.Time
	Pause func(context.Context, time.Duration) error
	// Progress is called after each page and each event; nil for none.
	Progress func(Progress)
}

// Progress is how far a fetch is.
type Progress struct {
	// Collection is buurten, wijken or gemeenten.
	Collection string
	// Pages and Features are those of the collection so far, Bytes what they hold.
	Pages, Features int
	Bytes           int64
	// Note tells of an event, such as a request that is tried again; else empty.
	Note string
}

// Fetch is a fetch of one vintage. Close it.
type Fetch struct {
	o      Options
	source *source
	client *client
	folder string
	lock   *os.File
	state  state
}

// collections are those of CBS; every one must be whole.
func collections() []string { return []string{"gemeenten", "wijken", "buurten"} }

// Open prepares the fetch and finds out what is stored of it.
func Open(o Options) (*Fetch, error) {
	s, err := newSource(o.Source, o.Year)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Pause == nil {
		o.Pause = pause
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	f := &Fetch{o: o, source: s, folder: filepath.Join(o.Folder, s.key(o.Year, o.Gemeente))}
	f.client = &client{http: o.Client, now: o.Now, pause: o.Pause, note: func(text string) { o.Progress(Progress{Note: text}) }}
	if f.client.silence = o.Silence; f.client.silence == 0 {
		f.client.silence = longestSilence
	}
	if f.client.http == nil {
		f.client.http = newHTTP()
	}
	if err := os.MkdirAll(f.folder, 0o700); err != nil {
		return nil, fmt.Errorf("folder for pages: %w", err)
	}
	if f.lock, err = lock(f.folder); err != nil {
		return nil, err
	}
	if err := f.load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close gives the folder free. What is stored stays.
func (f *Fetch) Close() error { return f.lock.Close() }

// Source is the address that is fetched from.
func (f *Fetch) Source() string { return f.source.base.String() }

// Run fetches every page that is not stored yet. unchanged tells that the service
// says that nothing changed since the last import: then there are no Areas. After
// an error, or the end of ctx, the same call goes on after the last page that was
// stored.
func (f *Fetch) Run(ctx context.Context) (unchanged bool, err error) {
	if f.state.Digest != "" {
		if f.state.Digest == f.o.Held {
			if unchanged, err = f.unchanged(ctx); unchanged || err != nil {
				return unchanged, err
			}
		}
		if err := f.restart(); err != nil {
			return false, err
		}
	}
	for _, name := range collections() {
		if err := f.collection(ctx, name); err != nil {
			return false, fmt.Errorf("%s from %s: %w", name, f.source.base.Host, err)
		}
	}
	return false, nil
}

// unchanged asks for every page of the last import whether it is still the same.
func (f *Fetch) unchanged(ctx context.Context) (bool, error) {
	for _, name := range collections() {
		c := f.state.Collections[name]
		if c == nil || len(c.Pages) == 0 {
			return false, nil
		}
		for _, p := range c.Pages {
			if p.ETag == "" {
				return false, nil
			}
			same, err := f.client.same(ctx, p.URL, p.ETag)
			if err != nil || !same {
				return false, err
			}
		}
	}
	return true, nil
}

// collection fetches the pages of one collection that are missing.
func (f *Fetch) collection(ctx context.Context, name string) error {
	c := f.state.Collections[name]
	if c == nil {
		c = &collection{Next: f.source.first(name, f.o.Year, f.o.Gemeente), Matched: -1}
		f.state.Collections[name] = c
	} else if len(c.Pages) > 0 {
		f.o.Progress(Progress{
			Collection: name, Pages: len(c.Pages), Features: c.features(), Bytes: c.bytes(),
			Note: fmt.Sprintf("%s: goes on with the %d pages that are stored", name, len(c.Pages)),
		})
	}
	again := f.state.resumed && len(c.Pages) > 0
	for !c.Whole {
		err := f.page(ctx, name, c)
		var refused *StatusError
		lost := errors.Is(err, ErrLoop) || errors.As(err, &refused) && !refused.again()
		switch {
		case err == nil:
		case lost && again && len(c.Pages) > 0:
			// A place in the pages that was good yesterday may mean nothing today.
			f.o.Progress(Progress{Collection: name, Note: name + ": the service no longer knows where the last fetch stopped, so it begins again"})
			if err := f.dropPages(c); err != nil {
				return err
			}
			c.Next, again = f.source.first(name, f.o.Year, f.filter(c)), false
		case refused != nil && refused.Status == http.StatusBadRequest && len(c.Pages) == 0 && f.filter(c) != "" && !f.source.wfs:
			f.o.Progress(Progress{Collection: name, Note: name + ": the service cannot select a gemeente, so all of them are fetched and its own are kept"})
			c.Unfiltered, c.Next = true, f.source.first(name, f.o.Year, "")
		case errors.Is(err, ErrLoop):
			return errors.Join(err, f.forget(name)) // or the next run would go on in the circle
		default:
			return err
		}
	}
	if c.Matched >= 0 && c.features() < c.Matched {
		return errors.Join(fmt.Errorf("%w: %d of %d", ErrIncomplete, c.features(), c.Matched), f.forget(name))
	}
	return nil
}

// filter is the gemeente that the service is asked for; empty when it cannot
// select one.
func (f *Fetch) filter(c *collection) geo.Code {
	if c.Unfiltered {
		return ""
	}
	return f.o.Gemeente
}

// Areas reads what was fetched. Problems are what was left out or mended; the
// error wraps those of geo.ReadGeoJSON, or tells of a level without areas. After an
// error the pages are forgotten: the service may be mended tomorrow.
func (f *Fetch) Areas() ([]geo.Area, []geo.Problem, error) {
	areas, problems, err := f.readPages()
	if err != nil && !errors.Is(err, ErrIncomplete) {
		err = errors.Join(err, f.restart())
	}
	return areas, problems, err
}

func (f *Fetch) readPages() ([]geo.Area, []geo.Problem, error) {
	all := geo.NewCollector(f.o.Year, f.o.Gemeente)
	for _, name := range collections() {
		c := f.state.Collections[name]
		if c == nil || !c.Whole {
			return nil, nil, fmt.Errorf("%s: %w: not fetched", name, ErrIncomplete)
		}
		for _, p := range c.Pages {
			if err := f.read(all, p); err != nil {
				return nil, all.Problems(), fmt.Errorf("%s, page %s: %w", name, p.File, err)
			}
		}
	}
	areas, err := all.Areas()
	if err != nil {
		return nil, all.Problems(), err
	}
	levels := map[geo.Level]bool{}
	for _, a := range areas {
		levels[a.Level] = true
	}
	for _, level := range []geo.Level{geo.Gemeente, geo.Wijk, geo.Buurt} {
		if !levels[level] {
			return nil, all.Problems(), fmt.Errorf("%w: the service has no %s of %s", geo.ErrNoAreas, level, whole(f.o.Gemeente))
		}
	}
	return areas, all.Problems(), nil
}

func whole(c geo.Code) string {
	if c == "" {
		return "the Netherlands"
	}
	return string(c)
}

func (f *Fetch) read(all *geo.Collector, p page) error {
	file, err := os.Open(filepath.Join(f.folder, p.File))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	z, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	return all.ReadGeoJSON(z)
}
