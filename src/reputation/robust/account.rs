//! Why an address is judged as it is, and why a peer is trusted as it is.

use crate::{
    domain::{Author, PeerId, Subject, Timestamp},
    reputation::{Account, Explanation, Share, judged::SELF_REPORT},
};

use super::{
    Robust,
    maths::{days, kept, logit},
    tables::Report,
    weighing::{Heard, answer, own_part, weigh_each},
};

impl Robust {
    /// The opinion with the part of each report. The totals add up to the log-odds of the verdict,
    /// and what the shares add (`first hand`, `second hand`, `unproven`) to the totals so named.
    pub(super) fn explanation(&self, subject: Subject, now: Timestamp) -> Explanation {
        let p = &self.parameters;
        let mut heard = self.heard(subject, None, now);
        let belief = weigh_each(&mut heard, self.gate(), now, p);
        let own = self.own.of(subject);
        let own_part = own.map_or(0.0, |own| own_part(own, now, p));
        let says = |own| answer(subject, &heard, &belief, own, now, p);
        let mut totals = vec![
            ("prior", logit(p.pi0)),
            ("first hand", p.tau * belief.first_hand),
            ("second hand", p.tau * belief.second_hand),
            ("unproven", p.tau * belief.unproven),
        ];
        totals.extend(own.map(|_| ("own", own_part)));
        Explanation {
            opinion: (!heard.is_empty()).then(|| says(0.0)),
            verdict: (!heard.is_empty() || own.is_some()).then(|| says(own_part)),
            shares: self.shares(subject, &heard, now),
            totals,
            failed: None,
        }
    }

    /// Strongest first, those left out last.
    fn shares(&self, subject: Subject, heard: &[Heard], now: Timestamp) -> Vec<Share> {
        let strength = |one: &Heard| one.adds.iter().sum::<f64>().abs();
        let all: f64 = heard.iter().map(strength).sum();
        #[expect(clippy::cast_precision_loss, reason = "few reporters")]
        let even = 1.0 / heard.len().max(1) as f64;
        let mut shares: Vec<_> = self
            .page(subject)
            .iter()
            .filter_map(|report| {
                let one = heard.iter().find(|one| one.author == report.author);
                let weight = one.map_or(
                    0.0,
                    |one| {
                        if all > 0.0 { strength(one) / all } else { even }
                    },
                );
                self.share(report, one, weight, now)
            })
            .collect();
        shares.sort_by(Share::order);
        shares
    }

    fn share(
        &self,
        report: &Report,
        heard: Option<&Heard>,
        weight: f64,
        now: Timestamp,
    ) -> Option<Share> {
        let (id, peer) = self.peers.at(report.author)?;
        Some(Share {
            author: Author(*id),
            address: peer.ip,
            score: report.score,
            confidence: report.confidence,
            said_at: report.said_at,
            trust: heard.map_or(0.5, |one| one.voice.trust()),
            weight,
            parts: heard.map_or_else(Vec::new, |one| {
                parts(
                    one,
                    self.parameters.tau,
                    kept(self.parameters.hazard * days(one.said_at, now)),
                )
            }),
            left_out: heard.is_none().then_some(SELF_REPORT),
        })
    }

    /// Why a peer is trusted as it is.
    pub(super) fn account_of(&self, id: PeerId, now: Timestamp) -> Option<Account> {
        let p = &self.parameters;
        let peer = self.peers.get(&id)?;
        let (evidence, voice) = (peer.evidence(now, p), self.voice(peer, now));
        let (slow, others) = (evidence.slow, evidence.others);
        let copies = peer.compared.iter().filter(|c| c.degree() > 0.0);
        Some(Account {
            peer: id,
            trust: voice.trust(),
            address: peer.ip,
            first_seen: peer.first,
            parts: vec![
                ("reliability", peer.reliability),
                ("anchor", peer.anchor),
                ("reports", peer.reports),
                ("proven", voice.rho),
                ("proven at first hand", voice.rho1),
                ("sensitivity", voice.coins.sens),
                ("specificity", voice.coins.spec),
                ("heard", voice.coins.factor),
                ("says malicious", voice.pos),
                ("says benign", voice.neg),
                ("first hand: malicious, called so", slow.mm),
                ("first hand: malicious, called benign", slow.mb),
                ("first hand: benign, called malicious", slow.bm),
                ("first hand: benign, called so", slow.bb),
                ("second hand: malicious, called so", others.mm),
                ("second hand: malicious, called benign", others.mb),
                ("second hand: benign, called malicious", others.bm),
                ("second hand: benign, called so", others.bb),
                ("said before we did", peer.early),
                ("tenure", peer.tenure(now, p)),
            ],
            copies: copies
                .filter_map(|c| Some((*self.peers.at(c.with)?.0, c.degree())))
                .collect(),
        })
    }
}

/// The numbers of a report, in the order in which they are made; the last three are log-odds of
/// the answer.
fn parts(one: &Heard, tau: f64, kept: f64) -> Vec<(&'static str, f64)> {
    let [first_hand, second_hand, unproven] = one.adds;
    vec![
        ("proven", one.voice.rho),
        ("proven at first hand", one.voice.rho1),
        ("says malicious", one.voice.pos),
        ("says benign", one.voice.neg),
        ("heard", one.voice.coins.factor),
        ("its own", one.independence),
        ("tenure", one.tenure),
        ("reliability", one.reliability),
        ("evidence", one.evidence),
        ("within the caps", one.fits),
        ("kept", kept),
        ("first hand", tau * first_hand),
        ("second hand", tau * second_hand),
        ("unproven", tau * unproven),
    ]
}
