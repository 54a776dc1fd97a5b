-- The operator's address book: what people keep about peers, and whom they trust since when.

-- One row a peer the operator has written something about, or that waits for a decision.
CREATE TABLE contact (
    -- Whom it is about.
    peer INTEGER PRIMARY KEY REFERENCES peer (id) ON DELETE CASCADE,
    -- The operator's name for it, plain text; NULL: none. Unique whatever its capitals.
    alias TEXT CHECK (length(alias) BETWEEN 1 AND 40),
    -- The name in small letters: what has to be unique.
    alias_folded TEXT UNIQUE CHECK ((alias_folded IS NULL) = (alias IS NULL)),
    -- Why it is kept, plain text; may be empty.
    note TEXT NOT NULL CHECK (length(note) <= 200),
    -- Words to sort by, a JSON array of texts.
    tags TEXT NOT NULL CHECK (json_type(tags) = 'array'),
    -- Where it can be dialled, best first, a JSON array of multiaddresses without /p2p parts.
    multiaddrs TEXT NOT NULL CHECK (json_type(multiaddrs) = 'array'),
    -- Whether it is dialled at the start, kept, and never counted against limits.
    pinned INTEGER NOT NULL CHECK (pinned IN (0, 1)),
    -- What was decided about it as a stranger; NULL: the question never came up.
    decision TEXT CHECK (decision IN ('pending', 'accepted', 'rejected')),
    -- When that was so; set exactly when there is a decision.
    decided_at INTEGER CHECK ((decided_at IS NULL) = (decision IS NULL)),
    -- When the row was made.
    added_at INTEGER NOT NULL
) STRICT;

-- The trust the operator gave peers by command, over time: a row per change, because an opinion is
-- worked out again with the trust that held at its time.
CREATE TABLE anchor (
    -- Ascending in order of the changes; the newest row of a peer is what holds.
    id INTEGER PRIMARY KEY,
    -- Whom it is about.
    peer INTEGER NOT NULL REFERENCES peer (id) ON DELETE CASCADE,
    -- How far it is trusted; NULL: no longer.
    trust REAL CHECK (trust > 0 AND trust <= 1),
    -- Whose sensor it is, plain text; NULL: not said.
    organisation TEXT CHECK (length(organisation) BETWEEN 1 AND 40),
    -- From when on the trust no longer holds; NULL: it holds until it is taken back.
    expires INTEGER,
    -- Since when this is so.
    since INTEGER NOT NULL,
    -- Whether the opinions it concerns were worked out anew since: 0 after a change while no node ran.
    applied INTEGER NOT NULL CHECK (applied IN (0, 1))
) STRICT;

-- All of a peer; its newest is the row with the largest id.
CREATE INDEX anchor_by_peer ON anchor (peer);
-- What a start has still to do.
CREATE INDEX anchor_unapplied ON anchor (id) WHERE applied = 0;
