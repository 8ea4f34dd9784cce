//! Sign-ins with a client of another make: `sspi`.

use openssl::x509::X509;
use rdpdoctor_lab::{ConnectionRecord, Depth, Fault, PASSWORD, Running, USER, fault};
use sspi::credssp::{ClientMode, ClientState, CredSspClient, CredSspMode, TsRequest};
use sspi::ntlm::NtlmConfig;
use sspi::{AuthIdentity, NegotiateConfig, Username};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_openssl::SslStream;

use crate::client::{Tap, exchange, record, run, secured};

/// How a sign-in is tried.
#[derive(Clone)]
pub struct Attempt {
    pub user: &'static str,
    pub domain: Option<&'static str>,
    pub password: &'static str,
    /// requestedProtocols.
    pub requested: u8,
    /// SPNEGO around NTLM, with its mechListMIC.
    pub spnego: bool,
    pub delegation: CredSspMode,
    /// The version that the client claims.
    pub version: u32,
    /// A key that it takes for the server's, if not the certificate's.
    pub key: Option<Vec<u8>>,
}

impl Default for Attempt {
    fn default() -> Self {
        Self {
            user: USER,
            domain: None,
            password: PASSWORD,
            requested: 0x0B,
            spnego: false,
            delegation: CredSspMode::WithCredentials,
            version: 6,
            key: None,
        }
    }
}

/// RSAPublicKey, by another way than the lab's.
fn public_key(certificate: &X509) -> Vec<u8> {
    let key = certificate.public_key().expect("a key").rsa().expect("an RSA key");
    key.public_key_to_der_pkcs1().expect("DER")
}

impl Attempt {
    /// Signs in; `Ok` holds what the server said behind the credentials, `Err` why it came to no
    /// end.
    pub async fn run(self, server: &Running) -> (SslStream<Tap>, Result<Vec<u8>, String>) {
        let mut stream = secured(server, self.requested).await;
        let result = self.carry_out(&mut stream).await;
        (stream, result)
    }

    async fn carry_out(self, stream: &mut SslStream<Tap>) -> Result<Vec<u8>, String> {
        let key = self.key.clone().unwrap_or_else(|| {
            public_key(&stream.ssl().peer_certificate().expect("a certificate"))
        });
        let name = "TESTER".to_owned();
        let ntlm = NtlmConfig::new(name.clone());
        let mode = if self.spnego {
            let packages = Some("ntlm,!kerberos,!pku2u".to_owned());
            ClientMode::Negotiate(NegotiateConfig::new(Box::new(ntlm), packages, name))
        } else {
            ClientMode::Ntlm(ntlm)
        };
        let identity = AuthIdentity {
            username: Username::new(self.user, self.domain).expect("a name"),
            password: self.password.to_owned().into(),
        };
        let target = "TERMSRV/localhost".to_owned();
        let mut client = CredSspClient::new_with_version(
            key,
            identity.into(),
            self.delegation,
            self.version,
            mode,
            target,
        )
        .expect("a client");

        let mut request = TsRequest::default();
        loop {
            let state = client.process(request).resolve_to_result().map_err(|e| {
                e.nstatus.map_or_else(|| e.to_string(), |status| format!("{:08x}", status.0))
            })?;
            let (message, last) = match &state {
                ClientState::ReplyNeeded(message) => (message, false),
                ClientState::FinalMessage(message) => (message, true),
            };
            let mut bytes = Vec::new();
            message.encode_ts_request(&mut bytes).expect("encodes");
            let answer = exchange_with(stream, &bytes, last && self.requested & 8 == 0).await;
            if last {
                return Ok(answer);
            }
            if answer.is_empty() {
                return Err(stream.get_mut().ending().await.to_owned());
            }
            request = TsRequest::from_buffer(&answer).map_err(|error| error.to_string())?;
        }
    }
}

/// Without an Early User Authorization Result nothing follows the credentials.
async fn exchange_with(stream: &mut SslStream<Tap>, bytes: &[u8], nothing: bool) -> Vec<u8> {
    if nothing {
        stream.write_all(bytes).await.expect("is sent");
        return Vec::new();
    }
    exchange(stream, bytes).await
}

async fn outcome(name: &str, attempt: Attempt) -> (Result<Vec<u8>, String>, ConnectionRecord) {
    let server = run(name).await;
    let (stream, result) = attempt.run(&server).await;
    let kept = if result.is_ok() {
        record(&server, |record| record.authenticate_received).await
    } else {
        server.record().remove(0)
    };
    drop(stream);
    (result, kept)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_password_gets_in() {
    let attempts = [
        Attempt::default(),
        Attempt { spnego: true, ..Attempt::default() },
        Attempt { domain: Some("LAB"), ..Attempt::default() },
        Attempt { user: "LAB", domain: Some("elsewhere"), ..Attempt::default() },
    ];
    for attempt in attempts {
        let (result, record) = outcome("healthy-nla", attempt).await;
        assert_eq!(result, Ok(vec![0; 4]), "an Early User Authorization Result");
        assert!(record.authenticate_received && record.credentials_received);
    }
    let always_spnego = Attempt { spnego: true, ..Attempt::default() };
    assert_eq!(outcome("healthy-spnego-only", always_spnego).await.0, Ok(vec![0; 4]));
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_and_protocols_of_other_years_get_in() {
    for name in ["healthy-nla", "nla-old-credssp"] {
        let plain = Attempt { requested: 0x03, ..Attempt::default() };
        let server = run(name).await;
        let (mut stream, result) = plain.run(&server).await;
        assert_eq!(result, Ok(Vec::new()), "{name}");
        record(&server, |record| record.credentials_received).await;
        // Nothing follows but what the client asks for.
        assert_eq!(stream.get_mut().ending().await, "open", "{name}");
    }
    let (result, _) = outcome("healthy-tls12-only", Attempt::default()).await;
    assert_eq!(result, Ok(vec![0; 4]));
    let version_5 = Attempt { version: 5, ..Attempt::default() };
    assert_eq!(outcome("healthy-nla", version_5.clone()).await.0, Ok(vec![0; 4]));
    // It has no word for what is wrong.
    let wrong = Attempt { password: "wrong", ..version_5 };
    assert_eq!(outcome("healthy-nla", wrong).await.0, Err("fin".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_ones_do_not() {
    for spnego in [false, true] {
        for attempt in [
            Attempt { password: "lab-Password-2", spnego, ..Attempt::default() },
            Attempt { user: "administrator", spnego, ..Attempt::default() },
        ] {
            let (result, record) = outcome("healthy-nla", attempt).await;
            assert_eq!(result, Err("c000006d".to_owned()));
            assert!(record.authenticate_received && !record.credentials_received);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_ends_the_sign_in_before_the_credentials() {
    let attempt = Attempt { key: Some(vec![7; 270]), ..Attempt::default() };
    let (result, record) = outcome("healthy-nla", attempt).await;
    assert_eq!(result, Err("fin".to_owned()));
    assert!(record.authenticate_received && !record.credentials_received);
}

#[tokio::test(flavor = "multi_thread")]
async fn restricted_administration_delegates_nothing() {
    let attempt = Attempt { delegation: CredSspMode::CredentialLess, ..Attempt::default() };
    let server = run("healthy-nla").await;
    let (mut stream, result) = attempt.run(&server).await;
    assert_eq!(result, Ok(vec![0; 4]));
    assert!(!server.record()[0].credentials_received);
    let mut rest = [0; 1];
    let more = tokio::time::timeout(std::time::Duration::from_millis(300), stream.read(&mut rest));
    assert!(more.await.is_err(), "the session waits for the client");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_at_the_challenge_leaves_no_proof() {
    let server = run("healthy-nla").await;
    crate::client::sign_in(&server, crate::client::NTLM).await;
    let record = record(&server, |record| !record.above_tls.is_empty()).await;
    assert!(!record.authenticate_received && !record.credentials_received);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_right_password() {
    let cases = [
        ("nla-credentials-rejected", "c000006d"),
        ("nla-account-locked", "c0000234"),
        ("nla-account-disabled", "c0000072"),
        ("nla-account-expired", "c0000193"),
        ("nla-password-expired", "c0000071"),
        ("nla-password-must-change", "c0000224"),
        ("nla-logon-type-not-granted", "c000015b"),
        ("nla-account-restriction", "c000006e"),
        ("nla-logon-hours", "c000006f"),
        ("nla-workstation-restriction", "c0000070"),
        ("nla-smartcard-required", "8009033e"),
        ("nla-trust-broken", "c000018d"),
        ("nla-restricted-admin-disabled", "c000006e"),
        ("nla-unknown-status", "c0000999"),
        ("nla-closed-at-proof", "fin"),
        ("nla-silent-at-proof", "open"),
        ("nla-public-key-mismatch", "MessageAltered: could not verify a public key hash"),
    ];
    let outcomes: Vec<_> = cases
        .into_iter()
        .map(|(name, _)| tokio::spawn(outcome(name, Attempt::default())))
        .collect();
    for (task, (name, expected)) in outcomes.into_iter().zip(cases) {
        let (result, record) = task.await.expect("an outcome");
        assert_eq!(result, Err(expected.to_owned()), "{name}");
        assert!(record.authenticate_received && !record.credentials_received, "{name}");
        assert_eq!(fault(name).map(Fault::depth), Some(Depth::SignIn), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_log_on_learns_it_behind_the_delegation() {
    let name = "session-insufficient-privileges";
    let server = run(name).await;
    let (mut stream, result) = Attempt::default().run(&server).await;
    assert_eq!(result, Ok(vec![5, 0, 0, 0]));
    assert_eq!(stream.get_mut().ending().await, "fin");
    assert!(server.record()[0].credentials_received);
    assert_eq!(fault(name).map(Fault::depth), Some(Depth::SignIn));
}
