//! What a scenario can say: how many lie, how, and what there is to learn from.

/// A world with its liars. Everything it does not say is the same in every scenario (`world`,
/// `cast`): 30 reporters with sensors that are right 75-95 % of the time, 200 addresses, 10 days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens in it, for people.
    pub about: &'static str,
    /// What the models are held to in it.
    pub claim: Claim,
    /// Share of the reporters that lie, in 0..=1.
    pub liars: f64,
    /// How they lie, newcomers included.
    pub lie: Lie,
    /// Share of the reporters whom the operator trusts, in 0..=1; they are honest.
    pub anchors: f64,
    /// Share of the addresses on which our own Slips speaks, in 0..=1.
    pub local: f64,
    /// Share of the addresses that are malicious, in 0..=1.
    pub malicious: f64,
    /// Whether addresses change sides.
    pub change: Change,
    /// Lying identities that come in addition to the reporters.
    pub newcomers: Newcomers,
    /// Whether each liar takes a new identity every day.
    pub renewed: bool,
    /// Share of the liars that only repeat another liar word for word, in 0..=1.
    pub copies: f64,
    /// Share of the honest that run the same sensor on the same traffic, in 0..=1.
    pub twins: f64,
    /// Whether a reporter says exactly the same whenever it means the same.
    pub steady: bool,
    /// Mean hours after which everything said comes in a second time, as it was said; 0: never.
    pub replayed: f64,
    /// The day of the first question; before it is time to learn.
    pub asked_from: f64,
    /// What is asked about.
    pub asked: Asked,
}

/// What the models are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Nobody lies: the default model must not be worse than the best.
    Honest,
    /// Some lie and there is something to tell them by: the default model must be the best.
    Liars,
    /// A failure mode that is known: its figures are shown, nothing is promised but bounds.
    KnownFailure,
}

impl Claim {
    /// The word for it in tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Liars => "liars",
            Self::KnownFailure => "known failure",
        }
    }
}

/// How a liar lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lie {
    /// Says the opposite of what its own sensor says.
    Inverts,
    /// Knows what every address is, and says the opposite.
    Knows,
    /// Tosses a coin.
    Tosses,
    /// Honest for so many days, then lying for so many, and again; all liars together.
    OnOff {
        /// Days of honesty.
        honest: f64,
        /// Days of lying.
        lying: f64,
    },
    /// Honest until this day, lying from then on; all liars together.
    Sleeps(f64),
    /// Says the opposite of the truth on some addresses, and what its sensor says on others.
    Targets {
        /// Share of the victims that are targets, in 0..=1.
        share: f64,
        /// Which addresses can be targets.
        victims: Victims,
        /// Whether all liars have the same targets.
        together: bool,
    },
    /// Says the truth wherever our own Slips will speak as well, and the opposite elsewhere: more
    /// than a liar can know.
    Unverifiable,
    /// Repeats what our own Slips said wherever it spoke, an hour later, and lies elsewhere.
    Echoes,
}

/// Which addresses liars choose their targets from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victims {
    /// All of them.
    Any,
    /// Benign ones, which are slandered.
    Benign,
    /// Malicious ones, which are praised.
    Malicious,
}

/// Whether and how addresses change sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// What an address is, it stays.
    Never,
    /// This share of the addresses changes sides once, for good.
    Reassigned(f64),
    /// This share of the addresses changes sides and is back a day later.
    Returns(f64),
}

/// Lying identities that come one after another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Newcomers {
    /// How many.
    pub count: usize,
    /// How many days each is there.
    pub stays: f64,
    /// Share of the active addresses each speaks about, in 0..=1.
    pub diligence: f64,
}

/// What is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Every address on which our own Slips is silent.
    All,
    /// The common targets of the liars among them.
    Targets,
}

impl Scenario {
    /// Nobody lies, our own Slips speaks on a fifth of the addresses, nothing else.
    pub(super) const PLAIN: Self = Self {
        name: "",
        about: "",
        claim: Claim::Liars,
        liars: 0.0,
        lie: Lie::Inverts,
        anchors: 0.0,
        local: 0.2,
        malicious: 0.4,
        change: Change::Never,
        newcomers: Newcomers {
            count: 0,
            stays: 0.0,
            diligence: 0.0,
        },
        renewed: false,
        copies: 0.0,
        twins: 0.0,
        steady: false,
        replayed: 0.0,
        asked_from: 2.0,
        asked: Asked::All,
    };

    /// The scenario of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        super::SCENARIOS
            .iter()
            .find(|scenario| scenario.name == name)
    }

    /// The share of liars, if this is one of the scenarios that differ in nothing else.
    #[must_use]
    pub fn on_curve(&self) -> Option<f64> {
        let share = self.name.strip_prefix("liars-")?.parse::<u8>().ok()?;
        Some(f64::from(share) / 100.0)
    }
}
