-- What a lab sheet says of its laboratory, in its own words or those of whoever
-- imported it; empty for what is not known. And the rows that were left out of
-- it because they could not be read: row and column are public, what stood there
-- is not.

-- +goose Up
ALTER TABLE tube_sheet ADD COLUMN laboratory TEXT NOT NULL DEFAULT '';
ALTER TABLE tube_sheet ADD COLUMN lab_method TEXT NOT NULL DEFAULT '';
ALTER TABLE tube_sheet ADD COLUMN detection_limit TEXT NOT NULL DEFAULT '';

CREATE TABLE tube_left_out (
	campaign     {{key}} NOT NULL,
	tube_set     {{key}} NOT NULL,
	version      BIGINT NOT NULL,
	seq          BIGINT NOT NULL,
	sheet        TEXT NOT NULL,
	sheet_row    BIGINT NOT NULL,
	sheet_column TEXT NOT NULL,
	what         TEXT NOT NULL,
	PRIMARY KEY (campaign, tube_set, version, seq),
	FOREIGN KEY (campaign, tube_set, version) REFERENCES tube_sheet (campaign, tube_set, version)
);
