use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The port of Remote Desktop, TCP and UDP.
pub const DEFAULT_PORT: u16 = 3389;

/// Whom a check is about: `host`, `host:port` or `[v6]:port`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// What the user typed.
    pub input: String,
    /// A name (without a trailing dot's meaning lost) or an address in its canonical form.
    pub host: String,
    /// TCP port, 1 to 65535.
    pub port: u16,
}

/// Why a text is no target; the message says what to type instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetError {
    input: String,
    problem: String,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a target: {}", self.input.escape_debug(), self.problem)
    }
}

impl std::error::Error for TargetError {}

impl Target {
    /// The host as an address, when it is one. A scope (`fe80::1%eth0`) is left aside.
    pub fn address(&self) -> Option<IpAddr> {
        let host = self.host.split('%').next().unwrap_or(&self.host);
        host.parse().ok()
    }

    /// The same forms with another port where none is given.
    ///
    /// # Errors
    /// When the text is none of them.
    pub fn with_default_port(input: &str, default_port: u16) -> Result<Self, TargetError> {
        let target: Self = input.parse()?;
        let text = input.trim();
        // A port stands behind the last colon that is not an address's own.
        let given = text.strip_prefix('[').map_or_else(
            || text.matches(':').count() == 1,
            |rest| rest.split_once(']').is_some_and(|(_, rest)| rest.starts_with(':')),
        );
        Ok(if given { target } else { Self { port: default_port, ..target } })
    }

    /// The host, and its port where that is not the usual one of its service.
    pub fn place(&self, usual_port: u16) -> String {
        match (self.port == usual_port, self.host.contains(':')) {
            (true, _) => self.host.clone(),
            (false, true) => format!("[{}]:{}", self.host, self.port),
            (false, false) => format!("{}:{}", self.host, self.port),
        }
    }

    /// Whether the host is an address and no name.
    pub fn is_address(&self) -> bool {
        self.address().is_some()
    }
}

impl std::str::FromStr for Target {
    type Err = TargetError;

    fn from_str(input: &str) -> Result<Self, TargetError> {
        let fail = |problem: String| Err(TargetError { input: input.to_owned(), problem });
        let text = input.trim();
        if text.is_empty() {
            return fail("it is empty; give host, host:port or [v6]:port".to_owned());
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return fail(format!("leave '{scheme}://' away; give host, host:port or [v6]:port"));
        }

        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let Some((host, after)) = rest.split_once(']') else {
                return fail("the closing ']' is missing".to_owned());
            };
            if host.split('%').next().is_none_or(|address| address.parse::<Ipv6Addr>().is_err()) {
                return fail("between '[' and ']' stands no IPv6 address".to_owned());
            }
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return fail("after ']' comes ':' and a port, or nothing".to_owned()),
            }
        } else if text.split('%').next().is_some_and(|a| a.parse::<Ipv6Addr>().is_ok()) {
            (text, None)
        } else {
            match text.split_once(':') {
                Some((_, rest)) if rest.contains(':') => {
                    return fail(
                        "an IPv6 address with a port is written [address]:port".to_owned(),
                    );
                }
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            }
        };

        let port = match port {
            None => DEFAULT_PORT,
            Some(digits) => match digits.parse::<u16>() {
                Ok(port) if port != 0 && digits.bytes().all(|b| b.is_ascii_digit()) => port,
                _ => {
                    return fail(format!("'{}' is no port from 1 to 65535", digits.escape_debug()));
                }
            },
        };
        if let Some(problem) = host_problem(host) {
            return fail(problem);
        }
        Ok(Self { input: input.to_owned(), host: host.to_owned(), port })
    }
}

/// What is wrong with a host name or address; names as RFC 1123 and Windows have them (underscores
/// occur), internationalised ones in any script.
fn host_problem(host: &str) -> Option<String> {
    if host.is_empty() {
        return Some("the host is missing".to_owned());
    }
    if host.contains('%') || host.parse::<IpAddr>().is_ok() {
        return None;
    }
    if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Some("it looks like an IPv4 address, but is none".to_owned());
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.len() > 253 {
        return Some("a host name has at most 253 characters".to_owned());
    }
    if name.split('.').any(str::is_empty) {
        return Some("two dots follow each other, or it begins with one".to_owned());
    }
    if name.split('.').any(|label| label.len() > 63) {
        return Some("a part between two dots has more than 63 characters".to_owned());
    }
    if name.starts_with('-') {
        return Some("a host name does not begin with '-'".to_owned());
    }
    let bad = name.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.')));
    bad.map(|c| format!("a host name holds no '{}'", c.escape_debug()))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host.contains(':'), self.port) {
            (_, DEFAULT_PORT) => f.write_str(&self.host),
            (true, port) => write!(f, "[{}]:{port}", self.host),
            (false, port) => write!(f, "{}:{port}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn forms_that_are_targets() {
        for (text, host, port) in [
            ("pc42", "pc42", 3389),
            ("pc42.corp.example:3390", "pc42.corp.example", 3390),
            ("10.0.0.1:1", "10.0.0.1", 1),
            ("[fd00::42]:65535", "fd00::42", 65535),
            ("[fd00::42]", "fd00::42", 3389),
            ("fd00::42", "fd00::42", 3389),
            ("fe80::1%eth0", "fe80::1%eth0", 3389),
            ("host_1.example.", "host_1.example.", 3389),
            ("bücher.example", "bücher.example", 3389),
        ] {
            let target: Target = text.parse().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!((target.host.as_str(), target.port), (host, port), "{text}");
        }
    }

    #[test]
    fn another_port_where_none_is_given() {
        for (text, port) in [
            ("gw.example", 443),
            ("gw.example:3389", 3389),
            ("[fd00::1]", 443),
            ("[fd00::1]:8443", 8443),
            ("fd00::1", 443),
        ] {
            let target = Target::with_default_port(text, 443).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(target.port, port, "{text}");
            let again = Target::with_default_port(&target.place(443), 443);
            assert_eq!(again.map(|t| (t.host, t.port)), Ok((target.host, port)), "{text}");
        }
        assert!(Target::with_default_port("gw.example:0", 443).is_err());
    }

    #[test]
    fn forms_that_are_not() {
        let long = "a".repeat(64);
        for text in [
            "",
            "  ",
            ":3389",
            "host:",
            "host:0",
            "host:65536",
            "host:+80",
            "host:port",
            "[fd00::42",
            "[host]:1",
            "[::1]x",
            "fd00::42:1:2:3:4:5:6:7:8:9",
            "a..b",
            ".a",
            "-v",
            "a b",
            "a/b",
            "rdp://host",
            "1.2.3",
            "256.1.1.1",
            "host\u{7}",
            &long,
        ] {
            assert!(text.parse::<Target>().is_err(), "{text:?}");
        }
    }
}
