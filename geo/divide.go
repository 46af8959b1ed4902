package geo

import "github.com/paulmach/orb"

// division is a cell divided in rows and columns of smaller ones. Its memory is
// used again for the next cell of the depth.
type division struct {
	cell, made gridCell
	w, h, size int // size in finest cells
	// Where the centres and the lines of the children are: the k-th at the first
	// one plus k steps.
	lon, lat         float64
	lonStep, latStep float64

	found   []ref   // in the order of the parts
	touches []touch // in the order of the parts
	cover   []cover // by child
	// stamp is the last part, from 1, that met the child, and met how many of its
	// edges did.
	stamp, met []int32
	toggles    []bool

	// The same by child.
	refs             []int32
	parts            []cellPart
	refFrom, partEnd []int32
	partFrom         []int32
}

// ref is an edge that meets a child.
type ref struct{ child, edge int32 }

// touch is a part that meets a child with n edges; holds tells whether the
// child's centre lies in it.
type touch struct {
	child, area, n int32
	holds          bool
}

// slack is how much larger than it is, in finest cells, a cell is taken, so that
// rounding leaves no point or edge out.
const slack = 1. / 64

// divide finds which edges meet which child of the cell, and which areas hold
// children that they do not meet.
func (b *builder) divide(c *gridCell, w, h, depth int) *division {
	d := &b.divisions[depth]
	size := c.size >> fineBits
	if depth == 0 {
		size = c.size
	}
	n := w * h
	*d = division{
		cell: *c, w: w, h: h, size: size,
		lon: b.west + float64(c.x)*b.lonStep, lat: b.south + float64(c.y)*b.latStep,
		lonStep: float64(size) * b.lonStep, latStep: float64(size) * b.latStep,
		found: d.found[:0], touches: d.touches[:0],
		cover: d.cover, stamp: sized(d.stamp, n), met: sized(d.met, n), toggles: d.toggles,
		refs: d.refs, parts: d.parts,
		refFrom: sized(d.refFrom, n+1), partFrom: sized(d.partFrom, n+1), partEnd: sized(d.partEnd, n),
	}
	clear(d.stamp)
	d.cover = d.cover[:0]
	for range n {
		d.cover = append(d.cover, c.cover)
	}
	for i, p := range c.parts {
		in := window{0, 0, w - 1, h - 1}
		if depth == 0 {
			in = d.window(b.bounds[i])
		}
		d.part(b, int32(i+1), p, in)
	}
	d.sort()
	return d
}

func sized(s []int32, n int) []int32 {
	if cap(s) < n {
		return make([]int32, n)
	}
	return s[:n]
}

// window is a rectangle of children, both ends included.
type window struct{ left, low, right, high int }

func (d *division) window(b orb.Bound) window {
	return window{
		index((b.Min[0]-d.lon)/d.lonStep-slack, d.w), index((b.Min[1]-d.lat)/d.latStep-slack, d.h),
		index((b.Max[0]-d.lon)/d.lonStep+slack, d.w), index((b.Max[1]-d.lat)/d.latStep+slack, d.h),
	}
}

// index rounds down, within [0, n).
func index(f float64, n int) int { return int(min(max(f, 0), float64(n-1))) }

func (d *division) centre(column, row int) orb.Point {
	return orb.Point{d.lon + (float64(column)+.5)*d.lonStep, d.lat + (float64(row)+.5)*d.latStep}
}

// part finds which children in the window the part meets, and goes over their
// centres, row by row from the west, to see which of them it holds.
func (d *division) part(b *builder, serial int32, p cellPart, in window) {
	wide := in.right - in.left + 2 // and one beyond the window
	d.toggles = append(d.toggles[:0], make([]bool, wide*(in.high-in.low+1))...)
	for _, r := range d.cell.refs[p.from:p.to] {
		e := &b.edges[r]
		d.meet(b, serial, r, e)
		d.toggle(e, in, wide)
	}
	for row := in.low; row <= in.high; row++ {
		holds := p.holds
		for column := in.left; column <= in.right; column++ {
			if d.toggles[(row-in.low)*wide+column-in.left] {
				holds = !holds
			}
			switch child := row*d.w + column; {
			case d.stamp[child] == serial:
				d.touches = append(d.touches, touch{int32(child), p.area, d.met[child], holds})
			case holds:
				d.cover[child].add(p.area, b.codes)
			}
		}
	}
}

// meet notes the children that the edge meets, or comes close to.
func (d *division) meet(b *builder, serial, r int32, e *edge) {
	const wider = 2 * slack // than a cell is taken
	lonSlack, latSlack := wider*b.lonStep, wider*b.latStep
	if e.hi[1]+latSlack < d.lat || e.lo[1]-latSlack > d.lat+float64(d.h)*d.latStep {
		return
	}
	low, high := index((e.lo[1]-latSlack-d.lat)/d.latStep, d.h), index((e.hi[1]+latSlack-d.lat)/d.latStep, d.h)
	for row := low; row <= high; row++ {
		from, to := e.lo[0], e.hi[0]
		if from > to {
			from, to = to, from
		}
		if low < high {
			from, to = e.between(d.lat+float64(row)*d.latStep-latSlack, d.lat+float64(row+1)*d.latStep+latSlack)
		}
		left, right := (from-lonSlack-d.lon)/d.lonStep, (to+lonSlack-d.lon)/d.lonStep
		if right < 0 || left >= float64(d.w) {
			continue
		}
		last := row*d.w + index(right, d.w)
		for child := row*d.w + index(left, d.w); child <= last; child++ {
			if d.stamp[child] != serial {
				d.stamp[child], d.met[child] = serial, 0
			}
			d.met[child]++
			d.found = append(d.found, ref{int32(child), r})
		}
	}
}

// between returns about which longitudes the edge has between two latitudes; it
// is not horizontal.
func (e *edge) between(south, north float64) (from, to float64) {
	from, to = e.lo[0], e.hi[0]
	if south > e.lo[1] {
		from = e.at(min(south, e.hi[1]))
	}
	if north < e.hi[1] {
		to = e.at(max(north, e.lo[1]))
	}
	return min(from, to), max(from, to)
}

// at returns about which longitude the edge has at a latitude that it spans.
func (e *edge) at(lat float64) float64 {
	return e.lo[0] + (lat-e.lo[1])/(e.hi[1]-e.lo[1])*(e.hi[0]-e.lo[0])
}

// toggle notes at which centres in the window, from the west, the edge begins to
// count, or ceases to.
func (d *division) toggle(e *edge, in window, wide int) {
	at := func(row, column int) *bool { return &d.toggles[(row-in.low)*wide+column-in.left] }
	if e.lo[0] < d.cell.west || e.hi[0] < d.cell.west {
		for row := in.low; row <= in.high; row++ {
			y := d.centre(0, row)[1]
			if (e.lo[0] < d.cell.west && y >= e.lo[1]) != (e.hi[0] < d.cell.west && y >= e.hi[1]) {
				*at(row, in.left) = !*at(row, in.left)
			}
		}
	}
	if e.lo[1] == e.hi[1] {
		return
	}
	row := max(in.low, index((e.lo[1]-d.lat)/d.latStep-1, d.h))
	for ; row <= in.high; row++ {
		y := d.centre(0, row)[1]
		if y < e.lo[1] {
			continue
		}
		if y >= e.hi[1] {
			break
		}
		// About where, and then exactly.
		column := in.left + index((e.at(y)-d.lon)/d.lonStep-float64(in.left), in.right-in.left+1)
		for column > in.left && e.crosses(d.centre(column-1, row)) {
			column--
		}
		for column <= in.right && !e.crosses(d.centre(column, row)) {
			column++
		}
		*at(row, column) = !*at(row, column)
	}
}

// sort brings what was found into the order of the children.
func (d *division) sort() {
	clear(d.refFrom)
	for _, f := range d.found {
		d.refFrom[f.child+1]++
	}
	clear(d.partFrom)
	for _, t := range d.touches {
		d.partFrom[t.child+1]++
	}
	for i := range d.w * d.h {
		d.refFrom[i+1] += d.refFrom[i]
		d.partFrom[i+1] += d.partFrom[i]
	}
	d.refs = sized(d.refs, len(d.found))
	next := d.met // no longer needed
	copy(next, d.refFrom)
	for _, f := range d.found {
		d.refs[next[f.child]] = f.edge
		next[f.child]++
	}
	if cap(d.parts) < len(d.touches) {
		d.parts = make([]cellPart, len(d.touches))
	}
	d.parts = d.parts[:len(d.touches)]
	copy(d.partEnd, d.partFrom)
	copy(next, d.refFrom)
	for _, t := range d.touches {
		from := next[t.child] - d.refFrom[t.child]
		d.parts[d.partEnd[t.child]] = cellPart{area: t.area, from: from, to: from + t.n, holds: t.holds}
		d.partEnd[t.child]++
		next[t.child] += t.n
	}
}

// child returns the i-th child, which stands until the next one is asked for.
func (d *division) child(b *builder, i int) *gridCell {
	column, row := i%d.w, i/d.w
	d.made = gridCell{
		x: d.cell.x + column*d.size, y: d.cell.y + row*d.size, size: d.size,
		parts: d.parts[d.partFrom[i]:d.partFrom[i+1]], refs: d.refs[d.refFrom[i]:d.refFrom[i+1]], cover: d.cover[i],
	}
	c := &d.made
	c.west = b.west + (float64(c.x)-slack)*b.lonStep
	centre := d.centre(column, row)
	for j := range c.parts {
		p := &c.parts[j]
		for _, r := range c.refs[p.from:p.to] {
			if c.counts(&b.edges[r], centre) {
				p.holds = !p.holds // now the bit of the edges that are elsewhere
			}
		}
	}
	return c
}

// counts tells whether the edge counts for a point of the cell: see gridCell.
func (c *gridCell) counts(e *edge, p orb.Point) bool {
	lo, hi := e.lo[0] < c.west && p[1] >= e.lo[1], e.hi[0] < c.west && p[1] >= e.hi[1]
	return e.crosses(p) != (lo != hi)
}
