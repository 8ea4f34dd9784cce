//! A result other than success, or an ultimatum.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::causes::advice;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `mcs.refused`
pub static CAUSE: Cause = Cause {
    id: CauseId("mcs.refused"),
    stage: Stage::Mcs,
    owner: Owner::Host,
    title: "{host} refuses to set up a session",
    explanation: "The server answered the first message of the session's set-up with a refusal. The result that it gave says which kind.",
    excludes: &["name, route, firewall, encryption"],
    remedies: &[advice::LOOK_AT_LISTENER],
    references: &["ITU-T T.125 7", "MS-RDPBCGR 2.2.1.4"],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["mcs-refused", "mcs-ultimatum"]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let refusal = evidence.main_path(|fact| match fact {
        Fact::McsConnectResponse { result, .. } if *result != 0 => {
            Some(format!("The result is {result} ({}).", result_name(*result)))
        }
        Fact::McsDisconnectUltimatum { reason } => Some(format!(
            "It sent a disconnect ultimatum, reason {reason} ({}).",
            reason_name(*reason)
        )),
        Fact::McsAttachUserConfirm { result, .. } if *result != 0 => {
            Some(format!("It attached no user: {result} ({}).", result_name(*result)))
        }
        Fact::McsChannelJoinConfirm { result, channel } if *result != 0 => Some(format!(
            "It let nobody join channel {channel}: {result} ({}).",
            result_name(*result)
        )),
        // What comes behind the client info belongs to the session. Where it is encrypted, licensing,
        // which follows it, tells.
        Fact::ClientInfoSent { .. } => Some(String::new()),
        Fact::LicenseMessage { .. } | Fact::LicenseError { .. } => Some(String::new()),
        _ => None,
    });
    let seen = refusal.into_iter().next().filter(|seen| !seen.value.is_empty())?;
    Some(Match::new(Severity::Blocking, Proof::Proven, [seen.id()]).detailed(seen.value))
}

/// Result (T.125 section 7).
fn result_name(result: u8) -> &'static str {
    const NAMES: [&str; 16] = [
        "successful",
        "domain merging",
        "domain not hierarchical",
        "no such channel",
        "no such domain",
        "no such user",
        "not admitted",
        "other user id",
        "parameters unacceptable",
        "token not available",
        "token not possessed",
        "too many channels",
        "too many tokens",
        "too many users",
        "unspecified failure",
        "user rejected",
    ];
    NAMES.get(usize::from(result)).copied().unwrap_or("unknown")
}

/// Reason (T.125 section 7).
fn reason_name(reason: u8) -> &'static str {
    const NAMES: [&str; 5] = [
        "domain disconnected",
        "provider initiated",
        "token purged",
        "user requested",
        "channel purged",
    ];
    NAMES.get(usize::from(reason)).copied().unwrap_or("unknown")
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Fact, Party, Stage};

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn any_result_but_success() {
        let answered = |result| {
            let fact = Fact::McsConnectResponse {
                result,
                server_version: None,
                client_requested_protocols: None,
                early_capability_flags: None,
                encryption_method: None,
                encryption_level: None,
                multitransport_flags: None,
            };
            Scene::negotiated(1).fact(Stage::Mcs, fact).judge(&CAUSE)
        };
        assert!(answered(15).is_some());
        assert_eq!(answered(0), None);
    }

    #[test]
    fn an_ultimatum_before_licensing() {
        let ultimatum = || Fact::McsDisconnectUltimatum { reason: 3 };
        let licensed = Fact::LicenseError { from: Party::Server, code: 7, state_transition: 2 };
        let scene = || Scene::negotiated(0);
        assert!(scene().fact(Stage::Mcs, ultimatum()).judge(&CAUSE).is_some());
        let behind = scene().fact(Stage::Licensing, licensed).fact(Stage::Mcs, ultimatum());
        assert_eq!(behind.judge(&CAUSE), None);
    }
}
