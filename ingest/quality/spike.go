package quality

import (
	"math"
	"slices"

	"buurtmeter/ingest/reading"
)

// The thresholds of Spike; see Rules.
const (
	// SpikeWindow is how many hours on each side of an hour it is compared with.
	SpikeWindow = 180
	// SpikeFactor is how many times the median absolute deviation of the window
	// an hour may lie from its median.
	SpikeFactor = 10
	// SpikeHours is the longest spike, in hours: what lasts longer is an episode.
	SpikeHours = 2
	// SpikeLeast is the least number of hours with a value in a window that can
	// tell what is usual.
	SpikeLeast = 90
	// SpikeReach is how far, in hours, a change of one hour mean can change the
	// flag of another: the hour after a spike of the greatest length is judged by
	// its own window.
	SpikeReach = SpikeWindow + SpikeHours
)

// spikeScale is the least deviation that is reckoned with, in stored integers:
// a calm sensor that rounds has a deviation of 0. It is 0 for a property to
// which the check does not apply.
func spikeScale(p reading.Property) int64 {
	switch p {
	case reading.NO2, reading.PM1, reading.PM25, reading.PM10, reading.PM25Corrected, reading.O3, reading.SO2, reading.Benzene:
		return 2 * reading.HourScale // µg/m³
	case reading.CO:
		return reading.HourScale / 10 // mg/m³
	default:
		return 0
	}
}

// HasSpike tells whether the check applies to p: to concentrations.
func HasSpike(p reading.Property) bool { return spikeScale(p) > 0 }

// Spike looks at hours [from, to) of a row of consecutive hour means of p and
// sets reading.Spike on those that are part of a spike, on no other. A spike is
// one or two hours that are odd, with an hour directly before and one directly
// after it that are measured and not odd, and from which every hour of the
// spike differs by more than SpikeFactor times the least scale. An hour is odd
// when it differs from the median of its window by more than SpikeFactor times
// the median absolute deviation there.
//
// So a rise that lasts is never flagged, however high; neither is one of which
// begin or end was not measured. The row must hold SpikeReach hours on each
// side of [from, to), as far as there are any.
func Spike(p reading.Property, values []int32, flags []reading.Flag, from, to int) {
	from, to = max(from, 0), min(to, len(values))
	for i := from; i < to; i++ {
		flags[i] &^= reading.Spike
	}
	scale := spikeScale(p)
	if scale == 0 {
		return
	}
	s := spikes{values: values, scale: scale, odd: map[int]bool{}}
	// A spike that is partly before from is found from its first hour.
	for first := max(1, from-SpikeHours+1); first < to; first++ {
		for n := 1; n <= SpikeHours && first+n < len(values); n++ {
			if !s.spike(first, n) {
				continue
			}
			for i := max(first, from); i < min(first+n, to); i++ {
				flags[i] |= reading.Spike
			}
		}
	}
}

// spikes remembers which hours of a row are odd: few are ever asked for.
type spikes struct {
	values []int32
	scale  int64
	odd    map[int]bool
	window []int32
}

// spike tells whether the n hours from first on are a spike as a whole. What is
// cheap to tell comes first: hardly any hour jumps and falls back.
func (s *spikes) spike(first, n int) bool {
	before, after := s.values[first-1], s.values[first+n]
	if before == reading.Missing || after == reading.Missing {
		return false
	}
	for _, v := range s.values[first : first+n] {
		if v == reading.Missing || !s.jumps(v, before) || !s.jumps(v, after) {
			return false
		}
	}
	for i := first; i < first+n; i++ {
		if !s.isOdd(i) {
			return false
		}
	}
	return !s.isOdd(first-1) && !s.isOdd(first+n)
}

func (s *spikes) jumps(a, b int32) bool { return distance(a, b) > SpikeFactor*s.scale }

func distance(a, b int32) int64 {
	if a < b {
		a, b = b, a
	}
	return int64(a) - int64(b)
}

// isOdd tells whether hour i, which has a value, is far from what is usual.
func (s *spikes) isOdd(i int) bool {
	odd, known := s.odd[i]
	if !known {
		odd = s.judge(i)
		s.odd[i] = odd
	}
	return odd
}

func (s *spikes) judge(i int) bool {
	s.window = s.window[:0]
	for _, v := range s.values[max(0, i-SpikeWindow):min(len(s.values), i+SpikeWindow+1)] {
		if v != reading.Missing {
			s.window = append(s.window, v)
		}
	}
	if len(s.window) < SpikeLeast {
		return false
	}
	median := middle(s.window)
	for k, v := range s.window {
		s.window[k] = int32(min(distance(v, median), math.MaxInt32))
	}
	scale := max(int64(middle(s.window)), s.scale)
	return distance(s.values[i], median) > SpikeFactor*scale
}

// middle sorts the values and returns the middle one, of an even number the
// lower of the two in the middle.
func middle(values []int32) int32 {
	slices.Sort(values)
	return values[(len(values)-1)/2]
}
