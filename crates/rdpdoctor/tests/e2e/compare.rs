//! `compare`: documents that the real command saved, of the lab's servers, held side by side.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rdpdoctor_lab::{Options, fault, start};
use serde_json::Value;

use crate::support::{Run, command, folder, run};

/// A fault's document, saved by the real command; of two checks of one running server.
async fn saved(name: &str, folder: &Path, count: usize) -> Vec<PathBuf> {
    let listen: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let known = fault(name).expect("a fault");
    let running = start(known, listen, Options::default()).await.expect("the fault starts");
    let target = running.address().to_string();
    let mut files = Vec::new();
    for number in 0..count {
        let file = folder.join(format!("{name}-{number}.json"));
        let mut command = command();
        command.args(["check", &target, "--json", "--timeout", "4", "-o"]).arg(&file);
        let ran = tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ran");
        assert!(ran.code < 3, "{ran:?}");
        files.push(file);
    }
    running.shutdown();
    files
}

fn compared(arguments: &[&str], files: &[&Path]) -> Run {
    run(command().arg("compare").args(arguments).args(files))
}

fn causes(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().expect("findings");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    findings.iter().map(|f| format!("{} {}", text(&f["cause"]), text(&f["proof"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_two_checks_of_one_server() {
    let folder = folder("compare-same");
    let files = saved("healthy-nla", &folder, 2).await;
    let ran = compared(&["--json"], &[&files[0], &files[1]]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert_eq!(ran.json()["verdict"]["different"], false);
    assert_eq!(ran.json()["verdict"]["cause"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_an_issuer_in_between() {
    let folder = folder("compare-issuer");
    let healthy = saved("healthy-nla", &folder, 2).await;
    let inspected = saved("cert-intercepted", &folder, 2).await;
    let ran = compared(&["--json"], &[&healthy[0], &inspected[0]]);
    let document = ran.json();
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert_eq!(document["verdict"]["cause"], "tls.intercepted", "{:?}", causes(&document));
    assert_eq!(document["verdict"]["proof"], "likely");
    assert_eq!(document["verdict"]["group"], "b");
    let issuer = document["differences"].as_array().expect("differences");
    let issuer = issuer.iter().find(|d| d["aspect"] == "issuer").expect("the issuer");
    assert_eq!(issuer["a"][0]["value"], "itself");

    // The same by groups, the page and the masked answer.
    let page = folder.join("page.html");
    let mut command = command();
    command.args(["compare", "--mask", "--good"]).args(&healthy).arg("--bad").args(&inspected);
    let ran = run(command.arg("--html").arg(&page));
    assert_eq!(ran.code, 1, "{ran:?}");
    let html = std::fs::read_to_string(&page).expect("the page");
    for text in [&ran.stdout, &html] {
        assert!(text.contains("tls.intercepted") && text.contains("good"), "{text}");
        assert!(!text.to_lowercase().contains("labpc01"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_a_failure_and_a_success() {
    let folder = folder("compare-failure");
    let healthy = saved("healthy-nla", &folder, 1).await;
    let failing = saved("tls-key-unavailable-fin", &folder, 1).await;
    let ran = compared(&["--json"], &[&healthy[0], &failing[0]]);
    let document = ran.json();
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert_eq!(document["verdict"]["cause"], "tls.private-key-unavailable", "{document}");
    assert_eq!(document["verdict"]["group"], "b");
    let shown = compared(&[], &[&healthy[0], &failing[0]]);
    assert!(shown.stdout.lines().all(|line| line.chars().count() <= 80), "{}", shown.stdout);
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"/\S*/", "");
    settings.add_filter(r"(?m)^  (A|B) .*\n( {15}\S.*\n)+", "  $1            FILE, TARGET, TIME\n");
    settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
    settings.add_filter(r"(?m)^( {4}[AB] +)\d+$", "${1}PORT");
    settings.bind(|| insta::assert_snapshot!("compare-failure", shown.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_takes_what_a_shell_made_of_a_document_and_says_what_it_cannot_take() {
    let folder = folder("compare-files");
    let files = saved("healthy-tls-only", &folder, 1).await;
    // A redirection of Windows PowerShell: UTF-16 with a byte order mark.
    let text = std::fs::read_to_string(&files[0]).expect("the document");
    let wide: Vec<u8> =
        std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let copy = folder.join("wide.json");
    std::fs::write(&copy, wide).expect("a file");
    assert_eq!(compared(&[], &[&files[0], &copy]).code, 0);

    let broken = folder.join("broken.json");
    std::fs::write(&broken, &text[..text.len() / 2]).expect("a file");
    let other = folder.join("other.rdp");
    std::fs::write(&other, "full address:s:pc42\r\n").expect("a file");
    let (whole, missing) = (&files[0], folder.join("missing.json"));
    for files in [[whole, &broken], [whole, &other], [whole, &missing]] {
        let ran = compared(&["--json"], &files.map(PathBuf::as_path));
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
    for arguments in
        [&["a"][..], &["a", "b", "c"], &["--good", "a"], &["a", "b", "--bad", "c"], &[]]
    {
        let ran = compared(arguments, &[]);
        assert_eq!((ran.code, ran.stderr.lines().count()), (3, 1), "{arguments:?}: {ran:?}");
    }
}
