-- The first schema: peers, what they and our own Slips said, opinions, and what waits for Slips.
--
-- Times are microseconds since 1970-01-01 UTC by this host's clock. Addresses are text in their one
-- canonical spelling (IPv4-mapped IPv6 folded into IPv4). Scores lie in -1..=1, shares in 0..=1.

-- Every peer ever met and not yet forgotten. Other tables name a peer by its short id.
CREATE TABLE peer (
    -- Short name inside this database; means nothing outside it.
    id INTEGER PRIMARY KEY,
    -- The libp2p peer id in base58, as people and Slips see it (Qm... or 12D3Koo...).
    peer_id TEXT NOT NULL UNIQUE CHECK (length(peer_id) BETWEEN 1 AND 128),
    -- When it was first and last heard of; last_seen is kept to the second, not to the message.
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL CHECK (last_seen >= first_seen),
    -- Whether hellos were exchanged: a pigeon punishes a second hello, so later contacts ping.
    greeted INTEGER NOT NULL DEFAULT 0 CHECK (greeted IN (0, 1)),
    -- The value of its conduct on the wire; NULL until it was judged for the first time.
    reliability REAL CHECK (reliability BETWEEN 0 AND 1),
    -- The weights of its good and bad conduct, decayed to conduct_at.
    good REAL NOT NULL DEFAULT 0 CHECK (good >= 0),
    bad REAL NOT NULL DEFAULT 0 CHECK (bad >= 0),
    conduct_at INTEGER NOT NULL DEFAULT 0,
    -- The last thing it did, as a word of domain::Conduct; NULL when nothing was noted.
    last_conduct TEXT,
    -- The first reliability it ever had: what Slips 1.1.21 goes on using for ever.
    first_reliability REAL CHECK (first_reliability BETWEEN 0 AND 1),
    -- When it had that.
    first_reliability_at INTEGER,
    -- Whether it can be reached.
    state TEXT NOT NULL DEFAULT 'unreachable' CHECK (state IN ('connected', 'retrying', 'unreachable')),
    -- Why not; empty while it is connected.
    state_reason TEXT NOT NULL DEFAULT 'never dialled',
    -- When it is dialled again; NULL: only when it calls.
    next_try INTEGER,
    -- Since when that is so.
    state_at INTEGER NOT NULL DEFAULT 0,
    CHECK (state <> 'retrying' OR next_try IS NOT NULL)
) STRICT;

-- For pruning: the peers not heard of for longest.
CREATE INDEX peer_by_last_seen ON peer (last_seen);

-- The addresses of a peer over time: a row per change, so that a report can be judged by the
-- address its author had then.
CREATE TABLE peer_address (
    -- Ascending in order of the changes.
    id INTEGER PRIMARY KEY,
    -- Whose address.
    peer INTEGER NOT NULL REFERENCES peer (id) ON DELETE CASCADE,
    -- Its IP address.
    ip TEXT NOT NULL CHECK (length(ip) BETWEEN 2 AND 45),
    -- The address in full, for dialling.
    multiaddr TEXT NOT NULL,
    -- Since when it was seen there without a break.
    first_seen INTEGER NOT NULL,
    -- Until when.
    last_seen INTEGER NOT NULL CHECK (last_seen >= first_seen)
) STRICT;

-- The newest address of a peer is its row with the largest id.
CREATE INDEX peer_address_by_peer ON peer_address (peer);
-- For pruning.
CREATE INDEX peer_address_by_last_seen ON peer_address (last_seen);

-- Peers cut off for a while.
CREATE TABLE ban (
    -- Who.
    peer INTEGER PRIMARY KEY REFERENCES peer (id) ON DELETE CASCADE,
    -- Since when.
    since INTEGER NOT NULL,
    -- Until when.
    until INTEGER NOT NULL,
    -- For people.
    reason TEXT NOT NULL
) STRICT;

-- What peers said of addresses. Saying the same again refreshes the author's newest row on the
-- address instead of adding one.
CREATE TABLE report (
    -- Ascending in order of acceptance and never used twice.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Who said it.
    author INTEGER NOT NULL REFERENCES peer (id),
    -- Who handed it over; NULL: the author itself.
    heard_from INTEGER REFERENCES peer (id) CHECK (heard_from <> author),
    -- About which address.
    subject TEXT NOT NULL CHECK (length(subject) BETWEEN 2 AND 45),
    -- How malicious: 1 malicious, 0 unknown, -1 benign.
    score REAL NOT NULL CHECK (score BETWEEN -1 AND 1),
    -- How sure the author is.
    confidence REAL NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    -- When it was said for the first time.
    first_at INTEGER NOT NULL,
    -- And for the last.
    last_at INTEGER NOT NULL CHECK (last_at >= first_at),
    -- How often it was said again after the first time.
    repeats INTEGER NOT NULL DEFAULT 0 CHECK (repeats BETWEEN 0 AND 4294967295)
) STRICT;

-- All on an address, and the newest of an author on an address.
CREATE INDEX report_by_subject ON report (subject, author);
-- All of an author.
CREATE INDEX report_by_author ON report (author);
-- In order of time: start-up, `--since`, pruning.
CREATE INDEX report_by_last_at ON report (last_at);
-- So that forgetting a peer need not read every report.
CREATE INDEX report_by_heard_from ON report (heard_from) WHERE heard_from IS NOT NULL;

-- What our own Slips said of addresses: the only statements peers cannot have planted. Same rule
-- for repetitions.
CREATE TABLE own_statement (
    -- Ascending in the order in which it was said and never used twice.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- About which address.
    subject TEXT NOT NULL CHECK (length(subject) BETWEEN 2 AND 45),
    -- How malicious: 1 malicious, 0 unknown, -1 benign.
    score REAL NOT NULL CHECK (score BETWEEN -1 AND 1),
    -- How sure our Slips is.
    confidence REAL NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    -- When it was said for the first time.
    first_at INTEGER NOT NULL,
    -- And for the last.
    last_at INTEGER NOT NULL CHECK (last_at >= first_at),
    -- How often it was said again after the first time.
    repeats INTEGER NOT NULL DEFAULT 0 CHECK (repeats BETWEEN 0 AND 4294967295)
) STRICT;

CREATE INDEX own_statement_by_subject ON own_statement (subject);
CREATE INDEX own_statement_by_last_at ON own_statement (last_at);

-- The network's newest opinion of each address.
CREATE TABLE opinion (
    -- Of which address.
    subject TEXT PRIMARY KEY CHECK (length(subject) BETWEEN 2 AND 45),
    -- How malicious, as it was written to Slips.
    score REAL NOT NULL CHECK (score BETWEEN -1 AND 1),
    -- How sure the network is.
    confidence REAL NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    -- The mean trust of the reporters who made it.
    network_score REAL NOT NULL CHECK (network_score BETWEEN 0 AND 1),
    -- When it was computed.
    computed_at INTEGER NOT NULL,
    -- From how many reporters.
    reporters INTEGER NOT NULL CHECK (reporters BETWEEN 0 AND 4294967295)
) STRICT, WITHOUT ROWID;

-- What is meant for Slips and not yet delivered. Rows leave only from the front, so the ids in the
-- table have no gaps.
CREATE TABLE outbox (
    -- The order of delivery.
    id INTEGER PRIMARY KEY,
    -- When it was made; too old ones are dropped.
    created_at INTEGER NOT NULL,
    -- NULL: publish the body. An address: write the body (JSON) into Slips' database under it.
    subject TEXT CHECK (length(subject) BETWEEN 2 AND 45),
    body TEXT NOT NULL
) STRICT;

-- Where the outbox stands; outlives its rows, so that ids ascend for ever. Exactly one row.
CREATE TABLE outbox_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    -- The last id ever given.
    last_id INTEGER NOT NULL,
    -- Everything up to this id was delivered or dropped.
    delivered INTEGER NOT NULL CHECK (delivered <= last_id),
    -- How many parcels were dropped undelivered because they were too many or too old.
    dropped INTEGER NOT NULL CHECK (dropped >= 0)
) STRICT;

INSERT INTO outbox_state (one, last_id, delivered, dropped) VALUES (1, 0, 0, 0);
