//! How the script gets to a machine that nobody can reach, and its answer back: the exact commands of
//! each cloud, what they need, and what is left where the cloud's agent is dead as well.

use super::{AZURE, Form, INTUNE, Order, source};
use crate::Side;

/// By whom the script is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Azure, Run Command.
    Azure,
    /// AWS, Systems Manager.
    Ssm,
    /// Google Cloud, a script at start.
    Gcp,
    /// Intune, a remediation.
    Intune,
}

impl Cloud {
    /// The name of the file that the commands take.
    pub fn file(self) -> &'static str {
        match self {
            Self::Azure => "rdpdoctor-azure.ps1",
            Self::Ssm => "rdpdoctor-ssm.json",
            Self::Gcp => "rdpdoctor-gcp.ps1",
            Self::Intune => "rdpdoctor-intune.ps1",
        }
    }

    /// What stands in that file.
    pub fn content(self, side: Side) -> String {
        let parts = |limit, order| source(side, Form::Parts { limit, order });
        match self {
            Self::Azure => parts(AZURE, Order::Last),
            Self::Ssm => {
                // The document takes a list of lines.
                let script = parts(AZURE, Order::First);
                let lines: Vec<&str> = script.lines().collect();
                format!("{}\n", serde_json::json!({ "commands": lines }))
            }
            // What is printed at start goes through the serial port line by line: short lines.
            Self::Gcp => parts(900, Order::First),
            Self::Intune => parts(INTUNE, Order::Alone),
        }
    }

    /// The commands, for a file of that name.
    pub fn steps(self, side: Side, file: &str) -> String {
        let text = match self {
            Self::Azure => AZURE_STEPS,
            Self::Ssm => SSM_STEPS,
            Self::Gcp => GCP_STEPS,
            Self::Intune => INTUNE_STEPS,
        };
        text.replace("{file}", file).replace("{side}", side.name())
    }

    /// What is left when the agent does not answer.
    pub fn agent_dead(self) -> &'static str {
        match self {
            Self::Azure => AZURE_DEAD,
            Self::Ssm => SSM_DEAD,
            Self::Gcp => GCP_DEAD,
            Self::Intune => INTUNE_DEAD,
        }
    }
}

const AZURE_STEPS: &str = include_str!("steps/azure.txt");
const SSM_STEPS: &str = include_str!("steps/ssm.txt");
const GCP_STEPS: &str = include_str!("steps/gcp.txt");
const INTUNE_STEPS: &str = include_str!("steps/intune.txt");
const AZURE_DEAD: &str = include_str!("steps/azure-dead.txt");
const SSM_DEAD: &str = include_str!("steps/ssm-dead.txt");
const GCP_DEAD: &str = include_str!("steps/gcp-dead.txt");
const INTUNE_DEAD: &str = include_str!("steps/intune-dead.txt");

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Cloud; 4] = [Cloud::Azure, Cloud::Ssm, Cloud::Gcp, Cloud::Intune];

    #[test]
    fn steps_name_the_file_and_how_to_read_the_answer() {
        for cloud in ALL {
            let steps = cloud.steps(Side::Client, "other.ps1");
            assert!(steps.contains("other.ps1"), "{steps}");
            assert!(
                steps.contains("rdpdoctor read ") || steps.contains("rdpdoctor client --facts"),
                "{steps}"
            );
            assert!(!steps.contains(['{', '}']) || cloud == Cloud::Ssm, "{steps}");
            assert!(steps.contains("client collect --script"), "{steps}");
            assert!(cloud.agent_dead().contains("host --disk") || cloud == Cloud::Intune);
            for line in steps.lines().chain(cloud.agent_dead().lines()) {
                // A command stays in one line, to be pasted.
                assert!(line.len() <= 100 || line.contains(" --"), "{line}");
            }
        }
    }

    #[test]
    fn the_document_of_systems_manager_holds_the_script() {
        let content = Cloud::Ssm.content(Side::Host);
        let value: serde_json::Value = serde_json::from_str(&content).expect("JSON");
        let lines = value["commands"].as_array().expect("lines");
        let lines: Vec<&str> = lines.iter().filter_map(serde_json::Value::as_str).collect();
        let script = source(Side::Host, Form::Parts { limit: AZURE, order: Order::First });
        assert_eq!(lines.join("\n"), script.trim_end());
    }
}
