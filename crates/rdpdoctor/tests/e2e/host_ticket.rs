//! What a host says of a Kerberos ticket from MIT's centre, live and in the capture of it.

use std::time::SystemTime;

use rdpdoctor_lab::{Options, fault, start};
use serde_json::Value;

use crate::programs::installed;
use crate::realm::{PROGRAMS, Realm};
use crate::recorder::Recorder;
use crate::support::{command, findings, folder, run};

/// The errors with which tickets were answered, and where.
fn answers(document: &Value) -> Vec<(u64, &str)> {
    let observations = document["observations"].as_array().expect("observations");
    let own = observations.iter().filter(|o| o["kind"] == "ticket-answer");
    own.map(|o| (o["code"].as_u64().expect("an error"), o["stage"].as_str().expect("a stage")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_cannot_use_a_ticket() {
    if !installed(&PROGRAMS, "a_host_that_cannot_use_a_ticket") {
        return;
    }
    let realm = Realm::new(folder("kerberos-host-ticket"), None);
    for (code, expected) in [
        (41, &["nla.kerberos-failed blocking proven", "nla.trust-broken blocking possible"][..]),
        (37, &["nla.clock-skew blocking proven"]),
        (33, &["nla.clock-skew blocking likely"]),
        (60, &["nla.kerberos-failed blocking proven"]),
    ] {
        let Some(recorder) = Recorder::start() else { return };
        let place = folder(&format!("host-ticket-{code}"));
        let options = Options { ticket_error: Some(code), ..Options::default() };
        let begun = SystemTime::now();
        let listen = "127.0.0.1:0".parse().expect("an address");
        let host = fault("healthy-session").expect("a fault");
        let running = start(host, listen, options).await.expect("it starts");
        let port = running.address().port();
        let (capture, keys) = (place.join("host.pcap"), place.join("keys"));
        let target = format!("localhost:{port}");
        let (user, centre) = ("LAB.EXAMPLE\\jo", format!("127.0.0.1:{}", realm.port()));
        let mut check = command();
        check.args(["check", &target, "-u", user, "--kdc", &centre, "--trust", "any"]);
        check.args(["--json", "--no-side", "--timeout", "20", "--keylog"]).arg(&keys);
        check.env("XDG_STATE_HOME", &place).env("RDPDOCTOR_PASSWORD", "Secret-1");
        let checked = tokio::task::spawn_blocking(move || run(&mut check)).await.expect("it ran");
        let recording = recorder.stop();
        std::fs::write(&capture, recording.pcap(port, [begun, SystemTime::now()]))
            .expect("written");
        let read =
            run(command().arg("read").arg(&capture).arg("--keylog").arg(&keys).arg("--json"));
        for run in [&checked, &read] {
            let document = run.json();
            let found = findings(&document);
            let blocking: Vec<&str> =
                found.iter().map(String::as_str).filter(|f| f.contains(" blocking ")).collect();
            assert_eq!((run.code, blocking), (2, expected.to_vec()), "{code}: {document}");
            assert_eq!(answers(&document), [(u64::from(code), "credssp")], "once, {code}");
            let stages = document["stages"].as_array().expect("stages");
            let row = stages.iter().find(|row| row["stage"] == "credssp").expect("the sign-in");
            assert_eq!(row["status"], "failed");
            let words = format!("the host cannot use the Kerberos ticket (error {code})");
            assert_eq!(row["detail"], words.as_str());
        }
        // Windows does not go on with NTLM behind it.
        assert!(running.record().iter().all(|record| !record.authenticate_received));
    }
}
