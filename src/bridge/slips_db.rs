//! What Slips itself holds about an address, asked with a time limit.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::{link::Link, settings::Layout, url::explain};
use crate::domain::{Confidence, Score, Subject};

/// An answer later than this is no use to the peer that asked.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Questions waiting for the database: a burst of one per peer; the next asker waits for room.
const QUESTIONS: usize = 256;
/// Questions put to the server at once.
const AT_ONCE: usize = 64;

/// Why Slips' database gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// Nothing came in time.
    #[error(
        "Slips' database did not answer within {ANSWER_WITHIN:?}; see whether its Redis is overloaded or stopped"
    )]
    TimedOut,
    /// The server cannot be reached or refuses.
    #[error("Slips' database {server}: {reason}")]
    Unavailable {
        /// The URL without its secrets.
        server: String,
        /// What went wrong, and the remedy.
        reason: String,
    },
    /// What stands there is not a number in range.
    #[error(
        "Slips' database holds `{value}` as {what} of {subject}, which is not a number in range"
    )]
    Unusable {
        /// Of which address.
        subject: Subject,
        /// `score` or `confidence`.
        what: &'static str,
        /// The beginning of what stands there.
        value: String,
    },
}

type Evaluation = Result<Option<(Score, Confidence)>, DbError>;
/// What one field holds.
type Cell = Option<Vec<u8>>;
type Question = (Subject, oneshot::Sender<Evaluation>);

/// A handle to Slips' own database.
#[derive(Debug, Clone)]
pub struct SlipsDb {
    questions: mpsc::Sender<Question>,
    multiaddress: watch::Sender<Option<String>>,
}

impl SlipsDb {
    /// What Slips thinks of an address; `None`: it holds no score or no confidence of it.
    ///
    /// # Errors
    /// [`DbError`] when there is no answer within a second or what stands there is unusable.
    pub async fn evaluation(&self, subject: Subject) -> Evaluation {
        let ask = async {
            let (answer, answered) = oneshot::channel();
            self.questions.send((subject, answer)).await.ok()?;
            answered.await.ok()
        };
        match tokio::time::timeout(ANSWER_WITHIN, ask).await {
            Ok(Some(answer)) => answer,
            // The task is gone, as it is while the program stops.
            Ok(None) | Err(_) => Err(DbError::TimedOut),
        }
    }

    /// Sets the key `multiAddress` now and again whenever the connection was made again.
    pub fn set_multiaddress(&self, address: String) {
        self.multiaddress.send_replace(Some(address));
    }
}

/// The task that asks.
pub(super) struct Asker {
    link: Link,
    layout: Layout,
    questions: mpsc::Receiver<Question>,
}

/// The handle and its task.
pub(super) fn slips_db(
    link: Link,
    layout: Layout,
    multiaddress: watch::Sender<Option<String>>,
) -> (SlipsDb, Asker) {
    let (sender, questions) = mpsc::channel(QUESTIONS);
    (
        SlipsDb {
            questions: sender,
            multiaddress,
        },
        Asker {
            link,
            layout,
            questions,
        },
    )
}

impl Asker {
    /// Answers until every handle is dropped.
    pub(super) async fn run(mut self) {
        let mut waiting: Vec<Question> = Vec::with_capacity(AT_ONCE);
        while self.questions.recv_many(&mut waiting, AT_ONCE).await > 0 {
            // Whoever has given up meanwhile is not asked for.
            waiting.retain(|(_, answer)| !answer.is_closed());
            let subjects: Vec<Subject> = waiting.iter().map(|(subject, _)| *subject).collect();
            if subjects.is_empty() {
                continue;
            }
            let answers = self.ask(&subjects).await;
            for ((_, answer), evaluation) in waiting.drain(..).zip(answers) {
                // The asker may have gone; nobody misses the answer then.
                let _ = answer.send(evaluation);
            }
        }
    }

    async fn ask(&mut self, subjects: &[Subject]) -> Vec<Evaluation> {
        let rows = match self.rows(subjects).await {
            Ok(rows) => rows,
            Err(error) => {
                let server = self.link.server().to_string();
                let error = DbError::Unavailable {
                    server,
                    reason: explain(&error),
                };
                return vec![Err(error); subjects.len()];
            }
        };
        let cell = |row: usize, n: usize| {
            let bytes = rows.get(row)?.get(n)?.as_deref()?;
            Some(String::from_utf8_lossy(bytes))
        };
        let answer = |(n, subject): (usize, &Subject)| match self.layout {
            Layout::Hash => evaluation(*subject, cell(0, n).as_deref(), cell(1, n).as_deref()),
            Layout::Json => evaluation_in(*subject, cell(0, n).as_deref()),
        };
        subjects.iter().enumerate().map(answer).collect()
    }

    /// What stands there: a row for each hash of the layout, in it a cell for each address.
    async fn rows(&mut self, subjects: &[Subject]) -> redis::RedisResult<Vec<Vec<Cell>>> {
        let mut question = redis::pipe();
        let hashes: &[&str] = match self.layout {
            Layout::Hash => &["IPsInfo:score", "IPsInfo:confidence"],
            Layout::Json => &["IPsInfo"],
        };
        for hash in hashes {
            question.cmd("HMGET").arg(hash);
            for subject in subjects {
                question.arg(subject.to_string());
            }
        }
        match self.link.ask(&question).await {
            // It broke while nobody asked, which shows only now: a second attempt makes a new one.
            Err(error) if error.is_connection_dropped() => self.link.ask(&question).await,
            other => other,
        }
    }
}

fn evaluation(subject: Subject, score: Option<&str>, confidence: Option<&str>) -> Evaluation {
    let (Some(score), Some(confidence)) = (score, confidence) else {
        return Ok(None);
    };
    let unusable = |what, value: &str| DbError::Unusable {
        subject,
        what,
        value: value.chars().take(64).collect(),
    };
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let score_of = number(score).and_then(|v| Score::new(v).ok());
    let confidence_of = number(confidence).and_then(|v| Confidence::new(v).ok());
    Ok(Some((
        score_of.ok_or_else(|| unusable("score", score))?,
        confidence_of.ok_or_else(|| unusable("confidence", confidence))?,
    )))
}

/// The older layout: both are keys of one object, as numbers or as text.
fn evaluation_in(subject: Subject, object: Option<&str>) -> Evaluation {
    let object: Option<serde_json::Value> = object.and_then(|o| serde_json::from_str(o).ok());
    let text = |key: &str| match object.as_ref()?.get(key)? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    evaluation(
        subject,
        text("score").as_deref(),
        text("confidence").as_deref(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        "192.0.2.1".parse().unwrap()
    }

    fn known(score: f64, confidence: f64) -> Evaluation {
        Ok(Some((
            Score::new(score).unwrap(),
            Confidence::new(confidence).unwrap(),
        )))
    }

    #[test]
    fn both_numbers_or_nothing() {
        assert_eq!(
            evaluation(subject(), Some("1"), Some("0.6")),
            known(1.0, 0.6)
        );
        assert_eq!(evaluation(subject(), Some("1"), None), Ok(None));
        assert_eq!(evaluation(subject(), None, Some("1")), Ok(None));
        for bad in ["", "x", "nan", "inf", "7", "None"] {
            let answer = evaluation(subject(), Some(bad), Some("0.6"));
            assert!(
                matches!(answer, Err(DbError::Unusable { what: "score", .. })),
                "{bad}"
            );
        }
    }

    #[test]
    fn the_older_layout_keeps_both_in_one_object() {
        let stored = r#"{"SNI": [], "score": 0.5, "confidence": "0.25"}"#;
        assert_eq!(evaluation_in(subject(), Some(stored)), known(0.5, 0.25));
        for nothing in [
            r#"{"score": 1}"#,
            r#"{"score":null,"confidence":1}"#,
            "[]",
            "rubbish",
        ] {
            assert_eq!(
                evaluation_in(subject(), Some(nothing)),
                Ok(None),
                "{nothing}"
            );
        }
        assert_eq!(evaluation_in(subject(), None), Ok(None));
    }
}
