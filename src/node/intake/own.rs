//! What our own Slips says of addresses, taken in.

use super::{Intake, MAX_OWN, Step, make_room};
use crate::domain::OwnStatement;
use crate::reputation::{Fact, TrustModel};
use crate::store::REPEATS_WITHIN;

impl Intake {
    pub(super) fn statement(&mut self, statement: OwnStatement, step: &mut Step) {
        let statement = OwnStatement {
            said_at: self.moment(step),
            ..statement
        };
        if self.is_news(&statement) {
            let OwnStatement {
                subject,
                score,
                confidence,
                said_at,
            } = statement;
            let fact = Fact::OwnStatement {
                subject,
                score,
                confidence,
            };
            self.engine.learn(&fact, said_at);
        }
        step.outcome.batch.statements.push(statement);
    }

    /// Whether our Slips says something new. The database keeps repetitions as one row, and the
    /// model must be told what the database can tell it again.
    fn is_news(&mut self, statement: &OwnStatement) -> bool {
        let repeats = |known: &OwnStatement| {
            known.score == statement.score
                && known.confidence == statement.confidence
                && statement.said_at.since(known.said_at) < REPEATS_WITHIN
        };
        if self.own.get(&statement.subject).is_some_and(repeats) {
            return false;
        }
        make_room(&mut self.own, MAX_OWN);
        self.own.insert(statement.subject, statement.clone());
        true
    }
}
