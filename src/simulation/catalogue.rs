//! The scenarios there are: the attacks of the trust model, and where it is known to fail.

use super::scenario::{Asked, Change, Claim, Lie, Newcomers, Scenario, Victims};

const PLAIN: Scenario = Scenario::PLAIN;

/// Every scenario, in the order of tables.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "honest",
        about: "Everybody is honest; sensors are wrong now and then.",
        claim: Claim::Honest,
        ..PLAIN
    },
    Scenario {
        name: "honest-alone",
        about: "Everybody is honest, our own Slips says nothing, nobody is trusted beforehand.",
        claim: Claim::Honest,
        local: 0.0,
        ..PLAIN
    },
    inverting("liars-10", 0.1, "10 % invert what they see."),
    inverting("liars-20", 0.2, "20 % invert what they see."),
    inverting("liars-30", 0.3, "30 % invert what they see."),
    inverting("liars-40", 0.4, "40 % invert what they see."),
    inverting("liars-50", 0.5, "Half invert what they see."),
    inverting("liars-60", 0.6, "60 % invert what they see."),
    inverting("liars-70", 0.7, "70 % invert what they see."),
    Scenario {
        name: "inverted",
        about: "60 % know the truth, and always say the opposite.",
        liars: 0.6,
        lie: Lie::Knows,
        ..PLAIN
    },
    Scenario {
        name: "careless",
        about: "60 % toss a coin for what they say.",
        liars: 0.6,
        lie: Lie::Tosses,
        ..PLAIN
    },
    Scenario {
        name: "anchors",
        about: "75 % invert what they see; the operator trusts the other 25 %; our own Slips says nothing.",
        liars: 0.75,
        anchors: 0.25,
        local: 0.0,
        ..PLAIN
    },
    Scenario {
        name: "no-anchors-30",
        about: "30 % invert what they see; no anchors, and our own Slips says nothing.",
        liars: 0.3,
        local: 0.0,
        ..PLAIN
    },
    Scenario {
        name: "no-anchors-33",
        about: "A third inverts what it sees; no anchors, and our own Slips says nothing.",
        liars: 1.0 / 3.0,
        local: 0.0,
        ..PLAIN
    },
    Scenario {
        name: "sybils",
        about: "A flood: beside 30 honest reporters 200 newcomers that lie for a day each.",
        newcomers: Newcomers {
            count: 200,
            stays: 1.0,
            diligence: 0.3,
        },
        ..PLAIN
    },
    Scenario {
        name: "whitewashing",
        about: "Half invert what they see, and take a new identity every day.",
        liars: 0.5,
        renewed: true,
        ..PLAIN
    },
    Scenario {
        name: "on-off",
        about: "Half are honest for two days, invert for one, and so on, all together.",
        liars: 0.5,
        lie: Lie::OnOff {
            honest: 2.0,
            lying: 1.0,
        },
        ..PLAIN
    },
    Scenario {
        name: "copying",
        about: "60 % lie; four in five of those repeat another liar word for word.",
        liars: 0.6,
        copies: 0.8,
        ..PLAIN
    },
    Scenario {
        name: "echo",
        about: "Half repeat what our own Slips said wherever it spoke, and lie elsewhere.",
        liars: 0.5,
        lie: Lie::Echoes,
        ..PLAIN
    },
    Scenario {
        name: "collusion",
        about: "Half lie together about a quarter of the addresses and are honest elsewhere; asked about those targets.",
        liars: 0.5,
        lie: Lie::Targets {
            share: 0.25,
            victims: Victims::Any,
            together: true,
        },
        asked: Asked::Targets,
        ..PLAIN
    },
    Scenario {
        name: "slander-all",
        about: "Half call every benign address malicious, and are honest about malicious ones.",
        liars: 0.5,
        lie: Lie::Targets {
            share: 1.0,
            victims: Victims::Benign,
            together: true,
        },
        ..PLAIN
    },
    Scenario {
        name: "slander",
        about: "Half call the same half of the benign addresses malicious, and are honest elsewhere.",
        liars: 0.5,
        lie: Lie::Targets {
            share: 0.5,
            victims: Victims::Benign,
            together: true,
        },
        ..PLAIN
    },
    Scenario {
        name: "praise",
        about: "Half call the same half of the malicious addresses benign, and are honest elsewhere.",
        liars: 0.5,
        lie: Lie::Targets {
            share: 0.5,
            victims: Victims::Malicious,
            together: true,
        },
        ..PLAIN
    },
    Scenario {
        name: "reassignment",
        about: "A third of the addresses changes sides; 20 % invert what they see.",
        liars: 0.2,
        change: Change::Reassigned(0.33),
        ..PLAIN
    },
    Scenario {
        name: "returning",
        about: "A third of the addresses changes sides and is back a day later; everybody then says word for word what it said before; 20 % invert.",
        liars: 0.2,
        change: Change::Returns(0.33),
        steady: true,
        ..PLAIN
    },
    Scenario {
        name: "replays",
        about: "A third of the addresses changes sides; everything said comes in a second time, a day later on average; 20 % invert.",
        liars: 0.2,
        change: Change::Reassigned(0.33),
        replayed: 24.0,
        ..PLAIN
    },
    Scenario {
        name: "rare",
        about: "One address in twenty is malicious; 30 % invert what they see.",
        liars: 0.3,
        malicious: 0.05,
        ..PLAIN
    },
    Scenario {
        name: "sleepers",
        about: "Half are honest for six days, then invert, all together; asked from then on.",
        claim: Claim::KnownFailure,
        liars: 0.5,
        lie: Lie::Sleeps(6.0),
        asked_from: 6.0,
        ..PLAIN
    },
    Scenario {
        name: "selective",
        about: "Half lie about a tenth of the addresses each, not the same ones.",
        claim: Claim::KnownFailure,
        liars: 0.5,
        lie: Lie::Targets {
            share: 0.1,
            victims: Victims::Any,
            together: false,
        },
        ..PLAIN
    },
    Scenario {
        name: "majority-alone",
        about: "60 % invert what they see; no anchors, and our own Slips says nothing.",
        claim: Claim::KnownFailure,
        liars: 0.6,
        local: 0.0,
        ..PLAIN
    },
    Scenario {
        name: "unverifiable",
        about: "Half are perfect wherever our own Slips will speak, and lie elsewhere.",
        claim: Claim::KnownFailure,
        liars: 0.5,
        lie: Lie::Unverifiable,
        ..PLAIN
    },
    Scenario {
        name: "unverifiable-anchors",
        about: "The same, and the operator trusts 20 % of the reporters.",
        claim: Claim::KnownFailure,
        liars: 0.5,
        lie: Lie::Unverifiable,
        anchors: 0.2,
        ..PLAIN
    },
    Scenario {
        name: "swarm",
        about: "150 newcomers that stay, earn a little trust where our own Slips speaks, and lie elsewhere.",
        claim: Claim::KnownFailure,
        lie: Lie::Unverifiable,
        newcomers: Newcomers {
            count: 150,
            stays: 10.0,
            diligence: 0.15,
        },
        ..PLAIN
    },
    Scenario {
        name: "twins",
        about: "60 % of the honest run the same sensor on the same traffic; 20 % of all invert.",
        claim: Claim::KnownFailure,
        liars: 0.2,
        twins: 0.6,
        ..PLAIN
    },
];

const fn inverting(name: &'static str, share: f64, about: &'static str) -> Scenario {
    Scenario {
        name,
        about,
        liars: share,
        ..PLAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_and_makes_sense() {
        for (at, one) in SCENARIOS.iter().enumerate() {
            assert!(SCENARIOS[..at].iter().all(|other| other.name != one.name));
            assert!(one.about.ends_with('.'), "{}", one.name);
            assert!(one.liars + one.anchors <= 1.0, "{}", one.name);
            let honest = one.liars == 0.0 && one.newcomers.count == 0;
            assert_eq!(honest, one.claim == Claim::Honest, "{}", one.name);
        }
        let curve: Vec<f64> = SCENARIOS.iter().filter_map(Scenario::on_curve).collect();
        assert_eq!(curve, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
    }
}
