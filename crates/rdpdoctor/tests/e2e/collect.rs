//! Facts that come back by way of a cloud's command, and the script that collects them.

use std::path::{Path, PathBuf};

use crate::support::{Run, command, folder, run};

const SERVER: &str = r"HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server";

/// A host on which Remote Desktop is switched off, and hundreds of rules of its firewall.
fn facts() -> String {
    let value = |key: &str, name: &str, data: &str| {
        format!(
            r#"{{"kind":"registry-value","key":"{key}","name":"{name}","data":{{"lookup":"seen","value":{data}}},"owner":{{"by":"local"}}}}"#
        )
    };
    let mut facts = vec![
        r#"{"kind":"facts-of","computer":"VM7","collected_at":"2026-11-20T10:00:00Z","way":"script","elevated":true}"#.to_owned(),
        value(SERVER, "fDenyTSConnections", r#"{"type":"dword","data":1}"#),
    ];
    facts.extend((0..400_u32).map(|rule| {
        let id = rule.wrapping_mul(2_654_435_761);
        let text = format!("v2.30|Action=Allow|Active=TRUE|Dir=In|RA4=10.{rule}.0.0|Name={id:x}|");
        let key = r"HKLM\\SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules";
        value(key, &format!("{{{id:08x}}}"), &format!(r#"{{"type":"text","data":"{text}"}}"#))
    }));
    format!(r#"{{"version":1,"side":"host","facts":[{}]}}"#, facts.join(","))
}

fn collect(arguments: &[&str]) -> Run {
    run(command().args(["host", "collect"]).args(arguments))
}

/// What the compact script prints for these facts.
fn printed(folder: &Path) -> String {
    let file = folder.join("facts.json");
    std::fs::write(&file, facts()).expect("the file is written");
    let run = collect(&["--compact", "--facts", &file.display().to_string()]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    run.stdout
}

fn answer(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the file is written");
    path
}

fn read(files: &[&Path]) -> Run {
    run(command().args(["read", "--json"]).args(files))
}

/// A virtual machine that nobody can reach: one pasted command, 4,096 bytes back, a cause.
#[test]
fn four_kilobytes_from_azure_are_a_cause() {
    let folder = folder("collect-azure");
    let output = printed(&folder);
    assert!(output.len() > 4_096 + 100, "{}", output.len());
    let last = &output[output.len() - 4_096..];
    let message = format!("Enable succeeded: \n[stdout]\n{last}\n[stderr]\n");
    let azure = serde_json::json!({"value": [{
        "code": "ProvisioningState/succeeded", "displayStatus": "Provisioning succeeded",
        "level": "Info", "message": message, "time": null}]});
    let file = answer(&folder, "answer.json", &format!("{azure:#}"));
    let run = read(&[&file]);
    assert_eq!(run.code, 2, "{run:?}");
    let document = run.json();
    assert_eq!(document["verdict"]["cause"], "host.rdp-disabled");
    assert_eq!(document["verdict"]["proof"], "proven");
    assert_eq!(document["target"]["host"], "VM7");
    let of = document["observations"].as_array().expect("observations");
    let of = of.iter().find(|o| o["kind"] == "facts-of").expect("whose they are");
    assert!(of["missing_parts"].as_array().is_some_and(|parts| !parts.is_empty()), "{of}");
    let host = crate::support::run(command().args(["host", "--facts"]).arg(&file));
    assert_eq!(host.code, 2);
    assert!(host.stdout.contains("did not arrive"), "{}", host.stdout);
}

#[test]
fn the_beginning_from_systems_manager_and_several_files() {
    let folder = folder("collect-ssm");
    let output = printed(&folder);
    // Systems Manager is told to print part 1 first.
    let lines: Vec<&str> = output.lines().rev().collect();
    let text = lines.join("\n");
    let cut: String = text.chars().take(text.len() - 200).collect();
    let ssm = serde_json::json!({"CommandId": "c", "Status": "Success",
        "StandardOutputContent": cut, "StandardErrorContent": ""});
    let first = answer(&folder, "first.json", &ssm.to_string());
    let run = read(&[&first]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("is cut off or was changed on its way"), "{}", run.stderr);
    let second = answer(&folder, "second.txt", lines.last().expect("the last part"));
    let both = read(&[&first, &second]);
    assert_eq!((both.code, both.stderr.as_str()), (2, ""));
    let of = both.json();
    let of = of["observations"].as_array().expect("observations")[0].clone();
    assert_eq!(of["missing_parts"], serde_json::Value::Null, "{of}");
}

#[test]
fn a_serial_port_says_much_before() {
    let folder = folder("collect-gcp");
    let noise = "UEFI: boot \u{1b}[2J device path\r\n".repeat(6_000);
    let agent = "2026/11/20 10:00:00 GCEMetadataScripts: windows-startup-script-ps1: ";
    let lines: Vec<String> =
        printed(&folder).lines().map(|line| format!("{agent}{line}\r\n")).collect();
    let file = answer(&folder, "answer.txt", &format!("{noise}{}{noise}", lines.concat()));
    let run = read(&[&file]);
    assert_eq!((run.code, run.stderr.as_str()), (2, ""), "{run:?}");
    assert_eq!(run.json()["verdict"]["cause"], "host.rdp-disabled");
}

#[test]
fn what_is_no_part_gets_one_line() {
    let folder = folder("collect-none");
    let file = answer(&folder, "answer.txt", "[stdout]\n[rdpdoctor1 host 0a");
    for arguments in [&["read"][..], &["host", "--facts"]] {
        let run = run(command().args(arguments).arg(&file));
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}

#[test]
fn the_script_and_the_commands_of_the_clouds() {
    let script = collect(&["--script"]);
    assert_eq!((script.code, script.stderr.as_str()), (0, ""));
    assert!(script.stdout.contains("Ask { Get-Value 'HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server' 'fDenyTSConnections' '' }"));
    let compact = collect(&["--script", "--compact"]);
    assert!(compact.stdout.contains("Write-Parts") && !script.stdout.contains("Write-Parts"));
    let client = run(command().args(["client", "collect", "--script"]));
    assert!(client.stdout.contains("\"side\": \"client\""), "{}", client.stdout);

    let folder = folder("collect-scripts");
    let file = folder.join("for azure.ps1");
    let file = file.display().to_string();
    for cloud in ["azure", "ssm", "gcp", "intune"] {
        let told = collect(&["--script", cloud, "-o", &file]);
        assert_eq!((told.code, told.stderr.as_str()), (0, ""));
        assert!(told.stdout.contains(&file), "{}", told.stdout);
        let written = std::fs::read_to_string(&file).expect("the file is there");
        assert!(written.contains("Write-Parts $Decisive $Others"), "{cloud}");
        let dead = collect(&["--script", cloud, "--agent-dead"]);
        assert_eq!(dead.code, 0);
        assert!(dead.stdout.contains("does not"), "{}", dead.stdout);
        insta::assert_snapshot!(format!("collect-{cloud}"), collect(&["--script", cloud]).stdout);
    }
}

#[test]
fn what_does_not_work_here_is_said() {
    let cases: [(&[&str], &str); 4] = [
        (&[], "this machine does not run Windows"),
        (&["--compact"], "--script"),
        (&["--script", "--agent-dead"], "azure, ssm, gcp or intune"),
        (&["--script", "nowhere"], "invalid value 'nowhere'"),
    ];
    for (arguments, words) in cases {
        let run = collect(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{arguments:?}");
        assert!(run.stderr.contains(words), "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}

/// What begins a part is known to whoever tells files apart and to whoever reads them.
#[test]
fn the_mark_is_the_same_on_both_sides() {
    let part = &rdpdoctor_host::script::write_parts(rdpdoctor_host::Side::Host, &[], 900)[0];
    assert!(part.starts_with(rdpdoctor_files::sniff::PART), "{part}");
}
