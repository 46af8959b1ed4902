package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/opendata"
)

// Options are what the site needs. Source, Log and Now are required.
type Options struct {
	// Source of everything that is shown.
	Source opendata.Source
	// BaseURL is the public address without a trailing slash, for canonical and
	// share links; empty leaves those out.
	BaseURL string
	Log     *slog.Logger
	Now     func() time.Time
	// Publisher is who runs the site and how to reach them, shown to who wants to
	// take part; without a name nobody is shown.
	Publisher opendata.Publisher
	// MQTT is the address that stations connect to ("tcp://mqtt.example.nl:1883");
	// empty when it is not known here.
	MQTT string
	// Door is the address of the HTTP door ("https://door.example.nl"); empty when
	// there is none, or it is not known.
	Door string
	// Assets is the built front-end; nil takes the one of Dist.
	Assets fs.FS
}

// site serves the pages.
type site struct {
	o      Options
	assets *assets
	words  map[string]words
	pages  map[string]map[string]*template.Template // language, page
	cache  *cache
	print  string
}

// Register adds the pages, their assets and the designed error pages to app,
// which must be set to Immutable and StrictRouting. It may be called before or
// after other routes are added, as long as none of them catches everything.
// An error means that the embedded templates, texts or front-end are broken.
func Register(app *fiber.App, o Options) error {
	if o.Source == nil || o.Log == nil || o.Now == nil {
		return errors.New("web: Options needs Source, Log and Now")
	}
	s, err := newSite(o)
	if err != nil {
		return err
	}
	s.routes(app)
	return nil
}

func newSite(o Options) (*site, error) {
	if o.Assets == nil {
		dist, err := Dist()
		if err != nil {
			return nil, err
		}
		o.Assets = dist
	}
	a, built, err := loadAssets(o.Assets)
	if err != nil {
		return nil, err
	}
	if !built {
		o.Log.Warn("the front-end is not built in: pages are served with the plain style and without the movable map; run `npm ci && npm run build` in web/app and build again")
	}
	s := &site{o: o, assets: a, words: map[string]words{}, cache: newCache()}
	for _, lang := range languages() {
		if s.words[lang], err = loadWords(lang); err != nil {
			return nil, err
		}
	}
	if s.pages, err = s.parse(); err != nil {
		return nil, err
	}
	s.print, err = sourcePrint(a.print)
	return s, err
}

// sourcePrint identifies templates, texts and front-end together: a new
// version of the program changes every ETag.
func sourcePrint(build string) (string, error) {
	parts := [][]byte{[]byte(build)}
	for _, files := range []fs.FS{templateFiles, wordFiles} {
		err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := fs.ReadFile(files, p)
			parts = append(parts, raw)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("embedded pages: %w", err)
		}
	}
	return fingerprint(parts...), nil
}

// routes adds every page in both languages. Static paths come before paths
// with parameters.
func (s *site) routes(app *fiber.App) {
	app.Use(s.designedErrors)
	app.Get("/assets/*", s.assets.serve)
	app.Get("/en", func(c *fiber.Ctx) error { return c.Redirect("/en/", fiber.StatusMovedPermanently) })
	app.Get("/kaart/gebieden.geojson", s.mapData)
	for _, lang := range languages() {
		at := s.words[lang].Path
		app.Get(at("/"), s.page(lang, s.mapPage))
		app.Get(at("/aansluiten"), s.page(lang, s.connectPage))
		app.Get(at("/methode"), s.page(lang, s.methodPage))
		app.Get(at("/data"), s.page(lang, s.dataPage))
		app.Get(at("/privacy"), s.page(lang, s.privacyPage))
		for _, level := range []geo.Level{geo.Buurt, geo.Wijk, geo.Gemeente} {
			app.Get(at("/"+string(level)+"/:code"), s.page(lang, s.areaPage(level)))
		}
		app.Get(at("/meetpunt/:id"), s.page(lang, s.stationPage))
	}
}

// request is one reading of one page: the snapshot, the language and the
// query as far as it was understood.
type request struct {
	words
	g     *opendata.Graph
	now   time.Time
	param string
	query url.Values
	// misread tells that a part of the query means nothing here, so that the page
	// shows something else than was asked for, and must say so.
	misread bool
}

// view is what a page function returns: which template, and its data.
type view struct {
	page  string // template name
	title string
	// path without language prefix, for the language switch and canonical link.
	path string
	body any
}

// pageFunc makes the view of a page. An *pageError error gives a designed
// error page with its status.
type pageFunc func(ctx context.Context, r request) (view, error)

// page wraps a page function with the snapshot, the cache and the headers.
func (s *site) page(lang string, fn pageFunc) fiber.Handler {
	return func(c *fiber.Ctx) error {
		g, err := s.o.Source.Graph(c.UserContext())
		if err != nil {
			return s.fail(c, lang, err)
		}
		r := request{words: s.words[lang], g: g, now: s.o.Now()}
		r.query, r.misread = queryOf(c, g)
		r.param = c.Params("code", c.Params("id"))
		key := s.key(c, r)
		doc, ok := s.cache.get(g.Version, key)
		if !ok {
			v, err := fn(c.UserContext(), r)
			if err != nil {
				return s.fail(c, lang, err)
			}
			raw, err := s.render(r, v)
			if err != nil {
				return s.fail(c, lang, err)
			}
			doc = document{body: raw, tag: `W/"` + fingerprint([]byte(key)) + `"`}
			if doc.packed, err = pack(raw); err != nil {
				return s.fail(c, lang, err)
			}
			s.cache.put(g.Version, key, doc)
		}
		return send(c, doc, fiber.MIMETextHTMLCharsetUTF8)
	}
}

// key names everything that the page depends on: data, program, language,
// path, the known part of the query, and the hour (pages tell whether a
// station is silent).
func (s *site) key(c *fiber.Ctx, r request) string {
	return strings.Join([]string{
		r.g.Version, s.print, r.lang, c.Path(), r.query.Encode(), strconv.FormatBool(r.misread), r.now.UTC().Format("2006010215"),
	}, "\n")
}

// queryOf keeps the parameters whose value means something, so that nobody can
// fill the cache with inventions. What is left out gets its default; misread
// tells that there was such a value.
func queryOf(c *fiber.Ctx, g *opendata.Graph) (q url.Values, misread bool) {
	q = url.Values{}
	keep := func(name string, known func(v string) bool) {
		v := c.Query(name)
		if v != "" && known(v) {
			q.Set(name, v)
		} else if v != "" {
			misread = true
		}
	}
	keep("norm", func(v string) bool { _, ok := g.Norm(norm.ID(v)); return ok })
	keep("year", func(v string) bool {
		return slices.ContainsFunc(g.Years, func(y int) bool { return strconv.Itoa(y) == v })
	})
	keep("lens", func(v string) bool { return v == lensVerdict || v == lensValue })
	keep("sort", func(v string) bool { return slices.Contains(sortOrders(), v) })
	return q, misread
}

// send answers with the document, or 304 when the reader has it already.
func send(c *fiber.Ctx, d document, contentType string) error {
	secure(c)
	c.Set(fiber.HeaderETag, d.tag)
	c.Set(fiber.HeaderCacheControl, "public, no-cache")
	c.Vary(fiber.HeaderAcceptEncoding)
	if matches(c.Get(fiber.HeaderIfNoneMatch), d.tag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, contentType)
	if d.packed != nil && acceptsGzip(c) {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(d.packed)
	}
	return c.Send(d.body)
}

// matches is the weak comparison of If-None-Match.
func matches(header, tag string) bool {
	for _, t := range strings.Split(header, ",") {
		t = strings.TrimSpace(t)
		if t == "*" || (t != "" && strings.TrimPrefix(t, "W/") == strings.TrimPrefix(tag, "W/")) {
			return true
		}
	}
	return false
}

// secure sets the headers that every answer of the site carries. There is no
// inline style or script anywhere, so the policy needs no exception.
func secure(c *fiber.Ctx) {
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "+
		"worker-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "strict-origin-when-cross-origin")
	c.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
}

func (s *site) render(r request, v view) ([]byte, error) {
	t, ok := s.pages[r.lang][v.page]
	if !ok {
		return nil, fmt.Errorf("no template %q", v.page)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", s.frame(r, v)); err != nil {
		return nil, fmt.Errorf("page %s: %w", v.page, err)
	}
	return b.Bytes(), nil
}
