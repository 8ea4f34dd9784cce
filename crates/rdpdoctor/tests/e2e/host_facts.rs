//! Facts of a Windows machine, collected elsewhere: `host`, `client`, `read`.

use std::path::PathBuf;

use crate::support::{Run, command, findings, folder, run};

const SERVER: &str = r"HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server";

fn value(key: &str, name: &str, number: u32) -> String {
    format!(
        r#"{{"kind":"registry-value","key":"{key}","name":"{name}","data":{{"lookup":"seen","value":{{"type":"dword","data":{number}}}}},"owner":{{"by":"local"}}}}"#
    )
}

fn written(name: &str, facts: &[String]) -> PathBuf {
    let path = folder(name).join("facts.json");
    let of = r#"{"kind":"facts-of","computer":"PC42","collected_at":"2026-11-20T10:00:00Z","way":"script"}"#;
    let all: Vec<&str> = std::iter::once(of).chain(facts.iter().map(String::as_str)).collect();
    let text = format!(r#"{{"version":1,"side":"host","facts":[{}]}}"#, all.join(","));
    std::fs::write(&path, text).expect("the file is written");
    path
}

fn host(path: &PathBuf) -> Run {
    run(command().args(["host", "--json", "--facts"]).arg(path))
}

#[test]
fn facts_of_a_host_are_judged() {
    let off = written("host-off", &[value(SERVER, "fDenyTSConnections", 1)]);
    let document = host(&off).json();
    assert_eq!(document["verdict"]["cause"], "host.rdp-disabled");
    assert_eq!(document["verdict"]["proof"], "proven");
    assert_eq!(document["target"]["host"], "PC42");
    let read = run(command().args(["read", "--json"]).arg(&off));
    assert_eq!(
        (read.code, read.json()["verdict"]["cause"].clone()),
        (2, "host.rdp-disabled".into())
    );

    let on = written("host-on", &[value(SERVER, "fDenyTSConnections", 0)]);
    let run = host(&on);
    assert_eq!((run.code, run.json()["verdict"]["status"].clone()), (0, "ok".into()));
}

#[test]
fn facts_that_are_none_get_one_line() {
    let folder = folder("host-none");
    let path = folder.join("facts.json");
    for text in ["", "{", "{\"facts\": 7}", "{\"version\":9,\"side\":\"host\",\"facts\":[]}"] {
        std::fs::write(&path, text).expect("the file is written");
        let run = host(&path);
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{text}");
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}

/// A file that names no computer leads nowhere; what was read on the host counts all the same.
#[test]
fn facts_beside_a_file_that_leads_nowhere() {
    let off = written("host-beside-file", &[value(SERVER, "fDenyTSConnections", 1)]);
    let way = off.with_file_name("way.rdp");
    std::fs::write(&way, "screen mode id:i:2\r\n").expect("the file is written");
    let causes = |facts: Option<&PathBuf>| {
        let mut check = command();
        check.arg("check").arg(&way).args(["--json", "--no-side"]);
        if let Some(facts) = facts {
            check.arg("--host-facts").arg(facts);
        }
        findings(&run(&mut check).json())
    };
    let without = causes(None);
    assert!(without[0].starts_with("client.rdp-file-invalid blocking"), "{without:?}");
    let with = causes(Some(&off));
    assert_eq!(with[0], without[0]);
    let added = with.iter().any(|finding| finding == "host.rdp-disabled blocking proven");
    assert!(added && !without.iter().any(|finding| finding.starts_with("host.")), "{with:?}");
    let none = run(command().arg("check").arg(&way).args(["--host-facts", "nobody-wrote-this"]));
    assert_eq!((none.code, none.stdout.as_str()), (3, ""));
}
