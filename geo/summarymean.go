package geo

import (
	"errors"
	"math"
	"slices"
)

// minMean is the least number of points for a mean, and fewPoints the largest
// number that is marked as few. Both are our own proposal.
const (
	minMean   = 3
	fewPoints = 4
)

// Estimate is what the values of points say about the place that they were
// chosen from.
type Estimate struct {
	// N is the number of points. Without points nothing else is given.
	N int
	// Mean, SD (the standard deviation of the sample, with n-1), Median and Max
	// describe the points themselves. SD is 0 for a single point.
	Mean, SD, Median, Max float64
	// Spatial is the standard uncertainty of the mean that comes from the places
	// that were not measured, Common what all points share.
	Spatial, Common float64
	// Low and High bound the mean with 95 % confidence; valid when HasInterval,
	// which takes 3 points (in strata: 2 in each). Few marks 3 or 4 points.
	HasInterval bool
	Few         bool
	Low, High   float64
}

// EstimateOf estimates the mean over the places of an area from the values of
// the points in it, as if they had been drawn from those at random.
//
// Its 95 % interval is the mean plus and minus
//
//	sqrt( (t(n-1) · Spatial)² + (2 · common)² ),  Spatial² = s²/n · (1 - n/places)
//
// with Student's t for what was estimated from the n points themselves, and the
// factor 2 of every expanded uncertainty for common, the standard uncertainty
// that all points share (calibration, time): t would have made that larger the
// fewer points there are, and 1/n smaller the more there are, and it is neither.
// Each point's own error is in s already. places is the number of places in the
// area that could have been measured; 0 when it is not known or large, so that
// the term of a finite population is left out.
func EstimateOf(values []float64, common float64, places int) Estimate {
	e := sampleOf(values)
	if e.N == 0 {
		return e
	}
	e.Common = common
	e.Spatial = math.Sqrt(spread(e.SD, e.N, places))
	e.enclose(e.N >= minMean, float64(e.N-1))
	return e
}

// Stratum is a kind of place (roadside, background) with the values of the
// points of that kind.
type Stratum struct {
	// Weight is the share of the area's addresses or street length that is of
	// this kind; only the proportions between strata count.
	Weight float64
	Values []float64
	// Places is as in EstimateOf.
	Places int
}

// ErrStrata is wrapped by the errors of Stratified.
var ErrStrata = errors.New("strata")

// Stratified estimates the mean over the places of an area whose points were
// not chosen at random, but whose kinds of place are known: the mean of each
// stratum counts by its weight, xbar = Σ W·xbar_h with
// Spatial² = Σ W²·s_h²/n_h·(1 - n_h/places_h). Without strata the mean is one of
// the places that volunteers chose. The degrees of freedom are those of Welch
// and Satterthwaite. Mean differs from the plain mean of the values; SD, Median
// and Max describe all values together.
func Stratified(strata []Stratum, common float64) (Estimate, error) {
	var all []float64
	weights := 0.0
	for _, s := range strata {
		if !(s.Weight >= 0) || math.IsInf(s.Weight, 1) || s.Weight > 0 && len(s.Values) == 0 {
			return Estimate{}, errors.Join(ErrStrata, errors.New("a weight must be a number from 0 on, and a stratum with a weight needs a point"))
		}
		weights += s.Weight
		all = append(all, s.Values...)
	}
	if !(weights > 0) {
		return Estimate{}, errors.Join(ErrStrata, errors.New("at least one weight must be above 0"))
	}
	e := sampleOf(all)
	e.Mean, e.Common = 0, common
	variance, fourth, enough := 0.0, 0.0, e.N >= minMean
	for _, s := range strata {
		if s.Weight == 0 {
			continue
		}
		w, d := s.Weight/weights, sampleOf(s.Values)
		v := w * w * spread(d.SD, d.N, s.Places)
		e.Mean += w * d.Mean
		variance += v
		if d.N < 2 {
			enough = false
			continue
		}
		fourth += v * v / float64(d.N-1)
	}
	e.Spatial = math.Sqrt(variance)
	df := float64(e.N - 1)
	if fourth > 0 {
		df = variance * variance / fourth
	}
	e.enclose(enough, df)
	return e, nil
}

// sampleOf fills what describes the values themselves.
func sampleOf(values []float64) Estimate {
	e := Estimate{N: len(values)}
	if e.N == 0 {
		return e
	}
	sorted := slices.Sorted(slices.Values(values))
	sum := 0.0
	for _, x := range sorted {
		sum += x
	}
	e.Mean, e.Max = sum/float64(e.N), sorted[e.N-1]
	e.Median = (sorted[(e.N-1)/2] + sorted[e.N/2]) / 2
	if e.N > 1 {
		squares := 0.0
		for _, x := range sorted {
			squares += float64((x - e.Mean) * (x - e.Mean))
		}
		e.SD = math.Sqrt(squares / float64(e.N-1))
	}
	return e
}

// spread is the variance of a mean of n out of `places` places.
func spread(sd float64, n, places int) float64 {
	v := sd * sd / float64(n)
	if places > 0 {
		v *= math.Max(0, 1-float64(n)/float64(places))
	}
	return v
}

func (e *Estimate) enclose(enough bool, df float64) {
	e.Few = e.N >= minMean && e.N <= fewPoints
	if !enough {
		return
	}
	half := math.Hypot(student95(df)*e.Spatial, 2*e.Common)
	e.HasInterval, e.Low, e.High = true, e.Mean-half, e.Mean+half
}

// normal95 is the two-sided 95 % point of the standard normal distribution.
const normal95 = 1.959963984540054

// Wilson returns the 95 % interval of Wilson (1927) for a share of which above
// out of n were seen. It stays within 0 and 1, also at none and all; without
// points it is all of that.
func Wilson(above, n int) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	const z2 = normal95 * normal95
	size, p := float64(n), float64(above)/float64(n)
	centre := p + z2/(2*size)
	half := normal95 * math.Sqrt(p*(1-p)/size+z2/(4*size*size))
	return math.Max(0, (centre-half)/(1+z2/size)), math.Min(1, (centre+half)/(1+z2/size))
}

// student95 is the two-sided 95 % point of Student's t with df degrees of
// freedom, of which a part counts for nothing.
func student95(df float64) float64 {
	switch {
	case !(df >= 1):
		return math.Inf(1)
	case df > 200:
		// Abramowitz and Stegun 26.7.5; the next term is below 1e-9.
		const z, z2 = normal95, normal95 * normal95
		return z + z*(z2+1)/(4*df) + z*((5*z2+16)*z2+3)/(96*df*df) + z*(((3*z2+19)*z2+17)*z2-15)/(384*df*df*df)
	}
	n := int(df)
	low, high := 1.9, 13.0
	for range 60 {
		if mid := (low + high) / 2; within(mid, n) < 0.95 {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// within is the probability that |T| <= t for Student's T with a whole number
// of degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4).
func within(t float64, df int) float64 {
	theta := math.Atan2(t, math.Sqrt(float64(df)))
	sin, cos := math.Sincos(theta)
	if df%2 == 0 {
		sum, term := 1.0, 1.0
		for i := 2; i < df; i += 2 {
			term *= cos * cos * float64(i-1) / float64(i)
			sum += term
		}
		return sin * sum
	}
	sum, term := 0.0, cos
	for i := 1; i < df; i += 2 {
		if i > 1 {
			term *= cos * cos * float64(i-1) / float64(i)
		}
		sum += term
	}
	return 2 / math.Pi * (theta + sin*sum)
}
