//! The server bears another name than the one asked for.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, look};
use crate::{Cause, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `dns.other-name`
pub static CAUSE: Cause = Cause {
    id: CauseId("dns.other-name"),
    stage: Stage::Dns,
    owner: Owner::User,
    title: "The host that answers as {host} bears another name",
    explanation: "The server introduced itself with another name than the one that was asked for. Aliases, farms, brokers and address translation do that, so by itself it is no fault.",
    excludes: &[],
    remedies: &[advice::MEND_DNS],
    references: &["MS-NLMP 2.2.2.1"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["other-name"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let (seen, name) = look::other_name(evidence)?;
    Some(
        Match::new(Severity::Info, Proof::Proven, [seen])
            .detailed(format!("It calls itself {name}.")),
    )
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn another_name_and_the_same() {
        assert!(
            Scene::negotiated(2).challenge("PC07", "pc07.corp.example").judge(&CAUSE).is_some()
        );
        assert_eq!(Scene::negotiated(2).challenge("PC42", "pc42.corp.example").judge(&CAUSE), None);
        let by_address =
            Scene::negotiated(2).target("10.0.0.1").challenge("PC07", "pc07.corp.example");
        assert_eq!(by_address.judge(&CAUSE), None);
    }
}
