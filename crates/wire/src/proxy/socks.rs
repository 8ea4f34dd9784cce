//! SOCKS 5 (RFC 1928) with user and password (RFC 1929).

use std::net::{Ipv4Addr, Ipv6Addr};

use rdpdoctor_model::{Awaited, ProxyReply};

use super::{Asked, ProxyDialog, Step, take};

const VERSION: u8 = 5;

/// Methods (RFC 1928 3).
const WITHOUT_SIGN_IN: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;

/// Methods that a client offers at most; it has two or three.
const MOST_METHODS: u8 = 16;

/// CMD and ATYP (RFC 1928 4 and 5).
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Where a dialog stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum State {
    /// The client is to offer ways of signing in.
    #[default]
    Offer,
    /// The proxy is to choose one.
    Choice,
    /// The client is to show user and password.
    SignIn,
    /// The proxy is to judge them.
    Judgement,
    /// The client is to ask for a connection.
    Request,
    /// The proxy is to answer.
    Answer,
}

/// Whether a client's first bytes are an offer; `None` while that cannot be told.
pub(super) fn begins(bytes: &[u8]) -> Option<bool> {
    match *bytes {
        [] | [VERSION] => None,
        [VERSION, methods, ..] if (1..=MOST_METHODS).contains(&methods) => {
            (bytes.len() >= 2 + usize::from(methods)).then_some(true)
        }
        _ => Some(false),
    }
}

/// The length of the address that follows its kind, from these bytes on; `None` for a kind that SOCKS
/// does not know, or while its length is not there.
fn address_length(kind: u8, rest: &[u8]) -> Option<Option<usize>> {
    match kind {
        IPV4 => Some(Some(4)),
        IPV6 => Some(Some(16)),
        NAME => Some(rest.first().map(|&length| 1 + usize::from(length))),
        _ => None,
    }
}

impl ProxyDialog {
    pub(super) fn socks(&mut self, state: &mut State, resolves: &mut bool) -> Step {
        match *state {
            State::Offer => self.offer(state),
            State::Choice => self.choice(state),
            State::SignIn => self.sign_in(state),
            State::Judgement => self.judgement(state),
            State::Request => self.request(state, resolves),
            State::Answer => self.answer(),
        }
    }

    fn offer(&mut self, state: &mut State) -> Step {
        let Some(&[VERSION, count]) = self.client.first_chunk::<2>() else { return Step::More };
        let length = 2 + usize::from(count);
        let Some(methods) = self.client.get(2..length) else { return Step::More };
        self.has_user = methods.contains(&USER_AND_PASSWORD);
        take(&mut self.client, length);
        (*state, self.awaited) = (State::Choice, Awaited::ProxyGreeting);
        Step::On
    }

    fn choice(&mut self, state: &mut State) -> Step {
        match self.server.as_slice() {
            [] | [VERSION] => return Step::More,
            [VERSION, ..] => {}
            _ => return self.malformed("no SOCKS 5"),
        }
        let method = self.server[1];
        take(&mut self.server, 2);
        self.reply(ProxyReply::SocksMethod { method });
        match method {
            WITHOUT_SIGN_IN => (*state, self.awaited) = (State::Request, Awaited::Nothing),
            USER_AND_PASSWORD if self.has_user => *state = State::SignIn,
            _ => return Step::Over,
        }
        Step::On
    }

    /// The lengths alone are read.
    fn sign_in(&mut self, state: &mut State) -> Step {
        let Some(&[_, user]) = self.client.first_chunk::<2>() else { return Step::More };
        let user = usize::from(user);
        let Some(&password) = self.client.get(2 + user) else { return Step::More };
        let length = 3 + user + usize::from(password);
        if self.client.len() < length {
            return Step::More;
        }
        self.client[..length].fill(0);
        take(&mut self.client, length);
        (*state, self.awaited) = (State::Judgement, Awaited::ProxyGreeting);
        Step::On
    }

    /// The version of this answer is 1; some say 5.
    fn judgement(&mut self, state: &mut State) -> Step {
        let Some(&[_, status]) = self.server.first_chunk::<2>() else { return Step::More };
        take(&mut self.server, 2);
        self.reply(ProxyReply::SocksSignIn { status });
        if status != 0 {
            return Step::Over;
        }
        (*state, self.awaited) = (State::Request, Awaited::Nothing);
        Step::On
    }

    /// RFC 1928 4.
    fn request(&mut self, state: &mut State, resolves: &mut bool) -> Step {
        let Some(&[version, command, _, kind]) = self.client.first_chunk::<4>() else {
            return Step::More;
        };
        if version != VERSION || command != CONNECT {
            return Step::Over;
        }
        let length = match address_length(kind, &self.client[4..]) {
            Some(Some(length)) => length,
            Some(None) => return Step::More,
            None => return Step::Over,
        };
        let Some(address) = self.client.get(4..4 + length) else { return Step::More };
        let Some(&[high, low]) = self.client.get(4 + length..).and_then(<[u8]>::first_chunk) else {
            return Step::More;
        };
        let host = match (<[u8; 4]>::try_from(address), <[u8; 16]>::try_from(address)) {
            (Ok(four), _) if kind == IPV4 => Ipv4Addr::from(four).to_string(),
            (_, Ok(sixteen)) if kind == IPV6 => format!("[{}]", Ipv6Addr::from(sixteen)),
            _ => name(address.get(1..).unwrap_or_default()),
        };
        *resolves = kind == NAME;
        self.asked = Some(Asked { host, port: u16::from_be_bytes([high, low]) });
        take(&mut self.client, 6 + length);
        (*state, self.awaited) = (State::Answer, Awaited::ProxyAnswer);
        Step::On
    }

    /// RFC 1928 6. A refusal says all with its second byte, and often ends there.
    fn answer(&mut self) -> Step {
        let code = match self.server.as_slice() {
            [] | [VERSION] => return Step::More,
            [VERSION, code, ..] => *code,
            _ => return self.malformed("no SOCKS 5 in the reply"),
        };
        if code != 0 {
            self.reply(ProxyReply::SocksReply { code });
            return Step::Over;
        }
        let Some(&kind) = self.server.get(3) else { return Step::More };
        let bound = match address_length(kind, self.server.get(4..).unwrap_or_default()) {
            Some(Some(length)) => length,
            Some(None) => return Step::More,
            None => return self.malformed("a kind of address that SOCKS 5 does not know"),
        };
        if self.server.len() < 6 + bound {
            return Step::More;
        }
        take(&mut self.server, 6 + bound);
        self.reply(ProxyReply::SocksReply { code });
        Step::Open
    }
}

/// A name as it was asked for, without what no name has.
fn name(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect()
}
