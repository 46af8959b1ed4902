-- What surrounds a station is told of every kind of station, in the words of the
-- field. The events that declared it before say the same in those words.

-- +goose Up
ALTER TABLE station RENAME COLUMN setting TO siting;
UPDATE station SET siting = 'roadside' WHERE siting = 'street';
UPDATE station SET siting = 'industrial' WHERE siting = 'industry';
UPDATE station_event SET what = 'siting-declared', detail = CASE detail
	WHEN 'street' THEN 'roadside' WHEN 'industry' THEN 'industrial' ELSE detail END
	WHERE what = 'setting-declared';
