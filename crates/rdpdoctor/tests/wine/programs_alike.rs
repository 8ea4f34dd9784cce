//! What says the same on both systems, and what only a program of Windows has.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::wine::{Run, Wine, native};

/// The version, and the manifest with the rights, the long paths and the code page that it asks for.
pub fn resources_of_the_program(wine: &Wine) {
    let program = std::fs::read(wine.program()).expect("the program");
    // Resources lie at a program's end.
    let program = &program[program.len().saturating_sub(1 << 20)..];
    let has = |wanted: &[u8]| program.windows(wanted.len()).any(|part| part == wanted);
    let utf16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    for wanted in ["level=\"asInvoker\"", ">true</longPathAware>", ">UTF-8</activeCodePage>"] {
        assert!(has(wanted.as_bytes()), "{wanted}");
    }
    for wanted in
        ["VS_VERSION_INFO", "OriginalFilename", "rdpdoctor.exe", env!("CARGO_PKG_VERSION")]
    {
        assert!(has(&utf16(wanted)), "{wanted}");
    }
}

pub fn help_version_and_usage_errors(wine: &Wine) {
    for arguments in [&["--help"][..], &["--version"], &["check", "--help"], &["lab", "list"]] {
        let under_wine = Run::of(wine.command().args(arguments));
        let here = Run::of(native().args(arguments));
        assert_eq!((under_wine.code, under_wine.stderr.as_str()), (0, ""), "{arguments:?}");
        let shown = under_wine.stdout.replace("rdpdoctor.exe", "rdpdoctor");
        assert_eq!(shown, here.stdout, "{arguments:?}");
    }
    for arguments in [&["check"][..], &["check", "host:0"], &["check", "host", "--bogus"]] {
        let under_wine = Run::of(wine.command().args(arguments));
        assert_eq!((under_wine.code, under_wine.stdout.as_str()), (3, ""), "{arguments:?}");
        assert_eq!(under_wine.stderr.lines().count(), 1, "{arguments:?}: {}", under_wine.stderr);
    }
}

pub fn explain_says_the_same(wine: &Wine) {
    for arguments in [&["0x904", "0x7"][..], &["2308", "7", "--json"], &["0x904", "0x7", "--tree"]]
    {
        let under_wine = Run::of(wine.command().arg("explain").args(arguments));
        let here = Run::of(native().arg("explain").args(arguments));
        assert_eq!((under_wine.code, under_wine.stderr.as_str()), (0, ""), "{arguments:?}");
        assert_eq!(under_wine.stdout, here.stdout, "{arguments:?}");
    }
    assert_eq!(Run::of(wine.command().args(["explain", "0xDEADBEEF"])).code, 3);
}

/// The lab listens under Wine, and the command of this system finds the fault.
pub fn a_lab_on_windows(wine: &Wine) {
    let mut command = wine.command();
    command.args(["lab", "run", "wrong-service-ssh"]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the lab starts");
    let mut line = String::new();
    let output = child.stdout.take().expect("its output");
    BufReader::new(output).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}"));
    let found = Run::of(native().args(["check", address, "--json", "--no-side"]));
    // `timeout` hands the signal on.
    let ended = Run::of(std::process::Command::new("kill").arg(child.id().to_string()));
    assert_eq!(ended.code, 0, "{ended:?}");
    child.wait().expect("it ends");
    assert_eq!(found.json()["verdict"]["cause"], "net.wrong-service", "{found:?}");
}
