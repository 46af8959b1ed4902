package ingest

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"buurtmeter/ingest/reading"
)

// errors brings the errors of the month up to date, one for each type of sensor of
// which at least two official stations have a group.
func (j *networkMonth) errors(ctx context.Context) error {
	byType := map[errorKey][]groupKey{}
	for _, k := range slices.SortedFunc(maps.Keys(j.groups), func(a, b groupKey) int {
		return cmp.Or(cmp.Compare(a.sensor, b.sensor), cmp.Compare(a.official, b.official))
	}) {
		simulated := j.p.stations[j.p.officials[k.official]].Simulated
		key := errorKey{j.property, k.sensor, simulated, j.month}
		byType[key] = append(byType[key], k)
	}
	var put []NetworkError
	for key, groups := range byType {
		if len(groups) < 2 {
			continue
		}
		f := newFingerprint()
		for _, k := range groups {
			f.word(string(j.p.stations[j.p.officials[k.official]].ID))
			f.numbers(j.groups[k].inputs)
			for _, r := range j.p.reach(j.p.officials[k.official]) {
				if g := j.groups[groupKey{r.Index, k.sensor}]; g != nil {
					f.numbers(int64(r.Within), g.inputs)
				}
			}
		}
		inputs := f.sum()
		was, stored := j.p.errors[key]
		delete(j.p.errors, key)
		if stored && was.Inputs == inputs {
			continue
		}
		figures, err := j.leaveOut(ctx, groups)
		if err != nil {
			return err
		}
		put = append(put, NetworkError{
			Property: key.property, Sensor: key.sensor, Simulated: key.simulated, Month: key.month, NetworkFigures: figures, Inputs: inputs,
		})
	}
	return j.p.o.Store.PutNetworkErrors(ctx, put, nil)
}

// leaveOut predicts the hours of each official station from its own sensors and
// the factors of the others. The sensors are taken together: what is left when the
// outliers are left out, which is the reference divided by its own factor.
func (j *networkMonth) leaveOut(ctx context.Context, groups []groupKey) (NetworkFigures, error) {
	var out NetworkFigures
	var raw, predicted, rawSquares, squares, references float64
	for _, k := range groups {
		others, err := j.interpolate(ctx, j.p.officials[k.official], k.sensor, k.official)
		if err != nil {
			return out, err
		}
		if err := j.compute(ctx, k); err != nil {
			return out, err
		}
		g, before := j.groups[k], out.Hours
		for h, f := range g.factors {
			if math.IsNaN(f) || math.IsNaN(others[h]) {
				continue
			}
			reference := reading.Unscaled(g.reference[h])
			sensors := reference / f
			off, rawOff := float64(others[h]*sensors)-reference, sensors-reference
			raw, predicted, references = raw+rawOff, predicted+off, references+reference
			rawSquares, squares = rawSquares+float64(rawOff*rawOff), squares+float64(off*off)
			out.Hours++
		}
		if out.Hours > before {
			out.Stations++
		}
	}
	if out.Hours == 0 {
		return out, nil
	}
	n := float64(out.Hours)
	out.Reference, out.RawBias, out.Bias = round(references/n), round(raw/n), round(predicted/n)
	out.RawRMSE, out.RMSE = round(math.Sqrt(rawSquares/n)), round(math.Sqrt(squares/n))
	return out, nil
}
