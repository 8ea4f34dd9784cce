//! Text from the wire, made safe to show and fitted to a width.
//!
//! Names in certificates, banners and NTLM messages are written by whoever answers. Escape
//! sequences would drive the reader's terminal, right-to-left overrides would show another name
//! than is there, and sheer length would push the answer off the screen.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Zero-width marks in a row that real scripts need; more only pile up on the neighbouring lines.
const MARKS_IN_A_ROW: usize = 2;

/// Whether a character can change how the rest is shown instead of showing itself: controls of C0
/// and C1, directional and invisible format characters, line separators, variation selectors, tags,
/// and characters for private use.
pub(crate) fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{fff9}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

/// `text` on one line, at most `limit` characters of it, with every treacherous character written
/// as its number.
pub(crate) fn clean(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    let mut marks = 0;
    for (position, c) in text.chars().enumerate() {
        if position == limit {
            out.push_str("...");
            break;
        }
        let is_mark = c.width() == Some(0);
        marks = if is_mark { marks + 1 } else { 0 };
        if matches!(c, '\n' | '\r' | '\t') {
            out.push(' ');
        } else if is_treacherous(c) || marks > MARKS_IN_A_ROW {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// JSON text with every treacherous character inside its strings escaped. Outside of strings JSON
/// has none but the line ends, so the whole text can be walked.
pub(crate) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Nearly all of it is plain ASCII, which is taken in runs.
    while let Some(at) = rest.bytes().position(|byte| !matches!(byte, b'\n' | b' '..=b'~')) {
        let (plain, behind) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = behind.chars();
        match chars.next() {
            Some(c) if is_treacherous(c) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            other => out.extend(other),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

/// Columns that `text` takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// `text` in at most `columns`, with dots where it was cut.
pub(crate) fn shorten(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if width(&out) + 3 > columns {
            out.pop();
            break;
        }
    }
    out.truncate(out.trim_end().len());
    out.push_str("...");
    out
}

/// `text` in lines of at most `columns`, broken at spaces, and inside a word only where it is longer
/// than a line. Never empty.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(4);
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let Some(line) = lines.last_mut() else { break };
        let gap = usize::from(!line.is_empty());
        if width(line) + gap + width(word) <= columns {
            if gap == 1 {
                line.push(' ');
            }
            line.push_str(word);
            continue;
        }
        let mut piece = String::new();
        for c in word.chars() {
            piece.push(c);
            if width(&piece) > columns {
                piece.pop();
                push_line(&mut lines, std::mem::replace(&mut piece, c.to_string()));
            }
        }
        push_line(&mut lines, piece);
    }
    lines
}

/// Adds a line; an empty first one is filled instead.
fn push_line(lines: &mut Vec<String>, line: String) {
    match lines.last_mut() {
        Some(last) if last.is_empty() => *last = line,
        _ => lines.push(line),
    }
}

/// `text` in at most `count` lines of `columns`, with dots where it was cut.
pub(crate) fn wrap_at_most(text: &str, columns: usize, count: usize) -> Vec<String> {
    let mut lines = wrap(text, columns);
    if lines.len() > count {
        lines.truncate(count);
        if let Some(last) = lines.last_mut() {
            *last = shorten(&format!("{last}{}", " ".repeat(columns)), columns);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{clean, json, shorten, width, wrap, wrap_at_most};

    #[test]
    fn controls_and_overrides_become_numbers() {
        assert_eq!(
            clean("a\u{1b}[31mb\u{202e}c\u{9b}d\ne", 50),
            "a\\u{1b}[31mb\\u{202e}c\\u{9b}d e"
        );
        assert_eq!(clean("abcdef", 3), "abc...");
        let zalgo = format!("e{}", "\u{301}".repeat(50));
        assert!(!clean(&zalgo, 100).contains("\u{301}\u{301}\u{301}"));
    }

    #[test]
    fn json_stays_json_and_loses_its_controls() {
        let value = serde_json::json!({"a": "x\u{9b}\u{202e}\u{e0041}\u{7f}"});
        let text = serde_json::to_string_pretty(&value).expect("serialises");
        let safe = json(&text);
        assert!(safe.is_ascii(), "{safe}");
        let back: serde_json::Value = serde_json::from_str(&safe).expect("is still JSON");
        assert_eq!(back, value);
    }

    #[test]
    fn lines_never_exceed_their_columns() {
        for text in ["a bc def ghij klmnopqrstuvwxyz", "漢字漢字漢字漢字 漢字", "", "   ", "x"]
        {
            for columns in 4..20 {
                let lines = wrap(text, columns);
                assert!(lines.iter().all(|line| width(line) <= columns), "{lines:?} {columns}");
                let joined: String = lines.concat().chars().filter(|c| *c != ' ').collect();
                let wanted: String = text.chars().filter(|c| *c != ' ').collect();
                assert_eq!(joined, wanted);
                assert!(width(&shorten(text, columns)) <= columns);
                let two = wrap_at_most(text, columns, 2);
                assert!(two.len() <= 2 && two.iter().all(|line| width(line) <= columns));
            }
        }
        assert_eq!(wrap_at_most("one two three", 6, 2), ["one", "two..."]);
        assert_eq!(wrap_at_most("one twoxx three", 5, 2), ["one", "tw..."]);
    }
}
