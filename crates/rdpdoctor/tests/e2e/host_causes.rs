//! Typical hosts, healthy and broken, as facts: what `host` says of them.

use std::path::PathBuf;

use rdpdoctor_host::fake::FakeSystem;
use rdpdoctor_host::{FactsFile, Side, collect};
use rdpdoctor_model::{
    Fact, FileState, Hex, Lookup, NetworkAdapter, PortListener, RegistryData, ServiceState,
    Timestamp,
};

use crate::support::{Run, command, findings, folder, run};

pub const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
pub const LISTENER: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp";
pub const STATIONS: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations";
pub const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";
pub const WINDOWS: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";
pub const PROFILES: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";
pub const RULES: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules";
pub const STORES: &str = r"HKLM\SOFTWARE\Microsoft\SystemCertificates";
pub const TLS12: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Server";
const GUID: &str = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
pub const KEYS: &str = r"C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys";

/// The container of the self-signed certificate's key, and the file it is in on this machine.
const CONTAINER: &str = "TSSecKeySet1";

pub fn key_file() -> String {
    format!(r"{KEYS}\f686aace6942fb7f7ceb231212eef4a4_{GUID}")
}

pub fn text(text: &str) -> RegistryData {
    RegistryData::Text(text.to_owned())
}

pub fn number(number: u32) -> RegistryData {
    RegistryData::Dword(number)
}

fn service(system: FakeSystem, name: &str, start: u32) -> FakeSystem {
    let key = format!(r"HKLM\SYSTEM\CurrentControlSet\Services\{name}");
    system.running(name).with(&key, "Start", number(start))
}

pub fn built_in(active: &str) -> RegistryData {
    text(&format!(
        "v2.30|Action=Allow|Active={active}|Dir=In|Protocol=6|LPort=3389|App=%SystemRoot%\\system32\\svchost.exe|Svc=termservice|Name=@FirewallAPI.dll,-28775|"
    ))
}

/// A certificate as Windows makes it for itself, and as its store holds it: thumbprint and blob.
fn self_signed() -> (String, Vec<u8>) {
    static MADE: std::sync::OnceLock<(String, Vec<u8>)> = std::sync::OnceLock::new();
    MADE.get_or_init(make_certificate).clone()
}

fn make_certificate() -> (String, Vec<u8>) {
    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::x509::{X509, X509NameBuilder};

    let key = openssl::rsa::Rsa::generate(2048).expect("a key");
    let key = openssl::pkey::PKey::from_rsa(key).expect("a key");
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", "PC42.corp.example").expect("a name");
    let name = name.build();
    let mut certificate = X509::builder().expect("a certificate");
    certificate.set_version(2).expect("a version");
    let serial = openssl::bn::BigNum::from_u32(0x4242_4242).expect("a number");
    certificate.set_serial_number(&serial.to_asn1_integer().expect("a number")).expect("a serial");
    certificate.set_subject_name(&name).expect("a subject");
    certificate.set_issuer_name(&name).expect("an issuer");
    certificate.set_pubkey(&key).expect("a key");
    let day = |text| Asn1Time::from_str(text).expect("a day");
    certificate.set_not_before(&day("20260901000000Z")).expect("a day");
    certificate.set_not_after(&day("20270301000000Z")).expect("a day");
    certificate.sign(&key, MessageDigest::sha256()).expect("a signature");
    let certificate = certificate.build();
    let digest = certificate.digest(MessageDigest::sha1()).expect("a digest");
    let thumbprint: String = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    let der = certificate.to_der().expect("DER");
    let blob = [property(2, &key_info()), property(32, &der)].concat();
    (thumbprint, blob)
}

fn property(id: u32, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("short");
    [id.to_le_bytes(), 1u32.to_le_bytes(), length.to_le_bytes()]
        .concat()
        .into_iter()
        .chain(data.to_vec())
        .collect()
}

/// CRYPT_KEY_PROV_INFO as a store has it: where the names stand, then the names.
fn key_info() -> Vec<u8> {
    let wide = |text: &str| -> Vec<u8> {
        text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
    };
    let (container, provider) =
        (wide(CONTAINER), wide("Microsoft Enhanced Cryptographic Provider v1.0"));
    let container_at = 28u32;
    let provider_at = container_at + u32::try_from(container.len()).expect("short");
    let numbers = [container_at, provider_at, 1, 0, 0, 0, 1];
    let head: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    [head, container, provider].concat()
}

/// A file with its list in SDDL.
pub fn file(access: &str) -> (FileState, Vec<u8>) {
    let access = Lookup::seen(access.to_owned());
    (FileState { length: 2_100, modified: None, version: None, access }, Vec::new())
}

/// A host on which everything is as it should be.
pub fn healthy() -> FakeSystem {
    let services = [
        ("TermService", 3),
        ("SessionEnv", 3),
        ("UmRdpService", 3),
        ("KeyIso", 3),
        ("CryptSvc", 2),
    ];
    let services = services.into_iter().chain([("CertPropSvc", 3), ("RpcSs", 2)]);
    let services = services.chain([("MpsSvc", 2), ("BFE", 2), ("Netlogon", 2)]);
    let system = services.fold(FakeSystem::default(), |s, (name, start)| service(s, name, start));
    let mut system = system
        .with(WINDOWS, "EditionID", text("Professional"))
        .with(WINDOWS, "InstallationType", text("Client"))
        .with(WINDOWS, "SystemRoot", text(r"C:\Windows"))
        .with(WINDOWS, "CurrentBuildNumber", text("26100"))
        .with(
            PROFILES,
            "ProgramData",
            RegistryData::ExpandText(r"%SystemDrive%\ProgramData".into()),
        )
        .with(r"HKLM\SOFTWARE\Microsoft\Cryptography", "MachineGuid", text(GUID))
        .with(SERVER, "fDenyTSConnections", number(0))
        .with(LISTENER, "PortNumber", number(3389))
        .with(LISTENER, "fEnableWinStation", number(1))
        .with(LISTENER, "SecurityLayer", number(2))
        .with(LISTENER, "UserAuthentication", number(1))
        .with(LISTENER, "MaxInstanceCount", number(0xFFFF_FFFF))
        .with(STATIONS, "SelfSignedCertStore", text("Remote Desktop"))
        .with(RULES, "RemoteDesktop-UserMode-In-TCP", built_in("TRUE"));
    let (thumbprint, blob) = self_signed();
    let key = format!(r"{STORES}\Remote Desktop\Certificates\{thumbprint}");
    system = system.with(&key, "Blob", RegistryData::Binary(Hex(blob)));
    system.files.insert(KEYS.to_lowercase(), file("O:SYG:SYD:PAI(A;;0x12019f;;;WD)(A;;FA;;;BA)"));
    system.files.insert(key_file().to_lowercase(), file("O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FR;;;NS)"));
    system.listeners = vec![listener("svchost.exe", 1000, &["TermService"])];
    system.adapters = vec![NetworkAdapter {
        name: "Ethernet".to_owned(),
        description: "A network adapter".to_owned(),
        up: true,
        addresses: vec!["10.20.4.42".parse().expect("an address")],
        category: Some(1),
    }];
    let strings = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let allowed = strings(&["S-1-5-32-544", "S-1-5-32-555"]);
    system.rights.insert("SeRemoteInteractiveLogonRight".to_owned(), allowed);
    system.rights.insert("SeNetworkLogonRight".to_owned(), strings(&["S-1-5-11"]));
    system.members.insert("S-1-5-32-555".to_owned(), strings(&["S-1-5-21-1-2-3-1001"]));
    system
}

pub fn listener(program: &str, process: u32, services: &[&str]) -> PortListener {
    PortListener {
        address: "0.0.0.0".parse().expect("an address"),
        process,
        program: Some(program.to_owned()),
        services: services.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// The machine's facts as a file, as of one moment.
fn recorded(name: &str, system: &FakeSystem) -> PathBuf {
    let mut facts = collect(system, Side::Host);
    for fact in &mut facts {
        if let Fact::FactsOf(of) = fact {
            of.collected_at = Some("2026-11-20T10:00:00Z".parse::<Timestamp>().expect("a moment"));
        }
    }
    let path = folder(&format!("host-{name}")).join("facts.json");
    std::fs::write(&path, FactsFile::write(Side::Host, &facts)).expect("the file is written");
    path
}

fn host(path: &PathBuf, more: &[&str]) -> Run {
    run(command().arg("host").args(more).arg("--facts").arg(path))
}

/// What is broken, by name.
fn broken() -> Vec<(&'static str, FakeSystem)> {
    let mut stopped = healthy();
    let state = ServiceState { current: ServiceState::STOPPED, process: 0, exit_code: 1069 };
    stopped.services.insert("termservice".to_owned(), state);
    stopped.listeners.clear();
    let mut taken = healthy();
    taken.listeners = vec![listener("svchost.exe", 77, &["iphlpsvc"])];
    let mut unreadable_key = healthy();
    unreadable_key
        .files
        .insert(key_file().to_lowercase(), file("O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)"));
    let mut no_key = healthy();
    no_key.files.remove(&key_file().to_lowercase());
    let mut public = healthy();
    public.adapters.iter_mut().for_each(|adapter| adapter.category = Some(0));
    let trusted = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=3389|Svc=termservice|Name=x|";
    let pin = RegistryData::Binary(Hex(vec![7; 20]));
    vec![
        ("off", healthy().with(SERVER, "fDenyTSConnections", number(1))),
        ("off-by-policy", healthy().with(POLICY, "fDenyTSConnections", number(1))),
        ("stopped", stopped),
        ("taken", taken),
        ("firewall", healthy().with(RULES, "RemoteDesktop-UserMode-In-TCP", built_in("FALSE"))),
        ("public", public.with(RULES, "RemoteDesktop-UserMode-In-TCP", text(trusted))),
        ("key-unreadable", unreadable_key),
        ("key-missing", no_key),
        (
            "binding",
            healthy().with(LISTENER, "SSLCertificateSHA1Hash", pin).with(
                &format!(r"{STORES}\My\Certificates"),
                "x",
                number(0),
            ),
        ),
        ("tls", healthy().with(TLS12, "Enabled", number(0))),
        ("home", healthy().with(WINDOWS, "EditionID", text("Core"))),
        ("draining", healthy().with(SERVER, "TSServerDrainMode", number(2))),
    ]
}

#[test]
fn a_healthy_host_is_silent() {
    let path = recorded("healthy", &healthy());
    let said = host(&path, &["--json"]);
    assert_eq!(findings(&said.json()), Vec::<String>::new());
    assert_eq!((said.code, said.json()["verdict"]["status"].clone()), (0, "ok".into()));
    insta::assert_snapshot!("host-healthy", host(&path, &[]).stdout);
}

#[test]
fn every_broken_host_gets_its_cause() {
    let lines = broken().into_iter().map(|(name, system)| {
        let said = host(&recorded(name, &system), &["--json"]);
        format!("{name}: exit {}, {}", said.code, findings(&said.json()).join(", "))
    });
    insta::assert_snapshot!("host-broken", lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_a_person_reads() {
    for (name, system) in broken() {
        if ["off-by-policy", "firewall", "key-unreadable", "taken"].contains(&name) {
            let path = recorded(&format!("read-{name}"), &system);
            insta::assert_snapshot!(format!("host-{name}"), host(&path, &[]).stdout);
        }
    }
}

/// What nobody could look at is no finding, and no claim that all is well.
#[test]
fn an_unreadable_host_is_not_called_healthy() {
    let mut system = healthy();
    system.unreadable = vec![String::new()];
    let said = host(&recorded("unreadable", &system), &["--json"]);
    let document = said.json();
    let blocking: Vec<String> =
        findings(&document).into_iter().filter(|found| !found.contains(" info ")).collect();
    assert_eq!(blocking, Vec::<String>::new());
    assert_eq!((said.code, document["verdict"]["status"].clone()), (3, "unknown".into()));
}

/// `--mask`: no name, id or thumbprint of the machine is left in any output.
#[test]
fn a_masked_host_names_nobody() {
    let (thumbprint, _) = self_signed();
    let pin = vec![7; 20];
    let hosts = [
        healthy(),
        healthy().with(LISTENER, "SSLCertificateSHA1Hash", RegistryData::Binary(Hex(pin))),
    ];
    let names =
        ["PC42", GUID, &thumbprint.to_lowercase(), &"07".repeat(20), "10.20.4.42", "42424242"];
    for (index, system) in hosts.iter().enumerate() {
        let path = recorded(&format!("masked-{index}"), system);
        for more in [&["--mask", "--json"][..], &["--mask"], &["--mask", "--text", "ticket"]] {
            let said = host(&path, more).stdout.to_lowercase();
            for name in names {
                assert!(!said.contains(&name.to_lowercase()), "{name} in {more:?}");
            }
        }
    }
}
