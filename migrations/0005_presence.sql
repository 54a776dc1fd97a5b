-- What peers of our kind say of themselves. Claims, shown to people; nothing is computed from them.

-- One row a peer that said hello, a status or goodbye.
CREATE TABLE presence (
    -- Who.
    peer INTEGER PRIMARY KEY REFERENCES peer (id) ON DELETE CASCADE,
    -- What it calls itself, plain text; empty: it does not say.
    alias TEXT NOT NULL DEFAULT '' CHECK (length(alias) <= 48),
    -- How it was when it spoke last, as a word of domain::Status.
    status TEXT NOT NULL DEFAULT 'available',
    -- That in its own words, plain text; may be empty.
    status_message TEXT NOT NULL DEFAULT '' CHECK (length(status_message) <= 120),
    -- The program it runs, plain text; empty: it does not say.
    software TEXT NOT NULL DEFAULT '' CHECK (length(software) <= 64),
    -- The network it says to be of, plain text; empty: it does not say.
    network TEXT NOT NULL DEFAULT '' CHECK (length(network) <= 64),
    -- When it said hello or its status last.
    said_at INTEGER NOT NULL,
    -- Why it left the last time, plain text; NULL: it never said goodbye.
    goodbye TEXT CHECK (length(goodbye) <= 200),
    -- When that was.
    goodbye_at INTEGER CHECK ((goodbye_at IS NULL) = (goodbye IS NULL))
) STRICT;

-- For forgetting the oldest.
CREATE INDEX presence_by_said_at ON presence (said_at);
