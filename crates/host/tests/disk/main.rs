//! The disk of a Windows machine that does not run, as a folder and in an NTFS volume, whole and
//! damaged.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "all of it is tests; clippy allows these by itself only inside test functions"
)]
#![cfg(target_os = "linux")]

mod damage;
mod real;
pub mod windows;

use std::path::Path;

use rdpdoctor_host::system::disk::{Disk, DiskError};
use rdpdoctor_host::{System, store};
use rdpdoctor_model::{LocalAccount, Lookup, RegistryData, Volume};

const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
const CLIENT: &str = r"HKCU\Software\Microsoft\Terminal Server Client";

fn dword(number: u32) -> Lookup<RegistryData> {
    Lookup::seen(RegistryData::Dword(number))
}

/// What every way to the same disk answers.
fn assert_answers(disk: &Disk) {
    assert_eq!(disk.computer(), Lookup::seen("PC42".to_owned()));
    assert_eq!(disk.registry_value(SERVER, "fdenytsconnections"), dword(1));
    let other = SERVER.replace("CurrentControlSet", "ControlSet001");
    assert_eq!(disk.registry_value(&other, "fDenyTSConnections"), dword(0));
    assert_eq!(disk.registry_value(SERVER, "fSingleSessionPerUser"), Lookup::Absent);
    let volatile = disk.registry_value(r"HKLM\HARDWARE\DESCRIPTION", "X");
    assert!(matches!(volatile, Lookup::Unavailable { .. }));

    let updates = vec!["KB5034129".to_owned(), "KB5034439".to_owned()];
    assert_eq!(disk.updates(), Lookup::seen(updates));
    assert_eq!(disk.power(), (Lookup::seen(1800), Lookup::Absent));
    let alice = LocalAccount {
        name: "alice".to_owned(),
        sid: "S-1-5-21-1-2-3-1001".to_owned(),
        flags: 0x202,
        expires: None,
    };
    assert_eq!(disk.accounts(), Lookup::seen(vec![alice]));
    assert_eq!(disk.members("S-1-5-32-555"), Lookup::seen(vec!["S-1-1-0".to_owned()]));
    assert_eq!(disk.members("S-1-5-32-556"), Lookup::Absent);
    let holders = disk.right("SeRemoteInteractiveLogonRight");
    assert_eq!(holders, Lookup::seen(vec!["S-1-5-32-544".to_owned()]));
    let denied = disk.right("SeDenyRemoteInteractiveLogonRight");
    assert_eq!(denied, Lookup::seen(vec!["S-1-5-32-546".to_owned()]));
    assert_eq!(disk.right("SeBatchLogonRight"), Lookup::Absent);
    assert!(matches!(disk.service("TermService"), Lookup::Unavailable { .. }));

    let certificates = store::certificates(disk, "Remote Desktop");
    let certificates = certificates.as_seen().expect("a store");
    let certificate = certificates.first().expect("a certificate");
    let ends = certificate.certificate.as_seen().expect("a certificate").not_after;
    assert!(ends.to_string().starts_with("2021-05-01"), "{ends}");
    let key = certificate.key.as_seen().and_then(|key| key.file.clone()).expect("a key's file");
    assert!(key.eq_ignore_ascii_case(&format!(
        r"C:\{}\{}",
        windows::KEYS.replace('/', r"\"),
        windows::KEY_FILE
    )));
    assert_eq!(disk.file(&key).as_seen().map(|state| state.length), Some(6));
    assert_eq!(disk.file(r"C:\Windows\missing.dll"), Lookup::Absent);
    assert_eq!(disk.file(r"C:\Windows\System32\config\SAM\x"), Lookup::Absent);
    assert!(matches!(disk.file(r"D:\Data"), Lookup::Unavailable { .. }));
    assert!(matches!(disk.file(r"C:\Windows\..\..\etc\passwd"), Lookup::Unavailable { .. }));
    let names = disk.folder(r"c:\USERS");
    assert_eq!(names, Lookup::seen(vec!["alice".to_owned(), "bob".to_owned()]));
    let volumes = disk.volumes();
    let [Volume { path, total, free }] = volumes.as_seen().expect("a volume").as_slice() else {
        panic!("{volumes:?}");
    };
    assert!(path == "C:" && free > &0 && free < total, "{volumes:?}");
    let hives = disk.hives();
    assert!(hives.iter().all(|hive| hive.state.as_seen().is_some()));
    assert_eq!(hives.first().map(|hive| hive.root.as_str()), Some(r"HKLM\SYSTEM"));
    let system = r"C:\Windows\System32\config\SYSTEM";
    assert_eq!(hives.first().map(|hive| hive.path.as_str()), Some(system));
}

#[test]
fn a_mounted_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    windows::write(folder.path());
    let disk = Disk::open(folder.path(), None).expect("a disk");
    assert_answers(&disk);
    assert_eq!(disk.registry_value(CLIENT, "DisableUDPTransport"), dword(1), "alice was last");
    let bob = Disk::open(folder.path(), Some("BOB")).expect("a disk");
    assert_eq!(bob.registry_value(CLIENT, "DisableUDPTransport"), dword(0));
    let nobody = Disk::open(folder.path(), Some("carol")).err();
    let names = vec!["alice".to_owned(), "bob".to_owned()];
    assert_eq!(nobody, Some(DiskError::NoProfile(names)));
    // The folder of Windows will do.
    assert!(Disk::open(&folder.path().join("Windows"), None).is_ok());
}

#[test]
fn names_in_another_case_of_letters() {
    let folder = tempfile::tempdir().expect("a folder");
    windows::write(folder.path());
    let root = folder.path();
    let rename = |from: &str, to: &str| std::fs::rename(root.join(from), root.join(to));
    rename("Windows/System32/config/SOFTWARE", "Windows/System32/config/software").expect("a file");
    rename("Windows/System32/config", "Windows/System32/CONFIG").expect("a folder");
    rename("Windows/System32", "Windows/system32").expect("a folder");
    rename("Windows", "WINDOWS").expect("a folder");
    rename("ProgramData", "programdata").expect("a folder");
    assert_answers(&Disk::open(root, None).expect("a disk"));
}

#[test]
fn links_lead_nowhere_and_pipes_do_not_block() {
    let folder = tempfile::tempdir().expect("a folder");
    windows::write(folder.path());
    let config = folder.path().join("Windows/System32/config");
    std::os::unix::fs::symlink("/etc", folder.path().join("Secrets")).expect("a link");
    std::fs::remove_file(config.join("SAM")).expect("a file");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        config.join("SAM"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .expect("a pipe");
    let disk = Disk::open(folder.path(), None).expect("a disk");
    assert!(matches!(disk.read(r"C:\Secrets\passwd", 10), Lookup::Unavailable { .. }));
    assert!(matches!(disk.folder(r"C:\Secrets"), Lookup::Unavailable { .. }));
    assert!(matches!(disk.accounts(), Lookup::Unavailable { .. }));
    assert_eq!(disk.registry_value(SERVER, "fDenyTSConnections"), dword(1));
}

#[test]
fn a_missing_or_damaged_hive_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    windows::write(folder.path());
    let config = folder.path().join("Windows/System32/config");
    std::fs::remove_file(config.join("SECURITY")).expect("a file");
    std::fs::write(config.join("SAM"), b"regf").expect("a file");
    let disk = Disk::open(folder.path(), None).expect("a disk");
    assert!(matches!(disk.accounts(), Lookup::Unavailable { .. }));
    assert!(matches!(disk.right("SeNetworkLogonRight"), Lookup::Unavailable { .. }));
    let lost = disk.hives().into_iter().filter(|hive| hive.state.as_seen().is_none());
    let lost: Vec<String> = lost.map(|hive| hive.root).collect();
    assert_eq!(lost, [r"HKLM\SECURITY", r"HKLM\SAM"]);
}

/// The volume in the second partition of a disk.
fn in_partition(volume: &[u8], sector: usize) -> Vec<u8> {
    let start = 8 * sector;
    let mut disk = vec![0; start];
    disk.extend_from_slice(volume);
    if sector == 512 {
        let count = u32::try_from(volume.len() / 512).expect("short");
        let entry = &mut disk[446 + 16..446 + 32];
        entry[4] = 7;
        entry[8..12].copy_from_slice(&8_u32.to_le_bytes());
        entry[12..16].copy_from_slice(&count.to_le_bytes());
        disk[510..512].copy_from_slice(&[0x55, 0xAA]);
    } else {
        let last = 8 + (volume.len() / sector) as u64 - 1;
        disk[sector..sector + 8].copy_from_slice(b"EFI PART");
        disk[sector + 72] = 2;
        disk[sector + 80] = 1;
        disk[sector + 84] = 128;
        let entry = &mut disk[2 * sector..][..128];
        entry[0] = 1;
        entry[32] = 8;
        entry[40..48].copy_from_slice(&last.to_le_bytes());
    }
    disk
}

fn open(folder: &Path, name: &str, bytes: &[u8]) -> Result<Disk, DiskError> {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("an image");
    Disk::open(&path, None)
}

#[test]
fn an_ntfs_volume_bare_and_on_disks() {
    let folder = tempfile::tempdir().expect("a folder");
    let image = match windows::volume(folder.path()) {
        Ok(image) => image,
        Err(why) => return println!("skipped, no NTFS volume can be made: {why}"),
    };
    let disk = Disk::open(&image, None).expect("a disk");
    assert_answers(&disk);
    let key = format!(r"C:\{}\{}", windows::KEYS.replace('/', r"\"), windows::KEY_FILE);
    let access = disk.file(&key).as_seen().map(|state| state.access.clone());
    let expected = "O:SYG:SYD:(A;;FA;;;SY)(A;;FA;;;BA)".to_owned();
    assert_eq!(access, Some(Lookup::seen(expected)), "$Secure:$SDS");

    let volume = std::fs::read(&image).expect("the image");
    let mbr = in_partition(&volume, 512);
    assert_answers(&open(folder.path(), "mbr.img", &mbr).expect("a disk"));
    let gpt = in_partition(&volume, 4096);
    assert_answers(&open(folder.path(), "gpt.img", &gpt).expect("a disk"));
    let mut footer = vec![0; 512];
    footer[..8].copy_from_slice(b"conectix");
    footer[63] = 2;
    let vhd = [mbr.clone(), footer].concat();
    assert_answers(&open(folder.path(), "fixed.vhd", &vhd).expect("a disk"));

    let two = [in_partition(&volume, 512), volume.clone()].concat();
    let mut two = two;
    two.copy_within(462..478, 478);
    let second = u32::try_from(8 + volume.len() / 512).expect("short");
    two[486..490].copy_from_slice(&second.to_le_bytes());
    let several = open(folder.path(), "two.img", &two).err();
    let starts = vec![4096, u64::from(second) * 512];
    assert_eq!(several, Some(DiskError::Several(starts)));
}

#[test]
fn what_is_no_disk_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = Disk::open(&folder.path().join("missing"), None).err();
    assert!(matches!(missing, Some(DiskError::Unreadable(_))));
    assert_eq!(Disk::open(folder.path(), None).err(), Some(DiskError::NoWindows));
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .expect("a pipe");
    assert!(matches!(Disk::open(&pipe, None).err(), Some(DiskError::Unreadable(_))));
    let of = |name: &str, start: &[u8]| {
        let bytes = [start, &[0; 65_536][..]].concat();
        open(folder.path(), name, &bytes).err()
    };
    assert_eq!(of("zero", b""), Some(DiskError::NoWindowsOnImage(Vec::new())));
    assert_eq!(of("bitlocker", b"\xEB\x58\x90-FVE-FS-"), Some(DiskError::BitLocker));
    assert_eq!(of("vhdx", b"vhdxfile"), Some(DiskError::Container("a VHDX", "vhdx")));
    let exfat = vec!["exFAT at byte 0".to_owned()];
    assert_eq!(of("exfat", b"\xEB\x76\x90EXFAT   "), Some(DiskError::NoWindowsOnImage(exfat)));
    let cut = of("ntfs", b"\xEB\x52\x90NTFS    ");
    assert!(matches!(cut, Some(DiskError::Damaged(_))), "{cut:?}");
    assert!(matches!(
        of("empty", b"").map(|_| open(folder.path(), "empty", b"").err()),
        Some(Some(_))
    ));
}
