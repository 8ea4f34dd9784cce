//! HTTP CONNECT: requests, and the heads of the answers to them.

use httparse::{EMPTY_HEADER, Error, Request, Response, Status};
use rdpdoctor_model::{Awaited, Fact, Mechanism, ProxyReply};

use super::{Asked, ProxyDialog, ProxyEvent, Step, take};
use crate::gateway::sign_in::{Shown, begins_ntlm, shown, ticket_answer};

/// More fields than this has no head of a dialog with a proxy.
const MOST_FIELDS: usize = 96;

/// Longest texts kept.
const LONGEST_PHRASE: usize = 80;
const LONGEST_ERROR: usize = 120;
const LONGEST_HOST: usize = 255;
const MOST_SCHEMES: usize = 8;

/// Where a dialog stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum State {
    /// The client is to ask.
    #[default]
    Request,
    /// The proxy is to answer.
    Answer,
    /// So many bytes of a page for people come first.
    Page(usize),
}

/// The head of a response to CONNECT.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseHead {
    /// Its length.
    pub length: usize,
    /// What it says.
    pub reply: ProxyReply,
    /// What it answers to a Kerberos ticket.
    pub ticket: Option<Fact>,
    /// Schemes of Proxy-Authenticate with the token behind them.
    pub tokens: Vec<(String, String)>,
    /// Bytes of the body, where they are told.
    pub body: Option<usize>,
}

/// Whether a client's first bytes ask for a connection; `None` while that cannot be told.
pub(super) fn begins(bytes: &[u8]) -> Option<bool> {
    const CONNECT: &[u8] = b"CONNECT ";
    let there = bytes.len().min(CONNECT.len());
    if bytes[..there] != CONNECT[..there] {
        return Some(false);
    }
    (there == CONNECT.len()).then_some(true)
}

impl ProxyDialog {
    pub(super) fn http(&mut self, state: &mut State) -> Step {
        match *state {
            State::Request => match self.http_request() {
                Ok(true) => {
                    (*state, self.awaited) = (State::Answer, Awaited::ProxyAnswer);
                    Step::On
                }
                Ok(false) => Step::More,
                Err(()) => Step::Over,
            },
            State::Answer => match response_head(&self.server) {
                Ok(Some(head)) => self.http_answer(state, head),
                Ok(None) => Step::More,
                Err(error) => self.malformed(format!("no HTTP: {error}")),
            },
            State::Page(left) => {
                let now = left.min(self.server.len());
                take(&mut self.server, now);
                if left > now {
                    *state = State::Page(left - now);
                    return Step::More;
                }
                *state = State::Request;
                Step::On
            }
        }
    }

    /// Whether a request is there; an error where it is none for a connection.
    fn http_request(&mut self) -> Result<bool, ()> {
        let mut fields = [EMPTY_HEADER; MOST_FIELDS];
        let mut request = Request::new(&mut fields);
        let Status::Complete(length) = request.parse(&self.client).map_err(drop)? else {
            return Ok(false);
        };
        let signs_in = |name: &str| name.eq_ignore_ascii_case("Proxy-Authorization");
        let value = request.headers.iter().find(|field| signs_in(field.name));
        let value = value.and_then(|field| std::str::from_utf8(field.value).ok());
        let mechanism = match value.map(shown) {
            Some(Shown::Proof(mechanism)) => mechanism,
            _ => None,
        };
        (self.begins_ntlm, self.has_user) =
            (value.is_some_and(begins_ntlm), self.has_user || value.is_some());
        self.events
            .extend(mechanism.map(|mechanism| ProxyEvent::Credential { mechanism, shown: true }));
        let path = request.path.filter(|_| request.method == Some("CONNECT")).ok_or(())?;
        self.asked = Some(asked(path).ok_or(())?);
        take(&mut self.client, length);
        Ok(true)
    }

    fn http_answer(&mut self, state: &mut State, head: ResponseHead) -> Step {
        take(&mut self.server, head.length);
        if matches!(head.reply, ProxyReply::Http { status: 100..=199, .. }) {
            return Step::On;
        }
        let asks_to_sign_in = matches!(head.reply, ProxyReply::Http { status: 407, .. });
        let granted = head.reply.granted();
        let challenges = |(scheme, token): &(String, String)| {
            let own = ["NTLM", "Negotiate"].iter().any(|name| scheme.eq_ignore_ascii_case(name));
            own && !token.is_empty()
        };
        if asks_to_sign_in && self.begins_ntlm && !head.tokens.iter().any(challenges) {
            let mechanism = Mechanism::Ntlm;
            self.events.push(ProxyEvent::Credential { mechanism, shown: false });
        }
        self.reply(head.reply);
        self.events.extend(head.ticket.map(ProxyEvent::TicketAnswer));
        self.awaited = Awaited::Nothing;
        match head.body {
            _ if granted => Step::Open,
            // A sign-in of several messages stays on its connection.
            Some(length) if asks_to_sign_in => {
                *state = State::Page(length);
                Step::On
            }
            _ => Step::Over,
        }
    }
}

/// `host:port` (RFC 9110 9.3.6).
fn asked(authority: &str) -> Option<Asked> {
    let (host, port) = authority.rsplit_once(':')?;
    let fits = !host.is_empty() && host.len() <= LONGEST_HOST;
    let plain = !host.chars().any(char::is_control);
    let port = port.parse().ok()?;
    (fits && plain).then(|| Asked { host: host.to_owned(), port })
}

/// A head at the beginning of these bytes; none when it is not complete.
///
/// # Errors
///
/// What is there is no HTTP.
pub fn response_head(bytes: &[u8]) -> Result<Option<ResponseHead>, Error> {
    let mut fields = [EMPTY_HEADER; MOST_FIELDS];
    let mut response = Response::new(&mut fields);
    let Status::Complete(length) = response.parse(bytes)? else { return Ok(None) };
    let all = |name: &'static str| {
        let own = response.headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name));
        own.map(|header| String::from_utf8_lossy(header.value).into_owned())
    };
    let mut schemes: Vec<String> = Vec::new();
    for scheme in all("Proxy-Authenticate").flat_map(|value| schemes_of(&value)) {
        if schemes.len() < MOST_SCHEMES && !schemes.contains(&scheme) {
            schemes.push(scheme);
        }
    }
    let error = all("Proxy-Status").next().or_else(|| all("X-Squid-Error").next());
    let reply = ProxyReply::Http {
        status: response.code.unwrap_or(0),
        phrase: printable(response.reason.unwrap_or_default(), LONGEST_PHRASE),
        schemes,
        error: error.map(|error| printable(&error, LONGEST_ERROR)),
    };
    let ticket = all("Proxy-Authenticate").take(MOST_SCHEMES).find_map(|own| ticket_answer(&own));
    let own = all("Proxy-Authenticate").take(MOST_SCHEMES);
    let tokens = own.filter_map(|value| {
        let (scheme, token) = value.trim().split_once(' ')?;
        Some((scheme.to_owned(), token.trim().to_owned()))
    });
    let tokens = tokens.collect();
    let chunked = all("Transfer-Encoding").next().is_some();
    let told = all("Content-Length").next().and_then(|length| length.trim().parse().ok());
    let body = told.filter(|_| !chunked);
    Ok(Some(ResponseHead { length, reply, ticket, tokens, body }))
}

/// The schemes of a list of challenges (RFC 9110 11.6.1): words without `=`, what is quoted aside.
fn schemes_of(value: &str) -> Vec<String> {
    let bare: String = value.split('"').step_by(2).collect();
    let words = bare.split(',').filter_map(|part| part.split_whitespace().next());
    let schemes = words.filter(|word| !word.contains('='));
    schemes.map(|scheme| printable(scheme, 20)).collect()
}

fn printable(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}
