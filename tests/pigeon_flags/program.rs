//! What `p2p4slips` does before it starts anything.

use std::{
    fs::{self, OpenOptions},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

/// Runs `p2p4slips` in a directory; exit code, stdout, stderr.
fn run(
    directory: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_p2p4slips"))
        .args(arguments)
        .current_dir(directory)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// A port nobody has now.
fn free_port() -> String {
    TcpListener::bind("0.0.0.0:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
        .to_string()
}

#[test]
fn a_port_that_cannot_be_had_ends_with_2_and_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for port in [port.as_str(), "70000", "-1"] {
        let (code, out, err) = run(
            directory.path(),
            &["-port", port, "-host", "127.0.0.1"],
            &[],
        );
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert!(
            err.contains(&format!("can't listen on port \"{port}\": ")),
            "{err}"
        );
    }
}

#[test]
fn a_host_that_is_no_ipv4_address_of_this_machine_ends_with_2_and_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    for host in ["", "::1", "localhost", "192.0.2.1", "127.0.0.1.1"] {
        let (code, _, err) = run(directory.path(), &["-port", &port, "-host", host], &[]);
        assert_eq!(code, Some(2), "{host}");
        assert!(
            err.contains(&format!("-host \"{host}\""))
                && err.contains("give an IPv4 address of this host"),
            "{err}"
        );
    }
}

#[test]
fn what_operators_set_is_checked_and_its_place_named() {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let arguments = [
        "-test",
        "-port",
        &port,
        "-host",
        "127.0.0.1",
        "-key-file",
        "keys/pigeon.keys",
    ];
    let variables = [("SLIPS_P2P__LOG__LEVEL", "loud")];
    fs::create_dir(directory.path().join("keys")).unwrap();
    fs::write(
        directory.path().join("keys/p2p4slips.toml"),
        "[limits]\nburst = 0\n",
    )
    .unwrap();
    let (code, _, err) = run(directory.path(), &arguments, &variables);
    assert_eq!(code, Some(2));
    assert!(
        err.contains("keys/p2p4slips.toml:2: limits.burst = 0: is out of range"),
        "{err}"
    );
    assert!(
        err.contains("environment variable SLIPS_P2P__LOG__LEVEL: log.level = loud"),
        "{err}"
    );
    let (code, _, err) = run(
        directory.path(),
        &["-port", &port, "-host", "127.0.0.1", "-redis-db", "h:0"],
        &[],
    );
    assert_eq!(code, Some(2));
    assert!(
        err.contains("flag -redis-db: redis.url = redis://h:0/0: the port"),
        "{err}"
    );
}

#[test]
fn a_test_run_starts_nothing_and_writes_behind_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("p2p.log");
    fs::write(&log, "earlier\n").unwrap();
    // As Slips opens it: at the start of the file, not for append.
    let stdout = OpenOptions::new().write(true).open(&log).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_p2p4slips"))
        .args([
            "-test",
            "-port",
            &free_port(),
            "-host",
            "127.0.0.1",
            "-key-file",
            "pigeon.keys",
            "-key-reset",
        ])
        .current_dir(directory.path())
        .stdout(stdout)
        .status()
        .unwrap();
    assert!(status.success());
    let said = fs::read_to_string(&log).unwrap();
    assert_eq!(
        said,
        "earlier\nflags and settings are good; nothing was started\n"
    );
    assert!(
        !directory.path().join("pigeon.keys").exists()
            && !directory.path().join("p2p4slips.db").exists()
    );
}
