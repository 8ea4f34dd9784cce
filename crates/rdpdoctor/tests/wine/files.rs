//! Evidence and answers in files whose names are not plain.

use std::path::Path;
use std::process::Command;

use rdpdoctor_lab::{LoggedEvent, event_log};
use serde_json::Value;

use crate::wine::{Run, Wine, native, windows_path};

/// A connection that is refused: a SYN and the RST that answers it, as raw IPv4 (LINKTYPE_RAW, 101).
fn refused_connection() -> Vec<u8> {
    let packet = |from: u8, to: u8, ports: [u16; 2], numbers: [u32; 2], flags: u8| {
        let mut bytes = vec![0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0];
        bytes.extend([192, 0, 2, from, 192, 0, 2, to]);
        ports.iter().for_each(|port| bytes.extend(port.to_be_bytes()));
        numbers.iter().for_each(|number| bytes.extend(number.to_be_bytes()));
        bytes.extend([0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
        bytes
    };
    let syn = packet(1, 2, [50_000, 3389], [1000, 0], 0x02);
    let rst = packet(2, 1, [3389, 50_000], [0, 1001], 0x14);
    let mut file = Vec::new();
    for number in [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 65_535, 101] {
        file.extend(number.to_le_bytes());
    }
    for (micros, packet) in [(0u32, syn), (300, rst)] {
        let length = u32::try_from(packet.len()).expect("short");
        for number in [1_700_000_000, micros, length, length] {
            file.extend(number.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

fn locked_account() -> Vec<u8> {
    let data = [
        ("LogonType", "10"),
        ("TargetUserName", "jo"),
        ("Status", "0xc0000234"),
        ("IpAddress", "10.0.0.9"),
    ];
    let event = LoggedEvent {
        at_ms: 0,
        provider: "Microsoft-Windows-Security-Auditing",
        id: 4625,
        channel: "Security",
        activity: None,
        data: data.map(|(name, value)| (name, value.to_owned())).to_vec(),
    };
    event_log("PC42.corp.example", &[event])
}

/// Documents without what depends on the moment of reading.
fn timeless(mut document: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                for moment in ["started_at", "elapsed_ms", "at"] {
                    map.remove(moment);
                }
                map.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut document);
    document
}

/// The same command in the same folder, under Wine and here.
fn both(wine: &Wine, folder: &Path, arguments: &[&str]) -> (Run, Run) {
    let run = |mut command: Command| Run::of(command.current_dir(folder).args(arguments));
    (run(wine.command()), run(native()))
}

/// Blanks, umlauts and letters of other scripts in the names of folder and files.
pub fn evidence_in_files(wine: &Wine) {
    let folder = wine.new_folder("Fehler im B\u{fc}ro \u{6771}\u{4eac} \u{1f5a5}");
    let lines = "full address:s:pc42.corp.example\r\nauthentication level:i:0\r\n";
    let utf16: Vec<u8> =
        format!("\u{feff}{lines}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let files: [(&str, Vec<u8>, &str); 4] = [
        ("Mitschnitt gr\u{f6}\u{df}er.pcap", refused_connection(), "net.refused"),
        ("m\u{ed} pc.rdp", lines.as_bytes().to_vec(), "client.rdp-file-weakens-security"),
        ("\u{43e}\u{444}\u{438}\u{441}.rdp", utf16, "client.rdp-file-weakens-security"),
        ("Sicherheit \u{2013} Kopie.evtx", locked_account(), "nla.account-locked"),
    ];
    for (name, bytes, cause) in files {
        std::fs::write(folder.join(name), bytes).expect("a file");
        let (there, here) = both(wine, &folder, &["read", name, "--json"]);
        assert_eq!(there.json()["verdict"]["cause"], cause, "{name}: {there:?}");
        assert_eq!(timeless(there.json()), timeless(here.json()), "{name}");
        assert_eq!((there.code, &there.stderr), (here.code, &here.stderr), "{name}");
        let (there, here) = both(wine, &folder, &["read", name]);
        assert_eq!(there.stdout, here.stdout, "{name}");
    }
    let missing = Run::of(wine.command().args(["read", "fehlt \u{e4}.pcap"]));
    assert_eq!(missing.code, 3);
    assert!(missing.stderr.contains("cannot read fehlt \u{e4}.pcap"), "{missing:?}");
}

pub fn a_path_beyond_260_characters(wine: &Wine) {
    let mut folder = wine.new_folder("long");
    while folder.as_os_str().len() < 320 {
        folder.push("a folder whose name is long, as those of profiles are");
    }
    std::fs::create_dir_all(&folder).expect("a folder");
    let capture = folder.join("capture.pcap");
    std::fs::write(&capture, refused_connection()).expect("a file");
    let answer = folder.join("answer.json");
    let (from, to) = (windows_path(&capture), windows_path(&answer));
    let run = Run::of(wine.command().args(["read", &from, "--json", "-o", &to]));
    assert_eq!((run.code, run.stderr.as_str()), (2, ""), "{run:?}");
    let document = std::fs::read(&answer).expect("the answer");
    let document: Value = serde_json::from_slice(&document).expect("JSON");
    assert_eq!(document["verdict"]["cause"], "net.refused");
}

/// `-o`, `--html` and `--fixed`: UTF-8, line ends as everywhere, nothing written over.
pub fn answers_into_files(wine: &Wine) {
    let folder = wine.new_folder("answers");
    let lines = "full address:s:pc42.corp.example\r\nauthentication level:i:0\r\n";
    std::fs::write(folder.join("a.rdp"), lines).expect("a file");
    let read = |system: &str, mut command: Command| {
        let (answer, page) =
            (format!("Antwort {system} \u{e4}.txt"), format!("Seite {system}.html"));
        let mended = format!("mended {system}.rdp");
        let arguments = ["read", "a.rdp", "-o", &answer, "--html", &page, "--fixed", &mended];
        let run = Run::of(command.current_dir(&folder).args(arguments));
        assert_eq!(run.code, 1, "{run:?}");
        let again = Run::of(command.current_dir(&folder));
        assert_eq!(again.code, 3, "{again:?}");
        assert!(again.stderr.contains("nothing is written over"), "{again:?}");
        let written = |name: &str| std::fs::read(folder.join(name)).expect("it was written");
        assert!(written(&page).starts_with(b"<!"), "{page}");
        (written(&answer), written(&mended))
    };
    assert_eq!(read("there", wine.command()), read("here", native()));
}
