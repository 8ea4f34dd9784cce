//! What is known of pairs of numbers beyond the tables. Sources were read in November 2026; a
//! report whose address was not kept has no link.

use rdpdoctor_model::CauseId;

use crate::{NextTest, Proof};

/// What is known of one pair of numbers.
#[derive(Debug)]
pub struct Pair {
    /// The disconnect reason.
    pub code: u32,
    /// The extended one; `None` when the row holds for any.
    pub extended: Option<u32>,
    /// What it comes down to.
    pub means: &'static str,
    /// When a check predicts it.
    pub predicted: &'static [Prediction],
    /// What articles claim about it, judged.
    pub claims: &'static [Claim],
    /// Where it was really seen.
    pub reports: &'static [Report],
    /// The causes that produce it, the most usual first.
    pub causes: &'static [Suspect],
    /// What to check first, in order.
    pub first_checks: &'static [NextTest],
}

/// What a check sees when a client shows the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prediction {
    /// What is seen.
    pub sees: &'static str,
    /// What that rests on.
    pub basis: &'static str,
}

/// Something articles say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// What they say.
    pub claim: &'static str,
    /// Whether it holds.
    pub verdict: ClaimVerdict,
    /// Why.
    pub why: &'static str,
}

/// Whether a claim holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimVerdict {
    /// It contradicts the documentation.
    Wrong,
    /// No definition or report of it was found anywhere.
    Invented,
    /// Part of it holds.
    HalfTrue,
    /// Nobody says where it comes from.
    Unsourced,
}

impl ClaimVerdict {
    /// In words.
    pub fn id(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Invented => "invented",
            Self::HalfTrue => "half true",
            Self::Unsourced => "unsourced",
        }
    }
}

/// A place where the pair was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// What happened.
    pub what: &'static str,
    /// How far its cause is established.
    pub confidence: Confidence,
    /// Where it stands, where the address was kept.
    pub link: Option<&'static str>,
}

/// How far the cause in a report is established.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// One thing was changed and it worked.
    Proved,
    /// First hand and plausible, not proved.
    FirstHand,
    /// No more than said.
    Claimed,
}

impl Confidence {
    /// In words.
    pub fn id(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::FirstHand => "first-hand",
            Self::Claimed => "claimed",
        }
    }
}

/// A cause that produces the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspect {
    /// Which.
    pub cause: CauseId,
    /// How sure the pair alone makes it.
    pub proof: Proof,
    /// How it comes to the pair.
    pub why: &'static str,
}

/// The rows that hold for a code, and for an extended one where that is given: exact rows first.
pub fn pairs_of(code: u32, extended: Option<u32>) -> Vec<&'static Pair> {
    let mut rows: Vec<&Pair> = PAIRS
        .iter()
        .filter(|pair| {
            pair.code == code
                && match (pair.extended, extended) {
                    (Some(a), Some(b)) => a == b,
                    _ => true,
                }
        })
        .collect();
    rows.sort_by_key(|pair| pair.extended != extended);
    rows
}

const fn suspect(cause: &'static str, proof: Proof, why: &'static str) -> Suspect {
    Suspect { cause: CauseId(cause), proof, why }
}

const fn report(confidence: Confidence, what: &'static str, link: Option<&'static str>) -> Report {
    Report { what, confidence, link }
}

const fn test(why: &'static str, command: &'static str) -> NextTest {
    NextTest { why, command }
}

use ClaimVerdict::{HalfTrue, Invented, Unsourced, Wrong};
use Confidence::{Claimed, FirstHand, Proved};
use Proof::{Likely, Possible};

/// Every pair of which more is known than its tables say.
pub static PAIRS: &[Pair] = &[
    Pair {
        code: 0x904,
        extended: Some(7),
        means: "The other side, or something in between, closed the connection before a session \
            existed. Either the server really said that it denies the connection (Set Error Info \
            7), or it closed during negotiation, encryption or sign-in and the client filled in \
            the 7 itself (inferred; no document says when it does). The dialog cannot tell these \
            apart, a check of the connection can.",
        predicted: &[
            Prediction {
                sees: "the RDP answer is fine, then the connection is closed or reset during \
                    encryption or sign-in",
                basis: "several reports, two of them proved",
            },
            Prediction {
                sees: "Set Error Info 7, then the end, before the desktop",
                basis: "one proved report",
            },
            Prediction {
                sees: "the connection is closed or reset instead of the RDP answer",
                basis: "two reports, weaker",
            },
        ],
        claims: &[
            Claim {
                claim: "0x7 means that the credentials were rejected",
                verdict: Wrong,
                why: "rejections have codes of their own (0x807, 0xA07, 0xD07 and others); only a \
                    server that breaks off its own sign-in ends in this pair",
            },
            Claim {
                claim: "0x7 is out of memory, ERROR_ARENA_TRASHED, E_INVALIDARG or 'not a socket'",
                verdict: Wrong,
                why: "that is Windows' own error 7, another set of numbers",
            },
            Claim {
                claim: "clearing MSLicensing fixes 80 % of the cases",
                verdict: Unsourced,
                why: "no percentage in these articles has a source",
            },
        ],
        reports: &[
            report(
                Proved,
                "GNOME Remote Desktop without credentials set: port open, certificate readable, \
                    sign-in impossible; setting them mended it",
                None,
            ),
            report(
                Proved,
                "IronRDP server without credentials set: it sends Set Error Info 7 and closes; \
                    setting them mended it",
                Some(
                    "https://github.com/lamco-admin/wayland-rdp/blob/eed147a9f2f9cd5c17c92f4d990f7b6ce87dd4c5/docs/archive/sessions/SESSION-HANDOVER-RDP-TESTING.md",
                ),
            ),
            report(
                Proved,
                "server that cannot read its stored hash: sign-in fails, the client tries again \
                    without NLA and is refused too",
                Some(
                    "https://github.com/SamMusk667/rdpmac/blob/28dc9ae6884e7a10b93fefe1e96fec3d74ca0add/docs/nla.md",
                ),
            ),
            report(
                Proved,
                "bastion (Teleport of tp4a) before Server 2003: the host offers only Standard RDP \
                    Security, which the bastion does not speak; direct it works",
                Some("https://github.com/tp4a/teleport/issues/280"),
            ),
            report(
                FirstHand,
                "renamed PC whose self-signed certificate and key had gone stale; removing both \
                    and mending the rights of SYSTEM helped",
                Some("https://qiita.com/mtmana/items/424579c1b9738c7a18c1"),
            ),
            report(
                FirstHand,
                "self-signed certificate expired or damaged; restarting TermService helped",
                Some("https://www.remoteaccesspcdesktop.com/?p=62886"),
            ),
            report(
                FirstHand,
                "Windows 7 SP1 as host, cause not found",
                Some("https://github.com/Pennyw0rth/NetExec/issues/864"),
            ),
            report(
                Claimed,
                "a container behind a forwarded port, cause not confirmed",
                Some("https://github.com/dockur/windows/issues/345"),
            ),
            report(Claimed, "xrdp on Debian; switching UDP off at the client helped", None),
            report(Claimed, "host changed to NoMachine; no RDP server behind the port", None),
            report(
                Claimed,
                "name not resolvable in a private network; conflicts with the documentation, \
                    which has 0x104 for that",
                None,
            ),
        ],
        causes: &[
            suspect(
                "tls.private-key-unavailable",
                Likely,
                "the host agrees to encrypt and hangs up on the first encrypted message",
            ),
            suspect(
                "nla.closed-without-answer",
                Likely,
                "the host breaks off sign-in: no stored credentials, trouble in LSASS",
            ),
            suspect("session.denied-by-server", Likely, "the server says it: Set Error Info 7"),
            suspect("tls.certificate-expired", Possible, "two first-hand reports"),
            suspect(
                "tls.no-common-version",
                Possible,
                "TLS switched off by policy (Schannel 36871)",
            ),
            suspect("tls.no-common-cipher", Possible, "no suite in common, or none for the key"),
            suspect("tls.closed", Possible, "closed in the middle of the TLS handshake"),
            suspect(
                "nego.closed-after-request",
                Possible,
                "closed instead of the RDP answer: a limit, a guard, a proxy",
            ),
            suspect("net.closed-on-accept", Possible, "closed before a word was said"),
            suspect("net.wrong-service", Possible, "another program listens on the port"),
            suspect("net.middlebox-reset", Possible, "a device in between resets the connection"),
            suspect(
                "pam.backend-security-mismatch",
                Possible,
                "a bastion and its host share no security layer (one proved report)",
            ),
            suspect("session.limit-reached", Possible, "a terminal server at its limit"),
            suspect(
                "host.update-regression",
                Possible,
                "the Windows updates of September 2026, mended by KB5129195, KB5129235, KB5129237, \
                    KB5129238 and KB5129239",
            ),
        ],
        first_checks: &[
            test(
                "from the client, without a password: which stage closes the connection, and how",
                "rdpdoctor check {target} --reported 0x904:0x7",
            ),
            test(
                "on the host, where no program may run: the events that name the key (36870), the \
                    TLS settings (36871, 36874) and the certificate (1057, 1058)",
                "Get-WinEvent -FilterHashtable @{LogName='System'; \
                    Id=36870,36871,36872,36874,1057,1058} -MaxEvents 10 | Format-List TimeCreated, \
                    Id, Message",
            ),
        ],
    },
    Pair {
        code: 0x904,
        extended: Some(0),
        means: "The connection was closed later than with 0x904 / 0x7: the one clear report of it \
            came after the password had been entered.",
        predicted: &[Prediction {
            sees: "encryption and sign-in succeed, then the connection is closed",
            basis: "one report",
        }],
        claims: &[],
        reports: &[report(
            FirstHand,
            "RustDesk 1.2.7 or newer on the host; it fails right after the credentials",
            Some("https://github.com/rustdesk/rustdesk/issues/10125"),
        )],
        causes: &[
            suspect("mcs.closed", Possible, "closed after sign-in, before a session"),
            suspect("session.closed", Possible, "closed while the session was being made"),
            suspect(
                "host.third-party-filter",
                Possible,
                "another remote-control program (one report)",
            ),
        ],
        first_checks: &[
            test(
                "from the client: does it get as far as sign-in without a password",
                "rdpdoctor check {target} --reported 0x904:0x0",
            ),
            test(
                "on the host: whether a session began before it was closed (events 21, 24, 40)",
                "Get-WinEvent -LogName \
                    Microsoft-Windows-TerminalServices-LocalSessionManager/Operational -MaxEvents \
                    20 | Format-List TimeCreated, Id, Message",
            ),
        ],
    },
    Pair {
        code: 0x904,
        extended: None,
        means: "The connection had been made and was then closed by the other side or by something \
            in between. The number says no more than that.",
        predicted: &[Prediction {
            sees: "Set Error Info with another number, then the end: the extended code is that \
                number",
            basis: "the extended codes are documented, the first number in this case is not \
                verified",
        }],
        claims: &[
            Claim {
                claim: "0x904 is a licensing failure or a broken licence cache",
                verdict: Wrong,
                why: "licensing is 0x808, 0x908 and the extended codes 0x100 to 0x10B",
            },
            Claim {
                claim: "0x904 is a session lock failure, SSL_ERR_PROTOCOL_VERSION, or a gateway's \
                    resource negotiation",
                verdict: Invented,
                why: "no such definition was found",
            },
            Claim {
                claim: "0x904 is a network error: VPN, packet loss",
                verdict: HalfTrue,
                why: "it only says that the socket was closed; the network is one way to get \
                    there, and no first-hand report of a VPN was found",
            },
        ],
        reports: &[
            report(
                Proved,
                "Windows NT 4 Terminal Server at its connection limit (Microsoft KB Q192165)",
                None,
            ),
            report(
                Proved,
                "Mac client through RD Gateway: drops at random, mended in 10.2.12",
                None,
            ),
            report(
                FirstHand,
                "headless GNOME Remote Desktop without PipeWire: dies at the first picture",
                None,
            ),
            report(FirstHand, "PyRDP in the middle, before a host that takes NLA only", None),
            report(
                Claimed,
                "self-signed certificate: the first try is reset, the second works",
                None,
            ),
        ],
        causes: &[],
        first_checks: &[],
    },
    Pair {
        code: 0x104,
        extended: Some(0),
        means: "The name could not be resolved; no packet went to the host.",
        predicted: &[Prediction { sees: "the name does not resolve", basis: "documented" }],
        claims: &[],
        reports: &[],
        causes: &[],
        first_checks: &[
            test(
                "what the system's resolver and the DNS say to the name",
                "rdpdoctor check {target} --reported 0x104:0x0",
            ),
            test("the same by Windows' own means", "Resolve-DnsName {host}"),
        ],
    },
    Pair {
        code: 0x204,
        extended: Some(0),
        means: "The TCP connection could not be made: refused, no route, or no answer. Silence \
            may also end as 0x108.",
        predicted: &[Prediction {
            sees: "TCP is refused, unreachable, or unanswered",
            basis: "documented, and reports",
        }],
        claims: &[],
        reports: &[
            report(
                FirstHand,
                "Remote Desktop off, or the port closed",
                Some("https://github.com/sebaxakerhtc/rdpwrap.ini/issues/305"),
            ),
            report(
                FirstHand,
                "no listener on the port",
                Some("https://github.com/ublue-os/bazzite/issues/1497"),
            ),
        ],
        causes: &[],
        first_checks: &[
            test(
                "refused, unreachable or silent: three different causes",
                "rdpdoctor check {target} --reported 0x204:0x0",
            ),
            test("the same by Windows' own means", "Test-NetConnection {host} -Port {port}"),
        ],
    },
    Pair {
        code: 0x108,
        extended: Some(0),
        means: "Nothing more came within the client's time: no answer to TCP, or a connected \
            server that hangs.",
        predicted: &[Prediction {
            sees: "TCP connects, then the other side stays silent",
            basis: "documented, and one report",
        }],
        claims: &[],
        reports: &[report(
            FirstHand,
            "domain controller whose TermService hung; the client stood at 'Securing remote \
                connection'",
            None,
        )],
        causes: &[
            suspect("net.silent-listener", Likely, "the port is open and nobody answers behind it"),
            suspect("tls.handshake-timeout", Possible, "silence in the TLS handshake"),
            suspect(
                "nla.timeout",
                Possible,
                "silence in sign-in: a domain controller out of reach",
            ),
        ],
        first_checks: &[test(
            "at which stage the silence begins",
            "rdpdoctor check {target} --reported 0x108:0x0",
        )],
    },
    Pair {
        code: 0x708,
        extended: Some(0),
        means: "The client finds that it would connect to the machine it runs on: localhost, or a \
            port forwarded back. 127.0.0.2 gets through.",
        predicted: &[],
        claims: &[],
        reports: &[
            report(
                FirstHand,
                "connection to the own machine",
                Some("https://github.com/anhkgg/SuperRDP/issues/38"),
            ),
            report(
                FirstHand,
                "container's port forwarded to the own machine",
                Some("https://github.com/scottyhardy/docker-remote-desktop/issues/30"),
            ),
        ],
        causes: &[suspect("net.self-connection", Likely, "documented text of the client")],
        first_checks: &[test(
            "which machine answers behind the name",
            "rdpdoctor check {target} --reported 0x708:0x0",
        )],
    },
    Pair {
        code: 0xE07,
        extended: Some(0),
        means: "The account has expired. The way to the host, its certificate and its listener \
            work.",
        predicted: &[],
        claims: &[],
        reports: &[report(
            FirstHand,
            "expired account",
            Some("https://github.com/cpdx4/RDPWrapKit/issues/12"),
        )],
        causes: &[],
        first_checks: &[test("the account's end, in the domain", "net user USER /domain")],
    },
    Pair {
        code: 0x807,
        extended: None,
        means: "The host was reached and rejected the sign-in.",
        predicted: &[],
        claims: &[],
        reports: &[report(
            FirstHand,
            "Entra account, Mac client",
            Some("https://github.com/MicrosoftDocs/windowsserverdocs/issues/1955"),
        )],
        causes: &[],
        first_checks: &[],
    },
    Pair {
        code: 0,
        extended: Some(0),
        means: "The numbers say nothing here: the reason stands in the text, mostly as \
            'authentication error' with a code of its own (0x8009...). Explain that code.",
        predicted: &[Prediction {
            sees: "the client's own authentication package fails",
            basis: "one report",
        }],
        claims: &[],
        reports: &[report(
            FirstHand,
            "KB5074109 on the client: authentication error 0x80080005",
            Some("https://github.com/mRemoteNG/mRemoteNG/issues/3088"),
        )],
        causes: &[],
        first_checks: &[],
    },
    Pair {
        code: 0x3,
        extended: None,
        means: "The server ended the session; the extended code says why.",
        predicted: &[Prediction {
            sees: "Set Error Info with a number, then the end",
            basis: "the extended codes are documented, the first number is not verified",
        }],
        claims: &[],
        reports: &[
            report(
                FirstHand,
                "patched termsrv.dll: the session is made and dropped; event 226 with 0x80004005",
                Some("https://github.com/stascorp/rdpwrap/issues/4473"),
            ),
            report(
                FirstHand,
                "the same after an update",
                Some("https://github.com/stascorp/rdpwrap/issues/3697"),
            ),
        ],
        causes: &[],
        first_checks: &[],
    },
    Pair {
        code: 0x4,
        extended: Some(0),
        means: "A session ended for a reason that is not given.",
        predicted: &[],
        claims: &[],
        reports: &[report(
            FirstHand,
            "xrdp",
            Some("https://github.com/neutrinolabs/xrdp/issues/3015"),
        )],
        causes: &[],
        first_checks: &[],
    },
    Pair {
        code: 0xD06,
        extended: Some(0),
        means: "A protocol error by its text; the reports are about limits of the client: very \
            large screens, many open sessions.",
        predicted: &[],
        claims: &[],
        reports: &[
            report(
                FirstHand,
                "5K screen with xrdp",
                Some("https://github.com/neutrinolabs/xrdp/issues/3571"),
            ),
            report(
                FirstHand,
                "many sessions open in one client",
                Some("https://github.com/mRemoteNG/mRemoteNG/issues/824"),
            ),
        ],
        causes: &[],
        first_checks: &[test(
            "whether a small window connects: then it is the screen",
            "mstsc /v:{host} /w:1024 /h:768",
        )],
    },
    Pair {
        code: 0x1104,
        extended: None,
        means: "What answers on the port does not speak RDP as the client expects.",
        predicted: &[Prediction {
            sees: "another protocol, or noise, on the port",
            basis: "two reports, weak",
        }],
        claims: &[],
        reports: &[
            report(
                FirstHand,
                "patched termsrv.dll",
                Some("https://github.com/stascorp/rdpwrap/issues/363"),
            ),
            report(FirstHand, "port 3389 used by IIS (a cloud vendor's help page)", None),
        ],
        causes: &[suspect("net.wrong-service", Possible, "another program listens on the port")],
        first_checks: &[
            test("what answers on the port", "rdpdoctor check {target}"),
            test(
                "on the host: who owns the port",
                "Get-NetTCPConnection -State Listen -LocalPort {port} | Format-List LocalAddress, \
                    OwningProcess",
            ),
        ],
    },
    Pair {
        code: 0x1108,
        extended: Some(0),
        means: "The client could not decode the picture it was sent.",
        predicted: &[],
        claims: &[],
        reports: &[report(FirstHand, "server that sent H.264 the client cannot decode", None)],
        causes: &[],
        first_checks: &[],
    },
    Pair {
        code: 0x706,
        extended: None,
        means: "The certificate inside the server's MCS answer could not be read; the client's log \
            has it as event 1026 with 1798.",
        predicted: &[],
        claims: &[],
        reports: &[report(
            FirstHand,
            "xrdp",
            Some("https://github.com/neutrinolabs/xrdp/issues/195"),
        )],
        causes: &[],
        first_checks: &[],
    },
    Pair {
        code: 0xB09,
        extended: None,
        means: "The host takes only sign-in before the session (NLA), and this client does not \
            offer it.",
        predicted: &[Prediction {
            sees: "negotiation failure 5 to a client without NLA",
            basis: "the client's own text",
        }],
        claims: &[],
        reports: &[],
        causes: &[],
        first_checks: &[],
    },
    Pair {
        code: 0x3000008,
        extended: Some(0),
        means: "Something failed at or behind the gateway; also seen where the client took a host \
            for a gateway that is none.",
        predicted: &[],
        claims: &[],
        reports: &[report(
            FirstHand,
            "gateway found automatically on a host that is none; the client's log has 0x80075A0F",
            None,
        )],
        causes: &[],
        first_checks: &[test(
            "whether anything answers on the gateway's port",
            "Test-NetConnection GATEWAY -Port 443",
        )],
    },
    Pair {
        code: 0x1608,
        extended: Some(0),
        means: "Azure Virtual Desktop: the certificate in the connection information has expired.",
        predicted: &[],
        claims: &[],
        reports: &[report(FirstHand, "Microsoft's own article on Azure Virtual Desktop", None)],
        causes: &[],
        first_checks: &[],
    },
];
