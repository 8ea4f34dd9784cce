//! Records what passes on the loopback interface, as `tcpdump` does, without its start and its
//! buffers: a marker says when everything that was sent has been recorded.

use std::io::IoSliceMut;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType,
    recvmsg, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeSpec;

/// PACKET_OUTGOING (packet(7)): on the loopback interface everything passes twice.
const OUTGOING: u8 = 4;

/// Where the marker is sent to: the discard service, which nobody runs.
const DISCARD: &str = "127.0.0.1:9";

/// Frames with the time of their arrival.
pub struct Recording(Vec<(Duration, Vec<u8>)>);

/// A recording that goes on.
pub struct Recorder {
    marker: Vec<u8>,
    thread: JoinHandle<Vec<(Duration, Vec<u8>)>>,
}

impl Recorder {
    /// `None` without root, where the tests are skipped; in CI that is a failure.
    pub fn start() -> Option<Self> {
        let family = AddressFamily::Packet;
        let (kind, flags) = (SockType::Raw, SockFlag::SOCK_CLOEXEC);
        let Ok(socket) = socket(family, kind, flags, SockProtocol::EthAll) else {
            assert!(std::env::var_os("CI").is_none(), "recording wants root");
            eprintln!("skipped: recording wants root");
            return None;
        };
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &(256 << 20));
        // When it passed, not when a busy machine came to read it.
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).expect("times of packets");
        let marker = format!("end of recording {} {:?}", std::process::id(), SystemTime::now());
        let wanted = marker.clone().into_bytes();
        let thread = std::thread::spawn(move || record(&socket, &wanted));
        Some(Self { marker: marker.into_bytes(), thread })
    }

    /// Everything that was sent up to now.
    pub fn stop(self) -> Recording {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.send_to(&self.marker, DISCARD).expect("loopback takes it");
        Recording(self.thread.join().expect("it recorded"))
    }
}

fn record(socket: &OwnedFd, marker: &[u8]) -> Vec<(Duration, Vec<u8>)> {
    let mut frames = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut control = nix::cmsg_space!(TimeSpec);
    loop {
        let (length, from, time) = {
            let mut parts = [IoSliceMut::new(&mut buffer)];
            let (socket, flags) = (socket.as_raw_fd(), MsgFlags::empty());
            let read = recvmsg::<LinkAddr>(socket, &mut parts, Some(&mut control), flags)
                .expect("it can be read");
            let time = read.cmsgs().expect("its time").find_map(|message| match message {
                ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
                _ => None,
            });
            (read.bytes, read.address, time)
        };
        let frame = &buffer[..length];
        if from.is_some_and(|from| from.pkttype() == OUTGOING) {
            continue;
        }
        if frame.ends_with(marker) {
            return frames;
        }
        frames.push((time.expect("a time"), frame.to_vec()));
    }
}

impl Recording {
    /// The frames of this port in this time, during which nobody else has it, as a capture file
    /// (draft-ietf-opsawg-pcap), Ethernet.
    pub fn pcap(&self, port: u16, time: [SystemTime; 2]) -> Vec<u8> {
        self.pcap_as(port, port, time)
    }

    /// The same as if the port had been another one; sums are none's to check on loopback.
    pub fn pcap_as(&self, port: u16, shown: u16, [from, to]: [SystemTime; 2]) -> Vec<u8> {
        let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).expect("after 1970");
        let time = since(from)..=since(to);
        let header: [u32; 6] = [0xA1B2_C3D4, 0x0004_0002, 0, 0, 0x0004_0000, 1];
        let mut file: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
        let own = |(at, frame): &&(Duration, Vec<u8>)| time.contains(at) && is_of(frame, port);
        for (at, frame) in self.0.iter().filter(own) {
            let length = u32::try_from(frame.len()).expect("short");
            let seconds = u32::try_from(at.as_secs()).expect("before 2106");
            for word in [seconds, at.subsec_micros(), length, length] {
                file.extend(word.to_le_bytes());
            }
            file.extend(with_port(frame, port, shown));
        }
        file
    }
}

/// Whether an Ethernet frame with IPv4 or IPv6, and TCP or UDP inside, has this port on either side.
fn is_of(frame: &[u8], port: u16) -> bool {
    let Some(inner) = inner(frame) else { return false };
    let own = port.to_be_bytes();
    let ports = frame.get(inner..inner + 4);
    ports.is_some_and(|ports| ports[..2] == own || ports[2..] == own)
}

/// Where TCP or UDP begins in a frame.
fn inner(frame: &[u8]) -> Option<usize> {
    match frame.get(12..15)? {
        [0x08, 0x00, first] => Some(14 + usize::from(first & 0x0F) * 4),
        [0x86, 0xDD, _] => Some(54),
        _ => None,
    }
}

/// The frame with another port in this one's place.
fn with_port(frame: &[u8], port: u16, shown: u16) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let inner = inner(&frame).expect("it has ports");
    for place in [inner, inner + 2] {
        if frame[place..place + 2] == port.to_be_bytes() {
            frame[place..place + 2].copy_from_slice(&shown.to_be_bytes());
        }
    }
    frame
}
