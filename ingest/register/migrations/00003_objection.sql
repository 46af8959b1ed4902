-- Times are Unix milliseconds, hours are counted from 1970.

-- +goose Up
CREATE TABLE objection (
	station     {{key}} NOT NULL REFERENCES station (id) ON DELETE CASCADE,
	seq         BIGINT NOT NULL,
	property    {{key}} NOT NULL,
	flag        {{key}} NOT NULL,
	first_hour  BIGINT NOT NULL,
	end_hour    BIGINT NOT NULL,
	at_ms       BIGINT NOT NULL,
	actor       TEXT NOT NULL,
	why         TEXT NOT NULL,
	state       {{key}} NOT NULL,
	answered_ms BIGINT NOT NULL,
	answerer    TEXT NOT NULL,
	answer      TEXT NOT NULL,
	PRIMARY KEY (station, seq)
);

CREATE TABLE neighbour_hour (
	hour  BIGINT PRIMARY KEY,
	token BIGINT NOT NULL
);
