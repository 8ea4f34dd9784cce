//! Packets of a conversation, written as a capture.

use std::net::SocketAddr;

use etherparse::PacketBuilder;
use rdpdoctor_files::pcap::{self, Attempt, Capture, KeyLog};
use rdpdoctor_model::Fact;

/// A Connection Request that offers NLA, and the confirms that answer it.
pub const REQUEST: &[u8] = &[3, 0, 0, 19, 14, 0xE0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 11, 0, 0, 0];
pub const REQUEST_TLS: &[u8] = &[3, 0, 0, 19, 14, 0xE0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 1, 0, 0, 0];
pub const CONFIRM_NLA: &[u8] = &[3, 0, 0, 19, 14, 0xD0, 0, 0, 0, 0, 0, 2, 0, 8, 0, 8, 0, 0, 0];
pub const REFUSAL_NLA: &[u8] = &[3, 0, 0, 19, 14, 0xD0, 0, 0, 0, 0, 0, 3, 0, 8, 0, 5, 0, 0, 0];

pub const CLIENT: &str = "10.0.0.1:50000";
pub const SERVER: &str = "10.0.0.2:3389";

/// Flags of a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    Syn,
    SynAck,
    Ack,
    Fin,
    Rst,
}

/// A capture in the making: frames with their times in milliseconds.
#[derive(Clone, Default)]
pub struct Writer {
    pub frames: Vec<(u64, Vec<u8>)>,
}

/// One connection that writes its segments.
pub struct Talk {
    pub client: SocketAddr,
    pub server: SocketAddr,
    sequence: [u32; 2],
    pub now: u64,
}

impl Talk {
    pub fn between(client: &str, server: &str, now: u64) -> Self {
        let parse = |text: &str| text.parse().expect("an address");
        Self { client: parse(client), server: parse(server), sequence: [1000, u32::MAX - 5], now }
    }

    pub fn open(&mut self, writer: &mut Writer) {
        self.send(writer, true, Flag::Syn, b"");
        self.send(writer, false, Flag::SynAck, b"");
        self.send(writer, true, Flag::Ack, b"");
    }

    pub fn client(&mut self, writer: &mut Writer, bytes: &[u8]) {
        self.send(writer, true, Flag::Ack, bytes);
    }

    pub fn server(&mut self, writer: &mut Writer, bytes: &[u8]) {
        self.send(writer, false, Flag::Ack, bytes);
    }

    /// Sends a segment a millisecond after the last one.
    pub fn send(&mut self, writer: &mut Writer, by_client: bool, flag: Flag, bytes: &[u8]) {
        self.now += 1;
        let packet = self.ip(by_client, flag, bytes);
        writer.frames.push((self.now, [&ETHERNET[..], &ether_type(&packet), &packet].concat()));
    }

    /// The IP packet of the next segment.
    pub fn ip(&mut self, by_client: bool, flag: Flag, bytes: &[u8]) -> Vec<u8> {
        let (from, to) =
            if by_client { (self.client, self.server) } else { (self.server, self.client) };
        let (own, other) = if by_client { (0, 1) } else { (1, 0) };
        let builder = match (from.ip(), to.ip()) {
            (std::net::IpAddr::V4(a), std::net::IpAddr::V4(b)) => {
                PacketBuilder::ipv4(a.octets(), b.octets(), 64)
            }
            (std::net::IpAddr::V6(a), std::net::IpAddr::V6(b)) => {
                PacketBuilder::ipv6(a.octets(), b.octets(), 64)
            }
            _ => panic!("two families"),
        };
        let mut tcp = builder.tcp(from.port(), to.port(), self.sequence[own], 1000);
        tcp = match flag {
            Flag::Syn => tcp.syn(),
            Flag::SynAck => tcp.syn().ack(self.sequence[other]),
            Flag::Ack => tcp.ack(self.sequence[other]),
            Flag::Fin => tcp.fin().ack(self.sequence[other]),
            Flag::Rst => tcp.rst().ack(self.sequence[other]),
        };
        let mut packet = Vec::new();
        tcp.write(&mut packet, bytes).expect("a packet");
        let taken = u32::from(matches!(flag, Flag::Syn | Flag::SynAck | Flag::Fin));
        let length = u32::try_from(bytes.len()).expect("short");
        self.sequence[own] = self.sequence[own].wrapping_add(taken + length);
        packet
    }
}

pub const ETHERNET: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

pub fn ether_type(packet: &[u8]) -> [u8; 2] {
    if packet[0] >> 4 == 4 { [0x08, 0x00] } else { [0x86, 0xDD] }
}

impl Writer {
    /// The file, of this link type.
    pub fn pcap(&self, link: u32) -> Vec<u8> {
        let header: [u32; 6] = [0xA1B2_C3D4, 0x0004_0002, 0, 0, 0x0004_0000, link];
        let mut file: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
        for (at, frame) in &self.frames {
            let length = u32::try_from(frame.len()).expect("short");
            let seconds = u32::try_from(1_700_000_000 + at / 1000).expect("before 2106");
            let micros = u32::try_from(at % 1000 * 1000).expect("short");
            for word in [seconds, micros, length, length] {
                file.extend(word.to_le_bytes());
            }
            file.extend(frame);
        }
        file
    }

    pub fn read(&self) -> Capture {
        read(&self.pcap(1))
    }

    /// The facts of the only attempt in it.
    pub fn facts(&self) -> Vec<Fact> {
        let capture = self.read();
        let [attempt] = capture.attempts.as_slice() else {
            panic!("{} attempts", capture.attempts.len())
        };
        facts(attempt)
    }

    /// The capture goes on: something else passes at that time.
    pub fn until(&mut self, now: u64) {
        let mut other = Talk::between("10.9.9.1:4000", "10.9.9.2:80", now);
        other.send(self, true, Flag::Ack, b"GET");
    }
}

pub fn read(file: &[u8]) -> Capture {
    pcap::read(std::io::Cursor::new(file.to_vec()), "test.pcap", KeyLog::new()).expect("a capture")
}

pub fn facts(attempt: &Attempt) -> Vec<Fact> {
    attempt.observations.iter().map(|o| o.fact.clone()).collect()
}
