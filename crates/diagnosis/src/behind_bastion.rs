//! How a bastion shows that its own connection, to the machine behind it, does not come about. It is
//! made once the bastion knows for whom and whereto: from the client info, from a sign-in before it, or
//! from the connection request. None of them has a word for it; what is seen is how they end.

use rdpdoctor_model::{Awaited, Ending, Fact, ObservationId, Stage};

use crate::bastions::{Known, known};
use crate::causes::{look, said};
use crate::{Evidence, Proof};

/// The end of the client's own connection at a bastion.
pub(crate) struct Ended {
    pub(crate) stage: Stage,
    pub(crate) ids: Vec<ObservationId>,
    pub(crate) how: How,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It hung up once it knew for whom and whereto.
    HungUp,
    /// It fell silent there.
    FellSilent,
    /// It hung up on the connection request, before which some connect already.
    HungUpAtOnce,
}

/// A bastion whose own half is in order; a user's name alone says nothing of who answers.
pub(crate) fn bastion(evidence: &Evidence<'_>) -> Option<Known> {
    known(evidence).filter(|known| known.proof < Proof::Possible)
}

/// The steps behind the client info, and the ones behind a sign-in.
const IN_SESSION: [Awaited; 4] =
    [Awaited::License, Awaited::DemandActive, Awaited::FontMap, Awaited::Picture];
const BEHIND_SIGN_IN: [Awaited; 2] = [Awaited::EarlyAuthorization, Awaited::McsConnectResponse];

/// How the connection ended without a reason by number.
pub(crate) fn ended(evidence: &Evidence<'_>) -> Option<Ended> {
    if said::gave_a_reason(evidence) {
        return None;
    }
    by_ultimatum(evidence).or_else(|| in_session(evidence)).or_else(|| at_once(evidence))
}

fn by_ultimatum(evidence: &Evidence<'_>) -> Option<Ended> {
    let mut begun = false;
    let seen = said::before_leaving(evidence, |fact| match fact {
        Fact::ClientInfoSent { .. } => Some(false),
        Fact::McsDisconnectUltimatum { .. } => Some(true),
        _ => None,
    });
    let ultimatum = seen.iter().find(|seen| {
        begun |= !seen.value;
        seen.value && begun
    })?;
    Some(Ended { stage: Stage::Session, ids: vec![ultimatum.id()], how: How::HungUp })
}

fn in_session(evidence: &Evidence<'_>) -> Option<Ended> {
    let delegated =
        evidence.main_path(|f| matches!(f, Fact::CredentialsDelegated { .. }).then_some(()));
    let signed_in = BEHIND_SIGN_IN.into_iter().filter(|_| !delegated.is_empty());
    IN_SESSION.into_iter().chain(signed_in).find_map(|awaited| {
        let ended = evidence.ended_awaiting(awaited)?;
        let how = match ended.value.ending {
            Ending::Fin | Ending::Reset => How::HungUp,
            Ending::Timeout => How::FellSilent,
            _ => return None,
        };
        Some(Ended { stage: awaited.stage(), ids: vec![ended.id()], how })
    })
}

fn at_once(evidence: &Evidence<'_>) -> Option<Ended> {
    let ended = evidence.ended_awaiting(Awaited::ConnectionConfirm)?;
    let hung_up = matches!(ended.value.ending, Ending::Fin | Ending::Reset);
    let answers = ended.value.received > 0 || look::foreign_service(evidence).is_some();
    // One that hangs up on whoever connects has not read whereto.
    let unasked = look::hangs_up_unasked(evidence).is_some_and(|(unasked, _)| unasked);
    (hung_up && !answers && !unasked).then(|| Ended {
        stage: Stage::X224,
        ids: vec![ended.id()],
        how: How::HungUpAtOnce,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use rdpdoctor_model::{BastionMark, Fact, Stage};

    use crate::testing::{Scene, certificate};

    /// A bastion by its product's certificate, which took the client info.
    pub(crate) fn product() -> Scene {
        let mut shown = certificate();
        shown.subject = "CN=jump1, O=WALLIX".to_owned();
        shown.issuer.clone_from(&shown.subject);
        let scene = Scene::negotiated(1).certified(shown, &[18]);
        scene.fact(Stage::Session, Fact::ClientInfoSent { autologon: true })
    }

    /// A bastion by its name in the list.
    pub(crate) fn listed(scene: Scene) -> Scene {
        let by = vec![BastionMark::Target];
        scene.fact(Stage::Client, Fact::ListedBastion { label: "Jump 1".to_owned(), by })
    }
}
