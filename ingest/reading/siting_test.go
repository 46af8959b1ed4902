package reading_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

func TestASitingIsOneOfThreeOrUnknown(t *testing.T) {
	all := reading.Sitings()
	assert.Equal(t, reading.SitingUnknown, all[len(all)-1], "the unknown ones are shown last")
	for _, s := range all {
		parsed, err := reading.ParseSiting(string(s))
		require.NoError(t, err)
		assert.Equal(t, s, parsed)
	}
	for _, bad := range []string{"street", "Roadside", " background", "unknown"} {
		parsed, err := reading.ParseSiting(bad)
		require.ErrorContains(t, err, "roadside, background or industrial")
		assert.Equal(t, reading.SitingUnknown, parsed)
	}
}
