package opendata

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest/calibration"
	"buurtmeter/ingest/reading"
)

// CorrectedSeries is the series of a sensor that its calibrations, or the factors
// of the network, corrected. It stands beside the raw one, which stays as it is.
type CorrectedSeries struct {
	// Property of the raw series; Series is the name of the corrected one.
	Property, Series reading.Property
	// Network tells that network factors corrected it; it has no Calibrations.
	Network bool
	// Calibrations that stand, in the order of their training.
	Calibrations []calibration.Version
}

// addStanding reads the calibrations of a corrected series; others have none. A
// damaged one is as none: then nothing is known of the uncertainty.
func (b *Builder) addStanding(ctx context.Context, k seriesKey, f *seriesFacts) error {
	raw, ok := calibration.RawOf(string(k.property))
	if _, f.network = calibration.NetworkOf(string(k.property)); f.network || !ok {
		return nil
	}
	all, err := b.reg.Calibrations(ctx, k.station)
	if errors.Is(err, calibration.ErrChanged) || errors.Is(err, calibration.ErrVersion) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("calibrations of %s: %w", k.station, err)
	}
	var versions []calibration.Version
	for _, c := range all {
		if c.Withdrawn.IsZero() {
			versions = append(versions, c.Version)
		}
	}
	f.standing = calibration.NewStanding(versions, raw, nil).Versions()
	return nil
}

// sameCalibrations reports whether the same calibrations stand; an id holds the
// content of its version.
func sameCalibrations(a, b []calibration.Version) bool {
	return slices.EqualFunc(a, b, func(x, y calibration.Version) bool { return x.ID == y.ID })
}

// normsOf returns the norms by which a series is judged: a corrected one by those
// of its property.
func normsOf(p reading.Property) []norm.Norm {
	if raw, ok := calibration.RawOf(string(p)); ok {
		p = raw
	}
	return norm.Of(p)
}

// method returns how the series is judged in the year. A corrected one has the
// uncertainty that its calibration showed in months that it was not made from; of
// several in one year the largest. When one of them was never tested so, the
// series keeps the uncertainty of a sensor: a fit says little of other months.
//
// One that network factors corrected keeps the uncertainty of a sensor as well: no
// other is published, and the error of the factors at official stations
// (Graph.NetworkErrors) is one of several sensors together, not of this one.
func (f *seriesFacts) method(k seriesKey, n norm.Norm, year int) norm.Method {
	if f.network {
		m := norm.MethodFor(reading.KindSensorNetwork)
		m.Calibration = NetworkMethod()
		return m
	}
	if _, ok := calibration.RawOf(string(k.property)); !ok {
		return norm.MethodFor(f.kind)
	}
	m, worst, tested := norm.MethodFor(reading.KindSensorCalibrated), 0.0, true
	var ids []string
	for _, v := range f.standing {
		if reading.HourOf(v.From) >= norm.YearStart(year+1) || !v.Until.IsZero() && reading.HourOf(v.Until) <= norm.YearStart(year) {
			continue
		}
		ids = append(ids, v.ID)
		shown := norm.Shown{Random: v.Tested.Random, Intercept: v.Tested.Intercept, Slope: v.Tested.Slope}
		u, ok := shown.ExpandedAt(n.Value)
		tested = tested && ok
		if ok && u >= worst {
			worst, m.Shown = u, shown
		}
	}
	if !tested || len(ids) == 0 {
		m = norm.MethodFor(reading.KindSensor)
	}
	m.Calibration = strings.Join(ids, "+")
	return m
}

// NetworkMethod names the network factors and the version of their rules, as a
// verdict names a calibration.
func NetworkMethod() string { return "network-" + strconv.Itoa(calibration.NetworkVersion) }

// corrected tells the graph of the corrected series of a station's property and
// returns them, the one that counts first: what was shown of this very sensor goes
// before what holds for its type.
func (b *Builder) corrected(g *Graph, s *Station, p reading.Property) (all []*seriesFacts) {
	for _, series := range []reading.Property{reading.Property(calibration.CorrectedSeries(p)), calibration.NetworkSeries(p)} {
		f := b.series[seriesKey{s.ID, series}]
		if f == nil || !f.any {
			continue
		}
		s.Corrected = append(s.Corrected, CorrectedSeries{Property: p, Series: series, Network: f.network, Calibrations: f.standing})
		g.YearStats = append(g.YearStats, f.years...)
		all = append(all, f)
	}
	return all
}

// pointOf is the part of a station in the verdict of its areas. A station counts
// once: the first of its corrected series that has a value for the year stands in,
// and the raw one only where there is none.
func pointOf(s *Station, corrected []*seriesFacts, k VerdictKey, v norm.Verdict) geo.StationVerdict {
	point := geo.StationVerdict{Station: s.ID, Kind: s.Kind, Siting: s.Siting, Simulated: s.Simulated, Verdict: v}
	for _, f := range corrected {
		c, ok := f.verdicts[k]
		if !ok || !c.HasValue {
			continue
		}
		point.Kind, point.Verdict = reading.KindSensorCalibrated, c
		if f.network {
			point.Kind = reading.KindSensorNetwork
		}
		break
	}
	return point
}
