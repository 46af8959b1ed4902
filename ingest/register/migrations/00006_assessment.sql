-- How sensors agree with official stations. Hours are counted from 1970.

-- +goose Up
-- What surrounds an official station; empty while nobody declared it.
ALTER TABLE station ADD COLUMN setting TEXT NOT NULL DEFAULT '';

CREATE TABLE assessment (
	station   {{key}} NOT NULL,
	property  {{key}} NOT NULL,
	reference {{key}} NOT NULL,
	inputs    BIGINT NOT NULL,
	-- Figures as JSON; see assessment.go.
	data      {{blob}} NOT NULL,
	PRIMARY KEY (station, property, reference)
);
-- For the removal of what rests on a reference station.
CREATE INDEX assessment_reference ON assessment (reference);

CREATE TABLE assessment_turn (
	only_row SMALLINT PRIMARY KEY CHECK (only_row = 1),
	taken_ms BIGINT NOT NULL
);
INSERT INTO assessment_turn (only_row, taken_ms) VALUES (1, 0);
