//! What our own Slips says proves or disproves those who spoke of the same address.

use crate::domain::Timestamp;

use super::{
    RobustParameters,
    maths::{days, left},
    tables::{Own, Peer, Report},
};

/// Whether a report came before our own statement or after it, when it may only echo it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Order {
    /// The report came first, and those who spoke disagree so far, in 0..=1.
    Early(f64),
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
        Order::Early(_) => days(report.said_at, now),
        Order::Late => days(own.said_at, now),
    };
    let (q, v) = (own.probability(p), report.claim());
    let mut weight = own.weight() * left(between, p.fb_half);
    peer.decay(now, p);
    if peer.copies {
        weight *= independence.max(p.dep_fb);
    }
    let agreement = q * v + (1.0 - q) * (1.0 - v);
    let contradicts = agreement <= 0.5;
    match order {
        Order::Early(_) if contradicts => {}
        // Only who was right before we spoke may be right again after it.
        Order::Early(_) => peer.early += weight,
        Order::Late => {
            let credit = p.echo * peer.early / (peer.early + p.echo_e0);
            weight *= if contradicts {
                credit.max(p.echo_pen)
            } else {
                credit
            };
        }
    }
    // To agree with what we have said is no test, whoever else spoke.
    let dispute = match order {
        Order::Early(dispute) => dispute,
        Order::Late => 0.0,
    };
    peer.change(|found, _| found.prove(weight, [q, v], contradicts, dispute));
}
