package reading_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

func TestASensorTypeIsOneNameWhateverItsLetterCase(t *testing.T) {
	for given, want := range map[string]reading.SensorType{
		"SDS011": "SDS011", " sds011 ": "SDS011", "Pms5003": "PMS5003", "": "", "OPC-N3": "OPC-N3", strings.Repeat("a", 32): reading.SensorType(strings.Repeat("A", 32)),
	} {
		got, err := reading.ParseSensorType(given)
		require.NoError(t, err, given)
		assert.Equal(t, want, got)
	}
	for _, bad := range []string{"SDS 011", "-SDS", "SDS011;", "é", strings.Repeat("a", 33), "a\nb"} {
		_, err := reading.ParseSensorType(bad)
		require.ErrorContains(t, err, "SDS011", bad)
	}
}
