package web

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/geo"
	"buurtmeter/geo/norm"
	"buurtmeter/ingest"
	"buurtmeter/ingest/decode"
	"buurtmeter/ingest/quality"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/tube"
	"buurtmeter/ingest/tube/store"
	"buurtmeter/opendata"
)

func bothLanguages(t *testing.T) (nl, en words) {
	t.Helper()
	nl, err := loadWords(dutch)
	require.NoError(t, err)
	en, err = loadWords(english)
	require.NoError(t, err)
	return nl, en
}

func keysOf(w words) []string {
	ks := make([]string, 0, len(w.messages))
	for k := range w.messages {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}

func TestBothLanguagesHaveTheSameKeysAndPlaceholders(t *testing.T) {
	nl, en := bothLanguages(t)
	assert.Empty(t, cmp.Diff(keysOf(nl), keysOf(en)))
	places := regexp.MustCompile(`\{[a-z0-9]+\}`)
	for k, m := range nl.messages {
		a, b := places.FindAllString(m, -1), places.FindAllString(en.messages[k], -1)
		slices.Sort(a)
		slices.Sort(b)
		assert.Empty(t, cmp.Diff(slices.Compact(a), slices.Compact(b)), "placeholders of %s", k)
		assert.NotEmpty(t, strings.TrimSpace(m), k)
		assert.NotEmpty(t, strings.TrimSpace(en.messages[k]), k)
	}
}

// allCauses lists why something is refused.
func allCauses() []string {
	return []string{
		decode.CauseTooLarge, decode.CauseNotUTF8, decode.CauseJSON, decode.CauseNoValues, decode.CauseTimeMissing,
		decode.CauseTimeUnreadable, decode.CauseInterval, decode.CauseRevision, decode.CauseValueUnreadable,
		decode.CauseValueMisplaced, decode.CausePropertyUnknown, decode.CauseUnitUnknown,
		ingest.CauseStationUnknown, ingest.CauseStoreRefused, ingest.CauseConflict, ingest.CauseTimeImplausible, ingest.CauseStationPaused,
		decode.CauseFormatUnknown, decode.CauseChannelUnknown, decode.CauseSimulated, decode.CauseSecondSensor, decode.CauseOtherDevice, ingest.CauseStationDeleted,
	}
}

func TestThePageNamesEveryCauseOfARefusal(t *testing.T) {
	var named []string
	for _, causes := range refusals() {
		named = append(named, causes...)
	}
	assert.ElementsMatch(t, allCauses(), named)
}

// made lists the keys that the code puts together from a value, so that the
// test below knows them without guessing.
func made() []string {
	var ks []string
	add := func(prefix string, values ...string) {
		for _, v := range values {
			ks = append(ks, prefix+v)
		}
	}
	plural := func(prefix string, values ...string) {
		for _, v := range values {
			add(prefix+v, ".one", ".other")
		}
	}
	outcomes := []string{"complies", "exceeds", "exceeds-incomplete", "cannot-tell"}
	add("outcome.", outcomes...)
	add("would.", outcomes...)
	add("method.outcome.", outcomes...)
	for _, s := range []string{"mean.", "count."} {
		plural("say."+s, outcomes[:3]...)
		plural("say.would."+s, outcomes[:3]...)
	}
	plural("say.none.", outcomes[:3]...)
	add("reason.", "no-data", "coverage", "coverage-running", "uncertainty-none", "uncertainty", "uncertainty-count", "running", "no-station", "other")
	add("certainty.", "above", "below", "open")
	add("because.", "no-data", "coverage", "coverage-running", "uncertainty", "running", "other")
	for _, i := range reading.Properties() {
		add("property.", string(i.Property))
		add("symbol.", string(i.Property))
	}
	for _, k := range []reading.Kind{reading.KindReference, reading.KindSensor, reading.KindSensorCalibrated, reading.KindSensorNetwork, reading.KindTube} {
		add("kind.", string(k))
		add("kindnote.", string(k))
		plural("kinds.", string(k))
	}
	for _, f := range reading.FlagTable() {
		add("flag.", f.Key)
		add("flagnote.", f.Key)
	}
	for _, c := range quality.Rules() {
		add("scope.", string(c.Scope))
		add("level.", string(c.Level))
	}
	add("event.", opendata.EventKinds()...)
	add("siting.", string(reading.SitingRoadside), string(reading.SitingBackground), string(reading.SitingIndustrial))
	add("", "area.wijk.stations.zero")
	add("sitings.", string(reading.SitingRoadside), string(reading.SitingBackground), string(reading.SitingIndustrial), "unknown")
	for _, level := range []geo.Level{geo.Buurt, geo.Wijk, geo.Gemeente} {
		add("", "here."+string(level), "area.code."+string(level), "area.title."+string(level), "error.no-"+string(level)+".title", "error.no-"+string(level)+".text")
	}
	add("objection.", string(register.ObjectionOpen), string(register.ObjectionAccepted), string(register.ObjectionRejected))
	add("campaign.event.", store.EventKinds()...)
	add("campaign.policy.", string(tube.AtLimit), string(tube.HalfLimit), string(tube.LeaveOut))
	add("campaign.blanks.", string(tube.BlanksReported), string(tube.BlanksSubtracted))
	add("who.", "keeper", "operator") // what the command line fills in
	add("cause.", allCauses()...)
	for what, causes := range refusals() {
		add("refused.", what)
		add("refused.when.", causes...)
	}
	for _, a := range []norm.Averaging{norm.Hourly, norm.EightHour, norm.Daily, norm.PeakSeason, norm.Yearly} {
		add("averaging.", string(a))
		add("periodname.", string(a))
		add("method.over.", string(a))
		if a == norm.Yearly || a == norm.PeakSeason {
			add("meanname.", string(a))
			add("limit.mean.", string(a))
			continue
		}
		plural("periods.", string(a))
		add("limit.count."+string(a), ".zero", ".one", ".other")
		add("method.allowed."+string(a), ".zero", ".one", ".other")
	}
	add("method.over.", string(norm.TenMinutes), string(norm.QuarterHour))
	for _, n := range norm.All() {
		add("regime.", string(n.Regime))
		if k := kindKey(n.Kind); k != "" {
			add("normkind."+k+".", string(n.Regime))
		}
	}
	for _, role := range roles() {
		add("role."+string(role), "", ".text")
	}
	for _, g := range norm.RuleGroups() {
		add("rules.", string(g))
	}
	for _, rule := range norm.Rules() {
		add("rule."+rule.ID, ".title", ".text", ".source")
		add("standing.", string(rule.Standing))
	}
	add("method.unverified.", unverifiedPoints()...)
	add("verified.", "primary", "secondary", "memory")
	for _, prefix := range []string{"lens.", "map.heading.", "legend.title."} {
		add(prefix, lensVerdict, lensValue)
	}
	for _, n := range norm.All() {
		for _, s := range append(strings.Split(n.Source, "; "), n.Instrument, n.Article, n.Next.Instrument, n.Next.Article, n.Note) {
			if s != "" {
				add("", phraseKey(s))
			}
		}
	}
	for _, e := range []string{"not-found", "no-station", "deleted-station", "not-ready", "server"} {
		add("error."+e, ".title", ".text")
	}
	for _, k := range kits() {
		if k.Taken() != "" {
			ks = append(ks, k.Taken(), k.Left())
		}
	}
	for i := range 12 {
		add("month.", strconv.Itoa(i+1))
	}
	for i := range 7 {
		add("weekday.", strconv.Itoa(i))
	}
	return ks
}

// sources returns the text of all templates and of all Go files but tests.
func sources(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	templates, err := fs.Glob(os.DirFS("."), "templates/*.gohtml")
	require.NoError(t, err)
	for _, p := range append(paths, templates...) {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(p)
		require.NoError(t, err)
		b.Write(raw)
	}
	return b.String()
}

func TestEveryTextIsUsedAndEveryUsedTextExists(t *testing.T) {
	nl, _ := bothLanguages(t)
	text := sources(t)
	used := map[string]bool{}
	for _, k := range made() {
		used[k] = true
	}
	for _, m := range regexp.MustCompile(`(?:\bT\(|\bRich\(|\{\{(?:t|rich) |\((?:t|rich) |col\()"([a-z0-9.-]+)"`).FindAllStringSubmatch(text, -1) {
		if !strings.HasSuffix(m[1], ".") {
			used[m[1]] = true
		}
	}
	for _, m := range regexp.MustCompile(`(?:\bN\(|\{\{n )"([a-z0-9.-]+)"`).FindAllStringSubmatch(text, -1) {
		if !strings.HasSuffix(m[1], ".") {
			used[m[1]+".one"], used[m[1]+".other"] = true, true
		}
	}
	for _, m := range regexp.MustCompile(`"(nav\.[a-z]+)"`).FindAllStringSubmatch(text, -1) {
		used[m[1]] = true
	}
	var missing, unused []string
	for k := range used {
		if !nl.Has(k) {
			missing = append(missing, k)
		}
	}
	for _, k := range keysOf(nl) {
		if !used[k] {
			unused = append(unused, k)
		}
	}
	assert.Empty(t, missing, "used but in no language file")
	assert.Empty(t, unused, "in the language files but never used")
}

func TestNumbersAreWrittenInTheLanguage(t *testing.T) {
	nl, en := bothLanguages(t)
	assert.Equal(t, "18,2", nl.Num(18.2, 1))
	assert.Equal(t, "18.2", en.Num(18.2, 1))
	assert.Equal(t, "−0,4", nl.Num(-0.4, 1))
	assert.Equal(t, "0,0", nl.Num(-0.04, 1), "no minus before nothing")
	assert.Equal(t, "1.234.567", nl.Count(1234567))
	assert.Equal(t, "1,234,567", en.Count(1234567))
	assert.Equal(t, "999", nl.Count(999))
	assert.Equal(t, "−1.000", nl.Count(-1000))
	assert.Equal(t, "1.013,2", nl.Num(1013.2, 1))
	assert.Equal(t, "−1,013.2", en.Num(-1013.2, 1))
	assert.Equal(t, "1.000", nl.trim(1000))
	assert.Equal(t, "−20", nl.trim(-20))
	assert.Equal(t, "99 %", soft(nl.Share(0.9999)), "nearly all is not all")
	assert.Equal(t, "100%", en.Share(1))
	assert.Equal(t, "85 %", soft(nl.Share(0.85)))
}

func TestDaysAreThoseOfTheStatistics(t *testing.T) {
	nl, en := bothLanguages(t)
	newYear := time.Date(2025, 12, 31, 23, 0, 0, 0, time.UTC)
	assert.Equal(t, "1 januari 2026", nl.Day(newYear))
	assert.Equal(t, "1 January 2026, 00:00", en.Moment(newYear))
}

func TestEveryPhraseOfTheNormsHasWordsInBothLanguages(t *testing.T) {
	nl, en := bothLanguages(t)
	iso := regexp.MustCompile(`\d{4}-\d\d-\d\d`)
	for _, n := range norm.All() {
		for _, s := range append(strings.Split(n.Source, "; "), n.Instrument, n.Article, n.Next.Instrument, n.Next.Article, n.Note) {
			for _, w := range []words{nl, en} {
				p := w.phrase(s)
				if s != "" {
					assert.Empty(t, p.Lang, "%s: no words for %q", n.ID, s)
				}
				assert.NotRegexp(t, iso, p.Text, n.ID)
			}
		}
	}
	assert.Equal(t, said{"some new text", english}, nl.phrase("some new text"), "English on a Dutch page says that it is English")
	assert.Equal(t, said{"since 1 January 2015", ""}, en.phrase("since 2015-01-01"))
	assert.Equal(t, "2008/50/EG, bijlage XIV.E, fase 1", nl.textOf(norm.Norm{Instrument: "2008/50/EC", Article: "Annex XIV.E stage 1"}))
}

// TestRulesSayTheSameInTheTableAndOnThePage: the English page prints the source
// of the table to the letter.
func TestRulesSayTheSameInTheTableAndOnThePage(t *testing.T) {
	_, en := bothLanguages(t)
	for _, r := range norm.Rules() {
		assert.Equal(t, r.Source, en.T("rule."+r.ID+".source"), r.ID)
	}
}

func TestAnUnknownTextIsVisible(t *testing.T) {
	nl, _ := bothLanguages(t)
	assert.Equal(t, "⟦no.such⟧", nl.T("no.such"))
}

func TestRichEscapesEverythingButCode(t *testing.T) {
	w := words{dutch, map[string]string{"k": "a <b> `{x}` & c"}}
	assert.Equal(t, `a &lt;b&gt; <code translate="no">&lt;i&gt;</code> &amp; c`, string(w.Rich("k", "x", "<i>")))
}
