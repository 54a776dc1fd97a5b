-- Opinions reach Slips' database while messages wait for a Slips that listens.

-- Every opinion up to this id was written, taken away or dropped; it may be ahead of `delivered`.
ALTER TABLE outbox_state ADD COLUMN written INTEGER NOT NULL DEFAULT 0;
