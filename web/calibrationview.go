package web

import (
	"strings"

	"buurtmeter/geo"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/opendata"
)

// calibrationRow is one calibration in sentences.
type calibrationRow struct {
	Text  string
	Lines []string
}

// calibrations tells of all calibrations by which series of the station are
// corrected.
func (r request) calibrations(st opendata.Station) (rows []calibrationRow) {
	for _, c := range st.Corrected {
		for _, v := range c.Calibrations {
			row := calibrationRow{Text: r.T("calibration.version", "property", r.symbol(c.Property), "reference", r.stationTitle(v.Reference), "id", v.ID,
				"n", r.Count(int64(v.Model.N)), "period", r.span(v.TrainedFrom, v.TrainedUntil))}
			if v.Tested.Months == 0 {
				row.Lines = append(row.Lines, r.T("calibration.untested"))
			} else {
				row.Lines = append(row.Lines, r.T("calibration.tested", "months", v.Tested.Months, "rmse", r.Num(v.Tested.RMSE, 1)+nbsp+unit(c.Property)))
			}
			u20, ok20 := v.Tested.Uncertainty["20"]
			u40, ok40 := v.Tested.Uncertainty["40"]
			if ok20 && ok40 {
				row.Lines = append(row.Lines, r.T("calibration.uncertainty", "u20", r.Share(u20), "u40", r.Share(u40), "unit", unit(c.Property)))
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// networked tells of the series of the station that network factors corrected.
func (r request) networked(st opendata.Station) (rows []string) {
	for _, c := range st.Corrected {
		if c.Network {
			rows = append(rows, r.T("network.series", "property", r.symbol(c.Property), "series", c.Series))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	for _, p := range st.Particle {
		rows = append(rows, r.T("network.sensor", "sensor", r.sensorType(string(p.Sensor)), "from", r.Moment(p.From)))
	}
	return rows
}

func (w words) sensorType(name string) string {
	if name == "" || name == register.NoSensorType {
		return w.T("network.unknown")
	}
	return name
}

// particleWords reads "type from moment".
func (w words) particleWords(detail string) (said string, ok bool) {
	name, from := cutMoment(detail, " from ")
	if from.IsZero() {
		return "", false
	}
	return w.T("network.sensor", "sensor", w.sensorType(name), "from", w.Moment(from)), true
}

// networkErrors says how far the network factors are off.
func (r request) networkErrors() (rows []string) {
	for _, s := range r.g.NetworkSummaries() {
		value := func(v float64) string { return r.Num(v, 1) + nbsp + unit(s.Property) }
		row := r.T("method.network.row", "property", r.symbol(s.Property), "sensor", s.Sensor, "stations", s.Stations, "hours", r.Count(int64(s.Hours)),
			"from", s.From, "to", s.To, "reference", value(s.Reference), "raw", value(s.RawRMSE), "rawbias", value(s.RawBias), "rmse", value(s.RMSE), "bias", value(s.Bias))
		if s.Simulated {
			row = r.T("simulated.all", "what", row)
		}
		rows = append(rows, row)
	}
	return rows
}

// seriesName names a series of the station that is one of the property: the raw
// one or the corrected one, told apart where both are there.
func (w words) seriesName(st opendata.Station, p, series reading.Property) (name string, ok bool) {
	for _, c := range st.Corrected {
		switch {
		case c.Property == p && series == c.Series && c.Network:
			return w.T("network.name", "property", w.symbol(p)), true
		case c.Property == p && series == c.Series:
			return w.T("calibration.calibrated", "property", w.symbol(p)), true
		case c.Property == p && series == p:
			return w.T("calibration.raw", "property", w.symbol(p)), true
		default: // of another property, or another of this one
		}
	}
	if series != p {
		return "", false
	}
	return w.symbol(p), true
}

// pointKind names the kind of a point of a verdict, with the calibration where a
// corrected series stands in for the raw one.
func (r request) pointKind(pt geo.StationVerdict) string {
	kind := r.kind(pt.Kind, pt.Simulated)
	if pt.Method.Calibration == "" {
		return kind
	}
	return r.T("calibration.kind", "kind", kind, "id", pt.Method.Calibration)
}

// calibrationWords reads "id of property" and "id of property beside reference".
func (w words) calibrationWords(detail string) (said string, ok bool) {
	f := strings.Fields(detail)
	switch {
	case len(f) == 5 && f[1] == "of" && f[3] == "beside":
		return w.T("calibration.detail.beside", "id", f[0], "property", w.named("symbol.", f[2]), "reference", f[4]), true
	case len(f) == 3 && f[1] == "of":
		return w.T("calibration.detail", "id", f[0], "property", w.named("symbol.", f[2])), true
	default:
		return "", false
	}
}
