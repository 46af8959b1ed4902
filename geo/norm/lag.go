package norm

import (
	"math"

	"buurtmeter/ingest/reading"
)

// Lag is how well one series, moved in time, goes with another.
type Lag struct {
	// By is how many hours the second series was moved: 1 takes each of its
	// values as that of the hour after.
	By int
	// R is Pearson's correlation over the N hours in which both have a value;
	// NaN when there are fewer than three or one of them does not vary.
	R float64
	N int
}

// LagScan returns how well b, moved by each number of hours from..to, goes with
// a. Where another lag than 0 fits best, the stamps of one of them are not what
// they were taken for: the end of the hour instead of its begin, or another zone.
func LagScan(a, b Hours, from, to int) []Lag {
	var lags []Lag
	for by := from; by <= to; by++ {
		lags = append(lags, correlate(a, b.Shifted(by), by))
	}
	return lags
}

// BestLag returns the lag with the highest correlation, of equal ones the
// nearest to 0; ok is false when none has one.
func BestLag(lags []Lag) (best Lag, ok bool) {
	for _, l := range lags {
		if math.IsNaN(l.R) {
			continue
		}
		if !ok || l.R > best.R || l.R == best.R && abs(l.By) < abs(best.By) {
			best, ok = l, true
		}
	}
	return best, ok
}

func abs(n int) int { return max(n, -n) }

// correlate computes Pearson's r in two passes, which loses nothing to large
// means.
func correlate(a, b Hours, by int) Lag {
	from := max(a.First, b.First)
	to := min(a.First+reading.Hour(len(a.Values)), b.First+reading.Hour(len(b.Values)))
	l := Lag{By: by, R: math.NaN()}
	var sa, sb int64
	each := func(fn func(x, y int32)) {
		for h := from; h < to; h++ {
			x, y := a.Values[h-a.First], b.Values[h-b.First]
			if x != reading.Missing && y != reading.Missing {
				fn(x, y)
			}
		}
	}
	each(func(x, y int32) {
		sa += int64(x)
		sb += int64(y)
		l.N++
	})
	if l.N < 3 {
		return l
	}
	ma, mb := float64(sa)/float64(l.N), float64(sb)/float64(l.N)
	var saa, sbb, sab float64
	each(func(x, y int32) {
		da, db := float64(x)-ma, float64(y)-mb
		saa += da * da
		sbb += db * db
		sab += da * db
	})
	if saa > 0 && sbb > 0 {
		l.R = sab / math.Sqrt(saa*sbb)
	}
	return l
}
