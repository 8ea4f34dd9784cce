//! A small builder of evidence for the tests beside the rules.

use std::net::IpAddr;

use rdpdoctor_model::{
    Awaited, Certificate, ChainError, ConnectFailure, DnsOutcome, Ending, Fact, Hex, InterfaceForm,
    KerberosExchange, LifeSource, Lookup, Mechanism, Negotiation, Observation, ObservationId,
    OwnInterface, OwnWay, Party, ProxyChoice, ProxyReply, ProxyScheme, PublicKey, Purpose,
    RecordType, RegistryData, RegistryValue, ResolveFailure, RevocationAnswer, RevocationSource,
    ServiceKind, SettingOwner, Source, Stage, Target, Timestamp, Transport, UdpReply, WindowsEvent,
};

use crate::{Cause, Evidence, Match, Policy, Trust, engine};

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

/// What a Windows host makes for itself.
pub(crate) fn certificate() -> Certificate {
    Certificate {
        subject: "CN=pc42.corp.example".to_owned(),
        subject_common_name: Some("pc42.corp.example".to_owned()),
        issuer: "CN=pc42.corp.example".to_owned(),
        serial: "01".to_owned(),
        not_before: now().plus_millis(-86_400_000),
        not_after: now().plus_millis(86_400_000),
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        public_key: PublicKey { algorithm: "RSA".to_owned(), bits: Some(2048) },
        signature_algorithm: "sha256WithRSAEncryption".to_owned(),
        key_usage: None,
        extended_key_usage: None,
        is_ca: false,
        self_issued: true,
        crl_urls: Vec::new(),
        ocsp_urls: Vec::new(),
        sha1: "00".repeat(20),
        sha256: "00".repeat(32),
        length: 800,
    }
}

impl Scene {
    pub(crate) fn new() -> Self {
        let target = "pc42.corp.example".parse().expect("a target");
        Self { observations: Vec::new(), connection: None, target, policy: Policy::default() }
    }

    /// Judged with `--trust strict`.
    pub(crate) fn strict(mut self) -> Self {
        self.policy.trust = Trust::Strict;
        self
    }

    pub(crate) fn target(mut self, text: &str) -> Self {
        self.target = text.parse().expect("a target");
        self
    }

    /// Connected, and the server selected `protocol`.
    pub(crate) fn negotiated(protocol: u32) -> Self {
        Self::new()
            .connected("10.0.0.1:3389")
            .confirm(Negotiation::Response { flags: 0, selected_protocol: protocol })
    }

    /// A number in the host's registry; `None` where the value is not there. Its owner follows from
    /// the key, as the collector has it.
    pub(crate) fn host_number(self, key: &str, name: &str, number: Option<u32>) -> Self {
        let data = number.map_or(Lookup::Absent, |n| Lookup::seen(RegistryData::Dword(n)));
        self.machine_value(Stage::Host, key, name, data)
    }

    /// A value in the registry of the machine of a stage (host, client).
    pub(crate) fn machine_value(
        self,
        stage: Stage,
        key: &str,
        name: &str,
        data: Lookup<RegistryData>,
    ) -> Self {
        let owner = if key.to_ascii_lowercase().contains(r"\policies\") {
            SettingOwner::GroupPolicy { name: None }
        } else {
            SettingOwner::Local
        };
        let (key, name) = (key.to_owned(), name.to_owned());
        self.fact(stage, Fact::RegistryValue(Box::new(RegistryValue { key, name, data, owner })))
    }

    /// As though the machine itself had set every value.
    pub(crate) fn unmanaged(mut self) -> Self {
        for observation in &mut self.observations {
            if let Fact::RegistryValue(value) = &mut observation.fact {
                value.owner = SettingOwner::Local;
            }
        }
        self
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

    /// All of it is from a capture.
    pub(crate) fn captured(mut self) -> Self {
        self.observations.iter_mut().for_each(|o| o.source = Source::Capture);
        self
    }

    pub(crate) fn connection(mut self, purpose: Purpose) -> Self {
        let number = self.connection.unwrap_or(0) + 1;
        self.connection = Some(number);
        let remote = "10.0.0.1:3389".parse().expect("an address");
        let transport = Transport::Tcp;
        self.fact(Stage::Tcp, Fact::Connection { number, purpose, transport, remote, local: None })
    }

    /// What came for SYN datagrams, each with half a second.
    pub(crate) fn udp(self, tries: u32, reply: UdpReply) -> Self {
        self.udp_offered(2, tries, reply)
    }

    /// The same of this version.
    pub(crate) fn udp_offered(self, version: u16, tries: u32, reply: UdpReply) -> Self {
        let remote = "10.0.0.1:3389".parse().expect("an address");
        let (offered, elapsed_ms) = (Some(version), f64::from(tries) * 500.0);
        self.fact(Stage::Udp, Fact::UdpProbe { remote, offered, tries, reply, elapsed_ms })
    }

    /// A session's server asks for reliable UDP.
    pub(crate) fn asked_for_udp(self) -> Self {
        let fact = Fact::MultitransportRequest { request_id: 1, requested_protocol: 1 };
        self.fact(Stage::Udp, fact)
    }

    /// A Connect Response with this in its multitransport block.
    pub(crate) fn multitransport(self, multitransport_flags: Option<u32>) -> Self {
        let fact = Fact::McsConnectResponse {
            result: 0,
            server_version: None,
            client_requested_protocols: None,
            early_capability_flags: None,
            encryption_method: None,
            encryption_level: None,
            multitransport_flags,
        };
        self.fact(Stage::Mcs, fact)
    }

    /// A connection to a proxy.
    pub(crate) fn proxy(self) -> Self {
        self.fact(
            Stage::Proxy,
            Fact::ProxyChosen {
                scheme: ProxyScheme::Http,
                proxy_host: "proxy.corp.example".to_owned(),
                proxy_port: 3128,
                chosen_by: ProxyChoice::Option,
                has_user: false,
            },
        )
        .connection(Purpose::Proxy)
    }

    /// A proxy that says this.
    pub(crate) fn proxy_answer(self, reply: ProxyReply) -> Self {
        self.proxy().fact(Stage::Proxy, Fact::ProxyAnswer { reply, elapsed_ms: 1.0 })
    }

    /// An HTTP proxy that answers with this status.
    pub(crate) fn proxy_status(self, status: u16, schemes: &[&str]) -> Self {
        let schemes = schemes.iter().map(|scheme| (*scheme).to_owned()).collect();
        let (phrase, error) = ("as it says".to_owned(), None);
        self.proxy_answer(ProxyReply::Http { status, phrase, schemes, error })
    }

    /// A tunnel to the target.
    pub(crate) fn tunnel(self) -> Self {
        let destination = "pc42.corp.example:3389".to_owned();
        let fact = Fact::TunnelOpened { destination, carrier: 1, elapsed_ms: 2.0 };
        self.connection(Purpose::Main).fact(Stage::Tcp, fact)
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
        let stage = awaited.stage();
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

    pub(crate) fn ended_with(
        self,
        ending: Ending,
        awaited: Awaited,
        received: u64,
        sent: u64,
    ) -> Self {
        let (unfinished, after_ms, os_error) = (received, 11.0, None);
        self.fact(
            Stage::X224,
            Fact::StreamEnded { ending, awaited, received, sent, unfinished, after_ms, os_error },
        )
    }

    pub(crate) fn ended_after(self, ending: Ending, awaited: Awaited, after_ms: f64) -> Self {
        let (received, sent, unfinished, os_error) = (19, 500, 0, None);
        self.fact(
            Stage::Tls,
            Fact::StreamEnded { ending, awaited, received, sent, unfinished, after_ms, os_error },
        )
    }

    pub(crate) fn name_failed(self, failure: ResolveFailure) -> Self {
        let name = self.target.host.clone();
        let text = "as the resolver says".to_owned();
        self.fact(Stage::Dns, Fact::NameFailed { name, failure, text, elapsed_ms: 1.0 })
    }

    pub(crate) fn dns_answer(self, outcome: DnsOutcome, addresses: &[&str]) -> Self {
        let name = self.target.host.clone();
        let addresses = addresses.iter().map(|a| a.parse().expect("an address")).collect();
        let (record_type, names) = (RecordType::A, Vec::new());
        self.fact(
            Stage::Dns,
            Fact::DnsAnswer { name, record_type, outcome, addresses, names, elapsed_ms: 1.0 },
        )
    }

    pub(crate) fn hosts_file(self, addresses: &[&str]) -> Self {
        let name = self.target.host.clone();
        let entries = addresses.iter().map(|a| a.parse().expect("an address")).collect();
        let entries = Lookup::seen(entries);
        self.fact(
            Stage::Dns,
            Fact::HostsFile { name, file: "hosts".to_owned(), entries, lines: vec![3] },
        )
    }

    pub(crate) fn reverse_name(self, name: &str) -> Self {
        let address = "10.0.0.1".parse().expect("an address");
        let names = Lookup::seen(vec![name.to_owned()]);
        self.fact(Stage::Dns, Fact::ReverseName { address, names })
    }

    pub(crate) fn this_machine(self, name: &str) -> Self {
        let names = vec![name.to_owned()];
        self.fact(Stage::Client, Fact::ThisMachine { names, addresses: Vec::new() })
    }

    /// An address of the machine that the check runs on.
    pub(crate) fn own_address(self, address: &str) -> Self {
        let (names, addresses) = (Vec::new(), vec![address.parse().expect("an address")]);
        self.fact(Stage::Client, Fact::ThisMachine { names, addresses })
    }

    /// That machine's one interface: its name, what it is, whether it has a link, its addresses.
    pub(crate) fn own_interface(
        self,
        name: &str,
        form: InterfaceForm,
        carrier: bool,
        addresses: &[&str],
    ) -> Self {
        self.own_interfaces(&[(name, form, carrier, addresses)])
    }

    pub(crate) fn own_interfaces(self, all: &[(&str, InterfaceForm, bool, &[&str])]) -> Self {
        let interface = |&(name, form, carrier, addresses): &(&str, _, _, &[&str])| OwnInterface {
            interface: name.to_owned(),
            form,
            driver: None,
            up: true,
            carrier,
            addresses: addresses.iter().map(|a| a.parse().expect("an address")).collect(),
        };
        let interfaces = all.iter().map(interface).collect();
        self.fact(Stage::Client, Fact::OwnInterfaces { interfaces })
    }

    /// The way out of that machine.
    pub(crate) fn own_way(
        self,
        to: &str,
        interface: &str,
        form: InterfaceForm,
        gateway: Option<&str>,
    ) -> Self {
        let way = OwnWay {
            interface: interface.to_owned(),
            form,
            source: None,
            gateway: gateway.map(|gateway| gateway.parse().expect("an address")),
            neighbour: Lookup::Absent,
        };
        let (to, way) = (to.parse().expect("an address"), Lookup::seen(way));
        self.fact(Stage::Client, Fact::OwnRoute { to, way })
    }

    pub(crate) fn life(self, answer: Lookup<String>) -> Self {
        let address = "10.0.0.1".parse().expect("an address");
        self.fact(Stage::Tcp, Fact::LifeSign { address, by: LifeSource::Ping, port: None, answer })
    }

    pub(crate) fn request(self, requested_protocols: u32) -> Self {
        self.fact(
            Stage::X224,
            Fact::ConnectionRequest {
                requested_protocols: Some(requested_protocols),
                flags: 0,
                cookie: None,
                routing_token: None,
                correlation_id: None,
            },
        )
    }

    pub(crate) fn ssh_banner(self) -> Self {
        let said = "SSH-2.0-OpenSSH_9.2".to_owned();
        let bytes = Hex(said.as_bytes().to_vec());
        let service = ServiceKind::Ssh;
        self.fact(Stage::X224, Fact::ForeignService { service, said, bytes, unasked: true })
    }

    pub(crate) fn alert(self, description: u8, awaited: Awaited) -> Self {
        let from = Party::Server;
        self.fact(Stage::Tls, Fact::TlsAlert { from, level: 2, description, awaited })
    }

    /// What came in the handshake is no TLS.
    pub(crate) fn broken_tls(self) -> Self {
        let problem = "not a TLS record".to_owned();
        self.fact(Stage::Tls, Fact::TlsMalformed { problem, bytes: Hex(vec![0]) })
    }

    /// This side's TLS library ended the handshake.
    pub(crate) fn tls_refused(self, reason: &str) -> Self {
        self.fact(Stage::Tls, Fact::TlsRefused { reason: reason.to_owned() })
    }

    /// What became of a handshake of TLS 1.2 and 1.3 alone.
    pub(crate) fn tls12_and_newer(self, accepted: Lookup<String>) -> Self {
        let (oldest, newest, weak_suites_only) = (0x0303, 0x0304, false);
        self.fact(Stage::Tls, Fact::TlsVersionOffer { oldest, newest, weak_suites_only, accepted })
    }

    /// An end in the middle of a message.
    pub(crate) fn ended_unfinished(self, ending: Ending, awaited: Awaited) -> Self {
        let (received, sent, unfinished) = (24, 500, 5);
        let (after_ms, os_error) = (11.0, None);
        self.fact(
            Stage::Tls,
            Fact::StreamEnded { ending, awaited, received, sent, unfinished, after_ms, os_error },
        )
    }

    pub(crate) fn established(self, version: u16) -> Self {
        let cipher = "ECDHE-RSA-AES256-GCM-SHA384".to_owned();
        let key_exchange = Some("X25519".to_owned());
        self.fact(
            Stage::Tls,
            Fact::TlsEstablished { version, cipher, key_exchange, elapsed_ms: 20.0 },
        )
    }

    /// TLS with this certificate; `errors` are what OpenSSL says of its chain.
    pub(crate) fn certified(self, certificate: Certificate, errors: &[i32]) -> Self {
        let error = |&code| ChainError { depth: 0, code, text: format!("error {code}") };
        let errors = errors.iter().map(error).collect();
        let certificates = vec![certificate];
        self.fact(Stage::Tls, Fact::ServerCertificates { certificates }).established(0x0303).fact(
            Stage::Tls,
            Fact::CertificateChain { errors, store: "a test's".to_owned(), roots: 1 },
        )
    }

    pub(crate) fn revocation(self, answer: Lookup<RevocationAnswer>) -> Self {
        let by = RevocationSource::Crl;
        self.fact(Stage::Tls, Fact::Revocation { by, url: None, answer })
    }

    pub(crate) fn ts_request(self, version: u32, error_code: Option<u32>) -> Self {
        let (from, has_public_key_auth) = (Party::Server, false);
        let token_length = error_code.is_none().then_some(100);
        self.established(0x0303).fact(
            Stage::CredSsp,
            Fact::TsRequest { from, version, error_code, token_length, has_public_key_auth },
        )
    }

    /// A Set Error Info PDU.
    pub(crate) fn error_info(self, code: u32) -> Self {
        self.fact(Stage::Session, Fact::SetErrorInfo { code })
    }

    /// A series of short echo requests.
    pub(crate) fn echoes(self, sent: u32, lost: u32, median_ms: f64) -> Self {
        self.series(44, sent, lost, median_ms)
    }

    /// A series of long ones.
    pub(crate) fn long_echoes(self, sent: u32, lost: u32) -> Self {
        self.series(1500, sent, lost, 20.0)
    }

    fn series(self, bytes: u32, sent: u32, lost: u32, median_ms: f64) -> Self {
        let median_ms = (lost < sent).then_some(median_ms);
        let fact = Fact::EchoSeries {
            address: IpAddr::from([10, 0, 0, 1]),
            bytes,
            sent,
            lost,
            shortest_ms: median_ms,
            median_ms,
            longest_ms: median_ms,
            jitter_ms: None,
        };
        self.fact(Stage::Network, fact)
    }

    /// What the server chose for Standard RDP Security.
    pub(crate) fn standard_security(self, method: u32, level: u32) -> Self {
        let fact = Fact::ServerSecurityData {
            encryption_method: method,
            encryption_level: level,
            random_length: 32,
            certificate: Lookup::Absent,
        };
        self.fact(Stage::Mcs, fact)
    }

    /// The client asked to leave.
    pub(crate) fn left(self) -> Self {
        self.fact(Stage::Session, Fact::ShutdownRequested)
    }

    /// A logon notification.
    pub(crate) fn notified(self, notification_type: u32, data: u32) -> Self {
        self.fact(Stage::Session, Fact::LogonNotification { notification_type, data })
    }

    /// A licensing error of the server.
    pub(crate) fn license_error(self, code: u32) -> Self {
        let from = Party::Server;
        self.fact(Stage::Licensing, Fact::LicenseError { from, code, state_transition: 1 })
    }

    /// What a key distribution centre says.
    pub(crate) fn kerberos_error(self, code: u32) -> Self {
        let exchange = KerberosExchange::AuthenticationService;
        let kdc = "10.0.0.2:88".to_owned();
        let (server_time, text) = (None, None);
        let fact = Fact::KerberosError { exchange, kdc, code, server_time, text };
        self.fact(Stage::CredSsp, fact)
    }

    /// A sign-in by NTLM that worked.
    pub(crate) fn signed_in(self) -> Self {
        let mechanism = Mechanism::Ntlm;
        self.fact(Stage::CredSsp, Fact::CredentialSent { mechanism })
            .fact(Stage::CredSsp, Fact::PublicKeyBinding { mechanism, matches: true })
    }

    /// An entry of an event log.
    pub(crate) fn logged(self, stage: Stage, event: WindowsEvent) -> Self {
        self.fact(stage, Fact::WindowsEvent(Box::new(event)))
    }

    /// The same by a log's own clock.
    pub(crate) fn logged_at(self, at_ms: u64, stage: Stage, event: WindowsEvent) -> Self {
        let mut scene = self.logged(stage, event);
        if let Some(last) = scene.observations.last_mut() {
            (last.source, last.at_ms) = (Source::EventLog, at_ms);
        }
        scene
    }

    pub(crate) fn challenge(self, netbios: &str, dns: &str) -> Self {
        self.ntlm(netbios, dns, Some(now()))
    }

    pub(crate) fn clock_off_by(self, seconds: i64) -> Self {
        self.ntlm("PC42", "pc42.corp.example", Some(now().plus_millis(seconds * 1000)))
    }

    fn ntlm(self, netbios: &str, dns: &str, timestamp: Option<Timestamp>) -> Self {
        let fact = Fact::NtlmChallenge {
            target_name: None,
            netbios_computer: Some(netbios.to_owned()),
            netbios_domain: Some("CORP".to_owned()),
            dns_computer: Some(dns.to_owned()),
            dns_domain: Some("corp.example".to_owned()),
            dns_forest: None,
            version: None,
            timestamp,
            flags: 0,
        };
        self.fact(Stage::CredSsp, fact)
    }

    pub(crate) fn with_evidence<T>(&self, use_it: impl FnOnce(&Evidence<'_>) -> T) -> T {
        use_it(&self.evidence())
    }

    pub(crate) fn evidence(&self) -> Evidence<'_> {
        Evidence::new(&self.observations, Some(&self.target), now(), self.policy)
    }

    pub(crate) fn judge(&self, cause: &Cause) -> Option<Match> {
        self.with_evidence(|evidence| engine::judged(cause, evidence))
    }
}
