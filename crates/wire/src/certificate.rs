//! An X.509 certificate as a diagnosis reads it.

use std::net::IpAddr;

use rdpdoctor_model::{Certificate, Hex, PublicKey, Timestamp};
use sha1::Digest as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey as ParsedKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::SubjectPublicKeyInfo;

/// Most names, usages or addresses kept of one list.
const MOST_NAMES: usize = 100;

/// Longest text kept of one field.
const LONGEST_TEXT: usize = 512;

/// Reads a certificate from its DER; the error says why it is none.
///
/// # Errors
/// When the bytes are not a certificate of RFC 5280.
pub fn read_certificate(der: &[u8]) -> Result<Certificate, String> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|error| format!("not a certificate: {error}"))?;
    let mut read = Certificate {
        subject: short(certificate.subject().to_string()),
        subject_common_name: certificate
            .subject()
            .iter_common_name()
            .last()
            .and_then(|name| name.as_str().ok())
            .map(|name| short(name.to_owned())),
        issuer: short(certificate.issuer().to_string()),
        serial: short(Hex(certificate.raw_serial().to_vec()).to_string()),
        not_before: timestamp(certificate.validity().not_before),
        not_after: timestamp(certificate.validity().not_after),
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        public_key: public_key(certificate.public_key()),
        signature_algorithm: oid_name(&certificate.signature_algorithm.algorithm),
        key_usage: None,
        extended_key_usage: None,
        is_ca: certificate.is_ca(),
        self_issued: certificate.subject().as_raw() == certificate.issuer().as_raw(),
        crl_urls: Vec::new(),
        ocsp_urls: Vec::new(),
        sha1: Hex(sha1::Sha1::digest(der).to_vec()).to_string(),
        sha256: Hex(sha2::Sha256::digest(der).to_vec()).to_string(),
        length: der.len(),
    };
    for extension in certificate.extensions() {
        read_extension(extension.parsed_extension(), &mut read);
    }
    Ok(read)
}

/// The SubjectPublicKey of a certificate, which CredSSP binds to (MS-CSSP 3.1.5): the content of the
/// BIT STRING, without its algorithm.
///
/// # Errors
/// When the bytes are not a certificate of RFC 5280.
pub fn subject_public_key(der: &[u8]) -> Result<Vec<u8>, String> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|error| format!("not a certificate: {error}"))?;
    Ok(certificate.public_key().subject_public_key.data.to_vec())
}

fn read_extension(extension: &ParsedExtension<'_>, read: &mut Certificate) {
    match extension {
        ParsedExtension::SubjectAlternativeName(names) => {
            for name in names.general_names.iter().take(MOST_NAMES) {
                match name {
                    GeneralName::DNSName(name) => read.dns_names.push(short((*name).to_owned())),
                    GeneralName::IPAddress(bytes) => read.ip_addresses.extend(address(bytes)),
                    _ => {}
                }
            }
        }
        ParsedExtension::KeyUsage(usage) => {
            let named = [
                (usage.digital_signature(), "digitalSignature"),
                (usage.non_repudiation(), "nonRepudiation"),
                (usage.key_encipherment(), "keyEncipherment"),
                (usage.data_encipherment(), "dataEncipherment"),
                (usage.key_agreement(), "keyAgreement"),
                (usage.key_cert_sign(), "keyCertSign"),
                (usage.crl_sign(), "cRLSign"),
                (usage.encipher_only(), "encipherOnly"),
                (usage.decipher_only(), "decipherOnly"),
            ];
            read.key_usage = Some(chosen(named));
        }
        ParsedExtension::ExtendedKeyUsage(usage) => {
            let mut names = chosen([
                (usage.any, "anyExtendedKeyUsage"),
                (usage.server_auth, "serverAuth"),
                (usage.client_auth, "clientAuth"),
                (usage.code_signing, "codeSigning"),
                (usage.email_protection, "emailProtection"),
                (usage.time_stamping, "timeStamping"),
                (usage.ocsp_signing, "OCSPSigning"),
            ]);
            names.extend(usage.other.iter().take(MOST_NAMES).map(Oid::to_id_string));
            read.extended_key_usage = Some(names);
        }
        ParsedExtension::CRLDistributionPoints(points) => {
            for point in points.points.iter().take(MOST_NAMES) {
                if let Some(DistributionPointName::FullName(names)) = &point.distribution_point {
                    read.crl_urls.extend(names.iter().filter_map(url));
                }
            }
        }
        ParsedExtension::AuthorityInfoAccess(access) => {
            let ocsp = access
                .accessdescs
                .iter()
                .filter(|description| {
                    description.access_method.to_id_string() == "1.3.6.1.5.5.7.48.1"
                })
                .filter_map(|description| url(&description.access_location));
            read.ocsp_urls.extend(ocsp.take(MOST_NAMES));
        }
        _ => {}
    }
}

fn chosen<const N: usize>(named: [(bool, &str); N]) -> Vec<String> {
    named.into_iter().filter(|(set, _)| *set).map(|(_, name)| name.to_owned()).collect()
}

fn url(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(url) => Some(short((*url).to_owned())),
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

fn timestamp(time: ASN1Time) -> Timestamp {
    Timestamp::from(time.to_datetime())
}

fn oid_name(oid: &Oid<'_>) -> String {
    oid2sn(oid, oid_registry()).map_or_else(|_| oid.to_id_string(), str::to_owned)
}

fn public_key(info: &SubjectPublicKeyInfo<'_>) -> PublicKey {
    let oid = info.algorithm.algorithm.to_id_string();
    let (algorithm, bits) = match info.parsed() {
        Ok(ParsedKey::RSA(key)) => ("RSA".to_owned(), u32::try_from(key.key_size()).ok()),
        Ok(ParsedKey::EC(_)) => {
            let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            ("EC".to_owned(), curve.and_then(|oid| curve_bits(&oid.to_id_string())))
        }
        Ok(ParsedKey::DSA(_)) => ("DSA".to_owned(), None),
        _ if oid == "1.3.101.112" => ("Ed25519".to_owned(), Some(256)),
        _ => (oid, None),
    };
    PublicKey { algorithm, bits }
}

/// Field sizes of the curves that occur in TLS (RFC 5480 2.1.1.1, RFC 5639).
fn curve_bits(oid: &str) -> Option<u32> {
    match oid {
        "1.2.840.10045.3.1.1" => Some(192),
        "1.3.132.0.33" => Some(224),
        "1.2.840.10045.3.1.7" | "1.3.132.0.10" | "1.3.36.3.3.2.8.1.1.7" => Some(256),
        "1.3.132.0.34" | "1.3.36.3.3.2.8.1.1.11" => Some(384),
        "1.3.36.3.3.2.8.1.1.13" => Some(512),
        "1.3.132.0.35" => Some(521),
        _ => None,
    }
}

fn short(text: String) -> String {
    if text.chars().count() <= LONGEST_TEXT {
        text
    } else {
        text.chars().take(LONGEST_TEXT).chain("...".chars()).collect()
    }
}
