//! Seeds for the fuzz targets, made from the lab: `cargo run --example fuzz_seeds FOLDER RDPDOCTOR
//! [FILE...]`.
//!
//! Every fault of the lab is checked with the real command through a relay that keeps both
//! directions; further files (captures, event logs, .rdp files) become seeds as they are.

#![allow(clippy::expect_used, missing_docs, reason = "it runs for developers only")]

mod machine;
#[path = "../../../host/tests/disk/windows.rs"]
#[allow(dead_code, reason = "the disk of a test")]
mod windows;

use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use etherparse::PacketBuilder;
use rdpdoctor_lab::{
    Depth, FAULTS, Fault, LoggedEvent, Options, PASSWORD, USER, event_log, event_log_of_templates,
    start,
};

/// What passed: the connection, whether the server sent it, the bytes.
type Passed = (u16, bool, Vec<u8>);

/// Longest seed; mutations of longer ones are slow.
const LONGEST: usize = 64 * 1024;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(folder), Some(program)) = (arguments.next(), arguments.next()) else {
        return Err("usage: fuzz_seeds FOLDER RDPDOCTOR [FILE...]".into());
    };
    let seeds = Seeds(folder);
    for fault in FAULTS.iter().filter(|fault| !fault.is_gateway()) {
        of_fault(&seeds, &program, fault).await?;
    }
    seeds.keep_long("event_log", "whole", &event_log("PC42.corp.example", &events()))?;
    let templates = event_log_of_templates("PC42.corp.example", &events());
    seeds.keep_long("event_log", "templates", &templates)?;
    for (name, text) in RDP_FILES {
        seeds.keep("rdp_file", name, text.as_bytes())?;
    }
    for code in ["0x904 0x7", "2308", "STATUS_LOGON_FAILURE", "Error code: 0x904\nExtended: 0x7"] {
        seeds.keep("code", &code.replace(['\n', ' ', ':'], "-"), code.as_bytes())?;
    }
    machine::seeds(&seeds)?;
    for file in arguments {
        of_file(&seeds, &file)?;
    }
    Ok(())
}

const RDP_FILES: [(&str, &str); 2] = [
    ("plain", "full address:s:pc42.corp.example:3390\r\nusername:s:CORP\\jo\r\n"),
    (
        "gateway",
        "full address:s:pc42\r\ngatewayhostname:s:gw.example\r\ngatewayusagemethod:i:1\r\nauthentication level:i:0\r\n",
    ),
];

fn events() -> [LoggedEvent; 3] {
    let provider = "Microsoft-Windows-TerminalServices-RemoteConnectionManager";
    let channel = "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational";
    let data = vec![("Param1", "jo".to_owned()), ("Param3", "10.0.0.1".to_owned())];
    [
        LoggedEvent { at_ms: 0, provider, id: 261, channel, activity: None, data: Vec::new() },
        LoggedEvent { at_ms: 200, provider, id: 1149, channel, activity: None, data: data.clone() },
        LoggedEvent { at_ms: 300, provider, id: 1155, channel, activity: None, data },
    ]
}

#[expect(clippy::print_stderr, reason = "what could not be made is told")]
fn say(line: &str) {
    eprintln!("{line}");
}

struct Seeds(PathBuf);

impl Seeds {
    fn keep(&self, target: &str, name: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
        if bytes.len() > LONGEST {
            return Ok(());
        }
        self.keep_long(target, name, bytes)
    }

    /// The same for what has no shorter form.
    fn keep_long(&self, target: &str, name: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
        let folder = self.0.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)?;
        Ok(())
    }
}

/// Checks one fault through the relay and keeps what passed.
async fn of_fault(
    seeds: &Seeds,
    program: &Path,
    fault: &'static Fault,
) -> Result<(), Box<dyn Error>> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let running = start(fault, listen, Options::default()).await?;
    let (sender, passed) = channel();
    let relay = TcpListener::bind(listen)?;
    let port = relay.local_addr()?.port();
    let server = running.address();
    std::thread::spawn(move || relayed(&relay, server, &sender));
    let key_log = seeds.0.join("keys.log");
    let mut command = Command::new(program);
    command.args([
        "check",
        &format!("127.0.0.1:{port}"),
        "--json",
        "--deadline",
        "8",
        "--trust",
        "any",
    ]);
    command.arg("--keylog").arg(&key_log).env("RDPDOCTOR_PASSWORD", PASSWORD);
    if fault.depth() != Depth::Challenge {
        command.args(["-u", USER, "--again"]);
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let keys = fs::read(&key_log).unwrap_or_default();
    let _ = fs::remove_file(&key_log);
    let passed: Vec<Passed> = passed.try_iter().collect();
    let first = passed.first().map_or(0, |(connection, ..)| *connection);
    let steps: Vec<u8> = passed
        .iter()
        .filter(|(connection, ..)| *connection == first)
        .flat_map(|(_, server, bytes)| written(u8::from(*server), bytes))
        .collect();
    seeds.keep("dissector", fault.name, &[&[0], &steps[..]].concat())?;
    seeds.keep("tls_decrypt", fault.name, &with_keys(&keys, &steps))?;
    seeds.keep("capture", fault.name, &with_keys(&keys, &capture(&passed, port)?))?;
    seeds.keep("document", fault.name, &output.stdout)?;
    running.shutdown();
    Ok(())
}

fn with_keys(keys: &[u8], rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(keys.len()).unwrap_or(0);
    let keys = keys.get(..usize::from(length)).unwrap_or_default();
    [&length.to_le_bytes(), keys, rest].concat()
}

fn relayed(relay: &TcpListener, server: SocketAddr, passed: &Sender<Passed>) {
    for (number, client) in (1..).zip(relay.incoming().flatten()) {
        let Ok(to_server) = TcpStream::connect(server) else { return };
        let ends =
            [(client.try_clone(), to_server.try_clone(), false), (Ok(to_server), Ok(client), true)];
        for (from, to, of_server) in ends {
            let (Ok(mut from), Ok(mut to)) = (from, to) else { return };
            let passed = passed.clone();
            std::thread::spawn(move || {
                let _ = from.set_read_timeout(Some(Duration::from_secs(10)));
                let mut buffer = vec![0; 16 * 1024];
                while let Ok(length @ 1..) = from.read(&mut buffer) {
                    let bytes = buffer[..length].to_vec();
                    if passed.send((number, of_server, bytes.clone())).is_err()
                        || to.write_all(&bytes).is_err()
                    {
                        break;
                    }
                }
                let _ = to.shutdown(Shutdown::Write);
            });
        }
    }
}

/// What passed as a capture of raw IP (draft-ietf-opsawg-pcap, LINKTYPE_RAW).
fn capture(passed: &[Passed], port: u16) -> Result<Vec<u8>, Box<dyn Error>> {
    let header: [u32; 6] = [0xA1B2_C3D4, 0x0004_0002, 0, 0, 0x0004_0000, 101];
    let mut file: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut numbers = std::collections::BTreeMap::<(u16, bool), u32>::new();
    let (client, server) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let mut frame = |packet: &[u8]| -> Result<(), Box<dyn Error>> {
        let length = u32::try_from(packet.len())?;
        file.extend(
            [1_767_225_600, 0, length, length].iter().flat_map(|word: &u32| word.to_le_bytes()),
        );
        file.extend(packet);
        Ok(())
    };
    for (connection, of_server, bytes) in passed {
        let own = 50_000 + *connection;
        let (from, to, source, target) =
            if *of_server { (server, client, port, own) } else { (client, server, own, port) };
        if !numbers.contains_key(&(*connection, false)) {
            let mut packet = Vec::new();
            let syn = PacketBuilder::ipv4(client, server, 64).tcp(own, port, 0, 8192).syn();
            syn.write(&mut packet, &[])?;
            frame(&packet)?;
            packet.clear();
            let answer =
                PacketBuilder::ipv4(server, client, 64).tcp(port, own, 0, 8192).syn().ack(1);
            answer.write(&mut packet, &[])?;
            frame(&packet)?;
            numbers.insert((*connection, false), 1);
            numbers.insert((*connection, true), 1);
        }
        for part in bytes.chunks(8_000) {
            let ack = numbers[&(*connection, !*of_server)];
            let number = numbers.entry((*connection, *of_server)).or_default();
            let mut packet = Vec::new();
            PacketBuilder::ipv4(from, to, 64)
                .tcp(source, target, *number, 8192)
                .psh()
                .ack(ack)
                .write(&mut packet, part)?;
            frame(&packet)?;
            *number = number.wrapping_add(u32::try_from(part.len())?);
        }
    }
    Ok(file)
}

fn of_file(seeds: &Seeds, path: &Path) -> Result<(), Box<dyn Error>> {
    let bytes = fs::read(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("pcap" | "pcapng") => seeds.keep("capture", &name, &with_keys(&[], &bytes)),
        Some("evtx") => seeds.keep("event_log", &name, &bytes),
        Some("rdp") => seeds.keep("rdp_file", &name, &bytes),
        _ => Ok(()),
    }
}

/// A step of a connection, as the targets read it: what, two bytes for the length, the bytes.
fn written(what: u8, bytes: &[u8]) -> Vec<u8> {
    let mut written = Vec::new();
    for part in bytes.chunks(usize::from(u16::MAX)) {
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        written.push(what);
        written.extend(length.to_le_bytes());
        written.extend(part);
    }
    written
}
