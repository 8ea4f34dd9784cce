//! What is wrong with each certificate, and nothing else.

use std::net::SocketAddr;

use openssl::asn1::Asn1Time;
use openssl::nid::Nid;
use openssl::ssl::{SslContextBuilder, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{CrlStatus, X509, X509Crl};
use rdpdoctor_lab::Running;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Tap, certificates, connection_request, handshake, run, secured, tls_client};

async fn leaf(name: &str) -> X509 {
    certificates(&run(name).await).await.remove(0)
}

fn common_name(certificate: &X509) -> String {
    let entry = certificate.issuer_name().entries_by_nid(Nid::COMMONNAME).next().expect("a name");
    entry.data().to_string().expect("UTF-8")
}

fn as_text(certificate: &X509) -> String {
    String::from_utf8_lossy(&certificate.to_text().expect("a text")).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_healthy_one_is_what_windows_makes() {
    let certificate = leaf("healthy-nla").await;
    let text = as_text(&certificate);
    assert_eq!(common_name(&certificate), "LABPC01");
    assert!(certificate.verify(&certificate.public_key().expect("a key")).expect("is judged"));
    assert_eq!(certificate.public_key().expect("a key").bits(), 2048);
    assert!(text.contains("TLS Web Server Authentication"), "{text}");
    assert!(text.contains("Key Encipherment, Data Encipherment"), "{text}");
    assert!(text.contains("sha256WithRSAEncryption"), "{text}");
    assert!(certificate.subject_alt_names().is_none());
    let days = certificate.not_before().diff(certificate.not_after()).expect("a time").days;
    assert_eq!(days, 182);
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_keys_signatures_and_usages_are_as_announced() {
    let now = Asn1Time::days_from_now(0).expect("now");
    let healthy = leaf("healthy-nla").await;
    assert!(healthy.not_before() < now && healthy.not_after() > now);
    assert!(leaf("cert-expired").await.not_after() < now);
    let early = leaf("cert-not-yet-valid").await;
    assert!(early.not_before() > now && early.not_after() > early.not_before());

    assert_eq!(leaf("cert-weak-key").await.public_key().expect("a key").bits(), 1024);
    let signature = leaf("cert-weak-signature").await;
    assert_eq!(signature.signature_algorithm().object().nid(), Nid::SHA1WITHRSAENCRYPTION);
    assert_eq!(leaf("healthy-ec-certificate").await.public_key().expect("a key").bits(), 256);

    let usage = as_text(&leaf("cert-wrong-usage").await);
    assert!(usage.contains("TLS Web Client Authentication"), "{usage}");
    assert!(!usage.contains("TLS Web Server Authentication"), "{usage}");
}

/// Whether a client that trusts the lab's authority, and wants the name localhost, accepts a server.
async fn accepted(server: &Running) -> bool {
    let mut roots = X509StoreBuilder::new().expect("a store");
    let root = X509::from_pem(server.ca_pem().as_bytes()).expect("a certificate");
    roots.add_cert(root).expect("is taken");
    let mut builder = SslContextBuilder::new(SslMethod::tls_client()).expect("a context");
    builder.set_cert_store(roots.build());
    builder.set_verify(SslVerifyMode::PEER);
    builder.verify_param_mut().set_host("localhost").expect("a name");
    let mut tap = Tap::open(server.address()).await;
    tap.write_all(&connection_request(Some(0x0B))).await.expect("is sent");
    assert_eq!(tap.read_for(19).await.len(), 19);
    handshake(tap, &builder.build()).await.1.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_labs_authority_helps_where_it_should() {
    for (name, expected) in [
        ("healthy-ca-certificate", true),
        ("healthy-revocation-list", true),
        ("healthy-large-chain", true),
        ("cert-revoked", true),
        ("cert-revocation-unreachable", true),
        ("cert-name-mismatch", false),
        ("cert-unknown-ca", false),
        ("cert-intercepted", false),
        ("healthy-nla", false),
    ] {
        assert_eq!(accepted(&run(name).await).await, expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_and_names_are_as_announced() {
    let names = |certificate: &X509| -> Vec<String> {
        let names = certificate.subject_alt_names().expect("names");
        names.iter().filter_map(|name| name.dnsname().map(str::to_owned)).collect()
    };
    assert_eq!(names(&leaf("healthy-ca-certificate").await), ["localhost"]);
    assert_eq!(names(&leaf("cert-name-mismatch").await), ["other.lab.example"]);

    let large = certificates(&run("healthy-large-chain").await).await;
    let bytes: usize = large.iter().map(|one| one.to_der().expect("DER").len()).sum();
    assert_eq!(large.len(), 2);
    assert!(bytes > 11_000, "{bytes}");

    let unknown = certificates(&run("cert-unknown-ca").await).await;
    assert_eq!(unknown.len(), 1);
    assert_eq!(common_name(&unknown[0]), "Issuing authority of some company");

    let intercepted = certificates(&run("cert-intercepted").await).await;
    assert_eq!(intercepted.len(), 2);
    assert_eq!(common_name(&intercepted[0]), "Zscaler Intermediate Root CA (zscaler.net)");
    let issuer = intercepted[1].public_key().expect("a key");
    assert!(intercepted[0].verify(&issuer).expect("is judged"));
}

/// The address of the revocation list that a certificate names.
fn distribution_point(certificate: &X509) -> SocketAddr {
    let points = certificate.crl_distribution_points().expect("a distribution point");
    let point = points.get(0).expect("one").distpoint().expect("a name");
    let names = point.fullname().expect("a full name");
    let url = names.get(0).expect("one").uri().expect("a URI");
    let address = url.strip_prefix("http://").and_then(|url| url.strip_suffix("/lab.crl"));
    address.expect("the lab's URL").parse().expect("an address")
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_lists_say_what_they_should() {
    for (name, revoked) in [("cert-revoked", true), ("healthy-revocation-list", false)] {
        let server = run(name).await;
        let certificate = certificates(&server).await.remove(0);
        let mut stream =
            TcpStream::connect(distribution_point(&certificate)).await.expect("connects");
        stream.write_all(b"GET /lab.crl HTTP/1.1\r\nHost: lab\r\n\r\n").await.expect("is sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("is read");
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{name}");
        let body = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a body") + 4;
        let list = X509Crl::from_der(&answer[body..]).expect("a list");
        let authority = X509::from_pem(server.ca_pem().as_bytes()).expect("a certificate");
        assert!(list.verify(&authority.public_key().expect("a key")).expect("is judged"));
        let found = matches!(list.get_by_cert(&certificate), CrlStatus::Revoked(_));
        assert_eq!(found, revoked, "{name}");
    }

    let server = run("cert-revocation-unreachable").await;
    let address = distribution_point(&certificates(&server).await.remove(0));
    let refused = TcpStream::connect(address).await.expect_err("nobody listens");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_fails_in_the_signature_of_both_versions() {
    for newest in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let server = run("tls-wrong-key").await;
        let mut tap = Tap::open(server.address()).await;
        tap.write_all(&connection_request(Some(0x0B))).await.expect("is sent");
        assert_eq!(tap.read_for(19).await.len(), 19);
        let (_, outcome) = handshake(tap, &tls_client(Some(newest))).await;
        let error = outcome.expect_err("the signature is wrong").to_string();
        assert!(error.contains("bad signature") || error.contains("rsa"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_hellos_are_served_where_modern_ones_are_dropped() {
    let server = run("tls-modern-hello-dropped").await;
    let mut tap = Tap::open(server.address()).await;
    tap.write_all(&connection_request(Some(0x0B))).await.expect("is sent");
    assert_eq!(tap.read_for(19).await.len(), 19);
    let (stream, outcome) = handshake(tap, &tls_client(Some(SslVersion::TLS1_2))).await;
    // OpenSSL sends supported_versions with TLS 1.3 only.
    assert!(outcome.is_ok() && stream.ssl().is_init_finished(), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rsa_key_exchange_works_with_the_certificate_windows_makes() {
    let mut builder = SslContextBuilder::new(SslMethod::tls_client()).expect("a context");
    builder.set_max_proto_version(Some(SslVersion::TLS1_2)).expect("is known");
    builder.set_cipher_list("kRSA").expect("is known");
    builder.set_verify(SslVerifyMode::NONE);
    let server = run("healthy-nla").await;
    let mut tap = Tap::open(server.address()).await;
    tap.write_all(&connection_request(Some(0x0B))).await.expect("is sent");
    assert_eq!(tap.read_for(19).await.len(), 19);
    let (stream, outcome) = handshake(tap, &builder.build()).await;
    assert!(outcome.is_ok() && stream.ssl().is_init_finished(), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_never_resumed() {
    let server = run("healthy-nla").await;
    let stream = secured(&server, 0x0B).await;
    assert!(stream.ssl().session().is_none_or(|session| session.id().is_empty()));
}
