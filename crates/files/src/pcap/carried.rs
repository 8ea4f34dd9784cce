//! What is inside TLS that began with the first byte: the way to a gateway or a proxy, Remote Desktop
//! itself, or nobody's business here.

use rdpdoctor_model::{Awaited, Fact, Party};
use rdpdoctor_wire::gateway::{GatewayLeg, KdcProxyLeg, LegEvent, Opening, opening};

use super::beside::KerberosStream;
use super::side::Moment;

/// Bytes that are kept until the client's first ones tell what it is for.
const MOST_UNDECIDED: usize = 16 * 1024;

/// Bytes of one side, and when they came.
pub(super) type Said = (Party, Moment, Vec<u8>);

/// What passes there.
pub(super) enum Carried {
    /// Too little has passed.
    Undecided(Vec<Said>),
    /// A gateway's.
    Leg(Box<Leg>),
    /// RPC over HTTP, to a gateway or to anybody else.
    Rpc(Box<Leg>),
    /// The proxy of a key distribution centre, or what may yet ask for one.
    Kdc(Box<(KdcProxyLeg, KerberosStream)>),
    /// Remote Desktop, which begins with CredSSP: what has passed of it.
    Direct(Vec<Said>),
    /// A proxy's: what has passed since its dialog was handed on.
    Proxy(Vec<Said>),
    /// Something else, of which nothing is kept.
    Other,
}

/// One connection to a gateway.
#[derive(Default)]
pub(super) struct Leg {
    http: GatewayLeg,
    /// For its tunnel.
    said: Vec<(Moment, LegEvent)>,
    closed_by_gateway: bool,
}

impl Default for Carried {
    fn default() -> Self {
        Self::Undecided(Vec::new())
    }
}

impl Carried {
    /// The connection to a gateway, where it is one for sure.
    pub(super) fn leg(&self) -> Option<&GatewayLeg> {
        match self {
            Self::Leg(leg) => Some(&leg.http),
            _ => None,
        }
    }

    /// The connection to what may be a gateway or anything else that speaks RPC.
    pub(super) fn is_rpc(&self) -> bool {
        matches!(self, Self::Rpc(_))
    }

    /// Messages of a key distribution centre, where its proxy is at the other end.
    pub(super) fn kerberos(&mut self) -> Option<&mut KerberosStream> {
        match self {
            Self::Kdc(kdc) => Some(&mut kdc.1),
            _ => None,
        }
    }

    /// Whether it leads to a key distribution centre.
    pub(super) fn is_kdc(&self) -> bool {
        matches!(self, Self::Kdc(kdc) if kdc.0.is_asked() == Some(true))
    }

    /// Whether it leads to a proxy.
    pub(super) fn is_proxy(&self) -> bool {
        matches!(self, Self::Proxy(_))
    }

    /// What passed for somebody else to read since the last call.
    pub(super) fn take_passed(&mut self) -> Vec<Said> {
        match self {
            Self::Direct(passed) | Self::Proxy(passed) => std::mem::take(passed),
            _ => Vec::new(),
        }
    }

    /// Whether nothing that matters passes on it.
    pub(super) fn is_other(&self) -> bool {
        matches!(self, Self::Other)
    }

    /// Whether it cannot be told yet.
    pub(super) fn is_undecided(&self) -> bool {
        match self {
            Self::Undecided(_) => true,
            Self::Kdc(kdc) => kdc.0.is_asked().is_none(),
            _ => false,
        }
    }

    /// Bytes that wait for others.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Undecided(said) | Self::Direct(said) | Self::Proxy(said) => {
                said.iter().map(|(_, _, bytes)| bytes.len()).sum()
            }
            Self::Leg(leg) | Self::Rpc(leg) => leg.http.held(),
            Self::Kdc(kdc) => kdc.0.held() + kdc.1.held(),
            Self::Other => 0,
        }
    }

    /// What the client waits for, where HTTP tells it.
    pub(super) fn awaited(&self) -> Option<Awaited> {
        match self {
            Self::Leg(leg) | Self::Rpc(leg) if !leg.http.carries() => Some(leg.http.awaited()),
            _ => None,
        }
    }

    /// Whether the gateway said good-bye in the WebSocket.
    pub(super) fn is_closed_by_gateway(&self) -> bool {
        matches!(self, Self::Leg(leg) if leg.closed_by_gateway)
    }

    pub(super) fn take_said(&mut self) -> Vec<(Moment, LegEvent)> {
        match self {
            Self::Leg(leg) => std::mem::take(&mut leg.said),
            _ => Vec::new(),
        }
    }

    /// What passed, and what it shows.
    pub(super) fn plaintext(&mut self, from: Party, bytes: &[u8], at: Moment) -> Vec<Fact> {
        match self {
            Self::Undecided(kept) => {
                kept.push((from, at, bytes.to_vec()));
                // What the server says first, tells nothing.
                let total: usize = kept.iter().map(|(_, _, bytes)| bytes.len()).sum();
                let may_tell = from == Party::Client || total > MOST_UNDECIDED;
                if may_tell { self.decide() } else { Vec::new() }
            }
            Self::Leg(leg) | Self::Rpc(leg) => leg.plaintext(from, bytes, at),
            Self::Kdc(kdc) => {
                let (http, stream) = &mut **kdc;
                let bodies = http.feed(from, bytes);
                bodies.iter().for_each(|(from, body)| stream.proxied(*from, body, at));
                http.take_refused().into_iter().for_each(|status| stream.refused(status, at));
                if http.is_asked() == Some(false) {
                    *self = Self::Other;
                }
                Vec::new()
            }
            Self::Direct(passed) | Self::Proxy(passed) => {
                passed.push((from, at, bytes.to_vec()));
                Vec::new()
            }
            Self::Other => Vec::new(),
        }
    }

    fn decide(&mut self) -> Vec<Fact> {
        let Self::Undecided(kept) = self else { return Vec::new() };
        let own = kept.iter().filter(|(from, ..)| *from == Party::Client);
        let head: Vec<u8> = own.flat_map(|(_, _, bytes)| bytes).copied().collect();
        let total: usize = kept.iter().map(|(_, _, bytes)| bytes.len()).sum();
        let kept = std::mem::take(kept);
        let facts;
        (facts, *self) = match opening(&head) {
            Some(Opening::Gateway) => {
                let (facts, leg) = replayed(&kept);
                (facts, Self::Leg(leg))
            }
            Some(Opening::Rpc) => {
                let (facts, leg) = replayed(&kept);
                (facts, Self::Rpc(leg))
            }
            Some(asked @ (Opening::KdcProxy | Opening::Http2)) => {
                let leg = match asked {
                    Opening::Http2 => KdcProxyLeg::of_http2(),
                    _ => KdcProxyLeg::default(),
                };
                let mut kdc = Self::Kdc(Box::new((leg, KerberosStream::default())));
                kept.iter().for_each(|(from, at, bytes)| drop(kdc.plaintext(*from, bytes, *at)));
                (Vec::new(), kdc)
            }
            Some(Opening::CredSsp) => (Vec::new(), Self::Direct(kept)),
            Some(Opening::Proxy) => (Vec::new(), Self::Proxy(kept)),
            None if total <= MOST_UNDECIDED => (Vec::new(), Self::Undecided(kept)),
            _ => (Vec::new(), Self::Other),
        };
        facts
    }
}

/// What the bytes that were kept show of a gateway.
fn replayed(kept: &[Said]) -> (Vec<Fact>, Box<Leg>) {
    let mut leg = Leg::default();
    let facts = kept.iter().flat_map(|(from, at, bytes)| leg.plaintext(*from, bytes, *at));
    (facts.collect(), Box::new(leg))
}

impl Leg {
    fn plaintext(&mut self, from: Party, bytes: &[u8], at: Moment) -> Vec<Fact> {
        let mut facts = Vec::new();
        for event in self.http.feed(from, bytes) {
            match event {
                LegEvent::Fact(fact) => facts.push(fact),
                LegEvent::ClosedByGateway => self.closed_by_gateway = true,
                LegEvent::Begun(_) | LegEvent::Packet(..) => self.said.push((at, event)),
            }
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use picky_krb::messages::KdcProxyMessage;
    use rdpdoctor_model::KerberosExchange;

    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap_or(127);
        [&[tag, length], content].concat()
    }

    /// KRB-ERROR (RFC 4120 5.9.1) KDC_ERR_C_PRINCIPAL_UNKNOWN.
    fn unknown_user() -> Vec<u8> {
        let name = tlv(0x30, &tlv(0x1B, b"krbtgt"));
        let service = [tlv(0xA0, &tlv(2, &[2])), tlv(0xA1, &name)].concat();
        let fields = [
            tlv(0xA0, &tlv(2, &[5])),
            tlv(0xA1, &tlv(2, &[30])),
            tlv(0xA4, &tlv(0x18, b"20231114221320Z")),
            tlv(0xA5, &tlv(2, &[1])),
            tlv(0xA6, &tlv(2, &[6])),
            tlv(0xA9, &tlv(0x1B, b"CORP")),
            tlv(0xAA, &tlv(0x30, &service)),
        ];
        tlv(0x7E, &tlv(0x30, &fields.concat()))
    }

    /// The body of a request or an answer (MS-KKDCP 2.2.2): the message has its length before it.
    fn wrapped(message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).unwrap_or(0).to_be_bytes();
        let message = [&length[..], message].concat();
        KdcProxyMessage::from_raw_kerb_message(&message)
            .and_then(|m| m.to_vec())
            .unwrap_or_default()
    }

    fn http(first: &str, body: &[u8]) -> Vec<u8> {
        let head = format!("{first}\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    fn heard(request: &[u8], answer: &[u8]) -> (Carried, Vec<Fact>) {
        let mut carried = Carried::default();
        for (from, bytes) in [(Party::Client, request), (Party::Server, answer)] {
            for piece in bytes.chunks(11) {
                assert_eq!(carried.plaintext(from, piece, Moment::default()), []);
            }
        }
        let server = SocketAddr::from(([10, 0, 0, 3], 443));
        let tickets = carried.kerberos().map(|stream| stream.tickets(server.ip(), server));
        let facts = tickets.into_iter().flatten().map(|ticket| ticket.fact).collect();
        (carried, facts)
    }

    #[test]
    fn an_error_of_the_centre_behind_its_proxy() {
        let request = http("POST /KdcProxy HTTP/1.1", &wrapped(&tlv(0x6A, b"who")));
        let answer = http("HTTP/1.1 200 OK", &wrapped(&unknown_user()));
        let (carried, facts) = heard(&request, &answer);
        assert!(carried.is_kdc() && !carried.is_other());
        let [Fact::KerberosError { exchange, kdc, code: 6, .. }] = facts.as_slice() else {
            panic!("{facts:?}")
        };
        assert_eq!(*exchange, KerberosExchange::AuthenticationService);
        assert_eq!(kdc, "10.0.0.3:443");
    }

    /// Frames of HTTP/2: a request or an answer whose fields are written out (RFC 7541 6.2.2).
    fn http2(stream: u8, fields: &[u8], body: &[u8]) -> Vec<u8> {
        let frame = |kind: u8, flags: u8, content: &[u8]| {
            let length = u16::try_from(content.len()).unwrap_or(0).to_be_bytes();
            [&[0, length[0], length[1], kind, flags, 0, 0, 0, stream], content].concat()
        };
        [frame(1, 4, fields), frame(0, 1, body)].concat()
    }

    #[test]
    fn the_same_by_http2_each_answer_with_its_own_request() {
        const GRANT: u8 = 0x6C;
        let place = [&[0x83, 0x04, 9][..], b"/KdcProxy"].concat();
        let asked = |stream, tag| http2(stream, &place, &wrapped(&tlv(tag, b"who")));
        let preface = &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..];
        let request = [preface, &asked(1, 0x6A), &asked(3, GRANT)].concat();
        let status = |code: u8| http2(1, &[code], &wrapped(&unknown_user()));
        let (carried, facts) = heard(&request, &status(0x88));
        assert!(carried.is_kdc());
        // The last request was another exchange.
        let [Fact::KerberosError { exchange, code: 6, .. }] = facts.as_slice() else {
            panic!("{facts:?}")
        };
        assert_eq!(*exchange, KerberosExchange::AuthenticationService);
        // 500: words for people.
        assert_eq!(refused_with(&heard(&request, &status(0x8E)).1), Some("500"));
        let other = [&[0x83, 0x04, 5][..], b"/mail"].concat();
        let elsewhere = [preface, &http2(1, &other, b"x")].concat();
        assert!(heard(&elsewhere, &status(0x88)).0.is_other());
    }

    /// The status with which the centre's proxy says that it could not ask.
    fn refused_with(facts: &[Fact]) -> Option<&str> {
        match facts {
            [Fact::KerberosUnavailable { why, .. }] => why.rsplit(' ').next(),
            _ => None,
        }
    }

    #[test]
    fn words_of_a_web_server_and_other_places_are_no_messages() {
        let request = http("POST /KdcProxy HTTP/1.1", &wrapped(&tlv(0x6A, b"who")));
        let answer = http("HTTP/1.1 503 Service Unavailable", &wrapped(&unknown_user()));
        assert_eq!(refused_with(&heard(&request, &answer).1), Some("503"));
        let elsewhere = http("POST /other HTTP/1.1", &wrapped(&tlv(0x6A, b"who")));
        let answer = http("HTTP/1.1 200 OK", &wrapped(&unknown_user()));
        assert!(heard(&elsewhere, &answer).0.is_other());
    }
}
