-- What it takes to work an opinion out again exactly as it was: what peers' conduct was worth at
-- the time, and the beginnings of what was said several times.

-- What the trust model was told a peer's conduct is worth, over time: a row per change.
CREATE TABLE peer_reliability (
    -- Ascending in order of the changes.
    id INTEGER PRIMARY KEY,
    -- Whose.
    peer INTEGER NOT NULL REFERENCES peer (id) ON DELETE CASCADE,
    -- What it is worth.
    reliability REAL NOT NULL CHECK (reliability BETWEEN 0 AND 1),
    -- Since when.
    since INTEGER NOT NULL
) STRICT;

-- All of a peer; its newest is the row with the largest id.
CREATE INDEX peer_reliability_by_peer ON peer_reliability (peer);

-- Of reports said several times the beginnings, in order of time: start-up.
CREATE INDEX report_said_again ON report (first_at, id) WHERE repeats > 0;
