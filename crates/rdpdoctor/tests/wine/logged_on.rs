//! Who is logged on signs in by SSPI. Wine's Kerberos is MIT's library: who is logged on there is whose
//! tickets lie where that looks for them. Its NTLM is Samba's `ntlm_auth`, which would ask winbind for what
//! the user typed once; one that stands before it gives a password instead. What Wine cannot show: SPNEGO,
//! which it leaves out, so that Windows' own choice between both is not seen.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rdpdoctor_lab::{Options, PASSWORD, Running, USER, fault, start};
use serde_json::Value;

use crate::check::{observation, status};
use crate::host::observations;
use crate::realm::Realm;
use crate::wine::{Run, Wine};

/// Samba's.
const NTLM_AUTH: &str = "/usr/bin/ntlm_auth";

/// A server of the lab with a certificate that GnuTLS takes, and its runtime.
fn taking_tickets(
    name: &str,
    tickets: SocketAddr,
    authority: &Path,
) -> (tokio::runtime::Runtime, Running) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let fault = fault(name).unwrap_or_else(|| panic!("no fault {name}"));
    let options = Options {
        ca_file: Some(authority.to_owned()),
        tickets: Some(tickets),
        ..Options::default()
    };
    let listen = "127.0.0.1:0".parse().expect("an address");
    let running = runtime.block_on(start(fault, listen, options)).expect("the fault starts");
    (runtime, running)
}

/// A check without a name, by Windows' own engine, with these tickets.
fn check(wine: &Wine, realm: &Realm, tickets: &Path, arguments: &[&str]) -> Run {
    let mut command = wine.command();
    command.env("KRB5_CONFIG", realm.config()).env("KRB5CCNAME", tickets);
    command.args(["check", "--json", "--no-side", "--engine", "native"]).args(arguments);
    Run::of(&mut command)
}

fn reason<'a>(document: &'a Value, stage: &str) -> &'a str {
    let stages = document["stages"].as_array().expect("stages");
    let stage = stages.iter().find(|entry| entry["stage"] == stage).expect("the stage");
    stage["detail"].as_str().unwrap_or_default()
}

/// The server takes the ticket and proves its key. There is nothing to hand over: the client leaves, and
/// says how far that goes. With Restricted Admin it goes on.
pub fn a_ticket_of_who_is_logged_on(wine: &Wine) {
    let folder = wine.new_folder("logged-on");
    let place = |name: &str| wine.new_folder(&format!("logged-on/{name}"));
    let realm = Realm::new(place("realm"), None);
    let (_taker, takes) = realm.take_tickets("TERMSRV/localhost", &place("taker"));
    let tickets = realm.log_on("jo", "Secret-1");
    let (_runtime, server) =
        taking_tickets("healthy-ec-certificate", takes, &folder.join("ca.pem"));
    let target = format!("localhost:{}", server.address().port());

    // Nobody vouches for the certificate: the ticket does.
    let run = check(wine, &realm, &tickets, &[&target, "--logon"]);
    let document = run.json();
    assert_eq!((run.code, &document["verdict"]["cause"]), (0, &Value::Null), "{run:?}");
    let title = document["verdict"]["title"].as_str().expect("text");
    assert!(title.contains("takes who is logged on here; whether it lets them in"), "{title}");
    let began = observation(&document, "system-sign-in");
    assert_eq!((&began["library"], &began["package"]), (&"SSPI".into(), &"Negotiate".into()));
    assert_eq!(began["service"], "TERMSRV/localhost");
    let user = began["user"].as_str().expect("text").to_owned();
    assert_eq!(observation(&document, "credential-release")["reason"], "kerberos-authenticates");
    assert_eq!(observation(&document, "credential-sent")["mechanism"], "kerberos");
    assert_eq!(observation(&document, "public-key-binding")["matches"], true);
    assert_eq!(observation(&document, "credentials-kept")["mechanism"], "kerberos");
    assert!(observations(&document, "credentials-delegated").is_empty());
    assert_eq!(status(&document, "credssp"), &Value::from("ok"));
    assert!(reason(&document, "credssp").contains(&format!("as {user}, who is logged on")));
    for stage in ["mcs", "licensing", "session", "desktop"] {
        assert_eq!(status(&document, stage), &Value::from("skipped"), "{stage}");
        assert!(reason(&document, stage).contains("Windows gives nobody the password"), "{stage}");
    }
    let record = server.record().pop().expect("a connection");
    assert!(record.ticket_taken && !record.credentials_received && !record.authenticate_received);
    let said = std::fs::read_to_string(place("taker").join("output")).expect("its output");
    assert!(said.contains("user jo@LAB.EXAMPLE") && !said.contains("error"), "{said}");

    // The same by the package of that name; and nothing of it can be a picture.
    let run = check(wine, &realm, &tickets, &[&target, "--logon", "--auth", "kerberos"]);
    assert_eq!(
        (run.code, &observation(&run.json(), "system-sign-in")["package"]),
        (0, &"Kerberos".into())
    );
    let run = check(wine, &realm, &tickets, &[&target, "--desktop", "picture.png"]);
    assert_eq!((run.code, run.stdout.as_str()), (3, ""));
    assert!(run.stderr.contains("--desktop needs -u NAME or --restricted-admin"), "{}", run.stderr);

    let more = [target.as_str(), "--logon", "--restricted-admin", "--yes"];
    let run = check(wine, &realm, &tickets, &more);
    let document = run.json();
    assert_eq!((run.code, &document["verdict"]["cause"]), (0, &Value::Null), "{run:?}");
    assert!(observations(&document, "credentials-kept").is_empty());
    assert_eq!(observations(&document, "credentials-delegated").len(), 1);
    assert_eq!(status(&document, "session"), &Value::from("ok"));
    let record = server.record().pop().expect("a connection");
    assert!(record.ticket_taken && !record.credentials_received);

    let masked = check(wine, &realm, &tickets, &[&target, "--logon", "--mask"]);
    let document = masked.json();
    let shown = observation(&document, "system-sign-in")["user"].as_str().expect("text");
    let (domain, account) = user.split_once('\\').expect("both");
    assert!(masked.code == 0 && !shown.contains(domain) && !shown.contains(account), "{shown}");
    let detail = reason(&document, "credssp");
    assert!(detail.contains(shown) && !detail.contains(&user), "{detail}");
}

/// Nobody has a ticket: SSPI's number says so, and nothing was sent.
pub fn nobody_has_what_it_takes(wine: &Wine) {
    let place = |name: &str| wine.new_folder(&format!("logged-on-without/{name}"));
    let realm = Realm::new(place("realm"), None);
    let (_taker, takes) = realm.take_tickets("TERMSRV/localhost", &place("taker"));
    let (_runtime, server) =
        taking_tickets("healthy-ec-certificate", takes, &place("ca").join("ca.pem"));
    let target = format!("localhost:{}", server.address().port());
    let run = check(wine, &realm, &place("none").join("tickets"), &[&target, "--logon"]);
    let document = run.json();
    let title = document["verdict"]["title"].as_str().expect("text");
    assert_eq!((run.code, &document["verdict"]["cause"]), (3, &Value::Null), "{run:?}");
    assert!(title.contains("0x8009030E, SEC_E_NO_CREDENTIALS"), "{title}");
    assert_eq!(observation(&document, "system-sign-in-failed")["code"], 0x8009_030E_u32);
    assert!(observations(&document, "credential-sent").is_empty());
    let record = server.record().pop().expect("a connection");
    assert!(!record.ticket_taken && !record.authenticate_received);

    // The other engine knows nobody without a name.
    let run = check(wine, &realm, &place("none"), &[&target, "--logon", "--engine", "portable"]);
    assert_eq!((run.code, run.stdout.as_str()), (3, ""));
    assert!(run.stderr.contains("--logon and --desktop need -u NAME"), "{}", run.stderr);
}

/// A folder with an `ntlm_auth` that knows this password, for the beginning of PATH.
fn ntlm_auth(wine: &Wine, password: &str) -> PathBuf {
    let folder = wine.new_folder(&format!("logged-on-ntlm/{password}"));
    let file = folder.join("ntlm_auth");
    let script = format!(
        "#!/bin/bash\narguments=()\nfor argument in \"$@\"; do case \"$argument\" in\n\
         --use-cached-creds) arguments+=(--username={USER} --password={password}) ;;\n\
         --username=*) ;;\n*) arguments+=(\"$argument\") ;;\nesac; done\n\
         exec {NTLM_AUTH} \"${{arguments[@]}}\"\n"
    );
    std::fs::write(&file, script).expect("a file");
    std::fs::set_permissions(&file, Permissions::from_mode(0o755)).expect("it may run");
    folder
}

/// NTLM answers no challenge of a server that nobody vouches for; where somebody does, the server takes the
/// user or not, and it is tried once: who is logged on is the same for all tests, so that this one is the last.
pub fn ntlm_of_who_is_logged_on(wine: &Wine) {
    assert!(Path::new(NTLM_AUTH).exists(), "Debian's package winbind is not installed");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let fault = fault("healthy-ec-certificate").expect("a fault");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let server = runtime.block_on(start(fault, listen, Options::default())).expect("it starts");
    let target = format!("localhost:{}", server.address().port());
    let check = |password: &str, more: &[&str]| {
        let own = ntlm_auth(wine, password);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(own).chain(std::env::split_paths(&path));
        let mut command = wine.command();
        command.env("PATH", std::env::join_paths(path).expect("a path"));
        command.args(["check", &target, "--json", "--no-side", "--engine", "native", "--logon"]);
        Run::of(command.args(["--auth", "ntlm"]).args(more))
    };
    let last = || server.record().pop().expect("a connection");

    let run = check(PASSWORD, &[]);
    let document = run.json();
    let title = document["verdict"]["title"].as_str().expect("text");
    assert_eq!(run.code, 3, "{run:?}");
    assert!(title.contains("No password was sent: nothing vouches"), "{title}");
    assert!(!observations(&document, "ntlm-challenge").is_empty(), "it came as far as that");
    assert!(observations(&document, "credential-sent").is_empty());
    assert!(!last().authenticate_received);

    let run = check(PASSWORD, &["--trust", "any"]);
    let document = run.json();
    assert_eq!((run.code, &document["verdict"]["cause"]), (0, &Value::Null), "{run:?}");
    assert_eq!(observation(&document, "system-sign-in")["package"], "NTLM");
    assert_eq!(observation(&document, "credential-sent")["mechanism"], "ntlm");
    assert_eq!(observation(&document, "public-key-binding")["matches"], true);
    assert_eq!(observation(&document, "credentials-kept")["mechanism"], "ntlm");
    assert!(last().authenticate_received && !last().credentials_received);

    let run = check("another-one", &["--trust", "any"]);
    let document = run.json();
    let verdict = &document["verdict"];
    assert_eq!((run.code, &verdict["cause"]), (2, &"nla.credentials-rejected".into()), "{verdict}");
    let connections = server.record().len();
    let run = check(PASSWORD, &["--trust", "any"]);
    assert_eq!(run.code, 3, "{run:?}");
    observation(&run.json(), "rejection-remembered");
    assert!(server.record()[connections..].iter().all(|record| !record.authenticate_received));
}
