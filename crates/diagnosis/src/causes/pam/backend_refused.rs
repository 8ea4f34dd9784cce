//! The bastion does not get through to the machine behind it.

use rdpdoctor_model::{CauseId, Stage};

use crate::behind_bastion::{How, bastion, ended};
use crate::causes::{advice, said};
use crate::{
    Cause, ClientCode, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk,
    Severity, Where,
};

/// `pam.backend-refused`
pub static CAUSE: Cause = Cause {
    id: CauseId("pam.backend-refused"),
    stage: Stage::Session,
    owner: Owner::Pam,
    title: "The bastion does not get through to the machine behind it",
    explanation: "Up to the bastion all is well. It makes its own connection to the host once it knows for whom, and ends this one when that fails: the host is off, refuses, or a firewall between the two drops it; or the account that the bastion keeps for it is no longer right. Bastions seldom say which.",
    excludes: &["the way from here to the bastion, its certificate"],
    remedies: &[Remedy {
        id: "try-from-the-bastion",
        place: Where::Pam,
        risk: Risk::Low,
        title: "Try the host from the bastion's own network, and read the bastion's log",
        steps: &[
            "From a machine in the bastion's own network: $ rdpdoctor check <the host itself>",
            "Ask whoever runs the bastion for the log of its connection to the host at the times of this check.",
            "Have the password that it keeps for the host's account tested, where it keeps one.",
        ],
        interrupts: "nothing",
        undo: advice::NOTHING_TO_UNDO,
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &[
        "MS-RDPBCGR 1.3.1.1",
        "https://github.com/FreeRDP/FreeRDP/blob/2.11.7/server/proxy/pf_client.c",
    ],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Possible }],
    more_specific_than: &[
        CauseId("session.closed"),
        CauseId("session.stuck"),
        CauseId("session.no-picture"),
        CauseId("session.broker-redirect-failed"),
        CauseId("license.timeout"),
        CauseId("mcs.closed"),
        CauseId("mcs.timeout"),
        CauseId("nego.closed-after-request"),
        CauseId("pam.backend-security-mismatch"),
    ],
    reproduction: Reproduction::Lab(&["bastion-backend-refused"]),
    next_tests: &[FROM_THE_BASTION],
    rule,
};

/// Where the bastion's own connection begins.
pub(super) const FROM_THE_BASTION: NextTest = NextTest {
    why: "from the bastion's own network, with the layers that the bastion speaks: tells a host that refuses from one whose security the bastion does not speak",
    command: "rdpdoctor check <the host itself> --deep",
};

/// ERRINFO_CB_* (MS-RDPBCGR 2.2.5.1.1): the destination could not be had.
const DESTINATION: std::ops::RangeInclusive<u32> = 0x400..=0x412;
/// The same family; it is about the client's own routing token.
const INVALID_SETTINGS: u32 = 0x410;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let known = bastion(evidence)?;
    let title = format!("{} does not get through to the machine behind it", known.name);
    let found = |proof, ids: Vec<_>| {
        let ids = ids.into_iter().chain(known.ids.clone());
        Match::new(Severity::Blocking, proof, ids).titled(title.clone())
    };
    if let Some((id, code)) = said::error_number(evidence) {
        let destination = DESTINATION.contains(&code) && code != INVALID_SETTINGS;
        return destination.then(|| {
            found(Proof::Likely, vec![id]).detailed(format!("It says {code:#x}. {}", known.by))
        });
    }
    let ended = ended(evidence)?;
    let (proof, how) = match ended.how {
        How::HungUp => (Proof::Likely, "It hung up without a reason once it knew for whom."),
        How::FellSilent => (Proof::Possible, "It fell silent once it knew for whom."),
        How::HungUpAtOnce => (Proof::Possible, "It hung up on the connection request."),
    };
    let stage = ended.stage;
    Some(found(proof, ended.ids).at_stage(stage).detailed(format!("{how} {}", known.by)))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Ending, Fact, Mechanism, Negotiation, Stage};

    use super::CAUSE;
    use crate::behind_bastion::tests::{listed, product};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn proof(scene: &Scene) -> Option<Proof> {
        let found = scene.judge(&CAUSE)?;
        assert_eq!(found.severity, Severity::Blocking);
        assert!(found.evidence.len() >= 2, "it cites the bastion and the end");
        Some(found.proof)
    }

    #[test]
    fn a_bastion_that_hangs_up_when_it_knows_for_whom() {
        for awaited in [Awaited::License, Awaited::DemandActive, Awaited::Picture] {
            assert_eq!(proof(&product().ended(Ending::Fin, awaited)), Some(Proof::Likely));
        }
        let ultimatum = product().fact(Stage::Mcs, Fact::McsDisconnectUltimatum { reason: 3 });
        assert_eq!(proof(&ultimatum), Some(Proof::Likely));
        let silent = product().ended(Ending::Timeout, Awaited::DemandActive);
        assert_eq!(proof(&silent), Some(Proof::Possible));
        let said = product().fact(Stage::Session, Fact::SetErrorInfo { code: 0x400 });
        assert_eq!(proof(&said), Some(Proof::Likely));
    }

    #[test]
    fn one_that_connects_behind_a_sign_in_or_at_once() {
        let closed = |scene: Scene| {
            let mechanism = Mechanism::Ntlm;
            let scene = scene.fact(Stage::CredSsp, Fact::CredentialsDelegated { mechanism });
            scene.ended(Ending::Reset, Awaited::McsConnectResponse)
        };
        assert_eq!(proof(&closed(listed(Scene::negotiated(2)))), Some(Proof::Likely));
        let at_once = Scene::new().connected("10.0.0.1:3389");
        let at_once = at_once.ended_with(Ending::Fin, Awaited::ConnectionConfirm, 0, 47);
        assert_eq!(proof(&listed(at_once)), Some(Proof::Possible));
    }

    #[test]
    fn near_misses() {
        let closed = |scene: Scene| scene.ended(Ending::Fin, Awaited::DemandActive);
        for scene in [
            // No bastion.
            closed(Scene::negotiated(1)),
            // A number says why, and speaks of the user.
            closed(product().fact(Stage::Session, Fact::SetErrorInfo { code: 0x7 })),
            product().fact(Stage::Session, Fact::SetErrorInfo { code: 0x410 }),
            // The client left.
            product().left().fact(Stage::Mcs, Fact::McsDisconnectUltimatum { reason: 3 }),
            product().ended(Ending::Fin, Awaited::Disconnect),
            // Its own half: it does not yet know for whom.
            listed(Scene::negotiated(1)).ended(Ending::Fin, Awaited::ServerHello),
            listed(Scene::negotiated(1)).ended(Ending::Fin, Awaited::McsConnectResponse),
            listed(Scene::new().refused("10.0.0.1:3389")),
            listed(Scene::new().connected("10.0.0.1:3389"))
                .confirm(Negotiation::Failure { code: 5 }),
        ] {
            assert_eq!(proof(&scene), None);
        }
    }
}
