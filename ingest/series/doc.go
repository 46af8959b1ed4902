// Package series keeps raw readings. There is one store, and it speaks to
// InfluxDB in one way: line protocol out through influxdb-client-go's blocking
// writer, InfluxQL in through /query on the same HTTP client. Whether a server
// answers or the engine of package engine in our own process is decided by the
// HTTP client alone.
//
// How a reading is stored: one point of the measurement "reading" per (station,
// time, revision), with the tag "station" and, for corrections only, the tag
// "rev", so that a correction never overwrites the first report. Each property
// is a float field under its own key; its flags, when there are any, are the
// integer field "<property>_q". The integer fields "dt" and "rx" hold the
// interval in seconds and the moment of receipt in milliseconds. Times have
// millisecond precision. Writing the same point again replaces it field by
// field, which makes every write safe to repeat.
package series
