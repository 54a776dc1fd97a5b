//! What the engine of the mesh keeps to: budgets, waits and bounds, each with its reason.

use std::time::Duration;

/// What can be set; the defaults are meant for some hundred nodes with 100 ms between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// To so many neighbours own entries are pushed even when they asked not to: 6 as in Plumtree's
    /// experiments (5) and gossipsub's mesh (6).
    pub eager: usize,
    /// How long tips are collected before they are told.
    pub lazy_delay: Duration,
    /// How long entries that were told of may be on their way by push before they are asked for;
    /// about one round trip.
    pub graft_wait: Duration,
    /// How long to wait for the first part of an answer before others are asked as well: two round
    /// trips and a disk.
    pub want_wait: Duration,
    /// How often what was pushed is told of as well, for pushes that were lost.
    pub recap: Duration,
    /// How often a stretch of all tips is told to one neighbour, for tips that were lost.
    pub sweep: Duration,
    /// Entries a second of one author that are taken and handed on; twice what a busy Slips was
    /// seen to say. What is beyond comes later, by asking.
    pub author_entries: u32,
    /// Bytes of segments a second of one author.
    pub author_bytes: u32,
    /// Verifications a second for one neighbour, in Ed25519's (about 50 us): a tenth of a core.
    pub verifications: u32,
    /// Bytes of segments a second read from disk for one neighbour's wants.
    pub served_bytes: u32,
    /// Authors in memory; the others stand on disk. With what neighbours have of each about 32 MiB
    /// at 4,096 and 64 neighbours.
    pub authors: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            eager: 6,
            lazy_delay: Duration::from_millis(50),
            graft_wait: Duration::from_millis(100),
            want_wait: Duration::from_millis(250),
            recap: Duration::from_secs(1),
            sweep: Duration::from_secs(2),
            author_entries: 20_000,
            author_bytes: 8 * 1024 * 1024,
            verifications: 2_000,
            served_bytes: 8 * 1024 * 1024,
            authors: 4096,
        }
    }
}

/// How many times what one neighbour may cost in verifying all of one network may together: as in the
/// limits of lines (`limits.network_share`).
pub(super) const NETWORK_SHARE: u32 = 4;
/// A bucket holds what flows into it in so many seconds.
pub(super) const BURST_SECONDS: u32 = 4;
/// Authors that nobody knew, of whom one neighbour may tell in a second: far more than a network
/// gains, and a third of a million a day at most that a flood puts on disk.
pub(super) const NEWCOMERS_PER_SECOND: u32 = 4;
/// And so many at once: a network of 512 authors to one who joins it.
pub(super) const NEWCOMERS_BURST: u32 = 512;
/// Looks on disk for authors that are not in memory, a second for one neighbour, some 0.2 ms each:
/// more than the tips it tells in its sweeps.
pub(super) const LOOK_UPS_PER_SECOND: u32 = 64;
/// And so many at once: half of what is told on connecting.
pub(super) const LOOK_UPS_BURST: u32 = 2048;
/// Neighbours whose introductions are remembered, also of those that are gone, some 200 bytes each.
pub(super) const MAX_INTRODUCERS: usize = 4096;
/// An author whose entries came over so long a time has a past: a flood would have to last as long.
pub(super) const PAST_AFTER: Duration = Duration::from_secs(600);
/// Logs recalled from disk at once, and what may wait for one of them.
pub(super) const MAX_RECALLS: usize = 256;
pub(super) const MAX_RECALL_HEARD: usize = 64;
/// What a span of an author that is not in memory costs the one who asks, as bytes read: looking in
/// vain takes as long as reading so much.
pub(super) const LOOK_UP_BYTES: u64 = 16 * 1024;
/// The most neighbours; the network admits fewer.
pub(super) const MAX_NEIGHBOURS: usize = 512;
/// Heads of so many segments of an author are remembered, to know repetitions and forks without
/// asking the disk.
pub(super) const RECENT: usize = 32;
/// Segments ahead of a gap that are held back for one author, and in bytes for all.
pub(super) const MAX_HELD: usize = 16;
pub(super) const MAX_HELD_BYTES: usize = 4 * 1024 * 1024;
/// Bytes handed out to be stored and not yet stored: what a neighbour brings beyond its share of them
/// is shed and asked for later.
pub(super) const MAX_UNSTORED_BYTES: usize = 16 * 1024 * 1024;
/// Entries asked for at once of one author: some 350 KB.
pub(super) const MAX_SPAN: u64 = 1024;
/// Entries asked for at once of one neighbour, give or take a span: twice the gap that must be
/// closed in two round trips; the rest goes to others.
pub(super) const MAX_ASKED: u64 = 2048;
/// Wants under way to one neighbour.
pub(super) const MAX_WANTS: usize = 8;
/// Neighbours asked for the same entries at once, when those asked before do not deliver: of 15
/// one is honest in 99 of 100 cases when three quarters of all are not.
pub(super) const MAX_HEDGE: usize = 15;
/// The same when more entries than `SHORT_SPAN` are missing, which may come many times over.
pub(super) const MAX_LONG_HEDGE: usize = 3;
pub(super) const SHORT_SPAN: u64 = 64;
/// A want of which nothing (more) comes for so long is broken.
pub(super) const GIVE_UP: Duration = Duration::from_secs(3);
/// One want may take so long in all, however steadily its answer drips.
pub(super) const MAX_WANT: Duration = Duration::from_secs(60);
/// A neighbour that did not deliver entries is asked last for the same author's for so long.
pub(super) const AVOID: Duration = Duration::from_secs(10);
/// Bytes read for one want; the asker asks again for the rest.
pub(super) const ANSWER_BYTES: usize = 1024 * 1024;
/// Wants of one neighbour that wait for their turn; we never send more than `MAX_WANTS`.
pub(super) const MAX_SERVING: usize = 16;
/// Reads under way to prove forks or compare old segments.
pub(super) const MAX_COMPARING: usize = 64;
/// Proofs of forks kept to show to others, about 48 KB each at most.
pub(super) const MAX_EVIDENCE: usize = 64;
/// A neighbour that goes on pushing repetitions is asked to stop again after so long.
pub(super) const PRUNE_AGAIN: Duration = Duration::from_secs(1);
/// How far the clock of who says that it knows nothing may be from ours: as long as it is believed.
pub(super) const STATEMENT_SKEW: Duration = Duration::from_secs(3600);
/// Verifying a statement counts as so many verifications, before its key is known: what RSA-8192
/// costs. It leaves 250 a second, and a Slips asks once in two.
pub(super) const STATEMENT_COST: u64 = 8;
/// A neighbour's claim to have entries of our own log that we lack holds back signing for so long:
/// its first want is given up (`GIVE_UP`) and another may be answered.
pub(super) const OWN_WAIT: Duration = Duration::from_secs(5);
/// Claims that bring nothing hold back signing for so long in all: a dozen liars, one after another.
pub(super) const OWN_WAIT_IN_ALL: Duration = Duration::from_secs(60);
/// Neighbours whose claims about our log are remembered; those of more count for nothing.
pub(super) const MAX_OWN_CLAIMS: usize = 1024;
/// Entries that all who have later ones say they no longer have are skipped when that was so for so
/// long: time for somebody who has them to connect. What is skipped is lost here for good.
pub(super) const SKIP_AFTER: Duration = Duration::from_secs(10);
/// Tips told in one sweep: some 7 KB.
pub(super) const SWEEP_TIPS: usize = 64;
