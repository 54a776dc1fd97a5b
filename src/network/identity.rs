//! The key a node is known by: loaded with care, never overwritten by accident.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use libp2p::identity::Keypair;

/// A key file is about 70 bytes (Ed25519) to 2.5 KiB (RSA-4096); more is something else.
const MAX_KEY_BYTES: u64 = 16 * 1024;
/// What a key just read signs to show that it can.
const TRIAL: &[u8] = b"slips-p2p";

/// What to do with a key file others can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loose {
    /// Refuse it, naming the command that fixes it.
    Refuse,
    /// Set it to 0600 and warn: the pigeon leaves its own at 0777.
    Tighten,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Others can read it.
    #[error("the key {path} can be read by others (mode {mode:03o}): run `chmod 600 {path}`")]
    Readable {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is there and is no key. It is left as it is.
    #[error(
        "the key {path} is damaged or no libp2p key ({reason}); it is left untouched: restore it, or move it away to get a new identity"
    )]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It is no plain file.
    #[error("the key {path} is not a regular file")]
    NotAFile {
        /// Which file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot {doing} the key {path}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

/// A key for this run only.
#[must_use]
pub fn one_time() -> Keypair {
    Keypair::generate_ed25519()
}

/// Loads the key at `path`, or makes a new Ed25519 one there when nothing is: mode 0600 from the
/// start, complete or not at all. Missing directories are made, for this user only. RSA keys of
/// the pigeon load and keep their peer id.
///
/// # Errors
/// [`KeyError`]. An existing file is never changed but for its mode, and that only with
/// [`Loose::Tighten`].
pub fn load_or_create(path: &Path, loose: Loose) -> Result<Keypair, KeyError> {
    match load(path, loose) {
        Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            match write_new(path, false) {
                // Another process was faster: its key counts.
                Err(KeyError::Io { source, .. })
                    if source.kind() == io::ErrorKind::AlreadyExists =>
                {
                    load(path, loose)
                }
                made => made,
            }
        }
        loaded => loaded,
    }
}

/// Loads the key at `path`.
///
/// # Errors
/// [`KeyError`], also when there is none.
pub fn load(path: &Path, loose: Loose) -> Result<Keypair, KeyError> {
    let io_error = |source| KeyError::Io {
        doing: "read",
        path: path.into(),
        source,
    };
    // O_NONBLOCK: a pipe in its place must not hold us up.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(io_error)?;
    let meta = file.metadata().map_err(io_error)?;
    if !meta.is_file() {
        return Err(KeyError::NotAFile { path: path.into() });
    }
    check_mode(&file, path, meta.mode() & 0o777, loose)?;
    let mut bytes = Vec::new();
    file.take(MAX_KEY_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(io_error)?;
    parse(&bytes).map_err(|reason| KeyError::Corrupt {
        path: path.into(),
        reason,
    })
}

/// The key in the bytes of a key file: libp2p's protobuf form, Ed25519 or RSA.
///
/// # Errors
/// Why it is none; nothing of the bytes is repeated.
pub fn parse(bytes: &[u8]) -> Result<Keypair, String> {
    if bytes.is_empty() {
        return Err("empty".into());
    }
    if bytes.len() as u64 > MAX_KEY_BYTES {
        return Err(format!("larger than {MAX_KEY_BYTES} bytes"));
    }
    let keypair = Keypair::from_protobuf_encoding(bytes).map_err(|error| error.to_string())?;
    // Some damage to an RSA key shows only when it signs, and then in every handshake.
    let signs = keypair
        .sign(TRIAL)
        .is_ok_and(|signature| keypair.public().verify(TRIAL, &signature));
    if signs {
        Ok(keypair)
    } else {
        Err("its parts do not belong together".into())
    }
}

/// Puts a new Ed25519 key at `path`, in place of whatever is there.
///
/// # Errors
/// [`KeyError::Io`]; the old file is then still there.
pub fn replace(path: &Path) -> Result<Keypair, KeyError> {
    write_new(path, true)
}

fn check_mode(file: &File, path: &Path, mode: u32, loose: Loose) -> Result<(), KeyError> {
    if mode.trailing_zeros() >= 6 {
        return Ok(());
    }
    match loose {
        Loose::Refuse => Err(KeyError::Readable {
            path: path.into(),
            mode,
        }),
        Loose::Tighten => {
            tracing::warn!(
                "the key {} could be read by others (mode {mode:03o}): set to 600",
                path.display()
            );
            file.set_permissions(Permissions::from_mode(0o600))
                .map_err(|source| KeyError::Io {
                    doing: "tighten",
                    path: path.into(),
                    source,
                })
        }
    }
}

fn write_new(path: &Path, over_old: bool) -> Result<Keypair, KeyError> {
    let io_error = |source| KeyError::Io {
        doing: "write",
        path: path.into(),
        source,
    };
    let keypair = one_time();
    let bytes = keypair
        .to_protobuf_encoding()
        .map_err(|error| io_error(io::Error::other(error)))?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(io_error)?;
    // The temporary file has mode 0600 from its creation.
    let mut temporary = tempfile::NamedTempFile::new_in(directory).map_err(io_error)?;
    temporary.write_all(&bytes).map_err(io_error)?;
    temporary.as_file().sync_all().map_err(io_error)?;
    if over_old {
        temporary
            .persist(path)
            .map_err(|error| io_error(error.error))?;
    } else {
        temporary
            .persist_noclobber(path)
            .map_err(|error| io_error(error.error))?;
    }
    fs::File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(io_error)?;
    Ok(keypair)
}
