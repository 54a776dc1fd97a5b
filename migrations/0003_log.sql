-- Signed logs: what nodes of our kind say to everybody, as they signed it, so that anybody can hand
-- it on; where each log stands; and the proof against who signed two things as one.
--
-- A digest is the 32 bytes of the hash chain after an entry.

-- Every author of whom entries were kept, our own node too. It stays when its entries are gone: what
-- was signed must never be signed again, and what was judged never judged again.
CREATE TABLE log_author (
    -- Short name inside this database; means nothing outside it, nor in the table `peer`.
    id INTEGER PRIMARY KEY,
    -- The name of the network the log is for: in another one the same key has another log.
    network TEXT NOT NULL,
    -- The peer id in base58.
    peer_id TEXT NOT NULL CHECK (length(peer_id) BETWEEN 1 AND 128),
    -- The number of its last entry; they count from 1.
    last INTEGER NOT NULL CHECK (last >= 1),
    -- The digest after that entry.
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    -- The first number that is kept: what is before it was removed or never came. The last segment
    -- is kept always.
    kept_from INTEGER NOT NULL CHECK (kept_from BETWEEN 1 AND last),
    UNIQUE (network, peer_id)
) STRICT;

-- Some consecutive entries of an author with one signature, as they came. Of an author they follow
-- each other; they leave only from the front.
CREATE TABLE log_segment (
    -- Ascending in the order in which they came.
    id INTEGER PRIMARY KEY,
    -- Whose.
    author INTEGER NOT NULL REFERENCES log_author (id),
    -- The number of its first entry.
    first INTEGER NOT NULL CHECK (first >= 1),
    -- The number of its last entry.
    last INTEGER NOT NULL CHECK (last >= first),
    -- When it was stored here.
    at INTEGER NOT NULL,
    -- The bytes as they were signed and sent.
    body BLOB NOT NULL CHECK (length(body) BETWEEN 1 AND 65536)
) STRICT;

-- A span of an author's log.
CREATE UNIQUE INDEX log_segment_by_place ON log_segment (author, last);

-- Authors who signed two different things as one entry, each once. It outlives their entries.
CREATE TABLE log_fork (
    -- The peer id in base58.
    peer_id TEXT PRIMARY KEY CHECK (length(peer_id) BETWEEN 1 AND 128),
    -- The name of the network it was signed for.
    network TEXT NOT NULL,
    -- The number that was given twice.
    number INTEGER NOT NULL CHECK (number >= 1),
    -- The digest after that entry in the segment that came first ...
    one BLOB NOT NULL CHECK (length(one) = 32),
    -- ... and in the other.
    other BLOB NOT NULL CHECK (length(other) = 32 AND other <> one),
    -- When that was found; from then on nothing of the author counts.
    found_at INTEGER NOT NULL,
    -- The segment that came first, as it was signed ...
    one_body BLOB NOT NULL,
    -- ... and the other: together they are the proof.
    other_body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
