//! Facts as short lines: what nearly every fact repeats is said in two characters. The collecting
//! script does the same with the same table.

use std::collections::BTreeMap;

use super::frame::{CODE, Frame};

/// What stands for what, in the order in which it is put in: the longer before what is part of it.
pub(super) const TOKENS: &[(char, &str)] = &[
    ('0', r#"{"lookup":"seen","value":{"type":"dword","data":0}},"owner":{"by":"local"}}"#),
    ('1', r#"{"lookup":"seen","value":{"type":"dword","data":1}},"owner":{"by":"local"}}"#),
    ('a', r#"{"lookup":"absent"},"owner":{"by":"local"}}"#),
    ('b', r#"{"lookup":"absent"},"owner":{"by":"group-policy","name":null}}"#),
    ('d', r#"{"lookup":"seen","value":{"type":"dword","data":"#),
    ('s', r#"{"lookup":"seen","value":{"type":"text","data":""#),
    ('x', r#"{"lookup":"seen","value":{"type":"expand-text","data":""#),
    ('m', r#"{"lookup":"seen","value":{"type":"texts","data":[""#),
    ('h', r#"{"lookup":"seen","value":{"type":"binary","data":""#),
    ('r', r#"{"lookup":"seen","value":{"current":4,"process":"#),
    ('p', r#"{"lookup":"seen","value":{"current":1,"process":0,"exit_code":1077}}}"#),
    ('i', r#"{"lookup":"seen","value":{"length":"#),
    ('y', r#","access":{"lookup":"seen","value":""#),
    ('e', r#","exit_code":0}}}"#),
    ('u', r#"{"lookup":"unavailable","why":"access denied"}"#),
    ('l', r#""}},"owner":{"by":"local"}}"#),
    ('n', r#"}},"owner":{"by":"local"}}"#),
    ('g', r#"}},"owner":{"by":"group-policy","name":null}}"#),
    ('v', r#"{"kind":"registry-value","key":"HKLM\\"#),
    ('k', r#"{"kind":"registry-key","key":"HKLM\\"#),
    ('f', r#"{"kind":"windows-file","path":""#),
    ('w', r#"{"kind":"windows-event","provider":"Microsoft-Windows-"#),
    ('c', r"SYSTEM\\CurrentControlSet\\"),
    ('o', r"SOFTWARE\\Microsoft\\"),
    ('q', r"SOFTWARE\\Policies\\Microsoft\\"),
    ('j', r#"","name":""#),
    ('t', r#"","data":"#),
    ('z', r#"{"lookup":"absent"}"#),
    ('S', r#"{"lookup":"seen","value":"#),
    ('U', r#"{"lookup":"unavailable","why":""#),
];

/// A fact's JSON as a short line.
pub(super) fn shorten(json: &str, frames: &BTreeMap<String, Frame>) -> String {
    let framed = frames
        .iter()
        .find_map(|(code, frame)| Some((code.as_str(), json.strip_prefix(frame.head.as_str())?)));
    let (code, rest) = framed.unwrap_or(("", json));
    let escaped = rest.replace('~', "~~");
    let short = TOKENS
        .iter()
        .fold(escaped, |text, (token, literal)| text.replace(literal, &format!("~{token}")));
    format!("{code}{short}")
}

/// The JSON of a short line; none when it has a code or a token that this version does not know.
pub(super) fn expand(line: &str, frames: &BTreeMap<String, Frame>) -> Option<String> {
    let (mut json, rest) = if line.starts_with(['{', '~']) {
        (String::new(), line)
    } else {
        let (code, rest) = line.split_at_checked(CODE)?;
        (frames.get(code)?.head.clone(), rest)
    };
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '~' => match characters.next()? {
                '~' => json.push('~'),
                token => json.push_str(TOKENS.iter().find(|(known, _)| *known == token)?.1),
            },
            other => json.push(other),
        }
    }
    Some(json)
}

/// Characters that a JSON text around them, a terminal or a ticket would change, and what stands for
/// them where the lines travel as they are.
const VEILS: [(&str, &str); 9] = [
    ("^", "~^"),
    ("_", "~_"),
    ("`", "~`"),
    ("/", "~/"),
    ("\\\\", "/"),
    ("\\", "~-"),
    ("\"", "`"),
    (" ", "_"),
    ("\n", "^"),
];

/// Lines as one word of plain characters.
#[cfg(test)]
pub(super) fn veil(lines: &str) -> String {
    VEILS.iter().fold(lines.to_owned(), |text, (plain, veiled)| text.replace(plain, veiled))
}

/// The lines behind it.
pub(super) fn unveil(word: &str) -> String {
    let mut lines = String::with_capacity(word.len());
    let mut characters = word.chars();
    while let Some(character) = characters.next() {
        let single = |veiled: &str| {
            VEILS.iter().find(|(_, known)| *known == veiled).map(|(plain, _)| *plain)
        };
        if character != '~' {
            let veiled = character.to_string();
            lines.push_str(single(&veiled).unwrap_or(&veiled));
            continue;
        }
        let pair: String = std::iter::once('~').chain(characters.next()).collect();
        lines.push_str(single(&pair).unwrap_or(&pair));
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Side;
    use crate::script::frame::by_code;

    #[test]
    fn a_value_takes_six_characters() {
        let frames = by_code(Side::Host);
        let json = r#"{"kind":"registry-value","key":"HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server","name":"fDenyTSConnections","data":{"lookup":"seen","value":{"type":"dword","data":1}},"owner":{"by":"local"}}"#;
        let short = shorten(json, &frames);
        assert_eq!((short.len(), &short[4..]), (6, "~1"), "{short}");
        assert_eq!(expand(&short, &frames).as_deref(), Some(json));
    }

    #[test]
    fn tokens_differ_and_none_is_hidden_by_an_earlier_one() {
        for (index, (token, literal)) in TOKENS.iter().enumerate() {
            assert!(!literal.contains('~'), "{literal}");
            for (earlier, part) in &TOKENS[..index] {
                assert_ne!(token, earlier);
                assert!(!literal.contains(part), "{literal} is never seen: {part}");
            }
        }
    }

    #[test]
    fn what_is_unknown_is_no_line() {
        let frames = by_code(Side::Host);
        for line in ["", "abc", "????~1", "~?", "{\"a~", "ab\u{20AC}c"] {
            assert_eq!(expand(line, &frames), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "[ -~\n]{0,60}", parts in proptest::collection::vec(0..TOKENS.len(), 0..4)) {
            let frames = by_code(Side::Host);
            let line: String =
                std::iter::once("{").chain(parts.iter().map(|part| TOKENS[*part].1)).collect();
            let line = format!("{line}{}", text.replace('\n', ""));
            let short = shorten(&line, &frames);
            let lines = format!("{short}\n{short}");
            prop_assert_eq!(unveil(&veil(&lines)), lines);
            prop_assert_eq!(expand(&short, &frames), Some(line));
        }
    }
}
