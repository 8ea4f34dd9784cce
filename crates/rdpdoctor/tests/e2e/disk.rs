//! `host --disk` and `client --disk`: the disk of a Windows that does not run.

use std::path::Path;

use serde_json::Value;

use crate::support::{Run, cause, command, folder, run};

#[allow(dead_code, reason = "the tests of the reader itself use all of it")]
#[path = "../../../host/tests/disk/windows.rs"]
mod windows;

fn disk(side: &str, path: &Path) -> Run {
    run(command().args([side, "--json", "--disk"]).arg(path))
}

/// The facts of one kind.
fn facts<'d>(document: &'d Value, kind: &str) -> Vec<&'d Value> {
    let all = document["observations"].as_array().expect("observations");
    all.iter().filter(|fact| fact["kind"] == kind).collect()
}

fn assert_judged(path: &Path) -> Value {
    let host = disk("host", path);
    let document = host.json();
    assert_eq!((host.code, cause(&document)), (2, "host.rdp-disabled"), "{}", host.stderr);
    assert_eq!(document["verdict"]["proof"], "proven");
    assert_eq!(document["target"]["host"], "PC42");
    assert_eq!(facts(&document, "facts-of")[0]["way"], "disk");
    let hives = facts(&document, "registry-hive");
    assert!(hives.iter().any(|hive| hive["root"] == r"HKLM\SYSTEM"), "{hives:?}");
    assert!(hives.iter().all(|hive| hive["state"]["lookup"] == "seen"), "{hives:?}");
    document
}

#[test]
fn a_mounted_windows_is_judged() {
    let folder = folder("disk-mounted");
    windows::write(&folder);
    assert_judged(&folder);
    let text = run(command().args(["host", "--disk"]).arg(&folder));
    assert_eq!(text.code, 2);
    assert!(text.stdout.contains("facts of PC42, read from its disk"), "{}", text.stdout);

    let system = folder.join("Windows/System32/config/SYSTEM");
    std::fs::write(&system, windows::system(0).bytes()).expect("a hive");
    assert_ne!(cause(&disk("host", &folder).json()), "host.rdp-disabled");
}

#[test]
fn a_windows_in_an_image_is_judged() {
    let folder = folder("disk-image");
    match windows::volume(&folder) {
        Ok(image) => drop(assert_judged(&image)),
        Err(why) => println!("skipped, no NTFS volume can be made: {why}"),
    }
}

#[test]
fn a_damaged_hive_is_no_finding_and_is_said() {
    let folder = folder("disk-damaged");
    windows::write(&folder);
    let system = folder.join("Windows/System32/config/SYSTEM");
    let mut bytes = windows::system(1).bytes();
    let name = b"Terminal Server";
    let places: Vec<usize> =
        (0..bytes.len() - name.len()).filter(|at| bytes[*at..].starts_with(name)).collect();
    // The signature of each key of this name.
    places.iter().for_each(|at| bytes[at - 76] = b'x');
    std::fs::write(&system, bytes).expect("a hive");
    let run = disk("host", &folder);
    let document = run.json();
    assert_ne!(cause(&document), "host.rdp-disabled");
    let values = facts(&document, "registry-value");
    let off = values.iter().find(|value| {
        value["name"] == "fDenyTSConnections"
            && !value["key"].as_str().expect("a key").contains("Policies")
    });
    assert_eq!(off.expect("the question")["data"]["lookup"], "unavailable");
}

#[test]
fn what_is_no_disk_gets_one_line() {
    let folder = folder("disk-none");
    let write = |name: &str, start: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, [start, &[0; 65_536][..]].concat()).expect("a file");
        path
    };
    let mut said = Vec::new();
    for (path, words) in [
        (folder.clone(), "holds no Windows"),
        (folder.join("missing"), "cannot be read"),
        (write("zero.img", b""), "no volume of a known filesystem"),
        (write("a.vhdx", b"vhdxfile"), "qemu-nbd --read-only --format=vhdx --connect=/dev/nbd0"),
        (write("a.qcow2", b"QFI\xfb"), "qemu-nbd --read-only --format=qcow2"),
        (write("bitlocker.img", b"\xEB\x58\x90-FVE-FS-"), "BitLocker"),
        (write("ntfs.img", b"\xEB\x52\x90NTFS    "), "NTFS volume cannot be read"),
        (write("exfat.img", b"\xEB\x76\x90EXFAT   "), "exFAT at byte 0"),
    ] {
        for side in ["host", "client"] {
            let run = disk(side, &path);
            assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{words}");
            assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
            assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
            said.push(run.stderr.replace(&folder.display().to_string(), "FOLDER"));
        }
    }
    let hosts: String = said.into_iter().step_by(2).collect();
    insta::assert_snapshot!("disk_none", hosts);
}

#[test]
fn whose_settings_are_the_users() {
    let folder = folder("disk-profile");
    windows::write(&folder);
    let wrong = run(command().args(["client", "--profile", "carol", "--disk"]).arg(&folder));
    assert_eq!((wrong.code, wrong.stdout.as_str()), (3, ""));
    assert!(wrong.stderr.contains("alice, bob"), "{}", wrong.stderr);
    let alone = run(command().args(["client", "--profile", "alice"]));
    assert_eq!((alone.code, alone.stderr.lines().count()), (3, 1), "{}", alone.stderr);
    let both = run(command().args(["host", "--facts", "x", "--disk"]).arg(&folder));
    assert_eq!((both.code, both.stderr.lines().count()), (3, 1), "{}", both.stderr);
}
