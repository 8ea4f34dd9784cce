//! The way: whether TCP connects, from where to where, and what the path does to packets.

use rdpdoctor_model::{ConnectFailure, Fact, Stage, StageOutcome};

use super::{Collector, Key, Weight};
use crate::causes::look;
use crate::{Evidence, TcpResult};

pub(super) fn collect(evidence: &Evidence<'_>, out: &mut Collector) {
    outcomes(evidence, out);
    reached(evidence, out);
    path(evidence, out);
}

/// Where one run went through a stage and another one stopped; what was not tried says nothing.
fn outcomes(evidence: &Evidence<'_>, out: &mut Collector) {
    let mut last: Vec<(Stage, _)> = Vec::new();
    for seen in evidence.all(|fact| match fact {
        Fact::StageEnded { outcome, .. } => Some(*outcome),
        _ => None,
    }) {
        let stage = seen.observation.stage;
        last.retain(|(known, _)| *known != stage);
        last.push((stage, seen));
    }
    for (stage, seen) in last {
        let text = match seen.value {
            StageOutcome::Passed => "went through",
            StageOutcome::Stopped => "stopped here",
            StageOutcome::Skipped => continue,
        };
        out.text((stage, "stage"), Weight::Matters, text, [seen.id()]);
    }
}

fn reached(evidence: &Evidence<'_>, out: &mut Collector) {
    let name = (Stage::Tcp, "connection");
    match evidence.tcp() {
        TcpResult::NotTried => return,
        TcpResult::Failed(failure, ids) => {
            let text = match failure {
                ConnectFailure::Refused => "refused",
                ConnectFailure::Reset => "reset while connecting",
                ConnectFailure::Timeout => "no answer",
                ConnectFailure::HostUnreachable => "no way to the host",
                ConnectFailure::NetworkUnreachable => "no way to the network",
                ConnectFailure::Prohibited => "forbidden on the way",
                ConnectFailure::Other => "an error of the system",
            };
            let icmp = look::icmp(evidence).unwrap_or_default();
            let text = format!("{text}.{icmp}");
            out.text(name, Weight::Matters, text.trim_end_matches('.'), ids);
            return;
        }
        TcpResult::Connected => {}
    }
    let connected = evidence.main_path(|fact| match fact {
        Fact::TcpConnected { remote, local, .. } => Some((Some(*remote), Some(*local))),
        Fact::TunnelOpened { .. } => Some((None, None)),
        _ => None,
    });
    let Some(seen) = connected.first() else { return };
    out.text(name, Weight::Matters, "connected", [seen.id()]);
    let (remote, local) = seen.value;
    for (name, end) in [("address", remote), ("own-address", local)] {
        if let Some(end) = end {
            let text = end.ip().to_string();
            out.text((Stage::Tcp, name), Weight::Context, text, [seen.id()]);
        }
    }
}

fn path(evidence: &Evidence<'_>, out: &mut Collector) {
    let series = look::echo_series(evidence);
    if let Some(seen) = &series {
        let (lost, sent) = (seen.value.lost, seen.value.sent);
        let text = format!("{lost} of {sent} echo requests lost");
        out.keyed(
            (Stage::Network, "loss"),
            Weight::Matters,
            Key::Loss(lost, sent),
            text,
            [seen.id()],
        );
    }
    let figures = evidence.main_path(|fact| match fact {
        Fact::TcpFigures { round_trip_ms, path_mtu, .. } => Some((*round_trip_ms, *path_mtu)),
        _ => None,
    });
    let measured = series.and_then(|seen| Some((seen.value.median_ms?, true, seen.id())));
    let measured = measured.or_else(|| figures.last().map(|seen| (seen.value.0, false, seen.id())));
    if let Some((trip, by_series, id)) = measured {
        let name = (Stage::Network, "round-trip");
        let text = format!("{trip:.1} ms");
        out.keyed(name, Weight::Matters, Key::RoundTrip(trip, by_series), text, [id]);
    }
    if let Some(seen) = figures.last() {
        let text = format!("{} bytes", seen.value.1);
        out.text((Stage::Network, "path-mtu"), Weight::Context, text, [seen.id()]);
    }
}
