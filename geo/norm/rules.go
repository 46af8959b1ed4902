package norm

// RuleGroup puts rules together for readers.
type RuleGroup string

// The groups, in the order in which they are shown.
const (
	RulesMeans       RuleGroup = "means"
	RulesCoverage    RuleGroup = "coverage"
	RulesTime        RuleGroup = "time"
	RulesComparison  RuleGroup = "comparison"
	RulesUnits       RuleGroup = "units"
	RulesUncertainty RuleGroup = "uncertainty"
	RulesAreas       RuleGroup = "areas"
	RulesSamplers    RuleGroup = "samplers"
)

// RuleGroups returns the groups in the order in which they are shown.
func RuleGroups() []RuleGroup {
	return []RuleGroup{
		RulesMeans, RulesCoverage, RulesTime, RulesComparison, RulesUnits, RulesUncertainty, RulesAreas, RulesSamplers,
	}
}

// Standing says where a rule comes from and whether somebody has read it there.
type Standing string

// The standings.
const (
	// Read: the law, its transposition, a quotation of it or the method itself
	// was read.
	Read Standing = "read"
	// ReadElsewhere: a text about it was read, not the text itself.
	ReadElsewhere Standing = "elsewhere"
	// Unread: no source was read. The rule is general knowledge.
	Unread Standing = "unread"
	// OwnChoice: nobody prescribes it.
	OwnChoice Standing = "own"
)

// Ourselves is the Source of a rule that nobody prescribes at all.
const Ourselves = "our own choice"

// Rule is one rule of computation behind the verdicts.
type Rule struct {
	// ID names the rule, stable in URLs ("day-mean"). What it says, in the words
	// of each language, is kept with the pages.
	ID    string
	Group RuleGroup
	// Source says where the rule comes from, in English.
	Source   string
	Standing Standing
}

// Rules returns the rules of computation with their sources, in the order in
// which they are shown: the table that the page about the method prints. The
// slice is the caller's own.
func Rules() []Rule {
	const (
		annexes = "2008/50/EC Annexes VII and XI"
		own     = Ourselves
	)
	return []Rule{
		{"hour-mean", RulesMeans, annexes, Read},
		{"eight-hour-mean", RulesMeans, annexes, Read},
		{"eight-hour-maximum", RulesMeans, annexes, Read},
		{"day-mean", RulesMeans, annexes + "; (EU) 2024/2881 Annex V C (a quotation)", Read},
		{"year-mean", RulesMeans, "2008/50/EC Annex XI.A", Read},
		{"peak-season", RulesMeans, "WHO guidelines 2021, in a table made from them; which months take part was not read", Unread},
		{"negative-values", RulesMeans, "general practice; no source was read", Unread},

		{"coverage-2024", RulesCoverage, "(EU) 2024/2881 Annex V B (a quotation)", Read},
		{"coverage-2008", RulesCoverage, "90%: 2008/50/EC Annex XI.A; that 85% will do: practice, no source was read", Unread},
		{"ozone-summer", RulesCoverage, "2008/50/EC Annex VII", Read},
		{"incomplete-year", RulesCoverage, "(EU) 2024/2881 Annex V D (a quotation)", Read},
		{"running-year", RulesCoverage, own, OwnChoice},

		{"day-basis", RulesTime, "hour files of the European Environment Agency; that the Dutch rules ask the same was not read", ReadElsewhere},
		{"hour-stamps", RulesTime, "documentation of the RIVM software and of the KNMI", Read},
		{"not-in-force", RulesTime, own, OwnChoice},

		{"strictly-above", RulesComparison, "a table made from the text of (EU) 2024/2881", ReadElsewhere},
		{"own-period", RulesComparison, annexes, Read},
		{"percentile-99", RulesComparison, "footnotes to the WHO guidelines 2021, by way of State of Global Air", ReadElsewhere},
		{"percentile-rank", RulesComparison, "Council Decision 97/101/EC: its text was not read", Unread},
		{"percentile-type-7", RulesComparison, "the output of the program openair, which ours was compared with", Read},
		{"three-years", RulesComparison, "2008/50/EC Annex VII", Read},
		{"unrounded", RulesComparison, own, OwnChoice},
		{"round-half-even", RulesComparison, "Regeling beoordeling luchtkwaliteit 2007, article 68 (InfoMil); its successor of 2024 was not read", ReadElsewhere},
		{"round-half-up", RulesComparison, "practice of reporting to the EU; no source was read", Unread},

		{"ppb", RulesUnits, "gas law; the same figure as the UK network and openair", Read},
		{"gas-conditions", RulesUnits, "2008/50/EC Annex VI", Read},
		{"carbon-monoxide", RulesUnits, "2008/50/EC Annex XI.B", Read},

		{"uncertainty-kinds", RulesUncertainty, "2008/50/EC Annex I.A", Read},
		{"uncertainty-sensors", RulesUncertainty, "catalogue texts of CEN/TS 17660-1 and -2; the limits per class were not read", ReadElsewhere},
		{"uncertainty-tubes", RulesUncertainty, "catalogue text of EN 16339", ReadElsewhere},
		{"uncertainty-floor", RulesUncertainty, own, OwnChoice},
		{"uncertainty-gaps", RulesUncertainty, "ISO 11222, of which a translation was read in part", ReadElsewhere},
		{"probability", RulesUncertainty, "normal distribution; the bounds of 95% and 5% are our own choice", OwnChoice},
		{"reference-by-value", RulesUncertainty, "how the directives are applied; no text that says so was read", Unread},
		{"monte-carlo", RulesUncertainty, "method of the GUM, supplement 1; that half of the error is shared is our own choice", OwnChoice},
		{"uncertainty-network", RulesUncertainty, "no uncertainty was found published; this one is our own choice", OwnChoice},
		{"uncertainty-2024", RulesUncertainty, "(EU) 2024/2881 Annex V: its table was not read", Unread},

		{"places-not-areas", RulesAreas, "limit values hold at places; the figures of 1005 tubes in Antwerp (2018) show why", ReadElsewhere},
		{"area-mean", RulesAreas, own, OwnChoice},
		{"area-share", RulesAreas, "interval of Wilson (1927); general knowledge, no source was read", Unread},
		{"area-common", RulesAreas, "propagation of uncertainty (GUM); no source was read", Unread},
		{"area-sitings", RulesAreas, "stratified sampling, and the types of station of Decision 2011/850/EU; no source was read", Unread},
		{"area-ranking", RulesAreas, own, OwnChoice},

		{"tube-mean", RulesSamplers, "campaign of Recht op Lucht, Antwerp 2021, whose year means we reproduce", Read},
		{"tube-calibration", RulesSamplers, "Guide to the Demonstration of Equivalence (2010); the formula and the figures of Recht op Lucht", ReadElsewhere},
		{"tube-year", RulesSamplers, "De Craemer and others (2020) and the British LAQM.TG(22), of which no full text was read", ReadElsewhere},
		{"network-calibration", RulesSamplers, "RIVM, presentation for FAIRMODE (2019); radius and group size are not published", ReadElsewhere},
		{"network-group", RulesSamplers, own, OwnChoice},
		{"network-error", RulesSamplers, own, OwnChoice},
		{"corrected-order", RulesSamplers, own, OwnChoice},
		{"co-location", RulesSamplers, "Mijling and others (2018), Van Ratingen and others (2021)", ReadElsewhere},
	}
}
