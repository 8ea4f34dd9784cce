//! The rows of the table of what can break a connection: each is checked or says why not, and what is
//! checked is found. `docs/host-checks.md` is written from it.

use std::collections::{BTreeMap, BTreeSet};

use rdpdoctor_diagnosis::{CATALOGUE, Evidence, Policy, diagnose, mend};
use rdpdoctor_host::fake::FakeSystem;
use rdpdoctor_host::{Check, LeftOut, Side, checks, collect, observations};
use rdpdoctor_model::{Hex, RegistryData, ServiceState, Volume, WindowsSession};

use crate::host_causes::{
    KEYS, LISTENER, POLICY, PROFILES, RULES, SERVER, STATIONS, STORES, TLS12, WINDOWS, built_in,
    file, healthy, key_file, listener, number, text,
};

/// Rows of which this file shows what they find; `machine_rows` shows it of the others.
fn is_shown_here(row: &str) -> bool {
    let number: u32 = row[1..].parse().expect("a number");
    row.starts_with('H') && (number <= 92 || (140..=151).contains(&number))
}

fn checked() -> BTreeMap<&'static str, &'static Check> {
    checks::all().map(|check| (check.row, check)).collect()
}

fn left_out() -> BTreeMap<&'static str, &'static LeftOut> {
    checks::left_out().map(|row| (row.row, row)).collect()
}

#[test]
fn every_row_is_checked_or_says_why_not() {
    let (checked, left_out) = (checked(), left_out());
    let known: BTreeSet<&str> = checks::rows().iter().map(|row| row.row).collect();
    let named = checked.keys().chain(left_out.keys());
    for row in named {
        assert!(known.contains(row), "{row} is not in the table");
        assert!(!(checked.contains_key(row) && left_out.contains_key(row)), "{row} is both");
    }
    let missing: Vec<&str> = known
        .iter()
        .copied()
        .filter(|row| !checked.contains_key(row) && !left_out.contains_key(row))
        .collect();
    assert!(missing.is_empty(), "neither checked nor left out: {missing:?}");
}

#[test]
fn what_a_check_feeds_is_a_cause() {
    for check in checks::all() {
        assert!(!check.causes.is_empty(), "{} feeds nothing", check.row);
        for id in check.causes {
            assert!(CATALOGUE.iter().any(|cause| cause.id.0 == *id), "{}: {id}", check.row);
        }
    }
}

fn found(system: &FakeSystem) -> Vec<&'static str> {
    let observations = observations(collect(system, Side::Host), Side::Host, None);
    let at = "2026-11-20T10:00:00Z".parse().expect("a moment");
    let evidence = Evidence::new(&observations, None, at, Policy::default());
    diagnose(&evidence).findings.iter().map(|finding| finding.cause.id.0).collect()
}

fn disabled(name: &str) -> FakeSystem {
    let key = format!(r"HKLM\SYSTEM\CurrentControlSet\Services\{name}");
    healthy().with(&key, "Start", number(4))
}

fn changed(change: impl FnOnce(&mut FakeSystem)) -> FakeSystem {
    let mut system = healthy();
    change(&mut system);
    system
}

/// One broken host a row, and the cause that it has to get.
fn broken() -> Vec<(&'static str, FakeSystem, &'static str)> {
    [services(), switches(), listeners(), encryption(), certificates(), walls(), machines()]
        .concat()
}

type Broken = Vec<(&'static str, FakeSystem, &'static str)>;

fn services() -> Broken {
    let stopped = changed(|system| {
        let state = ServiceState { current: ServiceState::STOPPED, process: 0, exit_code: 5 };
        system.services.insert("termservice".to_owned(), state);
    });
    let account = {
        let key = r"HKLM\SYSTEM\CurrentControlSet\Services\TermService";
        let mut system = healthy().with(key, "ObjectName", text(r"CORP\svc"));
        let state = ServiceState { current: ServiceState::STOPPED, process: 0, exit_code: 1069 };
        system.services.insert("termservice".to_owned(), state);
        system
    };
    let wrapper = healthy().with(
        r"HKLM\SYSTEM\CurrentControlSet\Services\TermService\Parameters",
        "ServiceDll",
        text(r"C:\rdpwrap.dll"),
    );
    let member = disabled("Netlogon").with(
        r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters",
        "Domain",
        text("corp.example"),
    );
    vec![
        ("H020", disabled("TermService"), "host.service-disabled"),
        ("H020", stopped, "host.service-stopped"),
        ("H021", account, "host.service-stopped"),
        ("H023", wrapper, "host.third-party-filter"),
        ("H025", disabled("UmRdpService"), "host.service-disabled"),
        ("H026", disabled("SessionEnv"), "host.service-disabled"),
        ("H027", disabled("CertPropSvc"), "host.service-disabled"),
        ("H028", disabled("KeyIso"), "host.service-disabled"),
        ("H029", disabled("CryptSvc"), "host.service-disabled"),
        ("H030", disabled("RpcSs"), "host.service-disabled"),
        ("H032", disabled("MpsSvc"), "host.service-disabled"),
        ("H034", member, "host.service-disabled"),
    ]
}

fn switches() -> Broken {
    let server = |name, value| healthy().with(SERVER, name, number(value));
    let session = |session: u32| WindowsSession {
        session,
        state: 0,
        station: format!("RDP-Tcp#{session}"),
        user: Some(format!("CORP\\user{session}")),
        idle_ms: None,
        signed_in_at: None,
        disconnected_at: None,
        client_address: None,
        client_name: None,
        own: false,
    };
    let mut full = healthy().with(WINDOWS, "InstallationType", text("Server")).with(
        SERVER,
        "TSAppCompat",
        number(0),
    );
    full.sessions = vec![session(1), session(2)];
    vec![
        ("H040", server("fDenyTSConnections", 1), "host.rdp-disabled"),
        ("H041", healthy().with(POLICY, "fDenyTSConnections", number(1)), "host.rdp-disabled"),
        ("H042", server("TSEnabled", 0), "host.rdp-disabled"),
        ("H043", server("TSUserEnabled", 1), "host.rdp-disabled"),
        ("H044", server("TSServerDrainMode", 1), "host.draining"),
        ("H046", full, "host.session-limit"),
        ("H047", healthy().with(LISTENER, "fLogonDisabled", number(1)), "host.rdp-disabled"),
        ("H058", server("MaxOutstandingConnections", 5), "host.session-limit"),
    ]
}

fn listeners() -> Broken {
    let set = |name, data| healthy().with(LISTENER, name, data);
    let gone = changed(|system| {
        system.registry.retain(|(key, _), _| !key.ends_with(r"\winstations\rdp-tcp"));
    });
    let other = text("{11111111-2222-3333-4444-555555555555}");
    vec![
        ("H050", gone, "host.listener-missing"),
        ("H051", set("fEnableWinStation", number(0)), "host.rdp-disabled"),
        ("H052", changed(|system| system.listeners.clear()), "host.listener-missing"),
        ("H053", set("PortNumber", number(3390)), "host.port-changed"),
        (
            "H054",
            changed(|system| system.listeners = vec![listener("other.exe", 7, &[])]),
            "host.port-taken",
        ),
        ("H055", set("LanAdapter", number(3)), "host.listener-missing"),
        ("H056", set("LoadableProtocol_Object", other), "host.third-party-filter"),
        ("H057", set("MaxInstanceCount", number(0)), "host.session-limit"),
        ("H062", healthy().with(POLICY, "MaxIdleTime", number(60_000)), "host.session-limit"),
        ("H064", set("fAllowSecProtocolNegotiation", number(0)), "host.security-layer"),
    ]
}

fn encryption() -> Broken {
    let list = RegistryData::Texts(vec!["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".to_owned()]);
    let policy = r"HKLM\SOFTWARE\Policies\Microsoft\Cryptography\Configuration\SSL\00010002";
    let local =
        r"HKLM\SYSTEM\CurrentControlSet\Control\Cryptography\Configuration\Local\SSL\00010002";
    let schannel = r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL";
    let ciphers = ["AES 128/128", "AES 256/256"].iter().fold(healthy(), |system, cipher| {
        system.with(&format!(r"{schannel}\Ciphers\{cipher}"), "Enabled", number(0))
    });
    let all = ["TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"].iter().fold(healthy(), |s, version| {
        s.with(&format!(r"{schannel}\Protocols\{version}\Server"), "Enabled", number(0))
    });
    let fips = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa\FIPSAlgorithmPolicy";
    vec![
        ("H070", healthy().with(LISTENER, "SecurityLayer", number(0)), "host.security-layer"),
        ("H071", healthy().with(LISTENER, "UserAuthentication", number(0)), "host.nla-policy"),
        ("H072", healthy().with(LISTENER, "MinEncryptionLevel", number(4)), "host.fips"),
        ("H073", healthy().with(fips, "Enabled", number(1)), "host.fips"),
        ("H074", healthy().with(TLS12, "Enabled", number(0)), "host.tls-disabled"),
        ("H075", all, "host.tls-disabled"),
        ("H076", healthy().with(policy, "Functions", list.clone()), "host.cipher-policy"),
        ("H077", healthy().with(local, "Functions", list), "host.cipher-policy"),
        ("H078", ciphers, "host.cipher-policy"),
    ]
}

fn certificates() -> Broken {
    let pin = RegistryData::Binary(Hex(vec![7; 20]));
    let my = format!(r"{STORES}\My\Certificates");
    let no_key = || changed(|system| drop(system.files.remove(&key_file().to_lowercase())));
    let unreadable = changed(|system| {
        system.files.insert(key_file().to_lowercase(), file("D:PAI(A;;FA;;;SY)"));
    });
    let folder = changed(|system| {
        system.files.insert(KEYS.to_lowercase(), file("D:PAI(A;;FA;;;S-1-5-21-1-2-3-500)"));
    });
    let aside = changed(|system| {
        let path = format!("{KEYS}.old").to_lowercase();
        system.files.insert(path, file("D:"));
    });
    vec![
        (
            "H080",
            healthy().with(LISTENER, "SSLCertificateSHA1Hash", pin).with(&my, "x", number(0)),
            "host.certificate-binding-broken",
        ),
        (
            "H081",
            healthy().with(STATIONS, "SelfSignedCertStore", text("Other")),
            "host.certificate-binding-broken",
        ),
        ("H082", no_key(), "host.certificate-key-missing"),
        ("H086", folder, "host.certificate-key-permissions"),
        ("H087", unreadable, "host.certificate-key-permissions"),
        ("H088", no_key(), "host.certificate-key-missing"),
        ("H089", aside, "host.certificate-key-missing"),
        (
            "H092",
            healthy().with(POLICY, "CertTemplateName", text("RDP")),
            "host.certificate-binding-broken",
        ),
    ]
}

fn walls() -> Broken {
    const NAME: &str = "RemoteDesktop-UserMode-In-TCP";
    let rule = |rule: &str| healthy().with(RULES, NAME, text(rule));
    let profile = RULES.replace("FirewallRules", "StandardProfile");
    let policy = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall";
    let merged =
        healthy().with(&format!(r"{policy}\PrivateProfile"), "AllowLocalPolicyMerge", number(0));
    let mut public =
        rule("v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Private|LPort=3389|");
    public.adapters.iter_mut().for_each(|adapter| adapter.category = Some(0));
    let block = text("v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=3389|Name=x|");
    let filter =
        healthy().with(r"HKLM\SYSTEM\CurrentControlSet\Services\CSAgent", "Start", number(1));
    vec![
        ("H140", healthy().with(RULES, NAME, built_in("FALSE")), "host.firewall-blocks"),
        ("H142", healthy().with(LISTENER, "PortNumber", number(3390)), "host.firewall-blocks"),
        (
            "H143",
            healthy().with(&profile, "DoNotAllowExceptions", number(1)),
            "host.firewall-blocks",
        ),
        ("H144", merged, "host.firewall-blocks"),
        ("H145", healthy().with(RULES, "{B}", block), "host.firewall-blocks"),
        ("H146", public, "host.network-public"),
        (
            "H147",
            rule("v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|RA4=LocalSubnet|"),
            "host.firewall-blocks",
        ),
        ("H149", filter.clone(), "host.third-party-filter"),
        ("H150", filter, "host.third-party-filter"),
    ]
}

fn machines() -> Broken {
    let servicing =
        r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending";
    let adapters =
        r"HKLM\SYSTEM\CurrentControlSet\Control\Class\{4d36e972-e325-11ce-bfc1-08002be10318}\0001";
    let full = changed(|system| {
        system.volumes = vec![Volume { path: "C:".to_owned(), total: 1 << 36, free: 1 << 20 }];
    });
    vec![
        ("H001", healthy().with(WINDOWS, "EditionID", text("Core")), "host.edition-unsupported"),
        ("H002", healthy().with(servicing, "x", number(1)), "host.pending-reboot"),
        ("H004", full, "host.disk-full"),
        ("H012", healthy().with(adapters, "PnPCapabilities", number(0)), "host.nic-power-saving"),
        (
            "H090",
            healthy().with(PROFILES, "ProgramData", text(r"D:\Data")),
            "host.certificate-key-missing",
        ),
    ]
}

/// Rows whose facts [`FakeSystem`] does not have: unit tests beside the rules cover them. Events go by
/// the tables of events; dates, usages and providers by the certificates made beside the rules.
const ELSEWHERE: &[&str] = &[
    "H003", "H007", "H008", "H010", "H011", "H014", "H031", "H035", "H083", "H084", "H085", "H091",
];

#[test]
fn every_row_finds_what_it_is_for() {
    let broken = broken();
    let expected: Vec<(&str, &str)> = broken.iter().map(|(row, _, id)| (*row, *id)).collect();
    for (row, system, id) in &broken {
        let found = found(system);
        assert!(found.contains(id), "{row}: {id} is not among {found:?}");
        let check = checked()[row];
        assert!(check.causes.contains(id), "{row} does not name {id}");
    }
    for row in checked().keys().filter(|row| is_shown_here(row)) {
        let covered = expected.iter().any(|(other, _)| other == row) || ELSEWHERE.contains(row);
        assert!(covered, "nothing shows what {row} finds");
    }
    assert_eq!(found(&healthy()), Vec::<&str>::new());
}

/// Reading is refused, one row at a time: then nothing follows from it.
#[test]
fn what_may_not_be_read_is_no_finding() {
    for (row, mut system, id) in broken() {
        system.unreadable = vec![String::new()];
        let said = found(&system);
        // Sessions and the like cannot be refused by this system.
        let refusable = !["H004", "H046", "H146"].contains(&row);
        assert!(!refusable || !said.contains(&id), "{row}: {said:?}");
    }
}

#[test]
fn the_table_in_the_documentation_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/host-checks.md");
    let table = table();
    if std::env::var_os("UPDATE_HOST_CHECKS").is_some() {
        std::fs::write(path, &table).expect("the file is written");
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == table, "run it with UPDATE_HOST_CHECKS=1 and look at what changed");
}

fn table() -> String {
    let (checked, left_out) = (checked(), left_out());
    let mut text = String::from(
        "# What is checked on a Windows machine\n\nWritten by a test from the checks and the causes; \
         do not edit it. *Decides*: its answer can decide a cause that blocks. *Disk*: what a disk \
         tells without the running machine. *Mends*: what `host fix` can change by itself.\n\n\
         | row | what | asked | causes | decides | disk | mends |\n|---|---|---|---|---|---|---|\n",
    );
    for row in checks::rows() {
        let line = match (checked.get(row.row), left_out.get(row.row)) {
            (Some(check), _) => of_check(check),
            (None, Some(out)) => format!("not implemented: {} | | | |", out.why),
            (None, None) => "missing | | | |".to_owned(),
        };
        text.push_str(&format!("| {} | {} | {line} |\n", row.row, plain(row.what)));
    }
    text.push_str("\nSources, by row:\n\n");
    for row in checks::rows() {
        text.push_str(&format!("- {}: {}\n", row.row, row.source));
    }
    text
}

fn plain(text: &str) -> String {
    text.replace('|', "\\|")
}

fn of_check(check: &Check) -> String {
    let asked: BTreeSet<String> = check.questions.iter().map(ToString::to_string).collect();
    let asked: Vec<String> = asked.iter().map(|text| plain(text)).collect();
    let on_disk = check.questions.iter().filter(|question| question.is_on_disk()).count();
    let disk = match on_disk {
        0 => "no",
        some if some == check.questions.len() => "yes",
        _ => "in part",
    };
    let mends: Vec<&str> = mend::MENDS
        .iter()
        .filter(|mend| check.causes.contains(&mend.cause.0))
        .map(|mend| mend.cause.name())
        .collect();
    format!(
        "{} | {} | {} | {disk} | {}",
        asked.join("<br>"),
        check.causes.join("<br>"),
        if check.decisive { "yes" } else { "" },
        mends.join("<br>")
    )
}
