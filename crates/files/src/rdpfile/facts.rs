//! What the file says, as observations.

use rdpdoctor_model::{Fact, GatewayUse, RdpFileFlaw, RdpFileValue};

use super::known::{Type, known};
use super::lines::is_secret;
use super::problems::address_setting;
use super::{RdpFile, Setting, short, signature};

/// Names of unknown settings that are told.
const UNKNOWN: usize = 20;

/// Problems that are told; behind them nobody reads on.
const PROBLEMS: usize = 40;

impl RdpFile {
    /// Everything in it that matters. Passwords and tokens are only said to be there.
    pub fn facts(&self) -> Vec<Fact> {
        let mut facts = vec![self.whole()];
        facts.extend(self.address());
        facts.extend(self.gateway_named());
        facts.extend(self.user());
        facts.extend(signature::fact(self));
        facts.extend(self.settings.iter().filter(|s| self.is_taken(s)).filter_map(setting));
        // What is no setting goes last: a page of prose must not hide what is wrong.
        let mut problems: Vec<_> = self.problems.iter().collect();
        problems.sort_by_key(|problem| problem.flaw == RdpFileFlaw::NotASetting);
        facts.extend(problems.into_iter().take(PROBLEMS).map(|problem| Fact::RdpFileProblem {
            line: problem.line,
            flaw: problem.flaw,
            setting: problem.setting.clone(),
            value: problem.value.clone(),
        }));
        facts
    }

    fn whole(&self) -> Fact {
        let passwords = self.settings.iter().filter(|s| s.name.contains("password"));
        let password = |kind: fn(Type) -> bool| {
            passwords.clone().any(|s| kind(s.kind) && !s.value.trim().is_empty())
        };
        let mut unknown: Vec<String> = Vec::new();
        for setting in &self.settings {
            let name = short(&setting.name);
            if known(&setting.name).is_none() && !unknown.contains(&name) && unknown.len() < UNKNOWN
            {
                unknown.push(name);
            }
        }
        Fact::RdpFile {
            encoding: self.encoding,
            length: self.length,
            settings: u32::try_from(self.settings.len()).unwrap_or(u32::MAX),
            unknown_settings: unknown,
            password: password(|kind| kind == Type::Bytes),
            // "prompt for password" and the like are numbers.
            clear_password: password(|kind| kind == Type::Text),
            signed: self.text("signature").is_some(),
        }
    }

    fn address(&self) -> Option<Fact> {
        let way = self.way("")?;
        let (setting, _) = address_setting(self)?;
        let other = self.text("full address").and_then(super::way::host_and_port);
        let other = other.map(|(host, _)| host).filter(|host| *host != way.target.host);
        Some(Fact::RdpFileAddress {
            line: self.line_of(setting),
            setting: setting.to_owned(),
            host: way.target.host,
            port: way.target.port,
            other_host: other,
        })
    }

    fn gateway_named(&self) -> Option<Fact> {
        let gateway = self.gateway().filter(|gateway| gateway.usage != GatewayUse::Never)?;
        let line = self.line_of("gatewayhostname");
        let (host, port, usage) = (gateway.host, gateway.port, gateway.usage);
        Some(Fact::RdpFileGateway { line, host, port, usage })
    }

    fn user(&self) -> Option<Fact> {
        let user = self.text("username")?;
        Some(Fact::RdpFileUser {
            line: self.line_of("username"),
            user: short(user),
            domain: self.text("domain").map(short),
            names_target: names_target(user),
        })
    }

    /// Whether this is the line of its name that counts.
    fn is_taken(&self, setting: &Setting) -> bool {
        self.setting(&setting.name).is_some_and(|taken| taken.line == setting.line)
    }
}

fn setting(setting: &Setting) -> Option<Fact> {
    known(&setting.name).filter(|known| known.matters)?;
    let value = setting.value.trim();
    if value.is_empty() || is_secret(&setting.name) {
        return None;
    }
    let value = match setting.kind {
        Type::Number => RdpFileValue::Number(value.parse().ok()?),
        Type::Text => RdpFileValue::Text(short(value)),
        Type::Bytes => return None,
    };
    Some(Fact::RdpFileSetting { line: setting.line, setting: setting.name.clone(), value })
}

/// Bastions take the computer behind them in the user's name: `user@target@bastion`,
/// `user#target`, `user%target`, `safe\user@target:port`. Windows forbids `#` and `%` in no name,
/// so that those two are a guess.
fn names_target(user: &str) -> bool {
    user.matches('@').count() > 1
        || user.contains(['#', '%'])
        || user.rsplit_once('@').is_some_and(|(_, behind)| behind.contains(':'))
}
