-- Times are Unix milliseconds. Words in double braces are named in dialect.go.

-- +goose Up
CREATE TABLE register_state (
	only_row    SMALLINT PRIMARY KEY CHECK (only_row = 1),
	version     BIGINT NOT NULL,
	modified_ms BIGINT NOT NULL,
	stations    BIGINT NOT NULL,
	rejects     BIGINT NOT NULL
);
INSERT INTO register_state (only_row, version, modified_ms, stations, rejects) VALUES (1, 1, 0, 1, 0);

CREATE TABLE station (
	id         {{key}} PRIMARY KEY,
	title      TEXT NOT NULL,
	kind       TEXT NOT NULL,
	model      TEXT NOT NULL,
	maker      TEXT NOT NULL,
	cadence_ms BIGINT NOT NULL,
	since_ms   BIGINT NOT NULL,
	simulated  BOOLEAN NOT NULL,
	paused     BOOLEAN NOT NULL,
	events     BIGINT NOT NULL
);

CREATE TABLE station_token (
	station   {{key}} PRIMARY KEY REFERENCES station (id),
	sha256    {{blob}} NOT NULL,
	issued_ms BIGINT NOT NULL
);

CREATE TABLE station_position (
	station {{key}} PRIMARY KEY REFERENCES station (id),
	lon     DOUBLE PRECISION NOT NULL,
	lat     DOUBLE PRECISION NOT NULL
);

CREATE TABLE station_event (
	station {{key}} NOT NULL REFERENCES station (id),
	seq     BIGINT NOT NULL,
	at_ms   BIGINT NOT NULL,
	actor   TEXT NOT NULL,
	what    TEXT NOT NULL,
	why     TEXT NOT NULL,
	PRIMARY KEY (station, seq)
);

CREATE TABLE dirty_hour (
	station {{key}} NOT NULL,
	hour    BIGINT NOT NULL,
	token   BIGINT NOT NULL,
	PRIMARY KEY (station, hour)
){{clustered}};

CREATE TABLE hour_block (
	station  {{key}} NOT NULL,
	property {{key}} NOT NULL,
	month    INTEGER NOT NULL,
	version  BIGINT NOT NULL,
	data     {{blob}} NOT NULL,
	PRIMARY KEY (station, property, month)
);

CREATE TABLE reject (
	station  {{key}} NOT NULL,
	cause    {{key}} NOT NULL,
	digest   {{blob}} NOT NULL,
	arrivals BIGINT NOT NULL,
	first_ms BIGINT NOT NULL,
	last_ms  BIGINT NOT NULL,
	source   TEXT NOT NULL,
	detail   TEXT NOT NULL,
	payload  {{blob}} NOT NULL,
	PRIMARY KEY (station, cause, digest)
);
CREATE INDEX reject_age ON reject (last_ms);
