//! Hives of real machines, kept beside the project, against what others read in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use rdpdoctor_host::System as _;
use rdpdoctor_host::system::disk::Disk;
use rdpdoctor_model::{Lookup, RegistryData};

use crate::windows;

const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";

/// Where each word of the index stands in the registry.
const PLACES: [(&str, &str, &str); 7] = [
    ("fDenyTSConnections", "", "fDenyTSConnections"),
    ("PortNumber", r"\WinStations\RDP-Tcp", "PortNumber"),
    ("UserAuthentication", r"\WinStations\RDP-Tcp", "UserAuthentication"),
    ("SecurityLayer", r"\WinStations\RDP-Tcp", "SecurityLayer"),
    ("MinEncryptionLevel", r"\WinStations\RDP-Tcp", "MinEncryptionLevel"),
    ("fEnableWinStation", r"\WinStations\RDP-Tcp", "fEnableWinStation"),
    ("TermService.Start", r"\..\..\Services\TermService", "Start"),
];

#[test]
fn hives_of_real_machines() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let Ok(index) = std::fs::read_to_string(shared.join("INDEX.csv")) else {
        return println!("skipped, the real hives are not here: {}", shared.display());
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut read = 0;
    for line in index.lines().filter(|line| line.starts_with("hive/")) {
        let (name, truth) = (line.split(',').next(), line.rsplit(',').next());
        let (name, truth) = (name.expect("a name"), truth.expect("what is in it"));
        let Some(hive) = unpacked(&shared.join(name)) else {
            println!("skipped, it cannot be unpacked: {name}");
            continue;
        };
        if truth.starts_with("SYSTEM") {
            assert_system(folder.path(), hive, truth);
        } else {
            assert_user(folder.path(), hive, truth);
        }
        read += 1;
    }
    println!("{read} hives of real machines were read");
}

fn unpacked(path: &Path) -> Option<Vec<u8>> {
    if path.extension().is_none_or(|end| end != "xz") {
        return std::fs::read(path).ok();
    }
    let output = Command::new("xz").arg("-dc").arg(path).output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// A made disk with this file instead of its own.
fn disk_with(folder: &Path, file: &str, bytes: Vec<u8>) -> Disk {
    windows::write(folder);
    let path: PathBuf = folder.join(file);
    std::fs::write(path, bytes).expect("a hive");
    Disk::open(folder, Some("alice")).expect("a disk")
}

fn assert_system(folder: &Path, hive: Vec<u8>, truth: &str) {
    let disk = disk_with(folder, "Windows/System32/config/SYSTEM", hive);
    let words: Vec<&str> = truth.split(' ').collect();
    assert_eq!(disk.computer(), Lookup::seen(words[1].to_owned()));
    let wanted: BTreeMap<&str, &str> =
        words.iter().filter_map(|word| word.split_once('=')).collect();
    for (word, below, name) in PLACES {
        let key = match below.strip_prefix(r"\..\..") {
            Some(rest) => format!(r"HKLM\SYSTEM\CurrentControlSet{rest}"),
            None => format!("{SERVER}{below}"),
        };
        let value = disk.registry_value(&key, name);
        let number = value.as_seen().and_then(RegistryData::number).map(|n| n.to_string());
        assert_eq!(number.as_deref(), wanted.get(word).copied(), "{word} of {truth}");
    }
    let certificate =
        disk.registry_value(&format!(r"{SERVER}\WinStations\RDP-Tcp"), "SSLCertificateSHA1Hash");
    assert!(certificate.is_absent());
}

fn assert_user(folder: &Path, hive: Vec<u8>, truth: &str) {
    let disk = disk_with(folder, "Users/alice/NTUSER.DAT", hive);
    let software = disk.registry_subkeys(r"HKCU\Software\Microsoft");
    assert!(software.as_seen().is_some_and(|keys| keys.len() > 10), "{software:?}");
    let client = disk.registry_subkeys(r"HKCU\Software\Microsoft\Terminal Server Client");
    assert_eq!(client.is_absent(), truth.contains("absent"), "{truth}: {client:?}");
}
