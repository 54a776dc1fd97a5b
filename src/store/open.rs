//! Opening: the file and its rights, the lock against a second node, the settings of a connection, the schema.

use std::{
    borrow::Cow,
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, Row, SqlStr, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::error::{OpenError, StoreError, is_cannot_open, is_damage, is_read_only};

/// How often a held lock is tried: a question whether a node runs takes far less than the time
/// these tries take together.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// How long a connection waits for another process's lock before it says so. Only a backup tool or
/// somebody's `sqlite3` can hold one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages a connection keeps in memory; negative: in KiB, as SQLite has it.
const WRITER_CACHE: &str = "-16384";
const READER_CACHE: &str = "-4096";
/// Pages in the write-ahead log before a commit moves them into the database: 64 MiB, measured twice as
/// fast for bulk inserts as SQLite's 1,000. Moving them beside the commits, by a connection of its own,
/// held those up for longer: p99 of 50 to 98 ms instead of 13 to 30 at 3,000 and 10,000 reports a second.
const WAL_PAGES: &str = "16384";
/// The log is cut back to this many bytes when it was moved.
const WAL_BYTES: &str = "67108864";

/// The newest schema this program knows.
pub(super) const SCHEMA: i64 = 6;

fn migrator() -> Migrator {
    let step = |version, what: &'static str, sql: &'static str| {
        Migration::new(
            version,
            Cow::Borrowed(what),
            MigrationType::Simple,
            SqlStr::from_static(sql),
            false,
        )
    };
    Migrator::with_migrations(vec![
        step(
            1,
            "foundation",
            include_str!("../../migrations/0001_foundation.sql"),
        ),
        step(
            2,
            "recomputing",
            include_str!("../../migrations/0002_recomputing.sql"),
        ),
        step(3, "log", include_str!("../../migrations/0003_log.sql")),
        step(
            4,
            "contacts",
            include_str!("../../migrations/0004_contacts.sql"),
        ),
        step(
            5,
            "presence",
            include_str!("../../migrations/0005_presence.sql"),
        ),
        step(6, "lanes", include_str!("../../migrations/0006_lanes.sql")),
    ])
}

/// Makes the directory where it is missing, for this user alone.
pub(super) fn prepare_directory(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Err(OpenError::NotAFile {
            path: path.to_owned(),
        });
    }
    if let Some(directory) = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
    {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|source| system_error("create the directory", directory, source))?;
    }
    Ok(())
}

/// Makes the file where it is missing, readable by this user alone. An existing one is not even
/// opened: closing it would end every lock SQLite holds on it in this process.
pub(super) fn prepare_file(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(system_error("create", path, source)),
    }
}

/// Whether a node holds this database now. A lock that cannot be examined counts as not held.
#[must_use]
pub fn is_running(path: &Path) -> bool {
    File::open(beside(path, ".lock"))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Holds the database against a second node for as long as the file lives; ends with the process.
///
/// [`is_running`] holds it for a moment as well, so a held one is tried again a few times.
pub(super) async fn lock(path: &Path) -> Result<File, OpenError> {
    let beside = beside(path, ".lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&beside)
        .map_err(|source| system_error("create", &beside, source))?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_PAUSE).await,
            Err(TryLockError::Error(source)) => return Err(system_error("lock", &beside, source)),
        }
    }
    Err(OpenError::InUse {
        path: path.to_owned(),
    })
}

/// The path of a file that lies beside the database: its name and an ending.
#[must_use]
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

fn system_error(what: &'static str, path: &Path, source: std::io::Error) -> OpenError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            OpenError::Permission { what, path, source }
        }
        ErrorKind::NotFound => OpenError::NotFound { path },
        _ => OpenError::Io { what, path, source },
    }
}

/// The one connection that writes.
pub(super) fn writing(path: &Path) -> SqliteConnectOptions {
    common(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", WRITER_CACHE)
        .pragma("wal_autocheckpoint", WAL_PAGES)
        .pragma("journal_size_limit", WAL_BYTES)
        .thread_name(|_| "store-write".into())
}

/// A connection that only reads.
pub(super) fn reading(path: &Path) -> SqliteConnectOptions {
    common(path)
        .read_only(true)
        .pragma("cache_size", READER_CACHE)
        .thread_name(|_| "store-read".into())
}

fn common(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

/// Connects and brings the schema up to date. A newer or a foreign one is refused before anything is written.
pub(super) async fn connect_and_migrate(path: &Path) -> Result<SqliteConnection, OpenError> {
    // Changing the journal mode writes, so the first look is taken without.
    let mut look = common(path)
        .connect()
        .await
        .map_err(|error| open_error(path, error))?;
    let found = schema_of(&mut look)
        .await
        .map_err(|error| open_error(path, error))?;
    check_schema(path, found)?;
    look.close()
        .await
        .map_err(|error| open_error(path, error))?;
    let mut conn = writing(path)
        .connect()
        .await
        .map_err(|error| open_error(path, error))?;
    migrator()
        .run_direct(None, &mut conn, false)
        .await
        .map_err(|error| OpenError::Migration {
            path: path.to_owned(),
            detail: error.to_string(),
        })?;
    Ok(conn)
}

/// Connects for reading only. Where the directory cannot be written and no node runs, SQLite cannot
/// make its shared-memory file: then nobody can change the database, and it is read as it is.
pub(super) async fn connect_to_read(path: &Path) -> Result<SqliteConnection, OpenError> {
    match fs::metadata(path) {
        Err(source) => return Err(system_error("read", path, source)),
        Ok(found) if !found.is_file() => {
            return Err(OpenError::NotAFile {
                path: path.to_owned(),
            });
        }
        Ok(_) => {}
    }
    let mut tried = read_schema(reading(path)).await;
    let no_shared_memory =
        matches!(&tried, Err(error) if is_cannot_open(error) || is_read_only(error));
    if no_shared_memory && !beside(path, "-wal").exists() {
        tried = read_schema(reading(path).immutable(true)).await;
    }
    let (conn, found) = tried.map_err(|error| open_error(path, error))?;
    check_schema(path, found)?;
    match found {
        Found::Schema(found) if found < SCHEMA => Err(OpenError::OlderSchema {
            path: path.to_owned(),
            found,
            known: SCHEMA,
        }),
        Found::Empty => Err(OpenError::NotFound {
            path: path.to_owned(),
        }),
        Found::Schema(_) | Found::Foreign => Ok(conn),
    }
}

async fn read_schema(
    options: SqliteConnectOptions,
) -> Result<(SqliteConnection, Found), sqlx::Error> {
    let mut conn = options.connect().await?;
    let found = schema_of(&mut conn).await?;
    Ok((conn, found))
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Empty,
    Foreign,
    Schema(i64),
}

async fn schema_of(conn: &mut SqliteConnection) -> Result<Found, sqlx::Error> {
    let tables = sqlx::query(
        "SELECT count(*), sum(name = '_sqlx_migrations') FROM sqlite_schema WHERE type = 'table'",
    )
    .fetch_one(&mut *conn)
    .await?;
    let (all, ours): (i64, Option<i64>) = (tables.try_get(0)?, tables.try_get(1)?);
    if all == 0 {
        return Ok(Found::Empty);
    }
    if ours.unwrap_or(0) == 0 {
        return Ok(Found::Foreign);
    }
    let newest: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(conn)
        .await?;
    // A start that ended before its first step leaves the table of steps empty.
    Ok(newest.map_or(Found::Empty, Found::Schema))
}

fn check_schema(path: &Path, found: Found) -> Result<(), OpenError> {
    let path = path.to_owned();
    match found {
        Found::Foreign => Err(OpenError::Foreign { path }),
        Found::Schema(found) if found > SCHEMA => Err(OpenError::NewerSchema {
            path,
            found,
            known: SCHEMA,
        }),
        Found::Empty | Found::Schema(_) => Ok(()),
    }
}

/// What went wrong while opening.
fn open_error(path: &Path, error: sqlx::Error) -> OpenError {
    if is_damage(&error) {
        return OpenError::NotADatabase {
            path: path.to_owned(),
            detail: error.to_string(),
        };
    }
    if is_read_only(&error) {
        let source = std::io::Error::from(ErrorKind::PermissionDenied);
        return OpenError::Permission {
            what: "write",
            path: path.to_owned(),
            source,
        };
    }
    // SQLite only says that it cannot; the system says why, unless it is about the files beside.
    if is_cannot_open(&error) {
        return match File::open(path) {
            Err(source) => system_error("open", path, source),
            Ok(_) => OpenError::Io {
                what: "make the -wal and -shm files SQLite needs beside",
                path: path.to_owned(),
                source: std::io::Error::other(error),
            },
        };
    }
    OpenError::Read {
        path: path.to_owned(),
        source: Box::new(StoreError::from(error)),
    }
}
