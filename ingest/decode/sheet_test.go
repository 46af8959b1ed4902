package decode

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"buurtmeter/ingest/reading"
)

// TestTwoSensorsOfOneProperty: whatever the format, one sensor counts for a
// property, the same one whatever the order of the message where its name tells, and
// what the other said is told and not lost in silence.
func TestTwoSensorsOfOneProperty(t *testing.T) {
	const aside = "\n! second-sensor"
	value := func(of string) string { return " temperature=" + of }
	declared := func(keys ...string) (cs []reading.Channel) {
		for _, key := range keys {
			cs = append(cs, reading.Channel{Key: key, Property: reading.Temperature})
		}
		return cs
	}
	for name, c := range map[string]struct {
		format   reading.Format
		in, want string
		channels []reading.Channel
	}{
		"airrohr, by its order of trust":          {format: reading.FormatAirrohr, in: pairs("DHT22_temperature", "8", "BME280_temperature", "7"), want: value("7") + aside},
		"airrohr over InfluxDB":                   {format: reading.FormatAirrohrInflux, in: "f temperature=8,BME280_temperature=7", want: value("7") + aside},
		"airrohr, both dust sensors":              {format: reading.FormatAirrohr, in: pairs("SDS_P2", "8", "SPS30_P2", "7"), want: " pm25=7" + aside},
		"by the number in the name":               {format: reading.FormatTheThingsStack, in: up(`{"temperature_2":8,"temperature_1":7}`), want: value("7") + aside},
		"a name without a number first":           {format: reading.FormatTheThingsStack, in: up(`{"temperature_1":8,"temperature":7}`), want: value("7") + aside},
		"by the message where no name tells":      {format: reading.FormatTheThingsStack, in: up(`{"temp":7,"air_temperature":8}`), want: value("7") + aside},
		"openSenseMap, by the message":            {format: reading.FormatOpenSenseMap, in: `{"temp":7,"temperature":8}`, want: value("7") + aside},
		"SenML, by the message":                   {format: reading.FormatSenML, in: `[{"n":"a/temp","v":7},{"n":"b/temp","v":8}]`, want: value("7") + aside},
		"SenML, by the number":                    {format: reading.FormatSenML, in: `[{"n":"temperature_3","v":8},{"n":"temperature_2","v":7}]`, want: value("7") + aside},
		"two that agree are no problem":           {format: reading.FormatTheThingsStack, in: up(`{"temperature_1":7,"temperature_2":7.0}`), want: value("7")},
		"the second does not fill a gap":          {format: reading.FormatTheThingsStack, in: up(`{"temperature_1":null,"temperature_2":8,"pm25":1}`), want: " pm25=1" + aside},
		"the second without a value is none":      {format: reading.FormatTheThingsStack, in: up(`{"temperature_1":7,"temperature_2":null}`), want: value("7")},
		"a name with its unit before one without": {format: reading.FormatTheThingsStack, in: up(`{"no2":9,"no2_ppb":20}`), want: " no2=38.25" + aside},
		"a declared one counts, and all is well":  {format: reading.FormatTheThingsStack, in: up(`{"temperature_1":8,"temperature_2":7}`), channels: declared("temperature_2"), want: value("7")},
		"of two declared ones the first":          {format: reading.FormatTheThingsStack, in: up(`{"temperature_1":8,"temperature_2":7}`), channels: declared("temperature_2", "temperature_1"), want: value("7") + aside},
		"Smart Citizen, two declared":             {format: reading.FormatSmartCitizen, in: `{ t:2026-11-23T07:00:00Z, 12:8, 55:7 }`, channels: declared("55", "12"), want: value("7") + aside},
		"Home Assistant, two declared":            {format: reading.FormatHomeAssistant, in: `{"in":8,"out":7}`, channels: declared("value_json.out", "value_json.in"), want: value("7") + aside},
		"the raw and the corrected value are two": {format: reading.FormatAirGradient, in: `{"pm02":8,"pm02Compensated":7}`, want: " pm25=8 pm25-corrected=7"},
		"a declared one keeps its unit":           {format: reading.FormatTheThingsStack, in: up(`{"temp_f":68,"temp":8}`), channels: declared("temp_f"), want: value("20")},
	} {
		t.Run(name, func(t *testing.T) {
			st := station
			st.Wire = reading.Wire{Format: c.format, Channels: c.channels}
			in := Input{Payload: []byte(c.in), Station: st, Received: received}
			got := Decode(c.format, in)
			assert.Len(t, got.Readings, 1)
			for i := range got.Readings {
				for j := range got.Readings[i].Values {
					got.Readings[i].Values[j].Flags = 0
				}
				assert.Equal(t, got.Readings[i].At.Format("2006-01-02T15:04:05.999Z07:00")+c.want, summary(got), details(got))
			}
			checkProblems(t, c.format, in, got)
		})
	}
}
