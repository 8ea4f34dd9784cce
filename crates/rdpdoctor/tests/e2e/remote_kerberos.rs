//! `--remote` by Kerberos against MIT's: the centre gives the ticket, GSS-API takes it, and both sides
//! seal what passes by HTTP, where nothing else vouches for the host.

use std::path::Path;
use std::process::Command;

use rdpdoctor_lab::WinrmOptions;

use crate::programs::{Server, free_port, installed, serve};
use crate::realm::{PYTHON, Realm, has_gssapi};
use crate::support::{Run, cause, command, findings, folder, run};

/// The service of the realm's host, and its port.
fn service(realm: &Realm, folder: &Path) -> (Server, u16) {
    let table = folder.join("keytab");
    realm.key("HTTP/localhost", &table);
    let output = folder.join("facts");
    std::fs::write(&output, WinrmOptions::default().output).expect("written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/remote_kerberos.py");
    let port = free_port();
    let mut command = Command::new(PYTHON);
    command.arg(script).arg(port.to_string()).arg(&output);
    command.env("KRB5_CONFIG", realm.config()).env("KRB5_KTNAME", &table);
    (serve(&mut command, folder, port), port)
}

fn asked(realm: &Realm, folder: &Path, port: u16, password: &str, more: &[&str]) -> Run {
    let mut command = command();
    command
        .args(["host", "--json", "--remote", &format!("localhost:{port}")])
        .args(["-u", "LAB.EXAMPLE\\jo", "--kdc", &format!("127.0.0.1:{}", realm.port())])
        .args(more)
        .env("XDG_STATE_HOME", folder)
        .env("RDPDOCTOR_PASSWORD", password);
    run(&mut command)
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_open_the_way_and_vouch_for_the_host() {
    const TEST: &str = "tickets_open_the_way_and_vouch_for_the_host";
    if !installed(&["krb5kdc", "kdb5_util", "kadmin.local", "python3"], TEST) {
        return;
    }
    if !has_gssapi(TEST) {
        return;
    }
    let (folder, realm_folder) = (folder("remote-kerberos"), folder("kerberos-remote"));
    let realm = Realm::new(realm_folder, None);
    let (_service, port) = service(&realm, &folder);
    let said = || std::fs::read_to_string(folder.join("output")).expect("its output");

    // The centre judges the password: the host hears nothing of it, and NTLM does not follow.
    let wrong = asked(&realm, &folder, port, "wrong", &[]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (3, ""));
    assert!(wrong.stderr.contains("Kerberos came to nothing"), "{}", wrong.stderr);
    assert_eq!(wrong.stderr.lines().count(), 1, "{}", wrong.stderr);
    assert!(!said().contains("NTLM") && !said().contains("user"), "{}", said());

    // Nobody said --trust any: the ticket tells who answers.
    let run = asked(&realm, &folder, port, "Secret-1", &["--again"]);
    assert_eq!(run.stderr, "", "{}", said());
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    let observations = document["observations"].as_array().expect("observations");
    let mut reasons = observations.iter().filter_map(|o| o["reason"].as_str());
    let way = format!("(HTTP, encrypted, port {port}, Kerberos)");
    assert!(reasons.any(|reason| reason.ends_with(&way)), "{way}");
    let purposes: Vec<_> = observations.iter().filter_map(|o| o["purpose"].as_str()).collect();
    assert!(purposes.contains(&"kerberos") && purposes.contains(&"host-facts"), "{purposes:?}");
    let lines = said();
    assert!(lines.contains("user jo@LAB.EXAMPLE\nCreate\nCommand\nSend\n"), "{lines}");
    assert!(lines.ends_with("Signal\nDelete\n") && !lines.contains("error Assertion"), "{lines}");
}
