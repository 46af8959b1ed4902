package opendata

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	"buurtmeter/geo"
	"buurtmeter/ingest/reading"
)

// Licence is the licence of every dataset: CC0 1.0, in the spelling that
// Creative Commons itself calls canonical.
const Licence = "https://creativecommons.org/publicdomain/zero/1.0/"

// DatasetVersion is the version of the form of the datasets (columns, units,
// meaning), not of their content. It follows semver.
const DatasetVersion = "1.0.0"

// MaxDescription is the longest description of a dataset in characters, which
// is what the national catalogue takes.
const MaxDescription = 2000

// The ids of the datasets, stable in URLs.
const (
	HoursDataset    = "hours"
	VerdictsDataset = "verdicts"
)

// Text is a text for people in both languages.
type Text struct {
	NL string `json:"nl"`
	EN string `json:"en"`
}

// Publisher says who publishes and where. It comes from the settings.
type Publisher struct {
	// URI names the organisation in the national register (TOOI):
	// "https://identifier.overheid.nl/tooi/id/gemeente/gm0479".
	URI string
	// Name is "Gemeente Zaanstad".
	Name string
	// ContactName, ContactEmail and ContactURL reach the people behind the data:
	// a functional mailbox, never a person's own.
	ContactName, ContactEmail, ContactURL string
	// BaseURL is the public address of the whole program without trailing slash:
	// "https://lucht.example.nl".
	BaseURL string
	// DatasetPages is what stands before a dataset's slug in the address of its
	// page on the site, such as "/open-data/" or "/data#"; empty when there are no
	// such pages.
	DatasetPages string
}

// Check reports everything that is wrong with the settings, in one error.
func (p Publisher) Check() error {
	var errs []error
	for _, f := range []struct{ name, value string }{{"publisher URI", p.URI}, {"contact URL", p.ContactURL}, {"base URL", p.BaseURL}} {
		u, err := url.Parse(f.value)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			errs = append(errs, fmt.Errorf("%s %q: give a whole web address, starting with https://", f.name, f.value))
		}
	}
	if strings.HasSuffix(p.BaseURL, "/") || strings.ContainsAny(p.BaseURL, "?#") {
		errs = append(errs, fmt.Errorf("base URL %q: leave out what comes after the host and path, also the last slash", p.BaseURL))
	}
	if a, err := mail.ParseAddress(p.ContactEmail); err != nil || a.Address != p.ContactEmail {
		errs = append(errs, fmt.Errorf("contact e-mail %q: give a bare address such as opendata@example.nl", p.ContactEmail))
	}
	if p.Name == "" || p.ContactName == "" {
		errs = append(errs, errors.New("publisher and contact name: give both"))
	}
	if p.DatasetPages != "" && !strings.HasPrefix(p.DatasetPages, "/") {
		errs = append(errs, fmt.Errorf("dataset pages %q: begin with a slash", p.DatasetPages))
	}
	return errors.Join(errs...)
}

// Distribution is one file form of a dataset.
type Distribution struct {
	// ID is "hours-csv".
	ID string
	// Format is the file extension: "csv", "json" or "geojson".
	Format string
	// MediaType is the type of the answer, without parameters.
	MediaType string
	// FileType is the name in the European list of file types.
	FileType string
	// ConformsTo is the web address of the format's specification.
	ConformsTo         string
	Title, Description Text
	// URL answers at once with the whole file.
	URL string
}

// Dataset is one published collection, as catalogue, API and pages show it.
type Dataset struct {
	// ID is stable and English, Slug the Dutch name in page addresses.
	ID, Slug string
	Title    Text
	// Description is at most MaxDescription characters in each language; it ends
	// with a warning when simulated stations are in the data.
	Description Text
	// Quality says in words how good the data is and what is in it.
	Quality Text
	// Keywords per language, in the same order.
	Keywords []Text
	// Theme, Frequency and Status are codes of the European lists: "ENVI",
	// "HOURLY", "COMPLETED".
	Theme, Frequency, Status string
	// Resolution is the time step as an ISO 8601 duration.
	Resolution string
	Licence    string
	// Version is DatasetVersion.
	Version string
	// Temporal is the span of the data; zero when there is none yet.
	Temporal Span
	// Spatial is the municipality.
	Spatial geo.Area
	// Modified is when the data last changed.
	Modified time.Time
	// Landing is the page about the dataset; empty when there is none.
	Landing       string
	Distributions []Distribution
}

// Datasets returns the datasets of the graph in fixed order: hours, verdicts.
// The same graph and publisher give the same answer.
func Datasets(g *Graph, p Publisher) []Dataset {
	hours := Dataset{
		ID: HoursDataset, Slug: "uurwaarden",
		Title: Text{
			"Luchtkwaliteit per uur in " + g.Municipality.Name + ", gemeten door bewoners",
			"Hourly air quality in " + g.Municipality.Name + ", measured by residents",
		},
		Description: Text{
			"Uurgemiddelden van stikstofdioxide (NO2), fijnstof (PM10 en PM2,5), temperatuur, luchtvochtigheid en luchtdruk van alle meetpunten van het meetnet. " +
				"Bij elke waarde staat hoeveel minuten van het uur gemeten zijn, of het uur meetelt en welke opmerkingen over de kwaliteit er zijn. " +
				"Een uur zonder meting is leeg, nooit nul. Kleine negatieve waarden zijn de ruis van een echt instrument en blijven staan. " +
				"Tijden zijn UTC en geven het begin van het uur. De plek van een meetpunt is de buurt; de precieze plek is niet openbaar.",
			"Hour means of nitrogen dioxide (NO2), particulate matter (PM10 and PM2.5), temperature, humidity and air pressure of all stations of the network. " +
				"Each value says how many minutes of the hour were measured, whether the hour counts and which quality remarks there are. " +
				"An hour without a measurement is empty, never zero. Small negative values are the noise of a real instrument and are kept. " +
				"Times are UTC and give the beginning of the hour. The place of a station is its neighbourhood; the precise place is not public.",
		},
		Keywords: []Text{
			{"luchtkwaliteit", "air quality"},
			{"stikstofdioxide", "nitrogen dioxide"},
			{"fijnstof", "particulate matter"},
			{"burgermetingen", "citizen science"},
			{"uurwaarden", "hourly values"},
		},
		Resolution: "PT1H",
	}
	verdicts := Dataset{
		ID: VerdictsDataset, Slug: "oordelen",
		Title: Text{
			"Oordeel over de lucht per buurt in " + g.Municipality.Name,
			"Verdict on the air per neighbourhood in " + g.Municipality.Name,
		},
		Description: Text{
			"Per buurt, norm en kalenderjaar: voldoen de meetpunten, is er een overschrijding, of is het niet vast te stellen? " +
				"Bij elk oordeel staan de waarde, de onzekerheid, het deel van het jaar dat gemeten is, en het aantal en de soort meetpunten. " +
				"Een norm wordt alleen vergeleken over zijn eigen periode. Een oordeel gaat over de meetpunten en niet over elke plek in de buurt. " +
				"Een kalenderjaar loopt in de tijd UTC+1, zoals de regels voor luchtkwaliteit vragen.",
			"Per neighbourhood, norm and calendar year: do the stations comply, is there an exceedance, or can it not be told? " +
				"Each verdict comes with the value, the uncertainty, the share of the year that was measured, and the number and kind of stations. " +
				"A norm is only compared over its own period. A verdict is about the stations and not about every place in the neighbourhood. " +
				"A calendar year runs in the time UTC+1, as the rules for air quality ask.",
		},
		Keywords: []Text{
			{"luchtkwaliteit", "air quality"},
			{"normen", "standards"},
			{"grenswaarde", "limit value"},
			{"buurt", "neighbourhood"},
			{"burgermetingen", "citizen science"},
		},
		Resolution: "P1Y",
	}
	ds := []Dataset{hours, verdicts}
	for i := range ds {
		complete(&ds[i], g, p)
	}
	return ds
}

// FindDataset returns the dataset with the id out of Datasets.
func FindDataset(g *Graph, p Publisher, id string) (Dataset, bool) {
	for _, d := range Datasets(g, p) {
		if d.ID == id {
			return d, true
		}
	}
	return Dataset{}, false
}

// complete fills in what all datasets have in common.
func complete(d *Dataset, g *Graph, p Publisher) {
	c := countStations(g)
	d.Theme, d.Frequency, d.Status = "ENVI", "HOURLY", "COMPLETED"
	if c.total > 0 && c.simulated == c.total {
		d.Status = "DEVELOP" // nothing real is in it yet
	}
	d.Licence, d.Version = Licence, DatasetVersion
	d.Temporal, d.Spatial, d.Modified = g.Span, g.Municipality, g.Modified
	d.Quality = quality(g, c)
	if c.simulated > 0 {
		// In the title too: catalogues and search results show nothing else.
		nl, en := " (gesimuleerde gegevens)", " (simulated data)"
		if c.simulated < c.total {
			nl, en = " (deels gesimuleerde gegevens)", " (partly simulated data)"
		}
		d.Title.NL += nl
		d.Title.EN += en
		d.Description.NL += fmt.Sprintf(" Let op, gesimuleerd: %s van de %s meetpunten. Gesimuleerde meetpunten meten geen lucht en zijn in elk bestand gemerkt (simulated).", dotted(c.simulated), dotted(c.total))
		d.Description.EN += fmt.Sprintf(" Note, simulated: %s of %s stations. Simulated stations measure no air and are marked in every file (simulated).", commaed(c.simulated), commaed(c.total))
	}
	if p.DatasetPages != "" {
		d.Landing = p.BaseURL + p.DatasetPages + d.Slug
	}
	d.Distributions = distributions(d, p)
}

func distributions(d *Dataset, p Publisher) []Distribution {
	forms := []Distribution{
		{
			Format: "csv", MediaType: "text/csv", FileType: "CSV", ConformsTo: "https://www.rfc-editor.org/info/rfc4180",
			Description: Text{"Tabel met een kopregel, UTF-8, komma als scheiding, punt als decimaalteken.", "Table with a header row, UTF-8, comma separated, decimal point."},
		},
		{
			Format: "json", MediaType: "application/json", FileType: "JSON", ConformsTo: "https://www.rfc-editor.org/info/rfc8259",
			Description: Text{"JSON met uitleg van de velden. Een ontbrekende waarde is null.", "JSON with an explanation of the fields. A missing value is null."},
		},
		{
			Format: "geojson", MediaType: "application/geo+json", FileType: "GEOJSON", ConformsTo: "https://www.rfc-editor.org/info/rfc7946",
			Description: Text{"Voor kaarten, WGS 84. Een meetpunt staat op het midden van zijn buurt, niet op zijn precieze plek.", "For maps, WGS 84. A station is put at the centre of its neighbourhood, not at its precise place."},
		},
	}
	for i := range forms {
		f := &forms[i]
		f.ID = d.ID + "-" + f.Format
		f.Title = Text{d.Title.NL + " (" + f.FileType + ")", d.Title.EN + " (" + f.FileType + ")"}
		f.URL = p.BaseURL + "/v1/datasets/" + d.ID + "/data." + f.Format
	}
	return forms
}

// stationCount is how many stations of which kind stand behind the data: kinds
// of the real ones, and of the simulated ones apart, because a simulated
// official station is not an official one.
type stationCount struct {
	total, simulated int
	real, feigned    kindCount
}

type kindCount struct{ reference, tube, calibrated, sensor int }

func (k *kindCount) add(kind reading.Kind) {
	switch kind {
	case reading.KindReference:
		k.reference++
	case reading.KindTube:
		k.tube++
	case reading.KindSensorCalibrated:
		k.calibrated++
	case reading.KindSensor, reading.KindSensorNetwork: // the latter is of a series only
		k.sensor++
	}
}

func (k kindCount) text() Text {
	return Text{
		fmt.Sprintf("officieel: %s; buisjes: %s; sensoren met ijking: %s; sensoren zonder ijking: %s", dotted(k.reference), dotted(k.tube), dotted(k.calibrated), dotted(k.sensor)),
		fmt.Sprintf("official: %s; tubes: %s; calibrated sensors: %s; sensors without calibration: %s", commaed(k.reference), commaed(k.tube), commaed(k.calibrated), commaed(k.sensor)),
	}
}

// dotted writes a number as Dutch does (12.345), commaed as English does.
func dotted(n int) string { return strings.ReplaceAll(commaed(n), ",", ".") }

func commaed(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func countStations(g *Graph) stationCount {
	c := stationCount{total: len(g.Stations)}
	for _, s := range g.Stations {
		if s.Simulated {
			c.simulated++
			c.feigned.add(s.Kind)
		} else {
			c.real.add(s.Kind)
		}
	}
	return c
}

func quality(g *Graph, c stationCount) Text {
	kinds := c.real.text()
	nl := fmt.Sprintf("Echte meetpunten: %s (%s). ", dotted(c.total-c.simulated), kinds.NL)
	en := fmt.Sprintf("Real stations: %s (%s). ", commaed(c.total-c.simulated), kinds.EN)
	if c.simulated > 0 {
		kinds = c.feigned.text()
		nl += fmt.Sprintf("Gesimuleerde meetpunten: %s (%s). ", dotted(c.simulated), kinds.NL)
		en += fmt.Sprintf("Simulated stations: %s (%s). ", commaed(c.simulated), kinds.EN)
	}
	nl += "Sensoren van bewoners zijn minder nauwkeurig dan een officieel meetstation; de onzekerheid staat bij elk oordeel. " +
		"Een uur telt mee als minstens 45 minuten gemeten zijn. Opmerkingen verwijderen niets: de ruwe waarde blijft bewaard."
	en += "Residents' sensors are less precise than an official station; the uncertainty stands beside each verdict. " +
		"An hour counts when at least 45 minutes were measured. Remarks delete nothing: the raw value is kept."
	var flagged, refused int64
	for _, f := range g.Flagged {
		flagged += f.Hours
	}
	for _, r := range g.Rejects {
		refused += r.Arrivals
	}
	nl += fmt.Sprintf(" Opmerkingen bij uren: %s. Geweigerd: %s.", dotted(int(flagged)), dotted(int(refused)))
	en += fmt.Sprintf(" Remarks on hours: %s. Refused: %s.", commaed(int(flagged)), commaed(int(refused)))
	return Text{nl, en}
}
