//! Machines in memory: a healthy host and client, and each way to break them.

use rdpdoctor_host::fake::FakeSystem;
use rdpdoctor_model::{
    FileState, LocalAccount, Lookup, RegistryData, SavedCredential, Timestamp, WindowsEvent,
    WindowsSession,
};

pub const PROFILES: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";
pub const VERSION: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";
pub const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
pub const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";
pub const LICENSING: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\RCM\Licensing Core";
pub const GRACE: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\RCM\GracePeriod";
pub const LICENSE_SERVERS: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Services\TermService\Parameters\LicenseServers";
pub const WINLOGON: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon";
pub const CREDSSP: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\CredSSP\Parameters";
pub const KERBEROS: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\Kerberos\Parameters";
pub const LSA: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa";
pub const NTLM: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa\MSV1_0";
pub const RESTRICTIONS: &str =
    r"HKLM\SOFTWARE\Policies\Microsoft\Windows\DeviceInstall\Restrictions";
pub const INPUT_DRIVERS: &str = r"HKLM\SYSTEM\DriverDatabase\DeviceIds\TS_INPT";
pub const FILTERS: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Authentication\Credential Provider Filters";
pub const CLUSTER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\ClusterSettings";

pub const CLIENT: &str = r"HKLM\SOFTWARE\Microsoft\Terminal Server Client";
pub const OWN_CLIENT: &str = r"HKCU\SOFTWARE\Microsoft\Terminal Server Client";
pub const GATEWAY: &str = r"HKCU\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";
pub const DELEGATION: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\CredentialsDelegation";
pub const TLS_12: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Client";
pub const INSTEAD: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Image File Execution Options\mstsc.exe";

pub const SID: &str = "S-1-5-21-11-22-33-1001";
pub const PROFILE: &str = r"C:\Users\wanda";
pub const CACHE: &str = r"C:\Users\wanda\AppData\Local\Microsoft\Terminal Server Client\Cache";
pub const DEFAULTS: &str = r"C:\Users\wanda\Documents\Default.rdp";
pub const SETTINGS: &str = "full address:s:ledger3\r\nenablecredsspsupport:i:1\r\n";

/// Names of people and machines in these facts, in lower case.
pub const NAMES: &[&str] =
    &["wanda", "igor", "acme", "ledger3", "laptop77", "pc42", "s-1-5-21-11-22-33-1001"];

/// A machine that is broken in one way.
pub struct Broken {
    /// The rows that see it.
    pub rows: &'static [&'static str],
    /// What is wrong with it.
    pub name: &'static str,
    pub system: FakeSystem,
    /// The findings.
    pub found: &'static [&'static str],
}

/// When the facts were read.
pub fn read_at() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().expect("a moment")
}

fn days_ago(days: i64) -> Option<Timestamp> {
    Some(read_at().plus_millis(-days * 86_400_000))
}

pub fn text(text: &str) -> RegistryData {
    RegistryData::Text(text.to_owned())
}

pub fn file(mut system: FakeSystem, path: &str, version: Option<&str>, bytes: &[u8]) -> FakeSystem {
    let version = version.map(str::to_owned);
    let length = bytes.len() as u64;
    let state = FileState { length, modified: None, version, access: Lookup::Absent };
    system.files.insert(path.to_lowercase(), (state, bytes.to_vec()));
    system
}

pub fn without(mut system: FakeSystem, path: &str) -> FakeSystem {
    system.files.remove(&path.to_lowercase());
    system
}

pub fn session(session: u32, state: u32, user: Option<&str>, away: Option<i64>) -> WindowsSession {
    WindowsSession {
        session,
        state,
        station: String::new(),
        user: user.map(str::to_owned),
        idle_ms: None,
        signed_in_at: days_ago(9),
        disconnected_at: away.and_then(days_ago),
        client_address: "10.20.4.9".parse().ok(),
        client_name: Some("laptop77".to_owned()),
        own: false,
    }
}

pub fn strings(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

fn both() -> FakeSystem {
    let system = FakeSystem::default().with(VERSION, "SystemRoot", text(r"C:\Windows")).with(
        VERSION,
        "UBR",
        RegistryData::Dword(9_000),
    );
    file(system, r"C:\Windows\System32\tspkg.dll", Some("10.0.26100.9000"), &[0; 64])
}

/// A Windows Server 2025 with a licensed session host, in a domain.
pub fn healthy_host() -> FakeSystem {
    let dword = RegistryData::Dword;
    let profile = format!(r"{PROFILES}\{SID}");
    let mut system = both()
        .with(VERSION, "CurrentBuildNumber", text("26100"))
        .with(VERSION, "InstallationType", text("Server"))
        .with(SERVER, "TSAppCompat", dword(1))
        .with(LICENSING, "LicensingMode", dword(4))
        .with(
            LICENSE_SERVERS,
            "SpecifiedLicenseServers",
            RegistryData::Texts(strings(&["ledger3"])),
        )
        .with(WINLOGON, "Shell", text("explorer.exe"))
        .with(WINLOGON, "Userinit", text(r"C:\Windows\system32\userinit.exe,"))
        .with(LSA, "LimitBlankPasswordUse", dword(1))
        .with(
            &format!(r"{INPUT_DRIVERS}\TS_KBD"),
            "termkbd.inf",
            RegistryData::Binary(rdpdoctor_model::Hex(vec![1])),
        )
        .with(
            &format!(r"{INPUT_DRIVERS}\TS_MOU"),
            "termmou.inf",
            RegistryData::Binary(rdpdoctor_model::Hex(vec![1])),
        )
        .with(
            &format!(r"{FILTERS}\{{DDC0EED2-ADBE-40b6-A217-EDE16A79A0DE}}"),
            "",
            text("GenericFilter"),
        )
        .with(&profile, "State", dword(0))
        .with(
            &profile,
            "ProfileImagePath",
            RegistryData::ExpandText(r"%SystemDrive%\Users\wanda".to_owned()),
        );
    system.grace_days = Some(0);
    system.members.insert("S-1-5-32-555".to_owned(), strings(&[SID]));
    let allowed = strings(&["S-1-5-32-544", "S-1-5-32-555"]);
    system.rights.insert("SeRemoteInteractiveLogonRight".to_owned(), allowed);
    let network = strings(&["S-1-5-11", "S-1-5-32-544"]);
    system.rights.insert("SeNetworkLogonRight".to_owned(), network);
    system.accounts = vec![account(0x200), {
        let (name, sid) = ("Guest".to_owned(), "S-1-5-21-11-22-33-501".to_owned());
        LocalAccount { name, sid, flags: 0x202, expires: None }
    }];
    system.updates = strings(&["KB5090000"]);
    system.sessions = vec![
        session(0, 4, None, None),
        session(2, 0, Some(r"ACME\igor"), None),
        session(3, 4, Some(r"ACME\wanda"), Some(1)),
    ];
    let system = file(system, PROFILE, None, &[]);
    file(system, r"C:\Users\wanda\NTUSER.DAT", None, &[0; 16_384])
}

pub fn account(flags: u32) -> LocalAccount {
    LocalAccount { name: "wanda".to_owned(), sid: SID.to_owned(), flags, expires: None }
}

/// A Windows 11 25H2.
pub fn healthy_client() -> FakeSystem {
    let mut system = both()
        .with(VERSION, "CurrentBuildNumber", text("26200"))
        .with(VERSION, "InstallationType", text("Client"))
        .with(r"HKCU\Volatile Environment", "USERPROFILE", text(PROFILE))
        .with(r"HKCU\Volatile Environment", "LOCALAPPDATA", text(r"C:\Users\wanda\AppData\Local"))
        .with(
            r"HKCU\Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders",
            "Personal",
            RegistryData::ExpandText(r"%USERPROFILE%\Documents".to_owned()),
        )
        .with(&format!(r"{OWN_CLIENT}\Default"), "MRU0", text("ledger3"))
        .with(&format!(r"{OWN_CLIENT}\Servers\ledger3"), "UsernameHint", text(r"ACME\wanda"))
        .with(r"HKLM\SOFTWARE\Microsoft\MSLicensing\HardwareID", "ClientHWID", text("x"))
        .with(r"HKLM\SOFTWARE\Microsoft\MSLicensing\Store\LICENSE000", "x", text("x"));
    system.credentials = vec![SavedCredential {
        target: "Domain:target=TERMSRV/ledger3".to_owned(),
        user: Some(r"ACME\wanda".to_owned()),
        written_at: days_ago(30),
    }];
    system.updates = strings(&["KB5090000"]);
    let system = file(system, r"C:\Windows\System32\mstsc.exe", Some("10.0.26100.9000"), &[0; 8]);
    let system = file(system, r"C:\Windows\System32\mstscax.dll", Some("10.0.26100.9000"), &[0; 8]);
    let system = file(system, DEFAULTS, None, SETTINGS.as_bytes());
    let system = file(system, &format!(r"{CACHE}\Cache0000.bin"), None, b"RDP8bmp\0\x06\0\0\0");
    let hosts = b"# nothing of ours\r\n127.0.0.1 localhost\r\n";
    file(system, r"C:\Windows\System32\drivers\etc\hosts", None, hosts)
}

/// A host with other values in the registry.
pub fn host(
    rows: &'static [&'static str],
    name: &'static str,
    values: &[(&str, &str, RegistryData)],
    found: &'static [&'static str],
) -> Broken {
    Broken { rows, name, system: with(healthy_host(), values), found }
}

pub fn client(
    rows: &'static [&'static str],
    name: &'static str,
    values: &[(&str, &str, RegistryData)],
    found: &'static [&'static str],
) -> Broken {
    Broken { rows, name, system: with(healthy_client(), values), found }
}

fn with(system: FakeSystem, values: &[(&str, &str, RegistryData)]) -> FakeSystem {
    values.iter().fold(system, |system, (key, name, data)| system.with(key, name, data.clone()))
}

/// A host that differs in something else than the registry.
pub fn changed(
    rows: &'static [&'static str],
    name: &'static str,
    change: impl FnOnce(&mut FakeSystem),
    found: &'static [&'static str],
) -> Broken {
    let mut system = healthy_host();
    change(&mut system);
    Broken { rows, name, system, found }
}

pub fn client_changed(
    rows: &'static [&'static str],
    name: &'static str,
    change: impl FnOnce(&mut FakeSystem),
    found: &'static [&'static str],
) -> Broken {
    let mut system = healthy_client();
    change(&mut system);
    Broken { rows, name, system, found }
}

pub fn event(provider: &str, event_id: u32) -> WindowsEvent {
    WindowsEvent { provider: provider.to_owned(), event_id, ..WindowsEvent::default() }
}
