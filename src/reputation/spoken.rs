//! The newest report of everybody on an address, for the models that ask for no more.

use std::net::IpAddr;

use crate::domain::{Author, PeerId, Reliability, Subject};

use super::{Share, Touched, board::Row, judged::SELF_REPORT, memory::Memory};

/// One report.
#[derive(Debug, Clone, Copy)]
pub struct Spoken {
    /// What was said.
    pub row: Row,
    /// Who said it.
    pub peer: PeerId,
    /// Its address at that time.
    pub address: Option<IpAddr>,
    /// Whether it speaks of itself: such a report does not count.
    pub of_itself: bool,
}

/// Keeps a report if it is its author's newest on the address; what `Memory::learn` asks for.
pub fn keep_newest(memory: &mut Memory, subject: Subject, row: Row) -> Touched {
    let Memory {
        parameters,
        peers,
        board,
        ..
    } = memory;
    board.put_newest(
        subject,
        row,
        parameters.limits.reporters_per_address,
        |author| {
            let (_, peer) = peers.at(author)?;
            Some(peer.newest_reliability().map_or(0.0, Reliability::get))
        },
    )
}

/// All reports on an address, by time, then by what they say.
pub fn on(memory: &Memory, subject: Subject) -> Vec<Spoken> {
    let page = memory.board.page(&subject).iter();
    let spoken = page.filter_map(|row| {
        let (id, peer) = memory.peers.at(row.author)?;
        let address = peer.address_at(row.said_at);
        Some(Spoken {
            row: *row,
            peer: id,
            address,
            of_itself: address == Some(subject.ip()),
        })
    });
    let mut all: Vec<_> = spoken.collect();
    all.sort_by(|a, b| {
        (a.row.said_at.cmp(&b.row.said_at))
            .then(a.row.score.get().total_cmp(&b.row.score.get()))
            .then(a.row.confidence.get().total_cmp(&b.row.confidence.get()))
    });
    all
}

/// Those that count.
pub fn counted(all: &[Spoken]) -> impl Iterator<Item = &Spoken> {
    all.iter().filter(|one| !one.of_itself)
}

/// The shares for people, strongest first, those left out last.
pub fn shares(
    all: &[Spoken],
    trust: impl Fn(&Spoken) -> f64,
    strength: impl Fn(&Spoken) -> f64,
) -> Vec<Share> {
    let total: f64 = counted(all).map(&strength).sum();
    let even = 1.0 / f64::from(u32::try_from(counted(all).count().max(1)).unwrap_or(u32::MAX));
    let share = |one: &Spoken| Share {
        author: Author(one.peer),
        address: one.address,
        score: one.row.score,
        confidence: one.row.confidence,
        said_at: one.row.said_at,
        trust: trust(one),
        weight: match one.of_itself {
            true => 0.0,
            false if total > 0.0 => strength(one) / total,
            false => even,
        },
        parts: Vec::new(),
        left_out: one.of_itself.then_some(SELF_REPORT),
    };
    let mut shares: Vec<_> = all.iter().map(share).collect();
    shares.sort_by(Share::order);
    shares
}
