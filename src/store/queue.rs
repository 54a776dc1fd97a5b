//! What waits for the writer, and what of it goes into one transaction.

use std::time::Duration;

use tokio::{sync::oneshot, time::Instant};

use super::{
    Batch, Committed, StoreError,
    prune::{Step, StepDone},
    stall::Lines,
};

/// How long a batch for which nobody waits is held for the company of one for which somebody does:
/// a kill in between loses what our Slips said in that time (more while the disk takes nothing), and
/// tells Slips again what it was told.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the handle asks of the writer.
pub(super) enum Command {
    Commit(Waiting),
    Prune(Step, oneshot::Sender<Result<StepDone, StoreError>>),
}

/// One batch that waits, and who waits for it.
pub(super) struct Waiting {
    pub batch: Box<Batch>,
    pub reply: oneshot::Sender<Result<Committed, StoreError>>,
    /// Whether it may wait for another's transaction.
    pub patient: bool,
}

/// What the writer does next.
pub(super) enum Work {
    Commit(Vec<Waiting>),
    Prune(Step, oneshot::Sender<Result<StepDone, StoreError>>),
}

/// What was taken out of the channel and not done yet.
#[derive(Default)]
pub(super) struct Queue {
    /// In the order in which they came.
    batches: Vec<Waiting>,
    rows: usize,
    /// Something else, that came after them.
    next: Option<Work>,
    /// When the patience of the first of them ends.
    until: Option<Instant>,
}

/// What waiting ended with.
enum Heard {
    Command(Command),
    Patience,
    End,
}

impl Queue {
    /// Waits for something to do: a batch for which somebody waits, with all others that are there, up
    /// to so many rows; a few patient ones, when their time is over; or something else. `None`: the
    /// store is closed, and all is done.
    pub async fn next(&mut self, lines: &mut Lines, most: usize) -> Option<Work> {
        if let Some(work) = self.next.take() {
            return Some(work);
        }
        loop {
            match self.hear(lines).await {
                Heard::Command(command) => {
                    let mut is_due = self.take(command);
                    while self.next.is_none()
                        && self.rows < most
                        && let Ok(command) = lines.commands.try_recv()
                    {
                        is_due |= self.take(command);
                    }
                    if is_due || self.next.is_some() || self.rows >= most {
                        return self.ready();
                    }
                }
                Heard::Patience | Heard::End => return self.ready(),
            }
        }
    }

    /// Puts a command where it belongs; whether somebody waits for it.
    fn take(&mut self, command: Command) -> bool {
        match command {
            Command::Commit(waiting) => {
                let is_due = !waiting.patient;
                self.rows += waiting.batch.rows();
                self.batches.push(waiting);
                self.until.get_or_insert_with(|| Instant::now() + PATIENCE);
                return is_due;
            }
            Command::Prune(step, reply) => self.next = Some(Work::Prune(step, reply)),
        }
        true
    }

    /// The batches, and when there are none what came after them.
    fn ready(&mut self) -> Option<Work> {
        if self.batches.is_empty() {
            return self.next.take();
        }
        (self.rows, self.until) = (0, None);
        Some(Work::Commit(std::mem::take(&mut self.batches)))
    }

    /// The next command; once closing, those already queued and then the end.
    async fn hear(&self, lines: &mut Lines) -> Heard {
        let of = |command: Option<Command>| command.map_or(Heard::End, Heard::Command);
        if !lines.is_closing() {
            let until = self.until.unwrap_or_else(Instant::now);
            tokio::select! {
                biased;
                command = lines.commands.recv() => return of(command),
                _ = lines.closing.wait_for(|closing| *closing) => {}
                () = tokio::time::sleep_until(until), if self.until.is_some() => return Heard::Patience,
            }
        }
        lines.commands.close();
        of(lines.commands.recv().await)
    }
}
