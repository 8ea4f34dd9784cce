//! The story of docs/whose-problem.md: the tickets on that page are the program's.

use crate::joined::{DROPPED, checked_as, facts, server, unreadable_key};
use crate::support::folder;

/// The ticket without what differs from run to run.
fn steady(ticket: &str, place: &str) -> String {
    let (host, port) = place.rsplit_once(':').expect("a port");
    let ticket = ticket.replace(&format!("port {port}"), "port 3389").replace(host, "PC42");
    let line = |line: &str| match line.split_once(": ") {
        Some(("When", _)) => {
            format!("When: 2026-11-21T12:00:00.000Z (UTC), rdpdoctor {}", env!("CARGO_PKG_VERSION"))
        }
        // How many milliseconds it took.
        Some(("Stops at", _)) => line.split(" (RST").next().unwrap_or(line).to_owned(),
        _ => line.to_owned(),
    };
    ticket.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_page_shows_these_tickets() {
    let place = folder("story-whose");
    let page = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/whose-problem.md"
    ));
    let page = page.expect("the page");
    let server = server(DROPPED).await;
    let address = server.address().to_string();
    let ticket = ["--reported", "0x904:0x7", "--text", "ticket"];

    let alone = checked_as(&address, &ticket);
    assert_eq!(alone.code, 2, "{}", alone.stderr);
    let alone = steady(&alone.stdout, &address);
    assert!(alone.lines().count() <= 15, "{alone}");
    assert!(page.contains(alone.trim_end()), "docs/whose-problem.md does not show this:\n{alone}");

    let path = facts(&place, "pc42.json", &unreadable_key(), "PC42", 0);
    let path = path.to_str().expect("a path");
    let both = checked_as(&address, &[&ticket[..], &["--host-facts", path]].concat());
    assert_eq!(both.code, 2, "{}", both.stderr);
    let both = steady(&both.stdout, &address);
    let head: Vec<&str> = both.lines().take(5).collect();
    assert!(page.contains(&head.join("\n")), "docs/whose-problem.md does not show this:\n{both}");
}
