// Package seriestest holds what tests of the raw store need: the contract
// suite that every back-end must pass, a store on the embedded engine, and a
// real InfluxDB 1.8 server that can be killed and started again.
package seriestest
