//! The user may not open a Remote Desktop session on The host.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `session.insufficient-privileges`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.insufficient-privileges"),
    stage: Stage::Session,
    owner: Owner::Host,
    title: "The user may not open a Remote Desktop session on {host}",
    explanation: "User name and password are right, and the host does not let this user in: no member of Remote Desktop Users, or no right to log on this way.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "grant-the-access",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Make the user a member of Remote Desktop Users",
        steps: &[
            "PS> Get-LocalGroupMember -Group 'Remote Desktop Users'",
            "PS> Add-LocalGroupMember -Group 'Remote Desktop Users' -Member <user>",
            "PS> secedit /export /areas USER_RIGHTS /cfg C:\\\\rights.txt; Select-String RemoteInteractiveLogonRight C:\\\\rights.txt   (a Deny line wins)",
        ],
        interrupts: "nothing",
        undo: &["PS> Remove-LocalGroupMember -Group 'Remote Desktop Users' -Member <user>"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 2.2.10.2", "MS-RDPBCGR 2.2.5.1.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["session-insufficient-privileges"]),
    next_tests: &[],
    rule,
};

/// The Early User Authorization Result says so, or the error of the session.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let denied = evidence.main_path(|fact| match fact {
        Fact::EarlyAuthorization { result } if *result != 0 => Some(*result),
        _ => None,
    });
    match denied.last() {
        Some(seen) => Some(
            Match::new(Severity::Blocking, Proof::Proven, [seen.id()])
                .at_stage(Stage::CredSsp)
                .detailed(format!("The authorisation result is {:#x}.", seen.value)),
        ),
        None => said::by_number(evidence, CAUSE.id),
    }
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use rdpdoctor_model::{Fact, Stage};

    #[test]
    fn any_result_but_success() {
        let result = |result| {
            let fact = Fact::EarlyAuthorization { result };
            Scene::negotiated(8).fact(Stage::CredSsp, fact).judge(&CAUSE)
        };
        assert!(result(5).is_some());
        assert_eq!(result(0), None);
        assert!(Scene::negotiated(8).error_info(9).judge(&CAUSE).is_some());
    }
}
