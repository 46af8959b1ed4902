package tile

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/paulmach/orb"

	"buurtmeter/geo"
)

// Sizes of the texts in tenths of a unit. How wide a text comes out is not
// known here; a little more than half its height per character suits the sans
// serif faces that pages use.
const (
	markSize  = 150
	labelSize = 110
	perGlyph  = 58 // percent of the size
)

// texts are the mark and the label of one area.
type texts struct {
	class, mark, label string
	at                 point
	area               geo.Area
	room               rect // the area's bounding box
}

type rect struct{ left, top, right, bottom int }

func (r rect) overlaps(s rect) bool {
	return r.left < s.right && s.left < r.right && r.top < s.bottom && s.top < r.bottom
}

func (r rect) size() int { return (r.right - r.left) * (r.bottom - r.top) }

func textsOf(p projection, a geo.Area, s Shape) texts {
	b := a.Geometry.Bound()
	low, high := p.at(b.Min), p.at(b.Max)
	center := a.Center
	if !finite(center[0]) || !finite(center[1]) || !b.Contains(center) {
		center = orb.Point{(b.Min[0] + b.Max[0]) / 2, (b.Min[1] + b.Max[1]) / 2}
	}
	return texts{
		class: s.Class, mark: strings.TrimSpace(s.Mark), label: strings.TrimSpace(s.Label),
		at: p.at(center), area: a, room: rect{low.x, high.y, high.x, low.y},
	}
}

// around is the box of a text of the size with its middle at x and its base
// line at y.
func around(text string, size, x, y int) rect {
	half := utf8.RuneCountInString(text) * size * perGlyph / 200
	return rect{x - half, y - size*8/10, x + half, y + size*2/10}
}

// writeTexts writes every mark, and the labels that fit in their area without
// lying over another text; the largest areas choose first. All stand behind the
// areas, so that no neighbour is drawn over them, and are hidden from screen
// readers, which have the titles.
func (d *drawing) writeTexts(b *bytes.Buffer) {
	slices.SortStableFunc(d.texts, func(s, t texts) int { return cmp.Compare(t.room.size(), s.room.size()) })
	var taken []rect
	var out bytes.Buffer
	for _, t := range d.texts {
		if t.mark != "" {
			y := t.at.y + markSize*3/10
			taken = append(taken, around(t.mark, markSize, t.at.x, y))
			writeText(&out, "mark", t.class, t.mark, t.at.x, y)
		}
	}
	for _, t := range d.texts {
		y := t.at.y + labelSize*3/10
		if t.mark != "" {
			y = t.at.y + markSize*5/10 + labelSize*8/10 + 1 // right under the mark
		}
		box := around(t.label, labelSize, t.at.x, y)
		if t.label == "" || !t.room.holds(box) || slices.ContainsFunc(taken, box.overlaps) || !d.proj.ends(t.area, box) {
			continue
		}
		taken = append(taken, box)
		writeText(&out, "label", t.class, t.label, t.at.x, y)
	}
	if out.Len() == 0 {
		return
	}
	b.WriteString(`<g aria-hidden="true" pointer-events="none" text-anchor="middle" font-family="sans-serif">` + "\n")
	b.Write(out.Bytes())
	b.WriteString("</g>\n")
}

// ends reports whether both ends of the text lie inside the area.
func (p projection) ends(a geo.Area, box rect) bool {
	index := geo.NewIndex([]geo.Area{a})
	y := (box.top + box.bottom) / 2
	for _, x := range []int{box.left, box.right} {
		q := p.back(point{x, y})
		if _, ok := index.Locate(q[0], q[1]); !ok {
			return false
		}
	}
	return true
}

func (r rect) holds(s rect) bool {
	return r.left <= s.left && s.right <= r.right && r.top <= s.top && s.bottom <= r.bottom
}

func writeText(b *bytes.Buffer, kind, class, text string, x, y int) {
	size := labelSize
	if kind == "mark" {
		size = markSize
	}
	fmt.Fprintf(b, `<text class="%s" font-size="%d" x="`, escape(strings.TrimSpace(kind+" "+class)), size/10)
	tenths(b, x, true)
	b.WriteString(`" y="`)
	tenths(b, y, true)
	fmt.Fprintf(b, `">%s</text>`+"\n", escape(text))
}
