//! `[[anchor]]` and `[[never_block]]`: entries, layers, and what is said about mistakes.

use slips_p2p::domain::PeerId;

use crate::{config, error, from_file, with};

const PEER: &str = "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5";

fn anchor(rest: &str) -> String {
    format!("[[anchor]]\npeer = \"{PEER}\"\n{rest}")
}

#[test]
fn entries_are_read_with_comment_and_expiry() {
    let text = format!(
        "{}[[never_block]]\nnetwork = \"198.51.100.0/24\"\nexpires = 2027-01-31\n\
         [[never_block]]\nnetwork = \"::ffff:192.0.2.7\"\n[log]\nlevel = \"warn\"\n",
        anchor("trust = 1\ncomment = \"Brno\"\nexpires = 2027-01-31T12:00:00+01:00\n")
    );
    let config = config(from_file(&text));
    let [anchor] = &config.anchors[..] else {
        panic!("{:?}", config.anchors)
    };
    assert_eq!(anchor.peer, PEER.parse::<PeerId>().unwrap());
    assert_eq!(
        (anchor.trust.get(), anchor.comment.as_deref()),
        (1.0, Some("Brno"))
    );
    let expires = anchor.expires.map(|it| it.to_string());
    assert_eq!(expires.as_deref(), Some("2027-01-31T11:00:00Z"));
    let networks: Vec<_> = (config.never_block.iter())
        .map(|it| (it.network.to_string(), it.expires.map(|it| it.to_string())))
        .collect();
    let midnight = Some("2027-01-31T00:00:00Z".to_owned());
    assert_eq!(
        networks,
        [
            ("198.51.100.0/24".to_owned(), midnight),
            ("192.0.2.7/32".to_owned(), None)
        ]
    );
}

#[test]
fn a_later_file_adds_and_replaces() {
    let one = format!(
        "{}[[never_block]]\nnetwork = \"192.0.2.7\"\n",
        anchor("trust = 0.5\n")
    );
    let two = format!(
        "{}[[never_block]]\nnetwork = \"192.0.2.8\"\n",
        anchor("trust = 0.9\n")
    );
    let loaded = with(&one, &[("10.toml", &two)], &[], &[]).unwrap();
    assert_eq!(loaded.config.anchors.len(), 1);
    assert_eq!(loaded.config.anchors[0].trust.get(), 0.9);
    assert_eq!(loaded.config.never_block.len(), 2);
    let shown = loaded.render(true, false);
    assert!(
        shown.contains("[[anchor]]\npeer = ") && shown.contains("/10.toml:1"),
        "{shown}"
    );
    let again = config(from_file(&shown));
    assert_eq!(again, loaded.config, "what is shown can be read back");
}

#[test]
fn each_mistake_is_told_with_its_line_and_a_remedy() {
    for (text, expected) in [
        (
            anchor(""),
            "config.toml:1: anchor: lacks `trust`; add a line trust = a number above 0, at most 1",
        ),
        (
            "\n[[anchor]]\ntrust = 0.5".into(),
            "config.toml:2: anchor: lacks `peer`; add a line peer = the id of a peer, such as",
        ),
        (
            anchor("trust = 0"),
            "config.toml:3: anchor.trust = 0: is no trust at all; write a number above 0, at most 1, or remove",
        ),
        (
            anchor("trust = 1.5"),
            "config.toml:3: anchor.trust = 1.5: is out of range; write a number above 0",
        ),
        (
            anchor("trust = \"high\""),
            "config.toml:3: anchor.trust = \"high\": is text; write a number above 0",
        ),
        (
            anchor("trust = 1\nexpires = \"soon\""),
            "config.toml:4: anchor.expires = \"soon\": is no point in time; write a date as 2027-01-31 or",
        ),
        (
            anchor("trust = 1\nexpires = 2027-01-31T10:00:00"),
            "is no point in time; write a date as",
        ),
        (
            anchor("trust = 1\nexpire = 2027-01-31"),
            "config.toml:4: anchor.expire = 2027-01-31: is no setting; did you mean expires?",
        ),
        (
            anchor("trust = 1\nxyzzy = 1"),
            "anchor.xyzzy = 1: is no setting; remove it; [[anchor]] has peer, trust, comment, expires",
        ),
        (
            "[[anchor]]\npeer = \"nobody\"\ntrust = 1".into(),
            "config.toml:2: anchor.peer = \"nobody\": `nobody` is no peer id; write the id of a peer",
        ),
        (
            anchor("trust = 1\n") + &anchor("trust = 0.5"),
            "config.toml:5: anchor.peer = ",
        ),
        (
            anchor("trust = 1\n") + &anchor("trust = 0.5"),
            "stands in line 1 already; keep one of the two",
        ),
        (
            "[anchor]\ntrust = 1".into(),
            "config.toml:1: anchor: is one table, where there may be many; write [[anchor]] on a line",
        ),
        (
            "anchor = \"12D3\"".into(),
            "config.toml:1: anchor: is a list of tables, not a setting; write [[anchor]]",
        ),
        (
            "[[anchors]]\ntrust = 1".into(),
            "is no setting; did you mean [[anchor]] in a file?",
        ),
        (
            "[[never_block]]\nnetwork = \"192.0.2.7/24\"".into(),
            "config.toml:2: never_block.network = \"192.0.2.7/24\": `192.0.2.7/24` names an address inside 192.0.2.0/24; write",
        ),
        (
            "[[never_block]]\nnetwork = \"example.org\"".into(),
            "`example.org` is no network; write an address or a network",
        ),
        (
            "[[never_block]]\nnetwork = 7".into(),
            "config.toml:2: never_block.network = 7: is a whole number; write an address",
        ),
        (
            "never_block = [1]".into(),
            "config.toml:1: never_block = 1: is no table; write [[never_block]]",
        ),
    ] {
        let said = error(from_file(&text));
        assert!(said.contains(expected), "{text}\n{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn parameters_of_models_are_settings_with_their_ranges() {
    let loaded = config(with(
        "[reputation.robust]\nkappa = 0\ndep_max = 8\n[reputation]\ncount_unknown_reporters = false\n\
         unknown_reporter_score = 0.5\n[reputation.fides]\naggregation = \"weightedAverage\"",
        &[],
        &[("SLIPS_P2P__REPUTATION__ROBUST__HALF_L", "3")],
        &[("reputation.max_reporters", "64", "--set")],
    ));
    let models = loaded.models;
    assert_eq!(
        (
            models.robust.kappa,
            models.robust.half_l,
            models.robust.dep_max
        ),
        (0.0, 3.0, 8)
    );
    assert_eq!(models.slips.unknown_reporter, None);
    assert_eq!(models.limits.reporters_per_address, 64);
    for (text, expected) in [
        (
            "[reputation.robust]\nkappa = 2",
            "config.toml:2: reputation.robust.kappa = 2: is out of range; write a number from 0 to 1",
        ),
        (
            "[reputation.robust]\nkapa = 0",
            "reputation.robust.kapa = 0: is no setting; did you mean reputation.robust.kappa?",
        ),
        (
            "[reputation]\nmodel = \"robost\"",
            "reputation.model = \"robost\": is no choice here; write one of \"robust\", \"slips\"",
        ),
    ] {
        let said = error(from_file(text));
        assert!(said.contains(expected), "{said}");
    }
}
