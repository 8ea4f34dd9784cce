//! The disk of a Windows machine, made from names and values: as a folder, and in an NTFS volume.

use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use regf::{DataType, HiveBuilder, KeyTreeNode, KeyTreeValue};
use sha1::{Digest as _, Sha1};

/// The key of Remote Desktop's own certificate, and the GUID of the machine.
pub const GUID: &str = "11111111-2222-3333-4444-555555555555";
pub const KEY_FILE: &str = "f686aace6942fb7f7ceb231212eef4a4_11111111-2222-3333-4444-555555555555";

/// Where keys of the machine lie.
pub const KEYS: &str = "ProgramData/Microsoft/Crypto/RSA/MachineKeys";

/// A hive in the making.
pub struct Hive(KeyTreeNode);

impl Default for Hive {
    fn default() -> Self {
        Self(KeyTreeNode::new("ROOT"))
    }
}

impl Hive {
    pub fn with(mut self, key: &str, name: &str, data_type: DataType, data: &[u8]) -> Self {
        let values = &mut self.0.get_or_create_path(key).values;
        values.push(KeyTreeValue { name: name.to_owned(), data_type, data: data.to_vec() });
        self
    }

    pub fn number(self, key: &str, name: &str, number: u32) -> Self {
        self.with(key, name, DataType::Dword, &number.to_le_bytes())
    }

    pub fn text(self, key: &str, name: &str, text: &str) -> Self {
        let bytes: Vec<u8> = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        self.with(key, name, DataType::String, &bytes)
    }

    pub fn bytes(self) -> Vec<u8> {
        HiveBuilder::from_tree(self.0).and_then(|mut hive| hive.build()).expect("a hive")
    }
}

/// SYSTEM of a machine whose second control set is in use.
pub fn system(off: u32) -> Hive {
    const SERVER: &str = r"Control\Terminal Server";
    let plan = "381b4222-f694-41f0-9685-ff5bb260df2e";
    let sleep = "238c9fa8-0aad-41ed-83f4-97be242c8f20";
    let idle = "29f6c1db-86da-48c5-9fdb-f2b67b1f44da";
    let never = "9d7815a6-7ee4-497e-8888-515a05f02364";
    let set = |path: &str| format!(r"ControlSet002\{path}");
    let defaults = set(&format!(
        r"Control\Power\PowerSettings\{sleep}\{idle}\DefaultPowerSchemeValues\{plan}"
    ));
    let plans = set(r"Control\Power\User\PowerSchemes");
    Hive::default()
        .number("Select", "Current", 2)
        .number(&format!(r"ControlSet001\{SERVER}"), "fDenyTSConnections", 1 - off)
        .number(&set(SERVER), "fDenyTSConnections", off)
        .number(&set(&format!(r"{SERVER}\WinStations\RDP-Tcp")), "PortNumber", 3390)
        .text(&set(r"Control\ComputerName\ComputerName"), "ComputerName", "PC42")
        .number(&set(r"Services\TermService"), "Start", 3)
        .text(
            &set(r"Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules"),
            "RemoteDesktop-UserMode-In-TCP",
            "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3390|App=%SystemRoot%\\system32\\svchost.exe|Svc=termservice|Name=@FirewallAPI.dll,-28775|",
        )
        .text(&plans, "ActivePowerScheme", plan)
        .number(&format!(r"{plans}\{plan}\{sleep}\{never}"), "ACSettingIndex", 0)
        .number(&defaults, "AcSettingIndex", 1800)
}

/// SOFTWARE of the same machine, with a certificate of Remote Desktop that has expired.
pub fn software() -> Hive {
    const NT: &str = r"Microsoft\Windows NT\CurrentVersion";
    let packages =
        r"Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages\Package_for_";
    let (thumbprint, blob) = certificate();
    Hive::default()
        .text(NT, "SystemRoot", r"C:\WINDOWS")
        .text(&format!(r"{NT}\ProfileList"), "ProgramData", r"%SystemDrive%\ProgramData")
        .text(&format!(r"{NT}\ProfileList\S-1-5-18"), "ProfileImagePath", r"C:\Nowhere")
        .text(
            &format!(r"{NT}\ProfileList\S-1-5-21-1-2-3-1001"),
            "ProfileImagePath",
            r"C:\Users\alice",
        )
        .text(
            &format!(r"{NT}\ProfileList\S-1-5-21-1-2-3-1002"),
            "ProfileImagePath",
            r"C:\Users\bob",
        )
        .text(r"Microsoft\Cryptography", "MachineGuid", GUID)
        .with(
            &format!(r"Microsoft\SystemCertificates\Remote Desktop\Certificates\{thumbprint}"),
            "Blob",
            DataType::Binary,
            &blob,
        )
        .number(&format!("{packages}KB5034439~31bf3856ad364e35~amd64~~1.0"), "CurrentState", 0x70)
        .number(&format!("{packages}KB5000001~31bf3856ad364e35~amd64~~1.0"), "CurrentState", 0x20)
        .number(
            &format!("{packages}RollupFix~31bf3856ad364e35~amd64~~2227.1"),
            "CurrentState",
            0x70,
        )
}

/// A certificate that ended in 2021, and its entry in a store: the place of its key, and itself.
fn certificate() -> (String, Vec<u8>) {
    let mut params = CertificateParams::new(vec!["PC42".to_owned()]).expect("a name");
    params.not_before = date_time_ymd(2020, 11, 1);
    params.not_after = date_time_ymd(2021, 5, 1);
    let key = KeyPair::generate().expect("a key");
    let der = params.self_signed(&key).expect("a certificate").der().to_vec();
    let thumbprint: String = Sha1::digest(&der).iter().map(|byte| format!("{byte:02X}")).collect();
    let wide = |text: &str| -> Vec<u8> {
        text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
    };
    let (container, provider) =
        (wide("TSSecKeySet1"), wide("Microsoft Strong Cryptographic Provider"));
    let after = 28 + u32::try_from(container.len()).expect("short");
    let mut info = Vec::new();
    for number in [28, after, 1, 0x20, 0, 0, 1_u32] {
        info.extend(number.to_le_bytes());
    }
    let info = [info, container, provider].concat();
    let mut blob = Vec::new();
    for (id, data) in [(2_u32, &info), (32, &der)] {
        for number in [id, 1, u32::try_from(data.len()).expect("short")] {
            blob.extend(number.to_le_bytes());
        }
        blob.extend_from_slice(data);
    }
    (thumbprint, blob)
}

/// A user's hive.
pub fn user(disable_udp: u32) -> Vec<u8> {
    let key = r"Software\Microsoft\Terminal Server Client";
    Hive::default().number(key, "DisableUDPTransport", disable_udp).bytes()
}

/// SAM and SECURITY: who may sign in through Remote Desktop.
pub fn sam() -> Vec<u8> {
    let everyone = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    let mut c = vec![0; 0x34];
    c[0x30] = 1;
    c.extend(everyone);
    let mut f = vec![0; 0x50];
    f[0x38..0x3A].copy_from_slice(&0x0011_u16.to_le_bytes());
    let mut v = vec![0; 0xCC];
    v[0x10] = 10;
    v.extend("alice".encode_utf16().flat_map(u16::to_le_bytes));
    let machine: Vec<u8> = [1_u32, 2, 3].iter().flat_map(|part| part.to_le_bytes()).collect();
    Hive::default()
        .with(r"SAM\Domains\Account", "V", DataType::Binary, &machine)
        .with(r"SAM\Domains\Account\Users\000003E9", "F", DataType::Binary, &f)
        .with(r"SAM\Domains\Account\Users\000003E9", "V", DataType::Binary, &v)
        .with(r"SAM\Domains\Account\Users\Names\alice", "", DataType::None, &[])
        .with(r"SAM\Domains\Builtin\Aliases\0000022B", "C", DataType::Binary, &c)
        .bytes()
}

pub fn security() -> Vec<u8> {
    let key = |sid: &str| format!(r"Policy\Accounts\{sid}\ActSysAc");
    Hive::default()
        .with(&key("S-1-5-32-544"), "", DataType::None, &0x0401_u32.to_le_bytes())
        .with(&key("S-1-5-32-546"), "", DataType::None, &0x0840_u32.to_le_bytes())
        .bytes()
}

/// The files of the disk.
pub fn files() -> Vec<(String, Vec<u8>)> {
    let config = |name: &str| format!("Windows/System32/config/{name}");
    let manifest = "Package_for_RollupFix~31bf3856ad364e35~amd64~~2227.1.mum";
    vec![
        (config("SYSTEM"), system(1).bytes()),
        (config("SOFTWARE"), software().bytes()),
        (config("SAM"), sam()),
        (config("SECURITY"), security()),
        ("Users/alice/NTUSER.DAT".to_owned(), user(1)),
        ("Users/bob/NTUSER.DAT".to_owned(), user(0)),
        (format!("{KEYS}/{KEY_FILE}"), b"no key".to_vec()),
        (
            format!("Windows/servicing/Packages/{manifest}"),
            br#"<assembly><package identifier="KB5034129" releaseType="Security Update"/>"#
                .to_vec(),
        ),
    ]
}

/// Writes the files into a folder; alice's settings are the newer ones.
pub fn write(root: &Path) {
    for (name, bytes) in files() {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, bytes).expect("a file");
    }
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let bob = std::fs::File::options().append(true).open(root.join("Users/bob/NTUSER.DAT"));
    bob.expect("bob's settings").set_modified(old).expect("a time");
}

/// A security descriptor: SYSTEM and administrators may do everything, NETWORK SERVICE may not read.
pub fn wrong_access() -> Vec<u8> {
    let system: &[u8] = &[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    let administrators: &[u8] = &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];
    let mut entries = Vec::new();
    for sid in [system, administrators] {
        let length = u16::try_from(8 + sid.len()).expect("short");
        entries.extend([0, 0]);
        entries.extend(length.to_le_bytes());
        entries.extend(0x001F_01FF_u32.to_le_bytes());
        entries.extend_from_slice(sid);
    }
    let mut bytes = vec![1, 0, 0x04, 0x80];
    for offset in [20_u32, 32, 0, 44] {
        bytes.extend(offset.to_le_bytes());
    }
    bytes.extend([system, system].concat());
    bytes.extend([2, 0]);
    bytes.extend(u16::try_from(8 + entries.len()).expect("short").to_le_bytes());
    bytes.extend([2, 0, 0, 0]);
    bytes.extend(entries);
    bytes
}

/// An NTFS volume with the files, made by mkntfs and ntfs-3g; none, with the reason, where they
/// cannot be used.
pub fn volume(folder: &Path) -> Result<PathBuf, String> {
    volume_with(folder, 1)
}

/// The same, with Remote Desktop switched off (1) or on (0).
pub fn volume_with(folder: &Path, off: u32) -> Result<PathBuf, String> {
    let image = folder.join("windows.img");
    let file = std::fs::File::create(&image).map_err(|error| error.to_string())?;
    file.set_len(16 << 20).map_err(|error| error.to_string())?;
    run(Command::new("mkntfs").args(["-q", "-F", "-T", "-c", "4096"]).arg(&image))?;
    let mount = folder.join("mount");
    std::fs::create_dir_all(&mount).map_err(|error| error.to_string())?;
    run(Command::new("ntfs-3g").arg(&image).arg(&mount))?;
    write(&mount);
    std::fs::write(mount.join("Windows/System32/config/SYSTEM"), system(off).bytes())
        .map_err(|error| error.to_string())?;
    let key = mount.join(KEYS).join(KEY_FILE);
    let set = rustix::fs::setxattr(
        &key,
        "system.ntfs_acl",
        &wrong_access(),
        rustix::fs::XattrFlags::empty(),
    );
    run(Command::new("umount").arg(&mount))?;
    set.map_err(|error| format!("ntfs-3g takes no access list: {error}"))?;
    Ok(image)
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{name}: {}", said.lines().last().unwrap_or("it failed")))
}
