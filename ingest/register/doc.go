// Package register is the relational store of the measuring network: stations
// with their login tokens and secret positions, their boards, withdrawn periods
// and the declaration of their messages, the log of changes, the marks of hours
// that must be recomputed, the month blocks of hour means and the rejected
// messages. It runs on SQLite and on PostgreSQL with one SQL text; dialect.go
// names the few places where the two differ.
//
// A Register implements ingest.Stations, ingest.Ledger, ingest.Blocks and
// ingest.Withdrawals. The packages above own tables of their own over the same
// connection: see Migrate, InTx, DB and BumpVersion.
package register
