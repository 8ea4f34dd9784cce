//! What the probe offers in TLS, and the roots it holds certificates against.

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[cfg(any(windows, test))]
use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::Id;
use openssl::ssl::{
    self, Ssl, SslContext, SslMethod, SslMode, SslOptions, SslRef, SslVerifyMode, SslVersion,
    StatusType,
};
#[cfg(any(windows, test))]
use openssl::stack::Stack;
use openssl::x509::X509;
#[cfg(any(windows, test))]
use openssl::x509::X509StoreContext;
use openssl::x509::store::X509StoreBuilder;
use rdpdoctor_model::{ChainError, LongOffer};
use tokio::time::timeout;
use tokio_openssl::SslStream;

use crate::stream::MeteredStream;

/// Suites up to TLS 1.2, strongest first: what a Windows client still speaks. 3DES and RSA key
/// exchange are for servers that know nothing better.
const SUITES: &str = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:\
    ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:\
    DHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
    ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384:\
    ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES256-SHA:\
    ECDHE-RSA-AES128-SHA:DHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA:AES256-GCM-SHA384:\
    AES128-GCM-SHA256:AES256-SHA256:AES128-SHA256:AES256-SHA:AES128-SHA:ECDHE-RSA-DES-CBC3-SHA:\
    DES-CBC3-SHA";

/// Suites that nobody should take any more (RFC 7465, RFC 8996, NIST SP 800-131A): RC4, single DES,
/// 3DES, no encryption. A server that agrees to these alone is in danger of being talked down.
const WEAK_SUITES: &str = "RC4-SHA:RC4-MD5:ECDHE-RSA-RC4-SHA:DES-CBC3-SHA:ECDHE-RSA-DES-CBC3-SHA:\
    ECDHE-ECDSA-DES-CBC3-SHA:DES-CBC-SHA:NULL-SHA256:NULL-SHA:NULL-MD5";

/// What one handshake offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// All that a Windows client can still speak.
    Everything,
    /// One version alone.
    Version(SslVersion),
    /// TLS 1.2 and 1.3: such a hello lists its versions, and says that it takes nothing older.
    Modern,
    /// TLS 1.0 to 1.2 with suites that are broken or too weak.
    WeakSuites,
    /// A key exchange whose answer is long.
    Long(LongOffer),
}

/// The groups Schannel offers. OpenSSL's default adds a post-quantum share, which makes the hello
/// 1,100 bytes longer and trips middleboxes that `mstsc` does not.
const GROUPS: &str = "X25519:P-256:P-384";

/// TLS 1.2 whose server sends a prime, a number as long, and a signature (RFC 5246 7.4.3). Windows has
/// two of these by default.
const DHE_SUITES: &str =
    "DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA";

/// A group of which the server's share has 1,120 bytes.
const POST_QUANTUM_GROUP: &str = "X25519MLKEM768";

/// X509_V_ERR_CERT_HAS_EXPIRED (openssl-verification-options(1)).
#[cfg(any(windows, test))]
const EXPIRED: i32 = 10;

/// The TLS library could not be set up.
#[derive(Debug)]
pub struct TlsError(ErrorStack);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the TLS library could not be set up: {}", self.0)
    }
}

impl std::error::Error for TlsError {}

impl From<ErrorStack> for TlsError {
    fn from(error: ErrorStack) -> Self {
        Self(error)
    }
}

/// Shared by all checks of a process.
pub(crate) struct TlsClient {
    context: SslContext,
    pub(crate) store: String,
    pub(crate) roots: usize,
}

/// What OpenSSL's verification said of each certificate of a chain.
pub(crate) type ChainErrors = Arc<Mutex<Vec<ChainError>>>;

impl TlsClient {
    /// `secrets` gets the key log of every connection (RFC 9850).
    pub(crate) fn new(secrets: Option<File>) -> Result<Self, TlsError> {
        let mut context = SslContext::builder(SslMethod::tls_client())?;
        if let Some(file) = secrets {
            let file = Mutex::new(file);
            context.set_keylog_callback(move |_, line| {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                // A capture can be read without them too: what cannot be written is no failure.
                let _ = writeln!(file, "{line}");
            });
        }
        // Old and weak peers shall answer too; they are judged by what was agreed.
        context.set_security_level(0);
        context.set_min_proto_version(Some(SslVersion::TLS1))?;
        context.set_max_proto_version(Some(SslVersion::TLS1_3))?;
        context.set_cipher_list(SUITES)?;
        context.set_groups_list(GROUPS)?;
        // SSL_OP_LEGACY_SERVER_CONNECT: servers without RFC 5746 answer too.
        context.set_options(SslOptions::NO_COMPRESSION | SslOptions::from_bits_retain(0x4));
        context.set_mode(SslMode::RELEASE_BUFFERS);
        let loaded = rustls_native_certs::load_native_certs();
        let mut store = X509StoreBuilder::new()?;
        let mut roots = 0;
        for certificate in loaded.certs {
            if X509::from_der(&certificate).and_then(|root| store.add_cert(root)).is_ok() {
                roots += 1;
            }
        }
        context.set_cert_store(store.build());
        let store = match std::env::var_os("SSL_CERT_FILE").or(std::env::var_os("SSL_CERT_DIR")) {
            Some(place) => place.to_string_lossy().into_owned(),
            None => "the system's trust store".to_owned(),
        };
        Ok(Self { context: context.build(), store, roots })
    }

    /// What stands in the way of trusting certificates, the server's own first, and the chain that was
    /// found for it. Outside of a handshake of its own OpenSSL's verification ends with the first thing
    /// that it does not like; the dates are looked at one by one, as they are in one.
    #[cfg(any(windows, test))]
    pub(crate) fn judged(
        &self,
        certificates: &[X509],
    ) -> Result<(Vec<ChainError>, Vec<X509>), ErrorStack> {
        let Some(own) = certificates.first() else { return Ok((Vec::new(), Vec::new())) };
        let mut others = Stack::new()?;
        for other in &certificates[1..] {
            others.push(other.clone())?;
        }
        let mut verified = X509StoreContext::new()?;
        let (mut errors, chain) =
            verified.init(self.context.cert_store(), own, &others, |verified| {
                let trusted = verified.verify_cert()?;
                let error = verified.error();
                let found = ChainError {
                    depth: verified.error_depth(),
                    code: error.as_raw(),
                    text: error.error_string().to_owned(),
                };
                let chain = verified.chain().into_iter().flatten().map(ToOwned::to_owned);
                Ok(((!trusted).then_some(found).into_iter().collect::<Vec<_>>(), chain.collect()))
            })?;
        for (depth, one) in (0..).zip::<&Vec<X509>>(&chain) {
            if !errors.iter().any(|error| (error.depth, error.code) == (depth, EXPIRED))
                && *one.not_after() < *Asn1Time::days_from_now(0)?
            {
                let text = "certificate has expired".to_owned();
                errors.push(ChainError { depth, code: EXPIRED, text });
            }
        }
        Ok((errors, chain))
    }

    /// The name of a suite by its number.
    #[cfg(any(windows, test))]
    pub(crate) fn suite_name(&self, number: u16) -> String {
        let name = || {
            let session = Ssl::new(&self.context).ok()?;
            let list = session.bytes_to_cipher_list(&number.to_be_bytes(), false).ok()?;
            list.suites.iter().next().map(|suite| suite.name().to_owned())
        };
        name().unwrap_or_else(|| format!("{number:#06x}"))
    }

    /// A session that has not begun; `server_name` is sent as SNI.
    pub(crate) fn session(
        &self,
        server_name: Option<&str>,
        offer: Offer,
    ) -> Result<(Ssl, ChainErrors), ErrorStack> {
        let mut session = match offer {
            // Groups belong to a context.
            Offer::Long(LongOffer::PostQuantum) => {
                let context = post_quantum()?;
                Ssl::new(&context)?
            }
            _ => Ssl::new(&self.context)?,
        };
        if let Some(name) = server_name {
            session.set_hostname(name)?;
        }
        session.set_status_type(StatusType::OCSP)?;
        match offer {
            Offer::Everything => {}
            Offer::Version(version) => {
                session.set_min_proto_version(Some(version))?;
                session.set_max_proto_version(Some(version))?;
            }
            Offer::Modern => session.set_min_proto_version(Some(SslVersion::TLS1_2))?,
            Offer::WeakSuites => {
                session.set_max_proto_version(Some(SslVersion::TLS1_2))?;
                session.set_cipher_list(WEAK_SUITES)?;
            }
            Offer::Long(LongOffer::Dhe) => {
                session.set_max_proto_version(Some(SslVersion::TLS1_2))?;
                session.set_cipher_list(DHE_SUITES)?;
            }
            Offer::Long(LongOffer::PostQuantum) => {
                session.set_min_proto_version(Some(SslVersion::TLS1_3))?;
            }
        }
        let errors = ChainErrors::default();
        let collected = Arc::clone(&errors);
        // The chain is judged afterwards; the handshake's signature is verified all the same.
        session.set_verify_callback(SslVerifyMode::PEER, move |trusted, chain| {
            if !trusted {
                let error = chain.error();
                let found = ChainError {
                    depth: chain.error_depth(),
                    code: error.as_raw(),
                    text: error.error_string().to_owned(),
                };
                let mut all = collected.lock().unwrap_or_else(PoisonError::into_inner);
                if all.len() < 16 && !all.contains(&found) {
                    all.push(found);
                }
            }
            true
        });
        Ok((session, errors))
    }
}

/// For a question about the path: whom it meets does not matter there.
fn post_quantum() -> Result<SslContext, ErrorStack> {
    let mut context = SslContext::builder(SslMethod::tls_client())?;
    context.set_groups_list(POST_QUANTUM_GROUP)?;
    Ok(context.build())
}

/// Makes the handshake within `limit`; the stream is kept whatever becomes of it. The inner `None`
/// says that the time was up.
pub(crate) async fn handshake(
    session: Ssl,
    stream: MeteredStream,
    limit: Duration,
) -> Result<(SslStream<MeteredStream>, Option<Result<(), ssl::Error>>), ErrorStack> {
    let mut stream = SslStream::new(session, stream)?;
    let result = timeout(limit, Pin::new(&mut stream).connect()).await.ok();
    Ok((stream, result))
}

impl Offer {
    /// The oldest and the newest version in it, as on the wire.
    pub(crate) fn versions(self) -> (u16, u16) {
        match self {
            Self::Everything => (0x0301, 0x0304),
            Self::Modern => (0x0303, 0x0304),
            Self::Version(version) => (number(Some(version)), number(Some(version))),
            Self::WeakSuites | Self::Long(LongOffer::Dhe) => (0x0301, 0x0303),
            Self::Long(LongOffer::PostQuantum) => (0x0304, 0x0304),
        }
    }
}

/// The agreed version as on the wire.
pub(crate) fn wire_version(session: &SslRef) -> u16 {
    number(session.version2())
}

fn number(version: Option<SslVersion>) -> u16 {
    match version {
        Some(SslVersion::TLS1) => 0x0301,
        Some(SslVersion::TLS1_1) => 0x0302,
        Some(SslVersion::TLS1_2) => 0x0303,
        Some(SslVersion::TLS1_3) => 0x0304,
        _ => 0x0300,
    }
}

/// The agreed key exchange in a word or two.
pub(crate) fn key_exchange(session: &SslRef) -> Option<String> {
    let Ok(key) = session.peer_tmp_key() else { return Some("RSA".to_owned()) };
    Some(match key.id() {
        Id::X25519 => "X25519".to_owned(),
        Id::EC => match key.ec_key().ok()?.group().curve_name()? {
            Nid::X9_62_PRIME256V1 => "P-256".to_owned(),
            Nid::SECP384R1 => "P-384".to_owned(),
            other => other.short_name().ok()?.to_owned(),
        },
        Id::DH => format!("DHE {} bit", key.bits()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use openssl::bn::BigNum;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::x509::X509NameBuilder;

    use super::*;

    /// A certificate that vouches for itself, valid between these moments.
    fn self_signed(from: i64, to: i64) -> Result<X509, ErrorStack> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        let mut name = X509NameBuilder::new()?;
        name.append_entry_by_text("CN", "pc42")?;
        let name = name.build();
        let mut certificate = X509::builder()?;
        certificate.set_version(2)?;
        certificate.set_serial_number(&*BigNum::from_u32(1)?.to_asn1_integer()?)?;
        certificate.set_subject_name(&name)?;
        certificate.set_issuer_name(&name)?;
        certificate.set_pubkey(&key)?;
        certificate.set_not_before(&*Asn1Time::from_unix(from)?)?;
        certificate.set_not_after(&*Asn1Time::from_unix(to)?)?;
        certificate.sign(&key, MessageDigest::sha256())?;
        Ok(certificate.build())
    }

    #[test]
    fn a_chain_is_judged_outside_of_a_handshake() {
        let client = TlsClient::new(None).unwrap();
        let codes = |certificate: X509| {
            let (errors, _) = client.judged(&[certificate]).unwrap();
            errors.into_iter().map(|error| (error.depth, error.code)).collect::<Vec<_>>()
        };
        // X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT.
        assert_eq!(codes(self_signed(0, i64::from(u32::MAX)).unwrap()), [(0, 18)]);
        assert_eq!(codes(self_signed(0, 1_000_000_000).unwrap()), [(0, 18), (0, EXPIRED)]);
        assert!(client.judged(&[]).unwrap().0.is_empty());
    }

    #[test]
    fn suites_have_their_names() {
        let client = TlsClient::new(None).unwrap();
        assert_eq!(client.suite_name(0xC030), "ECDHE-RSA-AES256-GCM-SHA384");
        assert_eq!(client.suite_name(0x1302), "TLS_AES_256_GCM_SHA384");
        assert_eq!(client.suite_name(0xFAFA), "0xfafa");
    }
}
