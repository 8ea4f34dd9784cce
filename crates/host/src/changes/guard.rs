//! What is never done, whoever asks for it: advice that "helps" by taking protection away, or that
//! breaks what others on the machine need. Each line says what would be lost.

use rdpdoctor_model::{Change, RegistryData};

use super::{normal, sddl::Sddl};

/// Why a change is refused; `None` where nothing speaks against it.
pub fn refuses(change: &Change) -> Option<&'static str> {
    match change {
        Change::RegistryValue { key, name, data } => {
            value(&normal::key(key), &name.to_ascii_lowercase(), data.as_ref())
        }
        Change::ServiceStart { name, start } => service_start(name, *start),
        Change::StartService { .. } => None,
        Change::RestartService { name } => is_protection(name)
            .then_some("restarting it leaves the machine without its firewall meanwhile"),
        Change::FileAccess { path, sddl } => file_access(path, sddl),
        Change::MoveFileAside { path } => file_aside(path),
        Change::RemoveCertificate { store, .. } => (!store.eq_ignore_ascii_case("Remote Desktop"))
            .then_some(
                "only the certificate that Windows makes for Remote Desktop itself comes back by \
                 itself",
            ),
        Change::RemoveCredential { .. } => None,
        Change::ResetSession { session } => {
            (*session == 0).then_some("session 0 is that of the services")
        }
    }
}

/// A value that is set, or taken away (no data).
fn value(key: &str, name: &str, data: Option<&RegistryData>) -> Option<&'static str> {
    let number = data.and_then(RegistryData::number);
    let is_terminal_server = key.contains(r"\control\terminal server")
        || key.ends_with(r"\windows nt\terminal services");
    if key.contains(r"\terminal server\rcm") {
        return Some("the licensing grace period is not a program's to change");
    }
    if key.contains(r"\schannel\") {
        return schannel(key, name, data);
    }
    if is_firewall(key) {
        return firewall(name, data);
    }
    match name {
        "userauthentication" if is_terminal_server && number != Some(1) => {
            Some("without NLA everybody who reaches the port gets a session before signing in")
        }
        "securitylayer" if is_terminal_server && number.is_none_or(|n| !matches!(n, 1 | 2)) => {
            // Without the policy's value the machine's own counts.
            let policy_goes = data.is_none() && key.contains(r"\policies\");
            (!policy_goes).then_some("security layer RDP is encryption without proof of the host")
        }
        "minencryptionlevel" if is_terminal_server && number.is_some_and(|n| n < 2) => {
            Some("encryption below 56 bits in one direction only")
        }
        "allowencryptionoracle" if data.is_some() && !matches!(number, Some(0 | 1)) => {
            Some("the encryption oracle (CVE-2018-0886) would be open")
        }
        "disablerestrictedadmin" if number == Some(0) => {
            Some("Restricted Admin takes a hash for a password")
        }
        "lmcompatibilitylevel" if number.is_none_or(|n| n < 3) => {
            Some("LM and NTLMv1 would be sent")
        }
        "limitblankpassworduse" if number != Some(1) => {
            Some("accounts without a password could sign in")
        }
        "uselogoncredential" if number == Some(1) => Some("passwords would lie in memory in clear"),
        "enablelua" if number != Some(1) => Some("every program would run as administrator"),
        "enforcechannelbinding" if number == Some(0) => {
            Some("the gateway would take relayed sign-ins")
        }
        "fallowsecprotocolnegotiation" if number == Some(0) => {
            Some("clients would be left with Standard RDP Security")
        }
        "authenticationlevel" | "authenticationleveloverride" if number == Some(0) => {
            Some("the client would take any machine for the host")
        }
        "enablecredsspsupport" if number == Some(0) => Some("the client could not sign in by NLA"),
        "start" => match key.strip_prefix(r"hklm\system\currentcontrolset\services\") {
            Some(service) => {
                service_start(service, number.and_then(|n| u32::try_from(n).ok()).unwrap_or(4))
            }
            None => None,
        },
        "servicedll" | "imagepath" => Some("a service's program is not exchanged"),
        _ => None,
    }
}

/// Protocols that no client of today needs.
const OUTDATED: [&str; 7] = [
    "pct 1.0",
    "multi-protocol unified hello",
    "ssl 2.0",
    "ssl 3.0",
    "tls 1.0",
    "tls 1.1",
    "dtls 1.0",
];

fn schannel(key: &str, name: &str, data: Option<&RegistryData>) -> Option<&'static str> {
    let number = data.and_then(RegistryData::number);
    let off = matches!((name, number), ("enabled", Some(0)))
        || matches!((name, number), ("disabledbydefault", Some(n)) if n != 0);
    if off {
        let current = ["tls 1.2", "tls 1.3"].iter().any(|new| key.contains(&format!(r"\{new}\")));
        return current.then_some("the machine would be left without a current TLS version");
    }
    if OUTDATED.iter().any(|old| key.contains(&format!(r"\protocols\{old}"))) {
        return Some("TLS 1.0, 1.1 and older are not switched on");
    }
    let weak = [r"\ciphers\rc4", r"\ciphers\null", r"\ciphers\des", r"\ciphers\rc2"];
    weak.iter().any(|weak| key.contains(weak)).then_some("a broken cipher is not switched on")
}

fn is_firewall(key: &str) -> bool {
    key.contains(r"\sharedaccess\parameters\firewallpolicy")
        || key.contains(r"\policies\microsoft\windowsfirewall")
}

fn firewall(name: &str, data: Option<&RegistryData>) -> Option<&'static str> {
    let number = data.and_then(RegistryData::number);
    match name {
        "enablefirewall" if number != Some(1) => Some("the firewall stays on"),
        "defaultinboundaction" if number != Some(1) => {
            Some("whatever no rule speaks of stays out")
        }
        "disablenotifications" | "donotallowexceptions" | "enablefirewall"
        | "defaultinboundaction" => None,
        _ => data.and_then(RegistryData::text).is_some_and(opens_everything).then_some(
            "a rule that lets in whatever comes, to whatever program, opens more than Remote Desktop",
        ),
    }
}

/// Whether a rule ([MS-GPFAS] 2.2.2.19) lets in without naming a port, a program or a service.
fn opens_everything(rule: &str) -> bool {
    let fields: Vec<(String, &str)> = rule
        .split('|')
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let is = |name: &str, wanted: &str| {
        fields.iter().any(|(n, v)| n == name && v.eq_ignore_ascii_case(wanted))
    };
    let names = |name: &str| {
        fields.iter().any(|(n, v)| n == name && !v.is_empty() && !matches!(*v, "*" | "0-65535"))
    };
    is("action", "Allow")
        && is("active", "TRUE")
        && !is("dir", "Out")
        && !["lport", "lport2_10", "app", "svc"].iter().any(|name| names(name))
}

/// Services that protect the machine.
fn is_protection(name: &str) -> bool {
    let services = ["mpssvc", "bfe", "windefend", "wdnissvc", "sense", "mdcoresvc", "wscsvc"];
    services.iter().any(|service| name.trim().eq_ignore_ascii_case(service))
}

fn service_start(name: &str, start: u32) -> Option<&'static str> {
    match start {
        2 | 3 => None,
        4 if is_protection(name) => Some("what protects the machine stays on"),
        4 => Some("no repair of Remote Desktop switches a service off"),
        _ => Some("it would be started by the boot loader or the kernel"),
    }
}

/// Where keys of the machine lie, without the drive.
const KEYS: [&str; 2] = [r"\microsoft\crypto\rsa\machinekeys", r"\microsoft\crypto\keys"];

fn file_access(path: &str, sddl: &str) -> Option<&'static str> {
    let Some(path) = normal::path(path) else { return Some("the path is not a plain one") };
    let Some(sddl) = Sddl::read(sddl) else { return Some("what it shall be is no SDDL") };
    let Some(entries) = sddl.entries() else {
        return Some("everybody could do everything with it");
    };
    // Everyone, users, signed-in, anonymous, guests, interactive, network; and the SIDs of the same.
    let many = [
        "WD",
        "BU",
        "AU",
        "AN",
        "BG",
        "IU",
        "NU",
        "S-1-1-0",
        "S-1-5-32-545",
        "S-1-5-11",
        "S-1-5-7",
        "S-1-5-32-546",
        "S-1-5-4",
        "S-1-5-2",
    ];
    if entries.iter().any(|entry| entry.allows() && many.contains(&entry.who)) {
        return Some("everybody on the machine could use it");
    }
    if KEYS.iter().any(|folder| path.ends_with(folder)) {
        return Some("other programs' keys lie in that folder; one file is repaired, not all");
    }
    path.contains(r"\windows\system32").then_some("files of Windows keep their access")
}

fn file_aside(path: &str) -> Option<&'static str> {
    let Some(path) = normal::path(path) else { return Some("the path is not a plain one") };
    if path.contains(r"\microsoft\crypto\") || KEYS.iter().any(|folder| path.ends_with(folder)) {
        return Some("other programs would lose their keys");
    }
    if path.ends_with(r"\microsoft\crypto") || path.split('\\').count() < 3 {
        return Some("that is more than one file");
    }
    let hosts = path.ends_with(r"\windows\system32\drivers\etc\hosts");
    (path.contains(r"\windows\") && !hosts).then_some("files of Windows stay where they are")
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Change, RegistryData};

    use super::refuses;

    const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
    const LISTENER: &str =
        r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp";
    const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";
    const ORACLE: &str =
        r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\CredSSP\Parameters";
    const PROTOCOLS: &str =
        r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols";
    const FIREWALL: &str =
        r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy";
    const KEY: &str =
        r"C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys\f686aace6942fb7f7ceb231212eef4a4_1";

    fn set(key: &str, name: &str, number: u32) -> Change {
        let data = Some(RegistryData::Dword(number));
        Change::RegistryValue { key: key.to_owned(), name: name.to_owned(), data }
    }

    fn gone(key: &str, name: &str) -> Change {
        Change::RegistryValue { key: key.to_owned(), name: name.to_owned(), data: None }
    }

    fn rule(text: &str) -> Change {
        Change::RegistryValue {
            key: format!(r"{FIREWALL}\FirewallRules"),
            name: "RemoteDesktop-UserMode-In-TCP".to_owned(),
            data: Some(RegistryData::Text(text.to_owned())),
        }
    }

    fn access(path: &str, sddl: &str) -> Change {
        Change::FileAccess { path: path.to_owned(), sddl: sddl.to_owned() }
    }

    fn aside(path: &str) -> Change {
        Change::MoveFileAside { path: path.to_owned() }
    }

    #[test]
    fn what_is_never_done() {
        let tls10 = format!(r"{PROTOCOLS}\TLS 1.0\Server");
        let tls12 = format!(r"{PROTOCOLS}\TLS 1.2\Server");
        let numbered = LISTENER.replace("CurrentControlSet", "ControlSet001").to_lowercase();
        let never = [
            gone(&format!(r"{SERVER}\RCM\GracePeriod"), "L$RTMTIMEBOMB_1"),
            set(LISTENER, "UserAuthentication", 0),
            set(POLICY, "UserAuthentication", 0),
            gone(POLICY, "UserAuthentication"),
            set(&numbered, "userauthentication", 0),
            set(LISTENER, "SecurityLayer", 0),
            gone(LISTENER, "SecurityLayer"),
            set(ORACLE, "AllowEncryptionOracle", 2),
            set(&tls10, "Enabled", 1),
            set(&tls10, "Enabled", 0xFFFF_FFFF),
            set(&tls10, "DisabledByDefault", 0),
            gone(&tls10, "Enabled"),
            set(&tls12, "Enabled", 0),
            set(&tls12, "DisabledByDefault", 1),
            set(&format!(r"{FIREWALL}\StandardProfile"), "EnableFirewall", 0),
            gone(&format!(r"{FIREWALL}\PublicProfile"), "EnableFirewall"),
            rule("v2.30|Action=Allow|Active=TRUE|Dir=In|"),
            rule("v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=*|"),
            Change::ServiceStart { name: "MpsSvc".to_owned(), start: 4 },
            Change::ServiceStart { name: "TermService".to_owned(), start: 4 },
            Change::ServiceStart { name: "TermService".to_owned(), start: 0 },
            set(r"HKLM\SYSTEM\ControlSet002\Services\mpssvc", "Start", 4),
            Change::RestartService { name: "BFE".to_owned() },
            set(r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa", "DisableRestrictedAdmin", 0),
            set(r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa", "LmCompatibilityLevel", 1),
            access(r"C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys", "D:P(A;;FA;;;SY)"),
            access(KEY, "D:P(A;;FA;;;SY)(A;;FR;;;WD)"),
            access(KEY, "D:NO_ACCESS_CONTROL"),
            access(KEY, "nothing"),
            access(r"C:\Windows\System32\termsrv.dll", "D:P(A;;FA;;;BA)"),
            aside(r"C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys"),
            aside(KEY),
            aside(r"C:\ProgramData\Microsoft\Crypto\Keys\..\RSA\MachineKeys"),
            aside(r"C:\Windows\System32\termsrv.dll"),
            aside(r"C:\Users"),
            Change::RemoveCertificate { store: "My".to_owned(), thumbprint: "ab".to_owned() },
            Change::ResetSession { session: 0 },
        ];
        for change in &never {
            assert!(refuses(change).is_some(), "{change:?}");
        }
    }

    #[test]
    fn what_a_repair_does() {
        let fine = [
            set(SERVER, "fDenyTSConnections", 0),
            set(LISTENER, "UserAuthentication", 1),
            set(LISTENER, "SecurityLayer", 2),
            gone(POLICY, "SecurityLayer"),
            set(LISTENER, "PortNumber", 3389),
            gone(LISTENER, "SSLCertificateSHA1Hash"),
            set(ORACLE, "AllowEncryptionOracle", 1),
            gone(ORACLE, "AllowEncryptionOracle"),
            set(&format!(r"{PROTOCOLS}\TLS 1.2\Server"), "Enabled", 1),
            set(&format!(r"{PROTOCOLS}\TLS 1.0\Server"), "Enabled", 0),
            set(&format!(r"{FIREWALL}\StandardProfile"), "EnableFirewall", 1),
            rule("v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|Svc=termservice|"),
            Change::ServiceStart { name: "TermService".to_owned(), start: 3 },
            Change::StartService { name: "MpsSvc".to_owned() },
            Change::RestartService { name: "SessionEnv".to_owned() },
            access(KEY, "O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;NS)"),
            aside(r"C:\Users\anna\Documents\Default.rdp"),
            aside(r"C:\Windows\System32\drivers\etc\hosts"),
            Change::RemoveCertificate {
                store: "Remote Desktop".to_owned(),
                thumbprint: "ab".to_owned(),
            },
            Change::RemoveCredential { target: "TERMSRV/pc42".to_owned() },
            Change::ResetSession { session: 4 },
        ];
        for change in &fine {
            assert_eq!(refuses(change), None, "{change:?}");
        }
    }
}
