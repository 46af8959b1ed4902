-- What an external broker, and a later decoder, need.

-- +goose Up
ALTER TABLE station_token ADD COLUMN mosquitto TEXT NOT NULL DEFAULT '';
ALTER TABLE reject ADD COLUMN format TEXT NOT NULL DEFAULT '';
ALTER TABLE reject ADD COLUMN content_type TEXT NOT NULL DEFAULT '';
ALTER TABLE reject ADD COLUMN topic TEXT NOT NULL DEFAULT '';
ALTER TABLE reject ADD COLUMN pin TEXT NOT NULL DEFAULT '';
-- 1 while the message waits to be decoded again.
ALTER TABLE reject ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
