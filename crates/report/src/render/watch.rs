//! A watch as people read it: a line a change, and a page with a chart.

use std::fmt::Write as _;

use rdpdoctor_diagnosis::loss_interval;
use rdpdoctor_model::IdleOutcome;

use super::html::{Page, embeddable, long, short, tone};
use super::terminal::{Line, Paint, Style, labelled_text};
use super::{attempts, words};
use crate::document::Status;
use crate::harmless::clean;
use crate::watch::{Change, Idle, Tick, earlier_tries};
use crate::{Document, stage_label};

/// Where the text behind the time and the status begins.
const COLUMN: usize = 20;

/// Lines that one change takes at most.
const CHANGE_LINES: usize = 4;

/// The lines of a try in which something changed, or of the first one.
pub fn tick(tick: &Tick, style: Style, columns: usize) -> String {
    let (paint, status) = match tick.status {
        Status::Ok => (Paint::Good, "ok"),
        Status::Degraded => (Paint::Warn, "degraded"),
        Status::Failed => (Paint::Bad, "FAILED"),
        Status::Unknown => (Paint::Warn, "unknown"),
    };
    let cause = tick.cause.as_deref().map(|cause| format!("{}: ", clean(cause, words::SHORT)));
    let mut text = format!("{}{}", cause.unwrap_or_default(), clean(&tick.title, words::SHORT));
    if let Some(trip) = tick.round_trip_ms {
        let _ = write!(text, " (round trip {trip:.1} ms)");
    }
    let label = format!("{}  {status}", clock(tick.at));
    let mut lines = said(paint, &label, &text, columns);
    for change in &tick.changes {
        lines.extend(said(Paint::Faint, "", &words_of(change), columns));
    }
    painted(&lines, style)
}

/// The line of a silence.
pub fn idle(idle: &Idle, style: Style, columns: usize) -> String {
    let seconds = idle.idle_ms / 1000;
    let what = match idle.outcome {
        IdleOutcome::Answered => "the connection was answered",
        IdleOutcome::Silence => "nothing came back any more",
        IdleOutcome::Reset => "the first word was answered with a reset (RST)",
        IdleOutcome::EndedMeanwhile => "it was ended before anything was said",
    };
    let disturbed = if idle.disturbed { "; something else happened meanwhile" } else { "" };
    let text = format!("silent for {seconds} s: {what}{disturbed}");
    painted(&said(Paint::Faint, &format!("{}  idle", clock(idle.at)), &text, columns), style)
}

/// What the whole watch came to, on one or two lines.
pub fn summary(ticks: &[Tick], style: Style, columns: usize) -> String {
    painted(&said(Paint::Strong, "Watched", &totals(ticks), columns), style)
}

fn said(paint: Paint, label: &str, text: &str, columns: usize) -> Vec<Line> {
    let columns = columns.clamp(60, 120);
    // `labelled_text` begins its text two columns behind the label.
    labelled_text(
        paint,
        &format!("{label:<width$}", width = COLUMN - 2),
        text,
        columns,
        CHANGE_LINES,
    )
}

fn painted(lines: &[Line], style: Style) -> String {
    lines.iter().map(|line| line.paint(style) + "\n").collect()
}

/// `10:02:44`, in UTC as everywhere.
fn clock(at: rdpdoctor_model::Timestamp) -> String {
    at.to_string().get(11..19).unwrap_or_default().to_owned()
}

fn words_of(change: &Change) -> String {
    format!(
        "{}: {}: {}, now {}",
        stage_label(change.stage),
        clean(&change.aspect, words::SHORT).replace('-', " "),
        clean(&change.before, words::SHORT),
        clean(&change.after, words::SHORT)
    )
}

fn totals(ticks: &[Tick]) -> String {
    let (Some(first), Some(last)) = (ticks.first(), ticks.last()) else {
        return "nothing: it was stopped before the first answer.".to_owned();
    };
    let of = |status| ticks.iter().filter(|tick| tick.status == status).count();
    let tries = if ticks.len() == 1 { "try" } else { "tries" };
    let (from, to) = (clock(first.at), clock(last.at));
    let mut words = format!("{from} to {to} UTC: {} {tries}", ticks.len());
    for (status, name) in [
        (Status::Ok, "ok"),
        (Status::Degraded, "degraded"),
        (Status::Failed, "failed"),
        (Status::Unknown, "without a result"),
    ] {
        if of(status) > 0 {
            let _ = write!(words, ", {} {name}", of(status));
        }
    }
    let answered = ticks.iter().filter(|tick| tick.echo_lost < tick.echo_sent);
    let (sent, lost) =
        answered.fold((0, 0), |(sent, lost), tick| (sent + tick.echo_sent, lost + tick.echo_lost));
    if let Some((from, to)) = loss_interval(lost, sent) {
        let (from, to) = (from * 100.0, to * 100.0);
        let _ =
            write!(words, "; {lost} of {sent} echo requests lost ({from:.1} to {to:.1} in 100)");
    }
    let mut trips: Vec<f64> = ticks.iter().filter_map(|tick| tick.round_trip_ms).collect();
    trips.sort_by(f64::total_cmp);
    if let (Some(middle), Some(longest)) = (trips.get(trips.len() / 2), trips.last()) {
        let _ = write!(words, "; round trip {middle:.1} ms, {longest:.1} ms at worst");
    }
    words.push('.');
    words
}

// ── the page ────────────────────────────────────────────────────────────────────────────────────

/// The chart's size.
const WIDE: f64 = 900.0;
const HIGH: f64 = 200.0;

/// Renders the watch as one self-contained page: the verdict, the chart, the changes.
///
/// # Errors
/// As [`Document::to_json`]: the page holds the document.
pub fn html(
    document: &Document,
    ticks: &[Tick],
    idles: &[Idle],
) -> Result<String, serde_json::Error> {
    let json = embeddable(&document.to_json()?);
    let mut page = Page(String::new());
    page.begin(&format!("{}: {}", words::label(document), words::title(document)));
    page.verdict(document);
    page.add(&format!("<p>Watched {}</p>", long(&totals(ticks))));
    chart(&mut page, ticks);
    changes(&mut page, ticks);
    silences(&mut page, idles);
    page.findings(&document.findings);
    page.next_tests(document);
    for earlier in earlier_tries(document) {
        let begun = attempts::begun(earlier).map_or(String::new(), clock);
        let heading = format!("Connections of the try at {begun}: {}", earlier.verdict.title);
        page.connections(&heading, &earlier.observations);
    }
    page.connections("Connections of the last try", &document.observations);
    page.evidence(document);
    page.foot(document, &json);
    Ok(page.0)
}

/// One band a try, coloured by its status; the round trip as a line over it.
fn chart(page: &mut Page, ticks: &[Tick]) {
    let (Some(first), Some(last)) = (ticks.first(), ticks.last()) else { return };
    let whole = last.at.millis_since(first.at).max(1) as f64;
    let place = |tick: &Tick| tick.at.millis_since(first.at) as f64 / whole * (WIDE - 10.0);
    let longest = ticks.iter().filter_map(|tick| tick.round_trip_ms).fold(1.0, f64::max);
    let mut svg = format!(
        "<figure>\n<svg viewBox=\"0 0 {WIDE} {}\" role=\"img\" aria-labelledby=\"chart-title\">\n\
         <title id=\"chart-title\">{}</title>\n",
        HIGH + 30.0,
        long(&totals(ticks))
    );
    for (status, from, to) in stretches(ticks, &place) {
        let (tone, width) = (tone(status), (to - from).max(1.0));
        let _ = writeln!(
            svg,
            "<rect class=\"{tone}\" x=\"{from:.1}\" y=\"{HIGH}\" width=\"{width:.1}\" \
             height=\"10\" style=\"fill:var(--tone)\"/>"
        );
        if status == Status::Failed {
            let _ = writeln!(
                svg,
                "<rect class=\"bad\" x=\"{from:.1}\" y=\"0\" width=\"{width:.1}\" \
                 height=\"{HIGH}\" style=\"fill:var(--tone);opacity:.18\"/>"
            );
        }
    }
    for line in round_trips(ticks, &place, longest) {
        let _ = writeln!(
            svg,
            "<polyline points=\"{line}\" style=\"fill:none;stroke:var(--link);stroke-width:2\"/>"
        );
    }
    let _ = write!(
        svg,
        "<text x=\"2\" y=\"14\">{longest:.1} ms</text>\n<text x=\"2\" y=\"{}\">{}</text>\n\
         <text x=\"{WIDE}\" y=\"{}\" text-anchor=\"end\">{} UTC</text>\n</svg>\n<figcaption>Round \
         trip; below it green worked, red failed.</figcaption>\n</figure>",
        HIGH + 27.0,
        clock(first.at),
        HIGH + 27.0,
        clock(last.at)
    );
    page.add(&svg);
}

/// Stretches of equal status, from and to where they are drawn.
fn stretches(ticks: &[Tick], place: &dyn Fn(&Tick) -> f64) -> Vec<(Status, f64, f64)> {
    let mut stretches: Vec<(Status, f64, f64)> = Vec::new();
    for tick in ticks {
        let at = place(tick);
        if let Some(last) = stretches.last_mut() {
            last.2 = at;
        }
        if stretches.last().is_none_or(|last| last.0 != tick.status) {
            stretches.push((tick.status, at, WIDE));
        }
    }
    if let Some(last) = stretches.last_mut() {
        last.2 = WIDE;
    }
    stretches
}

/// So many points of a line can be told apart.
const MOST_POINTS: usize = 2000;

/// The points of the round trips, a line for each stretch without a gap.
fn round_trips(ticks: &[Tick], place: &dyn Fn(&Tick) -> f64, longest: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    // Of several tries on one point the longest is what a session feels.
    let longest_of = |group: &'_ [Tick]| {
        let trip = |tick: &Tick| tick.round_trip_ms.unwrap_or_default();
        group.iter().max_by(|a, b| trip(a).total_cmp(&trip(b))).cloned()
    };
    for tick in ticks.chunks(ticks.len().div_ceil(MOST_POINTS).max(1)).filter_map(longest_of) {
        match (tick.round_trip_ms, lines.last_mut()) {
            (Some(trip), Some(line)) => {
                let y = HIGH - 8.0 - trip / longest * (HIGH - 30.0);
                let _ = write!(line, "{:.1},{y:.1} ", place(&tick));
            }
            _ => lines.push(String::new()),
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

fn changes(page: &mut Page, ticks: &[Tick]) {
    page.add(
        "<h2>What changed, and when</h2>\n<table>\n<thead><tr><th scope=\"col\">Time (UTC)</th>\
         <th scope=\"col\">Result</th><th scope=\"col\">What was found, and what changed</th></tr>\
         </thead>\n<tbody>",
    );
    let mut before: Option<&Tick> = None;
    for tick in ticks {
        let turned = before.is_none_or(|b| (b.status, &b.cause) != (tick.status, &tick.cause));
        before = Some(tick);
        if !turned && tick.changes.is_empty() {
            continue;
        }
        let list: String =
            tick.changes.iter().map(|change| format!("<br>{}", long(&words_of(change)))).collect();
        page.add(&format!(
            "<tr><td class=\"id\">{}</td><td class=\"status {}\">{}</td><td class=\"long\">{} \
             <code>{}</code>{list}</td></tr>",
            clock(tick.at),
            tone(tick.status),
            match tick.status {
                Status::Ok => "ok",
                Status::Degraded => "degraded",
                Status::Failed => "failed",
                Status::Unknown => "unclear",
            },
            short(&tick.title),
            short(tick.cause.as_deref().unwrap_or("no cause"))
        ));
    }
    page.add("</tbody>\n</table>");
}

fn silences(page: &mut Page, idles: &[Idle]) {
    if idles.is_empty() {
        return;
    }
    page.add("<h2>Connections held without a word</h2>\n<ul>");
    for silence in idles {
        page.add(&format!("<li>{}</li>", long(idle(silence, Style::Plain, 120).trim())));
    }
    page.add("</ul>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harmless::is_treacherous;
    use crate::watch::WatchEvent;
    use crate::{Masker, testing, watch_schema};

    fn try_at(second: i64, status: Status, trip: Option<f64>) -> Tick {
        let failed = status == Status::Failed;
        Tick {
            number: 1,
            at: testing::start().plus_millis(second * 1000),
            status,
            stage: None,
            cause: failed.then(|| "net.refused".to_owned()),
            title: "pc42 \u{1b}[2Janswers at 10.20.4.42".to_owned(),
            address: trip.map(|_| "10.20.4.42".parse().expect("an address")),
            own_address: None,
            interface: Some("eth0".to_owned()),
            round_trip_ms: trip,
            echo_sent: 12,
            echo_lost: u32::from(failed) * 12,
            elapsed_ms: 20,
            changes: vec![Change {
                stage: rdpdoctor_model::Stage::Tls,
                aspect: "answer-flags".to_owned(),
                before: "<script>".to_owned(),
                after: "10.20.4.42".to_owned(),
            }],
        }
    }

    fn watched() -> Vec<Tick> {
        vec![
            try_at(0, Status::Ok, Some(2.0)),
            try_at(30, Status::Failed, None),
            try_at(60, Status::Ok, Some(40.0)),
        ]
    }

    #[test]
    fn totals_leave_out_what_never_answered() {
        let words = totals(&watched());
        assert!(words.starts_with("12:00:00 to 12:01:00 UTC: 3 tries, 2 ok, 1 failed"), "{words}");
        assert!(words.contains("; 0 of 24 echo requests lost (0.0 to 14.2 in 100)"), "{words}");
        assert!(words.ends_with("round trip 40.0 ms, 40.0 ms at worst."), "{words}");
        assert!(totals(&[]).contains("before the first answer"));
    }

    #[test]
    fn lines_and_page_are_harmless() {
        let ticks = watched();
        let lines: String = ticks.iter().map(|t| tick(t, Style::Plain, 80)).collect();
        assert!(lines.chars().all(|c| c == '\n' || !is_treacherous(c)), "{lines:?}");
        assert!(lines.contains("answer flags: <script>, now 10.20.4.42"), "{lines}");
        assert!(lines.lines().all(|line| line.chars().count() <= 80), "{lines}");
        let page = html(&testing::healthy(), &ticks, &[]).expect("renders");
        assert_eq!((page.matches("<script").count(), page.matches("<polyline").count()), (1, 2));
    }

    #[test]
    fn a_line_keeps_to_its_schema_and_names_nobody_when_masked() {
        let schema = jsonschema::draft202012::new(&watch_schema()).expect("the schema is one");
        let masker = Masker::of(&testing::healthy()).expect("learns");
        let event = WatchEvent::Tick(try_at(0, Status::Ok, Some(2.0)));
        for (event, names) in [(event.clone(), true), (event.masked(&masker), false)] {
            let line = event.to_json_line().expect("serialises");
            let value = serde_json::from_str(&line).expect("JSON");
            assert!(schema.is_valid(&value), "{line}");
            assert_eq!(line.contains("10.20.4.42") && line.contains("pc42"), names, "{line}");
            assert_eq!(line.contains("10.20.4.42") || line.contains("pc42"), names, "{line}");
        }
    }
}
