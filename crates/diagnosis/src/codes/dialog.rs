//! The numbers in the text of a dialog, in whatever language it is: the labels differ, the shape
//! "label: number" does not.

use super::Query;
use super::table::named;

/// The most that is read of a pasted text, in bytes.
const LONGEST: usize = 64 * 1024;

/// How far before a number its label is looked for, in characters.
const LABEL: usize = 48;

/// Parts of the word "code" in the languages of Windows; a decimal number is a code only behind
/// one of them.
const CODE_WORDS: &[&str] = &[
    "code",
    "kode",
    "kod",
    "kood",
    "kód",
    "cod",
    "cód",
    "код",
    "κωδικ",
    "コード",
    "ｺｰﾄﾞ",
    "代码",
    "代碼",
    "碼",
    "码",
    "코드",
    "رمز",
    "קוד",
    "รหัส",
    "mã ",
];

/// Parts of the word "extended" in those languages.
const EXTENDED_WORDS: &[&str] = &[
    "exten",
    "erweitert",
    "étendu",
    "etendu",
    "estend",
    "estes",
    "ampliad",
    "uitgebreid",
    "utökad",
    "udvidet",
    "utvidet",
    "laajenne",
    "rozszerz",
    "rozšíř",
    "rozšír",
    "kiterjeszt",
    "bővített",
    "extins",
    "расшир",
    "розшир",
    "разшир",
    "genişlet",
    "εκτεταμ",
    "διευρυμ",
    "拡張",
    "扩展",
    "擴充",
    "延伸",
    "확장",
    "موسع",
    "מורחב",
    "mở rộng",
    "ขยาย",
    "proširen",
    "razširjen",
    "išplėst",
    "paplašināt",
    "laiendatud",
];

/// Words before a hexadecimal number that is no code.
const OTHER_WORDS: &[&str] =
    &["activity", "correlation", "address", "thread", "process id", "pid", "flags", "timestamp"];

/// Reads the code, and the extended one, out of the text of a dialog or of a log line. Only the
/// first 64 KiB are read. Identifiers, times, KB numbers, addresses and ports are passed over.
pub fn parse_dialog(text: &str) -> Option<Query> {
    let end = (0..=LONGEST.min(text.len())).rev().find(|&i| text.is_char_boundary(i))?;
    let folded = fold(&text[..end]);
    let numbers = numbers(&folded);
    let Some(first) =
        numbers.iter().position(|n| !n.extended).or((!numbers.is_empty()).then_some(0))
    else {
        return known_name(&folded);
    };
    let code = numbers[first].value;
    let extended = numbers
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != first)
        .find(|(_, n)| n.extended)
        .or_else(|| numbers.iter().enumerate().nth(first + 1))
        .map(|(_, n)| n.value)
        .filter(|&value| !is_status(value));
    let status = numbers.iter().map(|n| n.value).find(|&value| is_status(value));
    Some(match (code, extended, status) {
        // The reason stands in the text as a status; the two numbers are then zero.
        (0, None | Some(0), Some(status)) => Query::number(status),
        (code, _, _) if is_status(code) => Query::number(code),
        (code, Some(extended), _) => Query::Pair { code, extended },
        (code, None, _) => Query::number(code),
    })
}

/// An NTSTATUS or HRESULT of the failing kind.
fn is_status(value: u32) -> bool {
    value & 0x8000_0000 != 0
}

/// Full-width forms, other scripts' digits, the Cyrillic letter that looks like x, the minus sign
/// and hard spaces become ASCII; marks without width vanish.
pub(super) fn fold(text: &str) -> String {
    text.chars()
        .filter(|c| {
            !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
        })
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => shifted(c, 0xff01, '!'),
            '\u{0660}'..='\u{0669}' => shifted(c, 0x0660, '0'),
            '\u{06f0}'..='\u{06f9}' => shifted(c, 0x06f0, '0'),
            'х' => 'x',
            'Х' => 'X',
            '×' => 'x',
            '\u{2212}' => '-',
            '\u{a0}' | '\u{202f}' | '\u{2009}' | '\u{3000}' => ' ',
            other => other,
        })
        .collect()
}

/// The ASCII character as far behind `to` as `c` is behind the code point `from`.
fn shifted(c: char, from: u32, to: char) -> char {
    char::from_u32(u32::from(c) - from + u32::from(to)).unwrap_or(c)
}

/// A number that may be a code.
#[derive(Debug)]
struct Candidate {
    value: u32,
    /// Whether its label says "extended".
    extended: bool,
}

fn numbers(text: &str) -> Vec<Candidate> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut label_from = 0;
    let mut at = 0;
    while at < chars.len() {
        if !chars[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = at + chars[at..].iter().take_while(|&&c| is_word(c)).count();
        let label = label(&chars[label_from..at]);
        if let Some(value) = candidate(&chars, at, end, &label) {
            let extended = EXTENDED_WORDS.iter().any(|word| label.contains(word));
            found.push(Candidate { value, extended });
            label_from = end;
        }
        at = end;
    }
    found
}

/// The number in `chars[at..end]`, if it may be a code.
fn candidate(chars: &[char], at: usize, end: usize, label: &str) -> Option<u32> {
    let before = at.checked_sub(1).and_then(|i| chars.get(i)).copied();
    if before.is_some_and(is_word) {
        return None;
    }
    let word: String = chars[at..end].iter().collect::<String>().to_ascii_lowercase();
    if let Some(digits) = word.strip_prefix("0x") {
        let named = CODE_WORDS.iter().any(|code| label.contains(code));
        let other = !named && OTHER_WORDS.iter().any(|other| label.contains(other));
        let fits = (1..=8).contains(&digits.len());
        return if fits && !other { u32::from_str_radix(digits, 16).ok() } else { None };
    }
    if !CODE_WORDS.iter().any(|code| label.contains(code)) || joined(chars, at, end) {
        return None;
    }
    let negative = before == Some('-');
    let value: i64 = word.parse().ok()?;
    let value = if negative { -value } else { value };
    u32::try_from(value).or_else(|_| i32::try_from(value).map(i32::cast_unsigned)).ok()
}

/// Whether a decimal number is a part of something longer: a time, a date, an address, a GUID.
fn joined(chars: &[char], at: usize, end: usize) -> bool {
    let glue = |c: char| matches!(c, '.' | ':' | '/' | '-' | ',');
    let before = at.checked_sub(1).is_some_and(|glued| {
        glue(chars[glued]) && glued.checked_sub(1).is_some_and(|i| chars[i].is_ascii_digit())
            || chars[glued] == '-' && glued.checked_sub(1).is_some_and(|i| is_word(chars[i]))
    });
    let behind = chars.get(end).copied().is_some_and(glue)
        && chars.get(end + 1).copied().is_some_and(is_word);
    before || behind
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// What stands before a number: on its line, or on the line above where the number begins one.
fn label(before: &[char]) -> String {
    let before = &before[before.len().saturating_sub(LABEL)..];
    let text: String = before.iter().collect::<String>().to_lowercase();
    let text = text.trim_end();
    text.rsplit('\n').next().unwrap_or(text).to_owned()
}

/// The first known symbol in the text.
fn known_name(text: &str) -> Option<Query> {
    text.split(|c: char| !is_word(c))
        .filter(|word| word.len() >= 8 && word.contains('_'))
        .find_map(|word| named(word).find_map(|entry| entry.name.clone()))
        .map(Query::Name)
}

#[cfg(test)]
mod tests {
    use super::{Query, parse_dialog};

    const PAIR: Option<Query> = Some(Query::Pair { code: 0x904, extended: 7 });

    #[test]
    fn what_stands_around_the_codes_is_passed_over() {
        let text = "Remote Desktop Connection\n\nThis computer can't connect to the remote \
            computer pc42 at 10.20.4.42:3389 (KB5129195 installed).\n\nError code: 0x904\n\
            Extended error code: 0x7\nTimestamp (UTC): 11/21/26 01:24:45 PM\n\
            Activity ID: 12345678-0904-4007-8123-0123456789ab\nPress Ctrl+C to copy.";
        assert_eq!(parse_dialog(text), PAIR);
        for text in [
            "KB5074109 on 10.0.0.1 at 12:30",
            "the error is on port 3389",
            "Error code on 2026-11-21 at 12:30:05",
            "{1f2e3d4c-0000-0000-0000-0000000000ab}",
            "Exception address: 0x00007ff6a1b2c3d4",
            "Activity ID: 0x904",
            "",
        ] {
            assert_eq!(parse_dialog(text), None, "{text}");
        }
    }

    #[test]
    fn decimal_numbers_need_their_label() {
        assert_eq!(parse_dialog("Error code: 2308\nExtended error code: 7"), PAIR);
        assert_eq!(parse_dialog("Fehlercode:\n2308\nErweiterter Fehlercode:\n7"), PAIR);
        assert_eq!(parse_dialog("2308 machines, 7 users"), None);
        assert_eq!(
            parse_dialog("The logon failed, error code -1073741715"),
            Some(Query::number(0xC000_006D))
        );
    }

    #[test]
    fn the_label_decides_which_is_the_extended_one() {
        assert_eq!(parse_dialog("Extended error code: 0x7, error code: 0x904"), PAIR);
        assert_eq!(
            parse_dialog("Extended error code: 0x7"),
            Some(Query::number(7)),
            "one number alone"
        );
    }

    #[test]
    fn a_status_in_the_text_counts_more_than_two_zeros() {
        let text = "An authentication error has occurred (Code: 0x80080005).\n\nError code: 0x0\n\
            Extended error code: 0x0";
        assert_eq!(parse_dialog(text), Some(Query::number(0x8008_0005)));
        let text = "Error code: 0x0\nExtended error code: 0x0\nGateway error 0x800759DB";
        assert_eq!(parse_dialog(text), Some(Query::number(0x8007_59DB)));
        let text = "Error code: 0x3000008\nGateway error 0x80075A0F";
        assert_eq!(parse_dialog(text), Some(Query::number(0x300_0008)));
    }

    #[test]
    fn a_name_is_taken_where_there_is_no_number() {
        assert_eq!(
            parse_dialog("transport: logon failed with status_logon_failure, giving up"),
            Some(Query::Name("STATUS_LOGON_FAILURE".to_owned()))
        );
    }

    #[test]
    fn only_the_first_64_kib_are_read() {
        let far = format!("{}é Error code: 0x904", "é".repeat(32 * 1024));
        assert_eq!(parse_dialog(&far), None);
    }
}
