// Package quality holds the checks on readings and on hour means. They are pure
// and only add flags: no check drops, changes or invents a value. Which flags
// keep a value out of means is decided in package reading.
//
// The thresholds, and where each comes from:
//
//	check        threshold                            source
//	Range        bounds of reading.Properties         0-1000 µg/m³ of FILTER (Hassani et al. 2025), not verified at
//	                                                  the source; lower end -20, own choice, not verified
//	ClockFuture  more than 5 minutes after receipt    own choice, not verified (openSenseMap allows 1 minute)
//	ClockPast    more than 24 hours before the        own choice, not verified
//	             station's first moment
//	PMOrder      PM2.5 above PM10, no tolerance       by definition PM10 holds PM2.5; seen in RIVM's data
//	Constant     24 hour means without any            own choice, not verified: FILTER is quoted with 8 hours, which
//	             difference, gaps of up to 6 hours    a rounding reference station reaches by itself; RIVM's data
//	             inside                               hold a real run of 377 hours with gaps in it
package quality
