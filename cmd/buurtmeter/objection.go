package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"buurtmeter/ingest"
	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// objectionFlags are the flags of the command "objection".
type objectionFlags struct {
	station, property, flag, from, to, text, actor, id string
	accept, reject                                     bool
}

// runObjection records objections to remarks, lists them and answers them.
func runObjection(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("objection", flag.ContinueOnError)
	var st stores
	st.flags(fs)
	var o objectionFlags
	fs.StringVar(&o.station, "station", "", "remarks, add, list: id of the station; list: empty for all")
	fs.StringVar(&o.property, "property", "", "add: what was measured, such as no2")
	fs.StringVar(&o.flag, "flag", "", "add: the remark that the objection is against, such as constant")
	fs.StringVar(&o.from, "from", "", "add: begin of the period, such as 2026-11-23T08:00:00+01:00")
	fs.StringVar(&o.to, "to", "", "add: end of the period")
	fs.StringVar(&o.text, "text", "", "add, answer: why; public, so without personal data")
	fs.StringVar(&o.actor, "actor", "", "who objects or answers, in public words (default: keeper for add, operator for answer)")
	fs.StringVar(&o.id, "id", "", "answer: id of the objection, such as zs-001/3")
	fs.BoolVar(&o.accept, "accept", false, "answer: the objection is right; the remark no longer keeps values out")
	fs.BoolVar(&o.reject, "reject", false, "answer: the remark stands")
	rest, err := p.parse(fs, args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return hint(errors.New("objection wants one of: remarks, add, list, answer"), "e.g. buurtmeter objection list")
	}
	run := map[string]func(context.Context, *program, *register.Register) error{
		"add": o.add, "list": o.list, "answer": o.answer, "remarks": o.remarks,
	}[rest[0]]
	if run == nil {
		return hint(fmt.Errorf("objection has no command %q", rest[0]), "use remarks, add, list or answer")
	}
	reg, err := p.openRegister(ctx, st)
	if err != nil {
		return err
	}
	defer func() { _ = reg.Close() }()
	err = run(ctx, p, reg)
	switch {
	case errors.Is(err, register.ErrUnknownObjection):
		return hint(err, "buurtmeter objection list shows the ids")
	case errors.Is(err, ingest.ErrUnknownStation):
		return hint(err, "buurtmeter station list shows the ids")
	case errors.Is(err, reading.ErrNotPublic):
		return hint(err, notPublicHint)
	case errors.Is(err, register.ErrObjection):
		return hint(err, "see 'buurtmeter objection -h'")
	}
	return err
}

func (o *objectionFlags) add(ctx context.Context, p *program, reg *register.Register) error {
	id, err := reading.ParseStationID(o.station)
	if err != nil {
		return hint(err, "name the station with --station")
	}
	f, err := reading.ParseFlag(o.flag)
	if err != nil {
		return hint(err, "name the remark with --flag")
	}
	var period [2]time.Time
	for i, s := range []string{o.from, o.to} {
		if period[i], err = time.Parse(time.RFC3339, s); err != nil {
			return hint(fmt.Errorf("%q is not a time with a zone", s), "give --from and --to as 2026-11-23T08:00:00+01:00")
		}
	}
	objection, err := reg.Object(ctx, id, reading.Property(o.property), f, period[0], period[1], o.text, orElse(o.actor, "keeper"))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "objection %s is recorded and public. An answer: buurtmeter objection answer --id %s --accept|--reject --text TEXT\n", objection, objection)
	return err
}

func (o *objectionFlags) answer(ctx context.Context, p *program, reg *register.Register) error {
	if o.accept == o.reject {
		return hint(errors.New("an answer accepts or rejects"), "give one of --accept and --reject")
	}
	if err := reg.Answer(ctx, o.id, o.accept, o.text, orElse(o.actor, "operator")); err != nil {
		return err
	}
	what := "rejected: the remark stands"
	if o.accept {
		what = "accepted: the remark no longer keeps values out, and the hours are computed anew"
	}
	_, err := fmt.Fprintf(p.stdout, "objection %s is %s\n", o.id, what)
	return err
}

func (o *objectionFlags) list(ctx context.Context, p *program, reg *register.Register) error {
	all, err := reg.Objections(ctx, reading.StationID(o.station))
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	for _, x := range all {
		writeObjection(w, x)
	}
	return w.Flush()
}

// remarks lists what the checks remarked on a station, by period: what an
// objection can be about.
func (o *objectionFlags) remarks(ctx context.Context, p *program, reg *register.Register) error {
	id, err := reading.ParseStationID(o.station)
	if err != nil {
		return hint(err, "name the station with --station")
	}
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	for _, info := range reading.Properties() {
		var flags []reading.Flag
		var first reading.Hour
		err := reg.EachBlock(ctx, id, info.Property, math.MinInt32, math.MaxInt32, func(b reading.Block) error {
			if flags == nil {
				first = b.Month.First()
			}
			// Months without a block have no remarks.
			flags = append(flags, make([]reading.Flag, int(b.Month.First()-first)-len(flags))...)
			flags = append(flags, b.Flags...)
			return nil
		})
		if err != nil {
			return err
		}
		for _, r := range quality.Remarks(first, flags) {
			level := string(r.Level)
			if r.Lifted {
				level = "lifted"
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s to %s\trule version %d\n", info.Property, r.Cause, level,
				r.From.Start().Format(time.RFC3339), r.To.Start().Format(time.RFC3339), r.Version)
		}
	}
	all, err := reg.Assessments(ctx, []reading.StationID{id})
	if err != nil {
		return err
	}
	for _, a := range all {
		for _, r := range a.Remarks() {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s to %s\trule version %d, beside %s\n", a.Property, r.Cause, r.Level,
				r.From.Start().Format(time.RFC3339), r.To.Start().Format(time.RFC3339), r.Version, a.Reference)
		}
	}
	return w.Flush()
}

func writeObjection(w io.Writer, x register.Objection) {
	_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s to %s\t%s: %s\n", x.ID, x.State, x.Property, x.Flag,
		x.From.Format(time.RFC3339), x.To.Format(time.RFC3339), x.Actor, x.Text)
	if x.State != register.ObjectionOpen {
		_, _ = fmt.Fprintf(w, "\t\t\t\tanswer of %s\t%s: %s\n", x.AnsweredAt.Format(time.RFC3339), x.AnsweredBy, x.Answer)
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
