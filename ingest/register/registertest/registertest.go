// Package registertest is the contract of the register as tests, run against
// every database that it supports, and the PostgreSQL cluster that tests of
// this and other packages use.
package registertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// Run checks the contract. open returns a new, empty register each time and
// closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T) *register.Register) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, *register.Register)
	}{
		{"stations keep what they are given", stationsRoundTrip},
		{"stations are refused when malformed", stationsRefused},
		{"stations come in order of their bytes", stationsOrdered},
		{"login takes the right token only", loginToken},
		{"login refuses the old token after a rotation", loginRotated},
		{"login refuses a paused station until it is resumed", loginPaused},
		{"login and look-up of hostile ids", loginHostile},
		{"positions are kept, moved and removed", positions},
		{"events tell who, what and why", events},
		{"marks are kept once and cleared", marksOnce},
		{"marks made again between claim and clear survive", marksRemade},
		{"marks in hostile and large batches", marksHostile},
		{"marks by many writers at once", marksConcurrent},
		{"blocks keep their hours", blocksRoundTrip},
		{"blocks refuse a stale version, whole", blocksStale},
		{"blocks refuse what is not a block", blocksRefused},
		{"blocks of a series and the index", blocksWalk},
		{"blocks of two writers: one wins each round", blocksConcurrent},
		{"rejects count arrivals", rejectsCounted},
		{"rejects of hostile texts and bytes", rejectsHostile},
		{"rejects wait to be decoded again", rejectsAgain},
		{"logins for Mosquitto follow the stations", brokerLogins},
		{"wire declaration is kept and published by its size only", wireDeclared},
		{"wire declaration is refused when no decoder could use it", wireRefused},
		{"boards follow each other", boards},
		{"boards are refused when malformed, and hide their hardware", boardsRefused},
		{"boards attached by many at once do not overlap", boardsConcurrent},
		{"login refuses a revoked token until a new one is drawn", loginRevoked},
		{"transfer draws a new token and refuses the old one", transferred},
		{"periods are withdrawn and restored", periods},
		{"periods mark the hours that they change", periodsMark},
		{"periods change whole or not at all", periodsWhole},
		{"periods of a station are bounded", periodsBounded},
		{"deletion leaves the id and nothing else", deletion},
		{"deletion leaves work for the judge and nothing of what still comes", deletionLeavesWork},
		{"deletion is whole or not at all", deletionWhole},
		{"deletion while everything is stored for the station", deletionConcurrent},
		{"deletion by many at once is done by one", deletionOnce},
		{"data version grows with what is public", dataVersion},
		{"transactions roll back", transactions},
		{"migrations of another owner run once", migrations},
		{"objections and their answers are public and lift what they may", objections},
		{"objections are refused when malformed", objectionsRefused},
		{"hours to compare are marked with the blocks and cleared", neighbourMarks},
		{"blocks of a month of all stations", monthBlocks},
		{"assessments are kept whole", assessments},
		{"assessments go with what they rest on", assessmentsStale},
		{"assessments are made by one at a time", assessmentTurns},
		{"assessments know devices, places and sitings", assessedStations},
		{"the siting of a station is declared and goes with its place", sitings},
		{"versions of the blocks of many stations", seriesVersions},
		{"objections to assessments", objectionsToAssessments},
		{"histories of all stations hide what is secret", histories},
		{"histories are bounded and say what is left out", historiesBounded},
		{"calibrations are kept as they were made", calibrations},
		{"corrected series stand apart", corrected},
		{"a withdrawn calibration takes its series along", withdrawnCalibration},
		{"types of particle sensors are declared and public", particles},
		{"network factors know types, devices and places", networkStations},
		{"series of network factors stand apart", networkBlocks},
		{"errors of network factors are kept", networkErrors},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// Station returns a valid station with the id.
func Station(id reading.StationID) reading.Station {
	return reading.Station{
		ID: id, Title: "Meetpunt Javaplein", Kind: reading.KindSensor, Model: "SDS011 + B43F", Maker: "bewoner",
		Cadence: 5 * time.Minute, Since: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
}

func add(t *testing.T, r *register.Register, id reading.StationID) (token string) {
	t.Helper()
	token, err := r.AddStation(t.Context(), Station(id), reading.SecretPosition{}, "operator")
	require.NoError(t, err)
	return token
}

func place(t *testing.T, lon, lat float64) reading.SecretPosition {
	t.Helper()
	p, err := reading.NewSecretPosition(lon, lat)
	require.NoError(t, err)
	return p
}
