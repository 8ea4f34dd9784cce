use rdpdoctor_model::{
    FactsOf, FactsWay, FileState, Hex, Lookup, RegistryData, RegistryKey, RegistryValue,
    ServiceState, SettingOwner, WindowsFile, WindowsService,
};

use super::*;
use crate::question::Question;
use crate::script::{collected, short};

/// Values of a host that has been in use for years, for whatever the checks ask.
fn answered(question: Question, index: usize) -> Vec<Fact> {
    let frames = Frame::of(question);
    let mut facts: Vec<Fact> = Vec::new();
    for (place, frame) in frames.iter().enumerate() {
        let seen = |value: &str| format!(r#"{{"lookup":"seen","value":{value}}}"#);
        let answer = match (question, place) {
            (Question::Value(..), _) => match index % 3 {
                0 => seen(&format!(r#"{{"type":"dword","data":{}}}"#, index % 7)),
                1 => r#"{"lookup":"absent"}"#.to_owned(),
                _ => seen(&format!(r#"{{"type":"text","data":"value {index}"}}"#)),
            },
            (Question::Service(_), 0) => {
                seen(&format!(r#"{{"current":4,"process":{},"exit_code":0}}"#, 800 + index * 4))
            }
            (Question::Service(_), 1) => seen(r#"{"type":"dword","data":3}"#),
            (Question::Service(_), 2) => seen(r#"{"type":"dword","data":32}"#),
            (Question::Service(_), 3) => {
                seen(r#"{"type":"text","data":"NT Authority\\NetworkService"}"#)
            }
            (Question::Service(_), _) => seen(r#"{"type":"texts","data":["RPCSS"]}"#),
            (Question::File(_) | Question::Folder(_), _) => seen(&format!(
                r#"{{"length":{},"modified":"2026-09-01T10:{:02}:00Z","version":"10.0.20348.{}","access":{{"lookup":"seen","value":"O:S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464G:S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464D:PAI(A;;0x1200a9;;;SY)(A;;0x1200a9;;;BA)(A;;0x1200a9;;;BU)(A;;FA;;;S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464)"}}}}"#,
                100_000 + index * 977,
                index % 60,
                2000 + index,
            )),
            _ => r#"{"lookup":"absent"}"#.to_owned(),
        };
        let json = format!("{}{answer}{}", frame.head, frame.tail);
        facts.push(serde_json::from_str(&json).unwrap_or_else(|why| panic!("{why}: {json}")));
    }
    facts
}

fn facts_of() -> Fact {
    Fact::FactsOf(FactsOf {
        computer: Some("PC42".to_owned()),
        collected_at: "2026-11-20T10:00:00Z".parse().ok(),
        way: FactsWay::Script,
        elevated: Some(true),
        missing_parts: Vec::new(),
    })
}

/// A certificate as it lies in the registry: what cannot be made shorter.
fn blob(store: &str, seed: u8) -> Fact {
    let mut state = 0x9E37_79B9_u32 ^ (u32::from(seed) << 7);
    let noise = (0..1_300).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        u8::try_from(state >> 24).expect("a byte")
    });
    Fact::RegistryValue(Box::new(RegistryValue {
        key: format!(r"{}\{}", crate::store::key_of(store), format!("{seed:02X}").repeat(20)),
        name: "Blob".to_owned(),
        data: Lookup::seen(RegistryData::Binary(Hex(noise.collect()))),
        owner: SettingOwner::Local,
    }))
}

fn host(fat: bool) -> Vec<Fact> {
    let asked: BTreeSet<Question> = checks::questions(Side::Host).collect();
    let mut facts = vec![facts_of()];
    for (index, question) in asked.into_iter().enumerate() {
        facts.extend(answered(question, index));
    }
    facts.push(blob("Remote Desktop", 1));
    for rule in 0..if fat { 200 } else { 6 } {
        facts.push(Fact::RegistryValue(Box::new(RegistryValue {
            key: crate::firewall::RULES[0].to_owned(),
            name: format!("{{rule-{rule}}}"),
            data: Lookup::seen(RegistryData::Text(format!("v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|RA4=10.{rule}.0.0/16|Name=Rule {rule}|"))),
            owner: SettingOwner::Local,
        })));
    }
    for seed in 2..if fat { 30 } else { 3 } {
        facts.push(blob("My", seed));
    }
    facts
}

#[test]
fn what_was_written_is_put_together() {
    for fat in [false, true] {
        let facts = host(fat);
        let parts = write(Side::Host, &facts, AZURE);
        let text = parts.join("\n");
        let [run] = &collected([text.as_str()])[..] else { panic!("one run") };
        assert_eq!((run.missing.len(), run.damaged.len(), run.file.unread), (0, 0, 0));
        let written: BTreeSet<String> =
            crate::facts_file::with_certificates(facts).iter().map(|f| format!("{f:?}")).collect();
        let read: BTreeSet<String> = run.file.facts.iter().map(|f| format!("{f:?}")).collect();
        assert_eq!(read, written);
    }
}

/// The last 4,096 bytes hold part 1, and part 1 whatever is short and can decide.
#[test]
fn the_first_part_fits_and_decides() {
    for fat in [false, true] {
        let facts = host(fat);
        let mut parts = write(Side::Host, &facts, AZURE);
        assert!(parts[0].len() < 3_500, "{}", parts[0].len());
        parts.reverse();
        let output = parts.join("\r\n");
        let cut = &output[output.len().saturating_sub(4_096)..];
        let [run] = &collected([cut])[..] else { panic!("one run of {cut}") };
        let decisive = decisive(Side::Host);
        let frames = frame::by_code(Side::Host);
        for fact in facts {
            let line = short::shorten(&serde_json::to_string(&fact).expect("JSON"), &frames);
            let decides = line.get(..frame::CODE).is_some_and(|code| decisive.contains(code));
            if decides && line.len() < LONG {
                assert!(run.file.facts.contains(&fact), "{line} is not in part 1");
            }
        }
        assert!(run.missing.iter().all(|number| *number > 1));
    }
}

#[test]
fn the_first_24_000_characters() {
    let output = write(Side::Host, &host(true), AZURE).join("\n");
    assert!(output.len() > 24_000, "{}", output.len());
    let [run] = &collected([&output[..24_000]])[..] else { panic!("one run") };
    assert!(!run.missing.contains(&1) && !run.missing.is_empty());
    // The part in which it was cut is there and damaged.
    assert_eq!(run.damaged, [(run.missing[0], PartError::Damaged)]);
    let of = run.file.facts.iter().find_map(|fact| match fact {
        Fact::FactsOf(of) => Some(of.missing_parts.clone()),
        _ => None,
    });
    assert_eq!(of, Some(run.missing.clone()));
}

#[test]
fn wherever_it_is_cut_nothing_false_is_read() {
    let facts = host(false);
    let output = write(Side::Host, &facts, INTUNE).join("\n");
    let known: BTreeSet<String> =
        crate::facts_file::with_certificates(facts).iter().map(|f| format!("{f:?}")).collect();
    for cut in (0..output.len()).step_by(97) {
        for text in [&output[..cut], &output[cut..]] {
            for run in collected([text]) {
                for fact in run.file.facts {
                    let shown = format!("{fact:?}");
                    let said = matches!(fact, Fact::FactsOf(_))
                        || shown.contains("did not arrive whole")
                        || shown.contains("the script does not read it");
                    let certificate = matches!(fact, Fact::MachineCertificate(_));
                    assert!(said || certificate || known.contains(&shown), "{shown}");
                }
            }
        }
    }
}

#[test]
fn whatever_stands_around_the_parts() {
    let parts = write(Side::Host, &host(false), AZURE);
    let whole = |text: &str| {
        let [run] = &collected([text])[..] else { panic!("one run in {text}") };
        assert_eq!((&run.missing, &run.damaged), (&vec![], &vec![]), "{text}");
    };
    let output = parts.join("\r\n");
    // az vm run-command invoke, and what PowerShell 5.1 makes of it.
    let message = format!("Enable succeeded: \n[stdout]\n{output}\n\n[stderr]\n");
    let azure = serde_json::json!({"value": [{"code": "ComponentStatus/StdOut/succeeded", "message": message}]});
    whole(&azure.to_string());
    whole(&format!("\u{FEFF}{azure:#}\r\n"));
    // aws ssm get-command-invocation
    whole(&serde_json::json!({"Status": "Success", "StandardOutputContent": output}).to_string());
    // A JSON text that was cut off at its end is none any more.
    let json = azure.to_string();
    whole(&json[..json.rfind("[.]").expect("an end") + 3]);
    // A terminal's lines, and Google's serial port.
    let wrapped: Vec<String> = output
        .as_bytes()
        .chunks(80)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    whole(&wrapped.join("\r\n"));
    let prefix = "2026/11/20 10:00:00 GCEMetadataScripts: windows-startup-script-ps1: ";
    let serial: Vec<String> =
        wrapped.iter().map(|line| format!("{prefix}{}", line.replace("\r\n", ""))).collect();
    whole(&format!("SeaBIOS\0\u{1b}[2J\n{}\n{prefix}finished", serial.join("\n")));
}

#[test]
fn several_files_make_one_collection_and_other_runs_another() {
    let parts = write(Side::Host, &host(true), AZURE);
    let (one, two) = parts.split_at(2);
    let (one, two) = (one.join("\n"), two.join("\n"));
    assert_eq!(collected([two.as_str(), one.as_str(), one.as_str()])[0].missing, [0_u32; 0]);
    let other = write(Side::Host, &[facts_of()], AZURE).join("\n");
    assert_eq!(collected([one.as_str(), other.as_str()]).len(), 2);
}

#[test]
fn what_did_not_arrive_could_not_be_looked_at() {
    let part = write(Side::Host, &[facts_of()], AZURE)[0].replace(" 1/1 ", " 1/2 ");
    let [run] = &collected([part.as_str()])[..] else { panic!("one run") };
    let switch = run.file.facts.iter().find_map(|fact| match fact {
        Fact::RegistryValue(value) if value.name == "fDenyTSConnections" => Some(&value.data),
        _ => None,
    });
    assert_eq!(switch, Some(&Lookup::unavailable("it is in part 2, which did not arrive whole")));
    // Nothing is missing: then nobody asked.
    let part = write(Side::Host, &[facts_of()], AZURE).join("");
    assert_eq!(collected([part.as_str()])[0].file.facts, [facts_of()]);
}

#[test]
fn broken_heads_are_no_parts() {
    for text in [
        "",
        "[rdpdoctor1 ",
        "[rdpdoctor1 host 1 1/1 z 5]",
        "[rdpdoctor1 host 1 2/1 z 5 00000001]abcde[.]",
        "[rdpdoctor1 host 1 0/0 z 0 00000001][.]",
        "[rdpdoctor1 ghost 1 1/1 z 0 00000001][.]",
        "[rdpdoctor1 host 1 1/99999999 z 0 00000001][.]",
        "[rdpdoctor1 host 1 1/1 z 99999999999999999999999 00000001][.]",
    ] {
        assert_eq!(find(text), [], "{text}");
    }
    let damaged = |text: &str| collected([text])[0].damaged.clone();
    assert_eq!(damaged("[rdpdoctor1 host 1 1/1 z 5 00000001]abcde[.]"), [(1, PartError::Damaged)]);
    let sum = adler32_slice(b"abcd");
    let odd = format!("[rdpdoctor1 host 1 1/1 z 4 {sum:08x}]abcd[.]");
    assert_eq!(damaged(&odd), [(1, PartError::Unreadable)]);
    let unknown = format!("[rdpdoctor1 host 1 1/1 q 4 {sum:08x}]abcd[.]");
    assert_eq!(damaged(&unknown), [(1, PartError::Unreadable)]);
}

/// What the script writes where it may not pack: the same lines as they are.
#[test]
fn plain_lines_are_read_as_packed_ones_are() {
    let frames = frame::by_code(Side::Host);
    let facts = [
        facts_of(),
        Fact::WindowsService(WindowsService {
            name: "TermService".to_owned(),
            state: Lookup::seen(ServiceState { current: 4, process: 8, exit_code: 0 }),
        }),
        Fact::WindowsFile(Box::new(WindowsFile {
            path: r"C:\a_b^c`d/e~f".to_owned(),
            state: Lookup::seen(FileState {
                length: 7,
                modified: None,
                version: None,
                access: Lookup::unavailable("it said \"no\" in\u{fc} two\nlines"),
            }),
        })),
        Fact::RegistryKey(Box::new(RegistryKey {
            key: r"HKLM\SYSTEM\x".to_owned(),
            subkeys: Lookup::Absent,
            values: None,
        })),
    ];
    let json = |fact| serde_json::to_string(fact).expect("JSON").replace('\u{fc}', "\\u00fc");
    let lines: Vec<String> =
        facts.iter().map(|fact| short::shorten(&json(fact), &frames)).collect();
    let body = short::veil(&lines.join("\n"));
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\');
    assert!(body.chars().all(plain), "{body}");
    let sum = adler32_slice(body.as_bytes());
    let part = format!("[rdpdoctor1 host 0a 1/1 t {} {sum:08x}]{body}[.]", body.len());
    assert_eq!(collected([part.as_str()])[0].file.facts, facts);
}

#[test]
fn rules_of_the_firewall_are_in_the_part_that_decides_and_none_is_not_known_where_one_is_missing() {
    let key = crate::firewall::RULES[0];
    let rule = |name: &str| {
        Fact::RegistryValue(Box::new(RegistryValue {
            key: key.to_owned(),
            name: name.to_owned(),
            data: Lookup::seen(RegistryData::Text("v2.30|Action=Allow|Active=TRUE|".to_owned())),
            owner: SettingOwner::Local,
        }))
    };
    let all = Fact::RegistryKey(Box::new(RegistryKey {
        key: key.to_owned(),
        subkeys: Lookup::seen(Vec::new()),
        values: Some(400),
    }));
    let mut facts = host(true);
    facts.splice(1..1, [all.clone(), rule("RemoteDesktop-UserMode-In-TCP")]);
    let parts = write(Side::Host, &facts, AZURE);
    assert!(parts.len() > 1);
    let read = |text: &str| collected([text]).remove(0).file.facts;
    let first = read(&parts[0]);
    assert!(first.contains(&rule("RemoteDesktop-UserMode-In-TCP")));
    let unknown = first.iter().any(|fact| match fact {
        Fact::RegistryKey(of) if of.key == key => matches!(of.subkeys, Lookup::Unavailable { .. }),
        _ => false,
    });
    assert!(unknown, "one more may be in the part that is missing");
    assert!(read(&parts.concat()).contains(&all), "with all parts it is known");
}
