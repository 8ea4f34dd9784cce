use std::cell::OnceCell;
use std::collections::BTreeMap;

use rdpdoctor_model::{
    Awaited, Certificate, ConnectFailure, Ending, Fact, Negotiation, Observation, ObservationId,
    Purpose, Stage, Target, Timestamp,
};

use crate::causes::logged::{self, Weighed};

/// The observations of one attempt, with what the judging needs beside them: whom it is about, the
/// moment, and what the user insists on.
#[derive(Debug, Clone)]
pub struct Evidence<'a> {
    observations: &'a [Observation],
    /// Those about the host; each cause asks several times.
    of_host: Vec<&'a Observation>,
    /// Those read on a machine, of either side: where there are none, no rule looks through the others.
    of_machines: Vec<&'a Observation>,
    purposes: BTreeMap<u32, Purpose>,
    /// Every cause asks for it.
    logged: OnceCell<Vec<Weighed>>,
    /// Whom it is about, where known.
    pub target: Option<&'a Target>,
    /// The moment to judge certificates and clocks by.
    pub judged_at: Timestamp,
    /// What the user insists on.
    pub policy: Policy,
}

/// What the user insists on beyond the reference client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    /// `--trust`.
    pub trust: Trust,
    /// `--security`.
    pub security: RequiredSecurity,
}

/// How certificate findings weigh.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trust {
    /// Each blocks.
    Strict,
    /// Each warns, as `mstsc` asks.
    #[default]
    Warn,
    /// As `Warn`; credentials leave all the same.
    Any,
}

/// What the client insists on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RequiredSecurity {
    /// What `mstsc` offers (requestedProtocols 0x0B), with its fall-backs.
    #[default]
    Auto,
    /// Standard RDP Security only.
    Rdp,
    /// TLS without NLA only.
    Tls,
    /// NLA only.
    Nla,
}

/// Something seen, with the observation that says so.
#[derive(Debug, Clone)]
pub struct Seen<'a, T> {
    /// Its observation.
    pub observation: &'a Observation,
    /// What it says.
    pub value: T,
}

impl<T> Seen<'_, T> {
    /// The id to cite.
    pub fn id(&self) -> ObservationId {
        self.observation.id.clone()
    }
}

/// What became of the TCP connections on the main path.
#[derive(Debug, Clone, PartialEq)]
pub enum TcpResult {
    /// None was tried.
    NotTried,
    /// At least one connected.
    Connected,
    /// All failed; the one that says most, and the observations of all that failed that way.
    Failed(ConnectFailure, Vec<ObservationId>),
}

impl<'a> Evidence<'a> {
    /// Evidence to be judged as of `judged_at`.
    pub fn new(
        observations: &'a [Observation],
        target: Option<&'a Target>,
        judged_at: Timestamp,
        policy: Policy,
    ) -> Self {
        let purposes = observations
            .iter()
            .filter_map(|o| match o.fact {
                Fact::Connection { number, purpose, .. } => Some((number, purpose)),
                _ => None,
            })
            .collect();
        let of_host: Vec<&Observation> = observations
            .iter()
            .filter(|observation| observation.stage != Stage::Gateway)
            .filter(|o| o.stage != Stage::Proxy || !is_of_a_centre(&o.fact))
            .collect();
        let is_of_machine = |o: &&&Observation| matches!(o.stage, Stage::Host | Stage::Client);
        let of_machines = of_host.iter().filter(is_of_machine).copied().collect();
        let logged = OnceCell::new();
        Self { observations, of_host, of_machines, purposes, logged, target, judged_at, policy }
    }

    /// What was read on a machine, of either side.
    pub(crate) fn of_machines(&self) -> impl DoubleEndedIterator<Item = &'a Observation> {
        self.of_machines.iter().copied()
    }

    /// What each entry of event logs comes to, weighed once for all causes.
    pub(crate) fn logged(&self) -> &[Weighed] {
        self.logged.get_or_init(|| logged::weigh(self))
    }

    /// Every observation, in the order seen.
    pub fn observations(&self) -> &'a [Observation] {
        self.observations
    }

    /// What the connection of an observation was made for; `None` for what belongs to none.
    pub fn purpose(&self, observation: &Observation) -> Option<Purpose> {
        observation.connection.and_then(|number| self.purposes.get(&number).copied())
    }

    /// All facts that `pick` takes, on whatever connection to the host. What is about an RD Gateway
    /// is none of them: its name, its certificate and its sign-in are not the host's. Nor is what a
    /// key distribution centre says of a proxy's user.
    pub fn all<T>(&self, pick: impl Fn(&'a Fact) -> Option<T>) -> Vec<Seen<'a, T>> {
        let of_host = self.of_host.iter();
        let seen = of_host
            .filter_map(|observation| Some(Seen { observation, value: pick(&observation.fact)? }));
        seen.collect()
    }

    /// The facts about an RD Gateway that `pick` takes.
    pub fn gateway<T>(&self, pick: impl Fn(&'a Fact) -> Option<T>) -> Vec<Seen<'a, T>> {
        let about = self.observations.iter().filter(|o| o.stage == Stage::Gateway);
        let seen = about.filter_map(|observation| {
            pick(&observation.fact).map(|value| Seen { observation, value })
        });
        seen.collect()
    }

    /// The facts about the way to a proxy and into it that `pick` takes.
    pub fn proxy<T>(&self, pick: impl Fn(&'a Fact) -> Option<T>) -> Vec<Seen<'a, T>> {
        let about = self.observations.iter().filter(|o| o.stage == Stage::Proxy);
        let seen = about.filter_map(|observation| {
            pick(&observation.fact).map(|value| Seen { observation, value })
        });
        seen.collect()
    }

    /// The facts that `pick` takes on connections made for `purpose`.
    pub fn on<T>(
        &self,
        purpose: Purpose,
        pick: impl Fn(&'a Fact) -> Option<T>,
    ) -> Vec<Seen<'a, T>> {
        let mut seen = self.all(pick);
        seen.retain(|s| self.purpose(s.observation) == Some(purpose));
        seen
    }

    /// The facts that `pick` takes on the path that decides: the main connection and its
    /// fall-backs, and whatever belongs to no connection.
    pub fn main_path<T>(&self, pick: impl Fn(&'a Fact) -> Option<T>) -> Vec<Seen<'a, T>> {
        let mut seen = self.all(pick);
        seen.retain(|s| {
            matches!(
                self.purpose(s.observation),
                None | Some(Purpose::Main | Purpose::Fallback | Purpose::Redirected)
            )
        });
        seen
    }

    /// What became of TCP, straight or by a proxy's word. When several addresses failed differently, an answer (refused) says more
    /// than a router's word, and that more than silence.
    pub fn tcp(&self) -> TcpResult {
        let connected = self.main_path(|fact| {
            matches!(fact, Fact::TcpConnected { .. } | Fact::TunnelOpened { .. }).then_some(())
        });
        if !connected.is_empty() {
            return TcpResult::Connected;
        }
        let failures = self.all(|fact| match fact {
            Fact::TcpFailed { failure, .. } => Some(*failure),
            _ => None,
        });
        let mut failures: Vec<_> = failures
            .into_iter()
            .filter(|s| {
                matches!(
                    self.purpose(s.observation),
                    None | Some(Purpose::Main | Purpose::OtherAddress)
                )
            })
            .collect();
        // In front of a gateway a proxy speaks of the gateway.
        if crate::gateway_place(self.observations).is_none() {
            failures.extend(self.all(|fact| match fact {
                Fact::ProxyAnswer { reply, .. } => reply.on_target(),
                _ => None,
            }));
        }
        [
            ConnectFailure::Refused,
            ConnectFailure::Reset,
            ConnectFailure::Prohibited,
            ConnectFailure::Timeout,
            ConnectFailure::HostUnreachable,
            ConnectFailure::NetworkUnreachable,
            ConnectFailure::Other,
        ]
        .into_iter()
        .find_map(|kind| {
            let ids: Vec<_> = failures.iter().filter(|s| s.value == kind).map(Seen::id).collect();
            (!ids.is_empty()).then_some(TcpResult::Failed(kind, ids))
        })
        .unwrap_or(TcpResult::NotTried)
    }

    /// How the last connection of the main path ended while the client waited for `awaited`.
    pub fn ended_awaiting(&self, awaited: Awaited) -> Option<Seen<'a, StreamEnd>> {
        self.main_path(stream_end).into_iter().rfind(|s| s.value.awaited == awaited)
    }

    /// The negotiation that decided: the last Connection Confirm of the main path.
    pub fn negotiation(&self) -> Option<Seen<'a, Negotiation>> {
        self.main_path(negotiation).pop()
    }

    /// Every Connection Confirm of the main path, the refusals before a fall-back included.
    pub fn negotiations(&self) -> Vec<Seen<'a, Negotiation>> {
        self.main_path(negotiation)
    }

    /// The server's own certificate on the main path.
    pub fn server_certificate(&self) -> Option<Seen<'a, &'a Certificate>> {
        self.main_path(|fact| match fact {
            Fact::ServerCertificates { certificates } => certificates.first(),
            _ => None,
        })
        .pop()
    }

    /// Whether TLS was established on the main path.
    pub fn tls_established(&self) -> bool {
        !self.main_path(|f| matches!(f, Fact::TlsEstablished { .. }).then_some(())).is_empty()
    }
}

/// What a key distribution centre says, or that none can be asked.
fn is_of_a_centre(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::KerberosError { .. } | Fact::KerberosTicket { .. } | Fact::KerberosUnavailable { .. }
    )
}

/// [`Fact::StreamEnded`] as a plain value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StreamEnd {
    /// How.
    pub ending: Ending,
    /// What the client was waiting for.
    pub awaited: Awaited,
    /// Bytes the server had sent.
    pub received: u64,
    /// Bytes the client had sent.
    pub sent: u64,
    /// Bytes of an unfinished message.
    pub unfinished: u64,
    /// Milliseconds from the client's last bytes to the end.
    pub after_ms: f64,
}

pub(crate) fn stream_end(fact: &Fact) -> Option<StreamEnd> {
    match *fact {
        Fact::StreamEnded { ending, awaited, received, sent, unfinished, after_ms, .. } => {
            Some(StreamEnd { ending, awaited, received, sent, unfinished, after_ms })
        }
        _ => None,
    }
}

fn negotiation(fact: &Fact) -> Option<Negotiation> {
    match fact {
        Fact::ConnectionConfirm { negotiation } => Some(*negotiation),
        _ => None,
    }
}
