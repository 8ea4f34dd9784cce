//! The words that facts are made of: ways to end, to fail, to answer.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Stage;

/// One of the two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    /// Who opened the connection.
    Client,
    /// Who accepted it.
    Server,
}

/// Which way the system's resolver failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResolveFailure {
    /// The name is not known (EAI_NONAME, WSAHOST_NOT_FOUND).
    NotFound,
    /// The name exists without an address (EAI_NODATA, WSANO_DATA).
    NoAddress,
    /// No resolver answered, or one answered with a failure (EAI_AGAIN, EAI_FAIL).
    ResolverFailed,
    /// Nothing came within the stage's time.
    Timeout,
}

/// A DNS record type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// IPv4 address.
    A,
    /// IPv6 address.
    Aaaa,
    /// Reverse name.
    Ptr,
}

/// The kind of a DNS answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum DnsOutcome {
    /// Records of the type asked for.
    Records,
    /// The name does not exist.
    NxDomain,
    /// The name exists, but not with this type.
    NoData,
    /// The server could not answer.
    ServFail,
    /// The server would not answer.
    Refused,
    /// No server answered.
    Timeout,
    /// The question could not be asked.
    Unavailable {
        /// Why not.
        why: String,
    },
}

/// What a connection was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The connection itself, as `mstsc` makes it.
    Main,
    /// The retry that `mstsc` makes with a weaker security layer after a refusal.
    Fallback,
    /// Another address of the same name.
    OtherAddress,
    /// A plain second ClientHello after the first was dropped.
    PlainClientHello,
    /// Listening without a word, then offering TLS: what is this service?
    ServiceProbe,
    /// Which security layers the server takes.
    SecurityLayer,
    /// Which TLS versions and suites the server takes.
    TlsVersion,
    /// Whether the host lives.
    LifeSign,
    /// A revocation list or an OCSP responder.
    Revocation,
    /// A key distribution centre of Kerberos.
    Kerberos,
    /// The host to which a broker sent the client on.
    Redirected,
    /// What the path does to packets.
    Path,
    /// Which routers answer on the way.
    Trace,
    /// The connection to a proxy, which carries others.
    Proxy,
    /// Whether UDP is answered.
    Udp,
    /// The RD Gateway.
    Gateway,
    /// Held without a word, to see whether something on the way forgets it.
    Idle,
    /// WinRM, by which facts of the host are read.
    HostFacts,
}

/// What carries a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP echo.
    Icmp,
    /// Inside another connection: one to a proxy, or to an RD Gateway, whose address the other side is.
    Tunnel,
}

/// Why TCP did not connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectFailure {
    /// The SYN was answered with RST, or with ICMP port unreachable (see `icmp`).
    Refused,
    /// The connection was reset while it was being made.
    Reset,
    /// No answer at all.
    Timeout,
    /// No way to the host (this machine's routing, a router's ICMP, or no neighbour answer).
    HostUnreachable,
    /// No way to the network.
    NetworkUnreachable,
    /// Forbidden by a firewall that says so (ICMP) or by this machine.
    Prohibited,
    /// Another error of the system.
    Other,
}

/// An ICMP or ICMPv6 error message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Icmp {
    /// 4 or 6.
    pub ip_version: u8,
    /// The message's type.
    #[serde(rename = "type")]
    pub kind: u8,
    /// The message's code.
    pub code: u8,
    /// Who sent it, where known.
    pub from: Option<IpAddr>,
}

/// How a host's life was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LifeSource {
    /// ICMP echo.
    Ping,
    /// The neighbour table (ARP, NDP).
    Neighbour,
    /// Another TCP port: connected and refused both prove life.
    OtherPort,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The server closed it in order.
    Fin,
    /// The server (or something in its name) reset it.
    Reset,
    /// Nothing came within the stage's time.
    Timeout,
    /// The client closed it, its question answered.
    ClosedByClient,
    /// The check was stopped.
    Cancelled,
    /// Another error of the system.
    Failed,
}

/// What the client was waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Awaited {
    /// X.224 Connection Confirm.
    ConnectionConfirm,
    /// TLS ServerHello: nothing of TLS had been answered yet.
    ServerHello,
    /// The rest of the TLS handshake.
    HandshakeEnd,
    /// The CredSSP message with the NTLM challenge.
    NtlmChallenge,
    /// The server's proof of its key, which comes when the credential was right.
    PublicKeyBinding,
    /// The Early User Authorization Result.
    EarlyAuthorization,
    /// The MCS Connect Response.
    McsConnectResponse,
    /// The MCS Attach User Confirm.
    McsAttachUserConfirm,
    /// An MCS Channel Join Confirm.
    McsChannelJoinConfirm,
    /// A licensing message, after the client info.
    License,
    /// The Demand Active PDU.
    DemandActive,
    /// The Font Map PDU, the end of the finalisation.
    FontMap,
    /// A logon, or a picture.
    Picture,
    /// The RD Gateway's answer by HTTP.
    GatewayAnswer,
    /// The RD Gateway's first packet.
    GatewayHandshake,
    /// The RD Gateway's word about the credentials.
    GatewayAuthentication,
    /// The RD Gateway's tunnel.
    GatewayTunnel,
    /// The tunnel's authorisation.
    GatewayAuthorization,
    /// The RD Gateway's channel to the host.
    GatewayChannel,
    /// Whatever the RD Gateway carries.
    GatewayData,
    /// The end of the connection, after the client asked for it.
    Disconnect,
    /// A proxy's word on how to sign in to it, or on the sign-in.
    ProxyGreeting,
    /// A proxy's answer to the request for a connection.
    ProxyAnswer,
    /// Nothing: the check had what it wanted.
    Nothing,
}

impl Awaited {
    /// The stage at which the client waits for this; nothing is awaited on the bare connection.
    pub fn stage(self) -> Stage {
        match self {
            Self::ConnectionConfirm => Stage::X224,
            Self::ServerHello | Self::HandshakeEnd => Stage::Tls,
            Self::NtlmChallenge | Self::PublicKeyBinding | Self::EarlyAuthorization => {
                Stage::CredSsp
            }
            Self::McsConnectResponse | Self::McsAttachUserConfirm | Self::McsChannelJoinConfirm => {
                Stage::Mcs
            }
            Self::License => Stage::Licensing,
            Self::DemandActive | Self::FontMap | Self::Disconnect => Stage::Session,
            Self::Picture => Stage::Desktop,
            Self::ProxyGreeting | Self::ProxyAnswer => Stage::Proxy,
            Self::GatewayAnswer
            | Self::GatewayHandshake
            | Self::GatewayAuthentication
            | Self::GatewayTunnel
            | Self::GatewayAuthorization
            | Self::GatewayChannel
            | Self::GatewayData => Stage::Gateway,
            Self::Nothing => Stage::Tcp,
        }
    }
}

/// A mechanism of authentication inside CredSSP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// NTLM (MS-NLMP).
    Ntlm,
    /// Kerberos (RFC 4120, MS-KILE).
    Kerberos,
    /// HTTP's Basic (RFC 7617), towards an RD Gateway: the password itself.
    Basic,
}

/// An exchange with a key distribution centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KerberosExchange {
    /// The user's ticket (RFC 4120 3.1).
    AuthenticationService,
    /// A ticket for a service (RFC 4120 3.3).
    TicketGranting,
}

/// Why a credential may leave for a server, or may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseReason {
    /// The certificate is trusted for the name.
    CertificateTrusted,
    /// Kerberos authenticates the server.
    KerberosAuthenticates,
    /// The fingerprint is the one that was given (`--pin`).
    PinMatches,
    /// The fingerprint is the one seen before.
    FingerprintKnown,
    /// The user looked at the fingerprint and said yes.
    UserConfirmed,
    /// `--trust any`.
    TrustAny,
    /// No: the certificate is not trusted, and nothing else vouches for the server.
    NotJudged,
    /// No: the fingerprint is another than the one that was given.
    PinDiffers,
    /// No: the fingerprint is another than the one seen before.
    FingerprintChanged,
    /// No: something seems to open the encryption on the way.
    Intercepted,
    /// No: the certificate is another machine's.
    OtherMachine,
    /// No: the server's CredSSP is open to CVE-2018-0886 (versions below 5).
    EncryptionOracle,
}

/// The key that a server shows for Standard RDP Security (MS-RDPBCGR 2.2.1.4.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerKey {
    /// Whether it stands in a proprietary certificate rather than an X.509 chain.
    pub proprietary: bool,
    /// Length of its RSA modulus in bits.
    pub bits: u32,
    /// Whether the signature of a proprietary certificate is right: with the well-known key of
    /// MS-RDPBCGR 5.3.3.1.2 it protects from nothing, but a wrong one is a sign of damage.
    pub signature_valid: Option<bool>,
}

/// The forms of a Save Session Info PDU that tell of a logon (MS-RDPBCGR 2.2.10.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogonForm {
    /// INFOTYPE_LOGON.
    Logon,
    /// INFOTYPE_LOGON_LONG.
    LogonLong,
    /// INFOTYPE_LOGON_PLAINNOTIFY: a logon without names.
    PlainNotify,
    /// INFOTYPE_LOGON_EXTENDED_INFO with an auto-reconnect cookie.
    Extended,
}

/// Whether a session was there before the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionOrigin {
    /// It was made by the check.
    New,
    /// It was there, and the check took it over.
    Resumed,
    /// The server did not say.
    Unknown,
}

/// The RDP negotiation inside a Connection Confirm (MS-RDPBCGR 2.2.1.2.1 and 2.2.1.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Negotiation {
    /// No negotiation data: a server that knows Standard RDP Security only.
    None,
    /// RDP Negotiation Response.
    Response {
        /// Its flags.
        flags: u8,
        /// selectedProtocol.
        selected_protocol: u32,
    },
    /// RDP Negotiation Failure.
    Failure {
        /// failureCode.
        code: u32,
    },
}

/// What else answers on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceKind {
    /// Secure Shell.
    Ssh,
    /// HTTP without TLS.
    Http,
    /// TLS directly on the port: HTTPS and the like.
    Tls,
    /// VNC (RFB).
    Vnc,
    /// SMB or NetBIOS session service.
    Smb,
    /// FTP.
    Ftp,
    /// SMTP.
    Smtp,
    /// POP3.
    Pop3,
    /// IMAP.
    Imap,
    /// Telnet.
    Telnet,
    /// MySQL or MariaDB.
    Mysql,
    /// A protocol akin to RDP (such as a broker or a console on TPKT) that is none.
    RdpLike,
    /// None of these.
    Unknown,
}

/// A way to secure an RDP connection (MS-RDPBCGR 5.3 and 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SecurityLayer {
    /// Standard RDP Security.
    Rdp,
    /// TLS without NLA.
    Tls,
    /// NLA: CredSSP.
    Nla,
    /// NLA with early user authorisation.
    NlaEx,
    /// RDSTLS, used behind a broker.
    Rdstls,
    /// Entra sign-in (RDS AAD).
    Entra,
}

/// What a server says to the offer of one security layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum SecurityLayerAnswer {
    /// It took it, or chose another.
    Accepted {
        /// selectedProtocol; 0 is Standard RDP Security.
        selected_protocol: u32,
    },
    /// It refused.
    Refused {
        /// failureCode.
        code: u32,
    },
    /// It hung up, stayed silent, or answered something else.
    NoAnswer {
        /// How the question ended.
        ending: Ending,
    },
}

/// One reason why a chain is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainError {
    /// Which certificate: 0 is the server's own.
    pub depth: u32,
    /// OpenSSL's X509_V_ERR number.
    pub code: i32,
    /// Its text.
    pub text: String,
}

/// Who was asked about revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationSource {
    /// The OCSP answer stapled to the handshake.
    StapledOcsp,
    /// An OCSP responder.
    Ocsp,
    /// A revocation list.
    Crl,
}

/// What they said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationAnswer {
    /// Not revoked.
    Good,
    /// Revoked.
    Revoked,
    /// They do not know the certificate.
    Unknown,
}

/// The VERSION structure of NTLM (MS-NLMP 2.2.2.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NtlmVersion {
    /// ProductMajorVersion.
    pub major: u8,
    /// ProductMinorVersion.
    pub minor: u8,
    /// ProductBuild.
    pub build: u16,
}

/// How the client went through a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StageOutcome {
    /// Done; the next stage began.
    Passed,
    /// It ended here.
    Stopped,
    /// It was never begun.
    Skipped,
}
