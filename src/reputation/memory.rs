//! What `slips` and `slips-compat` remember: the peers, the reports, our own Slips' statements.

use crate::domain::{Confidence, Score, Subject};

use super::{
    Evicted, Fact, Held, Parameters, Touched,
    board::{Board, OwnViews, Row},
    peers::Peers,
};
use crate::domain::{Author, PeerId, Timestamp};

/// The tables, and what the model was told.
#[derive(Debug)]
pub struct Memory {
    /// What the model was told.
    pub parameters: Parameters,
    /// The reporters.
    pub peers: Peers,
    /// Their reports.
    pub board: Board,
    /// What our own Slips says.
    pub own: OwnViews,
}

impl Memory {
    /// Remembers nothing yet.
    pub fn new(parameters: Parameters) -> Self {
        let limits = &parameters.limits;
        Self {
            peers: Peers::new(limits.peers, limits.addresses_per_peer),
            board: Board::new(limits),
            own: OwnViews::new(limits.statements),
            parameters,
        }
    }

    /// Takes in a fact; what to do with a report is the model's affair.
    pub fn learn(
        &mut self,
        fact: &Fact,
        now: Timestamp,
        report: impl FnOnce(&mut Self, Subject, Row) -> Touched,
    ) -> Touched {
        match *fact {
            Fact::PeerAddress { peer, ip } => self.peers.moved(peer, ip, now),
            Fact::PeerReliability { peer, reliability } => self.peers.rated(peer, reliability, now),
            Fact::Report {
                author,
                subject,
                score,
                confidence,
            } => {
                let author = self.peers.intern(author.0);
                report(
                    self,
                    subject,
                    Row {
                        author,
                        score,
                        confidence,
                        said_at: now,
                    },
                )
            }
            Fact::OwnStatement {
                subject,
                score,
                confidence,
            } => self.own.said(subject, score, confidence, now),
            Fact::Forked { author } => match self.peers.handle(&author.0) {
                Some(author) if self.board.forget_author(author) > 0 => Touched::Unlisted,
                _ => Touched::Nothing,
            },
            // The base model knows of no anchors.
            Fact::Anchor { .. } | Fact::AnchorLifted { .. } => Touched::Nothing,
        }
    }

    /// The addresses on which an author has reported.
    pub fn reported_by(&self, author: Author) -> Vec<Subject> {
        let handle = self.peers.handle(&author.0);
        handle.map_or_else(Vec::new, |handle| self.board.reported_by(handle))
    }

    /// The author of a report, unless it has been pushed out.
    pub fn author(&self, row: &Row) -> Option<PeerId> {
        self.peers.at(row.author).map(|(id, _)| id)
    }

    /// What our own Slips thinks of a reporter's address, or is taken to think.
    pub fn view_of(&self, address: &Subject) -> Option<(Score, Confidence)> {
        self.own
            .of(address)
            .or(self.parameters.slips.unknown_reporter)
    }

    /// The figures of the three tables.
    pub fn held(&self) -> Held {
        Held {
            peers: self.peers.len() as u64,
            addresses: self.board.addresses() as u64,
            reports: self.board.reports() as u64,
            statements: self.own.len() as u64,
            evicted: Evicted {
                peers: self.peers.evicted,
                addresses: self.board.evicted_addresses,
                reports: self.board.evicted_reports,
                statements: self.own.evicted,
                former_addresses: self.peers.evicted_addresses,
            },
        }
    }
}
