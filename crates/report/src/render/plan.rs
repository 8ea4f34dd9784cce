//! A repair as people read it: on a terminal, and as a page for whoever approves it.

use rdpdoctor_model::{Fix, Plan, RefusedFix};

use super::html::{Page, embeddable, long, short};
use super::plan_words::{self, Words};
use super::terminal::{Line, Paint, Style, labelled_text};
use super::words;
use crate::harmless::clean;
use crate::repair::{CommandFiles, RepairDocument, RepairOutcome};

/// Lines that one entry takes at most.
const MOST: usize = 8;

/// The answer for a terminal; `side` is the command, `host` or `client`.
pub fn terminal(document: &RepairDocument, side: &str, style: Style, columns: usize) -> String {
    let mut paper = Paper { lines: Vec::new(), columns: columns.clamp(60, 120) };
    paper.say(paint(document.outcome), label(document.outcome), &headline(document));
    if let Some(why) = &document.why {
        paper.say(Paint::Plain, "Why", &clean(why, words::LONG));
    }
    for (label, text) in there(document) {
        paper.say(Paint::Plain, label, &text);
    }
    for left in &document.not_put_back {
        paper.say(
            Paint::Bad,
            "Not back",
            &format!("step {}: {}", left.step, clean(&left.why, 400)),
        );
    }
    if let Some(plan) = &document.plan {
        paper.plan(plan, document.command_files.is_some());
    }
    if let Some(sum) = &document.plan_sha256 {
        paper.say(Paint::Faint, "SHA-256", sum);
    }
    for next in next(document, side) {
        paper.say(Paint::Strong, "Next", &next);
    }
    paper.lines.iter().map(|line| line.paint(style) + "\n").collect()
}

fn paint(outcome: RepairOutcome) -> Paint {
    match outcome {
        RepairOutcome::Applied => Paint::Good,
        RepairOutcome::Planned | RepairOutcome::NothingToDo => Paint::Strong,
        RepairOutcome::AwaitingConfirmation | RepairOutcome::RolledBack => Paint::Warn,
        RepairOutcome::Refused | RepairOutcome::PartlyRolledBack => Paint::Bad,
    }
}

fn label(outcome: RepairOutcome) -> &'static str {
    match outcome {
        RepairOutcome::Planned => "PLAN",
        RepairOutcome::NothingToDo => "NOTHING",
        RepairOutcome::Refused => "REFUSED",
        RepairOutcome::Applied => "REPAIRED",
        RepairOutcome::AwaitingConfirmation => "CONFIRM",
        RepairOutcome::RolledBack => "TAKEN BACK",
        RepairOutcome::PartlyRolledBack => "NOT BACK",
    }
}

fn headline(document: &RepairDocument) -> String {
    let machine = document.plan.as_ref().and_then(|plan| plan.computer.as_deref());
    let machine = machine.or(document.there.as_ref().map(|there| &*there.host));
    let machine = clean(machine.unwrap_or("this machine"), words::SHORT);
    let run = document.run.as_deref().unwrap_or_default();
    match document.outcome {
        RepairOutcome::Planned => {
            format!("what would be changed on {machine}; nothing has been")
        }
        RepairOutcome::NothingToDo => format!("no program can mend anything on {machine}"),
        RepairOutcome::Refused => format!("nothing was changed on {machine}"),
        RepairOutcome::Applied => format!("{machine} was changed and verified (run {run})"),
        RepairOutcome::AwaitingConfirmation if is_lost(document) => {
            format!("the line to {machine} was lost while it was changed (run {})", known(run))
        }
        RepairOutcome::AwaitingConfirmation => {
            let until = document.confirm_until.map(|until| until.to_string());
            let until = until.as_deref().and_then(|until| until.get(11..19)).unwrap_or_default();
            format!(
                "{machine} was changed and verified; it is taken back unless somebody confirms or \
                 comes in from outside before {until} UTC (run {run})"
            )
        }
        RepairOutcome::RolledBack => format!("{machine} is as it was before (run {run})"),
        RepairOutcome::PartlyRolledBack => {
            format!("{machine} is not all as it was before; try again (run {run})")
        }
    }
}

fn is_lost(document: &RepairDocument) -> bool {
    document.there.as_ref().is_some_and(|there| there.line_lost.is_some())
}

fn known(run: &str) -> &str {
    if run.is_empty() { "not known" } else { run }
}

/// Where it was done, and what was seen of it from here.
fn there(document: &RepairDocument) -> Vec<(&'static str, String)> {
    let Some(there) = &document.there else { return Vec::new() };
    let by = there.by.as_deref().map(|by| format!(" ({})", clean(by, words::SHORT)));
    let program = if there.copied { ", which was copied there" } else { "" };
    let host = clean(&there.host, words::SHORT);
    let mut rows = vec![(
        "Done on",
        format!("{host} over WinRM{}, by the program there{program}", by.unwrap_or_default()),
    )];
    if let Some(outside) = &there.outside {
        let port = outside.port;
        let text = match &outside.failed {
            None => format!("port {port} answers a handshake from here, which confirms it"),
            Some(why) => {
                format!("no handshake with port {port} from here: {}", clean(why, words::LONG))
            }
        };
        rows.push(("Outside", text));
    }
    rows
}

/// How this very plan is carried out.
fn planned(document: &RepairDocument, side: &str) -> String {
    let stop_gap = document.plan.as_ref().is_some_and(|plan| plan.even_if_policy);
    let more = if stop_gap { " --even-if-policy" } else { "" };
    format!("on that machine: rdpdoctor {side} fix --apply{more}")
}

/// What to do now.
fn next(document: &RepairDocument, side: &str) -> Vec<String> {
    let run = document.run.as_deref().unwrap_or_default();
    let run = match &document.there {
        Some(there) => format!("{run} --remote {}", clean(&there.host, words::SHORT)),
        None => run.to_owned(),
    };
    match document.outcome {
        RepairOutcome::AwaitingConfirmation if is_lost(document) && document.run.is_none() => {
            vec![format!("on that machine, rdpdoctor {side} fix names the run, if there is one")]
        }
        RepairOutcome::Planned => match &document.command_files {
            Some(files) => by_command_file(files),
            None => vec![planned(document, side)],
        },
        RepairOutcome::Applied => vec![format!("to go back: rdpdoctor {side} rollback {run}")],
        RepairOutcome::AwaitingConfirmation => vec![
            format!("come in by a new connection, or: rdpdoctor {side} confirm {run}"),
            format!("to go back at once: rdpdoctor {side} rollback {run}"),
        ],
        RepairOutcome::PartlyRolledBack => vec![format!("rdpdoctor {side} rollback {run}")],
        RepairOutcome::NothingToDo | RepairOutcome::Refused | RepairOutcome::RolledBack => {
            Vec::new()
        }
    }
}

/// How a machine that does not run is changed.
fn by_command_file(files: &CommandFiles) -> Vec<String> {
    match &files.written {
        None => vec![
            "add --script-out FILE.cmd: it writes the changes as a command file for a recovery \
             environment, and beside it the one that takes them back"
                .to_owned(),
        ],
        Some(written) => vec![
            format!(
                "in a recovery environment, with the folder of Windows there: {} D:\\Windows",
                clean(&written.apply, words::SHORT)
            ),
            format!("to go back: {} D:\\Windows", clean(&written.undo, words::SHORT)),
        ],
    }
}

struct Paper {
    lines: Vec<Line>,
    columns: usize,
}

impl Paper {
    fn say(&mut self, paint: Paint, label: &str, text: &str) {
        self.lines.extend(labelled_text(paint, label, text, self.columns, MOST));
    }

    /// What is not running has nobody at work on it, and cuts nobody off.
    fn plan(&mut self, plan: &Plan, offline: bool) {
        let mut number = 0;
        for fix in &plan.fixes {
            self.fix(fix, &mut number);
        }
        for refused in &plan.refused {
            self.refused(refused);
        }
        for by_hand in &plan.by_hand {
            self.lines.push(Line::plain(""));
            self.say(Paint::Warn, "By hand", &named(&by_hand.title, &by_hand.id));
            if let Some(first) = &by_hand.first {
                self.say(Paint::Plain, "First", &clean(first, words::SHORT));
            }
        }
        if plan.fixes.is_empty() {
            return;
        }
        self.lines.push(Line::plain(""));
        if offline {
            return;
        }
        self.say(Paint::Plain, "At work", &plan_words::at_work(&plan.sessions));
        if let Some(then) = plan_words::then(plan) {
            self.say(Paint::Plain, "Then", &then);
        }
        if let Some(touched) = plan_words::touched(plan) {
            self.say(Paint::Plain, "Way back", &way_back(&touched));
        }
    }

    fn fix(&mut self, fix: &Fix, number: &mut usize) {
        self.lines.push(Line::plain(""));
        self.say(Paint::Strong, "Fix", &named(&fix.title, &fix.id));
        self.say(Paint::Plain, "Does", &does(fix));
        for step in &fix.steps {
            *number += 1;
            let Words { what, from, to, undo } = plan_words::step(step);
            let text =
                format!("{}: {} -> {}", clean(&what, 400), clean(&from, 400), clean(&to, 400));
            self.say(Paint::Plain, &format!("Change {number}"), &text);
            let undo = undo.unwrap_or_else(|| "none; this cannot be undone".to_owned());
            self.say(Paint::Faint, "Undo", &clean(&undo, 400));
        }
        if fix.steps.is_empty() {
            self.say(Paint::Plain, "Change", "none but the restarts below");
        }
        self.say(Paint::Plain, "Interrupts", &clean(&fix.interrupts, words::SHORT));
        if !fix.stop_gap.is_empty() {
            self.say(Paint::Warn, "Stop-gap", &stop_gap(fix));
        }
    }

    fn refused(&mut self, refused: &RefusedFix) {
        self.lines.push(Line::plain(""));
        self.say(Paint::Bad, "Refused", &named(&refused.title, &refused.id));
        self.say(Paint::Plain, "Why", &clean(&refused.why, words::LONG));
        for policy in &refused.policies {
            self.say(Paint::Plain, "Policy", &clean(policy, words::SHORT));
        }
    }
}

fn named(title: &str, id: &str) -> String {
    format!("{} ({})", clean(title, words::SHORT), clean(id, words::SHORT))
}

fn does(fix: &Fix) -> String {
    format!(
        "{} (risk {}; whose: {})",
        clean(&fix.does, words::SHORT),
        clean(&fix.risk, 20),
        clean(&fix.owner, 20)
    )
}

fn stop_gap(fix: &Fix) -> String {
    format!(
        "a policy owns it, and its next refresh undoes this: {}",
        clean(&fix.stop_gap.join(", "), words::LONG)
    )
}

fn way_back(touched: &str) -> String {
    format!(
        "it touches {touched}, so a process of its own carries it out and takes it back unless it is \
         confirmed, or somebody comes in from outside, in time"
    )
}

// ── the page ────────────────────────────────────────────────────────────────────────────────────

/// One self-contained page for whoever approves the plan. It holds the answer as JSON.
///
/// # Errors
/// As [`RepairDocument::to_json`].
pub fn page(document: &RepairDocument) -> Result<String, serde_json::Error> {
    let json = embeddable(&document.to_json()?);
    let mut page = Page(String::new());
    let title = headline(document);
    page.begin(&title);
    page.add(&format!(
        "<header class=\"{}\">\n<p class=\"kicker\">Repair of Remote Desktop</p>\n\
         <p class=\"label\">{}</p>\n<h1>{}</h1>\n</header>\n<dl>",
        tone(document.outcome),
        label(document.outcome),
        short(&title)
    ));
    let mut row = |term: &str, text: Option<&str>| {
        if let Some(text) = text {
            page.add(&format!("<dt>{term}</dt><dd>{}</dd>", long(text)));
        }
    };
    let plan = document.plan.as_ref();
    let made = plan.map(|plan| plan.made_at.to_string());
    row("Facts of", made.as_deref());
    row("SHA-256", document.plan_sha256.as_deref());
    row("Run", document.run.as_deref());
    row("Why", document.why.as_deref());
    for (label, text) in there(document) {
        row(label, Some(&text));
    }
    let running = plan.filter(|_| document.command_files.is_none());
    row("At work", running.map(|plan| plan_words::at_work(&plan.sessions)).as_deref());
    row("Then", plan.and_then(plan_words::then).as_deref());
    row("Way back", plan.and_then(plan_words::touched).map(|t| way_back(&t)).as_deref());
    page.add("</dl>");
    if let Some(plan) = plan {
        fixes(&mut page, plan);
        rest(&mut page, plan);
    }
    page.add(&format!(
        "<footer>\n<p>Made by {} {}. This page loads nothing and runs nothing. The element \
         <code>rdpdoctor-repair</code> in its source holds all of it as JSON.</p>\n</footer>",
        short(&document.tool.name),
        short(&document.tool.version)
    ));
    page.add(&format!(
        "<script type=\"application/json\" id=\"rdpdoctor-repair\">\n{json}</script>\n</body>\n</html>"
    ));
    Ok(page.0)
}

fn tone(outcome: RepairOutcome) -> &'static str {
    match outcome {
        RepairOutcome::Applied => "good",
        RepairOutcome::Planned | RepairOutcome::NothingToDo => "none",
        RepairOutcome::AwaitingConfirmation | RepairOutcome::RolledBack => "warn",
        RepairOutcome::Refused | RepairOutcome::PartlyRolledBack => "bad",
    }
}

fn fixes(page: &mut Page, plan: &Plan) {
    let mut number = 0;
    for fix in &plan.fixes {
        page.add(&format!("<h2>{}</h2>", short(&fix.title)));
        page.add(&format!(
            "<p class=\"meta\"><code>{}</code>. {}. Interrupts: {}</p>",
            short(&fix.id),
            short(&does(fix)),
            short(&fix.interrupts)
        ));
        if !fix.stop_gap.is_empty() {
            page.add(&format!(
                "<p class=\"warn\"><span class=\"tag\">Stop-gap:</span> {}</p>",
                long(&stop_gap(fix))
            ));
        }
        page.add(
            "<table>\n<thead><tr><th>No.</th><th>What</th><th>Now</th><th>Then</th><th>Undo</th>\
             </tr></thead>\n<tbody>",
        );
        for step in &fix.steps {
            number += 1;
            let Words { what, from, to, undo } = plan_words::step(step);
            let undo = undo.unwrap_or_else(|| "cannot be undone".to_owned());
            page.add(&format!(
                "<tr><td class=\"id\">{number}</td><td><code>{}</code></td><td>{}</td><td>{}</td>\
                 <td>{}</td></tr>",
                long(&what),
                long(&from),
                long(&to),
                long(&undo)
            ));
        }
        page.add("</tbody>\n</table>");
    }
}

fn rest(page: &mut Page, plan: &Plan) {
    if !plan.refused.is_empty() {
        page.add("<h2>Refused</h2>\n<ul>");
        for refused in &plan.refused {
            page.add(&format!(
                "<li>{} <span class=\"meta\">{} {}</span></li>",
                short(&named(&refused.title, &refused.id)),
                long(&refused.why),
                long(&refused.policies.join(", "))
            ));
        }
        page.add("</ul>");
    }
    if !plan.by_hand.is_empty() {
        page.add("<h2>By hand</h2>\n<ul>");
        for by_hand in &plan.by_hand {
            let first = by_hand.first.as_deref().unwrap_or_default();
            page.add(&format!(
                "<li>{} <span class=\"meta\">{}</span></li>",
                short(&named(&by_hand.title, &by_hand.id)),
                short(first)
            ));
        }
        page.add("</ul>");
    }
}
