//! The words of a watch: periods in which nothing changed, the path, connections held idle.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a host was found in one period of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WatchState {
    /// It worked.
    Ok,
    /// It worked, with a warning.
    Degraded,
    /// No connection could be made.
    Failed,
    /// It could not be tried or decided.
    Unknown,
}

/// What of the path can change under a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PathPart {
    /// The interface by which the connection left this machine.
    Interface,
    /// This machine's address on the connection.
    OwnAddress,
    /// The addresses that the target's name has.
    Addresses,
}

/// What came of speaking on a connection that had been silent for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IdleOutcome {
    /// The server answered.
    Answered,
    /// Nothing came back.
    Silence,
    /// The first word was answered with RST.
    Reset,
    /// The server, or something in its name, ended it before anything was said: its own limit for
    /// connections on which nobody signs in, or a device that says when it forgets.
    EndedMeanwhile,
}
