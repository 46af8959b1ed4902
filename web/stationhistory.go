package web

import (
	"fmt"
	"strings"
	"time"

	"buurtmeter/ingest/register"
	"buurtmeter/opendata"
)

// newestEvents is how many events stand on the page unfolded.
const newestEvents = 20

// eventRow is an event in words. Who and Why may be in words of people.
type eventRow struct {
	When, What, Detail string
	Who, Why           string
}

type objectionRow struct {
	Property, Flag, Period string
	// Made and Answered say who and when; Answered is empty while it is open.
	Made, Why               string
	State, Answered, Answer string
}

type boardRow struct{ Model, From, Until string }

// historyBody is the past of a station on its page.
type historyBody struct {
	Newest, Rest    []eventRow
	OlderEvents     int
	Objections      []objectionRow
	OlderObjections int
	Boards          []boardRow
}

func (r request) history(h opendata.History) historyBody {
	b := historyBody{OlderEvents: h.OlderEvents, OlderObjections: h.OlderObjections}
	for i, e := range h.Events {
		row := eventRow{When: r.Moment(e.At), What: r.named("event.", e.What), Detail: r.eventDetail(e), Who: r.who(e.Actor), Why: e.Why}
		if i < newestEvents {
			b.Newest = append(b.Newest, row)
		} else {
			b.Rest = append(b.Rest, row)
		}
	}
	for _, o := range h.Objections {
		row := objectionRow{
			Property: r.named("symbol.", string(o.Property)), Flag: r.named("flag.", o.Flag), Period: r.span(o.From, o.To),
			Made: r.by(o.Actor, o.At), Why: o.Why, State: r.named("objection.", o.State), Answer: o.Answer,
		}
		if !o.AnsweredAt.IsZero() {
			row.Answered = r.by(o.AnsweredBy, o.AnsweredAt)
		}
		b.Objections = append(b.Objections, row)
	}
	for _, x := range h.Boards {
		row := boardRow{Model: r.board(x.Model), From: r.Moment(x.From)}
		if !x.Until.IsZero() {
			row.Until = r.Moment(x.Until)
		}
		b.Boards = append(b.Boards, row)
	}
	return b
}

// named is the text of a stored word; what a later version stored is shown as
// it is, because a page without it would hide an event.
func (w words) named(prefix, word string) string {
	if w.Has(prefix + word) {
		return w.T(prefix + word)
	}
	return word
}

// who says who did something: the parts that people have in words, and a name
// as it was given.
func (w words) who(actor string) string {
	if actor == "" {
		return "–"
	}
	return w.named("who.", actor)
}

func (w words) by(actor string, at time.Time) string {
	return w.T("objection.by", "who", w.who(actor), "when", w.Moment(at))
}

// span writes a period whose end is the first moment outside of it; the day once
// when it is the same.
func (w words) span(from, to time.Time) string {
	end := w.Moment(to)
	if w.Day(from) == w.Day(to) {
		end = clock(to).Format("15:04")
	}
	return w.T("span.both", "from", w.Moment(from), "to", end)
}

func (w words) board(model string) string {
	if model == "" || model == register.NoModel {
		return w.T("board.unnamed")
	}
	return model
}

// eventDetail puts the fixed form of a detail into words, and gives it as it is
// when it has another form.
func (w words) eventDetail(e opendata.Event) string {
	said, ok := "", false
	switch e.What {
	case register.EventWithdrawn, register.EventRestored:
		said, ok = w.periodWords(e.Detail)
	case register.EventBoardAttached, register.EventBoardDetached:
		said, ok = w.boardWords(e.Detail)
	case register.EventObjected, register.EventObjectionGranted, register.EventObjectionRefused:
		said, ok = w.objectionWords(e.Detail)
	case register.EventWireDeclared:
		said, ok = w.wireWords(e.Detail)
	case register.EventCalibrated, register.EventCalibrationWithdrawn:
		said, ok = w.calibrationWords(e.Detail)
	case register.EventParticleDeclared:
		said, ok = w.particleWords(e.Detail)
	case register.EventSitingDeclared:
		said, ok = w.named("siting.", e.Detail), true
	}
	if !ok {
		return e.Detail
	}
	return said
}

// periodWords reads "begin/end".
func (w words) periodWords(detail string) (said string, ok bool) {
	begin, end, _ := strings.Cut(detail, "/")
	from, err := time.Parse(time.RFC3339, begin)
	if err != nil {
		return "", false
	}
	to, err := time.Parse(time.RFC3339, end)
	return w.span(from, to), err == nil
}

// boardWords reads "model from begin", "model from begin until end" and "model
// until end". The model is free text, so the moments are looked for from the end.
func (w words) boardWords(detail string) (said string, ok bool) {
	model, until := cutMoment(detail, " until ")
	model, from := cutMoment(model, " from ")
	switch model = w.board(model); {
	case from.IsZero() && until.IsZero():
		return "", false
	case until.IsZero():
		return w.T("board.from", "model", model, "from", w.Moment(from)), true
	case from.IsZero():
		return w.T("board.until", "model", model, "to", w.Moment(until)), true
	default:
		return w.T("board.both", "model", model, "period", w.span(from, until)), true
	}
}

// cutMoment cuts the moment after the last sep off; zero when there is none.
func cutMoment(s, sep string) (before string, at time.Time) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, time.Time{}
	}
	at, err := time.Parse(time.RFC3339, s[i+len(sep):])
	if err != nil {
		return s, time.Time{}
	}
	return s[:i], at
}

// objectionWords reads "id flag of property begin/end".
func (w words) objectionWords(detail string) (said string, ok bool) {
	f := strings.Fields(detail)
	if len(f) != 5 || f[2] != "of" {
		return "", false
	}
	period, ok := w.periodWords(f[4])
	return w.T("objection.detail", "id", f[0], "flag", w.named("flag.", f[1]), "property", w.named("symbol.", f[3]), "period", period), ok
}

// wireWords reads "format x, zone y, n channels".
func (w words) wireWords(detail string) (said string, ok bool) {
	var format, zone string
	var channels int
	if _, err := fmt.Sscanf(strings.ReplaceAll(detail, ",", " "), "format %s zone %s %d channels", &format, &zone, &channels); err != nil {
		return "", false
	}
	if zone == "none" {
		zone = w.T("wire.nozone")
	}
	return w.T("wire.detail", "format", format, "zone", zone, "n", channels), true
}
