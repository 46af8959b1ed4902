// Package quality holds the checks on readings, on hour means, and on hours of
// a station beside those of others. They are pure and only add flags: no check
// drops, changes or invents a value. Which flags keep a value out of means is
// decided in package reading; what each check looks at, its threshold and where
// that comes from stands in one table, Rules.
package quality
