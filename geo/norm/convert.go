package norm

import (
	"fmt"

	"buurtmeter/ingest/reading"
)

// PpbScale returns the scale of values of a gas in 1/stepsPerPpb ppb (10 for
// tenths), in the property's own unit at the conditions: 19125/100000 for tenths
// of NO2 at 20 °C. The unit of CO is mg/m³. A value in ppm is 1000 ppb, so that
// stepsPerPpb of whole ppm would be 1/1000: PpmScale.
func PpbScale(p reading.Property, at reading.Conditions, stepsPerPpb int64) (Scale, error) {
	return gasScale(p, at, 1, stepsPerPpb)
}

// PpmScale is PpbScale for values in 1/stepsPerPpm ppm.
func PpmScale(p reading.Property, at reading.Conditions, stepsPerPpm int64) (Scale, error) {
	return gasScale(p, at, 1000, stepsPerPpm)
}

func gasScale(p reading.Property, at reading.Conditions, ppb, steps int64) (Scale, error) {
	f, ok := reading.PerPpbOf(p, at)
	if !ok {
		return Scale{}, fmt.Errorf("no conversion from ppb is known for %q at %q", p, at)
	}
	den := int64(reading.PpbParts)
	if p == reading.CO {
		den *= 1000 // mg/m³
	}
	if steps <= 0 || steps > maxScalePart/den {
		return Scale{}, fmt.Errorf("%d steps to a ppb or ppm: use 1 to %d", steps, maxScalePart/den)
	}
	return NewScale(f.Num*ppb, den*steps)
}
