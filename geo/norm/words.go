package norm

import "buurtmeter/ingest/reading"

// The probabilities from which on something is said. They leave the doubt where
// it is: a verdict that is wrong once in twenty times may be spoken, one that is
// wrong more often may not. Our own choice, the usual 95 %.
const (
	surelyAbove = 0.95
	surelyBelow = 0.05
)

// Words say in words what the probability of an exceedance is. The zero value
// says nothing.
type Words uint8

// The three things that can be said.
const (
	// WordsCannotTell: the probability lies between 0.05 and 0.95, or there is
	// none.
	WordsCannotTell Words = iota
	// WordsAbove: the norm is exceeded with a probability of more than 0.95.
	WordsAbove
	// WordsBelow: the norm is exceeded with a probability of less than 0.05, and
	// nothing is missing that could still change it.
	WordsBelow
)

// String returns the stable key: "cannot be told", "above", "below".
func (w Words) String() string {
	switch w {
	case WordsAbove:
		return "above"
	case WordsBelow:
		return "below"
	default:
		return "cannot be told"
	}
}

// Words says in words what the probability of the verdict is. Of a year that is
// not measured enough, or not over, it never says "below": gaps can only hide
// exceedances, they never undo them.
func (v Verdict) Words() Words {
	switch {
	case !v.HasProbability:
		return WordsCannotTell
	case v.Probability > surelyAbove:
		return WordsAbove
	case v.Probability < surelyBelow && !v.Partial():
		return WordsBelow
	default:
		return WordsCannotTell
	}
}

// Label says the outcome in words, in the conditional for a norm that did not
// apply in that year: "exceeds", "complies", "exceeds although incomplete",
// "cannot be told"; "would exceed", "would comply", "would exceed although
// incomplete".
func (v Verdict) Label() string {
	outcome, would := "", ""
	switch v.Outcome {
	case Complies:
		outcome, would = "complies", "would comply"
	case Exceeds:
		outcome, would = "exceeds", "would exceed"
	case ExceedsIncomplete:
		outcome, would = "exceeds although incomplete", "would exceed although incomplete"
	default:
		return WordsCannotTell.String()
	}
	if v.NotInForce {
		return would
	}
	return outcome
}

// Partial tells that the value stands for the hours that were measured and not
// for the year: too few were measured, or the year is not over.
func (v Verdict) Partial() bool { return v.Reason == ReasonCoverage || v.Reason == ReasonRunning }

// ByValue tells whether verdicts about the norm rest on the measured value
// alone: so it is for an instrument of reference that is not less precise than
// its data-quality objective. The law compares what such an instrument measured
// with the limit value and takes no account of its uncertainty, which the
// objective keeps small (2008/50/EC Annexes I and XI; Directive (EU) 2024/2881
// Annexes I and V). For everything else the probability decides.
func (m Method) ByValue(n Norm) bool {
	return m.Kind == reading.KindReference && m.relative(n) <= float64(Relative(m.Kind, n.Property, n.Averaging))/100
}
