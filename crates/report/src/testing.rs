//! Documents for the tests of this crate, judged by hand from causes of their own: the catalogue
//! may grow and change its words without touching what is tested here.

use rdpdoctor_diagnosis::{
    Cause, ClientCode, Diagnosis, Finding, NextTest, Owner, Proof, Remedy, Reported, Reproduction,
    Risk, Severity, StageReport, StageStatus, Status, Verdict, Where,
};
use rdpdoctor_model::{
    Awaited, CauseId, Certificate, ConnectFailure, Ending, Fact, Hex, Icmp, LifeSource, Lookup,
    Negotiation, NtlmVersion, Observation, ObservationId, PublicKey, Purpose, Source, Stage,
    StageOutcome, Target, Timestamp, Transport,
};

use crate::{Document, Engine, RunContext};

/// A cause with long texts and long commands.
pub(crate) static KEY: Cause = Cause {
    id: CauseId("tls.private-key-unavailable"),
    stage: Stage::Tls,
    owner: Owner::Host,
    title: "{host} cannot use the private key of its Remote Desktop certificate",
    explanation: "The server agreed to encrypt and hung up on the first encrypted message. A \
        Windows host does this when the service cannot open the key file of its certificate.",
    excludes: &["password", "account", "licence"],
    remedies: &[Remedy {
        id: "repair-the-key",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Let NETWORK SERVICE read the key again; if it is lost, let Windows make a new one",
        steps: &[
            "Look first; the System log names the reason:",
            "PS> Get-WinEvent -FilterHashtable @{LogName='System'; Id=36870,1057,1058} -MaxEvents 10 | Format-List TimeCreated, Id, Message",
            "Then grant the read that is missing:",
            "PS> icacls $f /grant '*S-1-5-20:(R)'",
        ],
        interrupts: "granting the read: nothing",
        undo: &["PS> icacls $f /remove '*S-1-5-20'"],
        verify: "rdpdoctor check {target} gets past 'encryption'",
    }],
    references: &["https://learn.microsoft.com/en-us/windows-server/remote/"],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::None("made for the tests of the renderers"),
    next_tests: &[NextTest {
        why: "on the host: tells the unreadable key, the TLS settings and a device in between apart",
        command: "rdpdoctor host",
    }],
    rule: |_| None,
};

/// A cause with short ones.
pub(crate) static REFUSED: Cause = Cause {
    id: CauseId("net.refused"),
    stage: Stage::Tcp,
    owner: Owner::Host,
    title: "{host} answers, but nothing listens on port {port}",
    explanation: "The request was answered at once with a refusal by {address}.",
    excludes: &["name resolution", "the route to the host", "certificate, password"],
    remedies: &[Remedy {
        id: "see-what-listens",
        place: Where::Host,
        risk: Risk::Low,
        title: "See what listens",
        steps: &["PS> Get-NetTCPConnection -State Listen -LocalPort {port}"],
        interrupts: "nothing",
        undo: &[],
        verify: "rdpdoctor check {target} gets past 'network'",
    }],
    references: &[],
    client_shows: &[ClientCode { code: 0x204, extended: None, proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::None("made for the tests of the renderers"),
    next_tests: &[],
    rule: |_| None,
};

/// The moment at which the tests' runs begin.
pub(crate) fn start() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a moment")
}

pub(crate) fn run(target: &str) -> RunContext {
    RunContext {
        target: target.parse().expect("a target"),
        addresses: vec!["10.20.4.42".parse().expect("v4"), "fd00:4::42".parse().expect("v6")],
        via: None,
        started_at: start(),
        elapsed_ms: 141,
        engine: Engine::Portable,
        last_stage_asked: Some(Stage::CredSsp),
    }
}

/// Observations in the making.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) observations: Vec<Observation>,
    connection: Option<u32>,
    at_ms: u64,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self { observations: Vec::new(), connection: None, at_ms: 0 }
    }

    pub(crate) fn fact(mut self, stage: Stage, fact: Fact) -> Self {
        self.at_ms += 3;
        self.observations.push(Observation {
            id: ObservationId::numbered(self.observations.len() + 1),
            source: Source::Probe,
            stage,
            at: Some(start().plus_millis(i64::try_from(self.at_ms).expect("small"))),
            at_ms: self.at_ms,
            origin: None,
            connection: if stage == Stage::Dns { None } else { self.connection },
            fact,
        });
        self
    }

    pub(crate) fn ended(self, stage: Stage, outcome: StageOutcome) -> Self {
        self.fact(stage, Fact::StageEnded { outcome, reason: None, elapsed_ms: 12.4 })
    }

    pub(crate) fn resolved(self) -> Self {
        self.fact(
            Stage::Dns,
            Fact::NameResolved {
                name: "pc42.corp.example".into(),
                addresses: run("x").addresses,
                canonical_name: None,
                elapsed_ms: 2.0,
            },
        )
        .ended(Stage::Dns, StageOutcome::Passed)
    }

    pub(crate) fn connection(mut self, purpose: Purpose, remote: &str) -> Self {
        let number = self.connection.unwrap_or(0) + 1;
        self.connection = Some(number);
        let remote = remote.parse().expect("an address");
        let fact =
            Fact::Connection { number, purpose, transport: Transport::Tcp, remote, local: None };
        self.fact(Stage::Tcp, fact)
    }

    pub(crate) fn connected(self) -> Self {
        self.connection(Purpose::OtherAddress, "[fd00:4::42]:3389")
            .fact(
                Stage::Tcp,
                Fact::TcpFailed {
                    remote: "[fd00:4::42]:3389".parse().expect("an address"),
                    failure: ConnectFailure::Timeout,
                    icmp: Lookup::Absent,
                    os_error: None,
                    elapsed_ms: 250.0,
                },
            )
            .connection(Purpose::Main, "10.20.4.42:3389")
            .fact(
                Stage::Tcp,
                Fact::TcpConnected {
                    remote: "10.20.4.42:3389".parse().expect("an address"),
                    local: "10.20.7.9:50112".parse().expect("an address"),
                    round_trip_ms: 18.2,
                },
            )
            .ended(Stage::Tcp, StageOutcome::Passed)
    }

    pub(crate) fn negotiated(self) -> Self {
        self.fact(
            Stage::X224,
            Fact::ConnectionRequest {
                requested_protocols: Some(0x0b),
                flags: 0,
                cookie: Some("alice.smith".into()),
                routing_token: None,
                correlation_id: Some(Hex(vec![7; 16])),
            },
        )
        .fact(
            Stage::X224,
            Fact::ConnectionConfirm {
                negotiation: Negotiation::Response { flags: 0x1f, selected_protocol: 2 },
            },
        )
        .ended(Stage::X224, StageOutcome::Passed)
    }

    pub(crate) fn stream_ended(self, stage: Stage, ending: Ending, awaited: Awaited) -> Self {
        self.fact(
            stage,
            Fact::StreamEnded {
                ending,
                awaited,
                received: 19,
                sent: 523,
                unfinished: 0,
                after_ms: 17.0,
                os_error: None,
            },
        )
    }

    pub(crate) fn encrypted(self, certificate: Certificate) -> Self {
        self.fact(Stage::Tls, Fact::ServerCertificates { certificates: vec![certificate] })
            .fact(
                Stage::Tls,
                Fact::TlsEstablished {
                    version: 0x0304,
                    cipher: "TLS_AES_256_GCM_SHA384".into(),
                    key_exchange: Some("X25519".into()),
                    elapsed_ms: 31.0,
                },
            )
            .ended(Stage::Tls, StageOutcome::Passed)
    }

    pub(crate) fn challenged(self) -> Self {
        self.fact(
            Stage::CredSsp,
            Fact::NtlmChallenge {
                target_name: Some("CORP".into()),
                netbios_computer: Some("PC42".into()),
                netbios_domain: Some("CORP".into()),
                dns_computer: Some("PC42.corp.example".into()),
                dns_domain: Some("corp.example".into()),
                dns_forest: Some("corp.example".into()),
                version: Some(NtlmVersion { major: 10, minor: 0, build: 20348 }),
                timestamp: Some(start().plus_millis(-2_000)),
                flags: 0xe289_8235,
            },
        )
        .stream_ended(Stage::CredSsp, Ending::ClosedByClient, Awaited::Nothing)
        .ended(Stage::CredSsp, StageOutcome::Passed)
    }

    /// The document of a run in which nothing was found.
    pub(crate) fn document(self) -> Document {
        self.judged(run("pc42.corp.example"), Vec::new())
    }

    /// The document of `run` with these findings, its stages and status as the engine has them.
    pub(crate) fn judged(self, run: RunContext, findings: Vec<Finding>) -> Document {
        let reported = self.observations.iter().find_map(|o| match o.fact {
            Fact::ReportedCode { code, extended } => Some(Reported {
                code,
                extended,
                reproduced: findings
                    .iter()
                    .any(|f| f.cause.client_shows.iter().any(|s| s.matches(code, extended))),
            }),
            _ => None,
        });
        let worst = |stage| findings.iter().filter(|f| f.stage == stage).map(|f| f.severity).min();
        let stages = self
            .observations
            .iter()
            .filter_map(|o| match &o.fact {
                Fact::StageEnded { outcome, reason, elapsed_ms } => Some(StageReport {
                    stage: o.stage,
                    status: match (outcome, worst(o.stage)) {
                        (StageOutcome::Skipped, _) => StageStatus::Skipped,
                        (_, Some(Severity::Blocking)) => StageStatus::Failed,
                        (StageOutcome::Stopped, _) => StageStatus::Unknown,
                        (StageOutcome::Passed, Some(Severity::Warning)) => StageStatus::Warned,
                        (StageOutcome::Passed, _) => StageStatus::Ok,
                    },
                    elapsed_ms: *elapsed_ms,
                    reason: reason.clone(),
                }),
                _ => None,
            })
            .collect();
        let status = match findings.iter().map(|f| f.severity).min() {
            Some(Severity::Blocking) => Status::Failed,
            Some(Severity::Warning) => Status::Degraded,
            _ => Status::Ok,
        };
        document(run, status, stages, findings, reported, self.observations)
    }
}

fn document(
    run: RunContext,
    status: Status,
    stages: Vec<StageReport>,
    findings: Vec<Finding>,
    reported: Option<Reported>,
    observations: Vec<Observation>,
) -> Document {
    let first = findings.first();
    let host = &run.target.host;
    let title = match (first, status) {
        (Some(finding), _) => finding.title.clone(),
        (None, Status::Unknown) => "The check ended before it could decide".to_owned(),
        (None, _) => format!("{host} can be reached by Remote Desktop; sign-in not tested"),
    };
    let verdict = Verdict {
        status,
        stage: first.map(|f| f.stage),
        cause: first.map(|f| f.cause),
        proof: first.map(|f| f.proof),
        title,
        reported,
    };
    let mut next_tests: Vec<NextTest> = Vec::new();
    for test in findings.iter().flat_map(|f| f.cause.next_tests) {
        if !next_tests.contains(test) {
            next_tests.push(*test);
        }
    }
    Document::new(run, &Diagnosis { verdict, stages, findings, next_tests }, observations)
}

pub(crate) fn certificate() -> Certificate {
    Certificate {
        subject: "CN=PC42".into(),
        subject_common_name: Some("PC42".into()),
        issuer: "CN=PC42".into(),
        serial: "5f1c0ffee0ddba11".into(),
        not_before: "2026-09-01T00:00:00Z".parse().expect("a moment"),
        not_after: "2027-03-01T00:00:00Z".parse().expect("a moment"),
        dns_names: vec!["PC42.corp.example".into()],
        ip_addresses: vec!["10.20.4.42".parse().expect("an address")],
        public_key: PublicKey { algorithm: "RSA".into(), bits: Some(2048) },
        signature_algorithm: "sha256WithRSAEncryption".into(),
        key_usage: Some(vec!["keyEncipherment".into()]),
        extended_key_usage: Some(vec!["serverAuth".into()]),
        is_ca: false,
        self_issued: true,
        crl_urls: Vec::new(),
        ocsp_urls: Vec::new(),
        sha1: "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3".into(),
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        length: 742,
    }
}

/// A host in order.
pub(crate) fn healthy() -> Document {
    Scene::new()
        .resolved()
        .connected()
        .negotiated()
        .encrypted(certificate())
        .challenged()
        .document()
}

/// A host that drops the ClientHello, twice, and a user whose client showed `reported`.
pub(crate) fn dropped_hello(reported: Option<(u32, Option<u32>)>) -> Document {
    let mut scene = Scene::new();
    if let Some((code, extended)) = reported {
        scene = scene.fact(Stage::Client, Fact::ReportedCode { code, extended });
    }
    scene
        .resolved()
        .connected()
        .negotiated()
        .stream_ended(Stage::Tls, Ending::Fin, Awaited::ServerHello)
        .ended(Stage::Tls, StageOutcome::Stopped)
        .connection(Purpose::PlainClientHello, "10.20.4.42:3389")
        .stream_ended(Stage::Tls, Ending::Fin, Awaited::ServerHello)
        .judged(run("pc42.corp.example"), vec![finding(&KEY, Severity::Blocking, Proof::Likely)])
}

/// Nothing listens; a router spoke too.
pub(crate) fn refused() -> Document {
    Scene::new()
        .resolved()
        .connection(Purpose::Main, "10.20.4.42:3389")
        .fact(
            Stage::Tcp,
            Fact::TcpFailed {
                remote: "10.20.4.42:3389".parse().expect("an address"),
                failure: ConnectFailure::Refused,
                icmp: Lookup::seen(Icmp {
                    ip_version: 4,
                    kind: 3,
                    code: 3,
                    from: Some("10.20.4.1".parse().expect("an address")),
                }),
                os_error: Some(111),
                elapsed_ms: 1.2,
            },
        )
        .fact(
            Stage::Tcp,
            Fact::LifeSign {
                address: "10.20.4.42".parse().expect("an address"),
                by: LifeSource::Ping,
                port: None,
                answer: Lookup::seen("echo reply".into()),
            },
        )
        .ended(Stage::Tcp, StageOutcome::Stopped)
        .judged(
            run("pc42.corp.example"),
            vec![finding(&REFUSED, Severity::Blocking, Proof::Proven)],
        )
}

/// A document with every stage of a check without credentials, and the status that is wanted.
pub(crate) fn by_hand(
    status: Status,
    findings: Vec<Finding>,
    reported: Option<Reported>,
    scene: Scene,
) -> Document {
    let struck = findings.first().map(|f| (f.stage, f.severity));
    let stages = Stage::ALL
        .into_iter()
        .filter(|stage| (Stage::Dns..=Stage::Mcs).contains(stage))
        .map(|stage| {
            let status = match struck {
                Some((at, Severity::Blocking)) if stage == at => StageStatus::Failed,
                Some((at, Severity::Blocking)) if stage > at => StageStatus::Skipped,
                Some((at, Severity::Warning)) if stage == at => StageStatus::Warned,
                _ => StageStatus::Ok,
            };
            StageReport { stage, status, elapsed_ms: 4.0, reason: None }
        })
        .collect();
    document(run("pc42.corp.example"), status, stages, findings, reported, scene.observations)
}

/// A finding with a cause's own texts.
pub(crate) fn finding(cause: &'static Cause, severity: Severity, proof: Proof) -> Finding {
    let target: Target = "pc42.corp.example".parse().expect("a target");
    let fill = |text: &str| {
        text.replace("{host}", &target.host)
            .replace("{port}", "3389")
            .replace("{target}", &target.input)
            .replace("{address}", "10.20.4.42")
    };
    Finding {
        cause,
        stage: cause.stage,
        severity,
        proof,
        evidence: vec![ObservationId::numbered(2), ObservationId::numbered(3)],
        title: fill(cause.title),
        explanation: fill(cause.explanation),
        managed: false,
    }
}

/// Everything a hostile server can put into a document: escape sequences, markup, overrides, length.
pub(crate) const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}</script><script>alert(1)</script>\
    <img src=x onerror=alert(2)>\"'&\u{202e}txt.exe\u{200b}\u{9b}31m\u{2066}\u{feff}\0\r\n\u{85}";

/// A document in which every text that may come from outside is hostile and long.
pub(crate) fn hostile() -> Document {
    let long = format!("{HOSTILE}{}", "W\u{301}".repeat(5_000));
    let mut bad = certificate();
    bad.subject_common_name = Some(long.clone());
    bad.subject = format!("CN={long}");
    bad.issuer = format!("O={long},CN={long}");
    bad.self_issued = false;
    let mut document = Scene::new()
        .resolved()
        .connected()
        .fact(
            Stage::X224,
            Fact::ForeignService {
                service: rdpdoctor_model::ServiceKind::Unknown,
                said: long.clone(),
                bytes: Hex(vec![0x1b; 200]),
                unasked: true,
            },
        )
        .ended(Stage::X224, StageOutcome::Stopped)
        .encrypted(bad)
        .challenged()
        .document();
    let made = by_hand(
        Status::Failed,
        vec![finding(&KEY, Severity::Blocking, Proof::Possible); 4],
        Some(Reported { code: 0x904, extended: Some(7), reproduced: false }),
        Scene::new(),
    );
    document.verdict = made.verdict;
    document.findings = made.findings;
    document.next_tests = made.next_tests;
    document.verdict.title.clone_from(&long);
    document.verdict.excludes = vec![long.clone(); 3];
    document.target.host.clone_from(&long);
    document.target.input.clone_from(&long);
    document.target.via = Some(long.clone());
    for stage in &mut document.stages {
        stage.detail.clone_from(&long);
    }
    for finding in &mut document.findings {
        finding.title.clone_from(&long);
        finding.explanation.clone_from(&long);
        finding.references = vec![format!("javascript:{long}"), long.clone()];
        for remedy in &mut finding.remedies {
            remedy.title.clone_from(&long);
            remedy.steps = vec![format!("PS> {long}"), long.clone()];
            remedy.undo = vec![long.clone(), long.clone()];
            remedy.verify.clone_from(&long);
            remedy.interrupts.clone_from(&long);
        }
    }
    for test in &mut document.next_tests {
        test.command.clone_from(&long);
        test.why.clone_from(&long);
    }
    document
}
