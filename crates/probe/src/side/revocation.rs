//! Was the certificate revoked? The stapled answer first, then the OCSP responder, then the list;
//! one good word ends the asking. Answers count only when the issuer signed them.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use openssl::hash::MessageDigest;
use openssl::ocsp::{
    OcspCertId, OcspCertStatus, OcspFlag, OcspRequest, OcspResponse, OcspResponseStatus,
};
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{CrlStatus, X509Crl};
use rdpdoctor_model::{
    Fact, Lookup, Purpose, RevocationAnswer, RevocationSource, Stage, Transport,
};
use rdpdoctor_wire::read_certificate;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::context::Context;
use crate::stages::tls::Issued;

/// How long one place may take.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Longest list that is read; those of large public CAs have some megabytes.
const LONGEST: usize = 8 * 1024 * 1024;

/// Asks until somebody knows.
pub(crate) async fn ask(context: Context, issued: Issued) {
    let note = |by, url: Option<&str>, answer: Lookup<RevocationAnswer>| {
        let known = answer.as_seen().is_some_and(|a| *a != RevocationAnswer::Unknown);
        let url = url.map(str::to_owned);
        context.note(Stage::Tls, Fact::Revocation { by, url, answer });
        known
    };
    if let Some(stapled) = &issued.stapled {
        let answer = read_ocsp(stapled, &issued);
        if note(RevocationSource::StapledOcsp, None, look(answer)) {
            return;
        }
    }
    let Ok(der) = issued.certificate.to_der() else { return };
    let Ok(certificate) = read_certificate(&der) else { return };
    for url in certificate.ocsp_urls.iter().take(2) {
        let answer = match ocsp_request(&issued) {
            Ok(request) => fetch(&context, url, Some(request)).await,
            Err(error) => Err(error),
        };
        let answer = answer.and_then(|bytes| read_ocsp(&bytes, &issued));
        if note(RevocationSource::Ocsp, Some(url), look(answer)) {
            return;
        }
    }
    for url in certificate.crl_urls.iter().take(2) {
        let answer = fetch(&context, url, None).await;
        let answer = answer.and_then(|bytes| read_crl(&bytes, &issued));
        if note(RevocationSource::Crl, Some(url), look(answer)) {
            return;
        }
    }
}

fn look(answer: Result<RevocationAnswer, String>) -> Lookup<RevocationAnswer> {
    answer.map_or_else(Lookup::unavailable, Lookup::seen)
}

fn ocsp_request(issued: &Issued) -> Result<Vec<u8>, String> {
    let words = |error: openssl::error::ErrorStack| error.to_string();
    let mut request = OcspRequest::new().map_err(words)?;
    request.add_id(certificate_id(issued)?).map_err(words)?;
    request.to_der().map_err(words)
}

/// RFC 6960 4.1.1 with SHA-1, which every responder knows.
fn certificate_id(issued: &Issued) -> Result<OcspCertId, String> {
    OcspCertId::from_cert(MessageDigest::sha1(), &issued.certificate, &issued.issuer)
        .map_err(|error| error.to_string())
}

fn read_ocsp(bytes: &[u8], issued: &Issued) -> Result<RevocationAnswer, String> {
    let broken = |_| "what came is no OCSP answer".to_owned();
    let response = OcspResponse::from_der(bytes).map_err(broken)?;
    if response.status() != OcspResponseStatus::SUCCESSFUL {
        return Err(format!("the responder failed with status {}", response.status().as_raw()));
    }
    let basic = response.basic().map_err(broken)?;
    let words = |error: openssl::error::ErrorStack| error.to_string();
    let mut signers = Stack::new().map_err(words)?;
    signers.push(issued.issuer.clone()).map_err(words)?;
    let mut store = X509StoreBuilder::new().map_err(words)?;
    store.add_cert(issued.issuer.clone()).map_err(words)?;
    store.set_flags(X509VerifyFlags::PARTIAL_CHAIN).map_err(words)?;
    basic
        .verify(&signers, &store.build(), OcspFlag::TRUST_OTHER)
        .map_err(|_| "the OCSP answer is not signed by the issuer".to_owned())?;
    let status = basic
        .find_status(&*certificate_id(issued)?)
        .ok_or("the OCSP answer is about another certificate")?
        .status;
    Ok(match status {
        OcspCertStatus::GOOD => RevocationAnswer::Good,
        OcspCertStatus::REVOKED => RevocationAnswer::Revoked,
        _ => RevocationAnswer::Unknown,
    })
}

fn read_crl(bytes: &[u8], issued: &Issued) -> Result<RevocationAnswer, String> {
    let list = X509Crl::from_der(bytes)
        .or_else(|_| X509Crl::from_pem(bytes))
        .map_err(|_| "what came is no revocation list".to_owned())?;
    let key = issued.issuer.public_key().map_err(|error| error.to_string())?;
    if !list.verify(&key).unwrap_or(false) {
        return Err("the revocation list is not signed by the issuer".to_owned());
    }
    Ok(match list.get_by_cert(&issued.certificate) {
        CrlStatus::Revoked(_) => RevocationAnswer::Revoked,
        CrlStatus::NotRevoked | CrlStatus::RemoveFromCrl(_) => RevocationAnswer::Good,
    })
}

/// One HTTP exchange: GET, or POST with an OCSP request.
async fn fetch(context: &Context, url: &str, post: Option<Vec<u8>>) -> Result<Vec<u8>, String> {
    match timeout(PATIENCE, http(context, url, post)).await {
        Ok(result) => result,
        Err(_) => Err("no answer in time".to_owned()),
    }
}

async fn http(context: &Context, url: &str, post: Option<Vec<u8>>) -> Result<Vec<u8>, String> {
    let uri: Uri = url.parse().map_err(|_| "an address that cannot be read".to_owned())?;
    if uri.scheme_str() != Some("http") {
        return Err("only http addresses are asked".to_owned());
    }
    let host = uri.host().ok_or("an address without a host")?;
    let place = (host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(80));
    let remote = tokio::net::lookup_host(place)
        .await
        .map_err(|error| format!("{host}: {error}"))?
        .next()
        .ok_or_else(|| format!("{host} has no address"))?;
    let number = context.journal.next_connection();
    let (purpose, transport) = (Purpose::Revocation, Transport::Tcp);
    let fact = Fact::Connection { number, purpose, transport, remote, local: None };
    context.journal.note(Stage::Tcp, Some(number), fact);
    let stream = TcpStream::connect(remote).await.map_err(|error| format!("{remote}: {error}"))?;
    let words = |error: hyper::Error| error.to_string();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(words)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or(host, |authority| authority.as_str());
    let mut request = Request::builder().uri(path).header("Host", authority);
    if post.is_some() {
        request = request.method(Method::POST).header("Content-Type", "application/ocsp-request");
    }
    let request = request
        .body(Full::<Bytes>::from(post.unwrap_or_default()))
        .map_err(|error| error.to_string())?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(words)?;
        if !response.status().is_success() {
            return Err(format!("HTTP status {}", response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        Ok(body.map_err(|error| error.to_string())?.to_bytes().to_vec())
    };
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        biased;
        result = &mut exchange => result,
        ended = connection => {
            ended.map_err(words)?;
            // The server has said all; what it said may still have to be collected.
            exchange.await
        }
    }
}
