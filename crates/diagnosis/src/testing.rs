//! A small builder of evidence for the tests beside the rules.

use rdpdoctor_model::{
    Awaited, ConnectFailure, Ending, Fact, Lookup, Negotiation, Observation, ObservationId,
    Purpose, Source, Stage, Target, Timestamp, Transport,
};

use crate::{Cause, Diagnosis, Evidence, Match, Policy, diagnose};

/// Observations in the making, on a current connection.
pub(crate) struct Scene {
    observations: Vec<Observation>,
    connection: Option<u32>,
    target: Target,
    policy: Policy,
}

/// The moment at which scenes are judged.
pub(crate) fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a moment")
}

impl Scene {
    pub(crate) fn new() -> Self {
        let target = "pc42.corp.example".parse().expect("a target");
        Self { observations: Vec::new(), connection: None, target, policy: Policy::default() }
    }

    pub(crate) fn target(mut self, text: &str) -> Self {
        self.target = text.parse().expect("a target");
        self
    }

    pub(crate) fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Connected, and the server selected `protocol`.
    pub(crate) fn negotiated(protocol: u32) -> Self {
        Self::new()
            .connected("10.0.0.1:3389")
            .confirm(Negotiation::Response { flags: 0, selected_protocol: protocol })
    }

    pub(crate) fn fact(mut self, stage: Stage, fact: Fact) -> Self {
        self.observations.push(Observation {
            id: ObservationId::numbered(self.observations.len() + 1),
            source: Source::Probe,
            stage,
            at: Some(now()),
            at_ms: 0,
            origin: None,
            connection: self.connection,
            fact,
        });
        self
    }

    pub(crate) fn connection(mut self, purpose: Purpose) -> Self {
        let number = self.connection.unwrap_or(0) + 1;
        self.connection = Some(number);
        let remote = "10.0.0.1:3389".parse().expect("an address");
        let transport = Transport::Tcp;
        self.fact(Stage::Tcp, Fact::Connection { number, purpose, transport, remote, local: None })
    }

    pub(crate) fn connected(self, remote: &str) -> Self {
        let remote = remote.parse().expect("an address");
        let local = "10.0.0.9:50000".parse().expect("an address");
        self.connection(Purpose::Main)
            .fact(Stage::Tcp, Fact::TcpConnected { remote, local, round_trip_ms: 10.0 })
    }

    pub(crate) fn not_connected(self, remote: &str, failure: ConnectFailure) -> Self {
        let remote = remote.parse().expect("an address");
        let icmp = Lookup::Absent;
        self.connection(Purpose::Main).fact(
            Stage::Tcp,
            Fact::TcpFailed { remote, failure, icmp, os_error: None, elapsed_ms: 1.0 },
        )
    }

    pub(crate) fn refused(self, remote: &str) -> Self {
        self.not_connected(remote, ConnectFailure::Refused)
    }

    pub(crate) fn confirm(self, negotiation: Negotiation) -> Self {
        self.fact(Stage::X224, Fact::ConnectionConfirm { negotiation })
    }

    pub(crate) fn server_hello(self, version: u16, cipher_suite: u16) -> Self {
        self.fact(Stage::Tls, Fact::ServerHello { version, cipher_suite })
    }

    pub(crate) fn ended(self, ending: Ending, awaited: Awaited) -> Self {
        let stage = match awaited {
            Awaited::ConnectionConfirm => Stage::X224,
            Awaited::ServerHello | Awaited::HandshakeEnd => Stage::Tls,
            Awaited::NtlmChallenge => Stage::CredSsp,
            Awaited::McsConnectResponse | Awaited::Nothing => Stage::Mcs,
        };
        self.fact(
            stage,
            Fact::StreamEnded {
                ending,
                awaited,
                received: 19,
                sent: 500,
                unfinished: 0,
                after_ms: 11.0,
                os_error: None,
            },
        )
    }

    fn with_evidence<T>(&self, use_it: impl FnOnce(&Evidence<'_>) -> T) -> T {
        use_it(&Evidence::new(&self.observations, Some(&self.target), now(), self.policy))
    }

    pub(crate) fn judge(&self, cause: &Cause) -> Option<Match> {
        self.with_evidence(cause.rule)
    }

    pub(crate) fn diagnose(&self) -> Diagnosis {
        self.with_evidence(diagnose)
    }
}
