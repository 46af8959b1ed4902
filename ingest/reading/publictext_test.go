package reading

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPublicTextDoesNotLeadToAHome(t *testing.T) {
	const place, hardware, secret, mail, phone = "coordinates", "hardware id", "password or token", "e-mail address", "telephone number"
	for text, what := range map[string]string{
		"sensor hangt nu op 52.4388, 4.8265": place,
		"52.4388,4.8265":                     place,
		"(52.4388 4.8265)":                   place,
		"4.8265 52.4388":                     place,
		"52,4388 4,8265":                     place,
		"52,4388; 4,8265":                    place,
		"52.438, 4.826":                      place,
		"52.4388 en 4.8265":                  place,
		"N52.4388 E4.8265":                   place,
		"52.4388 N, 4.8265 E":                place,
		"lat=52.4388 lon=4.8265":             place,
		"latitude: 52.4388":                  place,
		"op 4.826 OL":                        place,
		"-33.8688, 151.2093":                 place,
		"https://kaart.example/@52.4388123,4.8265123,17z": place,
		"52°26'19.7\"N 4°49'35.4\"E":                      place,
		"52° 26.328′":                                     place,
		"52 graden 26 minuten":                            place,
		"RD 116543, 497321":                               place,
		"x=116543 y=497321":                               place,
		"116.543 497.321":                                 place,
		"116543.25 / 497321.50":                           place,
		"bij 9F46CRQG+G4":                                 place,
		"board AA:BB:CC:DD:EE:0F vervangen":               hardware,
		"aa-bb-cc-dd-ee-0f":                               hardware,
		"70-B3-D5-7E-D0-00-00-01":                         hardware,
		"dev_eui 70B3D57ED0000001":                        hardware,
		"0000000000000032":                                hardware,
		"serienummer ecda3b1eaaaf":                        hardware,
		"esp8266-1234567":                                 hardware,
		"ESP32 1234567":                                   hardware,
		"box 595f9a282dcbee77ac0e5dc4":                    hardware,
		"mail jan.de.vries@example.nl":                    mail,
		"jan+lucht@post.example.co.uk, graag":             mail,
		"bel 06-12345678":                                 phone,
		"bel 06 12 34 56 78.":                             phone,
		"bel 06-12-34-56-78":                              phone,
		"0612345678":                                      phone,
		"075-1234567":                                     phone,
		"(075) 123 45 67":                                 phone,
		"+31 6 12345678":                                  phone,
		"+31(0)6-12345678":                                phone,
		"0031612345678":                                   phone,
		"NNSXS.A1B2C3D4E5F6G7H8I9J0K1L2M3N4O5P6Q7R8S9T0UvWxYz": secret,
	} {
		err := CheckPublic(text)
		require.ErrorIs(t, err, ErrNotPublic, text)
		assert.Contains(t, err.Error(), what, text)
		for _, part := range []string{"4388", "497", "0000001", "ecda", "jan", "1234567", "12 34", "A1B2"} {
			assert.NotContains(t, err.Error(), part, "%s: the error does not repeat it", text)
		}
	}
	for range 200 {
		var b [32]byte
		_, err := rand.Read(b[:])
		require.NoError(t, err)
		assert.ErrorIs(t, CheckPublic("sleutel "+base64.RawURLEncoding.EncodeToString(b[:])+" werkt niet"), ErrNotPublic)
	}
}

func TestPublicTextMayTellOfMeasurements(t *testing.T) {
	for _, text := range []string{
		"", "sensor hing binnen", "41.8 µg/m³", "van 41,8 naar 12,3 µg/m³", "NO2 was 52.438 en 4.826 µg/m³", "PM2.5 7.5, PM10 14.25",
		"in 2024, 2025 en 2026", "2025-2026", "van 2026-11-23 08:00 tot 2026-11-24", "23-11-2026 08:00:00 tot 01-12-2026 09:30", "01-11-2026 08",
		"2026-11-23T08:00:00.123+01:00 tot 2026-11-23T09:00:00Z", "tussen 08:00 en 09:30 uur", "12-05-26", "01-11-26 08:00", "op 3/11/2026",
		"helling 1.156, snijpunt 1.020", "1.0044 keer zoveel", "r2 = 0.9731", "12.345 metingen, 6.789 ontbreken", "12000 en 450000 metingen",
		"20 °C en 65 %", "20° warmer", "1013,25 hPa", "52 graden", "wifi RSSI -86 dBm", "SDS011 + B43F", "SPS30 en BME280", "AB 12 34", "firmware NRZ-2020-133",
		"versie 1.2.3-4", "EN 14907", "zs-001/3", "meetpunt zs-noord-001", "500 meter verderop", "0800-1234", "14 075", "20261123", "202611230800", "1795417200", "1795417200123",
		"Rapport-Luchtkwaliteit-Zaanstad-2026-Definitief", "https://example.nl/nieuws/2026/11/meten-aan-de-provincialeweg-in-Zaandam", "effectieve facade", "een hele lange samenstelling: luchtkwaliteitsmeetnetwerkcoördinatievergadering",
		"n = 1234567 rijen", "100000 tot 200000", "0,0001", "5 tot 10 µg/m³, 12 %",
	} {
		assert.NoError(t, CheckPublic(text), text)
	}
}

func TestTheErrorSaysWhereInTheText(t *testing.T) {
	err := CheckPublic("verplaatst naar de schuur achter het huis op 52.4388, 4.8265 sinds gisteren")
	require.Error(t, err)
	assert.Contains(t, err.Error(), `huis op" stands what looks like coordinates`)
	assert.Contains(t, CheckPublic("jan@example.nl").Error(), "it begins with an e-mail address")
	assert.NoError(t, CheckPublic(strings.Repeat("é", 1000)))
	assert.Error(t, CheckPublic(strings.Repeat("é", 1000)+" 52.4388, 4.8265"))
	assert.Error(t, CheckPublic(strings.Repeat("\x8d", 100)+" 52.4388, 4.8265"), "no letter begins in the part that is told")
}

func FuzzCheckPublic(f *testing.F) {
	f.Add("hangt op 52.4388, 4.8265")
	f.Add("2026-11-23 08:00 é\xff")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4<<10 {
			return // looking takes as long as the text is
		}
		if err := CheckPublic(text); err != nil && len(err.Error()) > 400 {
			t.Fatal(err)
		}
	})
}
