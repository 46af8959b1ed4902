package web

import (
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

// frame is what the layout around every page shows.
type frame struct {
	Lang, Title   string
	Municipality  string
	Styles, Fonts []string
	Script        string
	Canonical     string
	Alternates    []alternate
	Other         alternate
	Nav           []navItem
	Simulated     string // how many stations are; empty when none is
	Prepared      bool
	// Misread is set when the address asks for something that is not here.
	Misread  bool
	Modified time.Time
	Source   string
	Body     any
}

// alternate is the same page in another language.
type alternate struct{ Lang, Href string }

type navItem struct {
	Href, Label string
	Current     bool
}

func (s *site) frame(r request, v view) frame {
	f := frame{
		Lang: r.lang, Title: v.title, Styles: s.assets.styles, Fonts: s.assets.fonts, Script: s.assets.script, Body: v.body, Misread: r.misread,
	}
	for _, lang := range languages() {
		href := s.words[lang].Path(v.path)
		if lang != r.lang {
			f.Other = alternate{lang, href}
		}
		if v.page != errorPage {
			f.Alternates = append(f.Alternates, alternate{lang, s.o.BaseURL + href})
		}
	}
	if s.o.BaseURL != "" && v.page != errorPage { // what is not there has no address of its own
		f.Canonical = s.o.BaseURL + r.Path(v.path)
	}
	here, _, _ := strings.Cut(v.path, "?")
	for _, p := range []struct{ path, key string }{
		{"/", "nav.map"},
		{"/data", "nav.data"},
		{"/methode", "nav.method"},
		{"/aansluiten", "nav.connect"},
	} {
		f.Nav = append(f.Nav, navItem{r.Path(p.path), r.T(p.key), here == p.path && v.page != errorPage})
	}
	if r.g != nil {
		f.Prepared, f.Modified, f.Simulated = true, r.g.Modified, r.simulated()
		f.Municipality = r.g.Municipality.Name
		f.Source = r.boundaries()
	}
	return f
}

// simulated says how many stations are simulated; empty when none is.
func (r request) simulated() string {
	n := 0
	for _, st := range r.g.Stations {
		if st.Simulated {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return r.N("simulated.banner", n, "total", len(r.g.Stations))
}

// boundaries names the origin of the areas' boundaries; empty when it is not
// known.
func (r request) boundaries() string {
	if r.g.Schematic {
		return r.T("boundaries.schematic")
	}
	for _, a := range r.g.Areas {
		if a.Source != "" {
			return a.Source
		}
	}
	return ""
}

// parse reads the templates once per language, so that the text functions of
// that language are bound to them.
func (s *site) parse() (map[string]map[string]*template.Template, error) {
	names, err := fs.Glob(templateFiles, "templates/page_*.gohtml")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	out := map[string]map[string]*template.Template{}
	for _, lang := range languages() {
		base, err := template.New("").Funcs(functions(s.words[lang])).ParseFS(templateFiles, "templates/layout.gohtml", "templates/parts.gohtml")
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		out[lang] = map[string]*template.Template{}
		for _, n := range names {
			t, err := base.Clone()
			if err != nil {
				return nil, fmt.Errorf("templates: %w", err)
			}
			if t, err = t.ParseFS(templateFiles, n); err != nil {
				return nil, fmt.Errorf("templates: %w", err)
			}
			out[lang][strings.TrimSuffix(strings.TrimPrefix(path.Base(n), "page_"), ".gohtml")] = t
		}
	}
	return out, nil
}

func functions(w words) template.FuncMap {
	return template.FuncMap{
		"t":    w.T,
		"n":    w.N,
		"rich": w.Rich,
		"path": w.Path,
		// Stations are named in Dutch.
		"titlelang": func() template.HTMLAttr {
			if w.lang == dutch {
				return ""
			}
			return ` lang="nl"`
		},
		"text":   strconv.Itoa,
		"inc":    func(i int) int { return i + 1 },
		"count":  w.Count,
		"share":  w.Share,
		"day":    w.Day,
		"moment": w.Moment,
		"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}
}
