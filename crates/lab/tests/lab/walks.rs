//! One walk through every fault: what a client without credentials sees, in a line.

use rdpdoctor_lab::{Depth, FAULTS};

use crate::client::{host_name, run, walk};

/// What a healthy host shows: all the way to the challenge, and the end after the next message.
const REGULAR: &str = "select 8, TLSv1.3 LABPC01, challenge of LABPC01 in version 6, then fin";

/// The name of a fault and what a client sees of it.
const WALKS: &[(&str, &str)] = &[
    ("healthy-nla", REGULAR),
    ("healthy-tls-only", "select 1, TLSv1.3 LABPC01, MCS result 0, open"),
    (
        "healthy-tls12-only",
        "select 8, TLSv1.2 LABPC01, challenge of LABPC01 in version 6, then fin",
    ),
    ("healthy-tls13", REGULAR),
    ("healthy-ec-certificate", REGULAR),
    ("healthy-ca-certificate", REGULAR),
    ("healthy-revocation-list", REGULAR),
    ("healthy-large-chain", REGULAR),
    ("healthy-slow", REGULAR),
    ("healthy-dripping", REGULAR),
    ("healthy-no-timestamp", REGULAR),
    ("healthy-spnego-only", REGULAR),
    ("other-name", "select 8, TLSv1.3 FILESRV02, challenge of FILESRV02 in version 6, then fin"),
    ("net-silent-listener", "open"),
    ("net-closed-on-accept-fin", "fin"),
    ("net-closed-on-accept-rst", "rst"),
    ("self-connection", "select 8, TLSv1.3 {host}, challenge of {HOST} in version 6, then fin"),
    ("wrong-service-ssh", r#""SSH-2.0-OpenSSH_", fin"#),
    ("wrong-service-http", r#""HTTP/1.1 400 Bad", fin"#),
    ("wrong-service-https", "fin"),
    ("wrong-service-https-alert", "15030100020246, fin"),
    ("wrong-service-vnc", r#""RFB 003.008\n", fin"#),
    ("wrong-service-smb", "830000018f, fin"),
    ("wrong-service-ftp", r#""220 files.lab.ex", open"#),
    ("wrong-service-smtp", r#""220 mx.lab.examp", open"#),
    ("wrong-service-pop3", r#""+OK mail.lab.exa", open"#),
    ("wrong-service-imap", r#""* OK [CAPABILITY", open"#),
    ("wrong-service-telnet", "fffd18fffd20fffd23fffd270d0a6c6f, open"),
    ("wrong-service-mysql", "4a0000000a382e302e33360008000000, fin"),
    ("wrong-service-unknown", r#""ERR 17 these wor", open"#),
    ("direct-only", "fin"),
    // Past the proxy all is well.
    ("healthy-proxy", REGULAR),
    ("proxy-auth", REGULAR),
    ("proxy-auth-unsupported", REGULAR),
    ("proxy-refused", REGULAR),
    ("proxy-failed", REGULAR),
    ("proxy-target-refused", REGULAR),
    ("proxy-target-silent", REGULAR),
    ("proxy-garbage", REGULAR),
    ("proxy-silent", REGULAR),
    ("proxy-closed", REGULAR),
    ("healthy-udp", "select 1, TLSv1.3 LABPC01, MCS result 0, open"),
    ("udp-silent", "select 1, TLSv1.3 LABPC01, MCS result 0, open"),
    ("healthy-udp-late", "select 1, TLSv1.3 LABPC01, MCS result 0, open"),
    ("nego-tls-required", "failure 1, fin"),
    ("nego-tls-not-allowed", "failure 2, fin"),
    ("nego-tls-not-allowed-strict", "failure 2, fin"),
    ("nego-certificate-missing", "failure 3, fin"),
    ("nego-inconsistent-flags", "failure 4, fin"),
    ("nego-nla-required", "failure 5, fin"),
    ("nego-user-auth-tls", "failure 6, fin"),
    ("nego-entra-required", "failure 7, fin"),
    ("nego-unknown-failure", "failure 42, fin"),
    ("nego-legacy-only", "confirm, MCS result 0, open"),
    ("nego-disconnect-request", "0300000b06800000123401, fin"),
    ("nego-unrequested-protocol", "select 4, TLSv1.3 LABPC01, open"),
    ("nego-bad-length", "030000130ed00000123400021f090008, open"),
    ("nego-garbage-in-tpkt", "0300000cfffefdfcfbfaf9f8, open"),
    ("nego-half-answer", "030000130ed0, open"),
    ("nego-closed-fin", "fin"),
    ("nego-closed-rst", "rst"),
    ("tls-key-unavailable-fin", "select 8, fin"),
    ("tls-key-unavailable-rst", "select 8, rst"),
    ("tls-key-unavailable-alert", "select 8, alert 80, fin"),
    ("tls-no-common-version", "select 8, alert 70, fin"),
    ("tls-ssl3-only", "select 8, only a ServerHello 3.0, open"),
    ("tls-no-common-cipher", "select 8, alert 40, fin"),
    ("tls-no-common-cipher-71", "select 8, alert 71, fin"),
    ("tls-version-1-0", "select 8, TLSv1 LABPC01, challenge of LABPC01 in version 6, then fin"),
    ("tls-version-1-1", "select 8, TLSv1.1 LABPC01, challenge of LABPC01 in version 6, then fin"),
    ("tls-silent", "select 8, open"),
    ("tls-stalls-after-server-hello", "select 8, only a ServerHello 3.3, open"),
    ("tls-garbage", "select 8, deadbeef206e65697468657220726563, open"),
    ("tls-http-answer", r#"select 8, "HTTP/1.1 400 Bad", fin"#),
    ("tls-alert-access-denied", "select 8, alert 49, fin"),
    ("tls-alert-unrecognized-name", "select 8, alert 112, fin"),
    ("tls-closed-after-server-hello", "select 8, only a ServerHello 3.3, fin"),
    ("tls-modern-hello-dropped", "select 8, rst"),
    ("tls-wrong-key", "select 8, a handshake that is refused, fin"),
    ("cert-expired", REGULAR),
    ("cert-not-yet-valid", REGULAR),
    ("cert-name-mismatch", REGULAR),
    ("cert-unknown-ca", REGULAR),
    ("cert-weak-key", REGULAR),
    ("cert-weak-signature", REGULAR),
    ("cert-wrong-usage", REGULAR),
    ("cert-revoked", REGULAR),
    ("cert-revocation-unreachable", REGULAR),
    ("cert-intercepted", REGULAR),
    ("nla-old-credssp", "select 8, TLSv1.3 LABPC01, challenge of LABPC01 in version 2, then fin"),
    ("nla-clock-skew", REGULAR),
    ("nla-closed-fin", "select 8, TLSv1.3 LABPC01, fin"),
    ("nla-closed-rst", "select 8, TLSv1.3 LABPC01, rst"),
    ("nla-alert", "select 8, TLSv1.3 LABPC01, close_notify, fin"),
    ("nla-silent", "select 8, TLSv1.3 LABPC01, open"),
    ("nla-garbage", "select 8, TLSv1.3 LABPC01, 00010203206e6f207265717565737420, open"),
    ("nla-empty-tsrequest", "select 8, TLSv1.3 LABPC01, an empty TSRequest, open"),
    ("nla-ntlm-blocked", "select 8, TLSv1.3 LABPC01, status c0000418, fin"),
    ("nla-no-logon-servers", "select 8, TLSv1.3 LABPC01, status c000005e, fin"),
    ("nla-refused", "select 8, TLSv1.3 LABPC01, status c0000022, fin"),
    ("rdpsec-no-common-encryption", "confirm, MCS result 0, open"),
    ("rdpsec-fips-mismatch", "confirm, MCS result 0, open"),
    ("mcs-refused", "select 1, TLSv1.3 LABPC01, MCS result 15, fin"),
    ("mcs-ultimatum", "select 1, TLSv1.3 LABPC01, MCS ultimatum, fin"),
    ("mcs-garbage", "select 1, TLSv1.3 LABPC01, 0300000f02f080fffefdfcfbfaf9f8, open"),
    ("mcs-closed", "select 1, TLSv1.3 LABPC01, fin"),
    ("mcs-silent", "select 1, TLSv1.3 LABPC01, open"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_looks_as_it_says() {
    // The others are in `sign_in` and `session`.
    let near = FAULTS.iter().filter(|fault| fault.depth() == Depth::Challenge);
    let names: Vec<&str> = near.map(|fault| fault.name).collect();
    let listed: Vec<&str> = WALKS.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        listed, names,
        "one line for every fault without credentials, in the catalogue's order"
    );

    let walks: Vec<_> = names
        .into_iter()
        .map(|name| tokio::spawn(async move { walk(&run(name).await).await }))
        .collect();
    let mut wrong = Vec::new();
    for (walk, (name, expected)) in walks.into_iter().zip(WALKS) {
        let seen = walk.await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let host = host_name();
        let netbios: String = host.to_uppercase().chars().take(15).collect();
        let expected = expected.replace("{host}", &host).replace("{HOST}", &netbios);
        if seen != expected {
            wrong.push(format!("{name}\n  expected {expected}\n  seen     {seen}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
