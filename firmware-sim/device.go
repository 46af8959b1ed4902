package firmwaresim

import (
	"fmt"
	"math"
	"time"
)

// Site is the kind of place where a device hangs.
type Site string

// The kinds of place.
const (
	Background Site = "background"
	Street     Site = "street"
	BusyRoad   Site = "busy-road"
)

// traffic is how much of the course of a day comes from the cars in front of
// the door.
func (s Site) traffic() float64 {
	switch s {
	case BusyRoad:
		return 1.6
	case Street:
		return 1
	default:
		return 0.5
	}
}

// The names of measured values on the wire.
const (
	NO2         = "no2"
	PM25        = "pm25"
	PM10        = "pm10"
	Temperature = "temperature"
	Humidity    = "humidity"
)

// missingCode is what some sensors send for "no value".
const missingCode = -999

// Device is one simulated device. ID and Token are its login; they and Kind may
// be set by the caller, and nothing that it measures depends on them.
type Device struct {
	ID, Token string
	// Kind is the form in which it sends.
	Kind Kind
	// Site is where it hangs.
	Site Site
	// Level is the true yearly mean of NO2 at its place, µg/m³. The device's
	// own errors come on top.
	Level float64

	seed   uint64 // of this device
	region uint64 // of the fleet: the weather is everybody's
	norm   float64
	traits traits
}

// traits are what differs between two devices of one type.
type traits struct {
	driftSize, driftPhase float64 // µg/m³; fraction of its period
	crossT                float64 // µg/m³ NO2 per °C away from 15 °C
	noise                 float64 // µg/m³
	dust                  float64 // factor on particulate matter
	warm                  float64 // °C too warm, from its own heat
	codes                 bool    // sends -999 now and then
	sticks                bool    // its NO2 sensor hangs now and then
}

// Fleet returns n devices of one town. Their yearly NO2 levels are spread evenly
// over the kinds of place, from about 8 to about 60 µg/m³, whatever n is. The
// same seed and n give the same fleet. Ids are sim-0001 and up, tokens are
// empty.
func Fleet(seed uint64, n int) []Device {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := int(unit(seed, streamShuffle, int64(i)) * float64(i+1))
		order[i], order[j] = order[j], order[i]
	}
	fleet := make([]Device, n)
	for i := range fleet {
		place := (float64(order[i]) + between(unit(seed, streamLevel, int64(i)), 0.3, 0.7)) / float64(n)
		fleet[i] = newDevice(seed, i, place)
	}
	return fleet
}

// newDevice makes device i. place in [0, 1) goes from the cleanest spot of the
// town to the dirtiest.
func newDevice(region uint64, i int, place float64) Device {
	d := Device{ID: fmt.Sprintf("sim-%04d", i+1), seed: mix(region ^ mix(uint64(i)+1)), region: region}
	switch {
	case place < 0.45:
		d.Site, d.Level = Background, between(place/0.45, 8, 19)
	case place < 0.8:
		d.Site, d.Level = Street, between((place-0.45)/0.35, 17, 34)
	default:
		d.Site, d.Level = BusyRoad, between((place-0.8)/0.2, 32, 60)
	}
	trait := func(n int64) float64 { return unit(d.seed, streamTrait, n) }
	d.traits = traits{
		driftSize:  between(trait(0), 0, 2.5),
		driftPhase: trait(1),
		crossT:     between(trait(2), -0.15, 0.25),
		noise:      between(trait(3), 0.6, 2),
		dust:       between(trait(4), 0.75, 1.3),
		warm:       between(trait(5), 0, 2.5),
		codes:      trait(6) < 0.3,
		sticks:     trait(7) < 0.06,
	}
	d.norm = 1
	sum := 0.0
	monday := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for h := range 7 * 24 {
		sum += d.traffic(monday.Add(time.Duration(h) * time.Hour))
	}
	d.norm = sum / (7 * 24)
	return d
}

// Reading returns what the device measures at t, rounded as devices do; ok is
// false when it has no power or skips the measurement. Faulty values are among
// them: that is what a device sends.
func (d Device) Reading(t time.Time) (values map[string]float64, ok bool) {
	t = t.UTC()
	if d.unpowered(t) || unit(d.seed, streamMissed, t.Unix()) < 0.004 {
		return nil, false
	}
	return d.measure(t), true
}

// measure is Reading of a device that always has power.
func (d Device) measure(t time.Time) map[string]float64 {
	temperature := d.temperature(t)
	humidity := d.humidity(t, temperature)
	no2 := d.no2(t, temperature)
	if begin, _, on := stuckSpell().at(d.seed, t); on && d.traits.sticks {
		no2 = d.no2(begin, d.temperature(begin))
	}
	pm25, pm10 := d.dust(t, humidity)
	values := map[string]float64{
		NO2:         tenth(no2),
		PM25:        tenth(pm25),
		PM10:        max(tenth(pm10), tenth(pm25)),
		Temperature: tenth(temperature + d.traits.warm),
		Humidity:    tenth(humidity),
	}
	if d.traits.codes {
		switch u := unit(d.seed, streamCode, t.Unix()); {
		case u < 0.001:
			values[NO2] = missingCode
		case u < 0.0015:
			values[PM25], values[PM10] = missingCode, missingCode
		}
	}
	return values
}

func tenth(v float64) float64 { return math.Round(v*10) / 10 }

// traffic is the course of NO2 over the day and the week at this kind of place:
// two peaks on working days, a late and low one at weekends.
func (d Device) traffic(t time.Time) float64 {
	wall := local(t)
	hour := hourOfDay(wall)
	share := d.Site.traffic()
	morning, evening, floor := 1.0, 0.9, 0.75
	switch wall.Weekday() {
	case time.Saturday:
		morning, evening, floor = 0.35, 0.6, 0.7
	case time.Sunday:
		morning, evening, floor = 0.15, 0.55, 0.65
	default: // a working day
	}
	quiet := 0.35 * hump(hour, 3.5, 2.5)
	return (floor + share*(morning*hump(hour, 8, 1.4)+evening*hump(hour, 17.7, 2)) - quiet) / d.norm
}

// calm is the factor of the weather on everything emitted near the ground: high
// in still air, low in wind. Its mean is about 1.
func (d Device) calm(t time.Time) float64 {
	return math.Exp(0.45*wave(d.region, streamWeather, t, 70*time.Hour)+0.25*wave(d.region, streamGust, t, 9*time.Hour)) / 1.035
}

func (d Device) no2(t time.Time, temperature float64) float64 {
	const driftPeriod = 840 * 24 * time.Hour
	phase := float64(t.Unix())/driftPeriod.Seconds() + d.traits.driftPhase
	drift := d.traits.driftSize * math.Sin(2*math.Pi*phase)
	truth := d.Level * (1 + 0.22*winter(t)) * d.traffic(t) * d.calm(t)
	return truth + drift + d.traits.crossT*(temperature-15) + d.traits.noise*bell(d.seed, streamNoise, t)
}

// dust returns PM2.5 and PM10: a regional background with episodes of days,
// stoves on winter evenings, fireworks at new year, and optical sensors that
// read too high in damp air.
func (d Device) dust(t time.Time, humidity float64) (pm25, pm10 float64) {
	wall := local(t)
	hour := hourOfDay(wall)
	episode := math.Exp(1.1*wave(d.region, streamEpisode, t, 6*24*time.Hour) + 0.35*wave(d.region, streamHaze, t, 14*time.Hour))
	fine := 6 * episode * (1 + 0.3*winter(t))
	stoves := max(0, winter(t)) * hump(hour, 21, 2.2) * (0.5 + unit(d.seed, streamStoves, int64(wall.YearDay())))
	fine += 5 * stoves * d.calm(t)
	if wall.YearDay() == 1 && hour < 4 {
		fine += 180 * math.Exp(-hour) * between(unit(d.seed, streamSpike, int64(wall.Year())), 0.3, 1.2)
	}
	road := d.Site.traffic()
	coarse := (4 + 3*road*d.traffic(t)) * math.Exp(0.5*wave(d.region, streamGust, t, 20*time.Hour))
	damp := 1.0
	if humidity > 80 {
		damp += 0.4 * (humidity - 80) / 20
	}
	noise := 1 + 0.06*bell(d.seed, streamSpike, t)
	pm25 = max(0, fine*d.traits.dust*damp*noise)
	return pm25, pm25 + coarse*d.traits.dust
}

func (d Device) temperature(t time.Time) float64 {
	day := -math.Cos(2 * math.Pi * (hourOfDay(local(t)) - 4) / 24)
	return 10.8 - 7.5*winter(t) + 3.2*day*(1-0.4*winter(t)) +
		4.5*wave(d.region, streamWarmth, t, 5*24*time.Hour) + 0.3*wave(d.seed, streamWarmth, t, 3*time.Hour)
}

func (d Device) humidity(t time.Time, temperature float64) float64 {
	season := 10.8 - 7.5*winter(t)
	h := 78 + 6*winter(t) - 2.1*(temperature-season) + 12*wave(d.region, streamCloud, t, 30*time.Hour)
	return min(100, max(20, h))
}
