//! What of an account can be in another one as well.

use rdpdoctor_model::{Fact, Observation, Purpose, Timestamp, WindowsEvent};
use std::collections::{BTreeSet, HashMap, HashSet};

use super::{Account, Client, Teller};

const MANAGER: &str = "Microsoft-Windows-TerminalServices-RemoteConnectionManager";
const SESSIONS: &str = "Microsoft-Windows-TerminalServices-LocalSessionManager";
const CORE: &str = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS";
const CLIENT: &str = "Microsoft-Windows-TerminalServices-ClientActiveXCore";

/// Moments of one account that are looked at.
const MOST: usize = 256;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// A connection was made, as the client and whoever listens see it, or accepted, as the host does.
    Accepted,
    /// It was over.
    Ended,
}

/// When it happened, by the account's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) what: What,
    /// Milliseconds since 1970.
    pub(super) at: i64,
    /// Whose connection, where that is told.
    pub(super) client: Option<Client>,
    /// Whether it is of the connection that decides, not of a question beside it.
    main: bool,
}

/// The moments of one account, in order of time.
#[derive(Debug, Default)]
pub(super) struct Moments {
    pub(super) all: Vec<Moment>,
    /// Correlation ids, as GUIDs in lower case, in both orders of their bytes.
    pub(super) activities: BTreeSet<String>,
    /// Clients that are named apart from a connection.
    named: BTreeSet<Client>,
}

impl Moments {
    pub(super) fn of(account: &Account<'_>) -> Self {
        let mut moments = Self::default();
        match account.teller {
            Teller::Capture => moments.of_capture(account.observations),
            Teller::HostLog | Teller::ClientLog => moments.of_log(account.observations),
        }
        moments.all.truncate(MOST);
        moments.all.sort_by_key(|moment| moment.at);
        moments
    }

    /// The clients that it names.
    pub(super) fn clients(&self) -> BTreeSet<Client> {
        let of_moments = self.all.iter().filter_map(|moment| moment.client);
        of_moments.chain(self.named.iter().copied()).collect()
    }

    /// Whether it tells of several connections that count, and so of none without its port.
    pub(super) fn has_several(&self) -> bool {
        let main = self.all.iter().filter(|moment| moment.main);
        let clients: BTreeSet<Client> = main.filter_map(|moment| moment.client).collect();
        clients.iter().filter(|(_, port)| port.is_some()).count() > 1
    }

    /// The moment of this account that another one's tells of. Where that names no port, the first
    /// connection and the last end are meant.
    pub(super) fn counterpart(&self, what: What, client: Option<Client>) -> Option<&Moment> {
        let mut same = self.all.iter().filter(|own| own.what == what);
        let mut main = same.clone().filter(|own| own.main);
        match (client, what) {
            (Some((address, Some(port))), _) => {
                let client = Some((address, Some(port)));
                let exact = same.clone().find(|own| own.client == client);
                // One that was told without a port, of the same client.
                exact.or_else(|| same.find(|own| own.client == Some((address, None))))
            }
            (_, What::Accepted) => main.next(),
            (_, What::Ended) => main.next_back(),
        }
    }

    fn of_capture(&mut self, observations: &[Observation]) {
        let mut clients: HashMap<u32, Client> = HashMap::new();
        let mut beside: HashSet<u32> = HashSet::new();
        for seen in observations {
            let connection = seen.connection.unwrap_or_default();
            let at = seen.at.map(Timestamp::unix_millis);
            let main = !beside.contains(&connection);
            match (&seen.fact, at) {
                (Fact::Connection { number, purpose, .. }, _)
                    if !matches!(
                        purpose,
                        Purpose::Main | Purpose::Fallback | Purpose::Redirected
                    ) =>
                {
                    beside.insert(*number);
                }
                (Fact::TcpConnected { local, .. }, Some(at)) => {
                    let client = (local.ip(), Some(local.port()));
                    clients.insert(connection, client);
                    self.all.push(Moment { what: What::Accepted, at, client: Some(client), main });
                }
                (Fact::StreamEnded { .. }, Some(at)) => {
                    let client = clients.get(&connection).copied();
                    self.all.push(Moment { what: What::Ended, at, client, main });
                }
                (Fact::ConnectionRequest { correlation_id: Some(id), .. }, _) => {
                    self.activities.extend(guids(&id.0));
                }
                _ => {}
            }
        }
    }

    /// A client that does not tell when it was connected tells when it began: names that are looked up
    /// in between make it less exact.
    fn of_log(&mut self, observations: &[Observation]) {
        let connected = observations.iter().any(
            |seen| matches!(&seen.fact, Fact::WindowsEvent(event) if event.is(CLIENT, &[1025])),
        );
        for seen in observations {
            let Fact::WindowsEvent(event) = &seen.fact else { continue };
            let client = event.address.filter(|_| !of_client(event)).map(|a| (a, event.port));
            self.named.extend(client);
            self.activities.extend(event.activity.iter().map(|id| id.to_ascii_lowercase()));
            let began = event.is(CLIENT, &[1024]).then_some(What::Accepted).filter(|_| !connected);
            if let (Some(what), Some(at)) = (what(event).or(began), seen.at) {
                self.all.push(Moment { what, at: at.unix_millis(), client, main: true });
            }
        }
    }
}

/// Whether the client's side wrote it.
pub(super) fn of_client(event: &WindowsEvent) -> bool {
    event.provider == CLIENT
}

/// 131 and 261: a connection was accepted; 1025: it was made. 24, 40, 102, 103, 1026: it is over.
fn what(event: &WindowsEvent) -> Option<What> {
    let accepted =
        event.is(CORE, &[131]) || event.is(MANAGER, &[261, 1158]) || event.is(CLIENT, &[1025]);
    let ended =
        event.is(CORE, &[102, 103]) || event.is(SESSIONS, &[24, 40]) || event.is(CLIENT, &[1026]);
    match (accepted, ended) {
        (true, _) => Some(What::Accepted),
        (_, true) => Some(What::Ended),
        _ => None,
    }
}

/// A correlation id as Windows writes it: a GUID, of which the first three parts stand the other way
/// round in memory. Which way a client sends it the specification leaves open (MS-RDPBCGR 2.2.1.1.2).
fn guids(bytes: &[u8]) -> Vec<String> {
    let Ok(id) = <[u8; 16]>::try_from(bytes) else { return Vec::new() };
    if id == [0; 16] {
        return Vec::new();
    }
    let mut turned = id;
    turned[..4].reverse();
    turned[4..6].reverse();
    turned[6..8].reverse();
    [id, turned].iter().map(guid).collect()
}

fn guid(id: &[u8; 16]) -> String {
    let digits: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from, to| digits.get(from..to).unwrap_or_default();
    format!("{{{}-{}-{}-{}-{}}}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}
