//! Each way to break the host.

use rdpdoctor_model::RegistryData;

use super::machines::{
    Broken, CLUSTER, CREDSSP, FILTERS, GRACE, INPUT_DRIVERS, KERBEROS, LICENSE_SERVERS, LICENSING,
    LSA, NTLM, POLICY, PROFILE, PROFILES, RESTRICTIONS, SERVER, SID, VERSION, WINLOGON, account,
    changed, event, healthy_host, host, session, strings, text, without,
};

pub fn broken_hosts() -> Vec<Broken> {
    let mut all = hosts_by_sign_in();
    all.extend(hosts_by_rights());
    all.extend(hosts_by_session());
    all
}

fn hosts_by_sign_in() -> Vec<Broken> {
    let dword = RegistryData::Dword;
    vec![
        host(
            &["H095"],
            "an old flaw left open",
            &[(CREDSSP, "AllowEncryptionOracle", dword(2))],
            &["host.credssp-policy warning proven"],
        ),
        host(
            &["H095"],
            "old clients refused",
            &[(CREDSSP, "AllowEncryptionOracle", dword(0))],
            &["host.credssp-policy info proven"],
        ),
        changed(
            &["H096"],
            "no CredSSP update",
            |system| {
                let path = r"c:\windows\system32\tspkg.dll";
                let (state, _) = system.files.get_mut(path).expect("the file");
                state.version = Some("10.0.14393.1670".to_owned());
            },
            &["host.credssp-policy blocking proven"],
        ),
        host(
            &["H097"],
            "domain credentials not kept",
            &[(LSA, "disabledomaincreds", dword(1))],
            &["host.credssp-policy info possible"],
        ),
        changed(
            &["H098"],
            "no secure channel",
            |system| system.events = vec![event("NETLOGON", 5719)],
            &["nla.no-logon-servers warning possible"],
        ),
        host(
            &["H099"],
            "Restricted Admin taken",
            &[(LSA, "DisableRestrictedAdmin", dword(0))],
            &["host.credssp-policy info proven"],
        ),
        host(
            &["H100"],
            "incoming NTLM refused",
            &[(NTLM, "RestrictReceivingNTLMTraffic", dword(2))],
            &["host.ntlm-policy warning proven"],
        ),
        host(
            &["H101"],
            "NTLM version 1 sent",
            &[(LSA, "LmCompatibilityLevel", dword(1))],
            &["host.ntlm-policy info proven"],
        ),
        host(
            &["H102"],
            "no AES for Kerberos",
            &[(KERBEROS, "SupportedEncryptionTypes", dword(4))],
            &["host.kerberos-policy warning likely"],
        ),
        host(
            &["H104"],
            "the security log was full",
            &[(LSA, "CrashOnAuditFail", dword(2))],
            &["host.user-not-permitted warning likely"],
        ),
        changed(
            &["H105"],
            "an account that may have no password",
            |system| system.accounts = vec![account(0x220)],
            &["host.account-unusable info possible"],
        ),
        changed(
            &["H106"],
            "an account that is locked out",
            |system| system.accounts = vec![account(0x210)],
            &["host.account-unusable warning proven"],
        ),
        changed(
            &["H110"],
            "an update of January 2026",
            |system| system.updates = strings(&["KB5073379"]),
            &["host.update-regression warning possible"],
        ),
        changed(
            &["H111"],
            "an update of February 2025",
            |system| system.updates = strings(&["KB5051987"]),
            &["host.update-regression warning likely"],
        ),
        {
            let mut system = healthy_host().with(VERSION, "CurrentBuildNumber", text("17763"));
            system.updates = strings(&["KB5041578"]);
            let found = &["host.update-regression warning possible"];
            Broken { rows: &["H114"], name: "an update of mid-2024", system, found }
        },
        changed(
            &["H115"],
            "an update of February 2026",
            |system| system.updates = strings(&["KB5075899"]),
            &["host.update-regression info possible"],
        ),
        {
            let mut system = healthy_host().with(VERSION, "CurrentBuildNumber", text("22621"));
            system.updates = strings(&["KB5028185"]);
            let found = &["host.update-regression info possible"];
            Broken { rows: &["H116"], name: "an update of July 2023", system, found }
        },
    ]
}

fn hosts_by_rights() -> Vec<Broken> {
    let dword = RegistryData::Dword;
    vec![
        changed(
            &["H120"],
            "the right given to none",
            |system| {
                system.rights.remove("SeRemoteInteractiveLogonRight");
            },
            &["host.logon-right-denied blocking proven"],
        ),
        changed(
            &["H121"],
            "administrators denied",
            |system| {
                let denied = strings(&["S-1-5-32-544"]);
                system.rights.insert("SeDenyRemoteInteractiveLogonRight".to_owned(), denied);
            },
            &["host.logon-right-denied warning proven"],
        ),
        changed(
            &["H122"],
            "nobody from the network",
            |system| {
                system.rights.insert("SeDenyNetworkLogonRight".to_owned(), strings(&["S-1-1-0"]));
            },
            &["host.logon-right-denied warning likely"],
        ),
        changed(
            &["H123"],
            "a group without members",
            |system| {
                system.members.insert("S-1-5-32-555".to_owned(), Vec::new());
            },
            &["host.user-not-permitted info proven"],
        ),
        host(
            &["H125", "H127", "H129"],
            "no licensing, and no days left",
            &[(LICENSING, "LicensingMode", dword(5))],
            &["host.license-grace-expired blocking proven"],
        ),
        changed(
            &["H127"],
            "no licensing, and some days left",
            |system| {
                *system = system.clone().with(LICENSING, "LicensingMode", dword(5));
                system.grace_days = Some(17);
            },
            &["host.license-grace-expired warning proven"],
        ),
        host(
            &["H126"],
            "no licence server named",
            &[(LICENSE_SERVERS, "SpecifiedLicenseServers", RegistryData::Texts(Vec::new()))],
            &["host.license-grace-expired blocking proven"],
        ),
        changed(
            &["H127", "H129"],
            "the role told by what it left",
            |system| {
                system.registry.remove(&(SERVER.to_lowercase(), "tsappcompat".to_owned()));
                *system = system.clone().with(GRACE, "L$RTMTIMEBOMB", text("x")).with(
                    LICENSING,
                    "LicensingMode",
                    dword(5),
                );
            },
            &["host.license-grace-expired blocking proven"],
        ),
    ]
}

fn hosts_by_session() -> Vec<Broken> {
    let dword = RegistryData::Dword;
    let profile = format!(r"{PROFILES}\{SID}");
    vec![
        host(
            &["H130"],
            "a profile set aside",
            &[(&format!("{profile}.bak"), "State", dword(0x8000))],
            &["host.profile-corrupt warning likely"],
        ),
        Broken {
            rows: &["H131"],
            name: "a profile without its folder",
            system: without(without(healthy_host(), PROFILE), r"C:\Users\wanda\NTUSER.DAT"),
            found: &["host.profile-corrupt warning likely"],
        },
        Broken {
            rows: &["H132"],
            name: "a profile without its hive",
            system: without(healthy_host(), r"C:\Users\wanda\NTUSER.DAT"),
            found: &["host.profile-corrupt warning likely"],
        },
        host(
            &["H133"],
            "another shell",
            &[(WINLOGON, "Shell", text("kiosk.exe"))],
            &["host.shell-replaced warning possible"],
        ),
        host(
            &["H134"],
            "devices not installed",
            &[(RESTRICTIONS, "DenyUnspecified", dword(1))],
            &["host.input-devices-blocked warning possible"],
        ),
        changed(
            &["H135"],
            "no mouse for sessions",
            |system| {
                let key = format!(r"{INPUT_DRIVERS}\TS_MOU").to_lowercase();
                system.registry.retain(|(of, _), _| *of != key);
            },
            &["host.input-devices-blocked warning likely"],
        ),
        host(
            &["H136"],
            "the graphics card in sessions",
            &[(POLICY, "bEnumerateHWBeforeSW", dword(1))],
            &["host.graphics-policy info proven"],
        ),
        changed(
            &["H137"],
            "a session that is down",
            |system| system.sessions.push(session(5, 8, Some(r"ACME\wanda"), Some(2))),
            &["host.session-stuck warning proven"],
        ),
        host(
            &["H137"],
            "a session that should have ended",
            &[(POLICY, "MaxDisconnectionTime", dword(60_000))],
            &["host.session-stuck warning likely"],
        ),
        host(
            &["H137"],
            "two places, both taken",
            &[(SERVER, "TSAppCompat", dword(0))],
            &["host.session-stuck warning likely", "host.session-limit warning likely"],
        ),
        host(
            &["H138"],
            "an agent in the sign-in",
            &[(
                &format!(r"{FILTERS}\{{44E2ED41-48C7-4712-A3C3-250C5E6D5D84}}"),
                "",
                text("SecondFactor"),
            )],
            &["host.sign-in-agent info possible"],
        ),
        host(
            &["H160"],
            "TCP only",
            &[(POLICY, "SelectTransport", dword(1))],
            &["host.udp-policy info proven"],
        ),
        host(
            &["H200"],
            "a member of a farm",
            &[
                (CLUSTER, "SessionDirectoryActive", dword(1)),
                (CLUSTER, "SessionDirectoryLocation", text("ledger3")),
            ],
            &["host.farm-settings info proven"],
        ),
        changed(
            &["H201"],
            "a broker that does not answer",
            |system| {
                let provider = "Microsoft-Windows-TerminalServices-SessionBroker-Client";
                system.events = vec![event(provider, 1296)];
            },
            &["session.broker-redirect-failed warning likely"],
        ),
    ]
}
