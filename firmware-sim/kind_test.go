package firmwaresim_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	firmwaresim "buurtmeter/firmware-sim"
)

func TestMixHoldsItsSharesAndComesAgain(t *testing.T) {
	mix, err := firmwaresim.ParseMix("own=7, senml=2,airgradient")
	require.NoError(t, err)
	a, b := firmwaresim.Fleet(9, 200), firmwaresim.Fleet(9, 200)
	firmwaresim.Mix(a, 9, mix)
	firmwaresim.Mix(b, 9, mix)
	count := map[firmwaresim.Kind]int{}
	inFront := map[firmwaresim.Kind]int{}
	for i := range a {
		require.Equal(t, a[i].Kind, b[i].Kind)
		count[a[i].Kind]++
		if i < 50 {
			inFront[a[i].Kind]++
		}
	}
	assert.Equal(t, map[firmwaresim.Kind]int{firmwaresim.Own: 140, firmwaresim.SenML: 40, firmwaresim.AirGradient: 20}, count)
	assert.Len(t, inFront, 3, "shuffled")
	for _, wrong := range []string{"", "own=x", "own=-1", "toaster", "own,,senml"} {
		_, err := firmwaresim.ParseMix(wrong)
		require.Error(t, err, wrong)
	}
}

// TestKindsSendAsTheKitsDo: every kind in its form, on its topic, and what has
// no clock sends no history.
func TestKindsSendAsTheKitsDo(t *testing.T) {
	devices := firmwaresim.Fleet(4, 4)
	for i, k := range []firmwaresim.Kind{firmwaresim.Own, firmwaresim.SenML, firmwaresim.AirGradient, firmwaresim.SmartCitizen} {
		devices[i].Kind = k
	}
	d := &desk{tokens: withTokens(devices)}
	addr := d.start(t, "127.0.0.1:0")
	now := begin.AddDate(0, 0, 2)
	require.NoError(t, firmwaresim.Run(t.Context(), firmwaresim.Options{
		Broker: "mqtt://" + addr, Devices: devices, BackfillFrom: begin, Steady: true, Now: func() time.Time { return now },
	}))
	var pack []struct {
		Bt   int64   `json:"bt"`
		N, U string  `json:"-"`
		V    float64 `json:"v"`
	}
	require.Len(t, d.messages[devices[1].ID], 1)
	require.NoError(t, json.Unmarshal(d.messages[devices[1].ID][0], &pack))
	require.Len(t, pack, 48*5)
	assert.Equal(t, begin.Unix(), pack[0].Bt)
	assert.Empty(t, d.messages[devices[2].ID], "without a clock there is no history")
	var kit struct {
		Data []struct {
			RecordedAt string `json:"recorded_at"`
			Sensors    []struct {
				ID    int
				Value float64
			}
		}
	}
	require.NoError(t, json.Unmarshal(d.messages[devices[3].ID][0], &kit))
	require.Len(t, kit.Data, 48)
	assert.Equal(t, "2025-01-01 01:00:00Z", kit.Data[1].RecordedAt)
	assert.Equal(t, 88, kit.Data[1].Sensors[1].ID)

	assert.Equal(t, []string{"/readings", "/readings/senml", "/readings/airgradient", "/readings/smart-citizen"}, suffixes(devices))
	require.NoError(t, firmwaresim.Run(t.Context(), firmwaresim.Options{
		Broker: "mqtt://" + addr, Devices: devices[2:], Live: 100 * time.Millisecond, LiveFor: time.Second, Steady: true,
	}))
	var air map[string]any
	require.NotEmpty(t, d.messages[devices[2].ID])
	require.NoError(t, json.Unmarshal(d.messages[devices[2].ID][0], &air))
	assert.Contains(t, air, "pm02")
	assert.NotContains(t, air, "no2")
	last := d.messages[devices[3].ID]
	assert.Regexp(t, `^\{ t:20[0-9-]+T[0-9:]+Z, 87:[0-9.]+, 88:[0-9.]+ \}$`, string(last[len(last)-1]))
}

func suffixes(devices []firmwaresim.Device) (topics []string) {
	for _, d := range devices {
		topics = append(topics, strings.TrimPrefix(d.Topic(), "buurtmeter/v1/"+d.ID))
	}
	return topics
}
