package firmwaresim

import (
	"math"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// powerSpell: somebody pulled the plug; nothing is measured.
func powerSpell() spell { return spell{streamPower, 3 * week, 0.25, 3 * time.Hour, 6 * day} }

// networkSpell: no connection; what is measured is sent late.
func networkSpell() spell { return spell{streamNetwork, 2 * week, 0.2, time.Hour, 4 * day} }

// clockSpell: the clock runs some hours ahead.
func clockSpell() spell { return spell{streamClock, 8 * week, 0.06, 12 * time.Hour, 6 * day} }

// rebootSpell: restarted, and without the time for a while.
func rebootSpell() spell {
	return spell{streamReboot, 4 * week, 0.3, 20 * time.Minute, 20 * time.Minute}
}

// stuckSpell: the NO2 sensor repeats one value.
func stuckSpell() spell { return spell{streamStuck, 6 * week, 0.5, 2 * day, 20 * day} }

func (d Device) unpowered(t time.Time) bool {
	_, _, on := powerSpell().at(d.seed, t)
	return on
}

// Offline reports whether the device cannot reach its broker at t. It goes on
// measuring and sends the readings when it can.
func (d Device) Offline(t time.Time) bool {
	_, _, on := networkSpell().at(d.seed, t)
	return on || d.unpowered(t)
}

// Stamp returns the time that the device believes it is at t: mostly t, hours
// ahead while its clock is wrong, and near 1970 just after a restart.
func (d Device) Stamp(t time.Time) time.Time {
	t = t.UTC()
	if begin, _, on := rebootSpell().at(d.seed, t); on {
		return time.Unix(0, 0).UTC().Add(t.Sub(begin).Truncate(time.Second))
	}
	if begin, _, on := clockSpell().at(d.seed, t); on {
		ahead := 1 + math.Floor(5*unit(d.seed, streamClock, begin.UnixMilli()))
		return t.Add(time.Duration(ahead) * time.Hour)
	}
	return t
}

// Sample is one reading as the device puts it on the wire.
type Sample struct {
	// At is the begin of the time that the values stand for, by the device's
	// own clock.
	At time.Time
	// Interval is the time that they stand for.
	Interval time.Duration
	// Values are by name: no2, pm25, pm10 (µg/m³), temperature (°C), humidity (%).
	Values map[string]float64
}

// Samples returns what the device has to send about from <= t < to, one sample
// for each step: gaps are left out, some samples are there twice, and the times
// are the device's own.
func (d Device) Samples(from, to time.Time, step time.Duration) []Sample {
	if step <= 0 || !from.Before(to) {
		return nil
	}
	samples := make([]Sample, 0, to.Sub(from)/step+1)
	for t := from; t.Before(to); t = t.Add(step) {
		values, ok := d.Reading(t)
		if !ok {
			continue
		}
		s := Sample{At: d.Stamp(t), Interval: step, Values: values}
		samples = append(samples, s)
		if unit(d.seed, streamTwice, t.Unix()) < 0.003 {
			samples = append(samples, s)
		}
	}
	return samples
}
