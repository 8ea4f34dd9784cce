//! Bad targets, ports, files and flags: one clear line and exit code 3.

use crate::support::{command, run};

#[test]
fn one_line_and_exit_code_3() {
    let cases: [&[&str]; 10] = [
        &[],
        &["check"],
        &["check", "host:0"],
        &["check", "host:99999"],
        &["check", "a b"],
        &["check", "http://host"],
        &["check", "host", "--bogus"],
        &["check", "host", "--timeout", "0"],
        &["check", "host", "--reported", "zero"],
        &["lab", "run", "no-such-fault"],
    ];
    for arguments in cases {
        let run = run(command().args(arguments));
        assert_eq!(run.code, 3, "{arguments:?}: {run:?}");
        assert_eq!(run.stdout, "", "{arguments:?}");
        if !arguments.is_empty() {
            assert_eq!(run.stderr.lines().count(), 1, "{arguments:?}: {}", run.stderr);
        }
    }
}

/// Only Windows signs in as who is logged on.
#[test]
fn a_sign_in_takes_a_name_here() {
    let needs = "--logon and --desktop need -u NAME: only on Windows";
    for (arguments, words) in [
        (&["--logon"][..], needs),
        (&["--desktop", "picture.png", "--yes"], needs),
        (&["--logon", "--restricted-admin", "--auth", "kerberos"], needs),
        (&["--again"], "--user <NAME>|--logon|--desktop <FILE>"),
        (&["--logon", "--password-stdin"], "--user <NAME>"),
    ] {
        let run = run(command().args(["check", "127.0.0.1:1"]).args(arguments));
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{arguments:?}");
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for arguments in [&["--help"][..], &["--version"], &["check", "--help"]] {
        let run = run(command().args(arguments));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(!run.stdout.is_empty());
    }
}

#[test]
fn a_file_that_cannot_be_written_is_said() {
    let run = run(command().args(["check", "127.0.0.1:1", "-o", "/nonexistent/folder/answer"]));
    assert_eq!(run.code, 3);
    assert!(run.stderr.contains("cannot write /nonexistent/folder/answer"), "{}", run.stderr);
}

#[test]
fn a_refused_port_and_what_the_client_showed() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let target = free.expect("a free port").to_string();
    let fits = crate::support::check(&target, &["--reported", "0x204:0x0"]);
    assert_eq!(fits.code, 2);
    assert_eq!(fits.json()["verdict"]["cause"], "net.refused");
    assert_eq!(fits.json()["verdict"]["reported"]["reproduced"], true);
    let other = crate::support::check(&target, &["--reported", "2308:7"]);
    assert_eq!(other.json()["verdict"]["reported"]["reproduced"], false);
}

/// Ctrl-C ends at once and still says what was seen.
#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_was_seen() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    let target = silent.local_addr().expect("an address").to_string();
    let child = command()
        .args(["check", &target, "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    // The Connection Request is the sign that the check knows of its connection.
    let (mut stream, _) = silent.accept().expect("a connection");
    std::io::Read::read_exact(&mut stream, &mut [0]).expect("a byte of it");
    let begun = std::time::Instant::now();
    let id = child.id().to_string();
    let killed = std::process::Command::new("kill").args(["-INT", &id]).status();
    assert!(killed.expect("kill runs").success());
    let output = child.wait_with_output().expect("it ends");
    assert!(begun.elapsed().as_secs() < 3, "{:?}", begun.elapsed());
    assert_eq!(output.status.code(), Some(3));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let seen = document["observations"].as_array().expect("observations");
    assert!(seen.iter().any(|o| o["kind"] == "tcp-connected"));
    assert!(seen.iter().any(|o| o["kind"] == "interrupted"));
}

/// The page stands alone, and a masked answer names nobody.
#[test]
fn a_page_and_a_masked_answer() {
    let folder = crate::support::folder("page");
    let page = folder.join("page.html");
    let mut command = command();
    command.args(["check", "pc42.secret-corp.invalid", "--mask", "--json", "--html"]).arg(&page);
    let run = run(&mut command);
    let html = std::fs::read_to_string(&page).expect("the page");
    for text in [&run.stdout, &html] {
        assert!(!text.contains("secret-corp") && !text.contains("pc42"), "{text}");
    }
    assert!(html.contains("<svg") && !html.contains("src=\"http"), "{html}");
}
