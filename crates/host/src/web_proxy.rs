//! What Windows' settings say of the way to a web server, which an RD Gateway is to a client.
//!
//! The texts are those of the dialog, the registry and `netsh winhttp` alike (`ProxyServer`,
//! `ProxyOverride`; WINHTTP_PROXY_INFO): servers by protocol, and exceptions with wildcards.

use std::net::IpAddr;

/// The protocol of a gateway, whose server is wanted.
const WANTED: &str = "https";

/// Longest list that is looked at, in characters; of longer ones the beginning is.
const LONGEST: usize = 8_192;

/// Settings as they stand somewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebProxy {
    /// Servers, as `proxy:8080` or `http=a:80;https=b:8080`; empty: none.
    pub servers: String,
    /// What is reached without them.
    pub exceptions: String,
}

impl WebProxy {
    /// The proxy for an HTTPS server as `host` or `host:port`, if one is set and `host` is no exception.
    pub fn server_for(&self, host: &str) -> Option<&str> {
        if is_exception(host, first(&self.exceptions)) { None } else { self.server() }
    }

    /// The proxy for any HTTPS server. A script has its exceptions in itself.
    pub fn server(&self) -> Option<&str> {
        let mut entries = first(&self.servers).split([';', ' ', '\t']).filter(|e| !e.is_empty());
        entries.find_map(|entry| {
            let server = match entry.split_once('=') {
                None => entry,
                Some((protocol, server)) if protocol.eq_ignore_ascii_case(WANTED) => server,
                // `socks=` is SOCKS 4 and for programs of Internet Explorer's kind only.
                Some(_) => return None,
            };
            // A scheme in front of the server is left unread by Windows too.
            let server = server.split_once("://").map_or(server, |(_, server)| server);
            let server = server.trim_end_matches('/');
            (!server.is_empty()).then_some(server)
        })
    }
}

/// As much of a list as is looked at.
fn first(list: &str) -> &str {
    list.char_indices().nth(LONGEST).map_or(list, |(end, _)| list.get(..end).unwrap_or_default())
}

/// Whether a host is reached without the proxy: by the list, or because it is this machine, which
/// `<-loopback>` alone changes.
fn is_exception(host: &str, exceptions: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    let mut loopback = address.map_or(host == "localhost", |address| address.is_loopback());
    for entry in exceptions.split([';', ' ', '\t', ',']).filter(|entry| !entry.is_empty()) {
        let entry = entry.to_ascii_lowercase();
        match entry.as_str() {
            "<-loopback>" => loopback = false,
            // A name without a dot; addresses of the sixth version have none either.
            "<local>" if address.is_none() && !host.contains('.') => return true,
            _ if fits(bare(&entry), &host) => return true,
            _ => {}
        }
    }
    loopback
}

/// An exception without scheme and port, which a gateway's seldom differ by.
fn bare(entry: &str) -> &str {
    let entry = entry.split_once("://").map_or(entry, |(_, rest)| rest);
    let entry = entry.trim_end_matches('/');
    if let Some(rest) = entry.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(address, _)| address);
    }
    match entry.rsplit_once(':') {
        // With more colons it is an address of the sixth version.
        Some((host, port)) if !host.contains(':') && port.parse::<u16>().is_ok() => host,
        _ => entry,
    }
}

/// Whether a pattern, in which `*` stands for any characters, covers a text. What comes last in it is
/// held against the end, each part before against the first place: no pattern takes longer than its
/// length times the text's.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let beginning = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(beginning) else { return false };
    let Some(end) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::WebProxy;

    fn server(servers: &str, exceptions: &str, host: &str) -> Option<String> {
        let settings = WebProxy { servers: servers.to_owned(), exceptions: exceptions.to_owned() };
        settings.server_for(host).map(str::to_owned)
    }

    #[test]
    fn the_server_for_https() {
        for (servers, wanted) in [
            ("proxy:8080", Some("proxy:8080")),
            ("proxy", Some("proxy")),
            ("http://proxy:8080/", Some("proxy:8080")),
            ("http=a:80;https=b:8080;ftp=c:21", Some("b:8080")),
            ("http=a:80 HTTPS=http://b:8080", Some("b:8080")),
            ("[fd00::8]:3128", Some("[fd00::8]:3128")),
            ("a:80;b:81", Some("a:80")),
            ("http=a:80", None),
            ("socks=a:1080", None),
            ("https=", None),
            ("", None),
            (" ; ", None),
        ] {
            assert_eq!(server(servers, "", "gw.corp.example").as_deref(), wanted, "{servers}");
        }
    }

    #[test]
    fn exceptions() {
        for (host, exceptions) in [
            ("gw.corp.example", "*.corp.example"),
            ("GW.Corp.Example.", "*.CORP.example"),
            ("gw.corp.example", "x; gw.corp.example:443"),
            ("gw.corp.example", "https://gw.corp.example"),
            ("gw.corp.example", "gw.*.example"),
            ("gw.corp.example", "*"),
            ("10.1.2.3", "192.168.*;10.*"),
            ("fd00::42", "[fd00::42]:443"),
            ("fd00::42", "fd00::*"),
            ("gw", "<local>"),
            ("localhost", ""),
            ("127.0.0.1", ""),
            ("::1", "<local>"),
            ("127.0.0.1", "<-loopback>;127.*"),
        ] {
            assert_eq!(server("proxy", exceptions, host), None, "{host} {exceptions}");
        }
        for (host, exceptions) in [
            ("gw.corp.example", "corp.example"),
            ("gw.corp.example", "*.corp"),
            ("gw.corp.example", "gw.*.corp.example"),
            ("gw.corp.example", "<local>"),
            ("fd00::42", "<local>"),
            ("110.1.2.3", "10.*"),
            ("127.0.0.1", "<-loopback>"),
            ("localhost.corp.example", ""),
        ] {
            assert!(server("proxy", exceptions, host).is_some(), "{host} {exceptions}");
        }
    }

    proptest! {
        #[test]
        fn any_settings_are_read(servers: String, exceptions: String, host: String) {
            let found = server(&servers, &exceptions, &host);
            prop_assert!(found.is_none_or(|found| servers.contains(&found)));
        }

        #[test]
        fn a_text_fits_itself_and_its_parts(a in "[a-z.]{0,8}", b in "[a-z.]{0,8}", c in "[a-z.]{0,8}") {
            let text = format!("{a}{b}{c}");
            prop_assert!(super::fits(&text, &text));
            let pattern = format!("{a}*{c}");
            prop_assert!(super::fits(&pattern, &text));
        }
    }
}
