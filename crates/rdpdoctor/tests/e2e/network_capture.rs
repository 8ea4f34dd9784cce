//! `check --capture`: what it writes, and that `read` says of it what `check` said.

use std::os::unix::fs::PermissionsExt as _;

use crate::network::{HOST, Network, sh};
use crate::support::{Run, cause, command, findings, folder, run};

fn read(file: &std::path::Path) -> Run {
    run(command().arg("read").arg(file).arg("--json"))
}

#[test]
fn capture_of_a_check() {
    let place = folder("own-captures");
    for (fault, with_secrets) in
        [("healthy-nla", true), ("nego-nla-required", false), ("tls-alert-access-denied", false)]
    {
        let Some(mut network) = Network::make() else { return };
        network.serve(fault);
        let (file, keys) = (place.join(format!("{fault}.pcapng")), place.join("keys"));
        let path = file.display().to_string();
        // What is there is replaced, and whoever could read it cannot read this.
        std::fs::write(&file, "old").expect("it can be written");
        let mut options = vec!["--capture", &path];
        let keys = keys.display().to_string();
        if with_secrets {
            options.extend(["--keylog", &keys]);
        }
        let checked = network.check(HOST, &options);
        assert!(checked.stderr.is_empty(), "{}", checked.stderr);
        let mode = file.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = read(&file);
        let (expected, seen) = (checked.json(), again.json());
        assert_eq!(cause(&seen), cause(&expected), "{fault}: {:?}", findings(&seen));
        assert_eq!(seen["target"]["addresses"], expected["target"]["addresses"]);
    }
}

/// Somebody else's connections are not in it.
#[test]
fn capture_of_nobody_else() {
    let Some(mut network) = Network::make() else { return };
    network.serve("healthy-nla");
    let file = folder("own-captures").join("alone.pcapng");
    let path = file.display().to_string();
    let mut stranger = network.within("c");
    stranger.arg(env!("CARGO_BIN_EXE_rdpdoctor")).args(["check", HOST, "--json", "--no-side"]);
    let stranger = stranger.stdout(std::process::Stdio::piped()).spawn().expect("it runs");
    let checked = network.check(HOST, &["--capture", &path, "--no-side"]);
    let stranger = stranger.wait_with_output().expect("it ends");
    assert!(stranger.status.success());
    let locals = |document: &serde_json::Value| -> Vec<String> {
        let observations = document["observations"].as_array().expect("observations").clone();
        let connections = observations.iter().filter(|o| o["kind"] == "connection");
        connections.map(|o| o["local"].to_string()).collect()
    };
    let stranger = serde_json::from_slice(&stranger.stdout).expect("a document");
    let (own, written) = (locals(&checked.json()), locals(&read(&file).json()));
    assert_eq!(own, written);
    assert!(!written.iter().any(|local| locals(&stranger).contains(local)), "{written:?}");
}

/// Without the right to see packets one line says so, and the check goes on.
#[test]
fn capture_without_rights() {
    let Some(mut network) = Network::make() else { return };
    network.serve("healthy-nla");
    let file = std::env::temp_dir().join(format!("{}.pcapng", network.id));
    let path = file.display().to_string();
    let checked = network.check_unprivileged_with(HOST, &["--capture", &path]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert_eq!(checked.stderr.lines().count(), 1, "{}", checked.stderr);
    assert!(checked.stderr.contains("CAP_NET_RAW"), "{}", checked.stderr);
    assert!(!file.exists());
    let masked = network.check(HOST, &["--capture", &path, "--mask"]);
    assert_eq!(masked.code, 3, "{}", masked.stderr);
}

/// A router cuts the connection in the host's name; its packets have another TTL than the host's.
#[test]
fn capture_of_a_middlebox() {
    let file = folder("own-captures").join("middlebox.pcapng");
    let path = file.display().to_string();
    let Some(mut network) = Network::make() else { return };
    network.serve("healthy-nla");
    sh(&format!("ip netns exec {}h sysctl -qw net.ipv4.ip_default_ttl=128", network.id));
    // Behind a TCP header of 32 bytes the payload of a TLS record begins with 0x16.
    network.router("tcp dport 3389 @th,256,8 0x16 reject with tcp reset");
    let checked = network.check(HOST, &["--timeout", "3", "--capture", &path]);
    for run in [checked, read(&file)] {
        let document = run.json();
        assert_eq!(cause(&document), "net.middlebox-reset", "{:?}", findings(&document));
        assert_eq!(document["verdict"]["proof"], "likely");
        assert!(run.stdout.contains("came with TTL 64"), "{}", run.stdout);
    }
    // The near miss: the host itself resets.
    let Some(mut network) = Network::make() else { return };
    network.serve("tls-key-unavailable-rst");
    let checked = network.check(HOST, &["--timeout", "3", "--capture", &path]);
    for run in [checked, read(&file)] {
        let seen = findings(&run.json());
        assert!(!seen.iter().any(|f| f.starts_with("net.middlebox-reset")), "{seen:?}");
    }
}

/// What is no plain file stays what it is, and is said before anything is tried.
#[test]
fn capture_into_what_is_no_file() {
    let place = folder("own-captures-nowhere");
    let link = place.join("link");
    std::fs::write(place.join("kept"), "kept").expect("it can be written");
    std::os::unix::fs::symlink(place.join("kept"), &link).expect("a link");
    for (path, words) in [
        (place.clone(), "no plain file"),
        (link, "no plain file"),
        (place.join("none/new.pcapng"), "No such file"),
    ] {
        let run = run(command().args(["check", "127.0.0.1:1", "--capture"]).arg(&path));
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{}", run.stderr);
        assert!(run.stderr.contains(words) && run.stderr.lines().count() == 1, "{}", run.stderr);
    }
    let left = std::fs::read_dir(&place).expect("it is there").count();
    assert_eq!(left, 2, "nothing else is left behind");
}
