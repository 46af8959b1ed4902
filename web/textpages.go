package web

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"net"
	"net/url"

	"buurtmeter/ingest/reading"
	"buurtmeter/opendata"
)

type connectBody struct {
	Topic      string
	One, Batch string
	Properties []propertyRow
	Flags      []flagRow
	Refused    []refusedRow
	Kits       []kitRow
	// Door is the address of the HTTP door; DoorLocal as BrokerLocal.
	Door      string
	DoorLocal bool
	Operator  *operator
	// Broker is the address that stations connect to; empty when it is not known.
	// BrokerLocal tells that it only works on the server's own computer.
	Broker      string
	BrokerLocal bool
}

// operator is who runs the site, and how to reach them.
type operator struct{ Name, Contact, Email, URL string }

// operator is nil when the settings name none.
func (s *site) operator() *operator {
	p := s.o.Publisher
	if p.Name == "" {
		return nil
	}
	return &operator{p.Name, p.ContactName, p.ContactEmail, p.ContactURL}
}

// refusedRow is one cause of a refusal: when it is given, and what it takes
// along.
type refusedRow struct {
	Cause, What string
	When        template.HTML
}

// refusals lists every cause, by what is refused, the largest first.
func refusals() map[string][]string {
	return map[string][]string{
		"message": {"too-large", "not-utf8", "json", "format-unknown", "simulated", "station-unknown", "station-paused", "station-deleted"},
		"reading": {"time-missing", "time-unreadable", "time-implausible", "interval", "revision", "no-values", "store-refused"},
		"value":   {"property-unknown", "unit-unknown", "value-unreadable", "value-misplaced", "channel-unknown", "second-sensor", "conflict"},
	}
}

func (r request) refused() []refusedRow {
	var out []refusedRow
	for _, what := range []string{"message", "reading", "value"} {
		for _, cause := range refusals()[what] {
			out = append(out, refusedRow{r.cause(cause), r.T("refused." + what), r.Rich("refused.when." + cause)})
		}
	}
	return out
}

// localOnly reports whether the address of a broker ("tcp://127.0.0.1:1883")
// leads nowhere from another computer.
func localOnly(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "" || u.Hostname() == "localhost" || (ip != nil && (ip.IsLoopback() || ip.IsUnspecified()))
}

type propertyRow struct{ Key, Name, Unit, Low, High string }

// wireReading is the form in which a station sends one reading; it exists so
// that the examples on the page are made by an encoder and not by hand.
type wireReading struct {
	Time     string             `json:"time"`
	Interval int                `json:"interval"`
	Rev      int                `json:"rev,omitempty"`
	Values   map[string]float64 `json:"values"`
}

type wireBatch struct {
	Readings []wireReading `json:"readings"`
}

func (s *site) connectPage(_ context.Context, r request) (view, error) {
	b := connectBody{Topic: "buurtmeter/v1/{station}/readings", Refused: r.refused(), Kits: kits(), Operator: s.operator(), Broker: s.o.MQTT, Door: s.o.Door}
	b.BrokerLocal = b.Broker != "" && localOnly(b.Broker)
	b.DoorLocal = b.Door != "" && localOnly(b.Door)
	hour := "2026-11-23T08:"
	one := wireReading{hour + "00:00Z", 300, 0, map[string]float64{"no2": 21.4, "pm25": 8.1, "pm10": 14.0}}
	two := wireReading{hour + "05:00Z", 300, 0, map[string]float64{"no2": 22.0, "pm25": 8.3, "pm10": 14.2}}
	var err error
	if b.One, err = pretty(one); err != nil {
		return view{}, err
	}
	if b.Batch, err = pretty(wireBatch{[]wireReading{one, two}}); err != nil {
		return view{}, err
	}
	for _, i := range reading.Properties() {
		b.Properties = append(b.Properties, propertyRow{string(i.Property), r.property(i.Property), i.Unit, r.trim(i.Min), r.trim(i.Max)})
	}
	for _, f := range reading.FlagTable() {
		b.Flags = append(b.Flags, flagRow{Flag: f.Key, Property: r.T("flag." + f.Key), Hours: r.T("flagnote." + f.Key), Excludes: f.Excludes})
	}
	return view{page: "connect", title: r.T("connect.title"), path: "/aansluiten", body: b}, nil
}

func pretty(v any) (string, error) {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return "", fmt.Errorf("example: %w", err)
	}
	return string(raw), nil
}

type dataBody struct {
	Datasets []datasetView
	Licence  string
	Flags    []flagRow
	Rejects  []rejectRow
	Span     string
	Stations []stationItem
	More     int // stations that the page does not list
}

// maxListed bounds the list of stations on the page; the API has them all.
const maxListed = 400

type datasetView struct {
	ID, Title, Description, Quality string
	Files                           []fileView
}

type fileView struct{ Href, Format, Description string }

type rejectRow struct{ Cause, Distinct, Arrivals string }

func (s *site) dataPage(_ context.Context, r request) (view, error) {
	b := dataBody{Licence: opendata.Licence}
	for _, d := range opendata.Datasets(r.g, opendata.Publisher{}) {
		v := datasetView{ID: d.ID, Title: r.pick(d.Title), Description: r.pick(d.Description), Quality: r.pick(d.Quality)}
		for _, f := range d.Distributions {
			v.Files = append(v.Files, fileView{f.URL, f.FileType, r.pick(f.Description)})
		}
		b.Datasets = append(b.Datasets, v)
	}
	excludes := map[string]bool{}
	for _, f := range reading.FlagTable() {
		excludes[f.Key] = f.Excludes
	}
	for _, f := range r.g.Flagged {
		b.Flags = append(b.Flags, flagRow{r.symbol(f.Property), r.T("flag." + f.Flag), r.Count(f.Hours), excludes[f.Flag]})
	}
	for _, j := range r.g.Rejects {
		b.Rejects = append(b.Rejects, rejectRow{r.cause(j.Cause), r.Count(j.Distinct), r.Count(j.Arrivals)})
	}
	if !r.g.Span.From.IsZero() {
		b.Span = r.T("data.span", "from", r.Moment(r.g.Span.From), "to", r.Moment(r.g.Span.To))
	}
	for i, st := range r.g.Stations {
		if i == maxListed {
			b.More = len(r.g.Stations) - i
			break
		}
		b.Stations = append(b.Stations, r.stationItem(st))
	}
	return view{page: "data", title: r.T("data.title"), path: "/data", body: b}, nil
}

// cause words the cause of a refusal; a cause that the site does not know yet
// is shown by its key, so that no count is left out.
func (r request) cause(key string) string {
	if r.Has("cause." + key) {
		return r.T("cause." + key)
	}
	return key
}

type privacyBody struct{ Operator *operator }

func (s *site) privacyPage(_ context.Context, r request) (view, error) {
	return view{page: "privacy", title: r.T("privacy.title"), path: "/privacy", body: privacyBody{s.operator()}}, nil
}
