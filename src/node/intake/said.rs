//! What peers say of themselves: kept and shown, and no fact of any kind.

use super::{Intake, Step};
use crate::domain::PeerId;
use crate::network::Event;
use crate::store::{PeerSaying, Saying};

impl Intake {
    pub(super) fn keep_saying(event: Event, step: &mut Step) {
        match event {
            Event::Hello { peer, hello } => keep(peer, Saying::Hello(hello), step),
            Event::Status { peer, presence } => keep(peer, Saying::Status(presence), step),
            Event::Farewell { peer, farewell } => keep(peer, Saying::Farewell(farewell), step),
            Event::Parked { peer, .. } => step.outcome.batch.parked.push((peer, step.now)),
            _ => {}
        }
    }
}

fn keep(peer: PeerId, said: Saying, step: &mut Step) {
    let row = PeerSaying {
        peer,
        said,
        at: step.now,
    };
    step.outcome.batch.sayings.push(row);
}
