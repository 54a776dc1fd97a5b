//! A mark beside the key: how far it has signed. A database that was lost, or restored from an old
//! backup, does not know; whoever signs a number again is taken for a liar by everybody, for good.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::domain::PeerId;

/// The mark goes ahead in steps, so that it is written once for so many entries. A backup that is
/// older by fewer is found out only by neighbours.
const STEP: u64 = 1024;

/// How far a key has signed in a network, at most.
#[derive(Debug)]
pub(super) struct Mark {
    /// `None`: the key is for one run, nothing outlives it.
    path: Option<PathBuf>,
    /// The network, and on a line of its own the id of the key.
    of: String,
    signed: u64,
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
        }
    }

    /// Whether a log that ends with this number lacks what the key has signed after it.
    pub(super) fn misses(&self, last: u64) -> bool {
        self.signed > 0 && (last == 0 || last.saturating_add(STEP) < self.signed)
    }

    /// To be called before anything up to this number leaves the program.
    ///
    /// # Errors
    /// The mark cannot be written.
    pub(super) fn reserve(&mut self, last: u64) -> io::Result<()> {
        if last <= self.signed {
            return Ok(());
        }
        let signed = last.saturating_add(STEP - 1) / STEP * STEP;
        if let Some(path) = &self.path {
            let mut new = path.clone().into_os_string();
            new.push(".new");
            let mut file = File::create(&new)?;
            writeln!(file, "{signed} {}", self.of)?;
            file.sync_all()?;
            fs::rename(&new, path)?;
        }
        self.signed = signed;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_log_is_known_and_a_crash_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        let id = PeerId::random();
        let mut mark = Mark::beside(Some(&key), "slips", id);
        assert!(!mark.misses(0), "it has signed nothing yet");
        mark.reserve(3).unwrap();
        let mark = Mark::beside(Some(&key), "slips", id);
        assert!(mark.misses(0));
        assert!(!mark.misses(2), "a crash may leave the mark ahead");
        assert!(!Mark::beside(Some(&key), "another", id).misses(0));
        let mut mark = mark;
        mark.reserve(5000).unwrap();
        let mark = Mark::beside(Some(&key), "slips", id);
        assert!(mark.misses(3000) && !mark.misses(4990));
        fs::write(dir.path().join("key.signed"), "garbage").unwrap();
        assert!(!Mark::beside(Some(&key), "slips", id).misses(0));
    }

    #[test]
    fn a_new_key_in_the_place_of_the_old_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        let (old, new) = (PeerId::random(), PeerId::random());
        Mark::beside(Some(&key), "slips", old).reserve(3).unwrap();
        assert!(!Mark::beside(Some(&key), "slips", new).misses(0));
        assert!(Mark::beside(Some(&key), "slips", old).misses(0));
        fs::write(dir.path().join("key.signed"), "1024 slips\n").unwrap();
        assert!(
            Mark::beside(Some(&key), "slips", new).misses(0),
            "whose it is nobody knows"
        );
    }

    #[test]
    fn the_key_of_one_run_leaves_no_mark() {
        let mut mark = Mark::beside(None, "slips", PeerId::random());
        mark.reserve(7).unwrap();
        assert!(!mark.misses(7));
    }
}
