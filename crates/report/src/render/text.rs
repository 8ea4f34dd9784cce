//! The answer as plain text for a ticket, and the connections for a network team.

use rdpdoctor_model::{Fact, Observation};

use super::{attempts, words};
use crate::Document;
use crate::connections::{Connection, connections};
use crate::document::{Severity, StageStatus, Status};
use crate::harmless::{clean, shorten, width, wrap_at_most};
use crate::stage_label;
use crate::summary::lookup_words;
use crate::watch::earlier_tries;

/// Columns of a ticket's line.
const COLUMNS: usize = 100;

/// Lines of a ticket.
const LINES: usize = 15;

/// At most 15 plain lines of at most 100 columns.
pub fn ticket(document: &Document) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut add = |label: &str, text: String, most: usize| {
        let indent = " ".repeat(label.len());
        for (count, line) in wrap_at_most(&text, COLUMNS - label.len(), most).iter().enumerate() {
            lines.push(format!("{}{line}", if count == 0 { label } else { &indent }));
        }
    };

    let status = match document.verdict.status {
        Status::Ok => "works as far as tested",
        Status::Degraded => "works, with a warning",
        Status::Failed => "fails",
        Status::Unknown => "could not be decided",
    };
    let target = words::destination(&document.target);
    add("", format!("Remote Desktop to {}: {status}", clean(&target, 100)), 1);
    let tool = &document.tool;
    add("When: ", format!("{} (UTC), {} {}", document.started_at, tool.name, tool.version), 1);
    let struck = document
        .stages
        .iter()
        .find(|s| matches!(s.status, StageStatus::Failed | StageStatus::Unknown));
    if let Some(stage) = struck {
        let detail = clean(&stage.detail, words::SHORT);
        add("Stops at: ", format!("{}: {detail}", stage_label(stage.stage)), 1);
    }
    add("Answer: ", format!("{}: {}", words::label(document), words::title(document)), 2);
    if let Some(identity) = words::identity(document) {
        add("Cause: ", identity, 1);
    } else if let Some(reported) = &document.verdict.reported {
        let pair = words::pair(&reported.code, reported.extended.as_deref());
        add("Code: ", format!("the user's client showed {pair}"), 1);
    }
    if let Some(why) = words::why_undecided(document) {
        add("Why: ", why, 1);
    }
    if let Some(not) = words::not_this(document) {
        add("Not: ", not, 1);
    }
    if let Some(others) = words::titles(&words::alternatives(document), 2) {
        add("Or else: ", others, 1);
    }
    let also = words::also(document);
    let also: Vec<_> = also.into_iter().filter(|f| f.severity == Severity::Warning).collect();
    if let Some(also) = words::titles(&also, 2) {
        add("Also: ", also, 1);
    }
    if let Some(whose) = words::whose(document) {
        add("Whose: ", whose, 1);
    }
    let first =
        document.findings.first().filter(|f| document.verdict.cause.as_ref() == Some(&f.cause));
    if let Some(remedy) = first.and_then(|finding| finding.remedies.first()) {
        add("First step: ", clean(&remedy.title, words::SHORT), 2);
        let command = remedy.steps.iter().find(|step| words::command(step).is_some());
        if let Some(command) = command.map(|step| clean(step, words::SHORT))
            && width(&command) + 12 <= COLUMNS
        {
            add("            ", command, 1);
        }
    }
    if let Some(test) = words::next_test(document) {
        let (why, command) = (clean(&test.why, words::SHORT), clean(&test.command, words::SHORT));
        add("Next test: ", format!("{command} ({why})"), 2);
    }
    lines.truncate(LINES);
    lines.iter().map(|line| shorten(line, COLUMNS).trim_end().to_owned() + "\n").collect()
}

/// Every connection with its 5-tuple, UTC times, what left, what never came back.
pub fn network(document: &Document) -> String {
    let target = &document.target;
    let mut out = format!(
        "Remote Desktop to {}, seen from this machine by {} {}\n",
        words::destination(target),
        document.tool.name,
        clean(&document.tool.version, 40)
    );
    let addresses: Vec<String> = target.addresses.iter().map(ToString::to_string).collect();
    let addresses = if addresses.is_empty() { "none".to_owned() } else { addresses.join(", ") };
    let mut line = |label: &str, text: &str| {
        out.push_str(&format!("{label:<17}{}\n", clean(text, words::LONG)));
    };
    line("Addresses", &addresses);
    if let Some(via) = &target.via {
        line("By way of", via);
    }
    line(
        "Begun",
        &format!("{} (all times UTC), {} ms in all", document.started_at, document.elapsed_ms),
    );
    line("Answer", &format!("{}: {}", words::label(document), words::title(document)));
    if let Some(cause) = &document.verdict.cause {
        line("Cause", cause);
    }

    for earlier in earlier_tries(document) {
        let begun = attempts::begun(earlier).map_or(String::new(), |begun| format!(" at {begun}"));
        let title = clean(&earlier.verdict.title, words::LONG);
        out.push_str(&format!("\nAn earlier try{begun}: {title}\n"));
        all_connections(&mut out, &earlier.observations);
    }
    if !earlier_tries(document).is_empty() {
        out.push_str("\nThe last try, and what was beside it\n");
    }
    all_connections(&mut out, &document.observations);

    let signs: Vec<String> = document.observations.iter().filter_map(life_sign).collect();
    if !signs.is_empty() {
        out.push_str("\nOther signs of life\n");
        for sign in signs {
            out.push_str(&format!("  {sign}\n"));
        }
    }
    out
}

fn all_connections(out: &mut String, observations: &[Observation]) {
    let connections = connections(observations);
    if connections.is_empty() {
        out.push_str("\nNo connection was made.\n");
    }
    for connection in &connections {
        out.push('\n');
        out.push_str(&one_connection(connection));
    }
}

fn one_connection(connection: &Connection) -> String {
    let mut out = format!("Connection {}: {}\n", connection.number, connection.purpose);
    let mut line = |label: &str, text: &str| out.push_str(&format!("  {label:<17}{text}\n"));
    line("5-tuple", &connection.five_tuple());
    match connection.begun {
        Some(begun) => line("begun", &begun.to_string()),
        None => line("begun", &format!("{} ms after the start", connection.begun_ms)),
    }
    match connection.round_trip_ms {
        Some(ms) => line("round trip", &format!("{ms:.1} ms (SYN to SYN-ACK)")),
        None if connection.sent_received.is_some() => line("round trip", "not measured"),
        None => line("round trip", "none: not connected"),
    }
    if let Some((sent, received)) = connection.sent_received {
        line("left", &format!("{sent} bytes"));
        line("came back", &format!("{received} bytes"));
    }
    if let Some(ending) = &connection.ending {
        line("ended", ending);
    }
    if let Some(awaited) = connection.never_came {
        line("never came back", awaited);
    }
    if let Some(icmp) = &connection.icmp {
        line("ICMP", icmp);
    }
    out
}

fn life_sign(observation: &rdpdoctor_model::Observation) -> Option<String> {
    let Fact::LifeSign { address, port, answer, .. } = &observation.fact else { return None };
    let by = serde_json::to_value(&observation.fact).ok()?;
    let by = by.get("by").and_then(|by| by.as_str()).unwrap_or_default().replace('-', " ");
    let port = port.map(|port| format!(" {port}")).unwrap_or_default();
    let answer = lookup_words(answer, |text| clean(text, 80));
    Some(format!("{by}{port} {address}: {answer}"))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_diagnosis::{CATALOGUE, Proof, Severity, Status};
    use rdpdoctor_model::{Fact, Stage, WatchState};

    use super::{COLUMNS, LINES, network, ticket};
    use crate::Document;
    use crate::document::Attempt;
    use crate::harmless::{is_treacherous, width};
    use crate::testing::{self, Scene, by_hand, finding};

    fn assert_ticket(text: &str) {
        assert!(text.lines().count() <= LINES, "{text}");
        assert!(text.lines().all(|line| width(line) <= COLUMNS), "{text}");
    }

    #[test]
    fn a_ticket_says_it_in_plain_lines() {
        let text = ticket(&testing::dropped_hello(Some((0x904, Some(7)))));
        assert_ticket(&text);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_connections_of_a_watchs_earlier_tries_are_told() {
        let period = Fact::WatchPeriod {
            state: WatchState::Ok,
            from: testing::start(),
            until: testing::start(),
            ticks: 1,
            at_stage: None,
            cause: None,
        };
        let attempt = |document: &Document| Attempt {
            target: document.target.clone(),
            verdict: document.verdict.clone(),
            stages: document.stages.clone(),
            findings: document.findings.clone(),
            observations: document.observations.clone(),
        };
        let mut watch = Scene::new().connected().fact(Stage::Network, period).document();
        watch.attempts = vec![attempt(&testing::dropped_hello(None)), attempt(&watch)];
        let told = network(&watch);
        assert_eq!(told.matches("An earlier try at ").count(), 1, "{told}");
        assert!(told.contains("never came back  the TLS ServerHello"), "{told}");
        // Of any other document each attempt has an answer of its own.
        watch.observations.retain(|o| !matches!(o.fact, Fact::WatchPeriod { .. }));
        assert!(!network(&watch).contains("earlier"));
    }

    #[test]
    fn a_ticket_about_what_works() {
        insta::assert_snapshot!(ticket(&testing::healthy()));
    }

    #[test]
    fn every_cause_fits_a_ticket() {
        for cause in CATALOGUE {
            let found = vec![finding(cause, Severity::Blocking, Proof::Possible); 3];
            assert_ticket(&ticket(&by_hand(Status::Failed, found, None, Scene::new())));
        }
    }

    #[test]
    fn a_network_team_gets_its_tuples() {
        insta::assert_snapshot!(network(&testing::dropped_hello(None)));
    }

    #[test]
    fn a_network_team_gets_the_icmp() {
        insta::assert_snapshot!(network(&testing::refused()));
    }

    #[test]
    fn hostile_text_is_harmless() {
        let document = testing::hostile();
        assert_ticket(&ticket(&document));
        for text in [ticket(&document), network(&document)] {
            assert_eq!(text.chars().find(|c| *c != '\n' && is_treacherous(*c)), None);
            assert!(text.len() < 100_000, "{}", text.len());
        }
    }
}
