//! The proxy that a check goes through, and what it is asked for.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use rdpdoctor_model::{ProxyChoice, ProxyScheme, Secret};

/// A proxy as the user named it.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Its protocol.
    pub scheme: ProxyScheme,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who chose it.
    pub chosen_by: ProxyChoice,
    /// With whom to sign in to it.
    pub sign_in: Option<ProxySignIn>,
    /// Whether an `https` proxy is believed whatever certificate it has.
    pub trust_any: bool,
    /// The key distribution centre for a ticket, as `host` or `host:port`; none: the DNS is asked.
    pub kdc: Option<String>,
}

/// The scheme of SPNEGO (RFC 4559), by which Kerberos and NTLM are offered.
pub(crate) const NEGOTIATE: &str = "Negotiate";

/// User and password at a proxy.
#[derive(Debug, Clone)]
pub struct ProxySignIn {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Arc<Secret>,
}

impl Proxy {
    /// The host as an address, when it is one.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// As its URL, without user and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, port) = (self.scheme.id(), self.port);
        match self.address() {
            Some(IpAddr::V6(address)) => write!(f, "{scheme}://[{address}]:{port}"),
            _ => write!(f, "{scheme}://{}:{port}", self.host),
        }
    }
}

/// What a proxy is asked to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A name, which the proxy resolves.
    Name(String, u16),
    /// An address.
    Address(SocketAddr),
}

impl Destination {
    /// A host, which may be an address; names in the form that the DNS knows (RFC 5891).
    pub(crate) fn new(host: &str, port: u16) -> Self {
        if let Ok(address) = host.parse() {
            return Self::Address(SocketAddr::new(address, port));
        }
        match url::Host::parse(host) {
            Ok(url::Host::Domain(ascii)) => Self::Name(ascii, port),
            _ => Self::Name(host.to_owned(), port),
        }
    }
}

/// `host:port`, as CONNECT has it (RFC 9110 9.3.6).
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name, port) => write!(f, "{name}:{port}"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// The way that all connections of a check to one destination go.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) proxy: Proxy,
    /// The proxy's address, once one took the connection.
    pub(crate) reached: OnceLock<SocketAddr>,
    /// What the first tunnel leads to.
    pub(crate) destination: OnceLock<Destination>,
    /// How to sign in to an HTTP proxy, once it said what it takes.
    pub(crate) scheme: OnceLock<ProxySignInBy>,
}

/// How to sign in to an HTTP proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxySignInBy {
    /// Kerberos (RFC 4559).
    Ticket,
    /// NTLM (MS-NTHT), under the name by which it is offered.
    Ntlm(&'static str),
    /// The password itself (RFC 7617).
    Basic,
}

impl ProxySignInBy {
    /// The best of what a proxy offers to who has no ticket: the password itself only where nothing
    /// else is taken.
    pub(crate) fn best(offers: &[String]) -> Option<Self> {
        let offered = |name: &str| offers.iter().any(|offer| offer.eq_ignore_ascii_case(name));
        let ntlm = ["NTLM", NEGOTIATE].into_iter().find(|name| offered(name)).map(Self::Ntlm);
        ntlm.or_else(|| offered("Basic").then_some(Self::Basic))
    }
}

impl Route {
    pub(crate) fn new(proxy: Proxy) -> Self {
        Self {
            proxy,
            reached: OnceLock::new(),
            destination: OnceLock::new(),
            scheme: OnceLock::new(),
        }
    }

    /// The same way to somewhere else.
    pub(crate) fn elsewhere(&self) -> Self {
        let (reached, scheme) = (self.reached.clone(), self.scheme.clone());
        Self { reached, scheme, ..Self::new(self.proxy.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Destination, ProxySignInBy};

    #[test]
    fn a_password_itself_only_where_nothing_else_is_taken() {
        let best = |offers: &[&str]| {
            let offers: Vec<_> = offers.iter().map(|offer| (*offer).to_owned()).collect();
            ProxySignInBy::best(&offers)
        };
        assert_eq!(best(&["Basic", "negotiate", "ntlm"]), Some(ProxySignInBy::Ntlm("NTLM")));
        assert_eq!(best(&["Negotiate", "Basic"]), Some(ProxySignInBy::Ntlm("Negotiate")));
        assert_eq!(best(&["Digest", "basic"]), Some(ProxySignInBy::Basic));
        assert_eq!(best(&["Digest", "Bearer"]), None);
        assert_eq!(best(&[]), None);
    }

    #[test]
    fn destinations_as_proxies_want_them() {
        for (host, text) in [
            ("pc42.corp.example", "pc42.corp.example:3389"),
            ("host_1", "host_1:3389"),
            ("10.0.0.1", "10.0.0.1:3389"),
            ("fd00::42", "[fd00::42]:3389"),
            ("b\u{fc}cher.example", "xn--bcher-kva.example:3389"),
        ] {
            assert_eq!(Destination::new(host, 3389).to_string(), text);
        }
    }
}
