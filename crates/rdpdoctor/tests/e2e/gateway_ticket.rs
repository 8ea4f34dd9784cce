//! What an RD Gateway says of a Kerberos ticket from MIT's centre, live and in the capture of it.

use std::time::SystemTime;

use rdpdoctor_lab::{Options, fault, start};
use serde_json::Value;

use crate::programs::installed;
use crate::realm::{PROGRAMS, Realm};
use crate::recorder::Recorder;
use crate::support::{cause, command, findings, folder, run};

/// The error of a ticket's answer, the verdict's title, and whose word it is.
fn told(document: &Value) -> (Vec<u64>, &str) {
    let observations = document["observations"].as_array().expect("observations");
    let own = observations.iter().filter(|o| o["kind"] == "ticket-answer");
    let codes = own.clone().map(|o| o["code"].as_u64().expect("an error")).collect();
    assert!(own.clone().all(|o| o["stage"] == "gateway"), "{document}");
    (codes, document["verdict"]["title"].as_str().expect("a title"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_cannot_use_a_ticket() {
    if !installed(&PROGRAMS, "a_gateway_that_cannot_use_a_ticket") {
        return;
    }
    let realm = Realm::new(folder("kerberos-gateway-ticket"), None);
    for (code, words) in [(41, "cannot use this user's Kerberos ticket"), (37, "clocks")] {
        let Some(recorder) = Recorder::start() else { return };
        let place = folder(&format!("gateway-ticket-{code}"));
        let ca_file = place.join("ca.pem");
        let options = Options {
            ca_file: Some(ca_file.clone()),
            ticket_error: Some(code),
            ..Options::default()
        };
        let begun = SystemTime::now();
        let listen = "127.0.0.1:0".parse().expect("an address");
        let gateway = fault("healthy-gateway").expect("a fault");
        let running = start(gateway, listen, options).await.expect("it starts");
        let port = running.address().port();
        let (capture, keys) = (place.join("gateway.pcap"), place.join("keys"));
        let mut check = command();
        check.args(["check", "labpc01.lab.example", "--gateway", &format!("localhost:{port}")]);
        check.args(["-u", "LAB.EXAMPLE\\jo", "--kdc", &format!("127.0.0.1:{}", realm.port())]);
        check.args(["--json", "--no-side", "--timeout", "20", "--keylog"]).arg(&keys);
        check.env("SSL_CERT_FILE", &ca_file).env("XDG_STATE_HOME", &place);
        check.env("RDPDOCTOR_PASSWORD", "Secret-1");
        let checked = tokio::task::spawn_blocking(move || run(&mut check)).await.expect("it ran");
        let recording = recorder.stop();
        std::fs::write(&capture, recording.pcap(port, [begun, SystemTime::now()]))
            .expect("written");
        let document = checked.json();
        let read =
            run(command().arg("read").arg(&capture).arg("--keylog").arg(&keys).arg("--json"));
        for document in [&document, &read.json()] {
            let (codes, title) = told(document);
            assert_eq!(codes, [u64::from(code)], "{document}");
            assert!(title.contains(words), "{title}");
            assert_eq!(cause(document), "gateway.auth-rejected", "{:?}", findings(document));
            assert_eq!(document["verdict"]["proof"], "proven");
        }
    }
}
