//! The script's text. PowerShell does not run where these tests do: the script is parsed, its commands
//! and types are held against lists, and what it writes is put together here from its own literals and
//! read as facts.

use std::collections::BTreeSet;

use rdpdoctor_model::{
    Fact, FileState, LocalAccount, Lookup, NetworkAdapter, PortListener, RegistryData,
    SavedCredential, ServiceState, Volume, WindowsSession,
};
use serde::de::DeserializeOwned;
use tree_sitter::{Node, Parser, Tree};

use super::*;
use crate::script::parts::AZURE;

const FORMS: [Form; 3] = [
    Form::Json,
    Form::Parts { limit: AZURE, order: Order::Last },
    Form::Parts { limit: AZURE, order: Order::First },
];

fn parsed(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).expect("the grammar");
    parser.parse(text, None).expect("a tree")
}

fn nodes<'t>(tree: &'t Tree, kind: &str) -> Vec<Node<'t>> {
    let mut found = Vec::new();
    let mut left = vec![tree.root_node()];
    while let Some(node) = left.pop() {
        if node.kind() == kind {
            found.push(node);
        }
        left.extend(
            (0..node.child_count()).filter_map(|index| node.child(u32::try_from(index).ok()?)),
        );
    }
    found
}

fn text<'s>(node: Node<'_>, source: &'s str) -> &'s str {
    &source[node.byte_range()]
}

#[test]
fn every_script_is_powershell() {
    for side in [Side::Host, Side::Client] {
        for form in FORMS {
            let script = source(side, form);
            let tree = parsed(&script);
            let broken: Vec<_> = nodes(&tree, "ERROR").iter().map(|n| text(*n, &script)).collect();
            assert!(!tree.root_node().has_error(), "{side:?} {form:?}: {broken:?}");
            assert!(script.is_ascii(), "a file without a mark is read in the machine's code page");
            // What a cloud takes at most is 200 KB (Intune), and Systems Manager less.
            assert!(script.len() < 100_000, "{}", script.len());
        }
    }
}

#[test]
fn a_broken_script_is_noticed() {
    assert!(parsed("function X { if ($a { 1 } }").root_node().has_error());
    assert!(parsed("$x = 'a' + + ) 'b'").root_node().has_error());
}

/// Cmdlets that read, and those that handle what was read. None of them is an alias.
const CMDLETS: &[&str] = &[
    "ForEach-Object",
    "Get-Acl",
    "Get-ChildItem",
    "Get-CimInstance",
    "Invoke-CimMethod",
    "Get-Content",
    "Get-Date",
    "Get-Item",
    "Get-ItemProperty",
    "Get-LocalGroupMember",
    "Get-LocalUser",
    "Get-NetConnectionProfile",
    "Get-NetTCPConnection",
    "Get-Process",
    "Get-Random",
    "Get-Service",
    "Get-WinEvent",
    "New-Object",
    "Select-Object",
    "Sort-Object",
    "Where-Object",
];

/// The one thing that is taken away: the file that secedit wrote for the script itself.
const TAKEN_AWAY: &str = "Remove-Item -LiteralPath $file -Force -ErrorAction SilentlyContinue";

#[test]
fn it_calls_what_reads_and_nothing_else() {
    for form in FORMS {
        let script = source(Side::Host, form);
        let tree = parsed(&script);
        let own: BTreeSet<&str> =
            nodes(&tree, "function_name").iter().map(|node| text(*node, &script)).collect();
        let mut called = BTreeSet::new();
        for node in nodes(&tree, "command") {
            let words = text(node, &script);
            let name = words.split_whitespace().next().unwrap_or_default();
            called.insert(name);
            let known = CMDLETS.contains(&name)
                || own.contains(name)
                || matches!(name, "&" | "throw")
                || words == TAKEN_AWAY;
            assert!(known, "{words}");
        }
        // Where the script runs a program, it is one of these.
        let programs = script.matches("Invoke-Program '").count();
        let known = ["whoami", "netstat", "secedit", "cmdkey", "qwinsta", "powercfg", "w32tm"];
        let named: usize = known
            .iter()
            .map(|name| script.matches(&format!("Invoke-Program '{name}.exe'")).count())
            .sum();
        assert_eq!(programs, named);
        for function in own.iter().filter(|name| !QUESTIONS.contains(name)) {
            assert!(called.contains(function), "nobody calls {function}");
        }
    }
}

/// Functions that are there for questions, whether one asks them or not.
const QUESTIONS: &[&str] = &[
    "Get-Value",
    "Get-Values",
    "Get-Subkeys",
    "Get-ValueOfEach",
    "Get-ServiceState",
    "Get-File",
    "Get-Folder",
    "Get-Listeners",
    "Get-Sessions",
    "Get-Volumes",
    "Get-Adapters",
    "Get-Certificates",
    "Get-FirewallRules",
    "Get-Members",
    "Get-Right",
    "Get-Accounts",
    "Get-Updates",
    "Get-Power",
    "Get-Clock",
    "Get-SavedCredentials",
    "Get-Events",
    "Get-Profiles",
    "Get-Hosts",
    "Get-LicenseGrace",
    "Get-NotRead",
];

/// Types that Constrained Language Mode lets be used (about_Language_Modes).
const CORE_TYPES: &[&str] =
    &["string", "int", "int64", "bool", "char", "decimal", "byte[]", "scriptblock"];

#[test]
fn what_constrained_language_mode_forbids_is_asked_for_behind_a_question() {
    let script = source(Side::Host, FORMS[1]);
    let tree = parsed(&script);
    let mut guarded = 0;
    for node in nodes(&tree, "type_literal") {
        let name = text(node, &script).trim_matches(['[', ']']).to_ascii_lowercase();
        let name = if text(node, &script).contains("[]") { "byte[]" } else { &name };
        if CORE_TYPES.contains(&name) {
            continue;
        }
        let mut above = node;
        while above.kind() != "function_statement" {
            above =
                above.parent().unwrap_or_else(|| panic!("{name} is used outside of a function"));
        }
        let function = text(above, &script);
        let name = function.split(['(', ' ', '{']).nth(1).unwrap_or_default();
        // What catches is told to say that it could not look.
        let asks = function.contains("$Full") || ["Open-Key", "Find-Exported"].contains(&name);
        assert!(asks, "{function}");
        guarded += 1;
    }
    assert!(guarded > 5, "{guarded}");
    for caller in ["Read-Value", "Read-Names", "Get-FirewallRules"] {
        let from = script.find(&format!("function {caller}")).expect("it is there");
        let open = script[from..].find("Open-Key").expect("it opens keys");
        assert!(script[from..from + open].contains("$Full"), "{caller}");
    }
}

#[test]
fn every_question_has_its_line() {
    let every = [
        (Question::Value("HKLM\\A", "it's"), "Get-Value 'HKLM\\A' 'it''s' ''"),
        (Question::Values("HKLM\\A"), "Get-Values 'HKLM\\A' ''"),
        (Question::Subkeys("HKLM\\A"), "Get-Subkeys 'HKLM\\A' ''"),
        (Question::ValueOfEach("HKLM\\A", "b"), "Get-ValueOfEach 'HKLM\\A' 'b' ''"),
        (Question::Service("x"), "Get-ServiceState 'x' @('', '', '', '', '')"),
        (Question::File("C:\\x"), "Get-File 'C:\\x' ''"),
        (Question::Folder("C:\\x"), "Get-Folder 'C:\\x' ''"),
        (Question::Listeners, "Get-Listeners ''"),
        (Question::Sessions, "Get-Sessions ''"),
        (Question::Volumes, "Get-Volumes ''"),
        (Question::Adapters, "Get-Adapters ''"),
        (Question::Members("S-1-5-32-555"), "Get-Members 'S-1-5-32-555' ''"),
        (Question::Right("SeNetworkLogonRight"), "Get-Right 'SeNetworkLogonRight' ''"),
        (Question::Accounts, "Get-Accounts ''"),
        (Question::Updates, "Get-Updates ''"),
        (Question::Power, "Get-Power ''"),
        (Question::Clock, "Get-Clock"),
        (Question::SavedCredentials, "Get-SavedCredentials ''"),
        (Question::Events("System", "p", &[1, 2]), "Get-Events 'System' 'p' @(1, 2)"),
    ];
    for (question, line) in every {
        assert_eq!(call(question, false), line);
        assert!(!parsed(&call(question, true)).root_node().has_error(), "{question:?}");
    }
    let script = source(Side::Host, Form::Json);
    let asked: BTreeSet<Question> = checks::questions(Side::Host).collect();
    for question in &asked {
        assert!(script.contains(&format!("Ask {{ {} }}", call(*question, false))), "{question:?}");
    }
    assert_eq!(script.matches("    Ask { ").count(), asked.len() + 1, "each once, and whose facts");
}

// ── what it writes ──────────────────────────────────────────────────────────────────────────────

/// The text that a sum of literals and expressions gives, the expressions being what `fill` says.
fn sum(from: &str, fill: &dyn Fn(&str) -> String) -> String {
    let (mut written, mut rest) = (String::new(), from);
    loop {
        let length = operand(rest);
        let (this, after) = rest.split_at(length);
        written.push_str(&match this.strip_prefix('\'') {
            Some(literal) => literal[..literal.len() - 1].replace("''", "'"),
            None => fill(this),
        });
        match after.strip_prefix(" + ") {
            Some(next) => rest = next,
            None => return written,
        }
    }
}

/// How long the first operand is.
fn operand(text: &str) -> usize {
    let (mut depth, mut quoted) = (0_i32, false);
    for (at, character) in text.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' => depth += 1,
            ')' | ']' if depth > 0 => depth -= 1,
            ')' | '}' | '\n' => return at,
            ' ' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// The sum in the script that begins with this literal.
fn written(begins: &str, fills: &[(&str, &str)]) -> String {
    let script = source(Side::Host, Form::Json);
    let at = script.find(begins).unwrap_or_else(|| panic!("nothing writes {begins}"));
    sum(&script[at..], &|operand| {
        let found = fills.iter().find(|(name, _)| *name == operand);
        found.unwrap_or_else(|| panic!("what is {operand} in {begins}?")).1.to_owned()
    })
}

fn read<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap_or_else(|why| panic!("{why}: {json}"))
}

const TEXT: &str = r#""f\u00fcr \\ \"x\"""#;
const ABSENT: &str = r#"{"lookup":"absent"}"#;

#[test]
fn data_of_the_registry() {
    let number =
        [("([int64]$Data -band 4294967295)", "4294967295"), ("$number", "18446744073709551615")];
    let more = [
        ("(Format-Text $Data)", TEXT),
        ("(Format-Texts $Data)", r#"["a","b"]"#),
        ("(Format-Bytes $Data)", r#""00ff""#),
    ];
    let fills = [&number[..], &more[..]].concat();
    for (begins, data) in [
        ("'{\"type\":\"dword\"", RegistryData::Dword(u32::MAX)),
        ("'{\"type\":\"qword\"", RegistryData::Qword(u64::MAX)),
        ("'{\"type\":\"text\"", RegistryData::Text("f\u{fc}r \\ \"x\"".to_owned())),
        ("'{\"type\":\"expand-text\"", RegistryData::ExpandText("f\u{fc}r \\ \"x\"".to_owned())),
        ("'{\"type\":\"texts\"", RegistryData::Texts(vec!["a".to_owned(), "b".to_owned()])),
        ("'{\"type\":\"binary\"", RegistryData::Binary(rdpdoctor_model::Hex(vec![0, 255]))),
    ] {
        assert_eq!(read::<RegistryData>(&written(begins, &fills)), data);
    }
    let seen = written("'{\"lookup\":\"seen\",\"value\":'", &[("$Json", "7")]);
    assert_eq!(read::<Lookup<u32>>(&seen), Lookup::seen(7));
    let unread =
        written("'{\"lookup\":\"unavailable\"", &[("(Format-Text $Why)", r#""access denied""#)]);
    assert_eq!(read::<Lookup<u32>>(&unread), Lookup::unavailable("access denied"));
    assert_eq!(read::<Lookup<u32>>(&written("'{\"lookup\":\"absent\"}'", &[])), Lookup::Absent);
}

/// Every kind of fact that the script writes, read back; a new kind has to be added here.
#[test]
fn every_fact_is_read_back() {
    let key = [("(Format-Text $Key)", r#""HKLM\\A""#), ("(Format-Text $Name)", TEXT)];
    let owner = |begins| written(begins, &[]);
    let mut facts = vec![
        written("'{\"kind\":\"registry-value\"", &key)
            + ABSENT
            + &owner("',\"owner\":{\"by\":\"mdm\"}}'"),
        written("'{\"kind\":\"registry-value\"", &key)
            + ABSENT
            + &owner("',\"owner\":{\"by\":\"local\"}}'"),
        written("'{\"kind\":\"registry-value\"", &key)
            + ABSENT
            + &owner("',\"owner\":{\"by\":\"group-policy\""),
        written("'{\"kind\":\"registry-key\"", &key)
            + ABSENT
            + &written("',\"values\":' + $names.Count", &[("$names.Count", "4")])
            + "}",
    ];
    for (begins, operand, value) in [
        ("'{\"kind\":\"windows-service\"", "(Format-Text $Name)", TEXT),
        ("'{\"kind\":\"windows-file\"", "(Format-Text $place)", TEXT),
        ("'{\"kind\":\"port-listeners\"", "$port", "3390"),
        ("'{\"kind\":\"group-members\"", "(Format-Text $Group)", TEXT),
        ("'{\"kind\":\"account-right\"", "(Format-Text $Right)", TEXT),
        ("'{\"kind\":\"clock-offset\"", "(Format-Text $against)", TEXT),
        ("'{\"kind\":\"windows-sessions\"", "", ""),
        ("'{\"kind\":\"volumes\"", "", ""),
        ("'{\"kind\":\"network-adapters\"", "", ""),
        ("'{\"kind\":\"local-accounts\"", "", ""),
        ("'{\"kind\":\"installed-updates\"", "", ""),
        ("'{\"kind\":\"saved-credentials\"", "", ""),
        ("'{\"kind\":\"windows-hosts\"", "(Format-Text $path)", TEXT),
        ("'{\"kind\":\"license-grace\"", "", ""),
        ("'{\"kind\":\"client-defaults\"", "(Format-Text $Path)", TEXT),
    ] {
        facts.push(written(begins, &[(operand, value)]) + ABSENT + "}");
    }
    let power = written("'{\"kind\":\"power-plan\"", &[]);
    let both = written(
        "(Read-Power 'STANDBYIDLE')",
        &[("(Read-Power 'STANDBYIDLE')", ABSENT), ("(Read-Power 'HIBERNATEIDLE')", ABSENT)],
    );
    facts.push(power + &both);
    let whose = [
        ("(Format-Text $env:COMPUTERNAME)", TEXT),
        ("(Format-Moment (Get-Date))", r#""2026-11-20T10:00:00Z""#),
    ];
    let elevated = written("',\"elevated\":' + $elevated", &[("$elevated", "true")]);
    facts.push(written("'{\"kind\":\"facts-of\"", &whose) + &elevated + "}");
    let event = [
        ("(Format-Text $entry.ProviderName)", TEXT),
        ("$entry.Id", "1057"),
        ("(Format-Text $entry.LogName)", TEXT),
    ];
    let rest = written(
        "',\"computer\":' + (Format-Text $entry.MachineName) + $fields",
        &[
            ("(Format-Text $entry.MachineName)", TEXT),
            ("$fields", r#","user":"a","status":3221225578"#),
        ],
    );
    facts.push(written("'{\"kind\":\"windows-event\"", &event) + &rest + "}");

    let mut kinds = BTreeSet::new();
    for json in facts {
        let fact: Fact = read(&json);
        assert!(!matches!(fact, Fact::Unknown { .. }), "{json}");
        kinds.insert(json.split('"').nth(3).unwrap_or_default().to_owned());
    }
    let script = source(Side::Host, Form::Json);
    let named = script.split("{\"kind\":\"").skip(1).filter_map(|after| after.split('"').next());
    assert_eq!(kinds, named.map(str::to_owned).collect());
}

#[test]
fn every_part_of_a_fact_is_read_back() {
    let state =
        written("'{\"current\":'", &[("$current", "4"), ("$process", "1000"), ("$ended", "1077")]);
    assert_eq!(
        read::<ServiceState>(&state),
        ServiceState { current: 4, process: 1000, exit_code: 1077 }
    );

    let version = written("',\"version\":'", &[("(Format-Text $shown)", r#""10.0.1.2""#)]);
    let modified = r#""2026-11-20T10:00:00Z""#;
    let file = written(
        "'{\"length\":'",
        &[("$length", "7"), ("$modified", modified), ("$version", &version), ("$access", ABSENT)],
    );
    let file: FileState = read(&file);
    assert_eq!(
        (file.length, file.version.as_deref(), file.modified.is_some()),
        (7, Some("10.0.1.2"), true)
    );

    let program = written(
        "',\"program\":'",
        &[("(Format-Text ((Get-Process -Id $process).ProcessName + '.exe'))", TEXT)],
    );
    let listener = written(
        "'{\"address\":'",
        &[
            ("(Format-Text $address)", r#""::""#),
            ("$process", "4"),
            ("$program", &program),
            ("(Format-Texts $inside)", "[]"),
        ],
    );
    let listener: PortListener = read(&listener);
    assert!(listener.program.is_some() && listener.address.is_unspecified());

    let session = written(
        "'{\"session\":'",
        &[("$number", "65536"), ("$state", "6"), ("(Format-Text $station)", TEXT)],
    ) + &sum(",\"user\":", &|_| format!(",\"user\":{TEXT}"))
        + ",\"own\":true}";
    let session: WindowsSession = read(&session);
    assert!(session.own && session.user.is_some() && session.state == 6);

    let volume = written(
        "'{\"path\":'",
        &[("(Format-Text $_.DeviceID)", r#""C:""#), ("$_.Size", "100"), ("$_.FreeSpace", "7")],
    );
    assert_eq!(read::<Volume>(&volume), Volume { path: "C:".to_owned(), total: 100, free: 7 });

    let category = written("',\"category\":'", &[("[int]$network.NetworkCategory", "2")]);
    let adapter = written(
        "'{\"name\":' + (Format-Text $Adapter",
        &[
            ("(Format-Text $Adapter.NetConnectionID)", TEXT),
            ("(Format-Text $Adapter.Description)", TEXT),
            ("$up", "true"),
            ("(Format-Texts $addresses)", r#"["fe80::1"]"#),
            ("$category", &category),
        ],
    );
    let adapter: NetworkAdapter = read(&adapter);
    assert_eq!((adapter.up, adapter.category, adapter.addresses.len()), (true, Some(2), 1));

    let expires =
        written("',\"expires\":'", &[("(Format-Moment $detail.AccountExpires)", modified)]);
    let account = written(
        "'{\"name\":' + (Format-Text $Account.Name)",
        &[
            ("(Format-Text $Account.Name)", TEXT),
            ("(Format-Text $Account.SID)", TEXT),
            ("$flags", "8388610"),
            ("$expires", &expires),
        ],
    );
    let account: LocalAccount = read(&account);
    assert!(account.flags == 0x0080_0002 && account.expires.is_some());

    let entry = written("'{\"target\":'", &[("(Format-Text $Matches[1])", r#""TERMSRV/pc42""#)]);
    assert_eq!(read::<SavedCredential>(&entry).target, "TERMSRV/pc42");
}

#[test]
fn the_frame_of_a_file_of_facts() {
    let script = source(Side::Client, Form::Json);
    let head = script.split("$Head = '").nth(1).and_then(|after| after.split('\'').next());
    let text = format!(
        "{}\r\n  {{\"kind\":\"volumes\",\"volumes\":{ABSENT}}}\r\n]}}",
        head.expect("a head")
    );
    let file = crate::FactsFile::read(&text).expect("facts");
    assert_eq!((file.side, file.facts.len(), file.unread), (Side::Client, 1, 0));
}

/// The script has the same table of tokens, in the same order.
#[test]
fn both_ends_shorten_alike() {
    let script = source(Side::Host, FORMS[1]);
    let table = script.split("$Tokens = @(").nth(1).and_then(|after| after.split("\n)").next());
    let lines = table.expect("a table").lines().map(|line| line.trim().trim_end_matches(','));
    let found: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let expected: Vec<String> =
        TOKENS.iter().map(|(token, literal)| format!("@('~{token}', '{literal}')")).collect();
    assert_eq!(found, expected);
    assert!(TOKENS.iter().all(|(_, literal)| !literal.contains('\'')));
    for (plain, veiled) in
        [("^", "~^"), ("_", "~_"), ("\\\\", "/"), ("\\", "~-"), ("\"", "`"), (" ", "_")]
    {
        assert!(script.contains(&format!(".Replace('{plain}', '{veiled}')")), "{plain}");
    }
}
