//! Captures of a busy network: what is over makes room for what follows.

use crate::writer::{Flag, REFUSAL_NLA, REQUEST, Talk, Writer};

/// A connection that is refused at this time.
fn refused(writer: &mut Writer, client: &str, at: u64) {
    let mut talk = Talk::between(client, "10.0.0.2:3389", at);
    talk.open(writer);
    talk.client(writer, REQUEST);
    talk.server(writer, REFUSAL_NLA);
    talk.send(writer, true, Flag::Fin, b"");
}

/// Somebody knocks at every port of a network, and nobody answers.
fn scan(writer: &mut Writer, knocks: u64) {
    for knock in 0..knocks {
        let (host, port) = (knock / 2_000, 10_000 + knock % 2_000);
        let mut talk =
            Talk::between("10.0.0.9:40000", &format!("10.1.0.{host}:{port}"), knock * 10);
        talk.send(writer, true, Flag::Syn, b"");
    }
}

#[test]
fn a_scan_does_not_hide_a_connection_behind_it() {
    let mut writer = Writer::default();
    scan(&mut writer, 30_000);
    refused(&mut writer, "10.0.0.1:50000", 400_000);
    let capture = writer.read();
    let targets: Vec<_> = capture.attempts.iter().map(|one| one.target.to_string()).collect();
    assert_eq!(targets, ["10.0.0.2"]);
    assert_eq!(capture.notes, [""; 0]);
}

/// Within seconds nothing of it is over: what cannot be followed is counted, not guessed.
#[test]
fn more_than_can_be_followed_is_said() {
    let mut writer = Writer::default();
    scan(&mut writer, 21_000);
    for (at, _) in &mut writer.frames {
        *at /= 1_000;
    }
    let capture = writer.read();
    assert!(capture.attempts.is_empty());
    assert_eq!(capture.notes, ["1000 connections too many to be followed"]);
}

#[test]
fn a_day_of_connections_to_one_host() {
    let mut writer = Writer::default();
    for number in 0..700 {
        let client = format!("10.0.0.1:{}", 50_000 + number);
        refused(&mut writer, &client, number * 120_000);
    }
    let capture = writer.read();
    assert_eq!((capture.attempts.len(), capture.notes), (700, Vec::new()));
}
