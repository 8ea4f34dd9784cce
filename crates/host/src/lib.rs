//! A Windows machine: its facts, whatever way they are had, and what can be changed on it.
//!
//! ```text
//! checks (what to ask) ──► collect ──► System: live, disk, remote ──► Vec<Fact> ──► rules
//!                      └─► the collecting script ──► facts file ──────┘
//! ```
//!
//! A [`Check`] is a row of the table of what can break a connection, and the questions that it takes.
//! A [`System`] answers questions and judges nothing; causes read the facts.

mod beside;
pub mod changes;
pub mod checks;
mod collect;
mod facts_file;
pub mod fake;
mod firewall;
mod machine_file;
pub mod paths;
mod policy_name;
pub mod program;
mod question;
pub mod script;
pub mod store;
pub mod system;
mod user_files;
pub mod web_proxy;

pub use beside::collect_beside;
pub use collect::{collect, observations};
pub use facts_file::{FactsFile, FactsFileError};
pub use machine_file::MachineFile;
pub use question::{Check, LeftOut, Question, Side};
pub use system::{Mutable, System};
