//! Which events concern Remote Desktop, and which of their fields matter. By provider and number:
//! the texts are written in the language of the host. What they mean for a diagnosis is in
//! `windows_events.csv` of the tables of numbers; a test of the command holds the two together.

use std::sync::LazyLock;

use ahash::AHashMap;
use rdpdoctor_model::{Stage, Timestamp, WindowsEvent};

use super::Entry;
use super::record::{Record, number};

/// What an event means for an attempt to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It begins an attempt or belongs to one that goes well.
    Step,
    /// It says that something failed: an attempt by itself, when none is near.
    Failure,
    /// It belongs to an attempt that is near, and else to none: it has other reasons, too.
    Beside,
    /// It ends a session; it belongs to an attempt that is near.
    Ending,
}

/// What became of the event's stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It says nothing about that.
    Open,
    /// The stage was passed.
    Passed,
    /// It was not.
    Stopped,
}

/// Events of one provider that mean the same.
struct Known {
    provider: &'static str,
    ids: &'static [u32],
    class: Class,
    stage: Stage,
    end: End,
}

const fn known(
    provider: &'static str,
    ids: &'static [u32],
    class: Class,
    stage: Stage,
    end: End,
) -> Known {
    Known { provider, ids, class, stage, end }
}

const MANAGER: &str = "Microsoft-Windows-TerminalServices-RemoteConnectionManager";
const SESSIONS: &str = "Microsoft-Windows-TerminalServices-LocalSessionManager";
const CORE: &str = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS";
const CLIENT: &str = "Microsoft-Windows-TerminalServices-ClientActiveXCore";
const SECURITY: &str = "Microsoft-Windows-Security-Auditing";
const NTLM: &str = "Microsoft-Windows-NTLM";
const SERVICES: &str = "Service Control Manager";
const PROFILES: &str = "Microsoft-Windows-User Profiles Service";
const GATEWAY: &str = "Microsoft-Windows-TerminalServices-Gateway";
const BROKER: &str = "Microsoft-Windows-TerminalServices-SessionBroker";
const BROKER_CLIENT: &str = "Microsoft-Windows-TerminalServices-SessionBroker-Client";
const GENERAL: &str = "Microsoft-Windows-Kernel-General";
const KERBEROS: &str = "Microsoft-Windows-Security-Kerberos";

use Class::{Beside, Ending, Failure, Step};
use End::{Open, Passed, Stopped};

const KNOWN: &[Known] = &[
    known(MANAGER, &[261, 1158], Step, Stage::Tcp, Passed),
    known(MANAGER, &[1149], Step, Stage::CredSsp, Passed),
    known(MANAGER, &[1003, 1004, 1011, 1069], Failure, Stage::Licensing, Stopped),
    known(MANAGER, &[1057, 1058], Failure, Stage::Tls, Open),
    known(MANAGER, &[1036, 1070], Failure, Stage::Session, Stopped),
    known(MANAGER, &[1012], Failure, Stage::Session, Stopped),
    known(MANAGER, &[1035], Failure, Stage::Host, Open),
    known(MANAGER, &[1041, 1046, 20499], Beside, Stage::Session, Open),
    known(MANAGER, &[1006, 258, 259, 260], Beside, Stage::Tcp, Open),
    known(MANAGER, &[1050, 1054, 1056, 1063], Beside, Stage::Tls, Open),
    known(MANAGER, &[1068], Beside, Stage::Licensing, Open),
    known(MANAGER, &[50213, 50215, 50216], Beside, Stage::Session, Open),
    known("TermService", &[1004, 1010, 1088], Failure, Stage::Licensing, Stopped),
    known("TermServLicensing", &[28], Beside, Stage::Licensing, Open),
    known("Microsoft-Windows-TerminalServices-Licensing", &[], Beside, Stage::Licensing, Open),
    known("TermDD", &[56], Failure, Stage::CredSsp, Stopped),
    known("TermDD", &[50], Failure, Stage::Mcs, Stopped),
    known(SESSIONS, &[21, 25], Step, Stage::Session, Passed),
    known(SESSIONS, &[22], Beside, Stage::Session, Passed),
    known(SESSIONS, &[17, 18], Failure, Stage::Host, Open),
    known(SESSIONS, &[23, 24, 39, 40], Ending, Stage::Session, Open),
    known(
        SESSIONS,
        &[19, 20, 32, 33, 34, 36, 37, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53],
        Beside,
        Stage::Session,
        Open,
    ),
    known(CORE, &[65, 131], Step, Stage::Tcp, Passed),
    known(CORE, &[140], Failure, Stage::CredSsp, Stopped),
    known(CORE, &[139], Failure, Stage::Tls, Stopped),
    known(CORE, &[97], Failure, Stage::Session, Stopped),
    known(CORE, &[102, 103], Ending, Stage::Session, Open),
    known(CORE, &[98, 99], Beside, Stage::Tcp, Open),
    known(CORE, &[134, 135, 138], Beside, Stage::Udp, Open),
    known(CORE, &[153], Beside, Stage::Tls, Open),
    known(
        CORE,
        &[66, 67, 68, 101, 142, 143, 145, 146, 147, 149, 154, 226],
        Beside,
        Stage::Session,
        Open,
    ),
    known(SECURITY, &[4624], Step, Stage::Session, Passed),
    known(SECURITY, &[4625, 4825], Failure, Stage::Session, Stopped),
    known(SECURITY, &[4776], Beside, Stage::CredSsp, Open),
    known(SECURITY, &[4648], Beside, Stage::Client, Open),
    known(SECURITY, &[4778], Step, Stage::Session, Passed),
    known(SECURITY, &[4779], Ending, Stage::Session, Open),
    known(SECURITY, &[5152, 5157], Failure, Stage::Tcp, Stopped),
    known(SECURITY, &[5058, 5061], Failure, Stage::Tls, Open),
    known(NTLM, &[4001, 4002, 4003], Failure, Stage::CredSsp, Stopped),
    known(CLIENT, &[1024], Step, Stage::Client, Open),
    known(CLIENT, &[1025], Step, Stage::Tcp, Passed),
    known(CLIENT, &[1027], Step, Stage::Session, Passed),
    known(CLIENT, &[1026], Ending, Stage::Client, Open),
    known(CLIENT, &[1007], Failure, Stage::Dns, Stopped),
    known(CLIENT, &[226, 1009, 1015, 1017, 1028, 1029, 1033], Beside, Stage::Client, Open),
    known(CLIENT, &[1102, 1103, 1105], Beside, Stage::Udp, Open),
    known("Schannel", &[36869, 36870], Failure, Stage::Tls, Open),
    known(
        "Schannel",
        &[
            36871, 36872, 36874, 36876, 36877, 36878, 36879, 36880, 36881, 36882, 36883, 36884,
            36887, 36888,
        ],
        Beside,
        Stage::Tls,
        Open,
    ),
    known(
        SERVICES,
        &[
            7000, 7001, 7002, 7003, 7004, 7005, 7006, 7007, 7008, 7009, 7011, 7022, 7023, 7024,
            7025, 7026, 7027, 7028, 7029, 7030, 7031, 7032, 7033, 7034,
        ],
        Failure,
        Stage::Host,
        Open,
    ),
    known("NETLOGON", &[5719], Beside, Stage::CredSsp, Open),
    known("Microsoft-Windows-GroupPolicy", &[1129], Beside, Stage::CredSsp, Open),
    known(KERBEROS, &[4], Beside, Stage::CredSsp, Open),
    known("LsaSrv", &[6037, 6167, 40960, 40961], Beside, Stage::CredSsp, Open),
    known("Tcpip", &[4227, 4231], Beside, Stage::Tcp, Open),
    known("Microsoft-Windows-DistributedCOM", &[10020], Beside, Stage::Session, Open),
    known("Microsoft-Windows-Winlogon", &[4005], Beside, Stage::Session, Open),
    known(GENERAL, &[1, 12, 13], Beside, Stage::Host, Open),
    known("Microsoft-Windows-Kernel-Power", &[41], Beside, Stage::Host, Open),
    known("EventLog", &[6008], Beside, Stage::Host, Open),
    known("Application Error", &[1000], Failure, Stage::Host, Open),
    known(PROFILES, &[1500], Failure, Stage::Session, Stopped),
    known(
        PROFILES,
        &[1502, 1505, 1508, 1511, 1515, 1521, 1533, 1542],
        Failure,
        Stage::Session,
        Open,
    ),
    known(GATEWAY, &[200, 300, 302], Step, Stage::Gateway, Passed),
    known(GATEWAY, &[201, 301, 304], Failure, Stage::Gateway, Stopped),
    known(GATEWAY, &[303], Ending, Stage::Gateway, Open),
    known(BROKER, &[2056], Failure, Stage::Session, Open),
    known(BROKER_CLIENT, &[1296], Failure, Stage::Session, Open),
];

/// Every provider and number that is taken; no number stands for all of the provider's.
pub fn taken() -> impl Iterator<Item = (&'static str, Option<u32>)> {
    KNOWN.iter().flat_map(|known| {
        let any = known.ids.is_empty().then_some((known.provider, None));
        any.into_iter().chain(known.ids.iter().map(|&id| (known.provider, Some(id))))
    })
}

/// Whether a record can concern Remote Desktop, by its provider and number.
pub(super) fn may_concern(provider: &str, id: u32) -> bool {
    known_as(provider, id).is_some()
}

fn known_as(provider: &str, id: u32) -> Option<&'static Known> {
    static BY_PROVIDER: LazyLock<AHashMap<&str, Vec<&Known>>> = LazyLock::new(|| {
        let mut by_provider = AHashMap::<_, Vec<_>>::new();
        KNOWN.iter().for_each(|known| by_provider.entry(known.provider).or_default().push(known));
        by_provider
    });
    let of_provider = BY_PROVIDER.get(provider)?;
    of_provider.iter().copied().find(|known| known.ids.is_empty() || known.ids.contains(&id))
}

/// The entry of a record that concerns Remote Desktop.
pub(super) fn entry(record: &Record<'_>) -> Option<Entry> {
    let (known, at) = (known_as(&record.provider, record.id)?, record.at?);
    if !is_about_it(record) {
        return None;
    }
    let mut entry = Entry {
        record: record.number,
        at,
        event: Box::new(fields(record)),
        class: known.class,
        stage: known.stage,
        end: known.end,
    };
    narrowed(&mut entry, record).then_some(entry)
}

/// The field that tells of most records of this number that they concern something else.
pub(super) fn deciding(provider: &str, id: u32) -> Option<&'static str> {
    match (provider, id) {
        (SECURITY, 4624 | 4625) => Some("LogonType"),
        (SECURITY, 4648) => Some("TargetInfo"),
        (SECURITY, 5058 | 5061) => Some("KeyName"),
        _ => None,
    }
}

/// Whether a record whose deciding field says this may concern Remote Desktop.
pub(super) fn may_be_about_it(id: u32, decides: &str) -> bool {
    match id {
        4624 | 4625 => matches!(number(decides), Some(FROM_NETWORK | UNLOCK | REMOTE)),
        // The container of the key of the self-signed certificate; other programs have others.
        5058 | 5061 => decides.starts_with("TSSecKeySet"),
        4648 => decides.to_ascii_uppercase().starts_with("TERMSRV/"),
        _ => true,
    }
}

/// What a provider's number alone does not say, but the record's fields do: whether it concerns
/// something else.
fn is_about_it(record: &Record<'_>) -> bool {
    if let Some(field) = deciding(&record.provider, record.id) {
        return record.field(&[field]).is_some_and(|decides| may_be_about_it(record.id, decides));
    }
    match (&*record.provider, record.id) {
        (SECURITY, 5152 | 5157) => {
            record.number(&["DestPort"]) == Some(u32::from(rdpdoctor_model::DEFAULT_PORT))
        }
        // A key of a client's certificate is not the listener's.
        ("Schannel", 36869 | 36870) => {
            let kind = record.field(&["Type"]).or(record.place(0)).unwrap_or_default();
            !kind.eq_ignore_ascii_case("client")
        }
        // Somebody at the console is logged on by the same manager.
        (SESSIONS, 21 | 22 | 24 | 25) => record.field(&["Address"]) != Some("LOCAL"),
        (MANAGER, 1012) => record.place(0) != Some("Console"),
        ("Application Error", _) => {
            let program = record.place(0).or(record.field(&["AppName"])).unwrap_or_default();
            program.eq_ignore_ascii_case("svchost.exe_TermService")
        }
        _ => true,
    }
}

/// What a provider's number alone does not say of the stage and its end; false when it concerns
/// something else.
fn narrowed(entry: &mut Entry, record: &Record<'_>) -> bool {
    match (&*record.provider, record.id) {
        (SECURITY, 4624 | 4625) => return logon(entry),
        // Clocks are set by a few milliseconds all day.
        (GENERAL, 1) => {
            return entry.event.clock_set_ms.is_some_and(|by| by.unsigned_abs() >= LEAST_JUMP_MS);
        }
        (SECURITY, 5058 | 5061) => return entry.event.error.is_some_and(|code| code != 0),
        // Without NLA it tells of a logon screen.
        (MANAGER, 1149) if entry.event.user.is_none() => entry.end = End::Open,
        (CORE, 131) if record.field(&["ConnType"]) != Some("TCP") => {
            (entry.class, entry.stage, entry.end) = (Beside, Stage::Udp, Open);
        }
        (SESSIONS, 40) => {
            entry.end = match entry.event.reason {
                // There was a session, and it was ended.
                Some(1..=4) => Passed,
                _ if ends_unusually(&entry.event) => Stopped,
                _ => Open,
            };
        }
        // There was a first picture.
        (CORE, 68) if record.number(&["FirstGraphicsReceived"]).is_some_and(|ms| ms > 0) => {
            entry.end = Passed;
        }
        (SERVICES, _) => return entry.event.service.is_some(),
        _ => {}
    }
    true
}

/// Whether a session ended otherwise than as its user wished, by another connection of the same
/// user or with the host. The manager of sessions counts as ExtendedDisconnectReasonCode does, the
/// client as `discReason`; what RdpCoreTS counts is not known.
pub(super) fn ends_unusually(event: &WindowsEvent) -> bool {
    event.reason.is_some_and(|reason| match (event.provider.as_str(), event.event_id) {
        (SESSIONS, 40) => !matches!(reason, 0 | 5 | 11 | 12),
        (CLIENT, 1026) => !matches!(reason, 0..=3 | 263),
        _ => false,
    })
}

/// LogonType of a logon from the network, of an unlocked or reconnected session, and of Remote
/// Desktop.
const FROM_NETWORK: u32 = 3;
const UNLOCK: u32 = 7;
const REMOTE: u32 = 10;

/// A logon of type 3 is what NLA makes, and a file share, too: it belongs to an attempt near it. So
/// does an unlocked session.
fn logon(entry: &mut Entry) -> bool {
    match entry.event.logon_type {
        Some(REMOTE) => true,
        Some(FROM_NETWORK) => {
            entry.stage = Stage::CredSsp;
            let anonymous = entry.event.user.as_deref() == Some("ANONYMOUS LOGON");
            if entry.event.event_id == 4624 {
                entry.class = Beside;
            }
            !anonymous
        }
        Some(UNLOCK) => {
            entry.class = Beside;
            entry.event.address.is_some_and(|address| !address.is_loopback())
        }
        _ => false,
    }
}

/// The fields that matter, by the names that the providers give them.
fn fields(record: &Record<'_>) -> WindowsEvent {
    let text = |names: &[&str]| record.field(names).map(str::to_owned);
    let mut event = WindowsEvent {
        provider: record.provider.clone().into_owned(),
        event_id: record.id,
        channel: record.channel.clone().into_owned(),
        computer: Some(record.computer.clone().into_owned()).filter(|name| !name.is_empty()),
        activity: record.activity.clone(),
        user: text(&["TargetUserName", "AccountName", "UserName", "User"]),
        domain: text(&["TargetDomainName", "AccountDomain", "DomainName"]),
        address: record.address(&["IpAddress", "ClientAddress", "ClientIP", "IPString", "Address"]),
        port: record.port(&["ClientIP"], &["IpPort"]),
        workstation: text(&["WorkstationName", "ClientName", "Workstation"]),
        server_name: None,
        session_id: record.number(&["SessionID", "Session", "TargetSession"]),
        logon_type: record.number(&["LogonType"]),
        package: text(&["AuthenticationPackageName"]),
        status: record.number(&["Status"]),
        sub_status: record.number(&["SubStatus"]).filter(|&status| status != 0),
        reason: record.number(&["Reason", "ReasonCode"]),
        error: record.number(&["ErrorCode", "ResultCode", "ReturnCode", "Error"]),
        tls_error_state: record.number(&["ErrorState", "ErrorStatus"]),
        alert: record.number(&["AlertDesc"]),
        thumbprint: None,
        service: None,
        process: None,
        clock_set_ms: clock_set(record),
    };
    by_provider(record, &mut event);
    if let Some((domain, user)) = event.user.as_deref().and_then(|user| user.split_once('\\')) {
        (event.domain, event.user) = (Some(domain.to_owned()), Some(user.to_owned()));
    }
    event
}

/// The fields of events that do not name them, or name them as others do theirs.
fn by_provider(record: &Record<'_>, event: &mut WindowsEvent) {
    match (&*record.provider, record.id) {
        (MANAGER, 1149) => {
            event.user = record.field(&["Param1"]).map(str::to_owned);
            event.domain = record.field(&["Param2"]).map(str::to_owned);
            event.address = record.address(&["Param3"]);
        }
        (MANAGER, 1158) => event.address = record.address(&["Param1"]),
        (MANAGER, 1003 | 1011) => {
            event.workstation = record.field(&["Param1"]).map(str::to_owned);
        }
        (MANAGER, 1012) => event.workstation = record.place(0).map(str::to_owned),
        (MANAGER, 1054 | 1056 | 1063) => event.thumbprint = fingerprint(&record.binary()),
        (SESSIONS, 17 | 19) => event.error = record.number(&["Param1"]),
        (CLIENT, 1026 | 1033) => event.reason = record.number(&["Value"]),
        (CLIENT, 1024 | 1102) => event.server_name = record.field(&["Value"]).map(str::to_owned),
        (SECURITY, 4648) => {
            event.server_name = record.field(&["TargetServerName"]).map(str::to_owned);
        }
        (SECURITY, 5152 | 5157) => event.address = record.address(&["SourceAddress"]),
        ("Schannel", _) => schannel(record, event),
        (SERVICES, id) => event.service = service(record, id),
        ("TermDD", 56) => event.status = dropped_with(&record.binary()),
        ("NETLOGON", _) => event.domain = record.place(0).map(str::to_owned),
        _ => {}
    }
}

/// Older versions of Windows do not name the fields: type, error, state. Newer ones name the program.
fn schannel(record: &Record<'_>, event: &mut WindowsEvent) {
    event.process = record.field(&["CallerProcessImageName"]).map(str::to_owned);
    let place = |index| record.place(index).and_then(number);
    match record.id {
        36870 => {
            event.error = event.error.or(place(1));
            event.tls_error_state = event.tls_error_state.or(place(2));
        }
        36871 => event.tls_error_state = event.tls_error_state.or(place(1)),
        36887 => event.alert = event.alert.or(place(0)),
        36888 => {
            event.alert = event.alert.or(place(0));
            event.tls_error_state = event.tls_error_state.or(place(1));
        }
        _ => {}
    }
}

/// A clock that was set by less explains nothing.
const LEAST_JUMP_MS: u64 = 60_000;

/// By how much a record says that the clock was set.
pub(super) fn clock_set(record: &Record<'_>) -> Option<i64> {
    if record.provider != GENERAL || record.id != 1 {
        return None;
    }
    let time = |name| record.field(&[name]).and_then(|text| text.parse::<Timestamp>().ok());
    Some(time("NewTime")?.millis_since(time("OldTime")?))
}

/// The services that Remote Desktop consists of.
const ITS_SERVICES: [&str; 3] = ["TermService", "SessionEnv", "UmRdpService"];

/// The service's short name stands behind the event in UTF-16, with its action behind a slash; the
/// name in the text is that of the language.
fn service(record: &Record<'_>, id: u32) -> Option<String> {
    let units = record.binary();
    let units = units.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair));
    let text: String =
        char::decode_utf16(units.take_while(|&unit| unit != 0)).map_while(Result::ok).collect();
    let behind = text.split('/').next().unwrap_or_default();
    // The timeout of 7011 stands before the service, and 7009's too.
    let named = if matches!(id, 7009 | 7011) { ["param2"] } else { ["param1"] };
    let named = record.field(&named).unwrap_or_default();
    let found = ITS_SERVICES
        .iter()
        .find(|name| name.eq_ignore_ascii_case(behind) || name.eq_ignore_ascii_case(named))?;
    Some((*found).to_owned())
}

/// The NTSTATUS in the last four bytes, with the customer bit set.
fn dropped_with(binary: &[u8]) -> Option<u32> {
    let last = binary.last_chunk::<4>()?;
    let status = u32::from_le_bytes(*last);
    (status >> 28 == 0xD).then_some(status & 0x0FFF_FFFF | 0xC000_0000)
}

fn fingerprint(binary: &[u8]) -> Option<String> {
    (binary.len() == 20).then(|| binary.iter().map(|byte| format!("{byte:02x}")).collect())
}
