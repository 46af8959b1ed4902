-- Campaigns of passive NO2 samplers; see ingest/tube. Times are Unix
-- milliseconds. Results stand as the laboratory wrote them, and are read anew.

-- +goose Up
CREATE TABLE tube_campaign (
	name       {{key}} PRIMARY KEY,
	zone       TEXT NOT NULL,
	policy     TEXT NOT NULL,
	blanks     TEXT NOT NULL,
	created_ms BIGINT NOT NULL,
	events     BIGINT NOT NULL
);

CREATE TABLE tube_event (
	campaign {{key}} NOT NULL REFERENCES tube_campaign (name),
	seq      BIGINT NOT NULL,
	at_ms    BIGINT NOT NULL,
	actor    TEXT NOT NULL,
	what     TEXT NOT NULL,
	why      TEXT NOT NULL,
	detail   TEXT NOT NULL,
	PRIMARY KEY (campaign, seq)
);

-- A lab sheet with its bytes. The highest version of a set counts.
CREATE TABLE tube_sheet (
	campaign {{key}} NOT NULL REFERENCES tube_campaign (name),
	tube_set {{key}} NOT NULL,
	version  BIGINT NOT NULL,
	sha256   {{blob}} NOT NULL,
	title    TEXT NOT NULL,
	at_ms    BIGINT NOT NULL,
	raw      {{blob}} NOT NULL,
	PRIMARY KEY (campaign, tube_set, version)
);

CREATE TABLE tube_result (
	campaign  {{key}} NOT NULL,
	tube_set  {{key}} NOT NULL,
	version   BIGINT NOT NULL,
	code      {{key}} NOT NULL,
	sheet_row BIGINT NOT NULL,
	location  {{key}} NOT NULL,
	period    TEXT NOT NULL,
	start_ms  BIGINT NOT NULL,
	end_ms    BIGINT NOT NULL,
	reported  TEXT NOT NULL,
	blank     BOOLEAN NOT NULL,
	remark    TEXT NOT NULL,
	PRIMARY KEY (campaign, tube_set, version, code),
	FOREIGN KEY (campaign, tube_set, version) REFERENCES tube_sheet (campaign, tube_set, version)
);

-- What a location of the sheets is called, and the station that it is.
CREATE TABLE tube_place (
	campaign   {{key}} NOT NULL REFERENCES tube_campaign (name),
	location   {{key}} NOT NULL,
	place      {{key}} NOT NULL,
	station_id {{key}} REFERENCES station (id) ON DELETE SET NULL,
	PRIMARY KEY (campaign, location)
);

CREATE TABLE tube_calibration (
	campaign       {{key}} NOT NULL REFERENCES tube_campaign (name),
	seq            BIGINT NOT NULL,
	at_ms          BIGINT NOT NULL,
	method         TEXT NOT NULL,
	max_missing    DOUBLE PRECISION NOT NULL,
	n              BIGINT NOT NULL,
	slope          DOUBLE PRECISION NOT NULL,
	intercept      DOUBLE PRECISION NOT NULL,
	u_slope        DOUBLE PRECISION NOT NULL,
	u_intercept    DOUBLE PRECISION NOT NULL,
	r2             DOUBLE PRECISION NOT NULL,
	rss            DOUBLE PRECISION NOT NULL,
	rmse           DOUBLE PRECISION NOT NULL,
	mean_reference DOUBLE PRECISION NOT NULL,
	factor         DOUBLE PRECISION NOT NULL,
	added          DOUBLE PRECISION NOT NULL,
	PRIMARY KEY (campaign, seq)
);

-- The rows that a calibration rests on, and those that were left out of it.
CREATE TABLE tube_pair (
	campaign  {{key}} NOT NULL,
	seq       BIGINT NOT NULL,
	pair      BIGINT NOT NULL,
	location  TEXT NOT NULL,
	period    TEXT NOT NULL,
	tube      DOUBLE PRECISION NOT NULL,
	reference DOUBLE PRECISION,
	missing   DOUBLE PRECISION NOT NULL,
	used      BOOLEAN NOT NULL,
	PRIMARY KEY (campaign, seq, pair),
	FOREIGN KEY (campaign, seq) REFERENCES tube_calibration (campaign, seq)
);
