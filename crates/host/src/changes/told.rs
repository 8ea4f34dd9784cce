//! What is told of a run: to whoever watches it, and in the Application log.

use super::journal::{Entry, Journal, JournalError};
use crate::system::{LogEvent, Mutable};

/// A moment at which a run may be cut off, for those who show or test its progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A step's state is on the disk.
    Saved(usize),
    /// A step was made, and that is not written yet.
    Changed(usize),
    /// It is written.
    Done(usize),
    /// A handshake was tried.
    Tried,
    /// A step was put back.
    PutBack(usize),
    /// The end, or the wait, is written.
    Over,
}

/// What is told of each point.
pub type Pace<'a> = &'a mut dyn FnMut(Point);

/// One entry in the Application log. A log that cannot be written is no reason to go back.
pub(super) fn log(
    machine: &mut dyn Mutable,
    journal: &mut Journal,
    id: u32,
) -> Result<(), JournalError> {
    if journal.is_logged(id) {
        return Ok(());
    }
    let began = journal.began()?;
    let did = match id {
        LogEvent::APPLIED => "changed this machine",
        _ => "took its changes to this machine back",
    };
    let mut text = format!("rdpdoctor {did} (run {}).", began.run);
    let causes: Vec<&str> = began.plan.fixes.iter().map(|fix| fix.id.as_str()).collect();
    text += &format!(" Repaired: {}.", causes.join(", "));
    if let Some(who) = &began.who {
        text += &format!(" By {who}.");
    }
    if let Some(ticket) = &began.ticket {
        text += &format!(" Change {ticket}.");
    }
    if let Some(why) = journal.why_back().filter(|_| id == LogEvent::ROLLED_BACK) {
        text += &format!(" Because: {why}.");
    }
    let failed = machine.log_event(&LogEvent { id, text }).err().map(|why| why.0);
    journal.add(Entry::Logged { id, failed })
}
