//! The signature of an `.rdp` file: a detached PKCS #7 signature over the settings that `signscope`
//! names, as UTF-16.
//!
//! Microsoft has not published the form; it is known from <https://github.com/nfedera/rdpsign>: the
//! lines in the order of the scope, the scope's own line and a zero, each line with CRLF. In front
//! of the signature stand three numbers, the last of which is its length.

use base64ct::{Base64, Encoding as _};
use cms::cert::CertificateChoices;
use cms::cert::x509::Certificate;
use cms::cert::x509::der::asn1::OctetString;
use cms::cert::x509::der::oid::ObjectIdentifier;
use cms::cert::x509::der::{Decode as _, Encode as _};
use cms::cert::x509::ext::pkix::SubjectKeyIdentifier;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use rdpdoctor_model::{Fact, Lookup};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::sha2::{Digest as _, Sha256, Sha384, Sha512};
use rsa::{Pkcs1v15Sign, RsaPublicKey};

use super::{RdpFile, short};

/// Names of a scope; `rdpsign` knows some 45.
const SCOPE: usize = 200;

/// Bytes in front of the PKCS #7 structure.
const HEADER: usize = 12;

const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// rsaEncryption, and with SHA-256, SHA-384, SHA-512 (RFC 8017 A.1, A.2.4); PSS is another scheme.
const RSA: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13"),
];

/// id-messageDigest (RFC 5652 11.2).
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");

/// What the signature covers, who made it, and whether it still fits; none without one. Whether a
/// client trusts who signed is that client's matter.
pub(super) fn fact(file: &RdpFile) -> Option<Fact> {
    let signature = file.text("signature")?;
    let scope: Vec<String> = file
        .text("signscope")
        .unwrap_or_default()
        .split(',')
        .map(|name| short(name).to_lowercase())
        .filter(|name| !name.is_empty())
        .take(SCOPE)
        .collect();
    let Some(bytes) = bytes(signature) else {
        return Some(Fact::RdpFileSignature { scope, subject: None, fits: Lookup::seen(false) });
    };
    let read = read(&bytes);
    let subject = read.as_ref().ok().map(|read| short(&read.subject()));
    let fits = match read {
        Err(why) => Lookup::unavailable(why),
        Ok(read) => match signed_text(file, &scope) {
            // What was signed is not in the file any more.
            None => Lookup::seen(false),
            Some(text) => match read.fits(&text) {
                Ok(fits) => Lookup::seen(fits),
                Err(why) => Lookup::unavailable(why),
            },
        },
    };
    Some(Fact::RdpFileSignature { scope, subject, fits })
}

/// The text that was signed; none when a setting of the scope is missing.
fn signed_text(file: &RdpFile, scope: &[String]) -> Option<Vec<u8>> {
    let mut text = String::new();
    for name in scope {
        let line = file.setting(name)?.line;
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        text.push_str(file.lines.get(index)?.trim());
        text.push_str("\r\n");
    }
    text.push_str("signscope:s:");
    text.push_str(file.text("signscope").unwrap_or_default());
    text.push_str("\r\n\0");
    Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect())
}

/// A signature and the certificate of who made it.
struct Signature {
    signer: SignerInfo,
    certificate: Certificate,
}

/// The PKCS #7 structure; none when there cannot be one.
fn bytes(signature: &str) -> Option<Vec<u8>> {
    let digits: String = signature.chars().filter(|c| !c.is_whitespace()).collect();
    let mut bytes = Base64::decode_vec(&digits).ok()?;
    (bytes.len() > HEADER).then(|| bytes.split_off(HEADER))
}

fn read(der: &[u8]) -> Result<Signature, String> {
    let broken = |what: &str| format!("the signature is no PKCS #7 structure ({what})");
    let data = ContentInfo::from_der(der)
        .and_then(|info| info.content.decode_as::<SignedData>())
        .map_err(|error| broken(&error.to_string()))?;
    let signer = data.signer_infos.0.iter().next().ok_or_else(|| broken("nobody signed"))?;
    let certificates = data.certificates.iter().flat_map(|set| set.0.iter());
    let certificate = certificates
        .filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate),
            CertificateChoices::Other(_) => None,
        })
        .find(|certificate| is_of(&signer.sid, certificate))
        .ok_or("the certificate of who signed is not in it")?;
    Ok(Signature { signer: signer.clone(), certificate: certificate.clone() })
}

fn is_of(signer: &SignerIdentifier, certificate: &Certificate) -> bool {
    let body = certificate.tbs_certificate();
    match signer {
        SignerIdentifier::IssuerAndSerialNumber(name) => {
            name.issuer == *body.issuer() && name.serial_number == *body.serial_number()
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => {
            let own = body.get_extension::<SubjectKeyIdentifier>();
            own.ok().flatten().is_some_and(|(_, own)| own == *id)
        }
    }
}

/// A text's digest.
type Hash = fn(&[u8]) -> Vec<u8>;

impl Signature {
    fn subject(&self) -> String {
        self.certificate.tbs_certificate().subject().to_string()
    }

    /// Whether this signs `text` (RFC 5652 5.6); the error says why that cannot be told.
    fn fits(&self, text: &[u8]) -> Result<bool, String> {
        let (scheme, hash) = self.digest()?;
        let key = self.certificate.tbs_certificate().subject_public_key_info().to_der();
        let key = key.map_err(|error| error.to_string())?;
        let key = RsaPublicKey::from_public_key_der(&key)
            .map_err(|_| "it was not made with an RSA key that can be checked here")?;
        let signed = match &self.signer.signed_attrs {
            None => hash(text),
            Some(attributes) => {
                let digest = attributes
                    .iter()
                    .find(|attribute| attribute.oid == MESSAGE_DIGEST)
                    .and_then(|attribute| attribute.values.iter().next())
                    .and_then(|value| value.decode_as::<OctetString>().ok())
                    .ok_or("it does not say what was signed")?;
                if digest.as_bytes() != hash(text) {
                    return Ok(false);
                }
                hash(&attributes.to_der().map_err(|error| error.to_string())?)
            }
        };
        Ok(key.verify(scheme, &signed, self.signer.signature.as_bytes()).is_ok())
    }

    /// The scheme, PKCS #1 v1.5, and the digest.
    fn digest(&self) -> Result<(Pkcs1v15Sign, Hash), String> {
        let algorithm = self.signer.signature_algorithm.oid;
        if !RSA.contains(&algorithm) {
            return Err(format!("its algorithm {algorithm} is not known here"));
        }
        match self.signer.digest_alg.oid {
            SHA_256 => Ok((Pkcs1v15Sign::new::<Sha256>(), |text| Sha256::digest(text).to_vec())),
            SHA_384 => Ok((Pkcs1v15Sign::new::<Sha384>(), |text| Sha384::digest(text).to_vec())),
            SHA_512 => Ok((Pkcs1v15Sign::new::<Sha512>(), |text| Sha512::digest(text).to_vec())),
            other => Err(format!("its digest {other} is not known here")),
        }
    }
}
