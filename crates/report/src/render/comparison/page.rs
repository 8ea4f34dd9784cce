//! A comparison as one self-contained page: the groups side by side.

use super::super::html::{Page, embeddable, long, reference_link, short, tone};
use super::super::words;
use super::{aspect, label, name, values};
use crate::comparison::{ComparisonDocument, ComparisonFinding, DifferenceEntry, RunGroup};
use crate::document::Proof;
use crate::stage_label;

/// Renders the comparison as an HTML page in UTF-8.
///
/// # Errors
/// As [`ComparisonDocument::to_json`]: the page holds the document.
pub fn render(document: &ComparisonDocument) -> Result<String, serde_json::Error> {
    let json = embeddable(&document.to_json()?);
    let mut page = Page(String::new());
    page.begin(&format!("{}: {}", label(document), document.verdict.title));
    verdict(&mut page, document);
    runs(&mut page, document);
    differences(&mut page, document);
    findings(&mut page, document);
    next_tests(&mut page, document);
    page.add(&format!(
        "<footer>\n<p>Made by {} {}. This page loads nothing and runs nothing. The element \
         <code>rdpdoctor-comparison</code> in its source holds the whole comparison as JSON.</p>\n\
         </footer>\n<script type=\"application/json\" id=\"rdpdoctor-comparison\">\n{json}</script>\n\
         </body>\n</html>",
        short(&document.tool.name),
        short(&document.tool.version)
    ));
    Ok(page.0)
}

fn verdict(page: &mut Page, document: &ComparisonDocument) {
    let verdict = &document.verdict;
    let tone = match (verdict.different, verdict.proof) {
        (false, _) => "good",
        (true, Some(Proof::Proven | Proof::Likely)) => "bad",
        (true, _) => "warn",
    };
    page.add(&format!(
        "<header class=\"{tone}\">\n<p class=\"kicker\">Remote Desktop, {} held against {}</p>\n\
         <p class=\"label\">{}</p>\n<h1>{}</h1>\n</header>",
        short(&document.a.name),
        short(&document.b.name),
        label(document),
        short(&verdict.title)
    ));
}

fn runs(page: &mut Page, document: &ComparisonDocument) {
    page.add(
        "<h2>Held side by side</h2>\n<table>\n<thead><tr><th scope=\"col\">Side</th>\
         <th scope=\"col\">Begun (UTC)</th><th scope=\"col\">Run</th>\
         <th scope=\"col\">Answer</th></tr></thead>\n<tbody>",
    );
    for group in [&document.a, &document.b] {
        group_rows(page, group);
    }
    page.add("</tbody>\n</table>");
}

fn group_rows(page: &mut Page, group: &RunGroup) {
    for run in &group.runs {
        let begun = run.started_at.to_string();
        page.add(&format!(
            "<tr><td class=\"id\">{}</td><td class=\"id\">{}</td><td class=\"long\">{}<br>\
             <span class=\"meta\">{}</span></td><td class=\"long\"><span class=\"{}\">\
             <span class=\"tag\">{}</span></span> <code>{}</code></td></tr>",
            short(&group.name),
            begun.get(..19).unwrap_or_default().replace('T', " "),
            short(&run.target),
            short(&run.file),
            tone(run.status),
            short(&run.title),
            short(run.cause.as_deref().unwrap_or("no cause"))
        ));
    }
}

fn differences(page: &mut Page, document: &ComparisonDocument) {
    for (title, matters) in [("What differs", true), ("Differs, and explains nothing", false)] {
        let rows: Vec<_> = document.differences.iter().filter(|d| d.matters == matters).collect();
        if rows.is_empty() {
            continue;
        }
        page.add(&format!(
            "<h2>{title}</h2>\n<table>\n<thead><tr><th scope=\"col\">Step</th>\
             <th scope=\"col\">What</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr>\
             </thead>\n<tbody>",
            short(&document.a.name),
            short(&document.b.name)
        ));
        for difference in rows {
            row(page, difference);
        }
        page.add("</tbody>\n</table>");
    }
}

fn row(page: &mut Page, difference: &DifferenceEntry) {
    let cell = |seen: &[_]| -> String {
        values(seen).iter().map(|text| long(text)).collect::<Vec<_>>().join("<br>")
    };
    page.add(&format!(
        "<tr><td class=\"id\">{}</td><td class=\"id\">{}</td><td class=\"long\">{}</td>\
         <td class=\"long\">{}</td></tr>",
        stage_label(difference.stage),
        short(&aspect(&difference.aspect)),
        cell(&difference.a),
        cell(&difference.b)
    ));
}

fn findings(page: &mut Page, document: &ComparisonDocument) {
    if document.findings.is_empty() {
        return;
    }
    page.add("<h2>What this points to</h2>");
    for (number, found) in document.findings.iter().enumerate() {
        finding(page, document, found, number == 0);
    }
}

fn finding(page: &mut Page, document: &ComparisonDocument, found: &ComparisonFinding, open: bool) {
    let shown = if open { " open" } else { "" };
    page.add(&format!(
        "<details{shown}>\n<summary>{}</summary>\n<div class=\"inside\">\n<p>{}</p>",
        short(&found.title),
        long(&found.explanation)
    ));
    let group = found.group.map(|group| format!(" Seen in {}.", short(name(document, group))));
    let cited: Vec<String> = found
        .evidence
        .iter()
        .map(|cited| {
            format!(
                "{} {} {}",
                short(name(document, cited.group)),
                cited.run + 1,
                short(&cited.id.0)
            )
        })
        .collect();
    page.add(&format!(
        "<p class=\"meta\"><code>{}</code>, {}.{} Evidence (side, run, observation): {}</p>",
        short(&found.cause),
        words::proof(found.proof),
        group.unwrap_or_default(),
        cited.join("; ")
    ));
    for (number, remedy) in found.remedies.iter().enumerate() {
        page.remedy(remedy, open && number == 0);
    }
    if !found.references.is_empty() {
        page.add("<h3>To read up</h3>\n<ul>");
        for reference in &found.references {
            page.add(&format!("<li>{}</li>", reference_link(reference)));
        }
        page.add("</ul>");
    }
    page.add("</div>\n</details>");
}

fn next_tests(page: &mut Page, document: &ComparisonDocument) {
    if document.next_tests.is_empty() {
        return;
    }
    page.add("<h2>What to test next</h2>\n<ul>");
    for test in &document.next_tests {
        page.add(&format!(
            "<li><pre class=\"sh\">{}</pre>{}</li>",
            long(&test.command),
            long(&test.why)
        ));
    }
    page.add("</ul>");
}
