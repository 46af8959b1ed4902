// Package tube holds campaigns of passive NO2 samplers (Palmes tubes): lab
// sheets, duplicates, field blanks, co-located pairs and their calibration, year
// means and their uncertainty. All of it is pure; package store keeps campaigns in
// the register. A result stays as the laboratory reported it; what is calibrated
// is computed from it and stands beside it.
package tube
