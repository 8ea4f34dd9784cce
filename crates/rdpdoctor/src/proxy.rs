//! Which proxy a check goes through: the one of `--proxy`, else that of the environment, else to a gateway
//! that of Windows' settings.
//!
//! Of the environment only `ALL_PROXY` counts, as with curl for everything that is not the web:
//! `HTTP_PROXY` and `HTTPS_PROXY` are for web pages, their proxies seldom let Remote Desktop pass,
//! and `mstsc` asks none of them for a direct connection. An RD Gateway is HTTPS: to it `mstsc` goes by
//! the system's proxy for the web, and curl by `HTTPS_PROXY` before `ALL_PROXY`. It is the gateway then
//! that `NO_PROXY` is held against. Loopback and what `NO_PROXY` names are reached without the
//! environment's proxy; `--proxy` was asked for and is used for every target. A gateway that `NO_PROXY`
//! names is reached without the settings' proxy too.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::percent_decode_str;
use rdpdoctor_model::{ProxyChoice, ProxyScheme, Secret, Target};
use rdpdoctor_probe::{Proxy, ProxySignIn};
use url::{Host, Url};

use crate::windows_proxy::{self, Named};

/// User and password at the proxy.
const USER: &str = "RDPDOCTOR_PROXY_USER";
const PASSWORD: &str = "RDPDOCTOR_PROXY_PASSWORD";

/// As curl reads them: the lower case counts first.
const ALL: [&str; 2] = ["all_proxy", "ALL_PROXY"];
const WEB: [&str; 2] = ["https_proxy", "HTTPS_PROXY"];
const NONE: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// RFC 1929 2 gives each a length of one byte.
const LONGEST: usize = 255;

/// What a connection of this machine leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leads {
    /// The host itself.
    ToHost,
    /// An RD Gateway, by HTTPS.
    ToGateway,
}

/// The proxy for `target`, if there is one.
///
/// # Errors
/// When what names it cannot be read. Nothing of it is in the message: it may hold a password.
pub fn choose(
    option: Option<&str>,
    (target, leads): (&Target, Leads),
    trust_any: bool,
) -> anyhow::Result<Option<Proxy>> {
    let around = Around {
        environment: &|name| std::env::var(name).ok(),
        settings: &|| windows_proxy::for_gateway(target),
    };
    choose_from(option, (target, leads), trust_any, &around)
}

/// What names a proxy besides the command line.
struct Around<'a> {
    environment: &'a dyn Fn(&str) -> Option<String>,
    /// Of Windows, for this gateway.
    settings: &'a dyn Fn() -> Option<Named>,
}

fn choose_from(
    option: Option<&str>,
    (target, leads): (&Target, Leads),
    trust_any: bool,
    &Around { environment, settings }: &Around<'_>,
) -> anyhow::Result<Option<Proxy>> {
    let variable = |names: [&str; 2]| {
        let mut values = names.iter().filter_map(|name| environment(name));
        values.next().filter(|value| !value.is_empty())
    };
    let web = variable(WEB).filter(|_| leads == Leads::ToGateway);
    let named = if web.is_some() { "HTTPS_PROXY" } else { "ALL_PROXY" };
    let (url, chosen_by) = match (option, web.or_else(|| variable(ALL))) {
        (Some(text), _) => {
            let url = parse(text).context("--proxy")?;
            let bare = url.username().is_empty() && url.password().is_none();
            ensure!(
                bare && !text.contains('@'),
                "--proxy: leave user and password away, they would show in lists of processes; \
                 set {USER} and {PASSWORD} instead"
            );
            (url, ProxyChoice::Option)
        }
        (None, Some(_)) if stays_away(target, variable(NONE).as_deref()) => return Ok(None),
        (None, Some(text)) => {
            let text = if text.contains("://") { text } else { format!("http://{text}") };
            (parse(&text).context(named)?, ProxyChoice::Environment)
        }
        (None, None)
            if leads == Leads::ToHost || is_left_out(target, variable(NONE).as_deref()) =>
        {
            return Ok(None);
        }
        // What is no proxy to us is none: the settings are not ours to complain of.
        (None, None) => match settings().map(|named| (url_of(&named.server), named.chosen_by)) {
            Some((Some(url), chosen_by)) => (url, chosen_by),
            _ => return Ok(None),
        },
    };
    let (scheme, host, port) = place(&url).context(match chosen_by {
        ProxyChoice::Option => "--proxy",
        ProxyChoice::Environment => named,
        ProxyChoice::WindowsUser | ProxyChoice::WindowsMachine | ProxyChoice::WindowsScript => {
            "Windows' proxy settings"
        }
        ProxyChoice::Seen => "a capture",
    })?;
    let sign_in = sign_in(&url, scheme, environment)?;
    Ok(Some(Proxy { scheme, host, port, chosen_by, sign_in, trust_any, kdc: None }))
}

/// Whether the environment's proxy is not for this target.
fn stays_away(target: &Target, exceptions: Option<&str>) -> bool {
    let host = target.host.trim_end_matches('.').to_lowercase();
    let is_loopback = target.address().is_some_and(|address| address.is_loopback())
        || host == "localhost"
        || host.ends_with(".localhost");
    is_loopback || is_left_out(target, exceptions)
}

/// Whether the exceptions name this target.
fn is_left_out(target: &Target, exceptions: Option<&str>) -> bool {
    let host = target.host.trim_end_matches('.').to_lowercase();
    let Some(exceptions) = exceptions else { return false };
    let host = match target.address() {
        Some(IpAddr::V6(address)) => format!("[{address}]"),
        Some(address) => address.to_string(),
        None => Host::parse(&host).map_or(host, |host| host.to_string()),
    };
    // Any proxy will do: what counts is whether the exceptions let it be asked.
    let matcher = Matcher::builder().https("http://proxy").no(exceptions).build();
    let uri = format!("https://{host}").parse().ok();
    uri.is_some_and(|uri| matcher.intercept(&uri).is_none())
}

/// The URL of a server that Windows names, which is one of HTTP.
fn url_of(server: &str) -> Option<Url> {
    let url = Url::parse(&format!("http://{server}")).ok()?;
    let bare = url.username().is_empty() && url.password().is_none();
    (bare && place(&url).is_ok()).then_some(url)
}

fn parse(text: &str) -> anyhow::Result<Url> {
    let wanted = "wanted is a URL such as http://proxy:3128 or socks5h://proxy:1080";
    match Url::parse(text.trim()) {
        Ok(url) if text.contains("://") => Ok(url),
        Ok(_) => bail!(wanted),
        Err(error) => bail!("{error}; {wanted}"),
    }
}

/// Scheme, host and port; the ports that browsers take where there is none.
fn place(url: &Url) -> anyhow::Result<(ProxyScheme, String, u16)> {
    let (scheme, usual) = match url.scheme() {
        "http" => (ProxyScheme::Http, 80),
        "https" => (ProxyScheme::Https, 443),
        "socks5" => (ProxyScheme::Socks5, 1080),
        "socks5h" => (ProxyScheme::Socks5h, 1080),
        _ => bail!("known are http, https, socks5 and socks5h"),
    };
    let host = match url.host() {
        // Only the schemes of the web have their names read as such.
        Some(Host::Domain(name)) => {
            let name = percent_decode_str(name).decode_utf8().ok();
            let host = name.and_then(|name| Host::parse(&name).ok()).context("no host's name")?;
            host.to_string().trim_matches(['[', ']']).to_owned()
        }
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => bail!("the host is missing"),
    };
    let port = url.port().unwrap_or(usual);
    ensure!(port != 0, "0 is no port");
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    ensure!(bare, "behind the port comes nothing");
    Ok((scheme, host, port))
}

/// User and password of the environment, or else of the URL there.
fn sign_in(
    url: &Url,
    scheme: ProxyScheme,
    environment: &dyn Fn(&str) -> Option<String>,
) -> anyhow::Result<Option<ProxySignIn>> {
    let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let (user, password) = match environment(USER).filter(|user| !user.is_empty()) {
        Some(user) => (user, Secret::new(environment(PASSWORD).unwrap_or_default())),
        None if environment(PASSWORD).is_some() => bail!("{PASSWORD} is set without {USER}"),
        None if url.username().is_empty() => return Ok(None),
        None => {
            let user = String::from_utf8(decoded(url.username()));
            let user = user.ok().context("ALL_PROXY: the user is not UTF-8")?;
            (user, Secret::new(decoded(url.password().unwrap_or_default())))
        }
    };
    ensure!(
        user.len() <= LONGEST && password.expose().len() <= LONGEST,
        "user and password of a proxy have at most {LONGEST} bytes each"
    );
    // RFC 7617 2.
    let is_http = matches!(scheme, ProxyScheme::Http | ProxyScheme::Https);
    ensure!(!is_http || !user.contains(':'), "the user of an HTTP proxy holds no ':'");
    ensure!(!user.chars().any(char::is_control), "the proxy's user is more than one line of text");
    Ok(Some(ProxySignIn { user, password: Arc::new(password) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(
        option: Option<&str>,
        target: &str,
        environment: &[(&str, &str)],
    ) -> Result<Option<String>, String> {
        chosen_for(Leads::ToHost, option, target, environment)
    }

    fn chosen_for(
        leads: Leads,
        option: Option<&str>,
        target: &str,
        environment: &[(&str, &str)],
    ) -> Result<Option<String>, String> {
        let value = |name: &str| {
            let found = environment.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let target = target.parse().expect("a target");
        let around = Around { environment: &value, settings: &|| None };
        let proxy = choose_from(option, (&target, leads), false, &around);
        let words = |proxy: Proxy| {
            let user = proxy.sign_in.map(|sign_in| {
                let password = String::from_utf8_lossy(sign_in.password.expose()).into_owned();
                format!(" {} {password}", sign_in.user)
            });
            format!(
                "{}://{} {}{}",
                proxy.scheme.id(),
                proxy.host,
                proxy.port,
                user.unwrap_or_default()
            )
        };
        proxy.map(|proxy| proxy.map(words)).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn urls_that_name_a_proxy() {
        for (url, wanted) in [
            ("http://proxy:3128", "http://proxy 3128"),
            ("http://proxy:80/", "http://proxy 80"),
            ("HTTPS://proxy.corp.example", "https://proxy.corp.example 443"),
            ("socks5://10.0.0.8", "socks5://10.0.0.8 1080"),
            ("socks5h://[fd00::8]:9050", "socks5h://fd00::8 9050"),
        ] {
            assert_eq!(chosen(Some(url), "pc42", &[]), Ok(Some(wanted.to_owned())), "{url}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_said_without_repeating_it() {
        for url in [
            "",
            "proxy",
            "proxy:3128",
            "http://",
            "http://proxy:0",
            "http://proxy:99999",
            "ftp://proxy",
            "socks4://proxy",
            "http://proxy/path",
            "http://jo:hunter2@proxy",
            "http://jo@proxy",
            "jo:hunter2@proxy:3128",
            "http://jo:hunter2@",
            "http://jo:hun ter2@pro xy",
            "socks5://a b",
        ] {
            let error = chosen(Some(url), "pc42", &[]).expect_err(url);
            assert!(!error.contains("hun"), "{error}");
            assert!(error.starts_with("--proxy: ") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn the_environment_and_what_it_leaves_out() {
        let all = ("ALL_PROXY", "socks5h://jo:p%40ss@proxy");
        let proxy = Some("socks5h://proxy 1080 jo p@ss".to_owned());
        let with = |target: &str, exceptions: &str| {
            chosen(None, target, &[all, ("NO_PROXY", exceptions)]).expect("fine")
        };
        assert_eq!(with("pc42", ""), proxy);
        for target in ["localhost", "127.0.0.1:1", "[::1]:3389", "LOCALHOST.", "x.localhost"] {
            assert_eq!(with(target, ""), None, "{target}");
        }
        for (target, exceptions) in [
            ("pc42.corp.example", "corp.example"),
            ("pc42.corp.example", "x, .corp.example"),
            ("10.1.2.3", "10.0.0.0/8"),
            ("[fd00::42]:3389", "fd00::/16"),
            ("fd00::42", "fd00::42"),
            ("pc42", "*"),
        ] {
            assert_eq!(with(target, exceptions), None, "{target} {exceptions}");
        }
        for (target, exceptions) in
            [("pc42.notcorp.example", "corp.example"), ("11.1.2.3", "10.0.0.0/8"), ("a_b", "a")]
        {
            assert_eq!(with(target, exceptions), proxy, "{target} {exceptions}");
        }
    }

    #[test]
    fn an_option_is_used_for_every_target_and_the_web_s_proxies_for_none() {
        let environment = [("ALL_PROXY", "http://other"), ("NO_PROXY", "*")];
        let proxy = Some("http://proxy 80".to_owned());
        assert_eq!(chosen(Some("http://proxy"), "127.0.0.1", &environment), Ok(proxy));
        let web = [("HTTPS_PROXY", "http://web"), ("http_proxy", "http://web")];
        assert_eq!(chosen(None, "pc42", &web), Ok(None));
        let bare = [("all_proxy", "proxy:3128"), ("ALL_PROXY", "http://other")];
        assert_eq!(chosen(None, "pc42", &bare), Ok(Some("http://proxy 3128".to_owned())));
        assert!(chosen(None, "pc42", &[("ALL_PROXY", "socks4://proxy")]).is_err());
    }

    #[test]
    fn a_gateway_is_the_web() {
        let proxy = |environment: &[(&str, &str)]| {
            chosen_for(Leads::ToGateway, None, "gw.corp.example:443", environment)
        };
        let (web, all) = (("HTTPS_PROXY", "http://web"), ("ALL_PROXY", "http://all"));
        assert_eq!(proxy(&[web, all]), Ok(Some("http://web 80".to_owned())));
        assert_eq!(proxy(&[all]), Ok(Some("http://all 80".to_owned())));
        assert_eq!(proxy(&[web, all, ("NO_PROXY", "corp.example")]), Ok(None));
        assert_eq!(proxy(&[("HTTP_PROXY", "http://web")]), Ok(None));
        let wrong = proxy(&[("https_proxy", "ftp://web")]).expect_err("no proxy");
        assert!(wrong.starts_with("HTTPS_PROXY: "), "{wrong}");
    }

    #[test]
    fn the_settings_of_windows_come_last_and_for_a_gateway_alone() {
        let proxy = |leads, server: &str, environment: &[(&str, &str)]| {
            let value = |name: &str| {
                let found = environment.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let chosen_by = ProxyChoice::WindowsUser;
            let settings = || Some(Named { server: server.to_owned(), chosen_by });
            let target = "gw.corp.example:443".parse().expect("a target");
            let around = Around { environment: &value, settings: &settings };
            let found = choose_from(None, (&target, leads), false, &around);
            let found = found.expect("nothing to complain of")?;
            Some((found.to_string(), found.chosen_by))
        };
        let set = Some(("http://proxy:8080".to_owned(), ProxyChoice::WindowsUser));
        assert_eq!(proxy(Leads::ToGateway, "proxy:8080", &[]), set);
        assert_eq!(proxy(Leads::ToGateway, "proxy:8080", &[("NO_PROXY", "example.org")]), set);
        assert_eq!(proxy(Leads::ToHost, "proxy:8080", &[]), None);
        assert_eq!(proxy(Leads::ToGateway, "proxy:8080", &[("NO_PROXY", "corp.example")]), None);
        for server in ["", "jo:hunter2@proxy", "proxy/path", "proxy:99999", "a b"] {
            assert_eq!(proxy(Leads::ToGateway, server, &[]), None, "{server}");
        }
        let environment = Some(("http://all:80".to_owned(), ProxyChoice::Environment));
        let all = [("ALL_PROXY", "http://all")];
        assert_eq!(proxy(Leads::ToGateway, "proxy:8080", &all), environment);
    }

    #[test]
    fn users_and_passwords() {
        let user = (USER, "jo");
        let proxy = |environment: &[(&str, &str)]| {
            chosen(Some("http://proxy"), "pc42", environment).map(Option::unwrap_or_default)
        };
        assert_eq!(proxy(&[user, (PASSWORD, "s")]), Ok("http://proxy 80 jo s".to_owned()));
        assert_eq!(proxy(&[user]), Ok("http://proxy 80 jo ".to_owned()));
        assert!(proxy(&[(PASSWORD, "s")]).is_err());
        assert!(proxy(&[(USER, "jo:x")]).is_err());
        assert!(proxy(&[user, (PASSWORD, &"x".repeat(256))]).is_err());
    }
}
