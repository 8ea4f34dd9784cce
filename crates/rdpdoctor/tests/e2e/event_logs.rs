//! Event logs and listings of clouds: made ones for every cause, real ones where they are there.

use std::path::{Path, PathBuf};
use std::process::Command;

use rdpdoctor_lab::{LoggedEvent, event_log};
use serde_json::Value;

use crate::support::{Run, cause, command, findings, folder, run};

const MANAGER: &str = "Microsoft-Windows-TerminalServices-RemoteConnectionManager";
const SESSIONS: &str = "Microsoft-Windows-TerminalServices-LocalSessionManager";
const CORE: &str = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS";
const CLIENT: &str = "Microsoft-Windows-TerminalServices-ClientActiveXCore";
const GENERAL: &str = "Microsoft-Windows-Kernel-General";
const SECURITY: &str = "Microsoft-Windows-Security-Auditing";
const SERVICES: &str = "Service Control Manager";
const PROFILES: &str = "Microsoft-Windows-User Profiles Service";

type Data<'a> = &'a [(&'static str, &'a str)];

fn event(at_ms: u64, provider: &'static str, id: u32, data: Data<'_>) -> LoggedEvent {
    let channel = match provider {
        SECURITY => "Security",
        CLIENT => "Microsoft-Windows-TerminalServices-RDPClient/Operational",
        _ => "System",
    };
    let data = data.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    LoggedEvent { at_ms, provider, id, channel, activity: None, data }
}

fn written(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("the file is written");
    path
}

fn read(paths: &[&Path], more: &[&str]) -> Run {
    run(command().arg("read").args(paths).arg("--json").args(more))
}

fn rejected<'a>(
    logon_type: &'a str,
    user: &'a str,
    status: &'a str,
) -> [(&'static str, &'a str); 4] {
    [
        ("LogonType", logon_type),
        ("TargetUserName", user),
        ("Status", status),
        ("IpAddress", "10.0.0.9"),
    ]
}

/// Name, exit code, status, cause and findings of each log, for a snapshot.
#[test]
fn event_logs_of_windows() {
    let folder = folder("event-logs");
    let accepted = || event(0, CORE, 131, &[("ConnType", "TCP"), ("ClientIP", "10.0.0.9:50000")]);
    let one = |provider, id, data: Data<'_>| vec![event(0, provider, id, data)];
    let locked = rejected("3", "jo", "0xc0000234");
    let hidden = rejected("10", "jo", "0xc000006d");
    let wrong = [hidden.as_slice(), &[("SubStatus", "0xc000006a")]].concat();
    let key = [("", "server"), ("", "0x8009030d"), ("", "10001")];
    let other_key = [("", "server"), ("", "0x80090016"), ("", "10001")];
    let by_program = |program| {
        let own = [("CallerProcessId", "1040"), ("CallerProcessImageName", program)];
        let rest = [("Type", "server"), ("ErrorCode", "0x8009030d"), ("ErrorStatus", "10001")];
        [own.as_slice(), rest.as_slice()].concat()
    };
    let (own_key, web_key) = (by_program("svchost[TermService]"), by_program("w3wp"));
    let set = [
        ("NewTime", "2026-01-01T02:00:00.000Z"),
        ("OldTime", "2026-01-01T00:00:00.000Z"),
        ("Reason", "1"),
    ];
    let term_service = [("param1", "TermService")];
    let signed_in = || {
        event(
            900,
            SESSIONS,
            21,
            &[("User", "CORP\\jo"), ("SessionID", "2"), ("Address", "10.0.0.9")],
        )
    };
    let connecting = || event(0, CLIENT, 1024, &[("Name", "Server Name"), ("Value", "pc42")]);
    let logs: Vec<(&str, Vec<LoggedEvent>)> = vec![
        ("nothing about it", one("Microsoft-Windows-Kernel-Power", 42, &[])),
        ("a connection and no more", vec![accepted()]),
        (
            "a session",
            vec![
                accepted(),
                event(
                    300,
                    MANAGER,
                    1149,
                    &[("Param1", "jo"), ("Param2", "CORP"), ("Param3", "10.0.0.9")],
                ),
                signed_in(),
            ],
        ),
        ("a wrong password", one(SECURITY, 4625, &wrong)),
        ("a wrong password, then a session", vec![event(0, SECURITY, 4625, &wrong), signed_in()]),
        ("locked, perhaps a file share", one(SECURITY, 4625, &locked)),
        ("locked, by Remote Desktop", vec![accepted(), event(200, SECURITY, 4625, &locked)]),
        ("an unknown user", vec![accepted(), event(200, CORE, 140, &[("IPString", "10.0.0.9")])]),
        ("not permitted", one(SECURITY, 4825, &[("AccountName", "jo")])),
        ("the key is not to be opened", one("Schannel", 36870, &key)),
        ("the key, and the program is named", one("Schannel", 36870, &own_key)),
        ("the key of a web server", one("Schannel", 36870, &web_key)),
        (
            "the key, beside a connection that went no further",
            vec![accepted(), event(300, "Schannel", 36870, &key)],
        ),
        ("the key is gone", one("Schannel", 36870, &other_key)),
        ("a clock that was set", vec![accepted(), event(900, GENERAL, 1, &set)]),
        (
            "the key, beside a connection that worked",
            vec![event(0, "Schannel", 36870, &key), signed_in()],
        ),
        ("no certificate", one(MANAGER, 1057, &[("", "Keyset does not exist")])),
        ("no new certificate", one(MANAGER, 1058, &[("", "Access is denied")])),
        ("drain mode", one(MANAGER, 1070, &[])),
        ("licensing", one(MANAGER, 1069, &[])),
        ("the profile", one(PROFILES, 1500, &[])),
        ("a temporary profile", one(PROFILES, 1511, &[])),
        ("NTLM is blocked", one("Microsoft-Windows-NTLM", 4002, &[])),
        ("the service hung", one(SERVICES, 7022, &term_service)),
        ("the service did not start", one(SERVICES, 7000, &term_service)),
        ("another service hung", one(SERVICES, 7022, &[("param1", "Spooler")])),
        ("the listener is down", one(MANAGER, 1035, &[])),
        ("idle for too long", one(SESSIONS, 40, &[("Session", "2"), ("Reason", "3")])),
        ("left by the user", one(SESSIONS, 40, &[("Session", "2"), ("Reason", "11")])),
        ("clones", one("LsaSrv", 6167, &[])),
        ("an unverified one", one(MANAGER, 1011, &[("Param1", "PC9")])),
        (
            "a client without DNS",
            vec![connecting(), event(90, CLIENT, 1026, &[("Name", "Reason"), ("Value", "260")])],
        ),
        (
            "a client that left",
            vec![
                connecting(),
                event(50, CLIENT, 1025, &[]),
                event(500, CLIENT, 1027, &[("SessionId", "2")]),
                event(9_000, CLIENT, 1026, &[("Value", "1")]),
            ],
        ),
    ];
    let mut table = String::new();
    for (name, events) in logs {
        let path = written(&folder, "log.evtx", event_log("PC42.corp.example", &events));
        let run = read(&[&path], &[]);
        let document = run.json();
        let verdict = &document["verdict"];
        table.push_str(&format!(
            "{name}: {} {}: {}\n",
            verdict["status"].as_str().unwrap_or("?"),
            run.code,
            verdict["title"].as_str().unwrap_or("?")
        ));
        for finding in findings(&document) {
            table.push_str(&format!("    {finding}\n"));
        }
        every_entry_bears_its_place(&document);
    }
    insta::assert_snapshot!(table);
}

/// Every entry bears its file and its record.
fn every_entry_bears_its_place(document: &Value) {
    for observation in document["observations"].as_array().expect("a list") {
        if observation["kind"] == "windows-event" {
            assert_eq!(observation["source"], "event-log");
            assert!(observation["origin"]["frame"].is_u64(), "{observation}");
            assert!(observation["at"].is_string(), "{observation}");
        }
    }
}

#[test]
fn several_logs_and_other_files_in_one_line() {
    let folder = folder("event-logs-mixed");
    let core = written(
        &folder,
        "core.evtx",
        event_log(
            "PC42",
            &[event(0, CORE, 131, &[("ConnType", "TCP"), ("ClientIP", "10.0.0.9:5")])],
        ),
    );
    let security = written(
        &folder,
        "security.evtx",
        event_log("PC42", &[event(100, SECURITY, 4625, &rejected("3", "jo", "0xc0000234"))]),
    );
    let both = read(&[&core, &security], &[]).json();
    assert_eq!(findings(&both), ["nla.account-locked blocking proven"]);
    assert_eq!(both["attempts"].as_array().map(Vec::len), Some(0), "one attempt");

    let rdp = written(&folder, "way.rdp", "full address:s:pc42.corp.example\r\n");
    let mixed = read(&[&rdp, &core, &security], &[]).json();
    assert_eq!(
        (cause(&mixed), &mixed["verdict"]["status"]),
        ("nla.account-locked", &Value::from("failed"))
    );
    assert_eq!(mixed["attempts"].as_array().map(Vec::len), Some(2));

    let saved = written(&folder, "saved.json", serde_json::to_vec(&mixed).expect("JSON"));
    let again = read(&[&saved], &[]).json();
    assert_eq!(again["verdict"], mixed["verdict"]);
}

#[test]
fn other_users_are_counted_only() {
    let folder = folder("event-logs-users");
    let at = |minute: u64, user| {
        event(minute * 60_000, SECURITY, 4625, &rejected("10", user, "0xc0000234"))
    };
    let path = written(
        &folder,
        "log.evtx",
        event_log("PC42", &[at(0, "anna"), at(1, "bert"), at(2, "bert"), at(3, "jo")]),
    );
    let own = read(&[&path], &[]);
    assert!(!own.stdout.contains("anna") && !own.stdout.contains("bert"), "{}", own.stdout);
    let document = own.json();
    assert_eq!(document["attempts"].as_array().map(Vec::len), Some(0));
    let observations = document["observations"].as_array().expect("a list");
    let others = observations.iter().find(|o| o["kind"] == "event-log-others").expect("counted");
    assert_eq!(
        (&others["users"], &others["attempts"], &others["failed"]),
        (&2.into(), &3.into(), &3.into())
    );
    let all = read(&[&path], &["--all-users"]).json();
    assert_eq!(all["attempts"].as_array().map(Vec::len), Some(4));
    assert_eq!(all["verdict"]["status"], "failed");
    let masked = read(&[&path], &["--all-users", "--mask"]);
    assert!(
        !masked.stdout.contains("anna") && !masked.stdout.contains("PC42"),
        "{}",
        masked.stdout
    );
}

#[test]
fn a_damaged_log_is_read_as_far_as_it_goes() {
    let folder = folder("event-logs-damaged");
    let events: Vec<_> = (0..20).map(|at| event(at * 60_000, MANAGER, 1070, &[])).collect();
    let whole = event_log("PC42", &events);
    let run = read(&[&written(&folder, "cut.evtx", &whole[..4096 + 5000])], &[]);
    assert!(run.stderr.contains("the file ends within block 0"), "{}", run.stderr);
    let cut = run.json();
    assert_eq!(cause(&cut), "session.draining");
    let text = cut["stages"].to_string();
    assert!(text.contains("the file ends within block 0"), "{text}");
    for (name, bytes) in [("head", &whole[..200]), ("magic", &b"ElfFile\0"[..])] {
        let run = read(&[&written(&folder, name, bytes)], &[]);
        let document = run.json();
        assert_eq!(
            (run.code, &document["verdict"]["status"]),
            (3, &Value::from("unknown")),
            "{name}"
        );
        assert!(document["stages"].to_string().contains("ends within its header"), "{document}");
    }
}

#[test]
fn rules_of_clouds() {
    let folder = folder("cloud-rules");
    let azure = |access: &str| {
        format!(
            r#"{{"value": [{{"networkSecurityGroup": {{"id": "/x/nsg-a"}}, "effectiveSecurityRules": [
        {{"name": "securityRules/rdp", "access": "{access}", "direction": "Inbound", "priority": 300, "protocol": "Tcp",
          "destinationPortRange": "3389-3389", "sourceAddressPrefix": "0.0.0.0/0"}},
        {{"name": "defaultSecurityRules/DenyAllInBound", "access": "Deny", "direction": "Inbound", "priority": 65500,
          "protocol": "All", "destinationPortRange": "0-65535", "sourceAddressPrefix": "0.0.0.0/0"}}]}}]}}"#
        )
    };
    let aws = |from: &str| {
        format!(
            r#"{{"SecurityGroups": [{{"GroupId": "sg-1", "GroupName": "web", "IpPermissions": [
        {{"IpProtocol": "tcp", "FromPort": {from}, "ToPort": {from}, "IpRanges": [{{"CidrIp": "0.0.0.0/0"}}]}}]}}]}}"#
        )
    };
    let gcp = |rule: &str| {
        format!(
            r#"[{{"name": "the-rule", "network": "n/default", "direction": "INGRESS", "priority": 1000, "{rule}":
        [{{"IPProtocol": "tcp", "ports": ["3389"]}}], "sourceRanges": ["0.0.0.0/0"]}}]"#
        )
    };
    let flow = |access: &str| format!(r#"{{"access": "{access}", "ruleName": "UserRule_rdp"}}"#);
    let mut table = String::new();
    for (name, listing) in [
        ("Azure denies", azure("Deny")),
        ("Azure allows", azure("Allow")),
        ("Azure says that it denies", flow("Deny")),
        ("Azure says that it allows", flow("Allow")),
        ("AWS lets the web in", aws("443")),
        ("AWS lets it in", aws("3389")),
        ("Google denies", gcp("denied")),
        ("Google allows", gcp("allowed")),
    ] {
        let run = read(&[&written(&folder, "rules.json", listing)], &[]);
        let document = run.json();
        let verdict = &document["verdict"];
        table.push_str(&format!(
            "{name}: {} {}: {}\n",
            verdict["status"].as_str().unwrap_or("?"),
            run.code,
            verdict["title"].as_str().unwrap_or("?")
        ));
        for finding in findings(&document) {
            table.push_str(&format!("    {finding}\n"));
        }
    }
    insta::assert_snapshot!(table);
    let empty = read(&[&written(&folder, "acl.json", r#"{"NetworkAcls": []}"#)], &[]);
    assert_eq!((empty.code, empty.stderr.lines().count()), (3, 1), "{}", empty.stderr);
}

/// Every event that is taken has its row in the table, and a row that names causes is taken.
#[test]
fn the_reader_and_the_table_of_events_agree() {
    use rdpdoctor_diagnosis::codes;
    let taken: Vec<_> = rdpdoctor_files::evtx::taken().collect();
    for (provider, id) in &taken {
        let row = codes::event(provider, id.unwrap_or(0));
        let exact = row.is_some_and(|row| id.is_none_or(|id| row.events.contains(&id)));
        assert!(exact, "{provider} {id:?} has no row");
    }
    for row in codes::events().iter().filter(|row| !row.causes.is_empty()) {
        for id in &row.events {
            let known =
                taken.iter().any(|(p, taken)| *p == row.provider && taken.is_none_or(|t| t == *id));
            assert!(known, "{} {id} is never taken", row.provider);
        }
    }
}

// ── real logs ───────────────────────────────────────────────────────────────────────────────────

/// The logs beside the project, unpacked where they are packed; none where there are none.
fn real_logs(folder: &Path) -> Vec<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/evtx");
    let Ok(entries) = std::fs::read_dir(&shared) else { return Vec::new() };
    let mut logs = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        match name.strip_suffix(".xz") {
            None => logs.push(path),
            Some(name) => match Command::new("xz").arg("-dc").arg(&path).output() {
                Ok(unpacked) if unpacked.status.success() => {
                    logs.push(written(folder, name, unpacked.stdout));
                }
                _ => println!("skipped, xz does not unpack it: {name}"),
            },
        }
    }
    logs.sort_by_key(|path| path.file_name().map(std::ffi::OsStr::to_owned));
    logs
}

/// What each real log must come to; those that are not named hold no failed attempt.
const EXPECTED: &[(&str, &str, &str)] = &[
    ("museum-belkasoftW10-Security.evtx", "failed", "nla.logon-type-not-granted"),
    ("museum-belkasoftW10-System.evtx", "unknown", "nla.no-logon-servers"),
    ("omer-RdpCoreTS-Operational.evtx", "failed", "nla.credentials-rejected"),
];

#[test]
fn real_logs_come_to_what_is_in_them() {
    let folder = folder("event-logs-real");
    let logs = real_logs(&folder);
    if logs.is_empty() {
        println!("skipped: there are no real logs beside the project");
    }
    for path in &logs {
        let name = path.file_name().expect("a name").to_string_lossy();
        let run = read(&[path], &["--all-users"]);
        let document = run.json();
        let verdict = &document["verdict"];
        println!(
            "{name}: {} {} {}, {} attempts",
            run.code,
            verdict["status"],
            cause(&document),
            document["attempts"].as_array().map_or(0, Vec::len)
        );
        match EXPECTED.iter().find(|(expected, ..)| *expected == name) {
            Some((_, status, expected)) => {
                assert_eq!(
                    (verdict["status"].as_str(), cause(&document)),
                    (Some(*status), *expected),
                    "{name}"
                );
            }
            None => assert!(
                verdict["cause"].is_null() && verdict["status"] != "failed",
                "{name}: {verdict}"
            ),
        }
    }
}
