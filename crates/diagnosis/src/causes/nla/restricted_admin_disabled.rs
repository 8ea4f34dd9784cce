//! The host does not take Restricted Admin.

use rdpdoctor_model::{CauseId, Fact, Negotiation, Stage};

use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `nla.restricted-admin-disabled`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.restricted-admin-disabled"),
    stage: Stage::CredSsp,
    owner: Owner::Host,
    title: "{host} does not take Restricted Admin",
    explanation: "The check asked to sign in without handing the password over, and the host does not offer that. It is off by default; an administrator of the host decides, since it also lets a stolen hash sign in.",
    excludes: &["name, route, firewall, encryption", "user name and password: none was sent"],
    remedies: &[Remedy {
        id: "sign-in-as-usual",
        place: Where::Client,
        risk: Risk::Low,
        title: "Sign in without Restricted Admin, or use Remote Credential Guard",
        steps: &[
            "$ rdpdoctor check {target} -u <user>   (without --restricted-admin)",
            "$ mstsc /v:{target} /remoteGuard   (from a machine of the domain; keeps the password at home too)",
            "PS> Get-ItemProperty HKLM:\\\\SYSTEM\\\\CurrentControlSet\\\\Control\\\\Lsa -Name DisableRestricted*   (on the host: what is set)",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &["MS-RDPBCGR 2.2.1.1.1", "MS-RDPBCGR 2.2.1.2.1"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nla-restricted-admin-disabled"]),
    next_tests: &[],
    rule,
};

/// RESTRICTED_ADMIN_MODE_REQUIRED of the request, RESTRICTED_ADMIN_MODE_SUPPORTED of the response.
const REQUIRED: u8 = 0x01;
const SUPPORTED: u8 = 0x08;

/// Asked for, and not offered.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let asked = evidence.main_path(|fact| match fact {
        Fact::ConnectionRequest { flags, .. } if flags & REQUIRED != 0 => Some(()),
        _ => None,
    });
    let offered = evidence.main_path(|fact| match fact {
        Fact::ConnectionConfirm { negotiation: Negotiation::Response { flags, .. } } => {
            Some(*flags)
        }
        _ => None,
    });
    let asked = asked.last()?;
    let offered = offered.into_iter().next_back()?;
    if offered.value & SUPPORTED == 0 {
        let found = Match::new(Severity::Blocking, Proof::Proven, [offered.id()]);
        return Some(found.at_stage(offered.observation.stage));
    }
    // Windows offers it also where its policy forbids it: it then opens a session that shows why
    // nobody is logged on, and whoever reads that leaves (ERRINFO 0xB).
    let seen = |pick: fn(&Fact) -> bool| evidence.main_path(|f| pick(f).then_some(()));
    let opened = seen(|fact| matches!(fact, Fact::FontMap)).pop()?;
    let left = seen(|fact| matches!(fact, Fact::SetErrorInfo { code: 0xB })).pop()?;
    let logged_on = seen(|fact| matches!(fact, Fact::LoggedOn { .. }));
    logged_on.is_empty().then(|| {
        let ids = [asked.id(), opened.id(), left.id()];
        Match::new(Severity::Blocking, Proof::Possible, ids)
            .detailed("It opened a session without a logon, and the user left it.".to_owned())
    })
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use rdpdoctor_model::{Fact, LogonForm, Negotiation, Stage};

    #[test]
    fn asked_for_and_not_offered() {
        let scene = |asked, offered| {
            let request = Fact::ConnectionRequest {
                requested_protocols: Some(0x0B),
                flags: asked,
                cookie: None,
                routing_token: None,
                correlation_id: None,
            };
            let negotiation = Negotiation::Response { flags: offered, selected_protocol: 8 };
            Scene::new()
                .connection(rdpdoctor_model::Purpose::Main)
                .fact(Stage::X224, request)
                .confirm(negotiation)
                .judge(&CAUSE)
        };
        assert!(scene(1, 0x17).is_some());
        assert_eq!(scene(1, 0x1F), None);
        assert_eq!(scene(0, 0x17), None);
    }

    #[test]
    fn a_session_without_a_logon() {
        let scene = |asked, logged_on: bool| {
            let request = Fact::ConnectionRequest {
                requested_protocols: Some(0x0A),
                flags: asked,
                cookie: None,
                routing_token: None,
                correlation_id: None,
            };
            let logon = Fact::LoggedOn {
                form: LogonForm::PlainNotify,
                domain: None,
                user: None,
                session_id: None,
            };
            let scene = Scene::new()
                .connection(rdpdoctor_model::Purpose::Main)
                .fact(Stage::X224, request)
                .confirm(Negotiation::Response { flags: 0x1F, selected_protocol: 8 })
                .fact(Stage::Session, Fact::FontMap);
            let scene = if logged_on { scene.fact(Stage::Session, logon) } else { scene };
            scene.error_info(0xB).judge(&CAUSE).map(|found| found.proof)
        };
        assert_eq!(scene(1, false), Some(crate::Proof::Possible));
        assert_eq!(scene(1, true), None);
        assert_eq!(scene(0, false), None);
    }
}
