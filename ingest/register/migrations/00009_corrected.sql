-- Hours that a calibration corrected, apart from the raw ones in hour_block:
-- property is the name of the corrected series ("no2-calibrated"), inputs the
-- fingerprint of all that the block was made from. A calibration that was taken
-- back keeps its row and stops correcting at that moment.

-- +goose Up
ALTER TABLE station_calibration ADD COLUMN withdrawn_ms BIGINT;

CREATE TABLE corrected_block (
	station  {{key}} NOT NULL REFERENCES station (id) ON DELETE CASCADE,
	property {{key}} NOT NULL,
	month    INTEGER NOT NULL,
	inputs   BIGINT NOT NULL,
	data     {{blob}} NOT NULL,
	PRIMARY KEY (station, property, month)
);
