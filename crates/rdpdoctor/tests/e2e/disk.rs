//! `host --disk` and `client --disk`: the disk of a Windows that does not run.

use std::path::Path;

use serde_json::Value;

use crate::support::{Run, cause, command, findings, folder, run};

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
        Ok(image) => {
            assert_judged(&image);
            // Each cause by its name: the switch, the certificate's end, the list of its key's file.
            insta::assert_snapshot!(
                "disk_image_findings",
                findings(&disk("host", &image).json()).join("\n")
            );
            let text = run(command().args(["host", "--disk"]).arg(&image));
            assert_eq!((text.code, text.stderr.as_str()), (2, ""));
            insta::assert_snapshot!("disk_image", text.stdout);
            let details = run(command().args(["host", "--details", "--disk"]).arg(&image)).stdout;
            for cause in ["host.certificate-expired", "host.certificate-key-permissions"] {
                assert!(details.contains(cause), "{details}");
            }
        }
        Err(why) => println!("skipped, no NTFS volume can be made: {why}"),
    }
}

/// What the image test finds, each alone: nothing hides behind the switch.
#[test]
fn a_certificate_that_ended_and_a_key_that_nobody_may_read_are_causes_of_their_own() {
    let folder = folder("disk-image-on");
    let image = match windows::volume_with(&folder, 0) {
        Ok(image) => image,
        Err(why) => return println!("skipped, no NTFS volume can be made: {why}"),
    };
    let document = disk("host", &image).json();
    let of = |id: &str| {
        let all = document["findings"].as_array().expect("findings");
        all.iter().find(|finding| finding["cause"] == id).cloned().unwrap_or_else(|| panic!("{id}"))
    };
    let key = of("host.certificate-key-permissions");
    assert_eq!((&key["severity"], &key["proof"]), (&"blocking".into(), &"proven".into()));
    let certificate = of("host.certificate-expired");
    assert_eq!(certificate["proof"], "proven", "{certificate}");
    assert_eq!(cause(&document), "host.certificate-key-permissions");
}

fn fix(disk: &Path, more: &[&str]) -> Run {
    run(command().args(["host", "fix", "--disk"]).arg(disk).args(more))
}

/// A value is written as a command file with its way back; nothing on the disk is touched.
#[test]
fn a_disk_is_mended_by_a_command_file() {
    let folder = folder("disk-fix");
    let mount = folder.join("mount");
    windows::write(&mount);
    let hive = mount.join("Windows/System32/config/SYSTEM");
    let before = std::fs::read(&hive).expect("a hive");
    let shown = fix(&mount, &[]);
    assert_eq!((shown.code, shown.stderr.as_str()), (3, ""));
    insta::assert_snapshot!("disk_fix", shown.stdout);

    let to = folder.join("mend.cmd");
    let written = fix(&mount, &["--script-out", to.to_str().expect("a path")]);
    assert_eq!((written.code, written.stderr.as_str()), (3, ""));
    let next: Vec<&str> = written.stdout.lines().rev().take(3).collect();
    assert!(next.join(" ").contains("mend-undo.cmd D:\\Windows"), "{}", written.stdout);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a command file");
    insta::assert_snapshot!("disk_fix_cmd", read("mend.cmd").replace('\r', ""));
    insta::assert_snapshot!("disk_fix_undo_cmd", read("mend-undo.cmd").replace('\r', ""));
    let json = fix(&mount, &["--json"]).json();
    assert_eq!(json["outcome"], "planned");
    assert_eq!(json["command_files"]["apply"], read("mend.cmd"));
    assert_eq!(std::fs::read(&hive).expect("a hive"), before, "nobody writes to a disk");

    for more in [&["--apply"][..], &["--apply", "--yes"]] {
        let refused = fix(&mount, more);
        assert_eq!((refused.code, refused.stdout.as_str()), (3, ""));
        assert!(refused.stderr.contains("--script-out"), "{}", refused.stderr);
        assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    }
    let facts = run(command().args(["host", "fix", "--facts", "x", "--script-out", "y"]));
    assert_eq!((facts.code, facts.stderr.lines().count()), (3, 1), "{}", facts.stderr);
}

/// What is no value of the registry is refused, and why.
#[test]
fn what_a_command_file_cannot_mend_is_refused_by_name() {
    let folder = folder("disk-fix-refused");
    let image = match windows::volume_with(&folder, 0) {
        Ok(image) => image,
        Err(why) => return println!("skipped, no NTFS volume can be made: {why}"),
    };
    let shown = fix(&image, &[]);
    assert_eq!((shown.code, shown.stderr.as_str()), (3, ""));
    insta::assert_snapshot!("disk_fix_refused", shown.stdout);
    let to = folder.join("mend.cmd");
    let nothing = fix(&image, &["--script-out", to.to_str().expect("a path")]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (3, ""));
    assert_eq!(nothing.stderr.lines().count(), 1, "{}", nothing.stderr);
    assert!(!to.exists());
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
