//! One setting as bare text, as flags and the environment give it; the key is on the first line.
//! What is taken can be written out and read back; what is refused is told with its key, its value
//! and a remedy on one line of bounded length; a password is never told.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use slips_p2p::config::{Flag, Loaded, Origin, PREFIX, Sources, load, load_text};

/// Longer than any sentence of ours with a shortened key and value in it.
const LONGEST: usize = 2048;
const PASSWORD: &str = "hush-hush";

fuzz_target!(|text: &str| {
    let (key, value) = text.split_once('\n').unwrap_or((text, ""));
    let as_flag = check(&flag(key, value));
    let name = format!("{PREFIX}{}", key.replace('.', "__").to_uppercase());
    let as_variable = check(&Sources {
        environment: vec![(name, value.into())],
        ..Sources::default()
    });
    if let (Some(flag), Some(variable)) = (as_flag, as_variable) {
        assert_eq!(flag.config, variable.config);
    }
    // Nothing else in a text is sure to be a password.
    if value.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let url = format!("redis://user:{PASSWORD}@{value}");
        check(&flag("redis.url", &url));
        check(&flag(
            "redis.url",
            &format!("redis://:{value}{PASSWORD}@host/{value}"),
        ));
    }
});

fn flag(key: &str, value: &str) -> Sources {
    let flag = Flag {
        key: key.into(),
        value: value.into(),
        name: "--flag".into(),
    };
    Sources {
        flags: vec![flag],
        ..Sources::default()
    }
}

fn check(sources: &Sources) -> Option<Loaded> {
    match load(sources) {
        Ok(loaded) => {
            let written = loaded.render(false, true);
            let again = load_text(Path::new("config.toml"), written.as_bytes());
            assert!(again.is_ok_and(|again| again.config == loaded.config));
            let shown = format!("{} {:?}", loaded.render(true, false), loaded.config);
            assert!(!shown.contains(PASSWORD), "{shown}");
            Some(loaded)
        }
        Err(error) => {
            for problem in error.problems {
                let said = problem.to_string();
                assert!(!said.contains('\n') && said.len() <= LONGEST, "{said}");
                assert!(!said.contains(PASSWORD), "{said}");
                assert!(!problem.wrong.is_empty() && !problem.remedy.is_empty());
                if problem.origin == Origin::Flag("--flag".into()) {
                    assert!(problem.value.is_some() && said.contains("--flag"), "{said}");
                }
            }
            None
        }
    }
}
