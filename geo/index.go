package geo

import (
	"math/bits"

	"github.com/paulmach/orb"
)

// Index finds the area that a point lies in. It is immutable and safe for
// concurrent use, and a look-up allocates nothing.
//
// It is a grid of cells over the bounds of all areas. A cell that no border
// passes through knows its area; any other has finer cells, or a record of the
// edges that pass through it, a few, with which the exact answer is found: see
// gridCell.
type Index struct {
	codes []Code

	west, south    float64 // the corner of the grid
	perLon, perLat float64 // finest cells per degree
	right, top     float64 // the finest cells of the grid, as the limits of a point's
	columns        int     // coarse cells in a row
	coarse         []uint32
	fine           []uint32 // blocks of fineSide x fineSide
	records        []uint32
	exact          []uint32 // for the points that records cannot tell
	edges          []edge
}

// What a cell holds: a kind in the two highest bits, and a number below. Without a
// kind that is 0 for outside, or 1 + the number of the area.
const (
	kindShift  = 30
	kindRecord = 2 // where the record begins
	kindFine   = 3 // the number of the block of finer cells
	cellNumber = 1<<kindShift - 1
)

// A cell is divided into fineSide x fineSide finer ones, which are divided again
// where many edges meet, maxDepth times in all.
const (
	fineBits = 3
	fineSide = 1 << fineBits
	fineMask = fineSide - 1
	maxDepth = 3
	// The sides of the coarse cells, in finest cells.
	coarseBits = fineBits * maxDepth
)

// A record is a row of words: the head of three, the numbers of the areas, and
// the edges, three words each. The head says which areas hold the reference of the
// cell and, in its highest bit, that only the exact record can tell; then the
// numbers of edges and areas; then the exact record. An edge is its two ends, cut
// off at some distance from the cell, in 1/2^15 of the cell's sides, and whose
// border it is; the two highest bits say which ends lie west of the cell.
const (
	recordHead  = 3
	recordEdge  = 3
	recordAreas = 30
	areasMask   = 1<<recordAreas - 1
	onlyExact   = 1 << 31
	numberBits  = 24
	loWestShift = recordAreas
	hiWestShift = recordAreas + 1
	// A coordinate is 16 bits, with room for a quarter of a cell on either side.
	unitBits = 15
	margin   = 1 << (unitBits - 2)
)

// The exact record of a cell has the areas that hold the reference; the number
// of edges; the number of areas and, in the highest bit, whether more areas
// follow in a next record; the areas; and for each edge its number and its areas.
const (
	exactHead = 3
	exactEdge = 2
	moreAreas = 1 << 31
)

const (
	noArea      = -1
	blockOfBulk = 64
)

// Locate returns the code of the area that holds the point (WGS84 degrees); ok
// is false outside every area and for numbers that are not finite.
//
// The answer is exact: holes and enclaves are honoured, and a point on a border
// that two areas share falls in exactly one of them, always the same. An area
// owns its western and southern edges. Where areas overlap, which boundaries of
// one vintage do not, the lowest code answers.
func (x *Index) Locate(lon, lat float64) (c Code, ok bool) {
	i := x.find(orb.Point{lon, lat})
	if i == noArea {
		return "", false
	}
	return x.codes[i], true
}

// LocateAll appends to found the code of the area of each point, "" where
// Locate would say that there is none. It is faster than as many calls of Locate,
// because it waits for the memory of many points at once; it allocates nothing
// when found has room.
func (x *Index) LocateAll(found []Code, points []orb.Point) []Code {
	var block [blockOfBulk]spot
	for len(points) > 0 {
		part := points[:min(blockOfBulk, len(points))]
		points = points[len(part):]
		for i, p := range part {
			block[i] = x.coarsely(p)
		}
		for i := range part {
			if at := &block[i]; at.value>>kindShift == kindFine {
				x.finer(at)
			}
		}
		for i, p := range part {
			if a := x.answer(&block[i], p); a != noArea {
				found = append(found, x.codes[a])
			} else {
				found = append(found, "")
			}
		}
	}
	return found
}

// Overlapped reports whether the point lies in areas of more than one code, of
// which Locate names the lowest.
func (x *Index) Overlapped(lon, lat float64) bool {
	p := orb.Point{lon, lat}
	at := x.coarsely(p)
	if at.value>>kindShift == kindFine {
		x.finer(&at)
	}
	if at.value>>kindShift != kindRecord {
		return false
	}
	_, several := x.exactly(x.exact[x.records[at.value&cellNumber+2]:], p, true)
	return several
}

// find returns the number of the area, or noArea.
func (x *Index) find(p orb.Point) int {
	at := x.coarsely(p)
	if at.value>>kindShift == kindFine {
		x.finer(&at)
	}
	return x.answer(&at, p)
}

// spot is where a point lies in the grid, in finest cells, with the value of
// the cell that it lies in, whose side is 1<<shift.
type spot struct {
	fx, fy float64
	value  uint32
	shift  uint32
}

// coarsely returns the coarse cell of the point, or a place outside.
func (x *Index) coarsely(p orb.Point) spot {
	fx, fy := (p[0]-x.west)*x.perLon, (p[1]-x.south)*x.perLat
	if !(fx >= 0 && fx < x.right && fy >= 0 && fy < x.top) { // so that NaN is outside
		return spot{}
	}
	return spot{fx, fy, x.coarse[int(fy)>>coarseBits*x.columns+int(fx)>>coarseBits], coarseBits}
}

// finer goes down to the cell that has no finer ones.
func (x *Index) finer(at *spot) {
	cx, cy := int(at.fx), int(at.fy)
	v, shift := at.value, at.shift
	for v>>kindShift == kindFine {
		shift -= fineBits
		inBlock := cy>>shift&fineMask<<fineBits | cx>>shift&fineMask
		v = x.fine[int(v&cellNumber)<<(2*fineBits)|inBlock]
	}
	at.value, at.shift = v, shift
}

func (x *Index) answer(at *spot, p orb.Point) int {
	if at.value>>kindShift != kindRecord {
		return int(at.value) - 1
	}
	record := x.records[at.value&cellNumber:]
	n, areas := int(record[1]&(1<<numberBits-1)), int(record[1]>>numberBits)
	from := recordHead + areas
	odd, sure := crossed(record[from:from+recordEdge*n], at)
	if !sure || record[0]&onlyExact != 0 {
		first, _ := x.exactly(x.exact[record[2]:], p, false)
		return first
	}
	holds := (record[0] ^ odd) & areasMask
	if holds == 0 {
		return noArea
	}
	return int(record[recordHead+bits.TrailingZeros32(holds)])
}

// crossed returns the areas whose border lies between the point and the
// reference of its cell an odd number of times (see gridCell), as far as rounded
// coordinates tell. It is not sure when the point is so close to the height of
// an end, or to an edge, that they do not.
func crossed(edges []uint32, at *spot) (odd uint32, sure bool) {
	// The point in units of the cell, rounded down; fx and fy are not negative.
	scale := float64(uint32(1) << (unitBits - at.shift))
	px := int64(at.fx*scale)&(1<<unitBits-1) + margin
	py := int64(at.fy*scale)&(1<<unitBits-1) + margin
	var unsure int64
	for ; len(edges) >= recordEdge; edges = edges[recordEdge:] {
		lo, hi, tag := edges[0], edges[1], edges[2]
		a, c := px-int64(lo&0xffff), int64(hi&0xffff)-int64(lo&0xffff)
		e, over := py-int64(lo>>16), py-int64(hi>>16)
		b := e - over
		d := a*b - c*e
		// Ends are off by half a unit and the point by one; this bounds what that
		// makes of d, with room.
		room := 2*(abs(a)+b+abs(c)+abs(e)) + 8
		// The highest bit of each is set when it is negative.
		unsure |= (abs(e) - 2) | (abs(over) - 2) | (^e & over & (abs(d) - room))
		between := uint32(^e&over) >> 31
		g := between&^uint32(d>>63) ^ ^uint32(e>>63)&(tag>>loWestShift) ^ ^uint32(over>>63)&(tag>>hiWestShift)
		odd ^= tag & -(g & 1)
	}
	return odd, unsure >= 0
}

func abs(v int64) int64 {
	s := v >> 63
	return v ^ s - s
}

// exactly returns the first area of the exact record that holds the point and,
// when all are asked for, whether one of another code does too.
func (x *Index) exactly(record []uint32, p orb.Point, all bool) (first int, several bool) {
	first = noArea
	for {
		n, areas := exactEdge*int(record[1]), int(record[2]&^moreAreas)
		from := exactHead + areas
		holds := record[0]
		for edges := record[from : from+n]; len(edges) >= exactEdge; edges = edges[exactEdge:] {
			e, tag := &x.edges[edges[0]], edges[1]
			if e.crosses(p) != (tag>>loWestShift&1 != 0 && p[1] >= e.lo[1]) != (tag>>hiWestShift&1 != 0 && p[1] >= e.hi[1]) {
				holds ^= tag & areasMask
			}
		}
		for ; holds != 0; holds &= holds - 1 {
			area := int(record[exactHead+bits.TrailingZeros32(holds)])
			switch {
			case first == noArea:
				first = area
			case x.codes[area] != x.codes[first]:
				several = true
			}
		}
		if record[2]&moreAreas == 0 || several || first != noArea && !all {
			return first, several
		}
		record = record[from+n:]
	}
}
