//! Properties of the domain's types: what is in one of them has been checked.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use proptest::prelude::*;
use slips_p2p::domain::{
    Conduct, Confidence, Reliability, Score, Subject, Timestamp, Trust, is_plain, plain,
};

/// Any float at all, with the troublesome ones often.
fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        -1.5..1.5f64,
        prop::sample::select(vec![
            0.0,
            -0.0,
            1.0,
            -1.0,
            1.0 + f64::EPSILON,
            -1.0 - f64::EPSILON,
            f64::MIN_POSITIVE,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            -f64::NAN,
            f64::MAX,
            f64::MIN,
            5e-324,
        ]),
    ]
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<Ipv4Addr>().prop_map(IpAddr::from),
        any::<Ipv6Addr>().prop_map(IpAddr::from),
        any::<Ipv4Addr>().prop_map(|ip| IpAddr::from(ip.to_ipv6_mapped())),
    ]
}

fn moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        any::<i64>().prop_map(Timestamp::from_micros),
        (-4_000_000_000_000_000..8_000_000_000_000_000i64).prop_map(Timestamp::from_micros),
    ]
}

/// Text with what is made to deceive or to act on a terminal, often.
fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[a-z ]{0,6}",
        prop::sample::select(vec![
            "\u{1b}[31m",
            "\u{1b}]0;title\u{7}",
            "\u{1b}]8;;http://x\u{1b}\\",
            "\u{9b}2J",
            "\u{1b}(B",
            "\u{1b}",
            "\u{202e}",
            "\u{2066}",
            "\u{2069}",
            "\u{200b}",
            "\u{200d}",
            "\u{feff}",
            "\r\n",
            "\u{2028}",
            "\t",
            "\u{0}",
            "\u{7f}",
            "\u{85}",
            "\u{e0041}",
            "\u{fe0f}",
            "\u{3164}",
            "\u{a0}",
            "é",
            "東",
        ])
        .prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

macro_rules! check_range {
    ($kind:ident, $low:literal, $value:expr) => {{
        let value: f64 = $value;
        let fits = value.is_finite() && ($low..=1.0).contains(&value);
        match $kind::new(value) {
            Ok(made) => {
                prop_assert!(fits);
                prop_assert_eq!(made.get(), value);
                prop_assert!(
                    made.get() != 0.0 || made.get().is_sign_positive(),
                    "-0.0 got in"
                );
                prop_assert_eq!($kind::clamped(value), made);
                prop_assert_eq!(made.to_string().parse::<f64>(), Ok(made.get()));
            }
            Err(refused) => {
                prop_assert!(!fits);
                prop_assert!(refused.to_string().contains("finite"));
            }
        }
        let clamped = $kind::clamped(value);
        prop_assert!(clamped >= $kind::MIN && clamped <= $kind::MAX);
        prop_assert_eq!($kind::new(clamped.get()), Ok(clamped));
    }};
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_120), failure_persistence: None, ..ProptestConfig::default() })]

    /// A ranged number takes what is finite and in range, unchanged, and nothing else.
    #[test]
    fn ranged_numbers_hold_their_range(value in float()) {
        check_range!(Score, -1.0, value);
        check_range!(Confidence, 0.0, value);
        check_range!(Trust, 0.0, value);
        check_range!(Reliability, 0.0, value);
    }

    /// An address is printed in the one spelling that is read back as the same subject.
    #[test]
    fn a_subject_survives_its_own_spelling(ip in address()) {
        let subject = Subject::from_ip(ip);
        prop_assert_eq!(subject.to_string().parse(), Ok(subject));
        prop_assert_eq!(ip.to_string().parse(), Ok(subject));
        prop_assert_eq!(Subject::from_ip(subject.ip()), subject);
        prop_assert_eq!(subject.key_type(), "ip");
    }

    /// Capitals, leading zeros in a group and written-out zero groups are the same IPv6 subject.
    #[test]
    fn spellings_of_one_ipv6_address_are_one_subject(ip in any::<Ipv6Addr>()) {
        let long: Vec<_> = ip.segments().iter().map(|group| format!("{group:04X}")).collect();
        prop_assert_eq!(long.join(":").parse(), Ok(Subject::from_ip(ip.into())));
    }

    /// An IPv4 address mapped into IPv6 is the IPv4 address.
    #[test]
    fn mapped_addresses_are_folded(ip in any::<Ipv4Addr>()) {
        let mapped: Result<Subject, _> = format!("::ffff:{ip}").parse();
        prop_assert_eq!(mapped.clone(), Ok(Subject::from_ip(ip.into())));
        prop_assert_eq!(mapped.map(|subject| subject.to_string()), Ok(ip.to_string()));
    }

    /// Text that is no address is refused, whatever it is, and quoted at most in part.
    #[test]
    fn other_text_is_no_subject(text in "\\PC*") {
        if let Err(refused) = text.parse::<Subject>() {
            prop_assert!(text.parse::<IpAddr>().is_err());
            prop_assert!(refused.0.chars().count() <= 64);
        }
    }

    /// An address with anything around it is not an address.
    #[test]
    fn an_address_has_nothing_around_it(ip in address()) {
        for text in [format!(" {ip}"), format!("{ip} "), format!("{ip}\n"), format!("{ip}\0"),
            format!("{ip}%eth0"), format!("{ip}/32"), format!("[{ip}]"), format!("0{ip}:")] {
            prop_assert!(text.parse::<Subject>().is_err(), "{text:?}");
        }
    }

    /// Whole seconds are never ahead of the time they were read from, and less than one behind.
    #[test]
    fn whole_seconds_are_rounded_down(time in moment()) {
        let behind = i128::from(time.as_micros()) - i128::from(time.as_secs()) * 1_000_000;
        prop_assert!((0..1_000_000).contains(&behind));
    }

    /// Seconds with a fraction keep the microsecond for a century around now.
    #[test]
    fn seconds_with_a_fraction_keep_the_microsecond(micros in -1_000_000_000_000_000..4_000_000_000_000_000i64) {
        let time = Timestamp::from_micros(micros);
        prop_assert_eq!(Timestamp::from_secs_f64(time.as_secs_f64()), time);
    }

    /// Nothing overflows, ages are never negative, and a while there and back is no way.
    #[test]
    fn time_never_overflows(time in moment(), other in moment(), span in any::<u64>(), secs in float()) {
        let span = Duration::from_micros(span);
        prop_assert!(time.plus(span) >= time && time.minus(span) <= time);
        prop_assert_eq!(time.since(time.plus(span)), Duration::ZERO);
        prop_assert!(time.since(other).is_zero() || other.since(time).is_zero());
        if time >= other && time.as_micros().checked_sub(other.as_micros()).is_some() {
            prop_assert_eq!(other.plus(time.since(other)), time);
            prop_assert_eq!(time.minus(time.since(other)), other);
        }
        let from_seconds = Timestamp::from_secs_f64(secs);
        prop_assert!(!from_seconds.to_string().is_empty() && !time.to_string().is_empty());
    }

    /// Cleaned text is one line of visible characters, no longer than asked for, with single spaces
    /// between words; cleaning it again changes nothing.
    #[test]
    fn cleaned_text_is_plain(text in hostile_text(), max in 0usize..80) {
        let cleaned = plain(&text, max);
        prop_assert!(cleaned.chars().all(is_plain), "{cleaned:?}");
        prop_assert!(!cleaned.chars().any(char::is_control));
        prop_assert!(cleaned.chars().count() <= max && cleaned.len() <= 4 * max);
        prop_assert_eq!(cleaned.split_whitespace().collect::<Vec<_>>().join(" "), cleaned.clone());
        prop_assert_eq!(plain(&cleaned, max), cleaned.clone());
        prop_assert!(text.contains(&cleaned) || cleaned.chars().all(|c| c == ' ' || text.contains(c)));
    }

    /// Words of letters come through as they are.
    #[test]
    fn honest_names_are_left_alone(text in "[A-Za-zäöüéñžŁ東京Россия0-9_.#-]{1,20}( [A-Za-z0-9]{1,8}){0,3}") {
        prop_assert_eq!(plain(&text, 80), text);
    }

    /// A word is a conduct exactly when it is the word of one.
    #[test]
    fn only_the_words_of_conduct_are_conduct(text in "[a-z_]{0,20}") {
        let known = Conduct::ALL.into_iter().find(|conduct| conduct.word() == text);
        prop_assert_eq!(text.parse::<Conduct>().ok(), known);
    }
}

#[test]
fn escape_sequences_go_as_a_whole() {
    for (text, wanted) in [
        ("a\u{1b}[1;31mred\u{1b}[0m", "ared"),
        ("\u{1b}]0;owned\u{7}prague", "prague"),
        ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
        ("\u{9b}2Jx\u{9d}title\u{9c}y", "xy"),
        ("\u{1b}(Bx\u{1b}cy\u{1b}", "xy"),
        ("\u{1b}]never ended\nnext", "next"),
        ("  two\r\n\t lines \u{2029}", "two lines"),
        ("brno\u{202e}onrb\u{2066}", "brnoonrb"),
        ("ad\u{200b}min\u{fe0f}\u{e0061}", "admin"),
        ("\u{0}\u{3164}\u{2800}\u{e000}\u{ffff}", ""),
    ] {
        assert_eq!(plain(text, 40), wanted, "{text:?}");
    }
    assert_eq!(plain("ab cd", 3), "ab", "no space is left at the cut");
}

#[test]
fn every_conduct_has_its_own_word() {
    for conduct in Conduct::ALL {
        assert_eq!(conduct.to_string().parse(), Ok(conduct));
    }
}

#[test]
fn this_hosts_clock_is_in_this_century() {
    assert!((1_700_000_000..4_100_000_000).contains(&Timestamp::now().as_secs()));
}
