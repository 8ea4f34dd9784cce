//! The bastion does not speak the security that the machine behind it insists on.

use rdpdoctor_model::{CauseId, Fact, Negotiation, ObservationId, Stage};

use super::backend_refused::FROM_THE_BASTION;
use crate::behind_bastion::{How, bastion, ended};
use crate::causes::said;
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `pam.backend-security-mismatch`
pub static CAUSE: Cause = Cause {
    id: CauseId("pam.backend-security-mismatch"),
    stage: Stage::Session,
    owner: Owner::Pam,
    title: "The bastion does not speak the security that the host insists on",
    explanation: "Up to the bastion all is well. Behind it the host insists on a security layer that the bastion does not offer there: NLA, where the bastion speaks TLS only or has no password to sign in with; TLS, where it is an old one; or TLS versions that the two do not share.",
    excludes: &["the way from here to the bastion, its certificate", "this client's own settings"],
    remedies: &[Remedy {
        id: "let-the-bastion-speak-what-the-host-wants",
        place: Where::Pam,
        risk: Risk::Low,
        title: "Have the bastion offer what the host insists on",
        steps: &[
            "From a machine in the bastion's own network: $ rdpdoctor check <the host itself> --deep   (lists the layers and TLS versions that the host takes)",
            "Have NLA (CredSSP) switched on for this target in the bastion, with an account whose password it holds, and the bastion updated where it knows old TLS only.",
            "Do not switch NLA off on the host instead: that would open its sign-in to everybody who reaches it.",
        ],
        interrupts: "nothing; changing a target in the bastion as a rule cuts no session",
        undo: &["Set the target in the bastion back to what it was."],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &[
        "MS-RDPBCGR 2.2.1.2.2",
        "MS-RDPBCGR 5.4.2",
        "https://github.com/FreeRDP/FreeRDP/blob/2.11.7/server/proxy/pf_client.c",
    ],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Possible }],
    more_specific_than: &[
        CauseId("nego.nla-required"),
        CauseId("nego.tls-required"),
        CauseId("session.closed"),
        CauseId("rdpsec.no-common-encryption"),
    ],
    reproduction: Reproduction::Lab(&["bastion-backend-security"]),
    next_tests: &[FROM_THE_BASTION],
    rule,
};

/// ERRINFO_ENCPKGMISMATCH (MS-RDPBCGR 2.2.5.1.1).
const NO_COMMON_ENCRYPTION: u32 = 0x1194;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let known = bastion(evidence)?;
    let title = format!("{} does not speak the security of the machine behind it", known.name);
    let found = |proof, ids: Vec<_>, stage, detail: &str| {
        let ids = ids.into_iter().chain(known.ids.clone());
        let found = Match::new(Severity::Blocking, proof, ids).at_stage(stage);
        found.titled(title.clone()).detailed(format!("{detail} {}", known.by))
    };
    if let Some((id, detail)) = refusal_of_what_was_offered(evidence) {
        return Some(found(Proof::Likely, vec![id], Stage::X224, &detail));
    }
    if let Some((id, code)) = said::error_number(evidence) {
        let detail = format!("It says {code:#x}, no common encryption, inside TLS.");
        let passed_on = code == NO_COMMON_ENCRYPTION && evidence.tls_established();
        return passed_on.then(|| found(Proof::Likely, vec![id], Stage::Session, &detail));
    }
    let ended = ended(evidence).filter(|ended| ended.how == How::HungUp)?;
    let detail = "It hung up without a reason once it knew for whom.";
    Some(found(Proof::Possible, ended.ids, ended.stage, detail))
}

/// A refusal for want of what this client offered: it is the answer to another offer, the bastion's.
fn refusal_of_what_was_offered(evidence: &Evidence<'_>) -> Option<(ObservationId, String)> {
    let last = evidence.negotiation()?;
    // SSL_REQUIRED_BY_SERVER and HYBRID_REQUIRED_BY_SERVER (MS-RDPBCGR 2.2.1.2.2).
    let (wanted, name) = match last.value {
        Negotiation::Failure { code: 1 } => (1, "TLS"),
        Negotiation::Failure { code: 5 } => (2, "NLA"),
        _ => return None,
    };
    let offers = evidence.main_path(|fact| match fact {
        Fact::ConnectionRequest { requested_protocols, .. } => *requested_protocols,
        _ => None,
    });
    let offered =
        offers.into_iter().rfind(|o| o.observation.connection == last.observation.connection)?;
    (offered.value & wanted != 0).then(|| {
        (last.id(), format!("It asks for {name} although {name} was offered: that is the host's answer to the bastion's own offer."))
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Ending, Fact, Negotiation, Stage};

    use super::CAUSE;
    use crate::Proof;
    use crate::behind_bastion::tests::{listed, product};
    use crate::testing::Scene;

    fn proof(scene: &Scene) -> Option<Proof> {
        scene.judge(&CAUSE).map(|found| found.proof)
    }

    fn refused(offered: u32, code: u32) -> Scene {
        let scene = Scene::new().connected("10.0.0.1:3389").request(offered);
        scene.confirm(Negotiation::Failure { code })
    }

    #[test]
    fn a_refusal_that_answers_another_offer() {
        assert_eq!(proof(&listed(refused(0x0B, 5))), Some(Proof::Likely));
        assert_eq!(proof(&listed(refused(0x0B, 1))), Some(Proof::Likely));
        // No bastion; what was not offered; a refusal that fits the offer.
        for near in [refused(0x0B, 5), listed(refused(1, 5)), listed(refused(0x0B, 2))] {
            assert_eq!(proof(&near), None);
        }
    }

    #[test]
    fn one_that_hangs_up_may_have_this_reason() {
        assert_eq!(proof(&product().ended(Ending::Fin, Awaited::Picture)), Some(Proof::Possible));
        assert_eq!(proof(&product().ended(Ending::Timeout, Awaited::Picture)), None);
        let said = |code| product().fact(Stage::Session, Fact::SetErrorInfo { code });
        assert_eq!(proof(&said(0x1194)), Some(Proof::Likely));
        assert_eq!(proof(&said(0x400)), None);
    }
}
