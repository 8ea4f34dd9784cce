//! What a server does at each step; a fault names the steps at which it leaves the healthy path.

use ironrdp_pdu::rdp::server_license::LicenseErrorCode;
use ironrdp_pdu::rdp::session_info::LogonErrorNotificationType;
use openssl::ssl::SslVersion;

use crate::certificate::{self, Forge, Identity};
use crate::gateway::Gateway;
use crate::proxy::ProxyAnswer;
use crate::security::StandardSecurity;
use crate::tls::ClientHello;
use crate::udp::UdpAnswer;
use crate::x224::{self, Request};

/// A server from its first to its last step. Faults are written as
/// `Behaviour { the_step_that_differs, ..Behaviour::HEALTHY }`.
pub(crate) struct Behaviour {
    /// What stands in front of it.
    pub(crate) proxy: Option<ProxyAnswer>,
    /// What it does with datagrams to its port; without it nothing takes them, and it does not
    /// offer UDP.
    pub(crate) udp: Option<UdpAnswer>,
    /// How fast it sends.
    pub(crate) pace: Pace,
    /// What it does with a connection before it has read anything.
    pub(crate) opening: Opening,
    /// How it answers the X.224 Connection Request.
    pub(crate) negotiation: fn(&Request) -> Answer,
    /// Flags of its RDP_NEG_RSP.
    pub(crate) response_flags: u8,
    /// How it answers a ClientHello.
    pub(crate) hello: fn(&ClientHello) -> HelloAnswer,
    /// What its TLS offers.
    pub(crate) tls: Tls,
    /// Who it says it is, in its self-signed certificate and in NTLM.
    pub(crate) computer: fn() -> Computer,
    /// How it answers the first TSRequest.
    pub(crate) sign_in: SignIn,
    /// What follows a proof of the right password.
    pub(crate) verdict: Verdict,
    /// How it answers the MCS Connect Initial.
    pub(crate) connect: ConnectAnswer,
    /// How it encrypts without TLS.
    pub(crate) standard_security: StandardSecurity,
    /// How it answers the Client Info PDU.
    pub(crate) license: LicenseAnswer,
    /// How the session goes on.
    pub(crate) session: SessionAnswer,
    /// It is an RD Gateway, and of the rest only the TLS counts.
    pub(crate) gateway: Option<&'static Gateway>,
}

impl Behaviour {
    /// A Windows Server 2022 that requires NLA, with the certificate it made for itself.
    pub(crate) const HEALTHY: Self = Self {
        proxy: None,
        udp: None,
        pace: Pace::Normal,
        opening: Opening::Await,
        negotiation: x224::nla_only,
        response_flags: x224::RESPONSE_FLAGS,
        hello: |_| HelloAnswer::Handshake,
        tls: Tls::HEALTHY,
        computer: Computer::lab,
        sign_in: SignIn::Challenge(Challenge::HEALTHY),
        verdict: Verdict::Accept,
        connect: ConnectAnswer::Response,
        standard_security: StandardSecurity::HEALTHY,
        license: LicenseAnswer::Valid,
        session: SessionAnswer::Desktop,
        gateway: None,
    };
}

/// How a connection ends. `Fin` is the orderly end of the server's half, `Reset` an RST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Fin,
    Reset,
}

/// What follows the last thing a server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The socket is held and nothing more is said until the client leaves.
    Silence,
    /// The connection is ended.
    End(Ending),
}

/// What a server does in place of a step of the protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Instead {
    /// Nothing at all.
    Silence,
    /// It ends the connection without a byte.
    End(Ending),
    /// It says these bytes.
    Say(&'static [u8], Then),
}

/// How fast a server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// At once.
    Normal,
    /// Each answer a second and a half after what it answers.
    Slow,
    /// Every byte in a write of its own.
    Dripping,
}

/// What happens before the server has read anything.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Opening {
    /// It waits for the Connection Request.
    Await,
    /// It waits for TLS and the sign-in inside, and for the Connection Request behind them: the
    /// direct approach (MS-RDPBCGR 5.4.2.2).
    Directly,
    /// It is no Remote Desktop server.
    Foreign(Foreign),
    /// It does something else.
    Instead(Instead),
}

/// A service of another kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Foreign {
    /// What it says unasked.
    pub(crate) greeting: &'static [u8],
    /// What it does with the first bytes that it receives.
    pub(crate) answer: fn(&[u8]) -> ForeignAnswer,
}

/// What a foreign service does with what it received.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ForeignAnswer {
    /// It takes it as a ClientHello; above TLS it speaks HTTP.
    Https,
    /// It answers in its own way.
    Instead(Instead),
}

/// The answer to an X.224 Connection Request (MS-RDPBCGR 2.2.1.2).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// RDP_NEG_RSP with this selectedProtocol, and then on with that protocol.
    Select(u32),
    /// RDP_NEG_FAILURE with this failureCode, and the end of the connection.
    Failure(u32),
    /// A confirm without negotiation data: a server older than the negotiation. It goes on with
    /// Standard RDP Security.
    WithoutNegotiation,
    /// Something else.
    Instead(Instead),
}

/// The answer to a ClientHello.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HelloAnswer {
    /// The handshake.
    Handshake,
    /// A ServerHello of this version and nothing behind it.
    ServerHello { version: u16, then: Then },
    /// This fatal alert (RFC 8446 section 6.2) and FIN.
    Alert(u8),
    /// Something else.
    Instead(Instead),
}

/// What a server's TLS offers.
pub(crate) struct Tls {
    /// Oldest version.
    pub(crate) oldest: SslVersion,
    /// Newest version.
    pub(crate) newest: SslVersion,
    /// OpenSSL's security level: 1 is what its clients take by default, 0 forbids nothing.
    pub(crate) security_level: u32,
    /// Its certificate, chain and key.
    pub(crate) certificate: fn(&Forge) -> std::io::Result<Identity>,
    /// What becomes of the revocation list that certificates of the lab's authority name.
    pub(crate) revocation: Revocation,
}

impl Tls {
    /// TLS 1.2 and 1.3 with a self-signed certificate, as Windows Server 2022.
    pub(crate) const HEALTHY: Self = Self {
        oldest: SslVersion::TLS1_2,
        newest: SslVersion::TLS1_3,
        security_level: 1,
        certificate: certificate::self_signed,
        revocation: Revocation::None,
    };
}

/// The revocation list of the lab's authority (RFC 5280 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revocation {
    /// The certificate names none.
    None,
    /// It is served on loopback and empty.
    Empty,
    /// It is served on loopback and lists the server's certificate.
    Revoked,
    /// The certificate names a port where nobody listens.
    Unreachable,
}

/// Who a server says it is.
pub(crate) struct Computer {
    /// The computer's name; NetBIOS has it in upper case and at most 15 characters.
    pub(crate) name: String,
    /// The NetBIOS domain.
    pub(crate) domain: String,
    /// The DNS domain, which is the forest's root as well.
    pub(crate) dns_domain: String,
}

impl Computer {
    /// The machine that all faults are, unless they say otherwise.
    pub(crate) fn lab() -> Self {
        Self::named("LABPC01")
    }

    /// Another machine of the same domain.
    pub(crate) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            domain: "LAB".to_owned(),
            dns_domain: "lab.example".to_owned(),
        }
    }
}

/// The answer to the first TSRequest (MS-CSSP 2.2.1).
#[derive(Debug, Clone, Copy)]
pub(crate) enum SignIn {
    /// A TSRequest with an NTLM CHALLENGE_MESSAGE.
    Challenge(Challenge),
    /// A TSRequest with this errorCode, an NTSTATUS, and FIN.
    Status(u32),
    /// A TSRequest that holds nothing but its version.
    Empty,
    /// The TLS alert close_notify and FIN.
    CloseNotify,
    /// Something else, inside TLS.
    Instead(Instead),
}

/// What an NTLM CHALLENGE_MESSAGE (MS-NLMP 2.2.1.2) and the TSRequest around it look like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Challenge {
    /// CredSSP version that the server claims.
    pub(crate) version: u8,
    /// Seconds that the server's clock is ahead of this machine's.
    pub(crate) clock_ahead: i64,
    /// Whether it tells its time at all; servers before Vista did not.
    pub(crate) timestamp: bool,
    /// Whether it answers inside SPNEGO even when the client did without.
    pub(crate) always_spnego: bool,
}

impl Challenge {
    /// What a Windows host with all updates sends.
    pub(crate) const HEALTHY: Self =
        Self { version: 6, clock_ahead: 0, timestamp: true, always_spnego: false };
}

/// What follows an AUTHENTICATE_MESSAGE that proves the right password (MS-CSSP 3.1.5). A wrong one
/// gets STATUS_LOGON_FAILURE.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verdict {
    /// The proof of the server's key, then the delegation, then the session.
    Accept,
    /// A TSRequest with this errorCode, and FIN.
    Status(u32),
    /// A proof of a key that is not the certificate's.
    OtherKey,
    /// Everything up to the delegation; then, to those who asked for PROTOCOL_HYBRID_EX, this Early
    /// User Authorization Result (MS-RDPBCGR 2.2.10.2) and FIN. The others go on.
    EarlyAuthorization(u32),
    /// Something else, inside TLS.
    Instead(Instead),
}

/// The answer to the MCS Connect Initial (T.125 section 11.1, MS-RDPBCGR 2.2.1.4).
#[derive(Debug, Clone, Copy)]
pub(crate) enum ConnectAnswer {
    /// A Connect Response with rt-successful; the session follows.
    Response,
    /// A Connect Response with this result, and FIN.
    Refused(u8),
    /// A Disconnect Provider Ultimatum rn-provider-initiated, and FIN.
    Ultimatum,
    /// Something else.
    Instead(Instead),
}

/// The answer to the Client Info PDU (MS-RDPELE 1.3.3).
#[derive(Debug, Clone, Copy)]
pub(crate) enum LicenseAnswer {
    /// STATUS_VALID_CLIENT: no licence is needed.
    Valid,
    /// A licensing error (MS-RDPBCGR 2.2.1.12.1.3), and FIN.
    Error(LicenseErrorCode),
    /// A Set Error Info PDU instead, an ultimatum, and FIN.
    ErrorInfo(u32),
    /// A licensing PDU that breaks the rules.
    Garbage,
    /// Something else.
    Instead(Instead),
}

/// What follows the licence.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SessionAnswer {
    /// A session with a picture.
    Desktop,
    /// The same, with the Demand Active PDU twice.
    DemandedTwice,
    /// A session that is never painted.
    Unpainted,
    /// A Set Error Info PDU instead of the Demand Active PDU, an ultimatum, and FIN.
    Refused(u32),
    /// A Set Error Info PDU once the session stands, an ultimatum, and FIN.
    ErrorInfo(u32),
    /// Nobody is logged on once the session stands, and a notification says what Winlogon shows
    /// instead (MS-RDPBCGR 2.2.10.1.1.4.1.1).
    Notification(LogonErrorNotificationType),
    /// A Server Redirection PDU to this address instead of the Demand Active PDU.
    Redirected(&'static str),
    /// A PDU that breaks the rules instead of the Demand Active PDU.
    Garbage,
    /// Something else instead of the Demand Active PDU.
    Instead(Instead),
}
