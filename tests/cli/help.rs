//! Help, completions and the manual: whole, and true.

use clap::Parser as _;

use super::fixture::{Ran, World, program};
use slips_p2p::{
    cli::{Cli, Exit, command},
    store::Batch,
};

/// Every command with its words, from the definitions themselves.
fn commands() -> Vec<(Vec<String>, clap::Command)> {
    fn walk(
        words: Vec<String>,
        command: &clap::Command,
        all: &mut Vec<(Vec<String>, clap::Command)>,
    ) {
        for sub in command
            .get_subcommands()
            .filter(|sub| sub.get_name() != "help")
        {
            let mut words = words.clone();
            words.push(sub.get_name().into());
            walk(words, sub, all);
        }
        all.push((words, command.clone()));
    }
    let mut all = Vec::new();
    walk(vec!["slips-p2p".into()], &command(), &mut all);
    all
}

/// The help of a command as the program prints it.
fn help_of(words: &[String]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut command = program(dir.path());
    command.args(&words[1..]).arg("--help");
    Ran::of(command).ending(0).out
}

/// The examples in a help text.
fn examples(help: &str) -> Vec<String> {
    let (_, after) = help.split_once("Examples:\n").unwrap_or_default();
    after
        .lines()
        .take_while(|line| line.starts_with("  "))
        .map(|line| line.trim().into())
        .collect()
}

/// The words of the first program of a shell line.
fn words_of(example: &str) -> Vec<&str> {
    example
        .split_whitespace()
        .take_while(|word| !matches!(*word, "|" | ">"))
        .collect()
}

#[test]
fn every_command_has_examples_that_parse_and_are_its_own() {
    for (words, _) in commands() {
        let help = help_of(&words);
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{words:?} has no example:\n{help}");
        for example in &examples {
            if let Err(error) = Cli::try_parse_from(words_of(example)) {
                panic!("{words:?}: `{example}` does not parse: {error}");
            }
        }
        let own = examples
            .iter()
            .any(|example| words[1..].iter().all(|word| example.contains(word)));
        assert!(own, "{words:?} has no example of itself: {examples:?}");
    }
}

#[test]
fn every_help_names_the_exit_codes() {
    for (words, _) in commands() {
        let help = help_of(&words);
        for exit in Exit::ALL {
            let line = format!("  {}  {}", exit.code(), exit.meaning());
            assert!(help.contains(&line), "{words:?} does not say `{line}`");
        }
    }
}

#[test]
fn every_command_and_argument_is_described() {
    for (words, command) in commands() {
        assert!(command.get_about().is_some(), "{words:?}");
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{words:?} {}",
                argument.get_id()
            );
        }
    }
}

#[test]
fn help_fits_a_terminal() {
    for (words, _) in commands() {
        for line in help_of(&words).lines() {
            assert!(line.chars().count() <= 120, "{words:?}: {line}");
        }
    }
}

#[test]
fn completions_know_every_command_in_every_shell() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let mut command = program(dir.path());
        command.args(["completions", shell]);
        let script = Ran::of(command).ending(0).out;
        for (words, _) in commands() {
            let name = words.last().unwrap();
            assert!(
                script.contains(name.as_str()),
                "{shell} does not know {words:?}"
            );
        }
        assert!(script.contains("follow"), "{shell}");
    }
    let mut bash = std::process::Command::new("bash");
    bash.args(["-n", "-c"]);
    let mut command = program(dir.path());
    command.args(["completions", "bash"]);
    bash.arg(Ran::of(command).ending(0).out);
    assert!(bash.status().unwrap().success());
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = program(dir.path());
    command.args(["man", "--dir", "pages"]);
    let written = Ran::of(command).ending(0).out;
    for (words, _) in commands() {
        let name = format!("{}.1", words.join("-"));
        assert!(written.contains(&name), "{written}");
        let page = std::fs::read_to_string(dir.path().join("pages").join(&name)).unwrap();
        assert!(
            page.contains(".SH SYNOPSIS") && page.contains("Exit codes"),
            "{name}"
        );
    }
    let mut command = program(dir.path());
    command.arg("man");
    assert!(Ran::of(command).ending(0).out.contains(".SH SUBCOMMANDS"));
}

#[test]
fn usage_mistakes_end_with_2_and_help_with_0() {
    let dir = tempfile::tempdir().unwrap();
    let ending = |arguments: &[&str]| {
        let mut command = program(dir.path());
        command.args(arguments);
        Ran::of(command)
    };
    for wrong in [
        &[][..],
        &["nonsense"],
        &["peers", "-o", "xml"],
        &["run", "--set", "novalue"],
        &["db"],
    ] {
        let ran = ending(wrong).ending(2);
        assert_eq!(ran.out, "", "{wrong:?}");
        assert!(!ran.err.is_empty());
    }
    assert!(
        ending(&["--version"])
            .ending(0)
            .out
            .starts_with("slips-p2p ")
    );
    assert!(ending(&["--help"]).ending(0).err.is_empty());
}

/// Examples that need more than a database and files, or take long: they have tests of their own.
fn is_tried_elsewhere(words: &[String]) -> bool {
    words
        .iter()
        .any(|word| matches!(word.as_str(), "run" | "demo"))
        || words.iter().any(|word| word == "--follow")
        || (words.iter().any(|word| word == "simulate") && !words.iter().any(|word| word == "list"))
}

#[test]
fn every_example_does_what_it_says() {
    let world = World::filled();
    let dir = world.path();
    let run = |words: &[String], dir: &std::path::Path| {
        let mut command = program(dir);
        // Where the database of this world lies, and `replay --db` of the examples looks for one.
        command.env("SLIPS_P2P__NODE__DATA_DIR", ".");
        command.args(&words[1..]);
        Ran::of(command)
    };
    let words = |line: &str| -> Vec<String> {
        let words = line
            .replace("/etc/slips-p2p", "etc")
            .replace("/usr/local/share/man/man1", "man1");
        let words = words.replace("/var/backups/", "new-").replace('\'', "");
        words_of(&words).into_iter().map(Into::into).collect()
    };
    // A place as an operator has it: a configuration, a key, a database with peers, events to replay.
    run(&words("slips-p2p init"), dir).ending(0);
    run(&words("slips-p2p init --dir etc"), dir).ending(0);
    let line = |t: u32, rest: &str| format!("{{\"t\":{t},{rest},\"key\":\"192.0.2.7\"}}\n");
    let said = r#""type":"report","reporter":"p","evaluation":{"score":1,"confidence":1}"#;
    let events = line(1, said) + &line(2, r#""type":"query","id":1"#);
    std::fs::write(dir.join("events.jsonl"), events).unwrap();
    let beginning = "12D3KooWGzBvnJmeWZPsSsASLQAMHUJQeXTXBMsNJnAJRG5qFtRQ";
    world.store(|world| {
        let stranger = beginning.parse().unwrap();
        let mut reported = Batch::default();
        for peer in [stranger, world.honest] {
            reported
                .reports
                .push(world.report(peer, "198.51.100.7", 0.5, 0.5, 70).into());
        }
        vec![reported]
    });
    for order in [
        format!("slips-p2p peers rename {} brno", world.honest),
        "slips-p2p peers trust brno".into(),
        "slips-p2p peers ban brno".into(),
    ] {
        run(&words(&order), dir).ending(0);
    }
    let mut tried = 0;
    for (_, command) in commands() {
        let after = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        for example in examples(&after) {
            let words = words(&example);
            if is_tried_elsewhere(&words) {
                continue;
            }
            // Each in a copy: what one changes is no matter to the next.
            let copy = tempfile::tempdir().unwrap();
            let copied = std::process::Command::new("cp")
                .args([
                    "-a".as_ref(),
                    dir.join(".").as_os_str(),
                    copy.path().as_os_str(),
                ])
                .status();
            assert!(copied.unwrap().success());
            if words.ends_with(&["init".into()]) {
                std::fs::remove_file(copy.path().join("config.toml")).unwrap();
            }
            if words.iter().any(|word| word == "--dir") && words[1] == "init" {
                std::fs::remove_dir_all(copy.path().join("etc")).unwrap();
            }
            let ran = run(&words, copy.path());
            assert_eq!(ran.code, Some(0), "`{example}`: {ran:#?}");
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried}");
}
