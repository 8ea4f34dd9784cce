//! Remote Desktop listens on another port than the usual one.

use rdpdoctor_model::{CauseId, DEFAULT_PORT, Stage};

use crate::host_view::leading;
use crate::machine::{LISTENER, Machine};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

const PORT: &str = "PortNumber";

/// `host.port-changed`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.port-changed"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "Remote Desktop on {host} listens on another port than 3389",
    explanation: "Its listener is set to another port. Who connects has to name it behind the host, and every firewall between has to let that port in. Whoever asks for 3389 finds nothing there, or another service.",
    excludes: &["password, account, licence"],
    remedies: &[
        Remedy {
            id: "name-the-port",
            place: Where::Client,
            risk: Risk::Low,
            title: "Connect with the port behind the host's name",
            steps: &[
                "PS> (Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp').PortNumber   (on the host)",
                "PS> mstsc /v:<host>:<port>",
            ],
            interrupts: "nothing",
            undo: &["nothing to undo: nothing was changed"],
            verify: "rdpdoctor check <host>:<port> gets an answer",
        },
        Remedy {
            id: "let-the-port-in",
            place: Where::Host,
            risk: Risk::Medium,
            title: "Let the port in through the host's firewall; the built-in rule is for 3389 alone",
            steps: &[
                "PS> New-NetFirewallRule -Name RDP-OwnPort -DisplayName 'Remote Desktop, own port' -Direction Inbound -Protocol TCP -LocalPort <port> -Service TermService -Action Allow -Profile Domain,Private",
                "Or set the usual port again, and restart the service when nobody is signed in: PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' PortNumber 3389",
            ],
            interrupts: "the rule: nothing; another port: every Remote Desktop session when the service restarts",
            undo: &[
                "PS> Remove-NetFirewallRule -Name RDP-OwnPort",
                "PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' PortNumber <old port>",
            ],
            verify: "rdpdoctor check <host>:<port> gets an answer",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/windows-server/remote/remote-desktop-services/remotepc/change-listening-port",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/rdp-error-general-troubleshooting",
    ],
    client_shows: &[],
    more_specific_than: &[
        CauseId("net.refused"),
        CauseId("net.no-answer"),
        CauseId("net.port-blocked"),
        CauseId("net.wrong-service"),
    ],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// Another port is no fault by itself. It is one for who asked for a port that the listener does not
/// have.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let setting = host.setting(LISTENER, PORT)?;
    let port = setting.data.number()?;
    let asked = evidence.target.map_or(DEFAULT_PORT, |target| target.port);
    let found = Match::new(Severity::Info, Proof::Proven, [setting.id.clone()])
        .titled(format!("Remote Desktop on {{host}} listens on port {port}"));
    if port != u64::from(asked) {
        return Some(leading(
            evidence,
            &CAUSE,
            found.detailed(format!("It listens on {port}, and {asked} was asked for.")),
        ));
    }
    (port != u64::from(DEFAULT_PORT)).then_some(found)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::Stage;

    use super::{CAUSE, LISTENER, PORT};
    use crate::Severity;
    use crate::testing::Scene;

    fn set_to(port: Option<u32>) -> Scene {
        Scene::new().host_number(LISTENER, PORT, port)
    }

    #[test]
    fn another_port_is_worth_knowing() {
        assert_eq!(set_to(Some(3390)).judge(&CAUSE).map(|m| m.severity), Some(Severity::Info));
        assert_eq!(set_to(Some(3389)).judge(&CAUSE), None);
        assert_eq!(set_to(None).judge(&CAUSE), None);
        assert_eq!(Scene::new().host_unread(LISTENER, PORT).judge(&CAUSE), None);
    }

    #[test]
    fn it_explains_who_asked_for_the_usual_one() {
        let found = set_to(Some(3390)).refused("10.0.0.1:3389").judge(&CAUSE).expect("it fits");
        assert_eq!((found.severity, found.stage), (Severity::Blocking, Some(Stage::Tcp)));
        let asked = set_to(Some(3390)).target("pc42:3390").refused("10.0.0.1:3390");
        assert_eq!(asked.judge(&CAUSE).map(|m| m.severity), Some(Severity::Info));
    }
}
