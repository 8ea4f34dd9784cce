//! The script's text: a library of PowerShell 5.1, and a line for each question.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::frame::{Frame, KEY_FILES, PROFILES};
use super::short::TOKENS;
use crate::question::Question;
use crate::{Side, checks, firewall};

/// What the script writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The facts' JSON, whole.
    Json,
    /// Numbered parts whose bodies are not longer than this.
    Parts {
        /// Characters of a body.
        limit: usize,
        /// Where part 1 stands.
        order: Order,
    },
}

/// Where the part with the decisive facts stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// At the beginning: what comes back is the beginning of the output.
    First,
    /// At the end: what comes back is its end.
    Last,
    /// Alone: nothing else would come back, and nobody says which end of the output is kept.
    Alone,
}

/// The functions that questions are asked by, each file for some of them.
const LIBRARY: [&str; 9] = [
    include_str!("powershell/registry.ps1"),
    include_str!("powershell/files.ps1"),
    include_str!("powershell/services.ps1"),
    include_str!("powershell/certificates.ps1"),
    include_str!("powershell/firewall.ps1"),
    include_str!("powershell/accounts.ps1"),
    include_str!("powershell/machine.ps1"),
    include_str!("powershell/users.ps1"),
    include_str!("powershell/events.ps1"),
];

/// The script for one side.
pub fn source(side: Side, form: Form) -> String {
    let (version, name) = (env!("CARGO_PKG_VERSION"), side.name());
    let mut text = format!(
        "# rdpdoctor {version}: collects what can break Remote Desktop on this {}.\n",
        match side {
            Side::Host => "host",
            Side::Client => "client",
        }
    );
    text.push_str(include_str!("powershell/begin.ps1"));
    text.push_str(&writer(name, form));
    for part in LIBRARY {
        text.push_str(part);
    }
    let compact = form != Form::Json;
    let mut asked = BTreeSet::new();
    for (variable, decisive) in [("Decisive", true), ("Others", false)] {
        let _ = writeln!(text, "\n${variable} = @(");
        if decisive {
            text.push_str("    Ask { Get-FactsOf }\n");
        }
        let rows = checks::all().filter(|row| row.side == side && row.decisive == decisive);
        let questions = rows.flat_map(|row| row.questions.iter().copied());
        for question in questions.filter(|question| asked.insert(*question)) {
            let _ = writeln!(text, "    Ask {{ {} }}", call(question, compact));
        }
        text.push_str(")\n");
    }
    text.push_str(match form {
        Form::Json => "$Facts = @($Decisive) + @($Others)\n$Head + \"`r`n  \" + ($Facts -join \",`r`n  \") + \"`r`n]}\"\n",
        Form::Parts { .. } => "Write-Parts $Decisive $Others\n",
    });
    text
}

/// How facts are written.
fn writer(side: &str, form: Form) -> String {
    match form {
        Form::Json => format!(
            "\n# Facts as a file.\n$Head = '{{\"version\": 1, \"side\": \"{side}\", \"facts\": ['\n\
             function Write-Fact([string]$Head, [string]$Rest, [string]$Code) {{ $Head + $Rest }}\n\n"
        ),
        Form::Parts { limit, order } => {
            let mut text = format!(
                "\n# Facts as short lines in numbered parts.\n$Side = '{side}'\n$Limit = {limit}\n\
                 $Order = '{}'\n$Tokens = @(\n",
                match order {
                    Order::First => "first",
                    Order::Last => "last",
                    Order::Alone => "alone",
                }
            );
            let tokens: Vec<String> = TOKENS
                .iter()
                .map(|(token, literal)| format!("    @('~{token}', {})", quoted(literal)))
                .collect();
            let _ = writeln!(text, "{}\n)", tokens.join(",\n"));
            text.push_str(
                "function Write-Fact([string]$Head, [string]$Rest, [string]$Code) {\n    \
                 $text = $Rest\n    \
                 if (-not $Code) { $text = $Head + $Rest }\n    \
                 $text = $text.Replace('~', '~~')\n    \
                 foreach ($token in $Tokens) { $text = $text.Replace($token[1], $token[0]) }\n    \
                 $Code + $text\n}\n\n",
            );
            text.push_str(include_str!("powershell/pack.ps1"));
            text.push('\n');
            text
        }
    }
}

/// The line of PowerShell that asks a question.
fn call(question: Question, compact: bool) -> String {
    let codes: Vec<String> = if compact {
        Frame::of(question).iter().map(Frame::code).collect()
    } else {
        vec![String::new(); 1 + KEY_FILES.len() + 1]
    };
    let code = |index: usize| quoted(codes.get(index).map_or("", String::as_str));
    let list = |from: usize| {
        let codes = codes.get(from..).unwrap_or_default();
        format!("@({})", codes.iter().map(|code| quoted(code)).collect::<Vec<_>>().join(", "))
    };
    let first = code(0);
    match question {
        Question::Value(key, name) => {
            format!("Get-Value {} {} {first}", quoted(key), quoted(name))
        }
        Question::Values(key) => format!("Get-Values {} {first}", quoted(key)),
        Question::Subkeys(key) => format!("Get-Subkeys {} {first}", quoted(key)),
        Question::ValueOfEach(key, name) => {
            format!("Get-ValueOfEach {} {} {first}", quoted(key), quoted(name))
        }
        Question::Service(name) => format!("Get-ServiceState {} {}", quoted(name), list(0)),
        Question::File(path) => format!("Get-File {} {first}", quoted(path)),
        Question::Folder(path) => format!("Get-Folder {} {first}", quoted(path)),
        Question::Listeners => format!("Get-Listeners {first}"),
        Question::Sessions => format!("Get-Sessions {first}"),
        Question::Volumes => format!("Get-Volumes {first}"),
        Question::Adapters => format!("Get-Adapters {first}"),
        Question::Certificates(name) => {
            format!("Get-Certificates {} {first} {}", quoted(name), list(1))
        }
        Question::FirewallRules => {
            let keys: Vec<String> = firewall::RULES.iter().map(|key| quoted(key)).collect();
            format!("Get-FirewallRules @({}) {}", keys.join(", "), list(0))
        }
        Question::Members(group) => format!("Get-Members {} {first}", quoted(group)),
        Question::Right(right) => format!("Get-Right {} {first}", quoted(right)),
        Question::Accounts => format!("Get-Accounts {first}"),
        Question::Updates => format!("Get-Updates {first}"),
        Question::Power => format!("Get-Power {first}"),
        Question::Clock => "Get-Clock".to_owned(),
        Question::Profiles => format!("Get-Profiles {} {first}", quoted(PROFILES)),
        Question::Hosts => "Get-Hosts".to_owned(),
        Question::LicenseGrace => format!("Get-LicenseGrace {first}"),
        Question::ClientDefaults(path) => format!("Get-NotRead {} {first}", quoted(path)),
        // Which files there are is not known, so nothing can be said of each.
        Question::Heads(_) => "$null = 'beginnings of files are not read'".to_owned(),
        Question::SavedCredentials => format!("Get-SavedCredentials {first}"),
        Question::Events(channel, provider, ids) => {
            let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
            format!("Get-Events {} {} @({})", quoted(channel), quoted(provider), ids.join(", "))
        }
    }
}

/// A string of PowerShell in which nothing is put in.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
