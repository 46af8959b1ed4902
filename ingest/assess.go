package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
)

// AssessOptions are what an Assessor works with. Store is required; the zero
// value of every other field means the stated default.
type AssessOptions struct {
	Store AssessmentStore
	// Places, when set, returns the public place of every station that has one: a
	// point of the area that is published with it. Of the others the Coarse cell
	// stands in.
	Places func(ctx context.Context) (map[reading.StationID]reading.Place, error)
	// Every is the time between two passes, of whichever process; default 1 hour.
	Every time.Duration
	// Poll is how often a process asks whether it is its turn; default Every/60.
	Poll time.Duration
	// Log gets faults of the store; default: nothing is logged.
	Log *slog.Logger
}

// Assessor compares the hours of every sensor with those of the official
// stations near it, over the latest weeks and month by month.
//
// Which stations are near is a function of what is published already: the
// distances are those of the public place of the sensor, never of its position.
// So an assessment tells nothing about where in its area a home stands, however
// many official stations there are. A sensor outside every area is taken to stand
// in the middle of a cell of some 5 km.
//
// An assessment is always computed anew from the stored hours and never added
// to. It depends on them, on the withdrawn periods, and on the latest recorded
// change of device or place. A month whose two blocks are as they were keeps its
// figures. Several may run at once, in one process or in many: they take turns.
type Assessor struct{ o AssessOptions }

// NewAssessor returns an Assessor. It is used by one goroutine.
func NewAssessor(o AssessOptions) *Assessor {
	turnDefaults(&o.Every, &o.Poll, &o.Log)
	return &Assessor{o: o}
}

// Run assesses whenever it is this process's turn, until ctx ends. Faults are
// logged and the rest waits for the next turn. The error is always nil.
func (a *Assessor) Run(ctx context.Context) error {
	turns{
		every: a.o.Every, poll: a.o.Poll, log: a.o.Log, take: a.o.Store.TakeAssessmentTurn, once: a.Once,
		failed: "assess: some stations could not be compared with official ones; they are with the next turn",
	}.run(ctx)
	return nil
}

// kitsPage is how many sensors are read and stored together.
const kitsPage = 64

// Once brings the assessments of all sensors up to date and returns of how many
// sensors they changed. On an error the other sensors are done all the same.
func (a *Assessor) Once(ctx context.Context) (changed int, err error) {
	p, err := a.survey(ctx)
	if err != nil {
		return 0, fmt.Errorf("look at the stations to assess: %w", err)
	}
	var errs []error
	for page := range slices.Chunk(p.kits, kitsPage) {
		n, err := p.assess(ctx, page)
		changed += n
		if err != nil {
			errs = append(errs, err)
		}
		if ctx.Err() != nil || len(errs) == maxStationsFailing {
			break // then it is the store that fails and not a station
		}
	}
	return changed, errors.Join(errs...)
}

// official is a reference station with the versions of its blocks.
type official struct {
	AssessedStation
	position reading.SecretPosition
	versions map[reading.Property]map[reading.Month]int64
}

// choice is what the choice of reference stations depends on.
type choice struct {
	lon, lat  float64
	property  reading.Property
	simulated bool
}

// refMonth names the hours of a reference station that a pass holds.
type refMonth struct {
	reference int
	property  reading.Property
	month     reading.Month
}

// assessing is one pass. The hours of a reference station are read once in a
// pass, when the first sensor needs them, and stay: some 3 kB for each station,
// property and month that changed.
type assessing struct {
	o         AssessOptions
	kits      []AssessedStation
	seen      map[reading.StationID]int64
	places    map[reading.StationID]reading.Place
	officials []official
	chosen    map[choice][]reading.Reach
	rows      map[refMonth][]int32
}

func (a *Assessor) survey(ctx context.Context) (*assessing, error) {
	p := &assessing{
		o: a.o, seen: map[reading.StationID]int64{}, places: map[reading.StationID]reading.Place{},
		chosen: map[choice][]reading.Reach{}, rows: map[refMonth][]int32{},
	}
	stations, err := a.o.Store.AssessedStations(ctx)
	if err != nil {
		return nil, err
	}
	index := map[reading.StationID]int{}
	for _, st := range stations {
		p.seen[st.ID] = st.Events
		switch {
		case st.Kind == reading.KindSensor || st.Kind == reading.KindSensorCalibrated:
			p.kits = append(p.kits, st)
		case st.Kind == reading.KindReference && st.Siting != reading.SitingRoadside && st.Siting != reading.SitingIndustrial:
			index[st.ID] = len(p.officials)
			p.officials = append(p.officials, official{AssessedStation: st, versions: map[reading.Property]map[reading.Month]int64{}})
		}
	}
	// A position gives a cell first; an area, which is finer, replaces it.
	err = a.o.Store.Positions(ctx, func(id reading.StationID, pos reading.SecretPosition) error {
		if i, ok := index[id]; ok {
			p.officials[i].position = pos
		}
		p.places[id] = pos.Coarse()
		return nil
	})
	if err != nil {
		return nil, err
	}
	if a.o.Places != nil {
		public, err := a.o.Places(ctx)
		if err != nil {
			return nil, fmt.Errorf("public places: %w", err)
		}
		for id, place := range public {
			if _, ok := p.places[id]; ok {
				p.places[id] = place
			}
		}
	}
	ids := make([]reading.StationID, 0, len(p.officials))
	for _, o := range p.officials {
		ids = append(ids, o.ID)
	}
	versions, err := a.o.Store.SeriesVersions(ctx, ids)
	for _, v := range versions {
		note(p.officials[index[v.Station]].versions, v)
	}
	return p, err
}

func note(versions map[reading.Property]map[reading.Month]int64, v SeriesVersion) {
	if versions[v.Property] == nil {
		versions[v.Property] = map[reading.Month]int64{}
	}
	versions[v.Property][v.Month] = v.Version
}

// near returns the reference stations to compare with at a place: background
// stations first, then those of which nothing was declared, in both by distance.
func (p *assessing) near(place reading.Place, property reading.Property, simulated bool) []reading.Reach {
	c := choice{place.Lon, place.Lat, property, simulated}
	if found, ok := p.chosen[c]; ok {
		return found
	}
	positions := make([]reading.SecretPosition, len(p.officials))
	for i, o := range p.officials {
		// Simulated stations are compared with each other only.
		if o.versions[property] != nil && o.Simulated == simulated {
			positions[i] = o.position
		}
	}
	found := reading.NearestSecret(place, positions, []float64{quality.ReferenceNear, quality.ReferenceRadius})
	slices.SortStableFunc(found, func(a, b reading.Reach) int {
		return -cmp.Compare(p.officials[a.Index].Siting, p.officials[b.Index].Siting) // "background" before ""
	})
	found = found[:min(len(found), quality.ReferenceMost)]
	p.chosen[c] = found
	return found
}

// assess brings the assessments of some kits up to date.
func (p *assessing) assess(ctx context.Context, kits []AssessedStation) (changed int, err error) {
	ids := make([]reading.StationID, len(kits))
	for i, k := range kits {
		ids[i] = k.ID
	}
	list, err := p.o.Store.SeriesVersions(ctx, ids)
	if err != nil {
		return 0, err
	}
	versions := map[reading.StationID]map[reading.Property]map[reading.Month]int64{}
	for _, v := range list {
		if versions[v.Station] == nil {
			versions[v.Station] = map[reading.Property]map[reading.Month]int64{}
		}
		note(versions[v.Station], v)
	}
	all, err := p.o.Store.Assessments(ctx, ids)
	if err != nil {
		return 0, err
	}
	stored := map[reading.StationID][]Assessment{}
	for _, s := range all {
		stored[s.Station] = append(stored[s.Station], s)
	}
	var batch []KitAssessments
	for _, k := range kits {
		next, same, err := p.kit(ctx, k, versions[k.ID], stored[k.ID])
		if err != nil {
			return 0, fmt.Errorf("station %s: %w", k.ID, err)
		}
		if !same {
			batch = append(batch, KitAssessments{k.ID, next})
		}
	}
	if len(batch) == 0 {
		return 0, nil
	}
	return len(batch), p.o.Store.PutAssessments(ctx, p.seen, batch)
}

// kit assesses one kit; same tells that what is stored is right.
func (p *assessing) kit(ctx context.Context, k AssessedStation, versions map[reading.Property]map[reading.Month]int64, stored []Assessment) (next []Assessment, same bool, err error) {
	kept := 0
	for _, info := range reading.Properties() {
		if versions[info.Property] == nil || !info.Norm || !quality.Comparable(info.Property) {
			continue
		}
		s := &series{p: p, kit: k, property: info.Property, versions: versions[info.Property], rows: map[reading.Month][]int32{}}
		for _, r := range p.near(p.placeOf(k), info.Property, k.Simulated) {
			i := slices.IndexFunc(stored, func(a Assessment) bool {
				return a.Property == info.Property && a.Reference == p.officials[r.Index].ID
			})
			var old Assessment
			if i >= 0 {
				old = stored[i]
			}
			a, err := s.against(ctx, r, old)
			if err != nil {
				return nil, false, err
			}
			if i >= 0 && a.Inputs == old.Inputs {
				kept++
			}
			next = append(next, a)
		}
	}
	return next, kept == len(stored) && len(next) == kept, nil
}

func (p *assessing) placeOf(k AssessedStation) reading.Place {
	if place, ok := p.places[k.ID]; ok {
		return place
	}
	return reading.SecretPosition{}.Coarse() // nowhere
}
