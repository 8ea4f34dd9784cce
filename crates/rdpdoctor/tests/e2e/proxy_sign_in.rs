//! Signing in to real proxies from Debian's packages: squid by Kerberos, dante with users of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::programs::{Server, free_port, installed, serve};
use crate::proxy::{Squid, answer, by, lab, seen, squid};
use crate::realm::{PROGRAMS, Realm};
use crate::support::{Run, cause, findings, folder};

// ── squid by Kerberos ───────────────────────────────────────────────────────────────────────────

/// Squid with its helper for Negotiate, which takes tickets for one service.
struct SignedSquid {
    _squid: Squid,
    /// By the name that its ticket has.
    url: String,
    by_address: String,
    _keys: tempfile::TempDir,
}

/// `service` is the one that the helper has the key of.
fn signed_squid(name: &str, realm: &Realm, service: &str) -> SignedSquid {
    // Squid gives its rights away, and has to read these all the same.
    let keys = tempfile::tempdir().expect("a folder");
    let everybody = |path: &Path, mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(path, mode).expect("set");
    };
    let (table, config) = (keys.path().join("keytab"), keys.path().join("krb5.conf"));
    realm.key(service, &table);
    std::fs::copy(realm.config(), &config).expect("copied");
    everybody(keys.path(), 0o755);
    everybody(&table, 0o644);
    everybody(&config, 0o644);
    let access = format!(
        "auth_param negotiate program /usr/bin/env KRB5_CONFIG={} KRB5RCACHENAME=none: \
         /usr/lib/squid/negotiate_kerberos_auth -k {} -s GSS_C_NO_NAME\n\
         auth_param negotiate children 1\nauth_param negotiate keep_alive on\n\
         acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all",
        config.display(),
        table.display()
    );
    let (squid, by_address) = squid(name, &access);
    let url = by_address.replace("127.0.0.1", "localhost");
    SignedSquid { _squid: squid, url, by_address, _keys: keys }
}

/// A check by way of the proxy, with its user.
async fn signing_in(proxy: &str, target: &str, user: &str, password: &str, kdc: u16) -> Run {
    let mut command = by(proxy, target);
    command.args(["--no-side", "--kdc", &format!("127.0.0.1:{kdc}")]);
    command.env("RDPDOCTOR_PROXY_USER", user).env("RDPDOCTOR_PROXY_PASSWORD", password);
    let run = answer(command).await;
    assert!(!run.stdout.contains(password) && !run.stderr.contains(password));
    run
}

fn title(document: &Value) -> &str {
    document["verdict"]["title"].as_str().expect("a title")
}

/// The mechanism that was tried at the proxy, and whether a proof was shown.
fn tried(document: &Value) -> Vec<(&str, bool)> {
    let tried = seen(document, "proxy-credential").into_iter();
    tried
        .map(|o| (o["mechanism"].as_str().expect("a word"), o["shown"].as_bool().expect("a bool")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn squid_by_kerberos() {
    let programs = [&PROGRAMS[..], &["squid"]].concat();
    if !installed(&programs, "squid_by_kerberos") {
        return;
    }
    let (running, _) = lab("healthy-nla", "squid-kerberos-lab").await;
    let target = running.address().to_string();
    let realm = Realm::new(folder("kerberos-proxy"), None);
    let squid = signed_squid("squid-kerberos", &realm, "HTTP/localhost");
    // MIT's centre knows no names of the form user@realm, which Windows' own finds in its directory.
    let jo = "LAB.EXAMPLE\\jo";
    let with = |user: &'static str, password: &'static str, kdc: u16| {
        signing_in(&squid.url, &target, user, password, kdc)
    };

    let run = with(jo, "Secret-1", realm.port()).await;
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", run.stdout);
    assert_eq!(tried(&document), [("kerberos", true)]);
    let tickets = seen(&document, "kerberos-ticket");
    assert!(tickets.iter().all(|o| o["stage"] == "proxy"), "{tickets:?}");
    assert!(tickets.iter().any(|o| o["service"] == "HTTP/localhost"), "{tickets:?}");

    // The centre judges the password: the proxy gets nothing of it, and it is not the host's.
    let run = with(jo, "wrong-Password-2", realm.port()).await;
    let document = run.json();
    assert_eq!(findings(&document), ["net.proxy-auth blocking proven"], "{}", run.stdout);
    assert!(title(&document).starts_with("No ticket for the proxy "), "{}", title(&document));
    assert_eq!((tried(&document), seen(&document, "kerberos-error").len()), (vec![], 1));

    // Without a realm, a centre or a name there is no ticket, and this proxy has no NTLM.
    for (proxy, user, kdc) in [
        (&squid.url, "jo", realm.port()),
        (&squid.url, jo, free_port()),
        (&squid.by_address, jo, realm.port()),
    ] {
        let document = signing_in(proxy, &target, user, "Secret-1", kdc).await.json();
        assert_eq!(findings(&document), ["net.proxy-auth blocking proven"], "{proxy} {user}");
        assert!(title(&document).ends_with(" wants a Kerberos ticket"), "{}", title(&document));
        assert_eq!(tried(&document), [("ntlm", false)], "{proxy} {user}");
    }

    // A proxy whose key table is another service's cannot read the ticket.
    let other = signed_squid("squid-other-key", &realm, "TERMSRV/localhost");
    let run = signing_in(&other.url, &target, jo, "Secret-1", realm.port()).await;
    let document = run.json();
    assert_eq!(findings(&document), ["net.proxy-auth blocking proven"], "{}", run.stdout);
    assert!(
        title(&document).contains("does not take this user's Kerberos"),
        "{}",
        title(&document)
    );
}

// ── dante with users ────────────────────────────────────────────────────────────────────────────

/// Dante, whose users are the system's: in a namespace where `/etc/passwd` and `/etc/shadow` are
/// copies with one more user, so that the system itself gets none.
fn dante_with_users(name: &str) -> (Server, String) {
    let (folder, port) = (folder(name), free_port());
    let text = format!(
        "logoutput: stderr\ninternal: 127.0.0.1 port = {port}\nexternal: lo\n\
         socksmethod: username\nclientmethod: none\nuser.privileged: root\n\
         user.unprivileged: nobody\nclient pass {{ from: 0/0 to: 0/0 }}\n\
         socks pass {{ from: 0/0 to: 0/0 }}\n"
    );
    let config = folder.join("danted.conf");
    std::fs::write(&config, text).expect("a file");
    let made = Command::new("openssl").args(["passwd", "-6", "right"]).output().expect("runs");
    let hash = String::from_utf8(made.stdout).expect("text");
    let with = |system: &str, line: &str| -> PathBuf {
        let copy = folder.join(system);
        let text = std::fs::read_to_string(Path::new("/etc").join(system)).expect("readable");
        std::fs::write(&copy, format!("{text}{line}\n")).expect("a file");
        copy
    };
    let passwd = with("passwd", "proxyjo:x:64999:65534::/nonexistent:/usr/sbin/nologin");
    let shadow = with("shadow", &format!("proxyjo:{}:20000:0:99999:7:::", hash.trim()));
    let script = "mount --bind \"$1\" /etc/passwd && mount --bind \"$2\" /etc/shadow && \
                  exec danted -f \"$3\" -p \"$4\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(passwd).arg(shadow).arg(config);
    command.arg(folder.join("pid"));
    (serve(&mut command, &folder, port), format!("socks5://127.0.0.1:{port}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn dante_with_user_and_password() {
    let test = "dante_with_user_and_password";
    if !installed(&["danted", "openssl", "unshare"], test) {
        return;
    }
    if std::fs::read_to_string("/etc/shadow").is_err() {
        assert!(std::env::var_os("CI").is_none(), "it wants root: {test}");
        eprintln!("skipped: it wants root: {test}");
        return;
    }
    let (running, _) = lab("healthy-nla", "dante-users-lab").await;
    let target = running.address().to_string();
    let (_users, users) = dante_with_users("dante-users");
    for (user, code, wanted, words) in [
        (Some(("proxyjo", "right")), 0, "healthy", ""),
        (Some(("proxyjo", "wrong")), 2, "net.proxy-auth", "rejects this user and password"),
        (Some(("nobody-here", "right")), 2, "net.proxy-auth", "rejects this user and password"),
        (None, 2, "net.proxy-auth", "wants a user and a password"),
    ] {
        let mut command = by(&users, &target);
        if let Some((user, password)) = user {
            command.env("RDPDOCTOR_PROXY_USER", user).env("RDPDOCTOR_PROXY_PASSWORD", password);
        }
        let run = answer(command).await;
        let document = run.json();
        assert_eq!((run.code, cause(&document)), (code, wanted), "{user:?}: {}", run.stdout);
        assert!(title(&document).contains(words), "{user:?}: {}", title(&document));
    }
}
