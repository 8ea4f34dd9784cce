//! What a program can change about a cause, as data. Who carries it out is elsewhere; here it follows
//! from the evidence what is to be changed, and from what.

use rdpdoctor_model::{CauseId, Change};

use crate::causes::{client, host};
use crate::{Evidence, Finding};

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
    &host::credssp_policy::MEND,
    &host::session_stuck::MEND,
    &host::shell_replaced::MEND,
    &client::saved_credentials::MEND,
    &client::udp_policy::MEND,
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
