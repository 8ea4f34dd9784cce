//! Logs that the lab writes, whole and damaged.

use proptest::prelude::*;
use rdpdoctor_lab::{LoggedEvent, event_log, event_log_of_templates};

use super::*;

const MANAGER: &str = "Microsoft-Windows-TerminalServices-RemoteConnectionManager";
const CORE: &str = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS";
const SECURITY: &str = "Microsoft-Windows-Security-Auditing";

fn event(
    at_ms: u64,
    provider: &'static str,
    id: u32,
    data: &[(&'static str, &str)],
) -> LoggedEvent {
    let data = data.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    LoggedEvent { at_ms, provider, id, channel: "System", activity: None, data }
}

fn read(events: &[LoggedEvent]) -> Log {
    Log::read(event_log("PC42.corp.example", events).as_slice())
}

fn only(log: &Log) -> &WindowsEvent {
    assert_eq!(log.entries.len(), 1, "{:?}", log.entries);
    &log.entries[0].event
}

#[test]
fn fields_that_matter_by_name_and_by_place() {
    let log = read(&[event(
        1,
        SECURITY,
        4625,
        &[
            ("TargetUserName", "jo"),
            ("TargetDomainName", "CORP"),
            ("Status", "0xc000006d"),
            ("SubStatus", "0xc000006a"),
            ("LogonType", "10"),
            ("IpAddress", "::ffff:10.0.0.9"),
            ("WorkstationName", "-"),
        ],
    )]);
    let rejected = only(&log);
    assert_eq!(rejected.user.as_deref(), Some("jo"));
    assert_eq!((rejected.status, rejected.sub_status), (Some(0xC000_006D), Some(0xC000_006A)));
    assert_eq!(rejected.address, "10.0.0.9".parse().ok());
    assert_eq!(rejected.workstation, None);
    assert_eq!(log.entries[0].at.to_string(), "2026-01-01T00:00:00.001Z");

    let placed = [("", "server"), ("", "0x8009030d"), ("", "10001")];
    let log = read(&[event(1, "Schannel", 36870, &placed)]);
    assert_eq!(only(&log).error, Some(0x8009_030D));
    assert_eq!(only(&log).tls_error_state, Some(10_001));

    let set = [
        ("NewTime", "2026-01-01T02:05:00.500Z"),
        ("OldTime", "2026-01-01T00:00:00.000Z"),
        ("Reason", "1"),
    ];
    let general = "Microsoft-Windows-Kernel-General";
    let log = read(&[event(1, general, 1, &set)]);
    assert_eq!((only(&log).clock_set_ms, only(&log).reason), (Some(7_500_500), Some(1)));
    assert_eq!(log.jumps().map(|jump| jump.by_ms).collect::<Vec<_>>(), [7_500_500]);
    let little = [("NewTime", "2026-01-01T00:00:02Z"), ("OldTime", "2026-01-01T00:00:00Z")];
    let log = read(&[event(1, general, 1, &little)]);
    assert!(log.entries.is_empty() && log.jumps().count() == 1, "{:?}", log.entries);

    let named = [
        ("CallerProcessId", "1040"),
        ("CallerProcessImageName", "svchost[TermService]"),
        ("Type", "server"),
        ("ErrorCode", "0x8009030d"),
        ("ErrorStatus", "10001"),
    ];
    let log = read(&[event(1, "Schannel", 36870, &named)]);
    assert_eq!(only(&log).process.as_deref(), Some("svchost[TermService]"));
    assert_eq!((only(&log).error, only(&log).tls_error_state), (Some(0x8009_030D), Some(10_001)));

    let service = [
        ("param1", "Remotedesktopdienste"),
        ("Binary", "5400650072006D0053006500720076006900630065000000"),
    ];
    let log = read(&[event(1, "Service Control Manager", 7034, &service)]);
    assert_eq!(only(&log).service.as_deref(), Some("TermService"));

    let log = read(&[event(
        1,
        "TermDD",
        56,
        &[("", "\\Device\\Termdd"), ("Binary", "00000600010000006F0000D0")],
    )]);
    assert_eq!(only(&log).status, Some(0xC000_006F));
    let log = read(&[event(
        1,
        MANAGER,
        1056,
        &[("", "PC42"), ("Binary", "1DFAC0D5F7573BF536DAAD08198AED9CDD89A450")],
    )]);
    assert_eq!(only(&log).thumbprint.as_deref(), Some("1dfac0d5f7573bf536daad08198aed9cdd89a450"));
}

#[test]
fn what_does_not_concern_remote_desktop_is_left_out() {
    let log = read(&[
        event(1, SECURITY, 4624, &[("LogonType", "2"), ("TargetUserName", "jo")]),
        event(2, SECURITY, 4625, &[("LogonType", "5"), ("Status", "0xc000006d")]),
        event(3, SECURITY, 4688, &[("TargetUserName", "jo")]),
        event(4, "Service Control Manager", 7034, &[("param1", "Spooler")]),
        event(
            5,
            "Microsoft-Windows-TerminalServices-LocalSessionManager",
            21,
            &[("Address", "LOCAL")],
        ),
        event(6, SECURITY, 5157, &[("DestPort", "443")]),
        event(7, SECURITY, 5061, &[("KeyName", "le-web"), ("ReturnCode", "0x80090016")]),
        event(8, "Schannel", 36870, &[("", "client"), ("", "0x8009030d"), ("", "10001")]),
    ]);
    assert!(log.entries.is_empty(), "{:?}", log.entries);
    assert_eq!(log.records, 8);
}

/// Events that are about Remote Desktop and about something else, in few shapes.
fn mixed() -> Vec<LoggedEvent> {
    let logon =
        |at, id, user, kind| event(at, SECURITY, id, &[("User", user), ("LogonType", kind)]);
    let mut events = vec![
        // The number of the first one stands among its values, too.
        logon(1, 4688, "4688", "2"),
        logon(2, 4624, "4688", "10"),
        logon(3, 4688, "jo", "4624"),
        logon(4, 4624, "4624", "10"),
        logon(5, 4624, "jo", "2"),
        logon(6, 4625, "jo", "10"),
        event(7, "Spooler", 36870, &[("", "server"), ("", "System")]),
        event(8, "Schannel", 36870, &[("", "server"), ("", "0x8009030d")]),
        event(9, "Schannel", 1, &[("", "Schannel"), ("", "0x8009030d")]),
        event(10, "Schannel", 36874, &[("", "System"), ("", "0x8009030d")]),
    ];
    let accepted = event(11, CORE, 131, &[("ConnType", "TCP"), ("ClientIP", "10.0.0.9:50000")]);
    let activity = Some("{F4200000-0000-0000-0000-000000000001}");
    events.extend([LoggedEvent { activity, ..accepted.clone() }, accepted]);
    events.extend((20..60).map(|at| logon(at, 4689, "jo", "10")));
    events
}

#[test]
fn an_instance_of_a_template_says_what_the_whole_record_says() {
    let all = mixed();
    for first in 0..all.len() {
        let events: Vec<_> = all[first..].iter().chain(&all[..first]).cloned().collect();
        let instances = event_log_of_templates("PC42.corp.example", &events);
        assert_eq!(Log::read(instances.as_slice()), read(&events), "{first} first");
    }
    let log = read(&all);
    assert_eq!((log.records, log.lost_records, log.entries.len()), (52, 0, 7));
}

#[test]
fn damaged_records_are_lost_whatever_they_are_about() {
    let events = mixed();
    let whole = event_log_of_templates("PC42.corp.example", &events);
    // The last record has no template within itself, and nobody asks for what it says.
    let last =
        4096 + whole[4096..].windows(4).rposition(|magic| magic == b"**\0\0").expect("a record");
    for (at, byte) in [(24, 0x77), (28, 0x77), (38, 0xFF), (44, 0x77)] {
        let mut damaged = whole.clone();
        damaged[last + at] = byte;
        let log = Log::read(damaged.as_slice());
        assert_eq!((log.records, log.lost_records), (51, 1), "byte {at}");
    }
}

#[test]
fn attempts_by_time_address_and_activity() {
    let mut first = event(0, CORE, 131, &[("ConnType", "TCP"), ("ClientIP", "10.0.0.9:50000")]);
    let mut later = event(40_000, MANAGER, 1149, &[("Param1", "jo"), ("Param3", "10.0.0.9")]);
    first.activity = Some("{F4200000-0000-0000-0000-000000000001}");
    later.activity = first.activity;
    let other = event(1_000, CORE, 131, &[("ConnType", "TCP"), ("ClientIP", "10.0.0.8:50000")]);
    let again = event(3_000, CORE, 131, &[("ConnType", "TCP"), ("ClientIP", "10.0.0.8:50001")]);
    let near = event(3_100, "Schannel", 36874, &[]);
    let log = read(&[first, other, again, near, later]);
    let found = attempts([&log]);
    let ids = |attempt: &Attempt<'_>| -> Vec<u32> {
        attempt.entries.iter().map(|(_, entry)| entry.event.event_id).collect()
    };
    let all: Vec<_> = found.all.iter().map(ids).collect();
    assert_eq!(all, [vec![131, 1149], vec![131, 131, 36874]]);
    assert_eq!(found.all[0].user(), Some("jo"));
    assert!(found.all[0].says_how_it_went() && !found.all[1].says_how_it_went());
}

#[test]
fn a_clock_that_was_set_belongs_to_a_try_or_to_nothing() {
    let set = |at| {
        let times = [("NewTime", "2026-01-01T02:00:00Z"), ("OldTime", "2026-01-01T00:00:00Z")];
        event(at, "Microsoft-Windows-Kernel-General", 1, &times)
    };
    let accepted = event(60_000, CORE, 131, &[("ConnType", "TCP"), ("ClientIP", "10.0.0.9:5")]);
    let log = read(&[set(0), accepted, set(62_000), set(600_000)]);
    let found = attempts([&log]);
    assert_eq!((found.all.len(), found.loose.len()), (1, 0));
    let ids = found.all[0].entries.iter().map(|(_, entry)| entry.event.event_id);
    assert_eq!(ids.collect::<Vec<_>>(), [1, 131, 1]);
}

#[test]
fn a_long_attempt_keeps_its_beginning_and_its_end() {
    let connecting =
        |at: u64| event(at, CORE, 131, &[("ConnType", "TCP"), ("ClientIP", "10.0.0.9:5")]);
    let done = event(200, MANAGER, 1149, &[("Param1", "jo"), ("Param3", "10.0.0.9")]);
    // A log of the lab has room for some 70 of them.
    let logs = [
        read(&(0..50).map(connecting).collect::<Vec<_>>()),
        read(&(50..100).map(connecting).chain([done]).collect::<Vec<_>>()),
    ];
    assert_eq!(logs.iter().map(|log| log.entries.len()).sum::<usize>(), 101);
    let found = attempts(&logs);
    assert_eq!(found.all.len(), 1);
    let entries = &found.all[0].entries;
    assert_eq!(entries.first().map(|(_, entry)| entry.record), Some(1));
    assert_eq!(entries.last().map(|(_, entry)| entry.event.event_id), Some(1149));
    assert!(entries.len() < 101, "{}", entries.len());
}

#[test]
fn the_logs_of_two_machines_are_not_one_attempt() {
    let accepted = || event(0, CORE, 131, &[("ConnType", "TCP"), ("ClientIP", "10.0.0.9:5")]);
    let here = read(&[accepted()]);
    let there = Log::read(event_log("PC43", &[accepted()]).as_slice());
    assert_eq!(attempts([&here, &there]).all.len(), 2);
    let again = read(&[accepted()]);
    assert_eq!(attempts([&here, &again]).all.len(), 1);
}

#[test]
fn what_is_damaged_costs_what_is_damaged() {
    let events: Vec<_> = (0..20).map(|at| event(at * 60_000, "Schannel", 36870, &[])).collect();
    let whole = event_log("PC42", &events);
    assert_eq!(Log::read(whole.as_slice()).entries.len(), 20);

    let cut = Log::read(&whole[..4096 + 4000]);
    assert!((1..20).contains(&cut.entries.len()), "{}", cut.entries.len());
    assert_eq!(cut.problems, ["the file ends within block 0"]);

    let header = Log::read(&whole[..100]);
    assert_eq!(header.problems, ["the file ends within its header"]);
    assert_eq!(Log::read(&[][..]).problems, ["the file ends within its header"]);

    let mut broken = whole.clone();
    broken[4096..4104].fill(0xFF);
    let broken = Log::read(broken.as_slice());
    assert_eq!((broken.entries.len(), broken.lost_blocks), (0, 1));

    let mut record = whole.clone();
    record[4096 + 1500..4096 + 1700].fill(0xEE);
    let record = Log::read(record.as_slice());
    assert!(record.lost_records > 0 && record.entries.len() > 10, "{:?}", record.fact());

    let mut claims = whole;
    claims[42..44].copy_from_slice(&u16::MAX.to_le_bytes());
    let claims = Log::read(claims.as_slice());
    assert_eq!(claims.entries.len(), 20);
    assert_eq!(claims.problems, ["the header tells of 65535 blocks, and 1 are there"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn changed_bytes_do_no_harm(
        changes in proptest::collection::vec((0_usize..3_000, any::<u8>()), 1..40),
        length in 0_usize..8_000,
    ) {
        let events: Vec<_> = (0..4).map(|at| event(at, "Schannel", 36870, &[("a", "b")])).collect();
        for mut log in [event_log("PC42", &events), event_log_of_templates("PC42", &events)] {
            for &(at, byte) in &changes {
                log[4096 + at] = byte;
            }
            let read = Log::read(log.as_slice());
            prop_assert!(read.entries.len() <= 64);
            let _ = attempts([&read]);
            let _ = Log::read(&log[..4096 + length]);
        }
    }
}
