//! Every version and kind of suite, between OpenSSL's two ends in memory: what is heard is what was
//! said.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslStream, SslVersion};
use openssl::x509::X509;
use rdpdoctor_model::Party;
use rdpdoctor_wire::tls_decrypt::{KeyLog, TlsEvent, TlsListener};

/// What one side sends, as both the other side and a listener see it.
type Wire = Arc<Mutex<Vec<u8>>>;

/// What passed, in order.
type Heard = Vec<(Party, Vec<u8>)>;

/// One end of a connection in memory.
struct End {
    inbox: Wire,
    outbox: Wire,
    party: Party,
    heard: Arc<Mutex<Heard>>,
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut inbox = self.inbox.lock().expect("not poisoned");
        if inbox.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let length = inbox.len().min(buffer.len());
        buffer[..length].copy_from_slice(&inbox[..length]);
        inbox.drain(..length);
        Ok(length)
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.lock().expect("not poisoned").extend_from_slice(bytes);
        self.heard.lock().expect("not poisoned").push((self.party, bytes.to_vec()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn certificate(key: &PKey<Private>) -> X509 {
    let mut builder = X509::builder().expect("a builder");
    builder.set_version(2).expect("version 3");
    builder.set_pubkey(key).expect("a key");
    builder.set_not_before(&Asn1Time::days_from_now(0).expect("today")).expect("a date");
    builder.set_not_after(&Asn1Time::days_from_now(9).expect("soon")).expect("a date");
    builder.sign(key, MessageDigest::sha256()).expect("a signature");
    builder.build()
}

/// A conversation of this version and suite as a listener hears it, and its key log.
fn conversation(version: SslVersion, suite: &str, group: &str) -> (Heard, Vec<u8>) {
    let key = if suite.contains("ECDSA") {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
        PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key")
    } else {
        PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key")
    };
    let log = Arc::new(Mutex::new(Vec::new()));
    let context = |server: bool| {
        let mut context = SslContext::builder(SslMethod::tls()).expect("a context");
        context.set_security_level(0);
        context.set_min_proto_version(Some(version)).expect("a version");
        context.set_max_proto_version(Some(version)).expect("a version");
        context.set_groups_list(&format!("{group}:P-256")).expect("a group");
        if version == SslVersion::TLS1_3 {
            context.set_ciphersuites(suite).expect("a suite");
        } else {
            context.set_cipher_list(suite).expect("a suite");
        }
        if server {
            context.set_private_key(&key).expect("a key");
            context.set_certificate(&certificate(&key)).expect("a certificate");
            let dh = openssl::dh::Dh::get_2048_256().expect("parameters");
            context.set_tmp_dh(&dh).expect("parameters");
        } else {
            let log = Arc::clone(&log);
            context.set_keylog_callback(move |_, line| {
                let mut log = log.lock().expect("not poisoned");
                log.extend_from_slice(line.as_bytes());
                log.push(b'\n');
            });
        }
        Ssl::new(&context.build()).expect("a session")
    };
    let (up, down, heard) = (Wire::default(), Wire::default(), Arc::default());
    let end = |party, inbox: &Wire, outbox: &Wire, heard: &Arc<_>| End {
        inbox: Arc::clone(inbox),
        outbox: Arc::clone(outbox),
        party,
        heard: Arc::clone(heard),
    };
    let mut client =
        SslStream::new(context(false), end(Party::Client, &down, &up, &heard)).expect("a stream");
    let mut server =
        SslStream::new(context(true), end(Party::Server, &up, &down, &heard)).expect("a stream");
    let (mut connected, mut accepted) = (false, false);
    for _ in 0..8 {
        connected = connected || client.connect().is_ok();
        accepted = accepted || server.accept().is_ok();
    }
    assert!(connected && accepted, "{version:?} {suite}");
    let mut buffer = [0; 64];
    for turn in ["one", "two", "three"] {
        client.write_all(format!("client {turn} ").as_bytes()).expect("written");
        let _ = server.read(&mut buffer).expect("read");
        server.write_all(format!("server {turn} ").as_bytes()).expect("written");
        let _ = client.read(&mut buffer).expect("read");
    }
    let _ = server.shutdown();
    let heard = std::mem::take(&mut *heard.lock().expect("not poisoned"));
    let log = log.lock().expect("not poisoned").clone();
    (heard, log)
}

/// What a listener makes of it, fed in pieces of this size.
fn listen(heard: &[(Party, Vec<u8>)], secrets: &KeyLog, size: usize) -> Vec<TlsEvent> {
    let mut listener = TlsListener::new();
    let pieces = heard.iter().flat_map(|(from, bytes)| bytes.chunks(size).map(|b| (*from, b)));
    pieces.flat_map(|(from, bytes)| listener.feed(from, bytes, secrets)).collect()
}

fn said(events: &[TlsEvent], by: Party) -> String {
    let bytes = events.iter().filter_map(|event| match event {
        TlsEvent::Plaintext { from, bytes } if *from == by => Some(bytes.as_slice()),
        _ => None,
    });
    String::from_utf8(bytes.flatten().copied().collect()).expect("text")
}

const CONVERSATIONS: &[(SslVersion, &str, &str, Option<&str>)] = &[
    (SslVersion::TLS1, "AES128-SHA", "P-256", Some("RSA")),
    (SslVersion::TLS1, "DES-CBC3-SHA", "P-256", Some("RSA")),
    (SslVersion::TLS1, "ECDHE-RSA-AES256-SHA", "P-384", Some("P-384")),
    (SslVersion::TLS1_1, "AES256-SHA", "P-256", Some("RSA")),
    (SslVersion::TLS1_1, "ECDHE-ECDSA-AES128-SHA", "P-256", Some("P-256")),
    (SslVersion::TLS1_2, "AES128-SHA256", "P-256", Some("RSA")),
    (SslVersion::TLS1_2, "ECDHE-RSA-AES256-SHA384", "P-256", Some("P-256")),
    (SslVersion::TLS1_2, "DHE-RSA-AES128-GCM-SHA256", "P-256", Some("DHE 2048 bit")),
    (SslVersion::TLS1_2, "ECDHE-ECDSA-AES256-GCM-SHA384", "X25519", Some("X25519")),
    (SslVersion::TLS1_2, "ECDHE-RSA-CHACHA20-POLY1305", "X25519", Some("X25519")),
    (SslVersion::TLS1_3, "TLS_AES_128_GCM_SHA256", "X25519", Some("X25519")),
    (SslVersion::TLS1_3, "TLS_AES_256_GCM_SHA384", "P-256", Some("P-256")),
    (SslVersion::TLS1_3, "TLS_CHACHA20_POLY1305_SHA256", "X25519", Some("X25519")),
];

#[test]
fn with_the_secrets_everything_is_heard() {
    for &(version, suite, group, kx) in CONVERSATIONS {
        let (heard, log) = conversation(version, suite, group);
        let mut secrets = KeyLog::new();
        secrets.read(&log);
        for size in [1, 7, usize::MAX] {
            let events = listen(&heard, &secrets, size);
            let established = events.iter().find_map(|event| match event {
                TlsEvent::Established { cipher, key_exchange, .. } => {
                    Some((cipher.as_str(), key_exchange.as_deref()))
                }
                _ => None,
            });
            assert_eq!(established, Some((suite, kx)), "{version:?}");
            assert_eq!(said(&events, Party::Client), "client one client two client three ");
            assert_eq!(said(&events, Party::Server), "server one server two server three ");
            let bye = TlsEvent::Alert { from: Party::Server, level: 1, description: 0 };
            assert_eq!(events.last(), Some(&bye), "{version:?} {suite}");
            let shown = events.iter().any(|event| matches!(event, TlsEvent::Certificates(_)));
            assert_eq!(shown, version == SslVersion::TLS1_3, "older ones show them in clear");
        }
    }
}

#[test]
fn without_the_secrets_it_is_heard_that_something_was_said() {
    for &(version, suite, group, _) in CONVERSATIONS {
        let (heard, log) = conversation(version, suite, group);
        // Another connection's secrets are none.
        let mut others = KeyLog::new();
        let log = String::from_utf8(log).expect("text");
        others.read(log.replace(['a', 'b', 'c'], "0").as_bytes());
        for secrets in [KeyLog::new(), others] {
            let events = listen(&heard, &secrets, usize::MAX);
            assert_eq!(
                (said(&events, Party::Client), said(&events, Party::Server)),
                Default::default()
            );
            let established = |e: &TlsEvent| matches!(e, TlsEvent::Established { .. });
            assert!(events.iter().any(established), "{version:?} {suite}");
            let sealed = |by| {
                let own = |e: &&TlsEvent| matches!(e, TlsEvent::Sealed { from, alert: false } if *from == by);
                events.iter().filter(own).count()
            };
            assert!(
                sealed(Party::Client) >= 3 && sealed(Party::Server) >= 3,
                "{version:?} {suite}"
            );
            let bye = TlsEvent::Sealed { from: Party::Server, alert: true };
            assert_eq!(events.last(), Some(&bye), "{version:?} {suite}");
        }
    }
}

/// A record that was changed on the way is not taken, and nothing behind it is.
#[test]
fn what_was_tampered_with_is_not_read() {
    for &(version, suite, group, _) in CONVERSATIONS {
        let (mut heard, log) = conversation(version, suite, group);
        let mut secrets = KeyLog::new();
        secrets.read(&log);
        let last = heard.iter().rposition(|(from, _)| *from == Party::Client).expect("it spoke");
        let end = heard[last].1.len() - 1;
        // In CBC a changed last byte changes the padding; the one before it changes the MAC.
        heard[last].1[end - 20] ^= 1;
        let events = listen(&heard, &secrets, usize::MAX);
        assert!(events.contains(&TlsEvent::Unreadable), "{version:?} {suite}");
        let text = said(&events, Party::Client);
        assert!(!text.contains("three") && text.contains("two"), "{version:?} {suite}: {text}");
    }
}

/// Passes bytes on in both directions between OpenSSL's two commands, and keeps them.
fn relay(listener: TcpListener, server: SocketAddr) -> Arc<Mutex<Heard>> {
    let heard: Arc<Mutex<Heard>> = Arc::default();
    let kept = Arc::clone(&heard);
    std::thread::spawn(move || {
        let (client, _) = listener.accept().expect("a client");
        let server = TcpStream::connect(server).expect("a server");
        let copy = |from: &TcpStream, to: &TcpStream, party, heard: &Arc<Mutex<Heard>>| {
            let (mut from, mut to) = (from.try_clone().expect("one"), to.try_clone().expect("one"));
            let heard = Arc::clone(heard);
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = from.read(&mut buffer) {
                    heard.lock().expect("not poisoned").push((party, buffer[..length].to_vec()));
                    if to.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
            })
        };
        let up = copy(&client, &server, Party::Client, &kept);
        copy(&server, &client, Party::Server, &kept).join().expect("it copied");
        up.join().expect("it copied");
    });
    heard
}

/// Reads what a command says until these words come.
fn until(stdout: &mut impl BufRead, words: &str) {
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).expect("it can be read"), 0, "no {words}");
    }
}

/// Both sides of OpenSSL take new keys in the middle (RFC 8446 4.6.3).
#[test]
fn new_keys_in_the_middle_are_followed() {
    let place = crate::support::folder("key-update");
    let (certificate_file, key_file) = (place.join("cert.pem"), place.join("key.pem"));
    let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    std::fs::write(&key_file, key.private_key_to_pem_pkcs8().expect("PEM")).expect("written");
    std::fs::write(&certificate_file, certificate(&key).to_pem().expect("PEM")).expect("written");
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let command = |arguments: &[&str]| {
        // Whoever waits for words that never come reads an end.
        let mut command = Command::new("timeout");
        command.args(["60", "openssl"]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let mut server = command(&["s_server", "-tls1_3", "-naccept", "1", "-accept"])
        .arg(address.to_string())
        .args(["-cert".as_ref(), certificate_file.as_os_str()])
        .args(["-key".as_ref(), key_file.as_os_str()])
        .spawn()
        .expect("openssl is there");
    let mut server_says = BufReader::new(server.stdout.take().expect("its output"));
    until(&mut server_says, "ACCEPT");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").to_string();
    let heard = relay(listener, address);
    let log = place.join("keys");
    let mut client = command(&["s_client", "-tls1_3", "-connect", &port, "-keylogfile"])
        .arg(&log)
        .spawn()
        .expect("openssl is there");
    let mut client_says = BufReader::new(client.stdout.take().expect("its output"));
    let mut client_notes = BufReader::new(client.stderr.take().expect("its notes"));
    let mut to_server = client.stdin.take().expect("its input");
    let mut to_client = server.stdin.take().expect("its input");
    to_server.write_all(b"before the client's change\n").expect("written");
    until(&mut server_says, "before the client's");
    // A line of its own: new keys, and the server shall take some too.
    to_server.write_all(b"K\n").expect("written");
    until(&mut client_notes, "KEYUPDATE");
    to_server.write_all(b"behind the client's change\n").expect("written");
    until(&mut server_says, "behind the client's");
    to_client.write_all(b"behind the server's change\n").expect("written");
    until(&mut client_says, "behind the server's");
    drop((to_server, to_client));
    for mut child in [client, server] {
        let _ = child.kill();
        child.wait().expect("it ended");
    }
    let mut secrets = KeyLog::new();
    secrets.read(&std::fs::read(&log).expect("a key log"));
    let heard = heard.lock().expect("not poisoned").clone();
    let events = listen(&heard, &secrets, usize::MAX);
    let by_client = said(&events, Party::Client);
    assert_eq!(by_client, "before the client's change\nbehind the client's change\n");
    assert_eq!(said(&events, Party::Server), "behind the server's change\n");
    assert!(!events.contains(&TlsEvent::Unreadable));
}
