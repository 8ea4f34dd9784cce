//! What an `.rdp` file says, in one line.

use rdpdoctor_diagnosis::Evidence;
use rdpdoctor_model::{Fact, GatewayUse};

use super::QUOTED;
use crate::harmless::clean;

/// Whom it leads to and how; none when no file was read.
pub(super) fn words(evidence: &Evidence<'_>) -> Option<String> {
    let file = evidence.all(|fact| match fact {
        Fact::RdpFile { settings, signed, .. } => Some((*settings, *signed)),
        _ => None,
    });
    let (settings, signed) = file.last()?.value;
    let mut words = match address(evidence) {
        Some((host, port)) => format!("leads to {} port {port}", clean(host, QUOTED)),
        None => "names no computer".to_owned(),
    };
    if let Some((host, usage)) = gateway(evidence) {
        let when = match usage {
            GatewayUse::Always | GatewayUse::Never => "by way of gateway",
            GatewayUse::WhenNeeded => "where needed by way of gateway",
            GatewayUse::ClientDefault => "as the client is set, by way of gateway",
        };
        words.push_str(&format!(", {when} {}", clean(host, QUOTED)));
    }
    let count = if settings == 1 { "1 setting".to_owned() } else { format!("{settings} settings") };
    let seal = if signed { "signed" } else { "not signed" };
    Some(format!("{words} ({count}, {seal})"))
}

fn address<'a>(evidence: &Evidence<'a>) -> Option<(&'a str, u16)> {
    let seen = evidence.all(|fact| match fact {
        Fact::RdpFileAddress { host, port, .. } => Some((host.as_str(), *port)),
        _ => None,
    });
    seen.last().map(|seen| seen.value)
}

fn gateway<'a>(evidence: &Evidence<'a>) -> Option<(&'a str, GatewayUse)> {
    let seen = evidence.all(|fact| match fact {
        Fact::RdpFileGateway { host, usage, .. } => Some((host.as_str(), *usage)),
        _ => None,
    });
    seen.last().map(|seen| seen.value)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_diagnosis::Policy;
    use rdpdoctor_model::{Observation, ObservationId, RdpFileEncoding, Source, Stage, Timestamp};

    use super::*;

    #[test]
    fn one_line() {
        let file = Fact::RdpFile {
            encoding: RdpFileEncoding::Utf8,
            length: 100,
            settings: 7,
            unknown_settings: Vec::new(),
            password: false,
            clear_password: false,
            signed: true,
        };
        let address = Fact::RdpFileAddress {
            line: 1,
            setting: "full address".to_owned(),
            host: "pc42\u{1b}[2J".to_owned(),
            port: 3390,
            other_host: None,
        };
        let (host, port, usage) = ("gw.example".to_owned(), 443, GatewayUse::WhenNeeded);
        let gateway = Fact::RdpFileGateway { line: 2, host, port, usage };
        let words_of = |facts: &[&Fact]| {
            let observations: Vec<Observation> = facts
                .iter()
                .map(|fact| Observation {
                    id: ObservationId::numbered(1),
                    source: Source::RdpFile,
                    stage: Stage::RdpFile,
                    at: None,
                    at_ms: 0,
                    origin: None,
                    connection: None,
                    fact: (*fact).clone(),
                })
                .collect();
            words(&Evidence::new(&observations, None, Timestamp::now(), Policy::default()))
        };
        assert_eq!(words_of(&[]), None);
        assert_eq!(words_of(&[&file]).as_deref(), Some("names no computer (7 settings, signed)"));
        assert_eq!(
            words_of(&[&file, &address, &gateway]).as_deref(),
            Some(
                "leads to pc42\\u{1b}[2J port 3390, where needed by way of gateway gw.example \
                 (7 settings, signed)"
            )
        );
    }
}
