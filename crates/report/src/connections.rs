//! The list of connections that were made, each with what became of it.

use std::net::SocketAddr;

use rdpdoctor_model::{
    Awaited, ConnectFailure, Ending, Fact, Observation, Purpose, Timestamp, Transport,
};

use crate::harmless::clean;
use crate::summary::{duration, icmp_words, lookup_words};

/// A name and a port.
const LONGEST_DESTINATION: usize = 260;

/// One connection in words.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) number: u32,
    pub(crate) purpose: &'static str,
    pub(crate) transport: &'static str,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: SocketAddr,
    /// The connection that carries it, and where it leads to.
    pub(crate) inside: Option<(u32, String)>,
    pub(crate) begun: Option<Timestamp>,
    pub(crate) begun_ms: u64,
    /// From SYN to connected.
    pub(crate) round_trip_ms: Option<f64>,
    /// What the client sent and the server sent, in bytes, where it was counted.
    pub(crate) sent_received: Option<(u64, u64)>,
    /// How it ended or failed.
    pub(crate) ending: Option<String>,
    /// What was waited for and never came.
    pub(crate) never_came: Option<&'static str>,
    /// What the system could tell of an ICMP message behind a failure.
    pub(crate) icmp: Option<String>,
}

impl Connection {
    /// The protocol, this side and the other side.
    pub(crate) fn five_tuple(&self) -> String {
        if let Some((carrier, destination)) = &self.inside {
            return format!("{} {carrier} to {destination}", self.transport);
        }
        let local = self.local.map_or("(not known)".to_owned(), |local| local.to_string());
        format!("{} {local} -> {}", self.transport, self.remote)
    }
}

/// All connections, in the order of their beginning.
pub(crate) fn connections(observations: &[Observation]) -> Vec<Connection> {
    observations
        .iter()
        .filter_map(|observation| match observation.fact {
            Fact::Connection { number, purpose, transport, remote, local } => {
                let mut connection = Connection {
                    number,
                    purpose: purpose_words(purpose),
                    transport: transport_name(transport),
                    local,
                    remote,
                    inside: None,
                    begun: observation.at,
                    begun_ms: observation.at_ms,
                    round_trip_ms: None,
                    sent_received: None,
                    ending: None,
                    never_came: None,
                    icmp: None,
                };
                let own = |other: &&Observation| other.connection == Some(number);
                observations.iter().filter(own).for_each(|other| connection.learn(&other.fact));
                Some(connection)
            }
            _ => None,
        })
        .collect()
}

impl Connection {
    fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::TunnelOpened { destination, carrier, .. } => {
                self.inside = Some((*carrier, clean(destination, LONGEST_DESTINATION)));
            }
            Fact::TcpConnected { local, round_trip_ms, .. } => {
                self.local = Some(*local);
                self.round_trip_ms = Some(*round_trip_ms);
            }
            Fact::TcpFailed { failure, icmp, os_error, elapsed_ms, .. } => {
                let error =
                    os_error.map(|code| format!(", system error {code}")).unwrap_or_default();
                self.ending = Some(format!(
                    "{} after {}{error}",
                    connect_failure(*failure),
                    duration(*elapsed_ms)
                ));
                self.never_came = (*failure == ConnectFailure::Timeout)
                    .then_some("any answer to the SYN: no SYN-ACK, no RST, no ICMP seen");
                self.icmp = Some(lookup_words(icmp, icmp_words));
            }
            Fact::StreamEnded {
                ending,
                awaited,
                received,
                sent,
                after_ms,
                unfinished,
                os_error,
            } => {
                let error =
                    os_error.map(|code| format!(", system error {code}")).unwrap_or_default();
                let half = match unfinished {
                    0 => String::new(),
                    bytes => format!(", {bytes} bytes into an unfinished message"),
                };
                self.sent_received = Some((*sent, *received));
                self.ending = Some(format!(
                    "{} {} after this side's last bytes{half}{error}",
                    ending_words(*ending),
                    duration(*after_ms)
                ));
                self.never_came = (*ending != Ending::ClosedByClient)
                    .then_some(awaited_words(*awaited))
                    .flatten();
            }
            _ => {}
        }
    }
}

/// What a connection was made for.
fn purpose_words(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Main => "the connection itself, as the Remote Desktop client makes it",
        Purpose::Fallback => "second try with a weaker security layer, as the client does",
        Purpose::OtherAddress => "another address of the same name",
        Purpose::PlainClientHello => "the TLS start once more, in its plainest form",
        Purpose::ServiceProbe => "what kind of service is this?",
        Purpose::SecurityLayer => "which security layers does it take?",
        Purpose::TlsVersion => "which TLS versions does it take?",
        Purpose::LifeSign => "does the host live?",
        Purpose::Redirected => "the host that the broker named",
        Purpose::Kerberos => "a ticket for the sign-in",
        Purpose::Trace => "which routers answer on the way?",
        Purpose::Path => "what does the path do to packets?",
        Purpose::Proxy => "the way to the proxy",
        Purpose::Udp => "does UDP get through?",
        Purpose::Gateway => "the RD Gateway",
        Purpose::HostFacts => "facts of the host, over WinRM",
        Purpose::Idle => "whether silence is survived",
        Purpose::Revocation => "is the certificate revoked?",
    }
}

fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
        Transport::Icmp => "ICMP",
        Transport::Tunnel => "inside connection",
    }
}

fn connect_failure(failure: ConnectFailure) -> &'static str {
    match failure {
        ConnectFailure::Refused => "refused",
        ConnectFailure::Reset => "reset while connecting",
        ConnectFailure::Timeout => "no answer",
        ConnectFailure::HostUnreachable => "host unreachable",
        ConnectFailure::NetworkUnreachable => "network unreachable",
        ConnectFailure::Prohibited => "forbidden",
        ConnectFailure::Other => "failed",
    }
}

fn ending_words(ending: Ending) -> &'static str {
    match ending {
        Ending::Fin => "FIN from the other side",
        Ending::Reset => "RST from the other side, or in its name,",
        Ending::Timeout => "this side gave up waiting",
        Ending::ClosedByClient => "closed by this side",
        Ending::Cancelled => "stopped by the user or the deadline",
        Ending::Failed => "the system reported an error",
    }
}

fn awaited_words(awaited: Awaited) -> Option<&'static str> {
    match awaited {
        Awaited::ConnectionConfirm => Some("the X.224 Connection Confirm (first RDP answer)"),
        Awaited::ServerHello => Some("the TLS ServerHello"),
        Awaited::HandshakeEnd => Some("the rest of the TLS handshake"),
        Awaited::NtlmChallenge => Some("the CredSSP message with the NTLM challenge"),
        Awaited::PublicKeyBinding => Some("the CredSSP proof of the public key"),
        Awaited::EarlyAuthorization => Some("the Early User Authorization Result"),
        Awaited::McsConnectResponse => Some("the MCS Connect Response"),
        Awaited::McsAttachUserConfirm => Some("the MCS Attach User Confirm"),
        Awaited::McsChannelJoinConfirm => Some("an MCS Channel Join Confirm"),
        Awaited::License => Some("a licensing message"),
        Awaited::DemandActive => Some("the Demand Active PDU"),
        Awaited::FontMap => Some("the Font Map PDU"),
        Awaited::Picture => Some("a logon or a picture"),
        Awaited::GatewayAnswer => Some("the gateway's answer by HTTP"),
        Awaited::GatewayHandshake => Some("the gateway's first packet"),
        Awaited::GatewayAuthentication => Some("the gateway's word about the credentials"),
        Awaited::GatewayTunnel => Some("the gateway's tunnel"),
        Awaited::GatewayAuthorization => Some("the authorisation of the gateway's tunnel"),
        Awaited::GatewayChannel => Some("the gateway's channel to the host"),
        Awaited::GatewayData => Some("what the gateway carries"),
        Awaited::Disconnect => Some("the end of the connection"),
        Awaited::ProxyGreeting => Some("the proxy's word on signing in"),
        Awaited::ProxyAnswer => Some("the proxy's answer to the request for a connection"),
        Awaited::Nothing => None,
    }
}
