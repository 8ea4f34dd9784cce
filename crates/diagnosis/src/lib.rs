//! What judges: the catalogue of causes, their rules, and the engine that ranks what they say.
//!
//! Everything here is a pure function of observations: no sockets, no files, no clock. The moment
//! of judging, the target and the policy come in with the [`Evidence`].

mod bastions;
mod behind_bastion;
mod cause;
pub mod causes;
pub mod codes;
pub mod compare;
mod engine;
mod evidence;
mod gateway;
mod host_view;
mod identity;
mod inspectors;
mod known_regressions;
mod loss;
pub mod machine;
mod machine_facts;
pub mod mend;
mod same_machine;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_host;
mod windows_release;

pub use bastions::BastionEntry;
pub use cause::{
    Cause, ClientCode, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};
pub use causes::CATALOGUE;
pub use causes::rdpsec::method as encryption_method_name;
pub use engine::{
    Diagnosis, Finding, Reported, StageReport, StageStatus, Status, Verdict, diagnose,
};
pub use evidence::{Evidence, Policy, RequiredSecurity, Seen, TcpResult, Trust};
pub use gateway::{GatewayView, gateway_place};
pub use host_view::key_file::key_file;
pub use identity::{Identity, identity};
pub use loss::loss_interval;
pub use same_machine::{SameMachine, same_client, same_machine};
pub use windows_release::{WindowsRelease, windows_release};
