//! The server refuses the sign-in with an error of its own.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, said};
use crate::{Cause, Evidence, Match, Owner, Reproduction};

/// `nla.refused`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.refused"),
    stage: Stage::CredSsp,
    owner: Owner::Host,
    title: "{host} refuses the sign-in with an error of its own",
    explanation: "The server answered the sign-in with an error status, and no table names a cause of its own for it. The number says what the host's security service reported.",
    excludes: &["name, route, firewall, encryption"],
    remedies: &[advice::LOOK_AT_SIGN_IN],
    references: &["MS-CSSP 2.2.1", "MS-ERREF 2.3.1"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nla-refused", "nla-unknown-status"]),
    next_tests: &[],
    rule,
};

/// The last resort for the statuses of a sign-in.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id)
        .or_else(|| said::otherwise(evidence, Stage::CredSsp, CAUSE.id))
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn its_status_and_no_other() {
        let said = |code| Scene::negotiated(2).ts_request(6, Some(code)).judge(&CAUSE);
        let detail = |code| said(code).and_then(|m| m.detail).unwrap_or_default();
        assert!(detail(0xC000_0022).contains("0xC0000022, STATUS_ACCESS_DENIED"));
        assert!(detail(0xC0FF_EE00).contains("0xC0FFEE00"));
        assert_eq!(said(0), None);
        assert_eq!(said(0xC000_0418), None);
        assert_eq!(said(0xC000_006D), None);
    }
}
