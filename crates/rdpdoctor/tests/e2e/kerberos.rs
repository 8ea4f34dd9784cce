//! Signing in by Kerberos against MIT's key distribution centre: what it says about a user, a
//! password, a clock and a service, before any server hears of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use rdpdoctor_lab::{Options, Running, fault, start};
use serde_json::Value;

use crate::programs::{Server, free_port, installed, serve};
use crate::support::{Run, cause, command, findings, folder, run};

pub const PROGRAMS: [&str; 4] = ["krb5kdc", "kdb5_util", "kadmin.local", "faketime"];

/// The accounts, and the options with which they are made.
const ACCOUNTS: [(&str, &str); 6] = [
    ("jo", "-pw Secret-1"),
    ("expired", "-pw Secret-1 -pwexpire 2020-01-01"),
    ("change", "-pw Secret-1 +needchange"),
    ("locked", "-pw Secret-1 -allow_tix"),
    ("TERMSRV/localhost", "-randkey"),
    ("HTTP/localhost", "-randkey"),
];

/// A realm of its own with its centre on loopback.
pub struct Realm {
    folder: PathBuf,
    port: u16,
    _centre: Server,
}

impl Realm {
    /// `shift` is what the centre's clock is off, as `faketime` takes it.
    pub fn new(name: &str, shift: Option<&str>) -> Self {
        let folder = folder(&format!("kerberos-{name}"));
        let port = free_port();
        let place = folder.display();
        let client = format!(
            "[libdefaults]\n default_realm = LAB.EXAMPLE\n dns_lookup_kdc = false\n[realms]\n LAB.EXAMPLE = {{ kdc = 127.0.0.1:{port} }}\n"
        );
        let server = format!(
            "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n[realms]\n LAB.EXAMPLE = {{\n  database_name = {place}/principal\n  key_stash_file = {place}/stash\n  default_principal_flags = +preauth\n }}\n[logging]\n kdc = FILE:{place}/kdc.log\n"
        );
        std::fs::write(folder.join("krb5.conf"), client).expect("a file");
        std::fs::write(folder.join("kdc.conf"), server).expect("a file");
        let tool = |program: &str, arguments: &[&str]| {
            let mut tool = administrator(&folder, program);
            let output = tool.args(arguments).output().expect("it runs");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{program}: {said}");
        };
        tool("kdb5_util", &["create", "-s", "-P", "master"]);
        for (account, options) in ACCOUNTS {
            tool("kadmin.local", &["-q", &format!("addprinc {options} {account}")]);
        }
        let mut centre = administrator(&folder, "krb5kdc");
        if let Some(shift) = shift {
            // Not by the program `faketime`: it stays in between, and the centre would outlive it.
            centre.env("LD_PRELOAD", faketime()).env("FAKETIME", shift);
        }
        let centre = serve(centre.arg("-n"), &folder, port);
        Self { folder, port, _centre: centre }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The file that tells a program of the realm.
    pub fn config(&self) -> PathBuf {
        self.folder.join("krb5.conf")
    }

    /// Writes a service's key to a table, as a server has it.
    pub fn key(&self, service: &str, table: &Path) {
        let question = format!("ktadd -norandkey -k {} {service}", table.display());
        let done = administrator(&self.folder, "kadmin.local").args(["-q", &question]).output();
        assert!(done.expect("it runs").status.success() && table.exists(), "no key of {service}");
    }

    /// Signs in at the lab's server, which is in no domain.
    fn signing_in(&self, server: &Running, user: &str, password: &str, more: &[&str]) -> Run {
        let target = format!("localhost:{}", server.address().port());
        let mut command = command();
        command
            .args(["check", &target, "--json", "--no-side", "--trust", "any"])
            .args(["-u", &format!("LAB.EXAMPLE\\{user}")])
            .args(["--kdc", &format!("127.0.0.1:{}", self.port)])
            .args(more)
            .env("XDG_STATE_HOME", &self.folder)
            .env("RDPDOCTOR_PASSWORD", password);
        run(&mut command)
    }
}

fn administrator(folder: &Path, program: &str) -> Command {
    let path = format!("/usr/sbin:/usr/bin:{}", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    command.env("PATH", path);
    command.env("KRB5_CONFIG", folder.join("krb5.conf"));
    command.env("KRB5_KDC_PROFILE", folder.join("kdc.conf"));
    command
}

/// The library of Debian's faketime, in the folder of this machine's architecture.
fn faketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("the libraries").flatten();
    let mut found = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    found.find(|library| library.exists()).expect("libfaketime")
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
    let realm = Realm::new("users", None);
    for (user, password, expected) in [
        ("jo", "wrong", "nla.credentials-rejected blocking proven"),
        ("expired", "Secret-1", "nla.password-expired blocking likely"),
        ("change", "Secret-1", "nla.password-expired blocking likely"),
        ("locked", "Secret-1", "nla.account-locked blocking possible"),
    ] {
        let run = realm.signing_in(&server, user, password, &[]);
        let document = run.json();
        let found = findings(&document);
        assert!(run.code == 2 && found[0] == expected, "{user}: {} {found:?}", run.code);
        // The centre judged the user: nothing was sent to the server, and NTLM did not follow.
        assert_eq!(count(&document, "credential-sent"), 0, "{user}");
        assert_eq!(count(&document, "ntlm-challenge"), 0, "{user}");
    }
    // The memory holds for Kerberos too.
    let run = realm.signing_in(&server, "jo", "Secret-1", &[]);
    assert_eq!((run.code, count(&run.json(), "kerberos-error")), (3, 0));

    // A ticket, for which this server has no use: NTLM follows on a connection of its own.
    let run = realm.signing_in(&server, "jo", "Secret-1", &["--again"]);
    let document = run.json();
    assert_eq!(count(&document, "kerberos-ticket"), 2, "{:?}", findings(&document));
    assert_eq!(cause(&document), "nla.credentials-rejected", "the lab has no user of that name");
    // Where Kerberos alone was asked for, it does not.
    let run = realm.signing_in(&server, "jo", "Secret-1", &["--again", "--auth", "kerberos"]);
    assert_eq!(count(&run.json(), "ntlm-challenge"), 0);
    // Nobody of that name: Windows goes on with NTLM, and both answers are kept.
    let run = realm.signing_in(&server, "nobody", "Secret-1", &["--again"]);
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
    let realm = Realm::new("clock", Some("+20m"));
    let run = realm.signing_in(&server, "jo", "Secret-1", &[]);
    let document = run.json();
    // The centre says how its clock stands, and the client goes by it, as Windows does.
    let found = findings(&document);
    assert_eq!(count(&document, "kerberos-error"), 1, "{found:?}");
    assert_eq!(count(&document, "kerberos-ticket"), 2, "{found:?}");
    assert!(found.contains(&"nla.clock-skew warning proven".to_owned()), "{found:?}");

    let nowhere = Realm { port: free_port(), ..realm };
    let run = nowhere.signing_in(&server, "lab", rdpdoctor_lab::PASSWORD, &[]);
    let document = run.json();
    // NTLM signs in: that Kerberos was not to be had is no more than a remark.
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    assert!(findings(&document).contains(&"nla.kerberos-failed info proven".to_owned()));
    let only = nowhere.signing_in(&server, "lab", rdpdoctor_lab::PASSWORD, &["--auth", "kerberos"]);
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
    let realm = Realm::new("gateway", None);

    // The password is judged by the centre: nothing is sent to the gateway.
    let document = realm.signing_in(&gateway, "jo", "wrong", &more).json();
    assert_eq!(findings(&document)[0], "gateway.auth-rejected blocking proven");
    assert_eq!(count(&document, "credential-sent"), 0);
    assert!(gateway.record().iter().all(|record| !record.authenticate_received));

    // A ticket, which this gateway does not take; no proof by NTLM follows it.
    let document = realm.signing_in(&gateway, "jo", "Secret-1", &more).json();
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
    let nowhere = Realm { port: free_port(), ..realm };
    let run = nowhere.signing_in(&gateway, "lab", rdpdoctor_lab::PASSWORD, &more);
    let document = run.json();
    let stages = document["stages"].as_array().expect("stages");
    // Its certificate is not trusted here, which `--trust any` makes a warning of.
    assert_eq!((&stages[0]["stage"], &stages[0]["status"]), (&"gateway".into(), &"warned".into()));
    assert!(gateway.record().iter().any(|record| record.authenticate_received));
}
