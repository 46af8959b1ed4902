package firmwaresim

import (
	"math"
	"time"
)

// stream separates the random numbers of different purposes.
type stream uint64

const (
	streamLevel stream = iota + 1
	streamShuffle
	streamSite
	streamTrait
	streamWeather
	streamGust
	streamEpisode
	streamHaze
	streamWarmth
	streamCloud
	streamStoves
	streamNoise
	streamSpike
	streamPower
	streamNetwork
	streamClock
	streamReboot
	streamMissed
	streamCode
	streamTwice
	streamStuck
	streamKind
)

// mix is the finalizer of splitmix64: a well-mixed permutation of 64 bits.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

// unit returns the n-th number of a stream, in [0, 1).
func unit(seed uint64, s stream, n int64) float64 {
	return float64(mix(mix(seed+uint64(s)*0x2545f4914f6cdd1d)+uint64(n))>>11) / (1 << 53)
}

// between maps a number of [0, 1) to [lo, hi).
func between(u, lo, hi float64) float64 { return lo + u*(hi-lo) }

// wave is smooth noise in [-1, 1] that changes over the period.
func wave(seed uint64, s stream, t time.Time, period time.Duration) float64 {
	x := float64(t.UnixMilli()) / float64(period.Milliseconds())
	i := math.Floor(x)
	f := x - i
	f = f * f * (3 - 2*f)
	a, b := unit(seed, s, int64(i)), unit(seed, s, int64(i)+1)
	return 2*(a+(b-a)*f) - 1
}

// bell is noise around 0 with a standard deviation of about 1, for each
// millisecond its own.
func bell(seed uint64, s stream, t time.Time) float64 {
	n := t.UnixMilli() * 4
	sum := unit(seed, s, n) + unit(seed, s, n+1) + unit(seed, s, n+2) + unit(seed, s, n+3)
	return (sum - 2) * math.Sqrt(3)
}

// spell is a fault that comes now and then and lasts a while. In each window of
// time it begins with the given chance, at most once.
type spell struct {
	stream   stream
	window   time.Duration
	chance   float64
	min, max time.Duration // max must not exceed window
}

// at tells whether the spell is on at t, and when it began and ends.
func (s spell) at(seed uint64, t time.Time) (begin, end time.Time, on bool) {
	w := s.window.Milliseconds()
	now := t.UnixMilli()
	index := now / w
	for _, i := range []int64{index, index - 1} {
		if unit(seed, s.stream, 3*i) >= s.chance {
			continue
		}
		from := i*w + int64(unit(seed, s.stream, 3*i+1)*float64(w))
		// Short ones are as common as ones ten times as long.
		ratio := float64(s.max) / float64(s.min)
		length := int64(float64(s.min.Milliseconds()) * math.Pow(ratio, unit(seed, s.stream, 3*i+2)))
		if now >= from && now < from+length {
			return time.UnixMilli(from).UTC(), time.UnixMilli(from + length).UTC(), true
		}
	}
	return time.Time{}, time.Time{}, false
}

// local returns the wall clock of the Netherlands as fields of a UTC time,
// without needing the system's time zone files: summer time runs from the last
// Sunday of March to the last Sunday of October, 01:00 UTC.
func local(t time.Time) time.Time {
	t = t.UTC()
	lastSunday := func(m time.Month) time.Time {
		end := time.Date(t.Year(), m, 31, 1, 0, 0, 0, time.UTC)
		return end.AddDate(0, 0, -int(end.Weekday()))
	}
	offset := time.Hour
	if !t.Before(lastSunday(time.March)) && t.Before(lastSunday(time.October)) {
		offset = 2 * time.Hour
	}
	return t.Add(offset)
}

func hourOfDay(wall time.Time) float64 {
	return float64(wall.Hour()) + float64(wall.Minute())/60 + float64(wall.Second())/3600
}

// winter is 1 in the middle of January and -1 in the middle of July.
func winter(t time.Time) float64 {
	return math.Cos(2 * math.Pi * (float64(t.YearDay()) - 15) / 365.25)
}

// hump is a daily peak at the hour with the given width, in hours.
func hump(hour, at, width float64) float64 {
	d := math.Abs(hour - at)
	d = min(d, 24-d)
	return math.Exp(-d * d / (2 * width * width))
}
