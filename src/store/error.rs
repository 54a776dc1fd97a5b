//! What can go wrong with the database, told apart by what the caller does next.

use std::path::PathBuf;

use sqlx::sqlite::SqliteError;

/// Why a database could not be opened. Nothing was changed in the file.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such file.
    #[error(
        "there is no database at {path}; start the node once (`slips-p2p run`), or give the right path (--database) or configuration (--config)"
    )]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The path names something else than a file.
    #[error(
        "{path} is not a file; give the path of the database file itself, such as {path}/slips-p2p.db"
    )]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file or its directory may not be used by this user.
    #[error(
        "no permission to {what} {path}; run as the user the node runs as, or change the owner: {source}"
    )]
    Permission {
        /// What was tried.
        what: &'static str,
        /// With which path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system refused for another reason.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another node has it open.
    #[error(
        "{path} is in use by another node; stop that one, or give this one a database of its own"
    )]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The file is no SQLite database, or a damaged one.
    #[error(
        "{path} is not a usable database ({detail}); move it away to start afresh, or restore a backup"
    )]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// A database of another program.
    #[error(
        "{path} is the database of another program; give the path of one made by slips-p2p, or of a new file"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Written by a newer slips-p2p.
    #[error(
        "{path} has schema {found}, this program knows up to {known}; use the newer slips-p2p that wrote it, or restore a backup"
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
    /// Written by an older slips-p2p and opened read-only.
    #[error(
        "{path} has schema {found}, this program needs {known}; start the node once (`slips-p2p run`) to upgrade it"
    )]
    OlderSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The schema this program needs.
        known: i64,
    },
    /// A step of the schema could not be made or was changed after it was made.
    #[error(
        "cannot bring {path} to this program's schema: {detail}; restore a backup made before the upgrade"
    )]
    Migration {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        detail: String,
    },
    /// Reading what is in it failed.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: Box<StoreError>,
    },
}

/// Why reading or writing failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room on the disk, or the disk does not take what is written.
    #[error("the database cannot be written ({detail}); free space on its disk or check the disk")]
    Full {
        /// What SQLite said.
        detail: String,
    },
    /// Another process holds the write lock for longer than is waited for.
    #[error("the database is locked by another process ({detail}); end that process or wait")]
    Busy {
        /// What SQLite said.
        detail: String,
    },
    /// The file is damaged.
    #[error("the database is damaged ({detail}); run `slips-p2p db check`, then restore a backup")]
    Corrupt {
        /// What SQLite said.
        detail: String,
    },
    /// A value broke a rule of the schema: a fault of this program.
    #[error("the database refused a row ({detail}); nothing of that batch was stored")]
    Refused {
        /// What SQLite said.
        detail: String,
    },
    /// The store was closed before this was stored.
    #[error("the database is closed; nothing more is stored")]
    Closed,
    /// A row in the database that is none.
    #[error("table {table}, row {row}: {column} holds `{value}`: {why}; run `slips-p2p db check`")]
    BadRow {
        /// In which table.
        table: &'static str,
        /// Which row, by its id or key.
        row: String,
        /// Which column.
        column: &'static str,
        /// What it holds.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// A backup would overwrite something, or could not be written.
    #[error(
        "cannot write the backup {path}: {source}; name a new file in a directory you can write to"
    )]
    Backup {
        /// Where to.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Anything else SQLite says.
    #[error("the database answers: {0}")]
    Database(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether the same may succeed later with nothing changed but the machine's state.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Busy { .. })
    }
}

/// SQLite's primary result codes that make a difference here; from sqlite.org/rescode.html.
mod code {
    pub const BUSY: i32 = 5;
    pub const LOCKED: i32 = 6;
    pub const NOMEM: i32 = 7;
    pub const READONLY: i32 = 8;
    pub const IOERR: i32 = 10;
    pub const CORRUPT: i32 = 11;
    pub const FULL: i32 = 13;
    pub const CANTOPEN: i32 = 14;
    pub const CONSTRAINT: i32 = 19;
    pub const NOTADB: i32 = 26;
}

/// SQLite's primary result code of an error, if it is one of SQLite's.
pub(super) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let sqlite = error
        .as_database_error()?
        .try_downcast_ref::<SqliteError>()?;
    let code: i32 = sqlx::error::DatabaseError::code(sqlite)?.parse().ok()?;
    Some(code & 0xff)
}

/// Whether the file itself is at fault.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(code::CORRUPT | code::NOTADB))
}

/// Whether the file could not be opened or created.
pub(super) fn is_cannot_open(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(code::CANTOPEN)
}

/// Whether the file may not be written.
pub(super) fn is_read_only(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(code::READONLY)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let detail = error.to_string();
        match primary_code(&error) {
            // EMFILE shows as CANTOPEN, a failing disk as IOERR: both may pass.
            Some(code::FULL | code::IOERR | code::CANTOPEN | code::NOMEM) => Self::Full { detail },
            Some(code::BUSY | code::LOCKED) => Self::Busy { detail },
            Some(code::CORRUPT | code::NOTADB) => Self::Corrupt { detail },
            None if matches!(error, sqlx::Error::PoolClosed) => Self::Closed,
            Some(code::CONSTRAINT) => Self::Refused { detail },
            _ => Self::Database(error),
        }
    }
}
