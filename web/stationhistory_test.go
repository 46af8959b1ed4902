package web

import (
	stdhtml "html"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"buurtmeter/opendata"
	"buurtmeter/opendata/opendatatest"
)

// rowsIn returns the rows of the tables in the section with the id, the text of
// the cells apart.
func rowsIn(t *testing.T, body, section string) (rows []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	require.NoError(t, err)
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "section" || attr(n, "aria-labelledby") != section {
			continue
		}
		for tr := range n.Descendants() {
			if tr.Type != html.ElementNode || tr.Data != "tr" {
				continue
			}
			var cells []string
			for c := range tr.ChildNodes() {
				cells = append(cells, textOf(c))
			}
			rows = append(rows, strings.Join(cells, " | "))
		}
	}
	return rows
}

func TestTheStationPageTellsWhatHappened(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, body := get(t, app, "/meetpunt/zst-bomenbuurt-02")
	assert.Contains(t, body, "Wat er met dit meetpunt gebeurde")
	rows := rowsIn(t, body, "verloop")
	require.Len(t, rows, len(opendata.EventKinds()), "a head and every kind but the deletion")
	assert.Equal(t, "Wanneer | Wat | Wie | Waarom", rows[0])
	assert.Equal(t, "1 oktober 2026, 10:30 | Meetpunt aangemeld | beheerder van deze site | ", rows[len(rows)-1])
	assert.Contains(t, rows, "2 oktober 2026, 10:30 | Nieuwe plek opgegeven (die blijft geheim) | eigenaar van het meetpunt | "+opendatatest.Hostile)
	assert.Contains(t, rows, "11 oktober 2026, 10:30 | Metingen teruggetrokken: ze tellen niet mee1 oktober 2026, 01:00 tot 2 oktober 2026, 13:30 | "+opendatatest.Hostile+" | ")
	assert.Contains(t, strings.Join(rows, "\n"), "Apparaat aangesloten"+opendatatest.Hostile+" vanaf 7 oktober 2026, 10:30")
	assert.NotContains(t, body, opendatatest.Hostile, "what people wrote is text, not markup")

	_, body = get(t, app, "/en/meetpunt/zst-bomenbuurt-02")
	assert.Contains(t, body, "What happened to this station")
	assert.Contains(t, body, `<span lang="nl">`+stdhtml.EscapeString("mist")+`</span>`, "what the keeper wrote is in Dutch")
	for _, row := range rowsIn(t, body, "verloop") {
		assert.NotContains(t, row, "2026-10", "moments are in words: %s", row)
	}
}

func TestTheStationPageTellsObjectionsAndAnswers(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, body := get(t, app, "/meetpunt/zst-bomenbuurt-02")
	hostile := opendatatest.Hostile
	assert.Equal(t, []string{
		"Opmerking | Periode | Bezwaar | Antwoord",
		"PM2,5: piek | 31 oktober 2026, 10:00 tot 12:00 | vuurwerkeigenaar van het meetpunt, 3 november 2026, 10:30 | Nog geen antwoord",
		"PM10: buiten het mogelijke bereik | 4 oktober 2026, 10:00 tot 5 oktober 2026, 10:00 | " + hostile + hostile + ", 10 oktober 2026, 10:30 | " +
			"Afgewezen: " + hostile + "GGD " + hostile + ", 13 oktober 2026, 10:30",
		"PM10: waarde staat vast | 2 oktober 2026, 10:00 tot 11:00 | misteigenaar van het meetpunt, 3 oktober 2026, 10:30 | " +
			"Aangenomen: nagekeken, het kloptbeheerder van deze site, 12 oktober 2026, 10:30",
	}, rowsIn(t, body, "bezwaren"))
	assert.Equal(t, []string{
		"Apparaat | Vanaf | Tot", "apparaat zonder naam | 1 oktober 2026, 10:30 | 7 oktober 2026, 10:30", hostile + " | 7 oktober 2026, 10:30 | nu nog",
	}, rowsIn(t, body, "apparaten"))
}

func TestALongHistoryIsFoldedAndSaysWhatIsNotThere(t *testing.T) {
	app := newApp(t, opendatatest.Source(t))
	_, body := get(t, app, "/meetpunt/ref-hemkade")
	assert.Len(t, rowsIn(t, body, "verloop"), opendata.MaxHistory+2, "two heads")
	assert.Contains(t, body, "Toon nog 180 gebeurtenissen")
	assert.Contains(t, body, "3 gebeurtenissen zijn nog ouder en staan hier niet.")
	_, body = get(t, app, "/meetpunt/tube-07")
	for _, id := range []string{"verloop", "bezwaren", "apparaten"} {
		assert.NotContains(t, body, `id="`+id+`"`, "no history, no empty section")
	}
	res, body := get(t, app, "/meetpunt/"+string(opendatatest.Deleted))
	assert.Equal(t, http.StatusGone, res.StatusCode)
	assert.Contains(t, body, "Dit meetpunt is verwijderd")
}

func TestDetailsOfEventsInWords(t *testing.T) {
	nl, en := bothLanguages(t)
	for _, c := range []struct{ what, detail, want string }{
		{"period-withdrawn", "2026-11-01T00:00:00Z/2026-11-02T00:00:00.25Z", "1 november 2026, 01:00 tot 2 november 2026, 01:00"},
		{"period-restored", "2026-11-01T00:00:00Z/later", "2026-11-01T00:00:00Z/later"},
		{"board-attached", "SDS011 from 2026-11-01T00:00:00Z", "SDS011 vanaf 1 november 2026, 01:00"},
		{"board-attached", "kit from home until now from 2026-11-01T00:00:00Z until 2026-11-02T00:00:00Z", "kit from home until now: 1 november 2026, 01:00 tot 2 november 2026, 01:00"},
		{"board-detached", "board until 2026-11-02T00:00:00Z", "apparaat zonder naam tot 2 november 2026, 01:00"},
		{"board-detached", "board", "board"},
		{"wire-declared", "format senml, zone Europe/Amsterdam, 3 channels", "formaat senml, tijdzone Europe/Amsterdam, kanalen: 3"},
		{"wire-declared", "format buurtmeter, zone none, 0 channels", "formaat buurtmeter, tijdzone geen, kanalen: 0"},
		{"wire-declared", "another form", "another form"},
		{"objected", "zs-001/3 constant of no2 2026-11-01T00:00:00Z/2026-11-01T02:00:00Z", "bezwaar zs-001/3: ‘waarde staat vast’ bij NO₂, 1 november 2026, 01:00 tot 03:00"},
		{"objection-accepted", "zs-001/3 constant of no2 then/now", "zs-001/3 constant of no2 then/now"},
		{"siting-declared", "roadside", "langs een weg met verkeer"},
		{"siting-declared", "", ""},
		{"calibrated", "no2-20260101-0a of no2 beside ref-hemkade", "NO₂, naast ref-hemkade, versie no2-20260101-0a"},
		{"calibration-withdrawn", "no2-20260101-0a of no2", "NO₂, versie no2-20260101-0a"},
		{"calibrated", "another form", "another form"},
		{"particle-declared", "SDS011 from 2026-11-01T00:00:00Z", "type SDS011 vanaf 1 november 2026, 01:00"},
		{"particle-declared", "unknown from 2026-11-01T00:00:00Z", "type onbekend vanaf 1 november 2026, 01:00"},
		{"particle-declared", "SDS011", "SDS011"},
		{"paused", "", ""},
		{"of-a-later-version", "a b", "a b"},
	} {
		assert.Equal(t, c.want, nl.eventDetail(opendata.Event{What: c.what, Detail: c.detail}), c.detail)
	}
	assert.Equal(t, "of-a-later-version", nl.named("event.", "of-a-later-version"))
	assert.Equal(t, "GGD Amsterdam", nl.who("GGD Amsterdam"))
	assert.Equal(t, "–", nl.who(""))
	assert.Equal(t, "keeper of the station, 1 November 2026, 01:00", en.by("keeper", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)))
}
