//! The house rules as a test: who may name whom, what a file looks like, what may not be left in it.
//!
//! Every rule is a pure function of a path and a text, and `each_rule_catches_its_planted_violation`
//! proves that it can fail: each rule is shown a text that breaks it, and one that does not.

#[path = "tidy/migrations.rs"]
mod migrations;
#[path = "tidy/planted.rs"]
mod planted;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Directories with sources of our own; what is built or fetched below them is skipped.
const SOURCES: [&str; 5] = ["src", "tests", "benches", "fuzz", "migrations"];
const NOT_OURS: [&str; 4] = ["target", "node_modules", "corpus", "artifacts"];
const TOP_LEVEL: [&str; 6] = [
    "README.md",
    "Makefile",
    "Cargo.toml",
    "config.toml",
    ".ci/run",
    "scripts",
];

#[test]
fn the_tree_keeps_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for name in SOURCES.iter().chain(&TOP_LEVEL) {
        collect(&root.join(name), &mut files);
    }
    assert!(
        files.len() > 30,
        "only {} files found below {}",
        files.len(),
        root.display()
    );

    let mut found = Vec::new();
    for file in files {
        let path = file
            .strip_prefix(root)
            .expect("below the root")
            .to_str()
            .expect("UTF-8")
            .to_owned();
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        found.extend(rules::check(&path, &text));
    }
    assert!(
        found.is_empty(),
        "{} rules broken:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn each_rule_catches_its_planted_violation() {
    for (rule, path, text) in planted::planted() {
        let found = rules::check(path, &text);
        assert!(
            found.iter().any(|line| line.contains(&format!("[{rule}]"))),
            "`{rule}` let this pass in {path}:\n{text}\nfound: {found:#?}"
        );
    }
}

#[test]
fn what_keeps_the_rules_passes() {
    for (path, text) in planted::innocent() {
        let found = rules::check(path, text);
        assert!(
            found.is_empty(),
            "false alarm in {path}:\n{text}\n{found:#?}"
        );
    }
}

fn collect(at: &Path, into: &mut Vec<PathBuf>) {
    if at.is_file() {
        into.push(at.to_owned());
        return;
    }
    let Ok(entries) = fs::read_dir(at) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let name = entry.file_name();
        if NOT_OURS.iter().any(|skip| name == *skip) {
            continue;
        }
        if path.is_dir()
            || ["rs", "sql", "sh", "toml", "mjs", "md"]
                .iter()
                .any(|e| path.extension().is_some_and(|x| x == *e))
        {
            collect(&path, into);
        }
    }
}
