//! What is wrong with a file as a whole: its encoding, and settings that contradict each other.

use std::collections::BTreeMap;

use rdpdoctor_model::{RdpFileFlaw, Target};

use super::way::{GATEWAY_PORT, LONGEST_ROUTING, gateway_use, host_and_port};
use super::{Problem, RdpFile};
use crate::text::Encoding;

/// Notes what a client may not read.
pub(super) fn in_encoding(encoding: Encoding, text: &str, problems: &mut Vec<Problem>) {
    let flaw = match encoding {
        Encoding::Utf16LeNoBom => RdpFileFlaw::NoByteOrderMark,
        Encoding::Utf16Be => RdpFileFlaw::BigEndian,
        Encoding::Utf8 | Encoding::Other if !text.is_ascii() => RdpFileFlaw::AmbiguousCharacters,
        _ => return,
    };
    problems.push(Problem::of_file(flaw));
}

/// What the settings lack, and where they contradict each other.
pub(super) fn in_settings(file: &RdpFile) -> Vec<Problem> {
    if file.settings.is_empty() && file.problems.iter().all(|p| p.setting.is_none()) {
        return vec![Problem::of_file(RdpFileFlaw::NoSettings)];
    }
    let mut problems = Vec::new();
    address(file, &mut problems);
    gateway(file, &mut problems);
    duplicates(file, &mut problems);
    if file.number("remoteapplicationmode") == Some(1)
        && file.text("remoteapplicationprogram").is_none()
    {
        let (name, line) = ("remoteapplicationmode", file.line_of("remoteapplicationmode"));
        problems.push(Problem::at(line, RdpFileFlaw::NoProgram, name));
    }
    if file.text("loadbalanceinfo").is_some_and(|info| info.len() > LONGEST_ROUTING) {
        let (name, line) = ("loadbalanceinfo", file.line_of("loadbalanceinfo"));
        problems.push(Problem::at(line, RdpFileFlaw::RoutingTooLong, name));
    }
    problems
}

fn address(file: &RdpFile, problems: &mut Vec<Problem>) {
    let Some((name, address)) = address_setting(file) else {
        problems.push(Problem::of_file(RdpFileFlaw::NoAddress));
        return;
    };
    let line = file.line_of(name);
    if address.parse::<Target>().is_err() {
        problems.push(Problem::at(line, RdpFileFlaw::BadAddress, name).saying(address));
    }
    let (name, line) = ("server port", file.line_of("server port"));
    let Some(port) = file.number(name) else { return };
    if !(1..=65_535).contains(&port) {
        problems.push(Problem::at(line, RdpFileFlaw::BadPort, name).saying(&port.to_string()));
    } else if let Some((_, Some(other))) = host_and_port(address)
        && i64::from(other) != port
    {
        problems.push(Problem::at(line, RdpFileFlaw::TwoPorts, name).saying(&port.to_string()));
    }
}

/// The setting that names the computer: `alternate full address` wins.
pub(super) fn address_setting(file: &RdpFile) -> Option<(&'static str, &str)> {
    ["alternate full address", "full address"]
        .into_iter()
        .find_map(|name| file.text(name).map(|address| (name, address)))
}

fn gateway(file: &RdpFile, problems: &mut Vec<Problem>) {
    use rdpdoctor_model::GatewayUse;
    let wanted = matches!(gateway_use(file), GatewayUse::Always | GatewayUse::WhenNeeded);
    match file.text("gatewayhostname") {
        None if wanted => {
            let (name, line) = ("gatewayusagemethod", file.line_of("gatewayusagemethod"));
            problems.push(Problem::at(line, RdpFileFlaw::NoGateway, name));
        }
        Some(host) if wanted && super::way::gateway_host(host, GATEWAY_PORT).is_none() => {
            let (name, line) = ("gatewayhostname", file.line_of("gatewayhostname"));
            problems.push(Problem::at(line, RdpFileFlaw::BadGateway, name).saying(host));
        }
        _ => {}
    }
}

/// Duplicates that differ; the same line twice does no harm.
fn duplicates(file: &RdpFile, problems: &mut Vec<Problem>) {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for setting in &file.settings {
        let value = setting.value.trim();
        if *first.entry(&setting.name).or_insert(value) != value {
            problems.push(Problem::at(setting.line, RdpFileFlaw::Duplicate, &setting.name));
        }
    }
}
