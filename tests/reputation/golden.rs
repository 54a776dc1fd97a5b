//! Plays every script in `tests/golden`.

use super::script::play;

fn golden(name: &str, least: usize) {
    let path = format!("{}/tests/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    match play(&text) {
        Ok(met) => assert!(met >= least, "{path}: only {met} expectations"),
        Err(faults) => panic!("{path}\n{}", faults.join("\n")),
    }
}

#[test]
fn robust() {
    golden("robust", 70);
}

#[test]
fn yardsticks() {
    golden("yardsticks", 8);
}

#[test]
fn slips() {
    golden("slips", 30);
}

#[test]
fn slips_compat() {
    golden("slips-compat", 18);
}

#[test]
fn conduct() {
    golden("conduct", 30);
}

#[test]
fn every_script_is_played() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    names.sort();
    let played = ["conduct", "robust", "slips-compat", "slips", "yardsticks"];
    assert_eq!(names, played.map(|name| format!("{name}.txt")));
}
