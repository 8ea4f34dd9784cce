//! The clocks differ.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::causes::{look, said};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `nla.clock-skew`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.clock-skew"),
    stage: Stage::CredSsp,
    owner: Owner::Host,
    title: "The clock of {host} is more than 5 minutes off from this machine's",
    explanation: "The server's own time stands in its challenge. Kerberos refuses sign-in when clocks differ by more than five minutes, and certificates are judged by the wrong day.",
    excludes: &["the network"],
    remedies: &[Remedy {
        id: "set-the-clock",
        place: Where::Host,
        risk: Risk::Low,
        title: "Set the clock that is wrong: first see which of the two it is",
        steps: &[
            "PS> w32tm /query /status",
            "PS> w32tm /stripchart /computer:<domain controller> /samples:3 /dataonly",
            "PS> w32tm /resync /rediscover",
        ],
        interrupts: "nothing",
        undo: &["The clock's service goes on by itself; nothing to undo."],
        verify: "rdpdoctor check {target} shows the clock right",
    }],
    references: &["RFC 4120 7.5.8", "MS-NLMP 2.2.2.1"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nla-clock-skew"]),
    next_tests: &[],
    rule,
};

/// Kerberos' default tolerance (RFC 4120 7.5.8 leaves it to policy; Windows: 5 minutes).
const TOLERANCE_MS: i64 = 5 * 60 * 1000;

/// A warning by itself; it blocks where Kerberos failed by it.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let failed = said::by_number(evidence, CAUSE.id)
        .or_else(|| said::centre_said(evidence, &[said::SKEW], Proof::Proven))
        .or_else(|| said::host_on_clocks(evidence));
    if failed.is_some() {
        return failed;
    }
    let centre = evidence.all(|fact| match fact {
        Fact::KerberosError { code: said::SKEW, .. } => Some(()),
        _ => None,
    });
    if let Some(seen) = centre.first() {
        return Some(Match::new(Severity::Warning, Proof::Proven, [seen.id()]).detailed(
            "The key distribution centre's clock is off too; Kerberos went on by its clock.",
        ));
    }
    let clock = look::clock_offset(evidence)?;
    (clock.value.abs() > TOLERANCE_MS).then(|| {
        Match::new(Severity::Warning, Proof::Proven, [clock.id()])
            .detailed(format!("It is {} this machine's.", look::clock_words(clock.value)))
    })
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Fact, Stage};

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn five_minutes_are_tolerated() {
        let off = |seconds| Scene::negotiated(2).clock_off_by(seconds).judge(&CAUSE);
        assert!(off(-7200).and_then(|m| m.detail).is_some_and(|d| d.contains("2 hours behind")));
        assert!(off(301).and_then(|m| m.detail).is_some_and(|d| d.contains("5 minutes ahead of")));
        assert!(off(-3 * 86_400).and_then(|m| m.detail).is_some_and(|d| d.contains("3 days")));
        assert_eq!(off(299), None);
        assert_eq!(off(-299), None);
        let failed = Scene::negotiated(2).kerberos_error(37).judge(&CAUSE);
        assert_eq!(failed.map(|m| m.severity), Some(crate::Severity::Blocking));
    }

    #[test]
    fn what_the_host_says_of_a_ticket() {
        let said = |codes: &[Option<u32>]| {
            let answered = codes.iter().fold(Scene::negotiated(2), |scene, code| {
                let server_time = code.map(|_| crate::testing::now());
                let answer = Fact::TicketAnswer { code: *code, server_time, text: None };
                scene.fact(Stage::CredSsp, answer)
            });
            answered.judge(&CAUSE).map(|found| (found.severity, found.proof))
        };
        let proven = Some((crate::Severity::Blocking, crate::Proof::Proven));
        assert_eq!(said(&[Some(37)]), proven);
        for out_of_time in [32, 33] {
            let likely = Some((crate::Severity::Blocking, crate::Proof::Likely));
            assert_eq!(said(&[Some(out_of_time)]), likely);
        }
        assert_eq!(said(&[Some(41)]), None);
        // Told of its clock, the client made another ticket fit.
        assert_eq!(said(&[Some(37), None]), None);
    }
}
