//! Asking a gateway for a channel by HTTP until it lets one in (MS-TSGU 3.3.5.1).

use std::sync::PoisonError;

use http_body_util::BodyExt as _;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::ext::ReasonPhrase;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONNECTION, HOST, HeaderMap, HeaderValue, PRAGMA,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, SERVER, UPGRADE, USER_AGENT, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response};
use openssl::base64::{decode_block, encode_block};
use rdpdoctor_model::{Fact, GatewayTransport, Mechanism};
use rdpdoctor_wire::gateway::ticket_answer;
use sspi::SecurityStatus;

use super::Visit;
use super::http::{Body, Connection, drain};
use super::token::{self, NtlmClient};
use crate::kerberos::Kdc;
use crate::stages::credssp;
use crate::tickets::Tickets;

/// The place of a gateway (MS-TSGU 3.3.4), and of the RPC that came before it (MS-RPCH 2.2.2).
const PATH: &str = "/remoteDesktopGateway/";
const RPC_PATH: &str = "/rpc/rpcproxy.dll?localhost:3388";

/// A negotiation with Kerberos takes at most so many answers.
const MOST_ROUNDS: usize = 4;

/// What is kept of who a gateway says that it is, and of the words beside a status.
const LONGEST_TEXT: usize = 80;

/// Why there is no tunnel.
pub(super) enum Refused {
    /// The gateway asks for a sign-in, and nobody was named.
    Unsigned,
    /// It is over.
    Over(String),
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self::Over(why)
    }
}

impl From<&str> for Refused {
    fn from(why: &str) -> Self {
        Self::Over(why.to_owned())
    }
}

/// A request for a channel.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) method: &'a str,
    pub(super) transport: GatewayTransport,
    /// RDG-Connection-Id (MS-TSGU 2.2.3.2.1).
    pub(super) id: &'a str,
    /// Sec-WebSocket-Key, where an upgrade is asked for.
    pub(super) key: Option<&'a str>,
}

/// A gateway's answer to a wish, with the credentials that it wanted.
pub(super) struct Admitted {
    pub(super) response: Response<Incoming>,
    /// NTLM is to follow inside packets.
    pub(super) in_packets: bool,
}

/// How to sign in.
enum Scheme {
    Kerberos,
    Ntlm(&'static str),
    InPackets,
    Basic,
}

impl Visit<'_> {
    /// Asks, signs in where that is wanted, and gives the answer, whatever its status is but 401.
    pub(super) async fn admitted(
        &self,
        connection: &mut Connection,
        wish: Wish<'_>,
    ) -> Result<Admitted, Refused> {
        let first = self.ask(connection, wish, None, false).await?;
        if first.status() != 401 {
            return Ok(Admitted { response: first, in_packets: false });
        }
        let offers = schemes(first.headers());
        drain(first, self.deadline()).await;
        if self.about.sign_in.is_none() {
            return Err(Refused::Unsigned);
        }
        if !connection.is_usable().await {
            *connection = self.connect().await?;
        }
        let scheme = self.scheme(&offers)?;
        let response = match scheme {
            Scheme::Kerberos => match self.by_kerberos(connection, wish).await? {
                Some(response) => response,
                None => self.by_ntlm(connection, wish, "Negotiate").await?,
            },
            Scheme::Ntlm(name) => self.by_ntlm(connection, wish, name).await?,
            Scheme::InPackets => self.ask(connection, wish, Some("SSPI_NTLM"), false).await?,
            Scheme::Basic => self.by_basic(connection, wish).await?,
        };
        if response.status() == 401 {
            drain(response, self.deadline()).await;
            return Err("the gateway did not take the credentials".into());
        }
        let in_packets = matches!(scheme, Scheme::InPackets);
        Ok(Admitted { response, in_packets })
    }

    /// Whether RPC over HTTP is there, which is all that old gateways have.
    pub(super) async fn ask_for_rpc(&self) {
        let Ok(mut connection) = self.connect().await else { return };
        let transport = GatewayTransport::Rpc;
        let wish = Wish { method: "RPC_OUT_DATA", transport, id: "", key: None };
        if let Ok(response) = self.ask(&mut connection, wish, None, false).await {
            drain(response, self.deadline()).await;
        }
        connection.stream.finish(rdpdoctor_model::Ending::ClosedByClient);
    }

    /// One request and its answer, which is written down. `proves` says that the header can be tried
    /// for a password.
    async fn ask(
        &self,
        connection: &mut Connection,
        wish: Wish<'_>,
        authorization: Option<&str>,
        proves: bool,
    ) -> Result<Response<Incoming>, Refused> {
        let request = self.request(wish, authorization, Empty::<Bytes>::new().boxed())?;
        let response = connection.exchange(request, self.deadline()).await?;
        let (headers, status) = (response.headers(), response.status().as_u16());
        let server = headers.get(SERVER).and_then(|value| value.to_str().ok());
        let said = response.extensions().get::<ReasonPhrase>().map(ReasonPhrase::as_bytes);
        let reason = match said {
            Some(words) => Some(String::from_utf8_lossy(words).into_owned()),
            None => response.status().canonical_reason().map(str::to_owned),
        };
        let cut = |text: &str| text.chars().take(LONGEST_TEXT).collect::<String>();
        connection.stream.metered(|stream| {
            let fact = Fact::GatewayAnswer {
                transport: wish.transport,
                status,
                reason: reason.as_deref().map(cut).filter(|words| !words.is_empty()),
                schemes: schemes(headers),
                server: server.map(cut),
                after_credentials: proves,
            };
            stream.collect();
            stream.note(rdpdoctor_model::Stage::Gateway, fact);
            let values = headers.get_all(WWW_AUTHENTICATE).iter();
            let answer = values.filter_map(|value| value.to_str().ok()).find_map(ticket_answer);
            if let Some(fact) = answer {
                stream.note(rdpdoctor_model::Stage::Gateway, fact);
            }
        });
        Ok(response)
    }

    /// A request as WinHTTP makes it for `mstsc`.
    pub(super) fn request(
        &self,
        wish: Wish<'_>,
        authorization: Option<&str>,
        body: Body,
    ) -> Result<Request<Body>, String> {
        let place = &self.about.target;
        let host =
            if place.host.contains(':') { format!("[{}]", place.host) } else { place.host.clone() };
        let host =
            if place.port == crate::GATEWAY_PORT { host } else { format!("{host}:{}", place.port) };
        let rpc = wish.transport == GatewayTransport::Rpc;
        let method =
            Method::from_bytes(wish.method.as_bytes()).map_err(|error| error.to_string())?;
        let mut request = Request::builder()
            .method(method)
            .uri(if rpc { RPC_PATH } else { PATH })
            .header(HOST, host)
            .header(ACCEPT, if rpc { "application/rpc" } else { "*/*" })
            .header(USER_AGENT, if rpc { "MSRPC" } else { "MS-RDGateway/1.0" })
            .header(CACHE_CONTROL, "no-cache")
            .header(PRAGMA, "no-cache");
        if !wish.id.is_empty() {
            request = request.header("Rdg-Connection-Id", wish.id);
        }
        if let Some(key) = wish.key {
            request = request
                .header(CONNECTION, "Upgrade")
                .header(UPGRADE, "websocket")
                .header(SEC_WEBSOCKET_VERSION, "13")
                .header(SEC_WEBSOCKET_KEY, key);
        }
        if let Some(value) = authorization {
            let mut value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request.body(body).map_err(|error| error.to_string())
    }

    /// Kerberos first where Windows would; a password itself only where nothing else is taken.
    fn scheme(&self, offers: &[String]) -> Result<Scheme, Refused> {
        let offered = |name: &str| offers.iter().any(|offer| offer.eq_ignore_ascii_case(name));
        let only = self.about.sign_in.as_ref().and_then(|sign_in| sign_in.mechanism);
        let kerberos = only != Some(Mechanism::Ntlm) && self.realm().is_some();
        if offered("Negotiate") && kerberos {
            Ok(Scheme::Kerberos)
        } else if only == Some(Mechanism::Kerberos) {
            Err("Kerberos needs a gateway that negotiates, its name, and a user with a realm"
                .into())
        } else if offered("NTLM") {
            Ok(Scheme::Ntlm("NTLM"))
        } else if offered("Negotiate") {
            Ok(Scheme::Ntlm("Negotiate"))
        } else if offered("SSPI_NTLM") {
            Ok(Scheme::InPackets)
        } else if offered("Basic") {
            Ok(Scheme::Basic)
        } else {
            Err("the gateway offers no way to sign in that is known here".into())
        }
    }

    fn realm(&self) -> Option<String> {
        let sign_in = self.about.sign_in.as_ref()?;
        let by_name = || sign_in.kdc.as_ref().and(sign_in.user.domain()).map(str::to_uppercase);
        let realm = sign_in.user.realm().or_else(by_name);
        realm.filter(|_| !self.about.target.is_address())
    }

    fn service(&self) -> String {
        format!("HTTP/{}", self.about.target.host)
    }

    /// Asks whether a credential may leave for whoever is at the other end of the last connection; once
    /// for each certificate.
    pub(super) async fn gate(&self, mechanism: Mechanism) -> Result<(), Refused> {
        let shown = *self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let known = *self.route.released.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_some() && shown == known {
            return Ok(());
        }
        let Some(sign_in) = &self.about.sign_in else { return Err(Refused::Unsigned) };
        let kerberos = (mechanism == Mechanism::Kerberos).then_some(mechanism);
        let released = credssp::released(&self.about, sign_in, kerberos).await;
        released.map_err(|_| "no credential was sent to this gateway")?;
        *self.route.released.lock().unwrap_or_else(PoisonError::into_inner) = shown;
        self.begin_anew();
        Ok(())
    }

    async fn by_ntlm(
        &self,
        connection: &mut Connection,
        wish: Wish<'_>,
        name: &'static str,
    ) -> Result<Response<Incoming>, Refused> {
        let binding = connection.certificate.as_ref().and_then(token::binding);
        let mut client = self.ntlm_client(binding.as_deref())?;
        let header = |token: Vec<u8>| format!("{name} {}", encode_block(&token));
        let first = header(client.step(&[])?);
        let answer = self.ask(connection, wish, Some(&first), false).await?;
        let Some(challenge) = challenge(answer.headers(), name) else {
            return match answer.status().as_u16() {
                401 => Err("the gateway gave no NTLM challenge".into()),
                _ => Ok(answer),
            };
        };
        drain(answer, self.deadline()).await;
        self.gate(Mechanism::Ntlm).await?;
        let proof = header(client.step(&challenge)?);
        self.note(Fact::CredentialSent { mechanism: Mechanism::Ntlm });
        self.ask(connection, wish, Some(&proof), true).await
    }

    pub(super) fn ntlm_client(&self, binding: Option<&[u8]>) -> Result<NtlmClient, Refused> {
        let Some(sign_in) = &self.about.sign_in else { return Err(Refused::Unsigned) };
        let workstation = self.about.own_name().to_uppercase();
        Ok(NtlmClient::new(&sign_in.identity()?, self.service(), workstation, binding)?)
    }

    async fn by_basic(
        &self,
        connection: &mut Connection,
        wish: Wish<'_>,
    ) -> Result<Response<Incoming>, Refused> {
        self.gate(Mechanism::Basic).await?;
        let header = self.about.sign_in.as_ref().and_then(token::basic);
        let Some(header) = header else { return Err(Refused::Unsigned) };
        self.note(Fact::CredentialSent { mechanism: Mechanism::Basic });
        self.ask(connection, wish, Some(&header), true).await
    }

    /// `None` where no ticket was had, and the centre has not judged the user: Windows goes on with
    /// NTLM.
    async fn by_kerberos(
        &self,
        connection: &mut Connection,
        wish: Wish<'_>,
    ) -> Result<Option<Response<Incoming>>, Refused> {
        let Some(sign_in) = &self.about.sign_in else { return Err(Refused::Unsigned) };
        let realm = self.realm().unwrap_or_default();
        let only = sign_in.mechanism.is_some();
        let named = sign_in.kdc.as_deref();
        let kdc = match Kdc::find(&self.about, &realm, named, self.service()).await {
            Ok(kdc) => kdc,
            Err(unavailable) => {
                self.note(unavailable);
                let why = "no key distribution centre can be asked";
                return if only { Err(why.into()) } else { Ok(None) };
            }
        };
        let credentials = sign_in.identity()?.into();
        let binding = connection.certificate.as_ref().and_then(token::binding);
        let binding = binding.map(|binding| token::packed(&binding));
        let workstation = self.about.own_name().to_uppercase();
        let mut client = Tickets::new(&credentials, self.service(), workstation, binding)
            .map_err(|error| error.to_string())?;
        let Ok((mut token, mut status)) = client.token(Vec::new(), &kdc).await else {
            let judged = kdc.error().is_some_and(credssp::judged);
            return match judged || only {
                true => Err("the key distribution centre gave no ticket for the gateway".into()),
                false => Ok(None),
            };
        };
        self.gate(Mechanism::Kerberos).await?;
        self.note(Fact::CredentialSent { mechanism: Mechanism::Kerberos });
        for _ in 0..MOST_ROUNDS {
            let header = format!("Negotiate {}", encode_block(&token));
            let answer = self.ask(connection, wish, Some(&header), true).await?;
            let more = challenge(answer.headers(), "Negotiate");
            match more {
                Some(input) if answer.status() == 401 && status != SecurityStatus::Ok => {
                    drain(answer, self.deadline()).await;
                    (token, status) =
                        client.token(input, &kdc).await.map_err(|error| error.to_string())?;
                }
                _ => return Ok(Some(answer)),
            }
        }
        Err("the gateway's negotiation has no end".into())
    }
}

/// The names of the schemes that an answer offers, each once.
fn schemes(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    rdpdoctor_wire::gateway::schemes(values.filter_map(|value| value.to_str().ok()))
}

/// The token that a scheme's challenge carries.
fn challenge(headers: &HeaderMap, scheme: &str) -> Option<Vec<u8>> {
    headers.get_all(WWW_AUTHENTICATE).iter().find_map(|value| {
        let (name, token) = value.to_str().ok()?.split_once(' ')?;
        let token = name.eq_ignore_ascii_case(scheme).then(|| token.trim())?;
        decode_block(token).ok().filter(|token| !token.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let values = values
            .iter()
            .map(|value| (WWW_AUTHENTICATE, HeaderValue::from_str(value).expect("a header")));
        values.collect()
    }

    #[test]
    fn a_challenge_is_of_its_scheme() {
        let offers = headers(&["Negotiate", "NTLM TlRMTVNTUAACAAAA"]);
        assert_eq!(challenge(&offers, "NTLM"), Some(b"NTLMSSP\0\x02\0\0\0".to_vec()));
        assert_eq!(challenge(&offers, "Negotiate"), None);
        assert_eq!(challenge(&headers(&["NTLM not base64!"]), "NTLM"), None);
    }
}
