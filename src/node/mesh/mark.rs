//! A mark beside the key: how far it has signed. A database that was lost, or restored from an old
//! backup, does not know; whoever signs a number again is taken for a liar by everybody, for good.

use std::{
    fs::{self, File},
    future::pending,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use tokio::task::JoinHandle;

use crate::domain::PeerId;

/// The mark goes ahead by so much at the most, so that it is written once for half as many entries, and
/// before they come: more than twice a batch. A backup that is older by fewer is found out only by
/// neighbours.
const STEP: u64 = 1024;

const NOT_NOTED: &str = "how far our log goes cannot be noted beside the key (node.key_file): a lost database \
                         would not be found out";

/// How far a key has signed in a network, at most.
#[derive(Debug)]
pub(super) struct Mark {
    /// `None`: the key is for one run, nothing outlives it.
    path: Option<PathBuf>,
    /// The network, and on a line of its own the id of the key.
    of: String,
    signed: u64,
    /// How far it will be when that is written.
    writing: Option<(u64, JoinHandle<io::Result<()>>)>,
}

impl Mark {
    /// Reads the mark beside a key; one that is missing, damaged, of another network or of the key that
    /// lay there before says nothing.
    pub(super) fn beside(key_file: Option<&Path>, network: &str, key: PeerId) -> Self {
        let path = key_file.map(|key| {
            let mut path = key.as_os_str().to_owned();
            path.push(".signed");
            PathBuf::from(path)
        });
        let of = format!("{network}\n{key}");
        let text = path.as_ref().and_then(|path| fs::read_to_string(path).ok());
        let signed = text.and_then(|text| {
            let (number, of_which) = text.trim_end().split_once(' ')?;
            // Earlier versions named no key.
            let is_ours = of_which == of || of_which == network;
            number.parse().ok().filter(|_| is_ours)
        });
        Self {
            path,
            of,
            signed: signed.unwrap_or(0),
            writing: None,
        }
    }

    /// Whether a log that ends with this number lacks what the key has signed after it. The first mark
    /// alone says nothing: a node that ends before its first entry is on disk has lost nothing.
    pub(super) fn misses(&self, last: u64) -> bool {
        last.saturating_add(STEP) < self.signed
    }

    /// The first entry is on disk and about to leave: from now on a log without it is a lost one. Waits
    /// for the disk, once in the life of a key.
    pub(super) fn leave_the_start(&mut self) {
        if self.signed > STEP || self.writing.is_some() {
            return;
        }
        let signed = STEP + 1;
        let text = format!("{signed} {}", self.of);
        if let Err(error) = (self.path.as_ref()).map_or(Ok(()), |path| write(path, &text)) {
            tracing::warn!(%error, "{NOT_NOTED}");
        }
        self.signed = signed;
    }

    /// Whether anything up to this number may leave the program.
    pub(super) fn covers(&self, last: u64) -> bool {
        last <= self.signed
    }

    /// Moves the mark on in the background, if it is not far enough ahead of what is on disk. Not to be
    /// called before there is something to be signed: a mark without a log is a lost log.
    pub(super) fn go_ahead(&mut self, on_disk: u64) {
        if self.writing.is_some() || on_disk.saturating_add(STEP / 2) < self.signed {
            return;
        }
        let signed = on_disk.saturating_add(STEP);
        let text = format!("{signed} {}", self.of);
        let path = self.path.clone();
        let write = move || path.map_or(Ok(()), |path| write(&path, &text));
        self.writing = Some((signed, tokio::task::spawn_blocking(write)));
    }

    /// Waits until the mark has moved; for ever when it does not move. When it could not be written
    /// that is said, and what is signed goes out all the same.
    pub(super) async fn moved(&mut self) {
        let Some((signed, writing)) = &mut self.writing else {
            return pending().await;
        };
        let written = writing.await;
        self.signed = self.signed.max(*signed);
        self.writing = None;
        if let Err(error) = written.unwrap_or_else(|error| Err(io::Error::other(error))) {
            tracing::warn!(%error, "{NOT_NOTED}");
        }
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut new = path.to_owned().into_os_string();
    new.push(".new");
    let mut file = File::create(&new)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn reserve(mark: &mut Mark, on_disk: u64) {
        mark.go_ahead(on_disk);
        if mark.writing.is_some() {
            mark.moved().await;
        }
    }

    #[tokio::test]
    async fn a_lost_log_is_known_and_a_crash_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        let id = PeerId::random();
        let mut mark = Mark::beside(Some(&key), "slips", id);
        assert!(!mark.misses(0), "it has signed nothing yet");
        assert!(!mark.covers(1));
        reserve(&mut mark, 0).await;
        assert!(mark.covers(STEP));
        let mut mark = Mark::beside(Some(&key), "slips", id);
        assert!(!mark.misses(0), "killed before anything was on disk");
        mark.leave_the_start();
        let mut mark = Mark::beside(Some(&key), "slips", id);
        assert!(mark.misses(0) && !mark.misses(1));
        reserve(&mut mark, 600).await;
        assert!(mark.covers(600 + STEP));
        let mark = Mark::beside(Some(&key), "slips", id);
        assert!(mark.misses(0) && !mark.misses(600));
        assert!(!mark.misses(601), "a crash may leave the mark ahead");
        assert!(!Mark::beside(Some(&key), "another", id).misses(0));
        let mut mark = mark;
        reserve(&mut mark, 5000).await;
        let mark = Mark::beside(Some(&key), "slips", id);
        assert!(mark.misses(3000) && !mark.misses(5000));
        fs::write(dir.path().join("key.signed"), "garbage").unwrap();
        assert!(!Mark::beside(Some(&key), "slips", id).misses(0));
    }

    #[tokio::test]
    async fn a_new_key_in_the_place_of_the_old_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        let (old, new) = (PeerId::random(), PeerId::random());
        reserve(&mut Mark::beside(Some(&key), "slips", old), 3).await;
        assert!(!Mark::beside(Some(&key), "slips", new).misses(0));
        assert!(Mark::beside(Some(&key), "slips", old).misses(0));
        fs::write(dir.path().join("key.signed"), "1025 slips\n").unwrap();
        assert!(
            Mark::beside(Some(&key), "slips", new).misses(0),
            "whose it is nobody knows"
        );
    }

    #[tokio::test]
    async fn it_is_written_once_for_many_entries_and_well_before_they_come() {
        let dir = tempfile::tempdir().unwrap();
        let mut mark = Mark::beside(Some(&dir.path().join("key")), "slips", PeerId::random());
        let mut writes = 0;
        for on_disk in 0..10 * STEP {
            mark.go_ahead(on_disk);
            if mark.writing.is_some() {
                mark.moved().await;
                writes += 1;
            }
            assert!(mark.covers(on_disk + STEP / 2));
            assert!(!mark.misses(on_disk.max(1)));
        }
        assert!(writes <= 20);
    }

    #[tokio::test]
    async fn the_key_of_one_run_leaves_no_mark() {
        let mut mark = Mark::beside(None, "slips", PeerId::random());
        reserve(&mut mark, 7).await;
        assert!(!mark.misses(7));
    }
}
