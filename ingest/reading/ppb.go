package reading

// PpbParts is the Den of every PerPpb: factors are kept in ten-thousandths, the
// precision in which the field prints them.
const PpbParts = 10_000

// The factors at 20 °C (At20C), in 1/PpbParts µg/m³ per ppb: M·p/(R·T) with
// R = 8.314462618 J/(mol·K) and the molar mass M in g/mol behind each. NO2 is the
// figure that the UK network and openair use.
const (
	PpbNO2     = 1_9125 // 46.0055
	PpbO3      = 1_9953 // 47.9982
	PpbNO      = 1_2474 // 30.0061
	PpbSO2     = 2_6632 // 64.064
	PpbCO      = 1_1644 // 28.0101
	PpbBenzene = 3_2472 // 78.1118
)

// ppbO3OpenAir is what the UK network and openair use for ozone, for which the
// gas law gives PpbO3.
const ppbO3OpenAir = 1_9957

// Conditions name the temperature and pressure that a concentration of a gas in
// µg/m³ refers to. They are part of the number: 25 °C instead of 20 °C makes NO2
// 1.7 % lower. The empty Conditions are At20C.
type Conditions string

// The conditions.
const (
	// At20C is 293.15 K and 101.325 kPa, the default.
	At20C Conditions = "20C"
	// At293K is 293 K and 101.3 kPa to the letter of 2008/50/EC Annex VI.
	At293K Conditions = "293K"
	// At25C is 298.15 K and 101.325 kPa, the habit of the US and of WHO.
	At25C Conditions = "25C"
	// OpenAir are the figures of the UK network and of openair, which differ
	// from At20C for ozone. Only those of NO2 and O3 are known here.
	OpenAir Conditions = "openair"
)

// AllConditions returns the named conditions, the default first. The slice is
// the caller's own.
func AllConditions() []Conditions { return []Conditions{At20C, At293K, At25C, OpenAir} }

// PerPpb says how many µg/m³ of a gas are one ppb: exactly Num/PpbParts.
type PerPpb struct {
	// Gas is the property; "no" and "benzene" are gases too, though no station
	// may report the first.
	Gas Property
	At  Conditions
	// Molar is the molar mass in g/mol that the figure follows from, 0 where the
	// figure was taken over from its users.
	Molar float64
	Num   int64
}

// PpbTable returns every factor. The slice is the caller's own.
func PpbTable() []PerPpb {
	const no, benzene = Property("no"), Property("benzene")
	return []PerPpb{
		{NO2, At20C, 46.0055, PpbNO2},
		{NO2, At293K, 46.0055, 1_9130},
		{NO2, At25C, 46.0055, 1_8804},
		{NO2, OpenAir, 0, PpbNO2},
		{O3, At20C, 47.9982, PpbO3},
		{O3, At293K, 47.9982, 1_9959},
		{O3, At25C, 47.9982, 1_9619},
		{O3, OpenAir, 0, ppbO3OpenAir},
		{no, At20C, 30.0061, PpbNO},
		{no, At293K, 30.0061, 1_2477},
		{no, At25C, 30.0061, 1_2265},
		{SO2, At20C, 64.064, PpbSO2},
		{SO2, At293K, 64.064, 2_6639},
		{SO2, At25C, 64.064, 2_6186},
		{CO, At20C, 28.0101, PpbCO},
		{CO, At293K, 28.0101, 1_1647},
		{CO, At25C, 28.0101, 1_1449},
		{benzene, At20C, 78.1118, PpbBenzene},
		{benzene, At293K, 78.1118, 3_2481},
		{benzene, At25C, 78.1118, 3_1927},
	}
}

// PerPpbOf returns the factor of the gas at the conditions; ok is false where
// none is known, as for particles, which have no ppb.
func PerPpbOf(gas Property, at Conditions) (factor PerPpb, ok bool) {
	if at == "" {
		at = At20C
	}
	for _, f := range PpbTable() {
		if f.Gas == gas && f.At == at {
			return f, true
		}
	}
	return PerPpb{}, false
}
