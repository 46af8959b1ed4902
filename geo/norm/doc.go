// Package norm holds the norms for air quality (EU limit values, WHO
// guidelines) and judges hour vectors by them: statistics with their coverage
// rules, the probability of an exceedance, and a verdict with four outcomes.
// All functions are pure: no I/O, no clock.
package norm
