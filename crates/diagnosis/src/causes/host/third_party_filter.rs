//! A program of somebody else sits in Remote Desktop, or filters what comes to it.

use rdpdoctor_model::{CauseId, Stage};

use crate::host_view::key;
use crate::host_view::service::{TERM_SERVICE, key_of};
use crate::machine::{LISTENER, Machine};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

const SERVICES: &str = r"HKLM\SYSTEM\CurrentControlSet\Services";

/// Microsoft's own protocol of the listener, in user mode and in the kernel of old.
const OWN_PROTOCOLS: [&str; 2] =
    ["{5828227c-20cf-4408-b73f-73ab70b8849f}", "{18b726bb-6fe6-4fb9-9276-ed57ce7c7cb2}"];

/// Services and drivers that look into or steer connections, and whose they are. The names are those
/// of their keys under Services.
const FILTERS: &[(&str, &str)] = &[
    ("pangps", "Palo Alto GlobalProtect"),
    ("zsatunnel", "Zscaler"),
    ("zsaservice", "Zscaler"),
    ("vpnagent", "Cisco AnyConnect"),
    ("csc_vpnagent", "Cisco Secure Client"),
    ("acsock", "Cisco AnyConnect"),
    ("stagentsvc", "Netskope"),
    ("csagent", "CrowdStrike Falcon"),
    ("sntp", "Sophos"),
    ("sophosnetfilter", "Sophos"),
    ("epfwwfp", "ESET"),
    ("klwfp", "Kaspersky"),
    ("klim6", "Kaspersky"),
    ("mfewfpk", "Trellix (McAfee)"),
    ("symnets", "Symantec"),
    ("bdfwfpf", "Bitdefender"),
    ("tmwfp", "Trend Micro"),
    ("aswnetsec", "Avast"),
    ("mbamwebprotection", "Malwarebytes"),
    ("forti_wfp", "Fortinet"),
    ("fortifilter", "Fortinet"),
    ("tracsrvwrapper", "Check Point"),
    ("cyvrmtgn", "Palo Alto Cortex"),
];

/// `host.third-party-filter`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.third-party-filter"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "A program that filters connections is installed on {host}",
    explanation: "Protection software and clients of VPNs put filters of their own under Windows' network, and wrappers put themselves in Remote Desktop's place. Most do no harm. A filter that drops the encrypted hello, or a wrapper that an update broke, makes the port open and the connection end. Stopping such a program leaves its filters in place.",
    excludes: &["password, account, licence"],
    remedies: &[
        Remedy {
            id: "name-the-filter",
            place: Where::Host,
            risk: Risk::Low,
            title: "See whether a filter drops the connection, and ask its owner for an exclusion",
            steps: &[
                "PS> Get-WinEvent -FilterHashtable @{LogName='Security'; Id=5152,5157} -MaxEvents 20 | Format-List TimeCreated, Message   (needs the audit below)",
                "PS> auditpol /set /subcategory:\"{0CCE9225-69AE-11D9-BED3-505054503030}\" /failure:enable   (Filtering Platform Packet Drop, for as long as you look)",
                "PS> netsh wfp show filters file=C:\\wfp.xml   (the number in the event names the filter)",
                "Ask for an exclusion of TCP {port} and of svchost.exe with TermService. Do not switch the protection off.",
            ],
            interrupts: "nothing",
            undo: &[
                "PS> auditpol /set /subcategory:\"{0CCE9225-69AE-11D9-BED3-505054503030}\" /failure:disable",
            ],
            verify: "rdpdoctor check {target} gets past 'encryption'",
        },
        Remedy {
            id: "restore-the-genuine-service",
            place: Where::Host,
            risk: Risk::High,
            title: "Where Remote Desktop itself was replaced: remove the wrapper and restore Windows' own files",
            steps: &[
                "PS> (Get-ItemProperty HKLM:\\SYSTEM\\CurrentControlSet\\Services\\TermService\\Parameters).ServiceDll   (%SystemRoot%\\System32\\termsrv.dll on every Windows)",
                "Use the wrapper's own way to uninstall it, then: PS> sfc /scannow",
            ],
            interrupts: "the restart of the service cuts every Remote Desktop session",
            undo: &["Install the wrapper again."],
            verify: "rdpdoctor host finds it no longer",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/windows/win32/fwp/auditing-and-logging",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/remote-desktop-service-currently-busy",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    wrapper(&host).or_else(|| protocol(&host)).or_else(|| filters(&host))
}

/// The service's code is not Windows' own.
fn wrapper(host: &Machine<'_, '_>) -> Option<Match> {
    let parameters = format!(r"{}\Parameters", key_of(TERM_SERVICE));
    let setting = host.setting(&parameters, "ServiceDll")?;
    let path = setting.data.text()?.to_ascii_lowercase();
    let genuine = path.ends_with(r"\system32\termsrv.dll");
    (!genuine).then(|| {
        let name = plain(path.rsplit('\\').next().unwrap_or_default());
        Match::new(Severity::Warning, Proof::Proven, [setting.id])
            .titled("Remote Desktop on {host} runs code that is not Windows' own")
            .detailed(format!(
                "Its service loads {name} in place of termsrv.dll. Such wrappers break with updates."
            ))
    })
}

/// The listener speaks through a protocol that is not Microsoft's, or did.
fn protocol(host: &Machine<'_, '_>) -> Option<Match> {
    if let Some(setting) = host.setting(LISTENER, "LoadableProtocol_Object") {
        let id = setting.data.text()?.trim();
        if !OWN_PROTOCOLS.iter().any(|own| own.eq_ignore_ascii_case(id)) {
            let id = plain(id);
            let found = Match::new(Severity::Warning, Proof::Likely, [setting.id])
                .titled("The Remote Desktop listener of {host} uses a protocol of somebody else")
                .detailed(format!("LoadableProtocol_Object is {id}, which is not Microsoft's."));
            return Some(found);
        }
    }
    let backup = host.setting(LISTENER, "CitrixBackupRdpTcpLoadableProtocolObject")?;
    let found = Match::new(Severity::Info, Proof::Possible, [backup.id])
        .titled("Citrix has changed the Remote Desktop listener of {host}")
        .detailed("It kept the former protocol of the listener beside it.");
    Some(found)
}

/// Known filters that are installed. It says nothing of what they do.
fn filters(host: &Machine<'_, '_>) -> Option<Match> {
    let services = key(host, SERVICES)?;
    let names = services.value.subkeys.as_seen()?;
    let installed = |name: &str| names.iter().any(|service| service.eq_ignore_ascii_case(name));
    let mut makers: Vec<&str> =
        FILTERS.iter().filter(|(name, _)| installed(name)).map(|(_, maker)| *maker).collect();
    makers.dedup();
    (!makers.is_empty()).then(|| {
        Match::new(Severity::Info, Proof::Possible, [services.id()])
            .detailed(format!("Installed: {}.", makers.join(", ")))
    })
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::Lookup;

    use super::{CAUSE, LISTENER, OWN_PROTOCOLS, SERVICES, TERM_SERVICE, key_of};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn judged(scene: Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn a_wrapper() {
        let parameters = format!(r"{}\Parameters", key_of(TERM_SERVICE));
        let dll = |path: &str| judged(Scene::new().host_text(&parameters, "ServiceDll", path));
        let found = dll(r"C:\Program Files\RDP Wrapper\rdpwrap.dll");
        assert_eq!(found, Some((Severity::Warning, Proof::Proven)));
        assert_eq!(dll(r"%SystemRoot%\System32\termsrv.dll"), None);
        assert_eq!(judged(Scene::new().host_unread(&parameters, "ServiceDll")), None);
    }

    #[test]
    fn the_protocol_of_the_listener() {
        let id = |id: &str| Scene::new().host_text(LISTENER, "LoadableProtocol_Object", id);
        let other = id("{11111111-2222-3333-4444-555555555555}");
        assert_eq!(judged(other), Some((Severity::Warning, Proof::Likely)));
        let backup = "CitrixBackupRdpTcpLoadableProtocolObject";
        for own in OWN_PROTOCOLS {
            assert_eq!(judged(id(&own.to_uppercase())), None);
            let left = id(own).host_text(LISTENER, backup, own);
            assert_eq!(judged(left), Some((Severity::Info, Proof::Possible)));
        }
    }

    #[test]
    fn filters_that_are_installed() {
        let services = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            judged(Scene::new().host_key(SERVICES, Lookup::seen(names)))
        };
        assert_eq!(services(&["Tcpip", "CSAgent"]), Some((Severity::Info, Proof::Possible)));
        assert_eq!(services(&["Tcpip", "TermService"]), None);
    }
}
