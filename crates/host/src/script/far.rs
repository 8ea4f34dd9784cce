//! The program itself on another machine, over a remote shell: a script there takes what is sent, keeps
//! it where only administrators can write, and runs it as long as nobody can change it.

use base64ct::{Base64, Encoding as _};
use serde::Serialize;

pub use super::remote::PROGRAM;

/// The script. No line of it is [`BEHIND`] alone.
const SOURCE: &str = include_str!("powershell/far.ps1");

/// Between the script and what it is given.
const BEHIND: &str = "#";

/// Behind all that it is given: without it nothing is done.
const WHOLE: &str = ".";

/// How much of a program stands in one line.
const PIECE: usize = 48 * 1024;

/// What begins each line of the script.
const HEAD: &str = "rdpdoctor ";

/// What PowerShell is told: the script is run as soon as it is there, and each further line handed to
/// it. So what is copied is never held to be a script, nor written to the log of scripts.
const BOOT: &str = "begin { $ProgressPreference = 'SilentlyContinue'; $Source = ''; $Ready = $false }\n\
                    process { if ($Ready) { Receive-Line $_ } \
                    elseif ($_ -ceq '#') { Invoke-Expression $Source; $Ready = $true } \
                    else { $Source += \"$_`n\" } }\n\
                    end { if ($Ready) { Complete-Input } }\n";

/// What is to be done there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "work", rename_all = "kebab-case")]
pub enum Order<'a> {
    /// The program is kept.
    Copy {
        /// Its SHA-256.
        sha256: &'a str,
    },
    /// The program that was kept is run.
    Run {
        /// Its SHA-256.
        sha256: &'a str,
        /// What it has to answer to `--version`.
        version: &'a str,
        /// Its arguments, as a command line of Windows.
        line: &'a str,
        /// What stands in the file `plan.json` of the folder in which it runs, as base64.
        plan: Option<&'a str>,
    },
}

/// What the script answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing was done, and why.
    Denied(Denied),
    /// The program is not there.
    Missing,
    /// The program is there.
    Kept,
    /// A line that the program complained of.
    Complaint(String),
    /// A piece of what the program answered.
    Answer(Vec<u8>),
    /// The program ended with this number.
    Ended(i64),
}

/// Why nothing was done there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// PowerShell's Constrained Language Mode.
    Language,
    /// Older than Windows 10, or than PowerShell 5.
    Old,
    /// Another processor than x86-64.
    Processor(String),
    /// The user is no administrator.
    Rights,
    /// Somebody else's folder lies where the program is to be kept.
    Folder,
    /// What arrived is not what was sent.
    Sum,
    /// The program says that it is another version.
    Version(String),
    /// An error of Windows, most often when the program was started.
    Windows(u32),
    /// In other words.
    Failed(String),
}

/// The arguments of [`PROGRAM`].
pub fn arguments() -> String {
    super::remote::encoded(BOOT)
}

/// The standard input: the script, the order, and what is copied.
///
/// # Errors
/// None that an order can cause; serialising is fallible by its type.
pub fn input(order: &Order<'_>, copied: &[u8]) -> Result<String, serde_json::Error> {
    let order = Base64::encode_string(serde_json::to_string(order)?.as_bytes());
    let mut input = format!("{SOURCE}{BEHIND}\n{order}\n");
    for piece in copied.chunks(PIECE) {
        input += &Base64::encode_string(piece);
        input.push('\n');
    }
    Ok(input + WHOLE + "\n")
}

/// What the script wrote; lines that are not its own are passed over.
pub fn read(output: &[u8]) -> Vec<Said> {
    let text = String::from_utf8_lossy(output);
    text.lines().filter_map(|line| said(line.trim().strip_prefix(HEAD)?)).collect()
}

fn said(line: &str) -> Option<Said> {
    let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
    Some(match kind {
        "denied" => Said::Denied(denied(rest)),
        "missing" => Said::Missing,
        "kept" => Said::Kept,
        "said" => Said::Complaint(decoded(rest)),
        "answer" => Said::Answer(Base64::decode_vec(rest).ok()?),
        "ended" => Said::Ended(rest.parse().ok()?),
        _ => return None,
    })
}

fn denied(words: &str) -> Denied {
    let (kind, rest) = words.split_once(' ').unwrap_or((words, ""));
    match kind {
        "language" => Denied::Language,
        "old" => Denied::Old,
        "processor" => Denied::Processor(rest.to_owned()),
        "rights" => Denied::Rights,
        "folder" => Denied::Folder,
        "sum" => Denied::Sum,
        "version" => Denied::Version(decoded(rest)),
        "windows" => rest.parse().map_or(Denied::Failed(words.to_owned()), Denied::Windows),
        "failed" => Denied::Failed(decoded(rest)),
        _ => Denied::Failed(words.to_owned()),
    }
}

fn decoded(text: &str) -> String {
    Base64::decode_vec(text)
        .map_or_else(|_| text.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SUM: &str = "ab";

    fn tree(text: &str) -> tree_sitter::Tree {
        let mut parser = tree_sitter::Parser::new();
        parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).expect("the grammar");
        let tree = parser.parse(text, None).expect("a tree");
        assert!(!tree.root_node().has_error(), "{}", tree.root_node().to_sexp());
        tree
    }

    /// Every name that is called, and every function that is there.
    fn names(node: tree_sitter::Node<'_>, kind: &str, text: &str, into: &mut Vec<String>) {
        if node.kind() == kind {
            into.push(text[node.byte_range()].to_owned());
        }
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            names(child, kind, text, into);
        }
    }

    #[test]
    fn the_script_is_powershell_and_calls_what_is_there() {
        let tree = tree(SOURCE);
        let (mut called, mut defined) = (Vec::new(), Vec::new());
        names(tree.root_node(), "command_name", SOURCE, &mut called);
        names(tree.root_node(), "function_name", SOURCE, &mut defined);
        assert!(called.len() > 30 && defined.len() > 15, "{called:?} {defined:?}");
        const OF_POWERSHELL: [&str; 3] = ["New-Object", "Join-Path", "ConvertFrom-Json"];
        for name in &called {
            let known = OF_POWERSHELL.contains(&name.as_str()) || defined.contains(name);
            assert!(known, "{name} is not there");
        }
        for name in ["Receive-Line", "Complete-Input"] {
            assert!(defined.iter().any(|known| known == name) && BOOT.contains(name));
        }
        assert!(SOURCE.is_ascii() && SOURCE.ends_with('\n'));
        assert!(!SOURCE.lines().any(|line| line == BEHIND), "that line ends the script");
    }

    #[test]
    fn the_boot_is_short_and_powershell() {
        tree(BOOT);
        let line = arguments();
        // A command line of Windows has at most 8,191 characters.
        assert!(line.len() < 2_000, "{}", line.len());
        assert!(BOOT.contains(&format!("-ceq '{BEHIND}'")));
    }

    #[test]
    fn the_input_is_ascii_and_ends_with_a_point() {
        let order = Order::Run { sha256: SUM, version: "1", line: "--change \u{e4}", plan: None };
        let input = input(&order, &[7; PIECE + 1]).expect("an input");
        assert!(input.is_ascii());
        let behind = input.strip_prefix(SOURCE).expect("the script");
        let lines: Vec<&str> = behind.lines().collect();
        let [BEHIND, order, first, second, WHOLE] = lines[..] else { panic!("{}", lines.len()) };
        let order = Base64::decode_vec(order).expect("base64");
        let order: serde_json::Value = serde_json::from_slice(&order).expect("JSON");
        assert_eq!(order["work"], "run");
        assert_eq!(order["line"], "--change \u{e4}");
        let pieces = [first, second].map(|line| Base64::decode_vec(line).expect("base64"));
        assert_eq!(pieces.concat(), [7; PIECE + 1]);
    }

    #[test]
    fn what_the_script_says() {
        let wrote = "noise\r\nrdpdoctor said aGk=\r\nrdpdoctor answer e30=\r\nrdpdoctor ended 1\r\n\
                     rdpdoctor other\r\nrdpdoctor ended x\r\n";
        let expected =
            [Said::Complaint("hi".to_owned()), Said::Answer(b"{}".to_vec()), Said::Ended(1)];
        assert_eq!(read(wrote.as_bytes()), expected);
        let of = |words: &str| read(format!("rdpdoctor denied {words}").as_bytes());
        for (words, denied) in [
            ("language", Denied::Language),
            ("processor ARM64", Denied::Processor("ARM64".to_owned())),
            ("windows 1260", Denied::Windows(1260)),
            ("windows x", Denied::Failed("windows x".to_owned())),
            ("version MA==", Denied::Version("0".to_owned())),
            ("failed aGk=", Denied::Failed("hi".to_owned())),
            ("new word", Denied::Failed("new word".to_owned())),
        ] {
            assert_eq!(of(words), [Said::Denied(denied)], "{words}");
            // Each word is one of the script's.
            let word = words.split(' ').next().expect("a word");
            let there = SOURCE.contains(&format!("denied {word}"))
                || SOURCE.contains(&format!("'{word} '"));
            assert_eq!(there, word != "new", "{word}");
        }
        assert_eq!(read(b"rdpdoctor missing\nrdpdoctor kept"), [Said::Missing, Said::Kept]);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            let _ = read(&bytes);
            let _ = read(&[b"rdpdoctor answer ", &bytes[..]].concat());
        }
    }
}
