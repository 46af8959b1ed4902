package opendata

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"buurtmeter/ingest/reading"
)

func TestModifiedFollowsDataAndHourAndNeverTheFuture(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 30, 15, 500, time.UTC)
	until := reading.HourOf(now)
	hour := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	assert.Equal(t, hour, modifiedAt(now.Add(-3*time.Hour), until, now), "the hour passed since the data changed")
	assert.Equal(t, now.Truncate(time.Second).Add(-time.Minute), modifiedAt(now.Add(-time.Minute), until, now))
	assert.Equal(t, now.Truncate(time.Second), modifiedAt(now.AddDate(70, 0, 0), until, now), "a clock was wrong once")
}
