//! Where the socket lies: made without a moment in which others could open it, held against a second
//! node, removed in the end.

use std::{
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io,
    os::{
        fd::AsRawFd,
        unix::{
            fs::{OpenOptionsExt, PermissionsExt},
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
};

/// The longest path the system takes for a socket, without its final zero (`sun_path` in unix(7)).
const MAX_PATH: usize = 107;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Another node answers there.
    #[error(
        "another node uses the control socket {path}; stop that one, or give this one its own (node.control_socket)"
    )]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is no socket lies there.
    #[error("{path} is no socket; move it away, or name another path (node.control_socket)")]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The system refused.
    #[error(
        "cannot make the control socket {path}: {source}; name another path (node.control_socket)"
    )]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A socket that listens; dropped, it is gone.
#[derive(Debug)]
pub struct Place {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// Held for its lock: ends with the process, however that ends.
    _lock: File,
}

impl Place {
    /// Makes the socket. What a node that was killed left there is replaced.
    ///
    /// # Errors
    /// [`PlaceError`], naming the path and what to do.
    pub fn take(path: &Path) -> Result<Self, PlaceError> {
        let failed = |source| PlaceError::Io {
            path: path.to_owned(),
            source,
        };
        let lock = lock(path)?;
        match fs::symlink_metadata(path) {
            Ok(found) if !std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()) => {
                return Err(PlaceError::NotASocket {
                    path: path.to_owned(),
                });
            }
            Ok(_) | Err(_) => {}
        }
        let directory = directory_of(path);
        // Born where nobody else can enter, closed to others, and only then given its name; that also
        // replaces what was left behind, in one step.
        let nursery = tempfile::Builder::new()
            .prefix(".control")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(directory)
            .map_err(failed)?;
        let born = nursery.path().join("socket");
        let listener = with_short(&born, |short| UnixListener::bind(short)).map_err(failed)?;
        fs::set_permissions(&born, Permissions::from_mode(0o600)).map_err(failed)?;
        fs::rename(&born, path).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            _lock: lock,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The lock is held until after this: what lies there is ours.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens a connection to the socket.
pub(super) fn connect(path: &Path) -> io::Result<UnixStream> {
    with_short(path, |short| UnixStream::connect(short))
}

/// One node a socket: whoever holds the lock may replace what lies there.
fn lock(path: &Path) -> Result<File, PlaceError> {
    let beside = lock_of(path);
    let failed = |source| PlaceError::Io {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&beside)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(PlaceError::InUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn lock_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A path too long for a socket is reached through its open directory.
fn with_short<T>(path: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let name = match path.file_name() {
        Some(name) if path.as_os_str().len() > MAX_PATH => name,
        _ => return act(path),
    };
    let directory = File::open(directory_of(path))?;
    act(&Path::new("/proc/self/fd")
        .join(directory.as_raw_fd().to_string())
        .join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_this_user_can_open_it_and_it_goes_with_its_node() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("node.sock");
        let place = Place::take(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        connect(&path).unwrap();
        assert!(matches!(Place::take(&path), Err(PlaceError::InUse { .. })));
        connect(&path).expect("the second one has harmed nothing");
        drop(place);
        assert!(!path.exists());
        Place::take(&path).unwrap();
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "only the lock is left: {left:?}");
    }

    #[test]
    fn what_a_killed_node_left_is_replaced_and_a_file_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("node.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(connect(&path).is_err(), "nobody listens");
        let place = Place::take(&path).unwrap();
        connect(&path).unwrap();
        drop(place);
        fs::write(&path, "precious").unwrap();
        let refused = Place::take(&path).unwrap_err();
        assert!(
            matches!(refused, PlaceError::NotASocket { .. }),
            "{refused}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_path_longer_than_a_socket_may_have_works() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("d".repeat(90)).join("e".repeat(90));
        fs::create_dir_all(&deep).unwrap();
        let path = deep.join("node.sock");
        let _place = Place::take(&path).unwrap();
        connect(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
    }
}
