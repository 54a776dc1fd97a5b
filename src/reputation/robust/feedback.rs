//! What our own Slips says proves or disproves those who spoke of the same address.

use crate::domain::Timestamp;

use super::{
    RobustParameters,
    coins::Voice,
    maths::{days, left},
    tables::{Own, Peer, Report},
};

/// Whether a report came before our own statement or after it, when it may only echo it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The report came first.
    Early,
    /// We had spoken already.
    Late,
}

/// Holds a report against our own statement, or our own statement for it.
pub fn hold(
    peer: &mut Peer,
    report: &Report,
    independence: f64,
    own: &Own,
    order: Order,
    now: Timestamp,
    p: &RobustParameters,
) {
    let between = match order {
        Order::Early => days(report.said_at, now),
        Order::Late => days(own.said_at, now),
    };
    let (q, v) = (own.probability(p), report.claim());
    let mut weight = own.weight() * left(between, p.fb_half);
    peer.decay(now, p);
    if peer.copies {
        weight *= independence.max(p.dep_fb);
    }
    let agreement = q * v + (1.0 - q) * (1.0 - v);
    match order {
        Order::Early => peer.early += weight,
        Order::Late => {
            let credit = p.echo * peer.early / (peer.early + p.echo_e0);
            weight *= if agreement > 0.5 {
                credit
            } else {
                credit.max(p.echo_pen)
            };
        }
    }
    if agreement > 0.5 {
        peer.found.slow.add(weight, q, v);
        peer.found.fast.add(weight, q, v);
    } else {
        disprove(peer, weight, q, v, now, p);
    }
}

/// A lie never raises the trust in a peer. Being held against our own Slips proves a peer, so a lie
/// could: it makes a newcomer better known before it makes it worse. Where that would happen, the
/// lie counts for nothing but itself.
fn disprove(peer: &mut Peer, weight: f64, q: f64, v: f64, now: Timestamp, p: &RobustParameters) {
    let trust = |peer: &Peer| Voice::answering(&peer.evidence(now, p), p).trust();
    let (before, found) = (trust(peer), peer.found);
    peer.found.slow.add(weight, q, v);
    peer.found.fast.add(weight, q, v);
    if trust(peer) > before {
        peer.found = found;
        peer.found.slow.add_against(weight, q, v);
        peer.found.fast.add_against(weight, q, v);
        peer.found.lied = (found.lied + peer.found.slow.total() - found.slow.total()).max(0.0);
    }
}
