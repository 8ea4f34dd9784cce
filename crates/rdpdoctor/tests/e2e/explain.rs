//! `explain` as people use it.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::{command, run};

#[test]
fn the_pair_that_brings_people_here() {
    let run = run(command().args(["explain", "0x904", "0x7"]));
    assert_eq!(run.code, 0);
    // Commands stand unbroken, so that they can be copied.
    let is_command = |line: &str| line.starts_with("  ") && line.get(3..5) == Some(". ");
    for line in run.stdout.lines().filter(|line| !is_command(line)) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    insta::assert_snapshot!("explain-0x904-0x7", run.stdout);
}

#[test]
fn the_tree_of_the_pair() {
    let run = run(command().args(["explain", "2308:7", "--tree"]));
    assert_eq!(run.code, 0);
    insta::assert_snapshot!("explain-tree", run.stdout);
}

#[test]
fn other_tables_and_unknown_codes() {
    for (typed, known) in [
        ("0xC000006D", "STATUS_LOGON_FAILURE"),
        ("-1073741715", "STATUS_LOGON_FAILURE"),
        ("status_account_disabled", "disabled"),
        ("0x800759DB", "E_PROXY_NAP_ACCESSDENIED"),
        ("0x10A", "licen"),
    ] {
        let run = run(command().args(["explain", typed]));
        assert!(run.code == 0 && run.stdout.contains(known), "{typed}: {run:?}");
    }
    let unknown = run(command().args(["explain", "904"]));
    assert_eq!(unknown.code, 3);
    assert!(unknown.stdout.contains("0x904"), "{}", unknown.stdout);
}

#[test]
fn a_pasted_dialog() {
    let mut child = command()
        .args(["explain", "--paste", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let dialog = "Fehlercode: 0x904\r\nErweiterter Fehlercode: 0x7\r\n";
    child.stdin.take().expect("a pipe").write_all(dialog.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let page: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(page["found"], true);
    assert_eq!(page["causes"][0]["cause"], "tls.private-key-unavailable");
}
