//! One node a database: a lock file beside it, held as long as the process lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error(
        "another node is running on {database}: stop it first, or give this one its own database \
         ([node] database)"
    )]
    Held {
        /// The database.
        database: PathBuf,
    },
    /// The lock file cannot be opened.
    #[error("cannot open the lock file {path}: {source}; is the directory there and writable?")]
    Open {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The lock, given back when it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct DatabaseLock {
    _file: File,
}

impl DatabaseLock {
    /// Takes the lock of a database.
    ///
    /// # Errors
    /// When another process holds it or the file cannot be opened.
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let path = lock_file(database);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| LockError::Open { path: path.clone(), source })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held { database: database.into() }),
            Err(TryLockError::Error(source)) => Err(LockError::Open { path, source }),
        }
    }
}

/// Whether a node runs on this database now. A lock that cannot be examined counts as not held.
#[must_use]
pub fn is_running(database: &Path) -> bool {
    File::open(lock_file(database))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn lock_file(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_free_again_when_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("a.db");
        assert!(!is_running(&database));
        let lock = DatabaseLock::take(&database).unwrap();
        assert!(is_running(&database));
        let second = DatabaseLock::take(&database).unwrap_err();
        assert!(second.to_string().contains("another node is running"), "{second}");
        drop(lock);
        assert!(!is_running(&database));
        DatabaseLock::take(&database).unwrap();
    }
}
