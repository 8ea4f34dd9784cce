//! Keys and certificates, made when a server starts. `rcgen` makes what is sound; OpenSSL makes what
//! it refuses to: short keys and SHA-1.

use std::io;
use std::sync::{Mutex, PoisonError};

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::{Rsa, RsaPrivateKeyBuilder};
use openssl::x509::extension::{ExtendedKeyUsage, KeyUsage};
use openssl::x509::{X509, X509Builder, X509NameBuilder};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    CrlDistributionPoint, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RevocationReason, RevokedCertParams,
    SerialNumber,
};
use time::{Duration, OffsetDateTime};

use crate::behaviour::Computer;
use crate::credssp;

/// How long the certificate is valid that Windows makes for itself.
const HALF_A_YEAR: Duration = Duration::days(182);

/// A server's certificate, then those of its issuers that it sends along, and its key.
pub(crate) struct Identity {
    pub(crate) chain: Vec<X509>,
    pub(crate) key: PKey<Private>,
}

impl Identity {
    /// The certificate's subjectPublicKey.
    pub(crate) fn public_key(&self) -> io::Result<Vec<u8>> {
        let none = || io::Error::other("a certificate without a key");
        let info = self.chain.first().ok_or_else(none)?.public_key()?.public_key_to_der()?;
        credssp::subject_public_key(&info).map(<[u8]>::to_vec).ok_or_else(none)
    }
}

/// What certificates are made from.
pub(crate) struct Forge {
    /// Whose certificate it is.
    pub(crate) computer: Computer,
    /// The names in certificates of the lab's authority.
    pub(crate) names: Vec<String>,
    /// Where they say that the authority's revocation list is.
    pub(crate) revocation_list: Option<String>,
    authority: Authority,
}

/// An issuer and its key.
type Authority = CertifiedIssuer<'static, KeyPair>;

impl Forge {
    pub(crate) fn new(
        computer: Computer,
        names: Vec<String>,
        revocation_list: Option<String>,
    ) -> io::Result<Self> {
        let params = authority_params(&[(DnType::CommonName, "rdpdoctor lab authority")]);
        let authority = self_signed_authority(params)?;
        Ok(Self { computer, names, revocation_list, authority })
    }

    /// The lab authority's certificate.
    pub(crate) fn authority_pem(&self) -> String {
        self.authority.pem()
    }

    /// The authority's revocation list in DER, with one certificate in it or none.
    pub(crate) fn revocation_list(&self, revoked: Option<&X509>) -> io::Result<Vec<u8>> {
        let now = OffsetDateTime::now_utc();
        let serial = |certificate: &X509| -> io::Result<SerialNumber> {
            Ok(SerialNumber::from_slice(&certificate.serial_number().to_bn()?.to_vec()))
        };
        let revoked_certs = match revoked {
            None => Vec::new(),
            Some(certificate) => vec![RevokedCertParams {
                serial_number: serial(certificate)?,
                revocation_time: now - Duration::days(1),
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            }],
        };
        let list = CertificateRevocationListParams {
            this_update: now - Duration::hours(1),
            next_update: now + Duration::days(7),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.authority).map_err(io::Error::other)?.der().to_vec())
    }
}

/// What Windows makes for itself: RSA, 2048 bits, valid for half a year, no alternative names.
pub(crate) fn self_signed(forge: &Forge) -> io::Result<Identity> {
    self_signed_with(forge, |_| {})
}

/// The same, with something changed.
pub(crate) fn self_signed_with(
    forge: &Forge,
    change: fn(&mut CertificateParams),
) -> io::Result<Identity> {
    let key = rsa_2048()?;
    let mut params = own_params(&forge.computer, Vec::new())?;
    change(&mut params);
    let certificate = params.self_signed(&for_rcgen(&key)?).map_err(io::Error::other)?;
    Ok(Identity { chain: vec![X509::from_der(certificate.der())?], key })
}

/// The same with an elliptic curve's key, P-256.
pub(crate) fn self_signed_ec(forge: &Forge) -> io::Result<Identity> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
    let mut params = own_params(&forge.computer, Vec::new())?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let der = key.private_key_to_pkcs8()?;
    let signer = KeyPair::from_pkcs8_der_and_sign_algo(&der.into(), &PKCS_ECDSA_P256_SHA256)
        .map_err(io::Error::other)?;
    let certificate = params.self_signed(&signer).map_err(io::Error::other)?;
    Ok(Identity { chain: vec![X509::from_der(certificate.der())?], key })
}

/// A self-signed certificate with an RSA key of so many bits, signed with this digest.
pub(crate) fn self_signed_weak(
    forge: &Forge,
    bits: u32,
    digest: MessageDigest,
) -> io::Result<Identity> {
    let key = if bits == 2048 { rsa_2048()? } else { PKey::from_rsa(Rsa::generate(bits)?)? };
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, &forge.computer.name)?;
    let name = name.build();
    let serial = random_serial()?;
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    builder.set_serial_number(BigNum::from_slice(&serial)?.to_asn1_integer()?.as_ref())?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    let now = OffsetDateTime::now_utc();
    let moment = |at: OffsetDateTime| Asn1Time::from_unix(at.unix_timestamp());
    builder.set_not_before(moment(now - Duration::days(1))?.as_ref())?;
    builder.set_not_after(moment(now + HALF_A_YEAR)?.as_ref())?;
    builder.set_pubkey(&key)?;
    builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    builder.append_extension(KeyUsage::new().key_encipherment().data_encipherment().build()?)?;
    builder.sign(&key, digest)?;
    Ok(Identity { chain: vec![builder.build()], key })
}

/// A certificate with the public key of another pair than the one the server signs with.
pub(crate) fn self_signed_for_another_key(forge: &Forge) -> io::Result<Identity> {
    let identity = self_signed(forge)?;
    let public = identity.key.rsa()?;
    let own = Rsa::generate(2048)?;
    // OpenSSL compares the public halves before it takes a key; so the pair that it gets has the
    // certificate's public half, and the private exponent of the server's own key.
    let mixed = RsaPrivateKeyBuilder::new(
        public.n().to_owned()?,
        public.e().to_owned()?,
        own.d().to_owned()?,
    )?;
    Ok(Identity { key: PKey::from_rsa(mixed.build())?, ..identity })
}

/// A certificate of the lab's authority for these names.
pub(crate) fn from_authority(forge: &Forge, names: &[String]) -> io::Result<Identity> {
    from_authority_with(forge, names, |_| {})
}

/// The same, altered.
pub(crate) fn from_authority_with(
    forge: &Forge,
    names: &[String],
    alter: impl FnOnce(&mut CertificateParams),
) -> io::Result<Identity> {
    let key = rsa_2048()?;
    let mut params = own_params(&forge.computer, names.to_vec())?;
    alter(&mut params);
    params.crl_distribution_points = forge
        .revocation_list
        .iter()
        .map(|uri| CrlDistributionPoint { uris: vec![uri.clone()] })
        .collect();
    let leaf = params.signed_by(&for_rcgen(&key)?, &forge.authority).map_err(io::Error::other)?;
    Ok(Identity { chain: vec![X509::from_der(leaf.der())?], key })
}

/// A certificate for the right names from an issuer that nobody is told to trust. With `send_issuer`
/// the issuer's certificate is sent along.
pub(crate) fn from_stranger(
    forge: &Forge,
    issuer: &[(DnType, &str)],
    send_issuer: bool,
) -> io::Result<Identity> {
    let key = rsa_2048()?;
    let stranger = self_signed_authority(authority_params(issuer))?;
    let params = own_params(&forge.computer, forge.names.clone())?;
    let leaf = params.signed_by(&for_rcgen(&key)?, &stranger).map_err(io::Error::other)?;
    let mut chain = vec![X509::from_der(leaf.der())?];
    if send_issuer {
        chain.push(X509::from_der(stranger.der())?);
    }
    Ok(Identity { chain, key })
}

/// A certificate of the lab's authority, through an intermediate one, with so many names that the
/// chain has about 12 KB.
pub(crate) fn with_large_chain(forge: &Forge) -> io::Result<Identity> {
    let key = rsa_2048()?;
    let params = authority_params(&[(DnType::CommonName, "rdpdoctor lab intermediate authority")]);
    let own = KeyPair::generate().map_err(io::Error::other)?;
    let intermediate =
        CertifiedIssuer::signed_by(params, own, &forge.authority).map_err(io::Error::other)?;
    let mut names = forge.names.clone();
    names.extend((0..280).map(|number| format!("host-{number:04}.branch-office.lab.example")));
    let params = own_params(&forge.computer, names)?;
    let leaf = params.signed_by(&for_rcgen(&key)?, &intermediate).map_err(io::Error::other)?;
    let chain = vec![X509::from_der(leaf.der())?, X509::from_der(intermediate.der())?];
    Ok(Identity { chain, key })
}

/// The fields of a host's certificate, with the usages that Windows writes.
fn own_params(computer: &Computer, names: Vec<String>) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, computer.name.clone());
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(1);
    params.not_after = params.not_before + HALF_A_YEAR;
    params.key_usages = vec![KeyUsagePurpose::KeyEncipherment, KeyUsagePurpose::DataEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Not the number that rcgen makes of the key: all servers share that (`rsa_2048`), and two of
    // one second would have one certificate.
    params.serial_number = Some(SerialNumber::from_slice(&random_serial()?));
    Ok(params)
}

/// A positive number of 16 octets, as Windows gives its own certificates (RFC 5280 4.1.2.2).
fn random_serial() -> io::Result<[u8; 16]> {
    let mut serial = [0; 16];
    openssl::rand::rand_bytes(&mut serial)?;
    serial[0] = serial[0] & 0x7F | 0x40;
    Ok(serial)
}

fn authority_params(name: &[(DnType, &str)]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in name {
        params.distinguished_name.push(kind.clone(), *value);
    }
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(30);
    params.not_after = now + Duration::days(3650);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn self_signed_authority(params: CertificateParams) -> io::Result<Authority> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)
}

/// An RSA key of 2048 bits, the same one for all servers of this process: making one takes a tenth
/// of a second or more, and hundreds of tests start a server.
fn rsa_2048() -> io::Result<PKey<Private>> {
    static KEY: Mutex<Option<PKey<Private>>> = Mutex::new(None);
    let mut key = KEY.lock().unwrap_or_else(PoisonError::into_inner);
    match &*key {
        Some(key) => Ok(key.clone()),
        None => Ok(key.insert(PKey::from_rsa(Rsa::generate(2048)?)?).clone()),
    }
}

fn for_rcgen(key: &PKey<Private>) -> io::Result<KeyPair> {
    let der = key.private_key_to_pkcs8()?;
    KeyPair::from_pkcs8_der_and_sign_algo(&der.into(), &PKCS_RSA_SHA256).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use openssl::stack::Stack;
    use openssl::x509::store::X509StoreBuilder;
    use openssl::x509::{X509StoreContext, X509StoreContextRef};

    use super::*;

    fn forge() -> Forge {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        Forge::new(Computer::lab(), names, None).expect("a forge")
    }

    /// Whether a client that trusts the lab's authority accepts a chain.
    fn trusted(forge: &Forge, identity: &Identity) -> bool {
        let mut store = X509StoreBuilder::new().expect("a store");
        let root = X509::from_pem(forge.authority_pem().as_bytes()).expect("a certificate");
        store.add_cert(root).expect("is taken");
        let mut others = Stack::new().expect("a stack");
        for issuer in &identity.chain[1..] {
            others.push(issuer.clone()).expect("is taken");
        }
        let mut context = X509StoreContext::new().expect("a context");
        let own = &identity.chain[0];
        context
            .init(&store.build(), own, &others, X509StoreContextRef::verify_cert)
            .expect("can be judged")
    }

    #[test]
    fn the_authority_vouches_for_its_own_and_for_nobody_else() {
        let forge = forge();
        let own = from_authority(&forge, &forge.names).expect("a certificate");
        let large = with_large_chain(&forge).expect("a chain");
        let stranger = from_stranger(&forge, &[(DnType::CommonName, "A")], true).expect("a chain");
        let alone = self_signed(&forge).expect("a certificate");
        assert!(trusted(&forge, &own));
        assert!(trusted(&forge, &large));
        assert!(!trusted(&forge, &stranger));
        assert!(!trusted(&forge, &alone));
        let length: usize =
            large.chain.iter().map(|certificate| certificate.to_der().expect("DER").len()).sum();
        assert!((11_000..13_500).contains(&length), "{length}");
    }

    #[test]
    fn a_mixed_key_has_the_certificates_public_half_and_cannot_sign_for_it() {
        let identity = self_signed_for_another_key(&forge()).expect("an identity");
        let public = identity.chain[0].public_key().expect("a key");
        assert!(public.public_eq(&identity.key));
        assert!(!identity.key.rsa().expect("RSA").check_key().unwrap_or(false));
    }

    #[test]
    fn two_certificates_of_one_second_and_one_key_differ() {
        let forge = forge();
        let certificates = [self_signed(&forge), self_signed(&forge)].map(|identity| {
            let identity = identity.expect("an identity");
            identity.chain.first().expect("a certificate").to_der().expect("its bytes")
        });
        assert_ne!(certificates[0], certificates[1]);
    }

    #[test]
    fn a_revocation_list_names_the_serial_number() {
        let forge = forge();
        let own = &from_authority(&forge, &forge.names).expect("a certificate").chain[0];
        for revoked in [None, Some(own)] {
            let list = forge.revocation_list(revoked).expect("a list");
            let list = openssl::x509::X509Crl::from_der(&list).expect("is DER");
            let found = matches!(list.get_by_cert(own), openssl::x509::CrlStatus::Revoked(_));
            assert_eq!(found, revoked.is_some());
        }
    }
}
