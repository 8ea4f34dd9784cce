//! Signing in by Kerberos against MIT's key distribution centre: what it says about a user, a
//! password, a clock and a service, before any server hears of it; and a server that takes the ticket.

use std::net::SocketAddr;

use rdpdoctor_lab::{Options, Running, fault, start};
use serde_json::Value;

use crate::programs::installed;
use crate::realm::{PROGRAMS, Realm, has_gssapi};
use crate::support::{Run, cause, command, findings, folder, run};

/// Signs in at the lab's server, which is in no domain.
fn signing_in(realm: &Realm, server: &Running, user: &str, password: &str, more: &[&str]) -> Run {
    let target = format!("localhost:{}", server.address().port());
    let mut command = command();
    command
        .args(["check", &target, "--json", "--no-side", "--trust", "any"])
        .args(["-u", &format!("LAB.EXAMPLE\\{user}")])
        .args(["--kdc", &format!("127.0.0.1:{}", realm.port())])
        .args(more)
        .env("XDG_STATE_HOME", realm.folder())
        .env("RDPDOCTOR_PASSWORD", password);
    run(&mut command)
}

async fn lab() -> Running {
    let any_port = ([127, 0, 0, 1], 0).into();
    let fault = fault("healthy-session").expect("a fault");
    start(fault, any_port, Options::default()).await.expect("it starts")
}

fn count(document: &Value, kind: &str) -> usize {
    let observations = document["observations"].as_array().expect("observations");
    observations.iter().filter(|o| o["kind"] == kind).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_centre_says_of_users() {
    if !installed(&PROGRAMS, "what_the_centre_says_of_users") {
        return;
    }
    let server = lab().await;
    let realm = Realm::new(folder("kerberos-users"), None);
    for (user, password, expected) in [
        ("jo", "wrong", "nla.credentials-rejected blocking proven"),
        ("expired", "Secret-1", "nla.password-expired blocking likely"),
        ("change", "Secret-1", "nla.password-expired blocking likely"),
        ("locked", "Secret-1", "nla.account-locked blocking possible"),
    ] {
        let run = signing_in(&realm, &server, user, password, &[]);
        let document = run.json();
        let found = findings(&document);
        assert!(run.code == 2 && found[0] == expected, "{user}: {} {found:?}", run.code);
        // The centre judged the user: nothing was sent to the server, and NTLM did not follow.
        assert_eq!(count(&document, "credential-sent"), 0, "{user}");
        assert_eq!(count(&document, "ntlm-challenge"), 0, "{user}");
    }
    // The memory holds for Kerberos too.
    let run = signing_in(&realm, &server, "jo", "Secret-1", &[]);
    assert_eq!((run.code, count(&run.json(), "kerberos-error")), (3, 0));

    // A ticket, for which this server has no use: NTLM follows on a connection of its own.
    let run = signing_in(&realm, &server, "jo", "Secret-1", &["--again"]);
    let document = run.json();
    assert_eq!(count(&document, "kerberos-ticket"), 2, "{:?}", findings(&document));
    assert_eq!(cause(&document), "nla.credentials-rejected", "the lab has no user of that name");
    // Where Kerberos alone was asked for, it does not.
    let run = signing_in(&realm, &server, "jo", "Secret-1", &["--again", "--auth", "kerberos"]);
    assert_eq!(count(&run.json(), "ntlm-challenge"), 0);
    // Nobody of that name: Windows goes on with NTLM, and both answers are kept.
    let run = signing_in(&realm, &server, "nobody", "Secret-1", &["--again"]);
    let document = run.json();
    assert_eq!(count(&document, "kerberos-error"), 1);
    assert_eq!((run.code, cause(&document)), (2, "nla.credentials-rejected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_and_a_centre_that_is_not_there() {
    if !installed(&PROGRAMS, "a_clock_that_is_off_and_a_centre_that_is_not_there") {
        return;
    }
    let server = lab().await;
    let realm = Realm::new(folder("kerberos-clock"), Some("+20m"));
    let run = signing_in(&realm, &server, "jo", "Secret-1", &[]);
    let document = run.json();
    // The centre says how its clock stands, and the client goes by it, as Windows does.
    let found = findings(&document);
    assert_eq!(count(&document, "kerberos-error"), 1, "{found:?}");
    assert_eq!(count(&document, "kerberos-ticket"), 2, "{found:?}");
    assert!(found.contains(&"nla.clock-skew warning proven".to_owned()), "{found:?}");

    let nowhere = realm.out_of_reach();
    let run = signing_in(&nowhere, &server, "lab", rdpdoctor_lab::PASSWORD, &[]);
    let document = run.json();
    // NTLM signs in: that Kerberos was not to be had is no more than a remark.
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    assert!(findings(&document).contains(&"nla.kerberos-failed info proven".to_owned()));
    let only =
        signing_in(&nowhere, &server, "lab", rdpdoctor_lab::PASSWORD, &["--auth", "kerberos"]);
    assert_eq!((only.code, cause(&only.json())), (2, "nla.kerberos-failed"));
}

/// The centre is asked for the gateway as well: for `HTTP/` and its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_for_the_gateway() {
    if !installed(&PROGRAMS, "a_ticket_for_the_gateway") {
        return;
    }
    let any_port = ([127, 0, 0, 1], 0).into();
    let gateway = fault("healthy-gateway").expect("a fault");
    let gateway = start(gateway, any_port, Options::default()).await.expect("it starts");
    let place = format!("localhost:{}", gateway.address().port());
    let more = ["--gateway", &place, "--again"];
    let realm = Realm::new(folder("kerberos-gateway"), None);

    // The password is judged by the centre: nothing is sent to the gateway.
    let document = signing_in(&realm, &gateway, "jo", "wrong", &more).json();
    assert_eq!(findings(&document)[0], "gateway.auth-rejected blocking proven");
    assert_eq!(count(&document, "credential-sent"), 0);
    assert!(gateway.record().iter().all(|record| !record.authenticate_received));

    // A ticket, which this gateway does not take; no proof by NTLM follows it.
    let document = signing_in(&realm, &gateway, "jo", "Secret-1", &more).json();
    let observations = document["observations"].as_array().expect("observations");
    let of_kind = |kind: &str| observations.iter().find(|o| o["kind"] == kind);
    let sent = of_kind("credential-sent").expect("it was sent");
    assert_eq!((&sent["mechanism"], &sent["stage"]), (&"kerberos".into(), &"gateway".into()));
    let tickets = observations.iter().filter(|o| o["kind"] == "kerberos-ticket");
    assert!(tickets.clone().any(|o| o["service"] == "HTTP/localhost"));
    assert_eq!(cause(&document), "gateway.auth-rejected", "{:?}", findings(&document));
    let headers: String = gateway
        .record()
        .iter()
        .map(|r| String::from_utf8_lossy(&r.above_tls).into_owned())
        .collect();
    // GSS-API's frame with SPNEGO inside begins so in Base64 (RFC 4178 4.2).
    assert!(headers.contains("Negotiate YI"), "{headers}");
    assert!(gateway.record().iter().all(|record| !record.authenticate_received));

    // Without a centre NTLM opens the way.
    let nowhere = realm.out_of_reach();
    let run = signing_in(&nowhere, &gateway, "lab", rdpdoctor_lab::PASSWORD, &more);
    let document = run.json();
    let stages = document["stages"].as_array().expect("stages");
    // Its certificate is not trusted here, which `--trust any` makes a warning of.
    assert_eq!((&stages[0]["stage"], &stages[0]["status"]), (&"gateway".into(), &"warned".into()));
    assert!(gateway.record().iter().any(|record| record.authenticate_received));
}

/// A server of the lab that takes tickets, whoever has the keys for that.
async fn taking_tickets(name: &str, tickets: SocketAddr) -> Running {
    let any_port = ([127, 0, 0, 1], 0).into();
    let options = Options { tickets: Some(tickets), ..Options::default() };
    start(fault(name).expect("a fault"), any_port, options).await.expect("it starts")
}

/// A ticket that is taken: CredSSP to its end, and no NTLM.
#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_signs_in() {
    if !installed(&PROGRAMS, "a_ticket_signs_in") || !has_gssapi("a_ticket_signs_in") {
        return;
    }
    let realm = Realm::new(folder("kerberos-taken"), None);
    let place = folder("kerberos-taken-by");
    let (_taker, tickets) = realm.take_tickets("TERMSRV/localhost", &place);
    let signing_in = |server: &Running, more: &[&str]| {
        signing_in(&realm, server, rdpdoctor_lab::USER, rdpdoctor_lab::PASSWORD, more)
    };

    let server = taking_tickets("healthy-session", tickets).await;
    let run = signing_in(&server, &["--yes", "--logon"]);
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    let title = &document["verdict"]["title"];
    assert!(title.as_str().expect("text").contains("sign-in and session work"), "{title}");
    assert_eq!((count(&document, "credential-sent"), count(&document, "ntlm-challenge")), (1, 0));
    assert_eq!(count(&document, "credentials-delegated"), 1);
    let record = server.record().pop().expect("a connection");
    assert!(record.ticket_taken && record.credentials_received && !record.authenticate_received);
    let said = std::fs::read_to_string(place.join("output")).expect("its output");
    assert!(said.contains("user lab@LAB.EXAMPLE") && !said.contains("error"), "{said}");

    // Nothing is handed over.
    let run = signing_in(&server, &["--restricted-admin"]);
    assert_eq!((run.code, cause(&run.json())), (0, "healthy"), "{:?}", findings(&run.json()));
    let record = server.record().pop().expect("a connection");
    assert!(record.ticket_taken && !record.credentials_received);

    // Whoever takes the ticket proves another key: the password stays.
    let server = taking_tickets("nla-public-key-mismatch", tickets).await;
    let run = signing_in(&server, &[]);
    assert_eq!((run.code, cause(&run.json())), (2, "nla.public-key-mismatch"));
    let record = server.record().pop().expect("a connection");
    assert!(record.ticket_taken && !record.credentials_received);
}
