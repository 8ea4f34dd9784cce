//! The steps with tokens of our own, towards a server that answers whatever it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rdpdoctor_model::{Purpose, Secret, Target};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::credssp_client::Made;
use crate::{CheckOptions, Journal, Prober, stages};

const KEY: &[u8] = b"the key of the certificate";

const NTLM_NEGOTIATE: &[u8] = b"NTLMSSP\0\x01\0\0\0rest";
const NTLM_AUTHENTICATE: &[u8] = b"NTLMSSP\0\x03\0\0\0rest";
const TICKET: &[u8] = &[0x60, 14, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2, 1, 0, b'a'];

/// Hands out these tokens, one after the other; the keys are agreed with the last.
struct Script(Vec<&'static [u8]>);

impl Tokens for Script {
    async fn token(&mut self, _input: Vec<u8>) -> Result<Made, Refusal> {
        if self.0.is_empty() {
            return Err(Refusal { code: Some(0x8009_0308), why: "no more".to_owned() });
        }
        let token = self.0.remove(0).to_vec();
        Ok(Made { token, done: self.0.is_empty() })
    }

    fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(plain.iter().map(|byte| byte ^ 0x55).collect())
    }

    fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.seal(sealed)
    }
}

/// What came of a negotiation.
struct Came {
    result: Result<Mechanism, String>,
    /// What the server was sent.
    sent: Vec<TsRequest>,
    /// How often the gate was asked.
    asked: usize,
    facts: Vec<Fact>,
}

/// Negotiates with a server that proves `key`, where the gate answers so.
async fn negotiated(tokens: &[&'static [u8]], key: &'static [u8], reason: ReleaseReason) -> Came {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let remote = listener.local_addr().expect("an address");
    let (tell, mut told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut buffer = vec![0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            let request = TsRequest::from_buffer(&buffer[..read]).expect("a TSRequest");
            let mut answer = TsRequest { version: 6, ..TsRequest::default() };
            match request.client_nonce {
                Some(nonce) => answer.pub_key_auth = Some(proof(&nonce, key)),
                None => answer.nego_tokens = Some(b"go on".to_vec()),
            }
            tell.send(request).expect("somebody listens");
            let mut bytes = Vec::new();
            answer.encode_ts_request(&mut bytes).expect("bytes");
            stream.write_all(&bytes).await.expect("sent");
        }
    });

    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let sign_in = SignIn {
        user: "CORP\\jo".parse().expect("a name"),
        credential: Credential::Password(Arc::new(Secret::new(b"secret".to_vec()))),
        mechanism: None,
        kdc: None,
        restricted_admin: false,
        logon: None,
        gate: Arc::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            Release { released: reason == ReleaseReason::CertificateTrusted, reason }
        }),
    };
    let target: Target = remote.to_string().parse().expect("a target");
    let journal = Arc::new(Journal::default());
    let prober = Prober::new().expect("TLS");
    let context = prober.context(&target, &CheckOptions::default(), &journal);
    let limit = context.deadlines.tcp;
    let (once, purpose) = (Arc::clone(&journal), Purpose::Main);
    let stream = stages::tcp::attempt(once, remote, limit, purpose, purpose).await;
    let mut link = Link::clear(stream.expect("a connection"));
    let mut attempt = Attempt {
        context: &context,
        link: &mut link,
        sign_in: &sign_in,
        protocol: 2,
        service: "TERMSRV/host".to_owned(),
        deadline: Instant::now() + context.deadlines.sign_in,
        sent: None,
    };
    let mut client = Client::new(Script(tokens.to_vec()), KEY.to_vec()).expect("a nonce");
    let result = attempt.negotiate(&mut client).await.map_err(|stopped| match stopped {
        Stopped::Unmade(refusal) => format!("unmade: {refusal}"),
        Stopped::NotTaken(refusal) => format!("not taken: {refusal}"),
        Stopped::Over(why) => why,
    });
    link.finish();
    drop(link);
    let mut sent = Vec::new();
    while let Some(request) = told.recv().await {
        sent.push(request);
    }
    let facts = journal.observations().into_iter().map(|o| o.fact).collect();
    Came { result, sent, asked: asked.load(Ordering::Relaxed), facts }
}

/// The server's half of the binding, sealed as [`Script`] does.
fn proof(nonce: &[u8], key: &[u8]) -> Vec<u8> {
    let hash = [b"CredSSP Server-To-Client Binding Hash\0", nonce, key].concat();
    openssl::sha::sha256(&hash).iter().map(|byte| byte ^ 0x55).collect()
}

fn binding(came: &Came) -> Option<bool> {
    came.facts.iter().find_map(|fact| match fact {
        Fact::PublicKeyBinding { matches, .. } => Some(*matches),
        _ => None,
    })
}

#[tokio::test]
async fn ntlm_waits_for_the_gate_and_nothing_is_delegated() {
    let tokens = [NTLM_NEGOTIATE, NTLM_AUTHENTICATE];
    let came = negotiated(&tokens, KEY, ReleaseReason::CertificateTrusted).await;
    assert_eq!(came.result, Ok(Mechanism::Ntlm));
    assert_eq!((came.asked, came.sent.len(), binding(&came)), (1, 2, Some(true)));
    assert!(came.sent.iter().all(|request| request.auth_info.is_none()));
    assert!(came.sent[1].pub_key_auth.is_some() && came.sent[1].client_nonce.is_some());

    let came = negotiated(&tokens, KEY, ReleaseReason::NotJudged).await;
    assert!(came.result.expect_err("withheld").contains("no credential was sent"));
    assert_eq!((came.asked, came.sent.len()), (1, 1), "no proof for whom nobody vouches for");
}

#[tokio::test]
async fn a_ticket_vouches_for_who_takes_it() {
    let came = negotiated(&[TICKET, b""], KEY, ReleaseReason::NotJudged).await;
    assert_eq!((came.result.as_ref(), binding(&came)), (Ok(&Mechanism::Kerberos), Some(true)));
    let sent = |fact: &Fact| matches!(fact, Fact::CredentialSent { .. });
    assert_eq!((came.asked, came.facts.iter().filter(|fact| sent(fact)).count()), (1, 1));
    let came = negotiated(&[TICKET, b""], KEY, ReleaseReason::Intercepted).await;
    assert!(came.result.is_err() && came.sent.is_empty());

    // What begins with a ticket and goes on with NTLM is judged anew.
    let tokens = [TICKET, NTLM_NEGOTIATE, NTLM_AUTHENTICATE];
    let came = negotiated(&tokens, KEY, ReleaseReason::NotJudged).await;
    assert!(came.result.is_err());
    assert_eq!((came.asked, came.sent.len()), (2, 2));
}

#[tokio::test]
async fn what_is_not_known_stays_here() {
    for token in [&b"something new"[..], &[0x60, 3, 6, 1, 9]] {
        let came = negotiated(&[token, b""], KEY, ReleaseReason::CertificateTrusted).await;
        assert!(came.result.expect_err("unknown").contains("no known mechanism"));
        assert!(came.sent.is_empty() && came.asked == 0);
    }
}

#[tokio::test]
async fn another_key_no_proof_and_no_end() {
    let trusted = ReleaseReason::CertificateTrusted;
    let came = negotiated(&[TICKET, b""], b"another key", trusted).await;
    assert!(came.result.as_ref().expect_err("another key").contains("another key"));
    assert_eq!(binding(&came), Some(false));
    let endless = [NTLM_NEGOTIATE; 2 * MOST_ROUNDS];
    let came = negotiated(&endless, KEY, trusted).await;
    assert_eq!(came.result, Err("the negotiation has no end".to_owned()));
    assert_eq!(came.sent.len(), MOST_ROUNDS);
    let came = negotiated(&[b""], KEY, trusted).await;
    assert_eq!(came.result, Err("nobody proved who they are".to_owned()));
    let came = negotiated(&[], KEY, trusted).await;
    assert_eq!(came.result, Err("unmade: no more".to_owned()));
}
