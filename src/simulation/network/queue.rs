//! What happens when: events in order of time, those of one time in the order they were planned in.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, VecDeque},
    sync::Arc,
};

use super::disk::Kept;
use crate::{
    domain::{Author, Span, Timestamp},
    mesh::ReadId,
};

/// Something that happens.
#[derive(Debug)]
pub enum Event {
    /// A link is made, unless it is there or a partition forbids it.
    Connect { link: usize },
    /// A link is cut by chance.
    Cut { link: usize, session: u64 },
    /// The network falls into two halves.
    Part,
    /// The halves may have links again.
    Heal,
    /// A message of sync arrives.
    Frame {
        link: usize,
        session: u64,
        to: usize,
        bytes: Arc<[u8]>,
        depth: u32,
    },
    /// A line arrives at a pigeon.
    Line { link: usize, session: u64 },
    /// A link takes messages again.
    Room {
        link: usize,
        session: u64,
        node: usize,
    },
    /// The time has come that a node asked for.
    Wake { node: usize },
    /// The oldest work of a node's disk is done.
    Disk { node: usize },
    /// A Slips says something.
    Say { report: usize },
}

/// What a disk works on.
#[derive(Debug)]
pub enum Work {
    /// A segment that came, with the number of its first new entry.
    Store { kept: Kept, new_from: u64 },
    /// What a neighbour wants.
    Read {
        id: ReadId,
        spans: Vec<Span>,
        max_bytes: usize,
    },
    /// Where an author's log stands.
    Recall(Author),
    /// What the node's own Slips said.
    Own,
}

/// The work of one disk, oldest first. It all takes the same time, so it ends in this order.
pub type Works = VecDeque<Work>;

/// What is to happen.
#[derive(Debug, Default)]
pub struct Queue {
    heap: BinaryHeap<Due>,
    planned: u64,
}

#[derive(Debug)]
struct Due {
    at: Timestamp,
    number: u64,
    event: Event,
}

impl Queue {
    /// Plans an event.
    pub fn plan(&mut self, at: Timestamp, event: Event) {
        let number = self.planned;
        self.planned += 1;
        self.heap.push(Due { at, number, event });
    }

    /// The next event with its time.
    pub fn next(&mut self) -> Option<(Timestamp, Event)> {
        self.heap.pop().map(|due| (due.at, due.event))
    }
}

impl Ord for Due {
    /// The heap gives the greatest first: that is the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}
