//! Proxies: which kind, and what they say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ConnectFailure, Hex};

/// The protocol of a proxy, as the scheme of its URL says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyScheme {
    /// HTTP CONNECT (RFC 9110 9.3.6).
    Http,
    /// The same inside TLS.
    Https,
    /// SOCKS 5 (RFC 1928); names are resolved on this side.
    Socks5,
    /// SOCKS 5; the proxy resolves names.
    Socks5h,
}

impl ProxyScheme {
    /// As URLs have it.
    pub fn id(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    /// Whether the proxy resolves names.
    pub fn resolves(self) -> bool {
        self != Self::Socks5
    }
}

/// Who chose the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyChoice {
    /// The option `--proxy`.
    Option,
    /// The environment.
    Environment,
    /// The settings of Windows for this user.
    WindowsUser,
    /// The settings of Windows for the machine.
    WindowsMachine,
    /// A script that the settings of Windows name, or the network.
    WindowsScript,
    /// Nobody knows: it was seen in use.
    Seen,
}

/// What a proxy said, numbers as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum ProxyReply {
    /// The method of signing in that it selected (RFC 1928 3); 0xFF takes none that was offered.
    SocksMethod {
        /// METHOD.
        method: u8,
    },
    /// Its word on user and password (RFC 1929 2); 0 takes them.
    SocksSignIn {
        /// STATUS.
        status: u8,
    },
    /// Its reply to the request for a connection (RFC 1928 6); 0 has made it.
    SocksReply {
        /// REP.
        code: u8,
    },
    /// Its response to CONNECT (RFC 9110 9.3.6); 200 to 299 have made it.
    Http {
        /// The status code.
        status: u16,
        /// The reason phrase, printable characters, at most 80.
        phrase: String,
        /// The schemes of Proxy-Authenticate (RFC 9110 11.7.1), at most eight.
        schemes: Vec<String>,
        /// Proxy-Status (RFC 9209) or X-Squid-Error, which say more than the status; at most 120
        /// characters.
        error: Option<String>,
    },
    /// No answer of such a proxy.
    Malformed {
        /// What is wrong with it.
        problem: String,
        /// Its first bytes.
        bytes: Hex,
    },
}

/// What proxies say of a target: words in Proxy-Status (RFC 9209 2.3) and in the errors of Squid,
/// which carry the number of the system's error (those of Linux).
const WORDS_ON_TARGET: [(&str, ConnectFailure); 8] = [
    ("connection_refused", ConnectFailure::Refused),
    ("connection_timeout", ConnectFailure::Timeout),
    ("destination_ip_unroutable", ConnectFailure::NetworkUnreachable),
    ("ERR_CONNECT_FAIL 111", ConnectFailure::Refused),
    ("ERR_CONNECT_FAIL 110", ConnectFailure::Timeout),
    ("ERR_CONNECT_FAIL 113", ConnectFailure::HostUnreachable),
    ("ERR_CONNECT_FAIL 101", ConnectFailure::NetworkUnreachable),
    ("ERR_CONNECT_FAIL 104", ConnectFailure::Reset),
];

impl ProxyReply {
    /// Whether it made the connection.
    pub fn granted(&self) -> bool {
        match self {
            Self::SocksReply { code } => *code == 0,
            Self::Http { status, .. } => (200..300).contains(status),
            _ => false,
        }
    }

    /// What became of the proxy's own connection to the target, where it says so.
    pub fn on_target(&self) -> Option<ConnectFailure> {
        match self {
            // RFC 1928 6. What runs into a time limit is told as "TTL expired" by Dante and
            // microsocks: there is no number of its own.
            Self::SocksReply { code: 3 } => Some(ConnectFailure::NetworkUnreachable),
            Self::SocksReply { code: 4 } => Some(ConnectFailure::HostUnreachable),
            Self::SocksReply { code: 5 } => Some(ConnectFailure::Refused),
            Self::SocksReply { code: 6 } => Some(ConnectFailure::Timeout),
            Self::Http { status: 500..=599, error: Some(error), .. }
                if let Some((_, failure)) =
                    WORDS_ON_TARGET.iter().find(|(word, _)| error.contains(word)) =>
            {
                Some(*failure)
            }
            // RFC 9110 15.6.5.
            Self::Http { status: 504, .. } => Some(ConnectFailure::Timeout),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectFailure, ProxyReply};

    fn http(status: u16, error: Option<&str>) -> ProxyReply {
        let (phrase, schemes) = (String::new(), Vec::new());
        ProxyReply::Http { status, phrase, schemes, error: error.map(str::to_owned) }
    }

    #[test]
    fn what_is_about_the_target_and_what_is_not() {
        let refused = Some(ConnectFailure::Refused);
        assert_eq!(ProxyReply::SocksReply { code: 5 }.on_target(), refused);
        assert_eq!(http(502, Some("edge; error=connection_refused")).on_target(), refused);
        assert_eq!(http(503, Some("ERR_CONNECT_FAIL 111")).on_target(), refused);
        assert_eq!(http(504, None).on_target(), Some(ConnectFailure::Timeout));
        for other in [
            http(503, None),
            http(503, Some("ERR_DNS_FAIL 0")),
            http(403, Some("connection_refused")),
            ProxyReply::SocksReply { code: 1 },
            ProxyReply::SocksReply { code: 2 },
            ProxyReply::SocksReply { code: 0 },
            ProxyReply::SocksMethod { method: 5 },
        ] {
            assert_eq!(other.on_target(), None, "{other:?}");
        }
    }

    #[test]
    fn any_success_is_one() {
        for (reply, granted) in [
            (http(200, None), true),
            (http(204, None), true),
            (http(302, None), false),
            (ProxyReply::SocksReply { code: 0 }, true),
            (ProxyReply::SocksMethod { method: 0 }, false),
            (ProxyReply::SocksSignIn { status: 0 }, false),
        ] {
            assert_eq!(reply.granted(), granted, "{reply:?}");
        }
    }
}
