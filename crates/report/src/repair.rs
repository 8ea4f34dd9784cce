//! What `host fix` answers programs: the plan, and what came of it.

use rdpdoctor_model::{Plan, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{Engine, SCHEMA_VERSION, Tool};
use crate::{Masker, harmless};

/// The answer of `host fix`, `host confirm` and `host rollback`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepairDocument {
    /// The version of this schema, one with the document's.
    pub schema_version: u32,
    /// What wrote it.
    pub tool: Tool,
    /// How it stands.
    pub outcome: RepairOutcome,
    /// Why, in a line, where there is something to say.
    pub why: Option<String>,
    /// The run, where there is one.
    pub run: Option<String>,
    /// Until when the run has to be confirmed.
    pub confirm_until: Option<Timestamp>,
    /// Steps of the plan, from 1, that could not be put back, and why not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_put_back: Vec<NotPutBack>,
    /// Where it was done, where that was another machine (`--remote`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub there: Option<There>,
    /// The SHA-256 of the file that holds the plan.
    pub plan_sha256: Option<String>,
    /// The plan.
    pub plan: Option<Plan>,
    /// For the disk of a machine that does not run: the changes as command files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_files: Option<CommandFiles>,
}

/// Another machine, on which the program was brought over WinRM to do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct There {
    /// The machine, as it was named here.
    pub host: String,
    /// How it was asked: `HTTPS, port 5986, NTLM`.
    pub by: Option<String>,
    /// The SHA-256 of the program that was run there.
    pub program_sha256: String,
    /// Whether it was copied for that; else it lay there from before.
    pub copied: bool,
    /// How the line was lost, where it was: what became of it is not known then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_lost: Option<String>,
    /// A handshake with the listener from here, behind the changes; one that passes confirms them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Outside>,
}

/// A handshake from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outside {
    /// The port.
    pub port: u16,
    /// Why it failed; none where it passed.
    pub failed: Option<String>,
}

/// The changes of a plan as command files for a recovery environment. Each takes the folder of
/// Windows there, such as `D:\Windows`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandFiles {
    /// Makes the changes.
    pub apply: String,
    /// Takes them back.
    pub undo: String,
    /// Where they were written, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<WrittenFiles>,
}

/// The names of two command files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WrittenFiles {
    /// Of the one that makes the changes.
    pub apply: String,
    /// Of the one that takes them back.
    pub undo: String,
}

/// A step that could not be put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotPutBack {
    /// Its number in the plan, from 1.
    pub step: usize,
    /// Why not.
    pub why: String,
}

/// How a repair stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RepairOutcome {
    /// Nothing has been changed; the plan says what would be.
    Planned,
    /// There is nothing to change.
    NothingToDo,
    /// It was refused, and nothing was changed.
    Refused,
    /// Changed and verified; it stays.
    Applied,
    /// Changed and verified; it stays if it is confirmed in time.
    AwaitingConfirmation,
    /// Everything is as it was before.
    RolledBack,
    /// The way back is not complete; something is still changed.
    PartlyRolledBack,
}

impl RepairOutcome {
    /// The contract's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Applied => 0,
            Self::AwaitingConfirmation | Self::PartlyRolledBack => 1,
            Self::RolledBack => 2,
            Self::Planned | Self::NothingToDo | Self::Refused => 3,
        }
    }
}

impl RepairDocument {
    /// An answer about a plan.
    pub fn new(outcome: RepairOutcome, plan: Option<Plan>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            tool: Tool {
                name: "rdpdoctor".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                engine: Engine::Portable,
            },
            outcome,
            why: None,
            run: None,
            confirm_until: None,
            not_put_back: Vec::new(),
            there: None,
            plan_sha256: None,
            plan,
            command_files: None,
        }
    }

    /// The same with names, addresses and SIDs replaced by what `masker` has for them.
    ///
    /// # Errors
    /// When what is left is no answer any more: a masked text stands where only some words may.
    pub fn masked(&self, masker: &Masker) -> Result<Self, serde_json::Error> {
        let mut value = serde_json::to_value(self)?;
        mask(&mut value, masker);
        serde_json::from_value(value)
    }

    /// As JSON.
    ///
    /// # Errors
    /// None that it can cause; serialising is fallible by its type.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(harmless::json(&serde_json::to_string_pretty(self)?) + "\n")
    }
}

fn mask(value: &mut Value, masker: &Masker) {
    match value {
        Value::String(text) => *text = masker.text(text),
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, masker)),
        Value::Object(fields) => fields.values_mut().for_each(|field| mask(field, masker)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
