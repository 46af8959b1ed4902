package geo

import (
	"cmp"
	"math"
	"slices"

	"github.com/paulmach/orb"
)

// The grid is made of these. They were chosen by measuring, with all buurten of
// the Netherlands: make bench-geo. More and smaller cells mean fewer edges to look
// at, and more memory that does not stay in the caches, which costs more.
const (
	// edgesPerCoarse is the number of edges for which there is a coarse cell.
	edgesPerCoarse = 1
	// leafEdges is the largest number of edges, an edge of two areas counting
	// twice, with which a cell is not divided.
	leafEdges = 32
	// mostSide bounds the sides of the coarse grid.
	mostSide = 4096
	// farthest bounds coordinates. No map holds more, and with less than this no
	// product of them overflows.
	farthest = 1e9
)

// NewIndex prepares the areas, which should be of one level and not overlap. It
// does not keep them. Areas without geometry are never found, and neither are
// polygons with coordinates that are not finite or beyond a thousand million.
// Rings may run either way; one that is not closed is. An area is all of its
// polygons, and in a polygon a point is inside by the even-odd rule over all of
// its rings. The answers do not depend on the order of the areas or their parts.
func NewIndex(areas []Area) *Index {
	b := &builder{Index: &Index{}}
	root := b.collect(areas)
	if len(root.parts) == 0 {
		return b.Index
	}
	b.lay(&root)
	w, h := b.columns, int(b.top)>>coarseBits
	b.coarse = make([]uint32, w*h)
	b.budget = 64*len(b.edges) + 1<<16
	d := b.divide(&root, w, h, 0)
	for i := range b.coarse {
		b.coarse[i] = b.fill(d.child(b, i), 1)
	}
	b.fine, b.records, b.exact, b.edges = slices.Clip(b.fine), slices.Clip(b.records), slices.Clip(b.exact), slices.Clip(b.edges)
	return b.Index
}

type builder struct {
	*Index
	bounds           []orb.Bound // of the parts of the root
	lonStep, latStep float64     // the size of a finest cell
	budget           int         // of edges in cells that may still be made
	divisions        [maxDepth + 1]division
	parts            []cellPart // of the record that is written
	marks            []mark
}

// gridCell is a rectangle of the grid while it is built, with the edges that pass
// through it.
//
// Why few edges tell exactly whether a point lies in an area: by the half-open
// rule that holds when an odd number of the area's edges crosses the ray to the
// west. Every corner of a ring is an end of two edges. So nothing changes when
// each edge counts once more for each of its ends that lies west of the cell and
// not above the point. Counted so, an edge that does not meet the closed
// rectangle counts the same, odd or even, for all points of the cell: with both
// ends west of it 0; with none, 0, as a crossing would lie in the rectangle; with
// one, it depends only on whether the edge passes below the rectangle or above
// it. What all of those make together is kept as one bit, and look-ups count the
// edges that meet the cell. Vertices on the lines of the grid are no special
// case, and nothing is clipped or rounded: all comparisons are those of crosses.
type gridCell struct {
	x, y, size int     // in finest cells
	west       float64 // no point of the cell has a lesser longitude
	parts      []cellPart
	refs       []int32 // numbers of edges, part by part
	cover      cover
}

// cellPart is a polygon of an area in a cell; parts are in the order of areas.
type cellPart struct {
	area     int32
	from, to int32 // its edges in the cell's refs
	// holds is the bit of all edges that do not meet the cell: see gridCell.
	holds bool
}

// cover is the first area that holds all of a cell, and the first of another
// code that does; noCover where there is none.
type cover [2]int32

const noCover = math.MaxInt32

func (c *cover) add(area int32, codes []Code) {
	switch {
	case area < c[0]:
		if c[0] != noCover && codes[area] != codes[c[0]] {
			c[1] = c[0]
		}
		c[0] = area
	case area < c[1] && codes[area] != codes[c[0]]:
		c[1] = area
	}
}

// collect makes the cell of all edges.
func (b *builder) collect(areas []Area) gridCell {
	sorted := slices.Clone(areas)
	slices.SortStableFunc(sorted, func(a, b Area) int { return cmp.Compare(a.Code, b.Code) })
	n := 0
	for _, a := range sorted {
		for _, polygon := range a.Geometry {
			for _, ring := range polygon {
				n += len(ring)
			}
		}
	}
	b.edges = make([]edge, 0, n)
	root := gridCell{west: math.Inf(-1), cover: cover{noCover, noCover}}
	for _, a := range sorted {
		found := false
		for _, polygon := range a.Geometry {
			if !usable(polygon) {
				continue
			}
			from := len(b.edges)
			b.edges = edgesOf(b.edges, polygon)
			if len(b.edges) == from {
				continue
			}
			found = true
			bound := orb.Bound{Min: b.edges[from].lo, Max: b.edges[from].lo}
			for _, e := range b.edges[from:] {
				bound = bound.Extend(e.lo).Extend(e.hi)
			}
			b.bounds = append(b.bounds, bound)
			root.parts = append(root.parts, cellPart{area: int32(len(b.codes)), from: int32(from), to: int32(len(b.edges))})
		}
		if found {
			b.codes = append(b.codes, a.Code)
		}
	}
	root.refs = make([]int32, len(b.edges))
	for i := range root.refs {
		root.refs[i] = int32(i)
	}
	return root
}

func usable(polygon orb.Polygon) bool {
	for _, ring := range polygon {
		for _, p := range ring {
			if !(math.Abs(p[0]) <= farthest && math.Abs(p[1]) <= farthest) { // so that NaN is not
				return false
			}
		}
	}
	return true
}

// lay lays the grid over the edges: coarse cells about as wide as high on the
// ground, as many as the edges ask, and fewer where edges or areas are so long
// that they would stand in too many of them.
func (b *builder) lay(root *gridCell) {
	all := b.bounds[0]
	for _, bound := range b.bounds {
		all = all.Union(bound)
	}
	// A finest cell must be thousands of times as large as the rounding of a
	// coordinate.
	least := 0x1p-20 * max(1e-200, math.Abs(all.Min[0]), math.Abs(all.Min[1]), math.Abs(all.Max[0]), math.Abs(all.Max[1]))
	width, height := max(all.Max[0]-all.Min[0], least), max(all.Max[1]-all.Min[1], least)
	ratio := height / width
	if middle := (all.Max[1] + all.Min[1]) / 2; math.Abs(middle) < 89 {
		ratio /= math.Cos(middle * math.Pi / 180)
	}
	side := math.Sqrt(float64(len(b.edges)) / edgesPerCoarse)
	w, h := 0, 0
	for {
		w = int(min(max(side/math.Sqrt(ratio), 1), mostSide))
		h = int(min(max(side*math.Sqrt(ratio), 1), mostSide))
		if w*h == 1 || b.spread(width/float64(w), height/float64(h)) <= 16*len(root.refs)+1<<10 {
			break
		}
		side /= 2
	}
	// A quarter of a cell is left free around the areas.
	coarseLon, coarseLat := width/(float64(w)-.5), height/(float64(h)-.5)
	b.columns, b.right, b.top = w, float64(w<<coarseBits), float64(h<<coarseBits)
	b.west, b.south = all.Min[0]-coarseLon/4, all.Min[1]-coarseLat/4
	b.lonStep, b.latStep = coarseLon/(1<<coarseBits), coarseLat/(1<<coarseBits)
	b.perLon, b.perLat = 1/b.lonStep, 1/b.latStep
	root.size = 1 << coarseBits
}

// spread estimates in how many cells of the size all edges and parts stand.
func (b *builder) spread(lon, lat float64) (n int) {
	for _, e := range b.edges {
		n += 1 + int(math.Abs(e.hi[0]-e.lo[0])/lon) + int((e.hi[1]-e.lo[1])/lat)
	}
	for _, bound := range b.bounds {
		n += int((bound.Max[0] - bound.Min[0]) / lon * ((bound.Max[1] - bound.Min[1]) / lat))
	}
	return n
}

// fill returns what the grid holds for the cell, after the blocks and records
// that it needs.
func (b *builder) fill(c *gridCell, depth int) uint32 {
	// Where two hold the whole cell, what lies behind the first makes no difference.
	for n := len(c.parts); n > 0 && c.cover[1] != noCover && c.parts[n-1].area >= c.cover[0]; n-- {
		c.refs = c.refs[:c.parts[n-1].from]
		c.parts = c.parts[:n-1]
	}
	switch {
	case len(c.parts) == 0 && c.cover[0] == noCover:
		return 0
	case len(c.parts) == 0 && c.cover[1] == noCover:
		return uint32(c.cover[0]) + 1
	case len(c.refs) <= leafEdges || depth > maxDepth || b.budget <= 0 || len(b.fine)>>(2*fineBits) == cellNumber:
		return b.record(c)
	}
	d := b.divide(c, fineSide, fineSide, depth)
	b.budget -= len(d.refs)
	block := len(b.fine)
	b.fine = append(b.fine, make([]uint32, fineSide*fineSide)...)
	for i := range fineSide * fineSide {
		v := b.fill(d.child(b, i), depth+1)
		b.fine[block+i] = v
	}
	return kindFine<<kindShift | uint32(block>>(2*fineBits))
}

// mark is an edge of a record that is written.
type mark struct {
	*edge
	number int32
	tag    uint32
}

// record writes the records of a cell and returns its value.
func (b *builder) record(c *gridCell) uint32 {
	parts := append(b.parts[:0], c.parts...)
	for _, area := range c.cover {
		if area != noCover {
			parts = append(parts, cellPart{area: area, holds: true})
		}
	}
	slices.SortStableFunc(parts, func(a, b cellPart) int { return cmp.Compare(a.area, b.area) })
	b.parts = parts
	begin, exact, edges := len(b.records), len(b.exact), 0
	for len(parts) > 0 {
		group := parts[:min(recordAreas, len(parts))]
		parts = parts[len(group):]
		marks := b.marksOf(c, group)
		edges += len(marks)
		holds := uint32(0)
		for i, p := range group {
			if p.holds {
				holds |= 1 << i
			}
		}
		b.writeExact(group, marks, holds, len(parts) > 0)
		if len(b.parts) == len(group) {
			b.writeRecord(c, group, marks, holds, exact)
		}
	}
	if edges == 0 { // those that seemed to meet the cell cancel out
		only := cover{noCover, noCover}
		for _, p := range b.parts {
			if p.holds {
				only.add(p.area, b.codes)
			}
		}
		if only[1] == noCover {
			b.records, b.exact = b.records[:begin], b.exact[:exact]
			if only[0] == noCover {
				return 0
			}
			return uint32(only[0]) + 1
		}
	}
	if len(b.records) == begin {
		b.records = append(b.records, onlyExact, 0, uint32(exact))
	}
	return kindRecord<<kindShift | uint32(begin)
}

func (b *builder) writeExact(group []cellPart, marks []mark, holds uint32, more bool) {
	areas := uint32(len(group))
	if more {
		areas |= moreAreas
	}
	b.exact = append(b.exact, holds, uint32(len(marks)), areas)
	for _, p := range group {
		b.exact = append(b.exact, uint32(p.area))
	}
	for _, m := range marks {
		b.exact = append(b.exact, uint32(m.number), m.tag)
	}
}

func (b *builder) writeRecord(c *gridCell, group []cellPart, marks []mark, holds uint32, exact int) {
	if len(marks) >= 1<<numberBits {
		return
	}
	begin := len(b.records)
	b.records = append(b.records, holds, uint32(len(marks))|uint32(len(group))<<numberBits, uint32(exact))
	for _, p := range group {
		b.records = append(b.records, uint32(p.area))
	}
	for _, m := range marks {
		lo, hi, ok := b.near(c, *m.edge)
		if !ok {
			b.records = b.records[:begin]
			return
		}
		b.records = append(b.records, lo, hi, m.tag)
	}
}

// near returns the ends of the edge in units of the cell, cut off at the margin;
// what lies beyond makes no difference for points in the cell. ok is false when
// nothing is left.
func (b *builder) near(c *gridCell, e edge) (lo, hi uint32, ok bool) {
	unit := float64(c.size) / (1 << unitBits)
	local := func(p orb.Point) orb.Point {
		return orb.Point{
			((p[0]-b.west)*b.perLon - float64(c.x)) / unit,
			((p[1]-b.south)*b.perLat - float64(c.y)) / unit,
		}
	}
	from, to := local(e.lo), local(e.hi)
	const least, most = -margin, 1<<unitBits + margin
	begin, end := 0., 1.
	for axis := range 2 {
		first, last := from[axis], to[axis]
		switch d := last - first; {
		case d == 0:
			if first < least || first > most {
				return 0, 0, false
			}
		case d > 0:
			begin, end = max(begin, (least-first)/d), min(end, (most-first)/d)
		default:
			begin, end = max(begin, (most-first)/d), min(end, (least-first)/d)
		}
	}
	if begin > end {
		return 0, 0, false
	}
	cut := func(t float64) uint32 {
		var v [2]uint32
		for axis := range v {
			// Of the nearer end, so that an end that is not cut off stays itself.
			f := from[axis] + t*(to[axis]-from[axis])
			if t > .5 {
				f = to[axis] - (1-t)*(to[axis]-from[axis])
			}
			v[axis] = uint32(min(max(math.Round(f), least), most) + margin)
		}
		return v[0] | v[1]<<16
	}
	return cut(begin), cut(end), true
}

// marksOf gathers the edges of some parts, one that is the border of several
// areas once.
func (b *builder) marksOf(c *gridCell, group []cellPart) []mark {
	marks := b.marks[:0]
	for i, p := range group {
		for _, ref := range c.refs[p.from:p.to] {
			m := mark{&b.edges[ref], ref, 1 << i}
			lo, hi := m.lo[0] < c.west, m.hi[0] < c.west
			if lo && hi || m.lo[1] == m.hi[1] && !lo {
				continue // never counts
			}
			if lo {
				m.tag |= 1 << loWestShift
			}
			if hi {
				m.tag |= 1 << hiWestShift
			}
			marks = append(marks, m)
		}
	}
	slices.SortFunc(marks, func(a, b mark) int {
		return cmp.Or(cmp.Compare(a.lo[1], b.lo[1]), cmp.Compare(a.lo[0], b.lo[0]), cmp.Compare(a.hi[1], b.hi[1]), cmp.Compare(a.hi[0], b.hi[0]))
	})
	n := 0
	for i, m := range marks {
		if i > 0 && n > 0 && *marks[n-1].edge == *m.edge {
			marks[n-1].tag ^= m.tag & areasMask
			continue
		}
		if n > 0 && marks[n-1].tag&areasMask == 0 {
			n-- // an area that runs over the same edge twice
		}
		marks[n] = m
		n++
	}
	if n > 0 && marks[n-1].tag&areasMask == 0 {
		n--
	}
	b.marks = marks
	return marks[:n]
}
