//! What the path does to packets.

use rdpdoctor_diagnosis::{Evidence, loss_interval};
use rdpdoctor_model::Fact;

/// A series of so many or more says something of the share.
const TELLING: u32 = 50;

/// Requests below this length are the ordinary ones.
const SHORT: u32 = 500;

/// What was measured of the path, and who answered on it.
pub(super) fn words(evidence: &Evidence<'_>) -> Option<String> {
    match (measured(evidence), traced(evidence)) {
        (Some(measured), Some(traced)) => Some(format!("{traced}; {measured}")),
        (measured, traced) => traced.or(measured),
    }
}

/// The last one that answered on the way.
fn traced(evidence: &Evidence<'_>) -> Option<String> {
    let hops = evidence.all(|fact| match fact {
        Fact::TraceHop { hop, from, is_host, .. } => Some((*hop, *from, *is_host)),
        _ => None,
    });
    if hops.is_empty() {
        return None;
    }
    let host = hops.iter().map(|seen| seen.value).filter(|hop| hop.2).map(|hop| hop.0).min();
    let last = hops.iter().filter_map(|seen| match seen.value {
        (hop, Some(from), false) => Some((hop, from)),
        _ => None,
    });
    Some(match (host, last.max_by_key(|(hop, _)| *hop)) {
        (Some(hop), _) => format!("the host answers at hop {hop}"),
        (None, Some((hop, from))) => {
            format!("the last that answers on this port is {from}, at hop {hop}")
        }
        (None, None) => "nobody on the way answers on this port".to_owned(),
    })
}

/// The series of echo requests, and what TCP had to send again.
fn measured(evidence: &Evidence<'_>) -> Option<String> {
    let series = evidence.all(|fact| match fact {
        Fact::EchoSeries { bytes, sent, lost, median_ms, jitter_ms, .. } if *bytes < SHORT => {
            Some((*sent, *lost, *median_ms, *jitter_ms))
        }
        _ => None,
    });
    let again = evidence.main_path(|fact| match fact {
        Fact::TcpFigures { sent_again, .. } if *sent_again > 0 => Some(*sent_again),
        _ => None,
    });
    let (sent, lost, median, jitter) = series.last().map(|seen| seen.value)?;
    let mut words = format!("{lost} of {sent} echo requests lost");
    if sent >= TELLING
        && let Some((from, to)) = loss_interval(lost, sent)
    {
        let percent = |share: f64| share * 100.0;
        let (from, to) = (percent(from), percent(to));
        words.push_str(&format!(" ({from:.1} to {to:.1} in 100, 95 % sure)"));
    }
    if let Some(median) = median {
        words.push_str(&format!(", round trip {}", super::duration(median)));
    }
    if let Some(jitter) = jitter {
        words.push_str(&format!(", varying by {}", super::duration(jitter)));
    }
    if let Some(again) = again.last() {
        words.push_str(&format!("; TCP sent {} segments again", again.value));
    }
    Some(words)
}
