//! What this machine itself does to a connection: its interfaces, its way out, its first router, its
//! own firewall, the proxies that its environment names. Looking costs no packet and changes nothing.

#[cfg(target_os = "linux")]
mod field;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod nft;
#[cfg(target_os = "linux")]
mod ruleset;
#[cfg(windows)]
mod windows;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rdpdoctor_model::{Fact, Lookup, OwnRule, OwnWay, Stage};
use tokio::time::timeout;
use url::Url;

#[cfg(target_os = "linux")]
use self::linux::{interfaces, ways};
#[cfg(windows)]
use self::windows::{interfaces, ways};
use crate::context::Context;

/// How long the system may take to tell; it takes a millisecond.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long the firewall's program may take to list its rules.
const LISTING: Duration = Duration::from_millis(1200);

/// Interfaces that are kept.
const MOST_INTERFACES: usize = 64;

/// The ways to so many of the target's addresses are looked at.
const MOST_WAYS: usize = 4;

/// What names a proxy to programs; the lower case counts first, as with curl.
const PROXY_VARIABLES: [&str; 6] =
    ["all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"];

/// The interfaces, and the proxies of the environment.
pub(crate) async fn surroundings(context: Context) {
    for fact in PROXY_VARIABLES.iter().filter_map(|variable| proxy(variable)) {
        context.note(Stage::Client, fact);
    }
    let Ok(Ok(mut interfaces)) = timeout(PATIENCE, interfaces()).await else { return };
    interfaces.truncate(MOST_INTERFACES);
    context.note(Stage::Client, Fact::OwnInterfaces { interfaces });
}

/// The ways to these addresses. On the machine itself there is nothing in between.
pub(crate) async fn routes(context: Context, mut addresses: Vec<IpAddr>) {
    addresses.retain(|address| !address.is_loopback());
    addresses.truncate(MOST_WAYS);
    let found = timeout(PATIENCE, ways(&addresses)).await;
    let found = found.unwrap_or_else(|_| Err("the system did not tell in time".to_owned()));
    for (index, &to) in addresses.iter().enumerate() {
        let way = match &found {
            Ok(ways) => ways.get(index).cloned().unwrap_or(Lookup::Absent),
            Err(why) => Lookup::unavailable(why.clone()),
        };
        context.note(Stage::Client, Fact::OwnRoute { to, way });
    }
}

/// Whether the own firewall lets a connection out that did not come about.
pub(crate) async fn firewall(context: &Context, to: SocketAddr) {
    // Once more: by now the first router has answered, or has not.
    routes(context.clone(), vec![to.ip()]).await;
    let way = context.journal.observations().into_iter().rev().find_map(|o| match o.fact {
        Fact::OwnRoute { to: address, way: Lookup::Seen { value } } if address == to.ip() => {
            Some(value)
        }
        _ => None,
    });
    let found = timeout(LISTING, blocking_rule(to, way.as_ref())).await;
    let rule = found.unwrap_or_else(|_| Lookup::unavailable("its rules were not listed in time"));
    context.note(Stage::Client, Fact::OwnFirewall { to, rule });
}

#[cfg(target_os = "linux")]
async fn blocking_rule(to: SocketAddr, way: Option<&OwnWay>) -> Lookup<OwnRule> {
    let packet = ruleset::Packet {
        from: way.and_then(|way| way.source),
        to,
        interface: way.map(|way| way.interface.clone()),
    };
    nft::blocking_rule(&packet).await
}

#[cfg(not(target_os = "linux"))]
async fn blocking_rule(_: SocketAddr, _: Option<&OwnWay>) -> Lookup<OwnRule> {
    Lookup::unavailable("the rules of this system's firewall are not read")
}

/// The proxy that a variable names; user and password in it are nobody's business.
fn proxy(variable: &str) -> Option<Fact> {
    let value = std::env::var(variable).ok().filter(|value| !value.trim().is_empty())?;
    let (proxy_host, proxy_port) = place(&value)?;
    Some(Fact::ProxySetting { variable: variable.to_owned(), proxy_host, proxy_port })
}

fn place(value: &str) -> Option<(String, Option<u16>)> {
    let value = value.trim();
    let with_scheme =
        if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let url = Url::parse(&with_scheme).ok()?;
    Some((url.host_str()?.to_owned(), url.port_or_known_default()))
}

#[cfg(not(any(target_os = "linux", windows)))]
async fn interfaces() -> Result<Vec<rdpdoctor_model::OwnInterface>, String> {
    Err("the interfaces of this system are not read".to_owned())
}

#[cfg(not(any(target_os = "linux", windows)))]
async fn ways(_: &[IpAddr]) -> Result<Vec<Lookup<OwnWay>>, String> {
    Err("the routes of this system are not read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_proxy_setting_loses_its_password() {
        let found = |value| place(value).map(|(host, port)| format!("{host} {port:?}"));
        let with_password = found("http://user:secret@proxy.corp.example:3128/");
        assert_eq!(with_password.as_deref(), Some("proxy.corp.example Some(3128)"));
        assert_eq!(found("proxy:8080").as_deref(), Some("proxy Some(8080)"));
        assert_eq!(found("socks5h://[fd00::1]").as_deref(), Some("[fd00::1] None"));
        assert_eq!(found("http://:80"), None);
    }
}
