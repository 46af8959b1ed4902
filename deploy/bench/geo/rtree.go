package main

import (
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/planar"
	"github.com/tidwall/rtree"
)

// rtree measures what Go programs do without an index like ours: an R-tree of
// the bounds, and orb's test of the polygons that it finds.
func (b *bench) rtree() error {
	var tree rtree.RTreeGN[float64, int]
	begin := cpuTime()
	for i, a := range b.areas {
		bound := a.Geometry.Bound()
		tree.Insert(bound.Min, bound.Max, i)
	}
	b.printf("tidwall/rtree + orb      build %.3f s\n", (cpuTime() - begin).Seconds())
	for i := range b.sets {
		s := &b.sets[i]
		var found answer
		begin := cpuTime()
		for _, p := range s.points {
			first := len(b.areas)
			tree.Search(p, p, func(_, _ [2]float64, area int) bool {
				if area < first && planar.MultiPolygonContains(b.areas[area].Geometry, orb.Point(p)) {
					first = area
				}
				return true
			})
			if first < len(b.areas) {
				found.inside++
				found.sum += uint64(first + 1)
			}
		}
		if err := b.peer("tidwall/rtree + orb", s, nanoseconds(cpuTime()-begin, len(s.points)), found); err != nil {
			return err
		}
	}
	return nil
}

func nanoseconds(d time.Duration, points int) float64 { return float64(d) / float64(points) }
