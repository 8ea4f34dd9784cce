use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::rdp_file::{GatewayUse, RdpFileEncoding, RdpFileFlaw, RdpFileValue};
use crate::terms::{
    Awaited, ChainError, ConnectFailure, DnsOutcome, Ending, Icmp, KerberosExchange, LifeSource,
    LogonForm, Mechanism, Negotiation, NtlmVersion, Party, Purpose, RecordType, ReleaseReason,
    ResolveFailure, RevocationAnswer, RevocationSource, SecurityLayer, SecurityLayerAnswer,
    ServerKey, ServiceKind, SessionOrigin, StageOutcome, Transport,
};
use crate::{
    BastionMark, Certificate, ClientDefaults, Cloud, CloudRule, FactsOf, FileHead, GatewayStep,
    GatewayTransport, Hex, IdleOutcome, JoinedEvidence, LocalAccount, LongOffer, Lookup,
    MachineCertificate, NetworkAdapter, OwnInterface, OwnRule, OwnWay, PacketHead, PathPart,
    PortListeners, ProxyChoice, ProxyReply, ProxyScheme, RegistryHive, RegistryKey, RegistryValue,
    SavedCredential, Stage, SystemTls, Timestamp, UdpReply, Volume, WatchState, WindowsEvent,
    WindowsFile, WindowsHosts, WindowsService, WindowsSession,
};

/// What was seen. Each variant is one observation kind of the contract; the kind is the variant's
/// name in kebab-case. A kind is never reused for something else.
///
/// Numbers that come from the wire stay raw numbers; words for them belong to who reads them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fact {
    // ── this machine ────────────────────────────────────────────────────────────────────────────
    /// Names and addresses of the machine the check runs on.
    ThisMachine {
        /// Host names, short and qualified.
        names: Vec<String>,
        /// Addresses of its interfaces.
        addresses: Vec<IpAddr>,
    },
    /// The interfaces of that machine, loopback aside.
    OwnInterfaces {
        /// They, at most 64.
        interfaces: Vec<OwnInterface>,
    },
    /// The way out of that machine to an address.
    OwnRoute {
        /// That address.
        to: IpAddr,
        /// The way; absent: the system says that there is none.
        way: Lookup<OwnWay>,
    },
    /// Whether that machine's own firewall lets a connection out.
    OwnFirewall {
        /// The connection's other end.
        to: SocketAddr,
        /// The rule that does not let it out.
        rule: Lookup<OwnRule>,
    },
    /// A proxy that the environment names, whether it is used or not.
    ProxySetting {
        /// The variable.
        variable: String,
        /// The proxy's name or address.
        proxy_host: String,
        /// Its port, where it is named.
        proxy_port: Option<u16>,
    },

    // ── rdpfile ─────────────────────────────────────────────────────────────────────────────────
    /// An `.rdp` file was read.
    RdpFile {
        /// How its characters are written.
        encoding: RdpFileEncoding,
        /// Bytes in it.
        length: u64,
        /// Settings in it.
        settings: u32,
        /// Names of settings that are not known, the first ones.
        unknown_settings: Vec<String>,
        /// Whether it holds a password that only its own user and machine can read.
        password: bool,
        /// Whether it holds a password that anybody can read.
        clear_password: bool,
        /// Whether it is signed.
        signed: bool,
    },
    /// The computer that the file names.
    RdpFileAddress {
        /// The line.
        line: u32,
        /// `full address` or `alternate full address`, which wins.
        setting: String,
        /// The name or address.
        host: String,
        /// The port.
        port: u16,
        /// The other address, where both are there and differ.
        other_host: Option<String>,
    },
    /// The RD Gateway that the file names.
    RdpFileGateway {
        /// The line.
        line: u32,
        /// Its name.
        host: String,
        /// Its port.
        port: u16,
        /// When it is wanted.
        usage: GatewayUse,
    },
    /// Who signs in, as the file says.
    RdpFileUser {
        /// The line.
        line: u32,
        /// The name.
        user: String,
        /// `domain`, where it is there.
        domain: Option<String>,
        /// The name holds a target behind a bastion (`user@target@bastion`, `user#target`).
        names_target: bool,
    },
    /// A setting of the file that matters.
    RdpFileSetting {
        /// The line.
        line: u32,
        /// Its name in lower case.
        setting: String,
        /// Its value.
        value: RdpFileValue,
    },
    /// The file's signature.
    RdpFileSignature {
        /// The settings that it covers.
        scope: Vec<String>,
        /// Who signed.
        subject: Option<String>,
        /// Whether it fits what the file says now.
        fits: Lookup<bool>,
    },
    /// Something is wrong with the file.
    RdpFileProblem {
        /// The line; absent when it is the whole file.
        line: Option<u32>,
        /// What.
        flaw: RdpFileFlaw,
        /// The setting's name in lower case.
        setting: Option<String>,
        /// What stands there, where that is no secret.
        value: Option<String>,
    },

    // ── event logs ──────────────────────────────────────────────────────────────────────────────
    /// A Windows event log was read, as far as it goes.
    EventLog {
        /// The computers that wrote it.
        computers: Vec<String>,
        /// Its channels, as the entries name them.
        channels: Vec<String>,
        /// Records that could be read.
        records: u64,
        /// Those of them that concern Remote Desktop.
        concerning: u64,
        /// Records that could not be read, as far as that is known.
        lost_records: u64,
        /// Blocks of 64 KiB that could not be read.
        lost_blocks: u64,
        /// When the oldest record was written.
        first: Option<Timestamp>,
        /// When the newest one was.
        last: Option<Timestamp>,
        /// What is wrong with the file.
        problems: Vec<String>,
    },
    /// Attempts in event logs that are counted only.
    EventLogOthers {
        /// Other users with attempts.
        users: u32,
        /// Their attempts.
        attempts: u32,
        /// Those of them that failed.
        failed: u32,
        /// Attempts that are not listed because newer ones fill the list.
        unlisted: u32,
    },
    /// An entry of a Windows event log.
    WindowsEvent(Box<WindowsEvent>),

    // ── several sources ─────────────────────────────────────────────────────────────────────────
    /// Evidence of another source was held against this connection.
    JoinedEvidence(Box<JoinedEvidence>),

    // ── host and client: a Windows machine ─────────────────────────────────────────────────────
    /// Facts of a Windows machine follow.
    FactsOf(FactsOf),
    /// A value of the registry.
    RegistryValue(Box<RegistryValue>),
    /// A key of the registry.
    RegistryKey(Box<RegistryKey>),
    /// Whether a service runs.
    WindowsService(WindowsService),
    /// A file or folder.
    WindowsFile(Box<WindowsFile>),
    /// A certificate in a store of the machine.
    MachineCertificate(Box<MachineCertificate>),
    /// Who listens on a port.
    PortListeners(PortListeners),
    /// The host's sessions.
    WindowsSessions {
        /// All of them.
        sessions: Lookup<Vec<WindowsSession>>,
    },
    /// The volumes of the machine.
    Volumes {
        /// All fixed ones.
        volumes: Lookup<Vec<Volume>>,
    },
    /// The network adapters of the machine.
    NetworkAdapters {
        /// All but loopback.
        adapters: Lookup<Vec<NetworkAdapter>>,
    },
    /// The members of a local group.
    GroupMembers {
        /// The group's SID.
        group: String,
        /// Its members' SIDs.
        members: Lookup<Vec<String>>,
    },
    /// Who holds a right of the local security policy.
    AccountRight {
        /// `SeRemoteInteractiveLogonRight` and the like.
        right: String,
        /// Their SIDs; absent when nobody holds it.
        holders: Lookup<Vec<String>>,
    },
    /// The accounts of the machine itself.
    LocalAccounts {
        /// All of them.
        accounts: Lookup<Vec<LocalAccount>>,
    },
    /// The updates that are installed.
    InstalledUpdates {
        /// `KB5074109` and the like.
        updates: Lookup<Vec<String>>,
    },
    /// How the power plan in use is set.
    PowerPlan {
        /// Seconds until it sleeps on mains power; absent when it never does.
        sleep_after: Lookup<u32>,
        /// Seconds until it hibernates on mains power; absent when it never does.
        hibernate_after: Lookup<u32>,
    },
    /// How far the clock is from another one.
    ClockOffset {
        /// Whose clock.
        against: String,
        /// Milliseconds by which the machine's clock is ahead.
        ahead_ms: Lookup<i64>,
    },
    /// What the credential manager holds for Remote Desktop, by name only.
    SavedCredentials {
        /// The entries.
        entries: Lookup<Vec<SavedCredential>>,
    },
    /// A file of the registry was read from a disk.
    RegistryHive(Box<RegistryHive>),
    /// The hosts file of a Windows machine, whole.
    WindowsHosts(WindowsHosts),
    /// The settings that a Windows client keeps for itself.
    ClientDefaults(Box<ClientDefaults>),
    /// How a file begins.
    FileHead(FileHead),
    /// What the host's own licensing counts.
    LicenseGrace {
        /// Days that the grace period has left.
        days: Lookup<u32>,
    },

    // ── cloud listings ──────────────────────────────────────────────────────────────────────────
    /// A group of a cloud's rules was read. What none of its rules lets in stays out.
    CloudGroup {
        /// Whose cloud it is.
        cloud: Cloud,
        /// The group or network.
        group: String,
        /// Rules for what comes in.
        inbound_rules: u32,
    },
    /// A rule of a cloud.
    CloudRule(Box<CloudRule>),

    // ── proxy ───────────────────────────────────────────────────────────────────────────────────
    /// The proxy by which every connection to the target goes.
    ProxyChosen {
        /// Its protocol.
        scheme: ProxyScheme,
        /// Its name or address.
        proxy_host: String,
        /// Its port.
        proxy_port: u16,
        /// Who chose it.
        chosen_by: ProxyChoice,
        /// Whether there is a user to sign in with.
        has_user: bool,
    },
    /// The proxy's name has no address.
    ProxyNameFailed {
        /// The name.
        proxy_host: String,
        /// Which way it failed.
        failure: ResolveFailure,
        /// The resolver's own words.
        text: String,
    },
    /// A proxy's answer.
    ProxyAnswer {
        /// What it said.
        reply: ProxyReply,
        /// From the first word to it to this answer.
        elapsed_ms: f64,
    },
    /// The client began with TLS and CredSSP, and negotiates inside them: the direct approach
    /// (MS-RDPBCGR 5.4.2.2), as an `.rdp` file can ask for.
    DirectApproach,
    /// How the proxy's sign-in was tried.
    ProxyCredential {
        /// By what.
        mechanism: Mechanism,
        /// Whether it came to a proof: a ticket, the answer to a challenge, the password itself.
        shown: bool,
    },
    /// The proxy made the connection; what follows passes inside.
    TunnelOpened {
        /// The target as the proxy was asked for it.
        destination: String,
        /// The number of the connection to the proxy.
        carrier: u32,
        /// From the first word to the proxy to its consent.
        elapsed_ms: f64,
    },
    // ── gateway ─────────────────────────────────────────────────────────────────────────────────
    /// The connection goes by way of this RD Gateway. What was seen of the gateway itself, its name,
    /// its connections and its certificate included, is noted at the stage `gateway`.
    Gateway {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
    },
    /// What the gateway answered by HTTP.
    GatewayAnswer {
        /// What was asked for.
        transport: GatewayTransport,
        /// The status; 101 and 200 agree.
        status: u16,
        /// The words beside it, at most 80 characters. Some gateways give their reason there.
        reason: Option<String>,
        /// The schemes in WWW-Authenticate.
        schemes: Vec<String>,
        /// Who says that it answers (the header Server), at most 80 characters.
        server: Option<String>,
        /// Whether the request had an answer to a challenge, or a password, in it.
        after_credentials: bool,
    },
    /// What a gateway's port said is no HTTP, or no packet of a gateway.
    GatewayMalformed {
        /// What the client waited for.
        awaited: Awaited,
        /// What is wrong with it.
        problem: String,
    },
    /// The transport was agreed, but packets do not pass, or the next part of it was refused.
    GatewayTransportFailed {
        /// Which.
        transport: GatewayTransport,
        /// What became of it.
        problem: String,
    },
    /// The gateway's number for a step; 0 agrees.
    GatewayCode {
        /// Which step.
        step: GatewayStep,
        /// An HRESULT, or the Win32 code inside it.
        code: u32,
    },
    /// Words of the gateway's administrator, at most 1,000 characters.
    GatewayMessage {
        /// Whether the user has to agree to it.
        consent: bool,
        /// The words.
        text: String,
    },

    // ── dns ─────────────────────────────────────────────────────────────────────────────────────
    /// The target is an address: nothing had to be resolved.
    AddressLiteral {
        /// That address.
        address: IpAddr,
    },
    /// The system's resolver (getaddrinfo), which decides the path, gave addresses.
    NameResolved {
        /// The name asked for.
        name: String,
        /// Its addresses in the resolver's order (RFC 6724).
        addresses: Vec<IpAddr>,
        /// The canonical name, where it differs from the name asked for.
        canonical_name: Option<String>,
        /// How long it took.
        elapsed_ms: f64,
    },
    /// The system's resolver gave none.
    NameFailed {
        /// The name asked for.
        name: String,
        /// Which way it failed.
        failure: ResolveFailure,
        /// The resolver's own words.
        text: String,
        /// How long it took.
        elapsed_ms: f64,
    },
    /// What the DNS itself says, asked beside the system's resolver.
    DnsAnswer {
        /// The name asked for.
        name: String,
        /// The type asked for.
        record_type: RecordType,
        /// The answer's kind.
        outcome: DnsOutcome,
        /// Addresses in the answer.
        addresses: Vec<IpAddr>,
        /// Names the answer leads through (CNAME) or gives (PTR).
        names: Vec<String>,
        /// How long it took.
        elapsed_ms: f64,
    },
    /// Whether the hosts file names the target.
    HostsFile {
        /// The name looked for.
        name: String,
        /// The file.
        file: String,
        /// The addresses it gives.
        entries: Lookup<Vec<IpAddr>>,
        /// The lines that give them, from 1.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lines: Vec<u32>,
    },
    /// The name that the DNS has for an address.
    ReverseName {
        /// The address.
        address: IpAddr,
        /// Its names.
        names: Lookup<Vec<String>>,
    },

    // ── tcp ─────────────────────────────────────────────────────────────────────────────────────
    /// A connection that was tried, for whatever purpose: the list a network team asks for.
    Connection {
        /// Its number; other observations refer to it.
        number: u32,
        /// What for.
        purpose: Purpose,
        /// TCP, UDP or ICMP.
        transport: Transport,
        /// The other side.
        remote: SocketAddr,
        /// This side, once known.
        local: Option<SocketAddr>,
    },
    /// TCP connected.
    TcpConnected {
        /// The other side.
        remote: SocketAddr,
        /// Our own address and port.
        local: SocketAddr,
        /// From SYN to connected.
        round_trip_ms: f64,
    },
    /// TCP did not connect.
    TcpFailed {
        /// The other side.
        remote: SocketAddr,
        /// Which way.
        failure: ConnectFailure,
        /// The ICMP message behind it, where the system lets one see it.
        icmp: Lookup<Icmp>,
        /// The system's error number.
        os_error: Option<i32>,
        /// From SYN to the failure.
        elapsed_ms: f64,
    },
    /// Whether the host shows life elsewhere, asked after silence or refusal.
    LifeSign {
        /// The address asked.
        address: IpAddr,
        /// How it was asked.
        by: LifeSource,
        /// The port, where one was asked.
        port: Option<u16>,
        /// The answer in a few words (`echo reply`, `connected`, `refused`, a hardware address).
        answer: Lookup<String>,
    },
    /// The connection's stream ended, or a stage stopped waiting for it.
    StreamEnded {
        /// How.
        ending: Ending,
        /// What the client was waiting for.
        awaited: Awaited,
        /// Bytes the server had sent on this connection.
        received: u64,
        /// Bytes the client had sent on this connection.
        sent: u64,
        /// Bytes of an unfinished message that had arrived when it ended; 0 when none had begun.
        unfinished: u64,
        /// From the client's last bytes to the end.
        after_ms: f64,
        /// The system's error number, where there is one.
        os_error: Option<i32>,
    },

    // ── x224 ────────────────────────────────────────────────────────────────────────────────────
    /// The client's X.224 Connection Request (MS-RDPBCGR 2.2.1.1).
    ConnectionRequest {
        /// requestedProtocols; `None` when it carries no RDP Negotiation Request.
        requested_protocols: Option<u32>,
        /// Flags of the RDP Negotiation Request.
        flags: u8,
        /// The value of the `mstshash` cookie.
        cookie: Option<String>,
        /// The routing token of a load balancer.
        routing_token: Option<String>,
        /// The correlation id, which Windows writes to its log.
        correlation_id: Option<Hex>,
    },
    /// The server's X.224 Connection Confirm (MS-RDPBCGR 2.2.1.2).
    ConnectionConfirm {
        /// The negotiation inside.
        negotiation: Negotiation,
    },
    /// An X.224 Disconnect Request instead of the confirm (ITU-T X.224 13.5).
    DisconnectRequest {
        /// Its reason byte.
        reason: u8,
    },
    /// The answer begins as TPKT or X.224 does, but breaks its rules.
    X224Malformed {
        /// What is wrong with it.
        problem: String,
        /// Its first bytes.
        bytes: Hex,
    },
    /// Something answered that is no Remote Desktop server.
    ForeignService {
        /// What it is.
        service: ServiceKind,
        /// What it said: printable characters, at most 120.
        said: String,
        /// Its first bytes.
        bytes: Hex,
        /// Whether it spoke before the client had sent anything.
        unasked: bool,
    },
    /// Which security layer the server takes, asked on a connection of its own.
    SecurityLayerOffer {
        /// The one layer that was offered.
        layer: SecurityLayer,
        /// requestedProtocols of that offer.
        requested_protocols: u32,
        /// What the server said.
        answer: SecurityLayerAnswer,
    },

    // ── tls ─────────────────────────────────────────────────────────────────────────────────────
    /// The client's ClientHello.
    ClientHello {
        /// Length of its record in bytes, header included.
        length: usize,
        /// Versions offered, as on the wire (0x0303 is TLS 1.2).
        versions: Vec<u16>,
        /// How many cipher suites it offers.
        cipher_suites: usize,
        /// The server name it carries.
        server_name: Option<String>,
        /// Whether it is the plain one: TLS 1.2, RSA key exchange, few extensions.
        plain: bool,
    },
    /// The server's ServerHello.
    ServerHello {
        /// The version agreed, supported_versions minded.
        version: u16,
        /// The cipher suite agreed.
        cipher_suite: u16,
    },
    /// An alert that could be read on the wire (RFC 8446 section 6).
    TlsAlert {
        /// Who sent it.
        from: Party,
        /// 1 warning, 2 fatal.
        level: u8,
        /// The description's number.
        description: u8,
        /// What the client was waiting for.
        awaited: Awaited,
    },
    /// What came is not TLS, or breaks its rules.
    TlsMalformed {
        /// What is wrong with it.
        problem: String,
        /// Its first bytes.
        bytes: Hex,
    },
    /// The certificates the server sent, its own first.
    ServerCertificates {
        /// As sent.
        certificates: Vec<Certificate>,
    },
    /// The handshake is finished and its signature verified.
    TlsEstablished {
        /// The version agreed.
        version: u16,
        /// The suite's name in OpenSSL's spelling.
        cipher: String,
        /// The key exchange: `X25519`, `P-256`, `DHE`, `RSA`.
        key_exchange: Option<String>,
        /// From ClientHello to finished.
        elapsed_ms: f64,
    },
    /// This side ended the handshake: what its TLS library says. A hint, never evidence by itself.
    TlsRefused {
        /// The library's reason.
        reason: String,
    },
    /// The TLS of the system itself failed where the check went by it.
    SystemTls(SystemTls),
    /// The chain held against this machine's trust store.
    CertificateChain {
        /// What stood in the way of trusting it; empty: it leads to a trusted root.
        errors: Vec<ChainError>,
        /// Where the roots came from.
        store: String,
        /// How many roots there were.
        roots: usize,
    },
    /// What somebody says about the certificate's revocation.
    Revocation {
        /// Who was asked.
        by: RevocationSource,
        /// Where.
        url: Option<String>,
        /// The answer.
        answer: Lookup<RevocationAnswer>,
    },
    /// Whether a handshake with fewer versions, or with weak suites alone, succeeds; asked on a
    /// connection of its own.
    TlsVersionOffer {
        /// The oldest version offered, as on the wire.
        oldest: u16,
        /// The newest version offered.
        newest: u16,
        /// Whether weak suites alone were offered: RC4, DES, 3DES, no encryption.
        weak_suites_only: bool,
        /// The suite the server took.
        accepted: Lookup<String>,
    },

    // ── credssp ─────────────────────────────────────────────────────────────────────────────────
    /// A TSRequest (MS-CSSP 2.2.1).
    TsRequest {
        /// Who sent it.
        from: Party,
        /// CredSSP version, as that side claims it.
        version: u32,
        /// errorCode, an NTSTATUS or HRESULT.
        error_code: Option<u32>,
        /// Length of the negotiation token.
        token_length: Option<usize>,
        /// Whether pubKeyAuth is there.
        has_public_key_auth: bool,
    },
    /// The server's NTLM CHALLENGE_MESSAGE (MS-NLMP 2.2.1.2).
    NtlmChallenge {
        /// TargetName.
        target_name: Option<String>,
        /// MsvAvNbComputerName.
        netbios_computer: Option<String>,
        /// MsvAvNbDomainName.
        netbios_domain: Option<String>,
        /// MsvAvDnsComputerName.
        dns_computer: Option<String>,
        /// MsvAvDnsDomainName.
        dns_domain: Option<String>,
        /// MsvAvDnsTreeName.
        dns_forest: Option<String>,
        /// The operating system's version.
        version: Option<NtlmVersion>,
        /// MsvAvTimestamp: the server's clock.
        timestamp: Option<Timestamp>,
        /// NegotiateFlags.
        flags: u32,
    },
    /// The Early User Authorization Result (MS-RDPBCGR 2.2.10.2).
    EarlyAuthorization {
        /// authorizationResult.
        result: u32,
    },
    /// What came inside TLS is no TSRequest, or breaks its rules.
    CredSspMalformed {
        /// What is wrong with it.
        problem: String,
        /// Its first bytes.
        bytes: Hex,
    },

    /// Whether a credential may leave for this server, judged before any token that holds one.
    CredentialRelease {
        /// Whether it may.
        released: bool,
        /// Why, or why not.
        reason: ReleaseReason,
    },
    /// The client sent its answer to the server's challenge, or a service ticket: the one attempt,
    /// which counts towards a lockout.
    CredentialSent {
        /// By which mechanism.
        mechanism: Mechanism,
    },
    /// This user was rejected by this server within the last 30 minutes; nothing was sent.
    RejectionRemembered {
        /// When.
        rejected_at: Timestamp,
        /// The status of that rejection, where there was one.
        status: Option<u32>,
    },
    /// The server's proof that it holds the key of its certificate and the session key
    /// (MS-CSSP 3.1.5, step 4). It also says that the credential was right.
    PublicKeyBinding {
        /// By which mechanism the session key came about.
        mechanism: Mechanism,
        /// Whether the proof holds.
        matches: bool,
    },
    /// The credentials were delegated in TSCredentials: CredSSP is done.
    CredentialsDelegated {
        /// By which mechanism.
        mechanism: Mechanism,
    },
    /// The system's own library signs in, as who is logged on here.
    SystemSignIn {
        /// The library.
        library: String,
        /// Its package: `Negotiate`, `Kerberos` or `NTLM`.
        package: String,
        /// Who is logged on.
        user: String,
        /// The service principal name that it was given.
        service: String,
    },
    /// The system's own library made no token, or took the server's for none. It asks the key distribution
    /// centre itself.
    SystemSignInFailed {
        /// The library.
        library: String,
        /// Its package. `Kerberos` behind a sign-in by NTLM: what it came to alone.
        package: String,
        /// The status that it returned.
        code: u32,
    },
    /// The server takes the user, and the client left before the delegation: of who is logged on here
    /// nobody has the credentials. Whether it lets the user in, and the session, come behind it.
    CredentialsKept {
        /// By which mechanism.
        mechanism: Mechanism,
    },
    /// A key distribution centre answered with what was asked for.
    KerberosTicket {
        /// Which exchange.
        exchange: KerberosExchange,
        /// Who answered, as `address:port`.
        kdc: String,
        /// For which service: `krbtgt/REALM`, `TERMSRV/host`.
        service: String,
    },
    /// A key distribution centre answered with KRB-ERROR (RFC 4120 5.9.1).
    KerberosError {
        /// Which exchange.
        exchange: KerberosExchange,
        /// Who answered, as `address:port`.
        kdc: String,
        /// error-code (RFC 4120 7.5.9).
        code: u32,
        /// Its clock (stime).
        server_time: Option<Timestamp>,
        /// e-text, at most 200 characters.
        text: Option<String>,
    },
    /// A service answered a Kerberos ticket (RFC 4120 5.5.2, 5.9.1), in a token of its sign-in.
    TicketAnswer {
        /// error-code (RFC 4120 7.5.9); none: it takes the ticket.
        code: Option<u32>,
        /// Its clock (stime), with an error.
        server_time: Option<Timestamp>,
        /// e-text, at most 200 characters.
        text: Option<String>,
    },
    /// No key distribution centre could be asked.
    KerberosUnavailable {
        /// The realm.
        realm: String,
        /// Who was tried, as `address:port`.
        tried: Vec<String>,
        /// Why not.
        why: String,
    },

    // ── mcs ─────────────────────────────────────────────────────────────────────────────────────
    /// The server's MCS Connect Response with the GCC blocks (MS-RDPBCGR 2.2.1.4).
    McsConnectResponse {
        /// Result, 0 is rt-successful (T.125 section 7).
        result: u8,
        /// Version of the server core data.
        server_version: Option<u32>,
        /// clientRequestedProtocols that the server saw.
        client_requested_protocols: Option<u32>,
        /// earlyCapabilityFlags.
        early_capability_flags: Option<u32>,
        /// encryptionMethod of Standard RDP Security.
        encryption_method: Option<u32>,
        /// encryptionLevel of Standard RDP Security.
        encryption_level: Option<u32>,
        /// Flags of the multitransport block, where there is one.
        multitransport_flags: Option<u32>,
    },
    /// The server's data for Standard RDP Security (MS-RDPBCGR 2.2.1.4.3).
    ServerSecurityData {
        /// encryptionMethod: 1 is 40 bit, 2 is 128 bit, 8 is 56 bit, 0x10 is FIPS.
        encryption_method: u32,
        /// encryptionLevel: 0 none, 1 low, 2 client compatible, 3 high, 4 FIPS.
        encryption_level: u32,
        /// Length of the server's random in bytes; 32 where it is whole.
        random_length: usize,
        /// Its certificate.
        certificate: Lookup<ServerKey>,
    },
    /// MCS Attach User Confirm (T.125 section 7, MS-RDPBCGR 2.2.1.7).
    McsAttachUserConfirm {
        /// Result, 0 is rt-successful.
        result: u8,
        /// The user channel.
        user_channel: Option<u16>,
    },
    /// MCS Channel Join Confirm (MS-RDPBCGR 2.2.1.9).
    McsChannelJoinConfirm {
        /// Result, 0 is rt-successful.
        result: u8,
        /// The channel asked for.
        channel: u16,
    },
    /// A Disconnect Provider Ultimatum (T.125 section 11.15).
    McsDisconnectUltimatum {
        /// Its reason, 0 to 4.
        reason: u8,
    },
    /// What came is no MCS PDU, or breaks its rules.
    McsMalformed {
        /// What is wrong with it.
        problem: String,
        /// Its first bytes.
        bytes: Hex,
    },

    // ── licensing ───────────────────────────────────────────────────────────────────────────────
    /// A licensing message of the server (MS-RDPELE 2.2.2) other than an error.
    LicenseMessage {
        /// bMsgType: 1 request, 2 platform challenge, 3 new licence, 4 upgraded licence.
        message_type: u8,
    },
    /// A Licensing Error Message (MS-RDPBCGR 2.2.1.12.1.3); 7 with ST_NO_TRANSITION says that all
    /// is well.
    LicenseError {
        /// Who sent it.
        from: Party,
        /// dwErrorCode.
        code: u32,
        /// dwStateTransition.
        state_transition: u32,
    },
    /// What came is no licensing message, or breaks its rules.
    LicenseMalformed {
        /// What is wrong with it.
        problem: String,
        /// Its first bytes.
        bytes: Hex,
    },

    // ── session ─────────────────────────────────────────────────────────────────────────────────
    /// The Client Info PDU left (MS-RDPBCGR 2.2.1.11): from here on there is a session.
    ClientInfoSent {
        /// Whether it asks for automatic logon, with a password in it.
        autologon: bool,
    },
    /// The server's Demand Active PDU (MS-RDPBCGR 2.2.1.13.1).
    DemandActive {
        /// shareId.
        share_id: u32,
        /// sourceDescriptor, as a rule `RDP`.
        source_descriptor: String,
        /// Width and height of the desktop, from the bitmap capability set.
        desktop: Option<[u16; 2]>,
        /// Colour depth, from the same.
        bits_per_pixel: Option<u16>,
        /// How many capability sets it has.
        capability_sets: u16,
    },
    /// The server's Font Map PDU (MS-RDPBCGR 2.2.1.22): the connection is finalised.
    FontMap,
    /// A Set Error Info PDU (MS-RDPBCGR 2.2.5.1.1); 0 says that there is no error.
    SetErrorInfo {
        /// errorInfo.
        code: u32,
    },
    /// A Save Session Info PDU that tells of a logon (MS-RDPBCGR 2.2.10.1).
    LoggedOn {
        /// Which form it has.
        form: LogonForm,
        /// The account's domain.
        domain: Option<String>,
        /// The account.
        user: Option<String>,
        /// The session's number, where the form has one.
        session_id: Option<u32>,
    },
    /// Logon Info Errors inside a Save Session Info PDU (MS-RDPBCGR 2.2.10.1.1.4.1.1).
    LogonNotification {
        /// ErrorNotificationType.
        notification_type: u32,
        /// ErrorNotificationData: a session's number, or an error.
        data: u32,
    },
    /// A Server Redirection PDU (MS-RDPBCGR 2.2.13): a broker names another host.
    Redirection {
        /// RedirFlags.
        flags: u32,
        /// SessionID.
        session_id: u32,
        /// TargetNetAddress, TargetFQDN and TargetNetBiosName, as far as they are there.
        targets: Vec<String>,
        /// Whether a load-balancing token is there.
        has_routing_token: bool,
    },
    /// A Deactivate All PDU (MS-RDPBCGR 2.2.3.1): capabilities are agreed anew.
    DeactivateAll,
    /// The client asked to leave, as closing the window does (MS-RDPBCGR 2.2.2.1); what ends the
    /// connection behind it is no fault.
    ShutdownRequested,
    /// A Shutdown Request Denied PDU (MS-RDPBCGR 2.2.2.2): somebody is logged on, and the session
    /// stays.
    ShutdownDenied,
    /// What came is no PDU of a session, or breaks its rules.
    SessionMalformed {
        /// What is wrong with it.
        problem: String,
        /// Its first bytes.
        bytes: Hex,
    },
    /// How the session was left.
    SessionLeft {
        /// Its number, where the server told it.
        session_id: Option<u32>,
        /// The account in it.
        user: Option<String>,
        /// Whether it was there before.
        session_origin: SessionOrigin,
    },

    // ── desktop ─────────────────────────────────────────────────────────────────────────────────
    /// What was painted.
    Picture {
        /// Width in pixels.
        width: u16,
        /// Height in pixels.
        height: u16,
        /// How many updates were painted.
        updates: u32,
        /// How many pixels in a hundred were painted, 0 to 100.
        painted_percent: u8,
        /// Whether all that was painted has one colour.
        blank: bool,
        /// From the finalised connection to the last update of it.
        elapsed_ms: f64,
    },

    // ── udp ─────────────────────────────────────────────────────────────────────────────────────
    /// The server asks for a transport beside TCP (MS-RDPBCGR 2.2.15.1). The cookie that comes with it
    /// is in no fact.
    MultitransportRequest {
        /// requestId.
        request_id: u32,
        /// requestedProtocol: 1 is reliable UDP, 2 is lossy UDP.
        requested_protocol: u16,
    },
    /// What the client says of it (MS-RDPBCGR 2.2.15.2).
    MultitransportResponse {
        /// requestId.
        request_id: u32,
        /// hrResponse: 0 where it was made, 0x80004004 (E_ABORT) where it was not.
        hresult: u32,
    },
    /// What became of SYN datagrams to the target's port (MS-RDPEUDP 3.1.5.1).
    UdpProbe {
        /// The other side.
        remote: SocketAddr,
        /// uUdpVer of the SYN: 1, 2, or 0x101 for version 3, which carries the hash of a session's
        /// cookie; none where it is not told.
        #[serde(default)]
        offered: Option<u16>,
        /// How many were sent.
        tries: u32,
        /// What came.
        reply: UdpReply,
        /// From the first one to the answer, or to the end of the waiting.
        elapsed_ms: f64,
    },

    // ── network ─────────────────────────────────────────────────────────────────────────────────
    /// A series of ICMP echo requests to the target's address.
    EchoSeries {
        /// That address.
        address: IpAddr,
        /// Bytes of each request, IP header included.
        bytes: u32,
        /// How many were sent, those aside whose answer was not waited for.
        sent: u32,
        /// How many of these were not answered.
        lost: u32,
        /// The shortest time to an answer.
        shortest_ms: Option<f64>,
        /// The time in the middle.
        median_ms: Option<f64>,
        /// The longest one.
        longest_ms: Option<f64>,
        /// Mean difference between the times of two answers that follow each other.
        jitter_ms: Option<f64>,
    },
    /// What the kernel knew of this TCP connection when it ended (tcp(7), TCP_INFO; SIO_TCP_INFO of
    /// Windows, which counts bytes: they are given as full segments).
    TcpFigures {
        /// Smoothed round-trip time.
        round_trip_ms: f64,
        /// How much it varies; Windows does not tell.
        variation_ms: Option<f64>,
        /// Segments that were sent more than once.
        sent_again: u32,
        /// Segments that were never acknowledged.
        unacknowledged: u32,
        /// The path's MTU as far as the kernel knows it, in bytes.
        path_mtu: u32,
    },
    /// What answered a TCP SYN to the target's port that may pass so many routers.
    TraceHop {
        /// Its TTL or hop limit, 1 to 30.
        hop: u8,
        /// Who answered; none: nobody.
        from: Option<IpAddr>,
        /// The host itself answered, by a connection or its refusal.
        is_host: bool,
        /// The router's message.
        icmp: Lookup<Icmp>,
        /// From the SYN to the answer, or to the end of the waiting.
        elapsed_ms: f64,
    },
    /// A ClientHello padded to nearly the MTU of Ethernet, sent on a connection of its own.
    PaddedClientHello {
        /// Its length in bytes.
        length: usize,
        /// The longest segment that both sides were told to send; none: the usual one.
        segment: Option<u32>,
        /// Whether the server answered it.
        answered: bool,
    },
    /// A TLS handshake whose key exchange makes the server's answer as long as it can be, on a connection
    /// of its own.
    LongServerAnswer {
        /// Which key exchange alone was offered.
        offer: LongOffer,
        /// The longest segment that both sides were told to send; none: the usual one.
        segment: Option<u32>,
        /// Whether the handshake was made.
        answered: bool,
        /// Bytes that came from the server.
        received: u64,
    },
    /// A whole TLS handshake on a connection whose segments are short in both directions.
    SmallSegments {
        /// The longest segment that both sides were told to send, in bytes.
        segment: u32,
        /// The suite agreed.
        handshake: Lookup<String>,
    },

    // ── watch ───────────────────────────────────────────────────────────────────────────────────
    /// A stretch of a watch in which every try ended alike.
    WatchPeriod {
        /// How the host was found.
        state: WatchState,
        /// When the first try of it began.
        from: Timestamp,
        /// When the last one did.
        until: Timestamp,
        /// How many tries.
        ticks: u32,
        /// The stage at which they failed or suffered.
        at_stage: Option<Stage>,
        /// The cause that was found.
        cause: Option<String>,
    },
    /// The path changed between two tries of a watch.
    PathChange {
        /// What of it.
        part: PathPart,
        /// What it was.
        before: String,
        /// What it is.
        after: String,
    },
    /// A connection was held without a word behind the Connection Confirm, then spoken on.
    IdleHold {
        /// For how long it was silent.
        idle_ms: u64,
        /// What came of speaking.
        idle_outcome: IdleOutcome,
        /// How it had ended, where it ended meanwhile.
        ending: Option<Ending>,
        /// Whether a new connection worked right behind it; absent when it did not.
        fresh: Lookup<String>,
        /// Whether anything else failed or changed while it was held.
        disturbed: bool,
    },

    // ── what the user says, and what we ourselves did ───────────────────────────────────────────
    /// The code that the user's client showed (`--reported`).
    ReportedCode {
        /// The disconnect reason.
        code: u32,
        /// The extended one.
        extended: Option<u32>,
    },
    /// An entry of the administrator's file of bastions fits what was seen.
    ListedBastion {
        /// What the file calls it.
        label: String,
        /// By what it fits.
        by: Vec<BastionMark>,
    },
    /// How the client went through a stage.
    StageEnded {
        /// Whether it went on.
        outcome: StageOutcome,
        /// Why it stopped or did not begin.
        reason: Option<String>,
        /// How long the stage took.
        elapsed_ms: f64,
    },
    /// Segments of a captured connection that were sent again: packets were lost, or came late.
    Retransmissions {
        /// By the client.
        client: u32,
        /// By the server.
        server: u32,
    },
    /// Headers of the packets that came in the server's name on a captured connection, which one of them
    /// ended.
    ServerHeads {
        /// How it ended.
        ending: Ending,
        /// The header of the packet that ended it.
        end: PacketHead,
        /// That of the SYN-ACK.
        syn_ack: Option<PacketHead>,
        /// The different TTLs or hop limits of those with data.
        data_hops: Vec<u8>,
        /// The identification of the last one of these.
        data_id: Option<u16>,
    },
    /// Something of a capture that could not be looked at.
    CaptureIncomplete {
        /// What, in words.
        what: String,
    },
    /// A part of rdpdoctor itself failed.
    OwnBug {
        /// What it said.
        message: String,
    },
    /// The check was stopped from outside (Ctrl-C, deadline).
    Interrupted {
        /// By what.
        by: String,
    },

    /// A kind this version does not know; kept as it is and named.
    #[serde(untagged)]
    Unknown {
        /// The kind as it stands in the document.
        kind: String,
        /// All its other fields.
        #[serde(flatten)]
        fields: Map<String, Value>,
    },
}
