//! Facts of a Windows machine, collected elsewhere: `host`, `client`, `read`.

use std::path::PathBuf;

use crate::support::{Run, command, folder, run};

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
