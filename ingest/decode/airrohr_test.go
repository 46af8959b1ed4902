package decode

import (
	"strings"
	"testing"

	"buurtmeter/ingest/reading"
)

// pairs is a body with one pair of value_type and value after another.
func pairs(kv ...string) string {
	var list []string
	for i := 0; i < len(kv); i += 2 {
		list = append(list, `{"value_type":"`+kv[i]+`","value":"`+kv[i+1]+`"}`)
	}
	return `{"esp8266id":"1234567","software_version":"NRZ-2018-123B","sensordatavalues":[` + strings.Join(list, ",") + `]}`
}

func TestAirrohr(t *testing.T) {
	const at = "2026-11-23T07:00:00Z"
	runWebCases(t, reading.FormatAirrohr, []webCase{
		{
			name: "a real message: P1 is PM10 and P2 is PM2.5", in: `{"esp8266id":"1234567","sensordatavalues":[{"value_type":"humidity","value":"37.10"},{"value_type":"max_micro","value":"2780073"},{"value_type":"min_micro","value":"75"},` +
				`{"value_type":"samples","value":"1737810"},{"value_type":"SDS_P1","value":"4.05"},{"value_type":"SDS_P2","value":"2.25"},{"value_type":"signal","value":"-86"},{"value_type":"temperature","value":"28.90"}],"software_version":"NRZ-2018-123B"}`,
			want: now + " pm25=2.25[server-time] pm10=4.05[server-time] temperature=28.9[server-time] humidity=37.1[server-time]",
		},
		{name: "P0 is PM1", in: pairs("SPS30_P0", "1", "SPS30_P2", "2", "SPS30_P4", "3", "SPS30_P1", "4", "SPS30_N05", "5", "SPS30_TS", "0.6"), want: now + " pm25=2[server-time] pm10=4[server-time] pm1=1[server-time]"},
		{name: "pressure is in Pa", in: pairs("BME280_pressure", "101300", "BME280_humidity", "50"), want: now + " humidity=50[server-time] pressure=1013[server-time]"},
		{name: "the interval in milliseconds", in: pairs("SDS_P1", "4", "interval", "145000"), want: now + " 2m25s pm10=4[server-time]"},
		{name: "the interval is rounded up to seconds", in: pairs("interval", "145001", "SDS_P1", "4"), want: now + " 2m26s pm10=4[server-time]"},
		{name: "an interval of nothing", in: pairs("SDS_P1", "4", "interval", "0"), want: "! interval"},
		{name: "an interval of more than an hour", in: pairs("SDS_P1", "4", "interval", "3600001"), want: "! interval"},
		{name: "an interval that is empty", in: pairs("SDS_P1", "4", "interval", ""), want: now + " pm10=4[server-time]"},
		{name: "two intervals", in: pairs("SDS_P1", "4", "interval", "145000", "interval", "145000"), want: "! interval"},
		{name: "signal once had a unit", in: pairs("SDS_P1", "4", "signal", "-59 dBm"), want: now + " pm10=4[server-time]"},
		{name: "a value must not have one", in: pairs("SDS_P1", "4", "SDS_P2", "2 µg/m³"), want: now + " pm10=4[server-time]\n! value-unreadable"},
		{name: "the id of an ESP32 is named so too", in: `{"esp32id":1,"sensordatavalues":[{"value_type":"SDS_P1","value":4.5}]}`, want: now + " pm10=4.5[server-time]"},

		{name: "SPS30 before SDS", in: pairs("SDS_P1", "4", "SDS_P2", "2", "SPS30_P1", "5", "SPS30_P2", "3"), want: now + " pm25=3[server-time] pm10=5[server-time]\n! second-sensor"},
		{name: "a second module that says the same", in: pairs("SDS_P1", "5", "SDS_P2", "3", "SPS30_P1", "5", "SPS30_P2", "3"), want: now + " pm25=3[server-time] pm10=5[server-time]"},
		{name: "four thermometers", in: pairs("temperature", "1", "BMP280_temperature", "2", "DS18B20_temperature", "3", "BME280_temperature", "4"), want: now + " temperature=4[server-time]\n! second-sensor"},
		{name: "no second module takes over from one without a value", in: pairs("temperature", "1", "BME280_temperature", "nan", "SDS_P1", "4"), want: now + " pm10=4[server-time]\n! second-sensor"},
		{name: "not even with a zero", in: pairs("temperature", "0", "BME280_temperature", "nan", "SDS_P1", "4"), want: now + " pm10=4[server-time]\n! second-sensor"},
		{name: "nor from one with an unreadable value", in: pairs("temperature", "1", "BME280_temperature", "?"), want: "! value-unreadable\n! second-sensor"},
		{name: "a value type twice", in: pairs("SDS_P1", "4", "SDS_P1", "5", "SDS_P2", "1"), want: now + " pm25=1[server-time]\n! value-unreadable"},
		{name: "a value type twice with one value", in: pairs("SDS_P1", "4", "SDS_P1", "4.0"), want: now + " pm10=4[server-time]"},
		{name: "a value type twice, once empty", in: pairs("SDS_P1", "4", "SDS_P1", ""), want: "! value-unreadable"},
		{name: "a module does not measure what it cannot", in: pairs("SDS_temperature", "4", "BME280_P1", "3"), want: "! property-unknown"},

		{name: "a PPD42 counts particles", in: pairs("durP1", "1", "ratioP1", "2", "P1", "3", "P2", "4", "SDS_P2", "5"), want: now + " pm25=5[server-time]\n! unit-unknown"},
		{name: "NO2 in ppb at 20 degrees", in: pairs("no2_ppb", "20"), want: now + " no2=38.25[server-time]"},
		{name: "CO in ppm", in: pairs("co_ppm", "1"), want: now + " co=1.1644[server-time]"},
		{name: "a resistance is not NO2", in: pairs("no2_kohm", "20", "SDS_P1", "4"), want: now + " pm10=4[server-time]\n! unit-unknown"},
		{name: "other resistances", in: pairs("nh3_kohm", "20", "MICS_no2_kohm", "3", "gas_resistance", "1"), want: "! property-unknown"},
		{name: "a gas without a unit", in: pairs("no2", "20"), want: "! unit-unknown"},
		{name: "a gas with a declared unit", in: pairs("no2", "20"), channels: []reading.Channel{{Key: "no2", Property: "no2", Unit: "ppb"}}, want: now + " no2=38.25[server-time]"},
		{name: "particles have no ppb", in: pairs("pm25_ppb", "20"), want: "! unit-unknown"},
		{name: "noise and CO2 are known", in: pairs("DNMS_noise_LAeq", "50", "SCD30_co2_ppm", "500", "SCD30_humidity", "40"), want: now + " humidity=40[server-time]"},
		{name: "unknown", in: pairs("UV_index", "3", "SDS_P1", "4"), want: now + " pm10=4[server-time]\n! property-unknown"},

		{name: "words for nothing", in: pairs("SDS_P1", "none", "SDS_P2", "null", "temperature", "", "humidity", "nan", "BME280_pressure", "-NaN"), want: "! no-values"},
		{name: "bare words for nothing", in: `{"sensordatavalues":[{"value_type":"SDS_P1","value":nan},{"value_type":"SDS_P2","value":null},{"value_type":"humidity"}]}`, want: "! no-values"},
		{name: "missing codes", in: pairs("SDS_P1", "-1", "SDS_P2", "-999", "temperature", "-1", "BME280_pressure", "-9999"), want: now + " pm25=-999[missing-code|server-time] pm10=-1[missing-code|server-time] temperature=-1[server-time] pressure=-9999[missing-code|server-time]"},
		{name: "zero is a value", in: pairs("SDS_P1", "0.00"), want: now + " pm10=0[server-time]"},
		{name: "censored", in: pairs("SDS_P1", "<15", "SDS_P2", "1"), want: now + " pm25=1[server-time]\n! value-unreadable"},
		{name: "decimal comma", in: pairs("SDS_P1", "4,05", "SDS_P2", "1"), want: now + " pm25=1[server-time]\n! value-unreadable"},
		{name: "hexadecimal, underscore, plus, inf", in: pairs("SDS_P1", "0x10", "SDS_P2", "1_0", "temperature", "+4", "humidity", "inf"), want: "! value-unreadable"},
		{name: "too large for a number", in: pairs("SDS_P1", "1e999", "co_ppm", "1.7e308", "SDS_P2", "1"), want: now + " pm25=1[server-time]\n! value-unreadable"},
		{name: "values of other types", in: `{"sensordatavalues":[{"value_type":"SDS_P1","value":true},{"value_type":"SDS_P2","value":[2]},{"value_type":"humidity","value":{"v":3}}]}`, want: "! value-unreadable"},

		{name: "a bad element keeps its neighbours", in: `{"sensordatavalues":[7,null,{"value":"1"},{"value_type":3,"value":"1"},{"value_type":"SDS_P1","value":"1","value":"2"},{"value_type":"SDS_P1","value_type":"SDS_P2","value":"2"},{"value_type":"humidity","value":"40"}]}`, want: now + " humidity=40[server-time]\n! value-unreadable"},
		{name: "no list", in: `{"esp8266id":"1"}`, want: "! no-values"},
		{name: "an empty list", in: pairs(), want: "! no-values"},
		{name: "only housekeeping: the sensors do not answer", in: pairs("signal", "-60", "samples", "3"), want: "! no-values"},
		{name: "two lists", in: `{"sensordatavalues":[],"sensordatavalues":[]}`, want: "! json"},
		{name: "a list that is none", in: `{"sensordatavalues":{"P1":1}}`, want: "! value-unreadable"},
		{name: "an array", in: `[]`, want: "! json"},
		{name: "a position is not taken", in: pairs("GPS_lat", "52.37", "GPS_lon", "4.89", "GPS_height", "2", "GPS_timestamp", "x", "SDS_P1", "4"), want: now + " pm10=4[server-time]"},

		{name: "a timestamp", in: `{"timestamp":"` + at + `","sensordatavalues":[{"value_type":"SDS_P1","value":"4"}]}`, want: at + " pm10=4"},
		{name: "a timestamp behind the values", in: `{"sensordatavalues":[{"value_type":"SDS_P1","value":"4"}],"timestamp":1795417200}`, want: at + " pm10=4"},
		{name: "a timestamp in a declared zone", zone: "Europe/Amsterdam", in: `{"timestamp":"2026-11-23T08:00:00","sensordatavalues":[{"value_type":"SDS_P1","value":"4"}]}`, want: at + " pm10=4"},
		{name: "a timestamp without a zone", in: `{"timestamp":"2026-11-23T08:00:00","sensordatavalues":[{"value_type":"SDS_P1","value":"4"}]}`, want: "! time-unreadable"},
		{name: "a timestamp in milliseconds", in: `{"timestamp":1795417200000,"sensordatavalues":[{"value_type":"SDS_P1","value":"4"}]}`, want: "! time-unreadable"},
		{name: "a timestamp after 2099", in: `{"timestamp":4102444800,"sensordatavalues":[{"value_type":"SDS_P1","value":"4"}]}`, want: "! time-unreadable"},
		{name: "an empty timestamp", in: `{"timestamp":"","sensordatavalues":[{"value_type":"SDS_P1","value":"4"}]}`, want: "! time-missing"},
		{name: "a value type of 300 bytes", in: pairs(strings.Repeat("x", 300), "1", "SDS_P1", "4"), want: now + " pm10=4[server-time]\n! property-unknown"},
		{name: "two timestamps", in: `{"timestamp":"` + at + `","timestamp":"` + at + `","sensordatavalues":[{"value_type":"SDS_P1","value":"4"}]}`, want: "! time-unreadable"},
		{name: "byte order mark and NUL bytes", in: "\xef\xbb\xbf" + pairs("SDS_P1", "4") + "\x00", want: now + " pm10=4[server-time]"},
	})
}

func TestSensorCommunity(t *testing.T) {
	const at = "2026-11-23T07:00:00Z"
	temperature := func(key string) []reading.Channel { return []reading.Channel{{Key: key, Property: "temperature"}} }
	runWebCases(t, reading.FormatSensorCommunity, []webCase{
		{name: "a real message: P1 is PM10 and P2 is PM2.5", pin: "1", in: `{"software_version":"NRZ-2018-121C","sensordatavalues":[{"value_type":"P1","value":"1.87"},{"value_type":"P2","value":"1.05"}]}`, want: now + " pm25=1.05[server-time] pm10=1.87[server-time]"},
		{name: "P0 is PM1, the rest of an SPS30 is known", pin: "1", in: pairs("P0", "1", "P2", "2", "P4", "3", "P1", "4", "N05", "5", "TS", "1"), want: now + " pm25=2[server-time] pm10=4[server-time] pm1=1[server-time]"},
		{name: "a BME280, pressure in Pa", pin: "11", in: pairs("temperature", "7.5", "humidity", "81", "pressure", "101300"), want: now + " temperature=7.5[server-time] humidity=81[server-time] pressure=1013[server-time]"},
		{name: "a DHT22", pin: "7", in: pairs("temperature", "7.5", "humidity", "81"), want: now + " temperature=7.5[server-time] humidity=81[server-time]"},
		{name: "without a pin", in: pairs("temperature", "7.5", "P1", "1"), want: now + " pm10=1[server-time] temperature=7.5[server-time]"},
		{name: "a BMP280 is on the board", pin: "3", in: pairs("temperature", "7.5", "pressure", "101300"), want: now + " pressure=1013[server-time]\n! second-sensor"},
		{name: "a DS18B20 may hang in water", pin: "13", in: pairs("temperature", "7.5"), want: "! second-sensor"},
		{name: "an SCD30", pin: "17", in: pairs("co2_ppm", "500", "temperature", "7.5", "humidity", "40"), want: "! second-sensor"},
		{name: "a pin that does not exist", pin: "%d\"99999999999999999999", in: pairs("temperature", "7.5", "P1", "1"), want: now + " pm10=1[server-time]\n! second-sensor"},
		{name: "a declared module counts", pin: "13", channels: temperature("13/temperature"), in: pairs("temperature", "7.5"), want: now + " temperature=7.5[server-time]"},
		{name: "and then no other does", pin: "11", channels: temperature("13/temperature"), in: pairs("temperature", "7.5", "humidity", "81"), want: now + " humidity=81[server-time]"},
		{name: "not even alone", pin: "3", channels: temperature("13/temperature"), in: pairs("temperature", "7.5"), want: ""},
		{name: "a declared key without a pin is for all", pin: "13", channels: temperature("temperature"), in: pairs("temperature", "7.5"), want: now + " temperature=7.5[server-time]"},
		{name: "a declared module keeps its unit", pin: "3", channels: []reading.Channel{{Key: "3/pressure", Property: "pressure"}}, in: pairs("pressure", "101300"), want: now + " pressure=1013[server-time]"},
		{name: "a PPD42 counts particles", pin: "5", in: pairs("durP1", "1", "ratioP1", "2", "P1", "3", "durP2", "1", "ratioP2", "2", "P2", "4"), want: "! unit-unknown"},
		{name: "a GPS says nothing for us", pin: "9", in: pairs("lat", "52.37", "lon", "4.89", "height", "2"), want: ""},
		{name: "nor does a microphone", pin: "15", in: pairs("noise_LAeq", "50", "noise_LA_min", "40", "noise_LA_max", "60"), want: ""},
		{name: "NO2 in ppb", pin: "1", in: pairs("no2_ppb", "20"), want: now + " no2=38.25[server-time]"},
		{name: "NO2 as a resistance", pin: "1", in: pairs("no2_kohm", "20"), want: "! unit-unknown"},
		{name: "with the module before the value", pin: "1", in: pairs("SDS_P1", "4", "SDS_P2", "2"), want: now + " pm25=2[server-time] pm10=4[server-time]"},
		{name: "unknown", pin: "1", in: pairs("counts_per_minute", "4"), want: "! property-unknown"},
		{name: "a timestamp and sampling rate", pin: "1", in: `{"sampling_rate":null,"timestamp":"` + at + `","sensordatavalues":[{"value_type":"P1","value":4}]}`, want: at + " pm10=4"},
		{name: "no values", pin: "1", in: pairs(), want: "! no-values"},
		{name: "missing codes", pin: "1", in: pairs("P1", "-1", "P2", "-999"), want: now + " pm25=-999[missing-code|server-time] pm10=-1[missing-code|server-time]"},
		{name: "decimal comma", pin: "1", in: pairs("P1", "4,05"), want: "! value-unreadable"},
	})
}
