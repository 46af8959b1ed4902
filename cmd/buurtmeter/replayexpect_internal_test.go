package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

func TestEveryPropertyHasAPlaceInARow(t *testing.T) {
	require.Len(t, reading.Properties(), properties)
	for i, info := range reading.Properties() {
		require.Equal(t, i, slotOf(info.Property))
	}
}
