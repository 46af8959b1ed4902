package web

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/paulmach/orb"

	"buurtmeter/geo"
)

// feature is one buurt for the movable map: drawn and worded exactly as in the
// SVG, because both come from the same functions.
type feature struct {
	Type       string            `json:"type"`
	Properties featureProperties `json:"properties"`
	Geometry   geometry          `json:"geometry"`
}

type featureProperties struct {
	Code  string `json:"code"`
	Name  string `json:"name"`
	Class string `json:"class"`
	Mark  string `json:"mark"`
	Text  string `json:"text"`
	Href  string `json:"href"`
}

type geometry struct {
	Type        string           `json:"type"`
	Coordinates orb.MultiPolygon `json:"coordinates"`
}

type featureCollection struct {
	Type     string    `json:"type"`
	Features []feature `json:"features"`
}

// mapData answers the movable map's question: the buurten with their paint. It
// is an inner road of the site; the open data is under /v1.
func (s *site) mapData(c *fiber.Ctx) error {
	g, err := s.o.Source.Graph(c.UserContext())
	if err != nil {
		return s.fail(c, dutch, err)
	}
	lang := dutch
	if c.Query("lang") == english {
		lang = english
	}
	r := request{words: s.words[lang], g: g, now: s.o.Now()}
	r.query, _ = queryOf(c, g)
	ch, ok := choose(g, r.query)
	if !ok {
		return s.fail(c, lang, notFound("not-found"))
	}
	ch.sort = sortName
	if within := c.Query("within"); within != "" {
		a, known := g.AnyArea(geo.Code(within))
		if !known {
			return s.fail(c, lang, notFound("not-found"))
		}
		ch = ch.within(g, a)
	}
	key := strings.Join([]string{g.Version, s.print, lang, "gebieden.geojson", ch.query(), ch.base}, "\n")
	doc, hit := s.cache.get(g.Version, key)
	if !hit {
		raw, err := json.Marshal(r.features(ch))
		if err != nil {
			return s.fail(c, lang, fmt.Errorf("map data: %w", err))
		}
		doc = document{body: raw, tag: `W/"` + fingerprint([]byte(key)) + `"`}
		if doc.packed, err = pack(raw); err != nil {
			return s.fail(c, lang, err)
		}
		s.cache.put(g.Version, key, doc)
	}
	return send(c, doc, "application/geo+json")
}

// mapDataHref is the address of the data of the choice.
func (r request) mapDataHref(c choice) string {
	href := "/kaart/gebieden.geojson" + c.query() + "&lang=" + r.lang
	if c.base != "/" {
		href += "&within=" + url.QueryEscape(string(c.place.Code))
	}
	return href
}

func (r request) features(c choice) featureCollection {
	n := c.drawn(r.g)
	fc := featureCollection{Type: "FeatureCollection", Features: make([]feature, 0, len(c.areas))}
	for _, a := range c.areas {
		if len(a.Geometry) == 0 {
			continue
		}
		v := r.g.Verdict(a.Code, n.ID, c.year)
		p := r.paintOf(c, v)
		fc.Features = append(fc.Features, feature{
			Type: "Feature",
			Properties: featureProperties{
				Code: string(a.Code), Name: a.Name, Class: p.class, Mark: p.mark, Text: r.shortText(c, n, v),
				Href: r.areaHref(a, c.year),
			},
			Geometry: geometry{"MultiPolygon", rounded(a.Geometry)},
		})
	}
	return fc
}

// rounded keeps five decimals, about a metre: more than a screen can show.
func rounded(m orb.MultiPolygon) orb.MultiPolygon {
	out := m.Clone()
	for _, poly := range out {
		for _, ring := range poly {
			for i, p := range ring {
				ring[i] = orb.Point{math.Round(p[0]*1e5) / 1e5, math.Round(p[1]*1e5) / 1e5}
			}
		}
	}
	return out
}
