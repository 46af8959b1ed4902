package decode

import (
	"testing"

	"buurtmeter/ingest/reading"
)

// outdoor is what an AirGradient sends: no time, an index of nitrogen oxides that
// is no NO2, counts of particles, and much about itself.
const outdoor = `{"wifi":-46,"serialno":"ecda3b1eaaaf","rco2":447,"pm01":3,"pm02":7,"pm10":8,"pm003Count":442,"atmp":25.87,"atmpCompensated":24.47,"rhum":43,"rhumCompensated":49,
 "tvocIndex":100,"tvocRaw":33051,"noxIndex":1,"noxRaw":16307,"boot":6,"bootCount":6,"ledMode":"pm","firmware":"3.1.3","model":"I-9PSL"}`

func TestAirGradient(t *testing.T) {
	runDevice(t, reading.FormatAirGradient, []deviceCase{
		{name: "a real one: no time, and nox is not NO2", in: outdoor, topic: "airgradient/readings/ecda3b1eaaaf", want: receivedAt + " pm25=7[server-time] pm10=8[server-time] temperature=25.87[server-time] humidity=43[server-time] pm1=3[server-time]"},
		{name: "the corrected value is a series of its own", in: `{"pm02":7,"pm02Compensated":5.2}`, want: receivedAt + " pm25=7[server-time] pm25-corrected=5.2[server-time]"},
		{name: "the corrected value alone is no raw one", in: `{"pm02Compensated":5.2}`, want: receivedAt + " pm25-corrected=5.2[server-time]"},
		{name: "a failed sensor is left out, that is not 0", in: `{"rco2":447,"atmp":20}`, want: receivedAt + " temperature=20[server-time]"},
		{name: "nothing that we keep", in: `{"rco2":447,"noxIndex":1,"noxRaw":16307,"tvocIndex":100,"wifi":-46}`, want: "! no-values"},
		{name: "satellites are other devices", in: `{"atmp":20,"satellites":{"aabbccddeeff":{"atmp":5,"rhum":80,"wifi":-60}}}`, want: receivedAt + " temperature=20[server-time]"},
		{name: "other forms of the same", in: `{"pm02":7,"pm01Standard":3,"pm02Standard":7,"pm10Standard":8,"pm005Count":4,"pm01Count":4,"pm02Count":4,"pm50Count":4,"pm10Count":4,"channels":{"1":{"pm02":9}}}`, want: receivedAt + " pm25=7[server-time]"},
		{name: "a new sensor", in: `{"pm02":7,"no2":20,"o3":30,"co2":400}`, want: receivedAt + " pm25=7[server-time]\n! property-unknown", says: `"no2", "o3"`},
		{name: "codes and texts", in: `{"pm02":-1,"pm10":"8.5","atmp":-1,"rhum":-999,"pm01":"x"}`, want: receivedAt + " pm25=-1[missing-code|server-time] pm10=8.5[server-time] temperature=-1[server-time] humidity=-999[missing-code|server-time]\n! value-unreadable"},
		{name: "null", in: `{"pm02":null,"pm10":8}`, want: receivedAt + " pm10=8[server-time]"},
		{name: "a key twice", in: `{"pm02":7,"pm02":7,"pm10":8}`, want: receivedAt + " pm10=8[server-time]\n! value-unreadable"},
		{name: "a sensor that the keeper leaves out", in: `{"pm02":7,"atmp":60}`, channels: []reading.Channel{{Key: "atmp"}}, want: receivedAt + " pm25=7[server-time]"},
		{name: "a kept key may be declared too", in: `{"pm02":7,"atmp":68}`, channels: []reading.Channel{{Key: "pm02", Property: reading.PM25}, {Key: "atmp", Property: reading.Temperature, Unit: "°F"}}, want: receivedAt + " pm25=7[server-time] temperature=20[server-time]"},
		{name: "no other key than the kit's own counts", in: `{"pm02":7,"noxRaw":16307}`, channels: []reading.Channel{{Key: "noxRaw", Property: reading.NO2, Unit: "ppb"}}, want: receivedAt + " pm25=7[server-time]"},
		{name: "a list", in: `[]`, want: "! json"},
		{name: "empty", in: ``, want: "! json"},
	})
}
