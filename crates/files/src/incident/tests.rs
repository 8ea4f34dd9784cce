//! One incident, told by several, and others that only look like it.

use rdpdoctor_model::{
    Apart, Awaited, Ending, Fact, Hex, JoinedBy, Observation, ObservationId, Source, Stage,
    Timestamp, WindowsEvent,
};

use super::{Account, Joint, Teller, Told, joint};

const CORE: &str = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS";
const SESSIONS: &str = "Microsoft-Windows-TerminalServices-LocalSessionManager";
const CLIENT: &str = "Microsoft-Windows-TerminalServices-ClientActiveXCore";

fn at(ms: i64) -> Timestamp {
    "2026-11-20T10:00:00Z".parse::<Timestamp>().expect("a moment").plus_millis(ms)
}

fn seen(source: Source, ms: i64, fact: Fact) -> Observation {
    Observation {
        id: ObservationId::numbered(1),
        source,
        stage: Stage::Tcp,
        at: Some(at(ms)),
        at_ms: 0,
        origin: None,
        connection: Some(1),
        fact,
    }
}

/// Connected at 0, over at 4 seconds.
fn capture(client: &str) -> Vec<Observation> {
    let id = Hex((1..=16).collect());
    let facts = [
        (
            0,
            Fact::TcpConnected {
                remote: "10.0.0.1:3389".parse().expect("an address"),
                local: client.parse().expect("an address"),
                round_trip_ms: 1.0,
            },
        ),
        (
            1,
            Fact::ConnectionRequest {
                requested_protocols: Some(11),
                flags: 0,
                cookie: None,
                routing_token: None,
                correlation_id: Some(id),
            },
        ),
        (
            4_000,
            Fact::StreamEnded {
                ending: Ending::Reset,
                awaited: Awaited::ServerHello,
                received: 19,
                sent: 500,
                unfinished: 0,
                after_ms: 1.0,
                os_error: None,
            },
        ),
    ];
    facts.into_iter().map(|(ms, fact)| seen(Source::Capture, ms, fact)).collect()
}

fn event(ms: i64, provider: &str, event_id: u32, more: WindowsEvent) -> Observation {
    let event = WindowsEvent { provider: provider.to_owned(), event_id, ..more };
    seen(Source::EventLog, ms, Fact::WindowsEvent(Box::new(event)))
}

fn from(client: &str) -> WindowsEvent {
    let (address, port) = match client.parse::<std::net::SocketAddr>() {
        Ok(both) => (Some(both.ip()), Some(both.port())),
        Err(_) => (client.parse().ok(), None),
    };
    WindowsEvent { address, port, ..WindowsEvent::default() }
}

fn account(teller: Teller, observations: &[Observation]) -> Told<'_> {
    Told::of(Account { teller, host: "pc42.corp.example", addresses: &[], observations })
}

fn held(log: &[Observation]) -> Result<Joint, Option<Apart>> {
    let capture = capture("10.0.0.9:50000");
    joint(&account(Teller::Capture, &capture), &account(Teller::HostLog, log))
}

#[test]
fn address_and_port_name_the_try_whatever_the_clock_says() {
    let far = 86_400_000 * 3;
    let log = [event(far + 20, CORE, 131, from("10.0.0.9:50000"))];
    let found = held(&log).expect("one try");
    assert_eq!(found.by, [JoinedBy::Port, JoinedBy::Address]);
    assert_eq!((found.clock_ahead_ms, found.common_events), (far + 20, 1));
    assert!(found.is_certain());
}

#[test]
fn every_event_in_both_has_to_tell_the_same() {
    let log = |end| {
        [
            event(-92_000, CORE, 131, from("10.0.0.9:50000")),
            event(end, SESSIONS, 40, WindowsEvent::default()),
        ]
    };
    let found = held(&log(-88_000 + 900)).expect("one try");
    assert_eq!((found.common_events, found.spread_ms), (2, 900));
    // The clock was set in between.
    assert_eq!(held(&log(4_000)), Err(Some(Apart::ClocksDisagree)));
}

#[test]
fn another_client_at_the_same_time() {
    let other = [event(10, CORE, 131, from("10.0.0.77:50000"))];
    assert_eq!(held(&other), Err(None));
    let again = [event(10, CORE, 131, from("10.0.0.9:50001"))];
    assert_eq!(held(&again), Err(None), "another connection of the same client");
    let nobody = [event(10, CORE, 131, WindowsEvent::default())];
    assert_eq!(held(&nobody), Err(None), "nothing says whose it was");
}

#[test]
fn an_address_alone_needs_the_same_course_or_nearly_the_same_time() {
    let accepted = |ms| event(ms, CORE, 131, from("10.0.0.9"));
    let ended = |ms| event(ms, SESSIONS, 40, WindowsEvent::default());
    assert!(held(&[accepted(90_000)]).is_ok_and(|found| !found.is_certain()));
    assert_eq!(held(&[accepted(7_200_000)]), Err(Some(Apart::NoCommonEvent)));
    assert!(held(&[accepted(7_200_000), ended(7_204_100)]).is_ok());
    assert_eq!(
        held(&[accepted(7_200_000), ended(7_290_000)]),
        Err(Some(Apart::ClocksDisagree)),
        "another try of the same client"
    );
    let no_event = [event(0, "Schannel", 36870, from("10.0.0.9"))];
    assert_eq!(held(&no_event), Err(Some(Apart::NoCommonEvent)));
}

#[test]
fn the_correlation_id_in_either_order_of_bytes() {
    for id in ["{01020304-0506-0708-090a-0b0c0d0e0f10}", "{04030201-0605-0807-090A-0B0C0D0E0F10}"] {
        let activity = Some(id.to_owned());
        // Behind a translator of addresses.
        let log = [event(50, CORE, 131, WindowsEvent { activity, ..from("192.0.2.1:1024") })];
        assert_eq!(held(&log).map(|found| found.by), Ok(vec![JoinedBy::Activity]));
    }
    let other = Some("{04030201-0605-0807-090a-0b0c0d0e0f11}".to_owned());
    let log = WindowsEvent { activity: other, ..from("192.0.2.1:1024") };
    assert_eq!(held(&[event(50, CORE, 131, log)]), Err(None));
}

#[test]
fn a_clients_log_by_the_name_it_asked_for() {
    let capture = capture("10.0.0.9:50000");
    let log = |name: &str, end| {
        let server_name = Some(name.to_owned());
        [
            event(-500, CLIENT, 1024, WindowsEvent { server_name, ..WindowsEvent::default() }),
            event(end, CLIENT, 1026, WindowsEvent::default()),
        ]
    };
    let held = |log: &[Observation]| {
        joint(&account(Teller::Capture, &capture), &account(Teller::ClientLog, log))
    };
    let found = held(&log("PC42:3389", 4_100)).expect("one try");
    assert_eq!((found.by, found.common_events), (vec![JoinedBy::AskedName], 2));
    assert_eq!(held(&log("pc07", 4_100)), Err(None));
    assert_eq!(held(&log("pc42", 60_000)), Err(Some(Apart::ClocksDisagree)));
}
