//! What was read on a Windows machine, as rules ask for it.

use rdpdoctor_model::{
    Fact, Lookup, ObservationId, RegistryData, RegistryValue, SettingOwner, Stage,
};

use crate::causes::logged;
use crate::{Evidence, Seen, TcpResult};

/// The key of the listener.
pub const LISTENER: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp";
/// The key of Remote Desktop as a whole.
pub const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
/// Where policies set both.
pub const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";

/// Whether facts of a machine are all there is: no connection was tried, and no log tells of one.
pub(crate) fn is_all(evidence: &Evidence<'_>) -> bool {
    let read = evidence.all(|fact| matches!(fact, Fact::FactsOf(_)).then_some(()));
    !read.is_empty() && evidence.tcp() == TcpResult::NotTried && !logged::tells_of_a_try(evidence)
}

/// What has to be read before a host can be called in order: its switch, its service, its listener.
const DECIDES: [(&str, &str); 3] = [
    (SERVER, "fDenyTSConnections"),
    (r"HKLM\SYSTEM\CurrentControlSet\Services\TermService", "Start"),
    (LISTENER, "fEnableWinStation"),
];

/// Why facts that are all there is do not tell whether a host is in order.
pub(crate) fn unread(evidence: &Evidence<'_>) -> Option<&'static str> {
    let host = Machine::host(evidence);
    let closed = |(key, name): &(&str, &str)| {
        host.value(key, name)
            .is_some_and(|seen| matches!(seen.value.data, Lookup::Unavailable { .. }))
    };
    (is_all(evidence) && DECIDES.iter().any(closed))
        .then_some("What decides on {host} could not be looked at; read it as an administrator")
}

/// The facts of one side's machine.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'e, 'a> {
    evidence: &'e Evidence<'a>,
    stage: Stage,
}

/// A setting that decides, and who set it.
#[derive(Debug, Clone)]
pub struct Setting<'a> {
    /// Its observation.
    pub id: ObservationId,
    /// The whole value.
    pub value: &'a RegistryValue,
    /// What it holds.
    pub data: &'a RegistryData,
}

impl Setting<'_> {
    /// Whether a policy or a management service set it, so that a change by hand comes back.
    pub fn is_managed(&self) -> bool {
        matches!(self.value.owner, SettingOwner::GroupPolicy { .. } | SettingOwner::Mdm)
    }
}

impl<'e, 'a> Machine<'e, 'a> {
    /// The host's facts.
    pub fn host(evidence: &'e Evidence<'a>) -> Self {
        Self { evidence, stage: Stage::Host }
    }

    /// The facts of the machine in front of the user.
    pub fn client(evidence: &'e Evidence<'a>) -> Self {
        Self { evidence, stage: Stage::Client }
    }

    /// All facts of this machine that `pick` takes.
    pub fn all<T>(&self, pick: impl Fn(&'a Fact) -> Option<T>) -> Vec<Seen<'a, T>> {
        self.seen(pick).collect()
    }

    /// The last fact that `pick` takes.
    pub fn last<T>(&self, pick: impl Fn(&'a Fact) -> Option<T>) -> Option<Seen<'a, T>> {
        self.seen(pick).next_back()
    }

    fn seen<T>(
        &self,
        pick: impl Fn(&'a Fact) -> Option<T>,
    ) -> impl DoubleEndedIterator<Item = Seen<'a, T>> {
        let own = self.evidence.of_machines().filter(|o| o.stage == self.stage);
        own.filter_map(move |observation| {
            pick(&observation.fact).map(|value| Seen { observation, value })
        })
    }

    /// A value of the registry, whatever became of the question; `None` when nobody asked. Names and
    /// keys are the same in either case of letters.
    pub fn value(&self, key: &str, name: &str) -> Option<Seen<'a, &'a RegistryValue>> {
        self.last(|fact| match fact {
            Fact::RegistryValue(value)
                if value.key.eq_ignore_ascii_case(key) && value.name.eq_ignore_ascii_case(name) =>
            {
                Some(&**value)
            }
            _ => None,
        })
    }

    /// A value that is there.
    pub fn setting(&self, key: &str, name: &str) -> Option<Setting<'a>> {
        let seen = self.value(key, name)?;
        let data = seen.value.data.as_seen()?;
        Some(Setting { id: seen.id(), value: seen.value, data })
    }

    /// The value of a policy where one is set, else the machine's own.
    pub fn effective(&self, policy: &str, local: &str, name: &str) -> Option<Setting<'a>> {
        self.setting(policy, name).or_else(|| self.setting(local, name))
    }

    /// The number of a value, where it is there and is one.
    pub fn number(&self, key: &str, name: &str) -> Option<u64> {
        self.setting(key, name)?.data.number()
    }

    /// Whether the value was looked for and is not there.
    pub fn is_absent(&self, key: &str, name: &str) -> bool {
        self.value(key, name).is_some_and(|seen| matches!(seen.value.data, Lookup::Absent))
    }
}
