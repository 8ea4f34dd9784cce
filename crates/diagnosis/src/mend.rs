//! What a program can change about a cause, as data. Who carries it out is elsewhere; here it follows
//! from the evidence what is to be changed, and from what.

use rdpdoctor_model::{CauseId, Change, Fact, Proposal, SettingOwner};

use crate::causes::{client, host};
use crate::engine::fill;
use crate::{Evidence, Finding, Severity};

/// The changes that mend one cause.
#[derive(Debug)]
pub struct Mend {
    /// The cause.
    pub cause: CauseId,
    /// The id of the cause's remedy that the changes carry out.
    pub remedy: &'static str,
    /// The changes, in their order; none where the evidence does not say enough to change anything,
    /// or where the change would weaken the machine.
    pub changes: fn(&Evidence<'_>) -> Vec<Change>,
}

/// Every cause that a program can mend.
pub static MENDS: &[&Mend] = &[
    &host::rdp_disabled::MEND,
    &host::service_disabled::MEND,
    &host::service_stopped::MEND,
    &host::firewall_blocks::MEND,
    &host::certificate_key_missing::MEND,
    &host::certificate_key_permissions::MEND,
    &host::certificate_binding_broken::MEND,
    &host::certificate_expired::MEND,
    &host::tls_disabled::MEND,
    &host::security_layer::MEND,
    &host::draining::MEND,
    &host::credssp_policy::MEND,
    &host::session_stuck::MEND,
    &host::shell_replaced::MEND,
    &client::saved_credentials::MEND,
    &client::tls_policy::MEND,
    &client::credssp_policy::MEND,
    &client::nla_unsupported::MEND,
    &client::cache_corrupt::MEND,
];

/// What would mend a finding.
pub fn changes(finding: &Finding, evidence: &Evidence<'_>) -> Option<(&'static Mend, Vec<Change>)> {
    let mend = MENDS.iter().find(|mend| mend.cause == finding.cause.id)?;
    let changes = (mend.changes)(evidence);
    (!changes.is_empty()).then_some((*mend, changes))
}

/// What the findings propose to change, the first one first. What merely explains proposes nothing.
pub fn proposals(findings: &[Finding], evidence: &Evidence<'_>) -> Vec<Proposal> {
    let that_matter = findings.iter().filter(|finding| finding.severity != Severity::Info);
    that_matter.map(|finding| proposal(finding, evidence)).collect()
}

fn proposal(finding: &Finding, evidence: &Evidence<'_>) -> Proposal {
    let mend = MENDS.iter().find(|mend| mend.cause == finding.cause.id);
    let remedies = finding.cause.remedies;
    let remedy = mend
        .and_then(|mend| remedies.iter().find(|remedy| remedy.id == mend.remedy))
        .or_else(|| remedies.first());
    Proposal {
        id: finding.cause.id.to_string(),
        title: fill(&finding.title, evidence),
        remedy: remedy.map(|remedy| remedy.id.to_owned()).unwrap_or_default(),
        does: remedy.map(|remedy| remedy.title.to_owned()).unwrap_or_default(),
        owner: format!("{:?}", finding.cause.owner).to_lowercase(),
        risk: remedy.map(|remedy| format!("{:?}", remedy.risk).to_lowercase()).unwrap_or_default(),
        interrupts: remedy.map(|remedy| remedy.interrupts.to_owned()).unwrap_or_default(),
        changes: mend.map(|mend| (mend.changes)(evidence)).unwrap_or_default(),
        policies: if mend.is_some() { policies(finding, evidence) } else { Vec::new() },
    }
}

/// The values of policies among what a finding rests on.
fn policies(finding: &Finding, evidence: &Evidence<'_>) -> Vec<(String, String)> {
    let managed = evidence.all(|fact| match fact {
        Fact::RegistryValue(value)
            if matches!(value.owner, SettingOwner::GroupPolicy { .. } | SettingOwner::Mdm)
                && value.data.as_seen().is_some() =>
        {
            Some((value.key.clone(), value.name.clone()))
        }
        _ => None,
    });
    let cited = managed.into_iter().filter(|seen| finding.evidence.contains(&seen.observation.id));
    cited.map(|seen| seen.value).collect()
}
