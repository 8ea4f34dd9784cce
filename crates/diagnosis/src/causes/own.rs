//! What rules ask of the machine that the check ran on.

use std::net::{IpAddr, SocketAddr};

use rdpdoctor_model::{ConnectFailure, Fact, Icmp, Lookup, OwnInterface, OwnWay};

use crate::{Evidence, Seen};

/// Its interfaces, as they were when the check began.
pub(crate) fn interfaces<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, &'a [OwnInterface]>> {
    let seen = evidence.all(|fact| match fact {
        Fact::OwnInterfaces { interfaces } => Some(interfaces.as_slice()),
        _ => None,
    });
    seen.into_iter().next_back()
}

/// The way to an address that was tried, as it was last.
pub(crate) fn way<'a>(
    evidence: &Evidence<'a>,
    address: IpAddr,
) -> Option<Seen<'a, &'a Lookup<OwnWay>>> {
    let ways = evidence.all(|fact| match fact {
        Fact::OwnRoute { to, way } if *to == address => Some(way),
        _ => None,
    });
    ways.into_iter().next_back()
}

/// A connection of the main path that did not come about.
pub(crate) struct Failed<'a> {
    pub(crate) remote: SocketAddr,
    pub(crate) failure: ConnectFailure,
    pub(crate) icmp: Option<&'a Icmp>,
    pub(crate) os_error: Option<i32>,
}

/// All of them.
pub(crate) fn failed<'a>(evidence: &Evidence<'a>) -> Vec<Seen<'a, Failed<'a>>> {
    use rdpdoctor_model::Purpose::{Main, OtherAddress};
    let mut failed = evidence.all(|fact| match fact {
        Fact::TcpFailed { remote, failure, icmp, os_error, .. } => Some(Failed {
            remote: *remote,
            failure: *failure,
            icmp: icmp.as_seen(),
            os_error: *os_error,
        }),
        _ => None,
    });
    failed.retain(|seen| {
        matches!(evidence.purpose(seen.observation), None | Some(Main | OtherAddress))
    });
    failed
}

/// Whether this is an address of that machine.
pub(crate) fn is_own(evidence: &Evidence<'_>, address: IpAddr) -> bool {
    let own = evidence.all(|fact| match fact {
        Fact::ThisMachine { addresses, .. } => Some(addresses.contains(&address)),
        _ => None,
    });
    address.is_loopback() || own.iter().any(|seen| seen.value)
}

/// An address of a private network (RFC 1918, RFC 6598, RFC 4193): nobody on the internet has it.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            address.is_private() || a == 100 && (64..128).contains(&b)
        }
        IpAddr::V6(address) => address.is_unique_local(),
    }
}
