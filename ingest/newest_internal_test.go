package ingest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"buurtmeter/ingest/reading"
)

func TestNewestTimesForgetRatherThanGrowAndNeverGuess(t *testing.T) {
	n := newestTimes{milli: map[reading.StationID]int64{}}
	n.set("a", 10)
	n.raise("a", 5)
	n.raise("a", 20)
	milli, ok := n.get("a")
	assert.True(t, ok)
	assert.Equal(t, int64(20), milli)
	for i := range maxNewestTimes {
		n.set(reading.StationID(fmt.Sprint("s", i)), 1)
	}
	assert.LessOrEqual(t, len(n.milli), maxNewestTimes)
	n.raise("a", 15)
	_, ok = n.get("a")
	assert.False(t, ok, "the store may hold a later one than 15")
}
