//! Whether the host asks for a sign-in before the session (NLA).

use rdpdoctor_model::{CauseId, Stage};

use crate::host_view::leading;
use crate::machine::{LISTENER, Machine, POLICY};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

const NLA: &str = "UserAuthentication";

/// `host.nla-policy`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.nla-policy"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "{host} does not ask for a sign-in before the session (NLA)",
    explanation: "UserAuthentication decides whether a user has to sign in before the host makes a session. With it, only clients that know NLA get in, and accounts need their domain controller and a password that has not expired; without it, anybody who reaches the port gets a logon screen.",
    excludes: &["network"],
    remedies: &[
        Remedy {
            id: "use-a-client-with-nla",
            place: Where::Client,
            risk: Risk::Low,
            title: "Where a client is refused: let it sign in before the session, as every client of today can",
            steps: &[
                "In an .rdp file: enablecredsspsupport:i:1 and authentication level:i:2",
                "FreeRDP: $ xfreerdp3 /sec:nla /v:{target}",
            ],
            interrupts: "nothing",
            undo: &["nothing to undo on the host"],
            verify: "rdpdoctor check {target} gets past 'RDP answer'",
        },
        Remedy {
            id: "ask-for-nla",
            place: Where::Host,
            risk: Risk::Medium,
            title: "Where it is off: ask for the sign-in again, once nobody needs it off",
            steps: &[
                "PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' UserAuthentication 1",
                "A policy has it under: Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop Session Host, Security: Require user authentication for remote connections by using Network Level Authentication",
            ],
            interrupts: "nothing; clients without NLA are refused from then on",
            undo: &["Set the value back to what it was before."],
            verify: "rdpdoctor check {target} says that it requires sign-in before the session",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/cannot-connect-rdp-azure-vm",
        "MS-RDPBCGR 5.4.5.2",
    ],
    client_shows: &[],
    more_specific_than: &[CauseId("nego.nla-required")],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// Off is worth knowing. On is what it should be, and a fault only for a client that was refused for
/// it.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let setting = Machine::host(evidence).effective(POLICY, LISTENER, NLA)?;
    let managed = setting.is_managed();
    let found = |proof| Match::new(Severity::Info, proof, [setting.id.clone()]).managed(managed);
    match setting.data.number()? {
        0 => Some(found(Proof::Proven)),
        1 => {
            let who =
                if managed { "A policy sets it." } else { "It is set on the machine itself." };
            let refused = leading(evidence, &CAUSE, found(Proof::Proven));
            (refused.severity == Severity::Blocking).then(|| {
                refused.titled("{host} asks for a sign-in before the session (NLA)").detailed(who)
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Negotiation, Stage};

    use super::{CAUSE, LISTENER, NLA, POLICY};
    use crate::Severity;
    use crate::testing::Scene;

    /// HYBRID_REQUIRED_BY_SERVER ([MS-RDPBCGR] 2.2.1.2.2).
    const REFUSAL: Negotiation = Negotiation::Failure { code: 5 };

    #[test]
    fn off_is_worth_knowing() {
        let nla = |number| Scene::new().host_number(LISTENER, NLA, number);
        assert_eq!(nla(Some(0)).judge(&CAUSE).map(|m| m.severity), Some(Severity::Info));
        assert_eq!(nla(Some(1)).judge(&CAUSE), None);
        assert_eq!(nla(None).judge(&CAUSE), None);
        let policy = nla(Some(0)).host_number(POLICY, NLA, Some(1));
        assert_eq!(policy.judge(&CAUSE), None);
        assert_eq!(Scene::new().host_unread(LISTENER, NLA).judge(&CAUSE), None);
    }

    #[test]
    fn on_explains_who_was_refused_for_it() {
        let scene = Scene::new()
            .host_number(LISTENER, NLA, Some(1))
            .connected("10.0.0.1:3389")
            .confirm(REFUSAL);
        let found = scene.judge(&CAUSE).expect("refused");
        assert_eq!((found.severity, found.stage), (Severity::Blocking, Some(Stage::X224)));
    }
}
