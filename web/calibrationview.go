package web

import (
	"strings"

	"buurtmeter/geo"
	"buurtmeter/ingest/reading"
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

// seriesName names a series of the station that is one of the property: the raw
// one or the corrected one, told apart where both are there.
func (w words) seriesName(st opendata.Station, p, series reading.Property) (name string, ok bool) {
	for _, c := range st.Corrected {
		switch {
		case c.Property == p && series == c.Series:
			return w.T("calibration.calibrated", "property", w.symbol(p)), true
		case c.Property == p && series == p:
			return w.T("calibration.raw", "property", w.symbol(p)), true
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
