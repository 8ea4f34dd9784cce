//! Whether a capture and event logs tell of the same try, and by how much their clocks differ.
//!
//! Two accounts belong together by what both name: the correlation id, the client's address and port,
//! its address. Only events that both have tell how the clocks differ, and all of them have to tell the
//! same: another try at the same time is another try.

mod moments;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::IpAddr;

use rdpdoctor_model::{Apart, Fact, JoinedBy, Observation};

use moments::{Moment, Moments, What};

/// Differences of clocks this close are one: Windows writes an entry some time after what it tells of.
pub const AGREE_MS: u64 = 3_000;

/// Clocks of machines that sign in to one domain differ by no more (MS-KILE 3.3.1, as a rule).
const USUAL_MS: u64 = 300_000;

/// What an account is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    /// Who listened on the wire.
    Capture,
    /// The host's log.
    HostLog,
    /// The client's log.
    ClientLog,
}

/// One try, as one source tells of it.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// Who tells.
    pub teller: Teller,
    /// The name that was asked for, or of the machine that wrote it.
    pub host: &'a str,
    /// The host's addresses, where they are known.
    pub addresses: &'a [IpAddr],
    /// What is told.
    pub observations: &'a [Observation],
}

/// That two accounts are of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joint {
    /// What says so.
    pub by: Vec<JoinedBy>,
    /// By how much the clock of the second is ahead of the first one's.
    pub clock_ahead_ms: i64,
    /// Events that are in both.
    pub common_events: u32,
    /// By how much these differ.
    pub spread_ms: u64,
}

impl Joint {
    /// Whether what both name can be of no other try.
    pub fn is_certain(&self) -> bool {
        self.by.iter().any(|by| matches!(by, JoinedBy::Activity | JoinedBy::Port))
    }
}

/// An account, with what of it can be in another one picked out.
#[derive(Debug)]
pub struct Told<'a> {
    account: Account<'a>,
    moments: Moments,
}

impl<'a> Told<'a> {
    /// Picks it out.
    pub fn of(account: Account<'a>) -> Self {
        Self { moments: Moments::of(&account), account }
    }

    /// Who tells.
    pub fn teller(&self) -> Teller {
        self.account.teller
    }
}

/// Whether the second account is of the same try as the first.
///
/// # Errors
///
/// Why not; nothing where they have nothing to do with each other.
pub fn joint(first: &Told<'_>, second: &Told<'_>) -> Result<Joint, Option<Apart>> {
    let (one, other) = (&first.moments, &second.moments);
    let by = common_names(&first.account, &second.account, one, other).ok_or(None)?;
    let certain = by.iter().any(|by| matches!(by, JoinedBy::Activity | JoinedBy::Port));
    let pairs = pairs(one, other, by.first() == Some(&JoinedBy::Activity));
    let mut ahead: Vec<i64> = pairs.iter().map(|(one, other)| other.at - one.at).collect();
    ahead.sort_unstable();
    let (Some(least), Some(most)) = (ahead.first(), ahead.last()) else {
        return Err(Some(Apart::NoCommonEvent));
    };
    let spread_ms = most.abs_diff(*least);
    if spread_ms > AGREE_MS {
        return Err(Some(Apart::ClocksDisagree));
    }
    let clock_ahead_ms = ahead[ahead.len() / 2];
    // An address alone comes again all day: only the same course of events, or nearly the same time,
    // makes it the same try.
    let kinds: BTreeSet<What> = pairs.iter().map(|(one, _)| one.what).collect();
    let same_course = kinds.len() > 1 || clock_ahead_ms.unsigned_abs() <= USUAL_MS;
    if !certain && !same_course {
        return Err(Some(Apart::NoCommonEvent));
    }
    let common_events = u32::try_from(pairs.len()).unwrap_or(u32::MAX);
    Ok(Joint { by, clock_ahead_ms, common_events, spread_ms })
}

/// What both accounts name; `None` where it is something else, or nothing.
fn common_names(
    first: &Account<'_>,
    second: &Account<'_>,
    one: &Moments,
    other: &Moments,
) -> Option<Vec<JoinedBy>> {
    let mut by = Vec::new();
    if one.activities.intersection(&other.activities).next().is_some() {
        by.push(JoinedBy::Activity);
    }
    let (own, others) = (one.clients(), other.clients());
    let same_port =
        own.iter().any(|(address, port)| port.is_some() && others.contains(&(*address, *port)));
    let same_address = own.iter().any(|(address, _)| others.iter().any(|(a, _)| a == address));
    if same_port {
        by.push(JoinedBy::Port);
    }
    if same_address {
        by.push(JoinedBy::Address);
    }
    // Another client at the same time, or another connection of the same one.
    let ports = |clients: &BTreeSet<Client>| clients.iter().any(|(_, port)| port.is_some());
    let other_port = same_address && !same_port && ports(&own) && ports(&others);
    let other_client = !own.is_empty() && !others.is_empty() && !same_address;
    if by.first() != Some(&JoinedBy::Activity) && (other_client || other_port) {
        return None;
    }
    if second.teller == Teller::ClientLog && names_host(first, second) {
        by.push(JoinedBy::AskedName);
    }
    (!by.is_empty()).then_some(by)
}

/// An address of a client, and its port where that is told.
type Client = (IpAddr, Option<u16>);

/// Whether a client's log names the host of the first account.
fn names_host(first: &Account<'_>, second: &Account<'_>) -> bool {
    let label = |name: &str| name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    let own_names = first.observations.iter().filter_map(|o| match &o.fact {
        Fact::NtlmChallenge { dns_computer, netbios_computer, .. } => {
            dns_computer.as_deref().or(netbios_computer.as_deref())
        }
        _ => None,
    });
    let names: BTreeSet<String> = own_names.chain([first.host]).map(label).collect();
    second.observations.iter().any(|o| match &o.fact {
        Fact::WindowsEvent(event) => event.server_name.as_deref().is_some_and(|asked| {
            let bare = asked.trim_start_matches("TERMSRV/");
            let bare =
                bare.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(bare, |b| b.0);
            match bare.parse::<IpAddr>() {
                Ok(address) => first.addresses.contains(&address),
                Err(_) => names.contains(&label(bare)),
            }
        }),
        _ => false,
    })
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Events that both tell of. Of several connections only those are held together whose ports are told;
/// where the id is the same, ports may have been translated on the way.
fn pairs<'m>(one: &'m Moments, other: &'m Moments, by_id: bool) -> Vec<(&'m Moment, &'m Moment)> {
    let by_port_only = one.has_several() || other.has_several();
    let mut pairs: Vec<(&Moment, &Moment)> = Vec::new();
    for moment in &other.all {
        if by_port_only && moment.client.is_none_or(|(_, port)| port.is_none()) {
            continue;
        }
        let told = pairs.iter().any(|(_, told)| told.what == moment.what);
        // Windows tells of one end in several entries.
        let client = moment.client.filter(|_| by_port_only || !by_id);
        if let Some(own) = one.counterpart(moment.what, client)
            && (moment.what == What::Accepted || !told)
        {
            pairs.push((own, moment));
        }
    }
    pairs
}
