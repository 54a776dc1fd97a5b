//! Slips' own version, without which current Slips drops what it is told.
//!
//! A fixed setting is never changed. Else the newest word counts: what Slips says in its messages,
//! or its VERSION file, which changes only when Slips is updated. Before Slips has said anything
//! the file is believed; once it has, only a change of the file outweighs it.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tokio::{io::AsyncReadExt, sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

/// How often the VERSION file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Longer is no version: real ones have six characters.
const MAX_LENGTH: usize = 64;

/// The one who learns the version.
#[derive(Debug, Clone)]
pub(super) struct Learner {
    known: watch::Sender<Option<String>>,
    fixed: bool,
}

/// The one who needs the version.
#[derive(Debug)]
pub(super) struct Reader {
    known: watch::Receiver<Option<String>>,
    wait_until: Instant,
    said: bool,
}

/// A version that may go into a JSON text: short, of letters, digits and `. _ + -`, blanks at the ends removed.
pub(super) fn sane(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty()
        && text.len() <= MAX_LENGTH
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b));
    fits.then(|| text.to_owned())
}

/// What is known at the start, and for how long messages wait for more.
pub(super) fn version(fixed: Option<String>, wait: Duration) -> (Learner, Reader) {
    let is_fixed = fixed.is_some();
    let (sender, receiver) = watch::channel(fixed);
    let wait_until = Instant::now() + wait;
    (
        Learner {
            known: sender,
            fixed: is_fixed,
        },
        Reader {
            known: receiver,
            wait_until,
            said: false,
        },
    )
}

impl Learner {
    /// Slips or its file said a version.
    pub(super) fn heard(&self, text: &str, from: &str) {
        if self.fixed {
            return;
        }
        let Some(version) = sane(text) else {
            tracing::debug!("what {from} gives as Slips' version is none");
            return;
        };
        self.known.send_if_modified(|known| {
            let news = known.as_ref() != Some(&version);
            if news {
                tracing::info!("Slips' version is {version}, says {from}");
                *known = Some(version.clone());
            }
            news
        });
    }

    /// Follows the first readable file until cancelled.
    pub(super) async fn follow_files(self, files: Vec<PathBuf>, cancel: CancellationToken) {
        let mut seen: Option<Seen> = None;
        loop {
            self.look(&files, &mut seen).await;
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn look(&self, files: &[PathBuf], seen: &mut Option<Seen>) {
        for path in files {
            let Ok(metadata) = tokio::fs::metadata(path).await else {
                continue;
            };
            let mark = (path.clone(), metadata.modified().ok(), metadata.len());
            if seen.as_ref().is_some_and(|s| s.mark == mark) {
                return;
            }
            let Some(version) = read(path).await else {
                continue;
            };
            let changed = seen.as_ref().is_some_and(|s| s.version != version);
            if changed || self.known.borrow().is_none() {
                self.heard(&version, &path.display().to_string());
            }
            *seen = Some(Seen { mark, version });
            return;
        }
    }
}

/// A file as it was last read.
struct Seen {
    mark: (PathBuf, Option<SystemTime>, u64),
    version: String,
}

async fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = tokio::fs::File::open(path).await.ok()?;
    file.take(4 * MAX_LENGTH as u64)
        .read_to_string(&mut text)
        .await
        .ok()?;
    sane(&text)
}

impl Reader {
    /// The version as it is known now, after waiting for it while the time for that is not over.
    pub(super) async fn get(&mut self) -> Option<String> {
        let known = tokio::time::timeout_at(self.wait_until, self.known.wait_for(Option::is_some))
            .await
            .ok()
            .and_then(Result::ok)
            .and_then(|known| known.clone());
        if known.is_none() && !self.said {
            self.said = true;
            tracing::warn!(
                "Slips' version is not known: messages go without it, and Slips 1.1.20 and later drop such; set it or name Slips' VERSION file"
            );
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_break_a_json_text_is_a_version() {
        assert_eq!(sane(" 1.1.21\n").as_deref(), Some("1.1.21"));
        assert_eq!(sane("2.0-rc.1+x_y").as_deref(), Some("2.0-rc.1+x_y"));
        for bad in [
            "",
            "  \n",
            "1.1\"",
            "1 2",
            "1\\2",
            "é",
            "1\n2",
            &"1".repeat(65),
        ] {
            assert_eq!(sane(bad), None, "{bad:?}");
        }
    }

    #[tokio::test]
    async fn waiting_ends_when_it_is_heard_or_when_the_time_is_over() {
        let (learner, mut reader) = version(None, Duration::from_secs(3600));
        let (known, ()) = tokio::join!(reader.get(), async {
            tokio::task::yield_now().await;
            learner.heard("1.1.21", "a message");
        });
        assert_eq!(known.as_deref(), Some("1.1.21"));
        learner.heard("1.1.22", "a message");
        assert_eq!(reader.get().await.as_deref(), Some("1.1.22"));

        let (_learner, mut reader) = version(None, Duration::from_millis(50));
        let began = Instant::now();
        assert_eq!(reader.get().await, None);
        assert!(began.elapsed() >= Duration::from_millis(50));
        reader.wait_until = began;
        assert_eq!(reader.get().await, None, "it waits only once");
    }

    #[tokio::test]
    async fn a_fixed_version_is_never_changed() {
        let (learner, mut reader) = version(Some("9".into()), Duration::ZERO);
        learner.heard("1.1.21", "a message");
        assert_eq!(reader.get().await.as_deref(), Some("9"));
    }

    #[tokio::test]
    async fn messages_outweigh_the_file_until_the_file_changes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("VERSION");
        let files = [dir.path().join("missing"), file.clone()];
        let (learner, mut reader) = version(None, Duration::ZERO);
        let mut seen = None;
        std::fs::write(&file, "1.1.20\n").unwrap();
        learner.look(&files, &mut seen).await;
        assert_eq!(reader.get().await.as_deref(), Some("1.1.20"));
        learner.heard("1.1.21", "a message");
        learner.look(&files, &mut seen).await;
        assert_eq!(reader.get().await.as_deref(), Some("1.1.21"));
        std::fs::write(&file, "1.1.22-beta\n").unwrap();
        learner.look(&files, &mut seen).await;
        assert_eq!(reader.get().await.as_deref(), Some("1.1.22-beta"));
    }
}
