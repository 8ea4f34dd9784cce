//! Bastions: those of an administrator's list.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use rdpdoctor_lab::{Options, Running, fault, start};
use serde_json::Value;

use crate::support::{Run, cause, command, findings, folder, run};

async fn lab(name: &str, ca_file: Option<PathBuf>) -> Running {
    let listen: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let options = Options { ca_file, ..Options::default() };
    start(fault(name).expect("a fault"), listen, options).await.expect("it starts")
}

async fn answer(mut command: Command) -> Run {
    tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ran")
}

fn checking(target: &str, list: Option<&Path>) -> Command {
    let mut command = command();
    command.args(["check", target, "--json", "--no-side", "--timeout", "4"]);
    if let Some(list) = list {
        command.arg("--bastions").arg(list);
    }
    command
}

fn list(folder: &Path, text: &str) -> PathBuf {
    let file = folder.join("bastions.toml");
    std::fs::write(&file, text).expect("a file");
    file
}

fn seen<'a>(document: &'a Value, kind: &str) -> Vec<&'a Value> {
    let observations = document["observations"].as_array().expect("observations");
    observations.iter().filter(|o| o["kind"] == kind).collect()
}

fn in_path(document: &Value) -> Option<(String, String)> {
    let findings = document["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["cause"] == "pam.in-path")?;
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    Some((text("proof"), text("title")))
}

/// By fingerprint it is proven, by issuer or name likely; a hop changes neither status nor exit code.
#[tokio::test(flavor = "multi_thread")]
async fn a_listed_bastion_is_a_hop() {
    let folder = folder("bastion-listed");
    let running = lab("healthy-ca-certificate", None).await;
    let target = running.address().to_string();
    let plain = answer(checking(&target, None)).await;
    let document = plain.json();
    assert_eq!(in_path(&document), None);
    let certificate = &seen(&document, "server-certificates")[0]["certificates"][0];
    let text = |key: &str| certificate[key].as_str().expect("a text").to_owned();
    let (sha256, sha1, issuer) = (text("sha256"), text("sha1"), text("issuer"));
    let common = issuer.split(['=', ',']).nth(1).expect("a common name");
    let title = "Jump 1 ends the connection and makes its own to the host".to_owned();
    let other = "11".repeat(32);
    for (row, proof) in [
        (format!("fingerprint = '{}'", sha256.to_uppercase()), Some("proven")),
        (format!("fingerprint = ['{other}', '{sha1}']"), Some("proven")),
        (format!("issuer = '{common}'"), Some("likely")),
        ("name = '127.0.*'".to_owned(), Some("likely")),
        (format!("name = '127.0.0.1'\nfingerprint = '{other}'"), None),
        ("name = '127.0.0.2'".to_owned(), None),
        ("issuer = 'Another CA'".to_owned(), None),
    ] {
        let file = list(&folder, &format!("[[bastion]]\nlabel = 'Jump 1'\n{row}\n"));
        let run = answer(checking(&target, Some(&file))).await;
        let document = run.json();
        assert_eq!(run.code, plain.code, "{row}");
        assert_eq!(document["verdict"]["cause"], plain.json()["verdict"]["cause"], "{row}");
        let wanted = proof.map(|proof| (proof.to_owned(), title.clone()));
        assert_eq!(in_path(&document), wanted, "{row}: {:?}", findings(&document));
    }
}

/// What was recognised stays so in the document; a saved one can be held against a list later on;
/// nothing of the rest of the list is in it, and masked nobody's name.
#[tokio::test(flavor = "multi_thread")]
async fn a_listed_bastion_in_saved_documents() {
    let folder = folder("bastion-saved");
    let running = lab("healthy-nla", None).await;
    let target = running.address().to_string();
    let text = "[[bastion]]\nlabel = 'Jump of Umbrella'\nname = '127.0.0.1'\n\
                [[bastion]]\nlabel = 'Elsewhere'\nname = 'secret.corp.example'\n";
    let file = list(&folder, text);
    let (bare, known) = (folder.join("bare.json"), folder.join("known.json"));
    let mut command = checking(&target, None);
    command.arg("-o").arg(&bare);
    answer(command).await;
    let mut command = checking(&target, Some(&file));
    command.arg("--mask").arg("-o").arg(&known);
    answer(command).await;
    let read = |document: &Path, list: Option<&Path>| {
        let mut command = crate::support::command();
        command.args(["read", "--json"]).arg(document);
        if let Some(list) = list {
            command.arg("--bastions").arg(list);
        }
        command
    };
    assert_eq!(in_path(&answer(read(&bare, None)).await.json()), None);
    let later = answer(read(&bare, Some(&file))).await;
    assert!(in_path(&later.json()).is_some_and(|(_, title)| title.contains("Umbrella")));
    let masked = answer(read(&known, None)).await;
    assert!(in_path(&masked.json()).is_some(), "{}", masked.stdout);
    assert!(!masked.stdout.contains("Umbrella"), "{}", masked.stdout);
    assert!(!later.stdout.contains("secret.corp"), "{}", later.stdout);
    // Held against the list once more it is there once.
    let whole = folder.join("whole.json");
    std::fs::write(&whole, &later.stdout).expect("a file");
    let again = answer(read(&whole, Some(&file))).await.json();
    assert_eq!(seen(&again, "listed-bastion").len(), 1);
}

/// One line, and for a list that was named exit code 3; one at the usual place ends nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_read() {
    let folder = folder("bastion-bad");
    let running = lab("healthy-nla", None).await;
    let target = running.address().to_string();
    let bad = list(&folder, "[[bastion]]\nlabel = 'x'\nnmae = 'y'\n");
    let missing = folder.join("missing.toml");
    for file in [&bad, &missing, &folder] {
        let run = answer(checking(&target, Some(file))).await;
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        assert!(run.stderr.contains(file.to_str().expect("UTF-8")), "{}", run.stderr);
    }
    let usual = folder.join("rdpdoctor");
    std::fs::create_dir_all(&usual).expect("a folder");
    std::fs::copy(&bad, usual.join("bastions.toml")).expect("a copy");
    let mut command = checking(&target, None);
    let run = answer({
        command.env("XDG_CONFIG_HOME", &folder);
        command
    })
    .await;
    assert_eq!((run.code, cause(&run.json())), (0, "healthy"), "{run:?}");
    assert!(run.stderr.contains("line 3") && run.stderr.contains("nmae"), "{}", run.stderr);
    std::fs::write(
        usual.join("bastions.toml"),
        "[[bastion]]\nlabel = 'Jump 1'\nname = '127.0.0.1'\n",
    )
    .expect("a file");
    let mut command = checking(&target, None);
    command.env("XDG_CONFIG_HOME", &folder);
    let run = answer(command).await;
    assert!(in_path(&run.json()).is_some(), "{}", run.stdout);
}

/// A bastion's own half is in order: a host's answer that it passes on is not for this client.
#[tokio::test(flavor = "multi_thread")]
async fn a_hosts_refusal_that_a_listed_bastion_passes_on() {
    let folder = folder("bastion-mismatch");
    let file = list(&folder, "[[bastion]]\nlabel = 'Jump 1'\nname = '127.0.0.1'\n");
    for (fault, wanted, leads) in [
        ("nego-nla-required", "pam.backend-security-mismatch blocking likely", true),
        ("nego-closed-fin", "pam.backend-refused blocking possible", false),
    ] {
        let running = lab(fault, None).await;
        let target = running.address().to_string();
        let document = answer(checking(&target, Some(&file))).await.json();
        let found = findings(&document);
        assert_eq!(found[0] == wanted, leads, "{fault}: {found:?}");
        assert!(found.contains(&wanted.to_owned()), "{fault}: {found:?}");
        let other = found.iter().any(|found| found.starts_with("nego."));
        assert!(other, "what it would be without a bastion is said too: {found:?}");
        let tests = document["next_tests"].to_string();
        assert!(tests.contains("from the bastion's own network"), "{tests}");
        let bare = answer(checking(&target, None)).await.json();
        assert!(!findings(&bare).iter().any(|found| found.starts_with("pam.")), "{fault}");
    }
}
