package calibration

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Blocked is what a model is worth in a block of time that it was not made in.
type Blocked struct {
	// Block is the name of the block: the month, counted by the caller.
	Block int
	// N is the number of moments, Outside how many of them lie outside of the hull
	// of the other blocks.
	N, Outside int
	// MBE and RMSE of the predictions.
	MBE, RMSE float64
}

// Validation compares predictions with the reference in blocks of time that the
// model did not see. A random split would not do: hours in a row are alike, and a
// model that only knows one season looks good in it.
type Validation struct {
	// Blocks in ascending order.
	Blocks []Blocked
	// N, MBE, RMSE and R2 of all predictions together; R2 is 1 - RSS/TSS, and
	// below 0 for predictions that are worse than the mean of the reference.
	N             int
	MBE, RMSE, R2 float64
	// Outside is the number of predictions outside of the hull.
	Outside int
	// Observed are the values of the reference behind all that, Predicted those of
	// the models that did not see them.
	Observed, Predicted []float64
	// Skipped are blocks for which the rest made no model, with the reason.
	Skipped map[int]error
}

// Validate leaves each block out in turn, fits the model to the others and
// predicts the one. block has an element for each moment. It is an error when
// fewer than two blocks are there, or none can be predicted.
func Validate(target []float64, terms []Term, block []int) (*Validation, error) {
	names, err := blocksOf(target, terms, block)
	if err != nil {
		return nil, err
	}
	return predictions(target, terms, block, names, func(test, b int) bool { return b != test })
}

// Forward trains on all blocks up to and including last and predicts the later
// ones: what happens to a sensor that is calibrated once and then left alone.
func Forward(target []float64, terms []Term, block []int, last int) (*Validation, error) {
	names, err := blocksOf(target, terms, block)
	if err != nil {
		return nil, err
	}
	later := slices.DeleteFunc(names, func(b int) bool { return b <= last })
	return predictions(target, terms, block, later, func(_, b int) bool { return b <= last })
}

func blocksOf(target []float64, terms []Term, block []int) ([]int, error) {
	if len(block) != len(target) {
		return nil, fmt.Errorf("%d moments have %d blocks", len(target), len(block))
	}
	for _, t := range terms {
		if len(t.Values) != len(target) {
			return nil, fmt.Errorf("term %s has %d values and the reference %d", t.Name, len(t.Values), len(target))
		}
	}
	names := slices.Clone(block)
	slices.Sort(names)
	if names = slices.Compact(names); len(names) < 2 {
		return nil, fmt.Errorf("%d blocks of time: at least 2 are needed, to train in one and test in another", len(names))
	}
	return names, nil
}

// predictions predicts each of the blocks from those moments that train accepts.
func predictions(target []float64, terms []Term, block, names []int, train func(test, b int) bool) (*Validation, error) {
	v := &Validation{Skipped: map[int]error{}}
	var rss, sum float64
	for _, name := range names {
		y, x := pick(target, terms, block, func(b int) bool { return train(name, b) })
		m, err := Fit(y, x)
		if err != nil {
			v.Skipped[name] = err
			continue
		}
		y, x = pick(target, terms, block, func(b int) bool { return b == name })
		b := Blocked{Block: name, N: len(y)}
		squares := 0.0
		for i := range y {
			p := at(x, i)
			c := m.Predict(p)
			v.Predicted = append(v.Predicted, c)
			d := c - y[i]
			b.MBE += d
			squares += d * d
			if m.Extrapolates(p).Any() {
				b.Outside++
			}
		}
		sum, rss = sum+b.MBE, rss+squares
		b.MBE, b.RMSE = b.MBE/float64(b.N), math.Sqrt(squares/float64(b.N))
		v.Blocks, v.N, v.Outside = append(v.Blocks, b), v.N+b.N, v.Outside+b.Outside
		v.Observed = append(v.Observed, y...)
	}
	if v.N == 0 {
		for _, name := range slices.Sorted(maps.Keys(v.Skipped)) {
			return nil, fmt.Errorf("no block of time can be predicted from the others: %w", v.Skipped[name])
		}
		return nil, errors.New("no block of time comes after the training")
	}
	v.MBE, v.RMSE, v.R2 = sum/float64(v.N), math.Sqrt(rss/float64(v.N)), math.NaN()
	if !constant(v.Observed) {
		total, centre := 0.0, mean(v.Observed)
		for _, y := range v.Observed {
			total += (y - centre) * (y - centre)
		}
		v.R2 = 1 - rss/total
	}
	return v, nil
}

func pick(target []float64, terms []Term, block []int, want func(b int) bool) (y []float64, x []Term) {
	x = make([]Term, len(terms))
	for j, t := range terms {
		x[j].Name = t.Name
	}
	for i, b := range block {
		if !want(b) {
			continue
		}
		y = append(y, target[i])
		for j, t := range terms {
			x[j].Values = append(x[j].Values, t.Values[i])
		}
	}
	return y, x
}

// Contribution says what the signals of a sensor add to a model that knows the
// weather and ozone already. Where ozone and temperature alone predict NO2 as
// well, the model is a weather report and the sensor decoration.
type Contribution struct {
	// R2With and R2Without are those of the training.
	R2With, R2Without float64
	// RMSEWith and RMSEWithout are those of the validation by blocks.
	RMSEWith, RMSEWithout float64
}

// leastGain is by how much the signals must lower the validated RMSE to matter.
// Our own choice.
const leastGain = 0.05

// Matters reports whether the sensor lowers the error in time it has not seen
// by 5 % or more.
func (c Contribution) Matters() bool { return c.RMSEWith <= (1-leastGain)*c.RMSEWithout }

// Contributes compares the model of sensor signals and other terms with that of
// the other terms alone, of which there must be at least one.
func Contributes(target []float64, signals, others []Term, block []int) (Contribution, error) {
	if len(signals) == 0 || len(others) == 0 {
		return Contribution{}, errors.New("signals of the sensor and other terms are needed, to take the one away from the other")
	}
	var c Contribution
	for _, half := range []struct {
		terms []Term
		r2, e *float64
	}{{slices.Concat(signals, others), &c.R2With, &c.RMSEWith}, {others, &c.R2Without, &c.RMSEWithout}} {
		m, err := Fit(target, half.terms)
		if err != nil {
			return Contribution{}, err
		}
		v, err := Validate(target, half.terms, block)
		if err != nil {
			return Contribution{}, err
		}
		*half.r2, *half.e = m.R2, v.RMSE
	}
	return c, nil
}
