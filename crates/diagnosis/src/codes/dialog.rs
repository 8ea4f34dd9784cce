use super::query::{Query, number};

/// Longest text that is looked at.
const LONGEST: usize = 64 * 1024;

/// Finds the codes in the pasted text of a dialog, in whatever language it is: the numbers are what
/// counts. Hexadecimal ones come first, the code before the extended one; activity ids, addresses,
/// dates and KB numbers are passed over.
pub fn parse_dialog(text: &str) -> Option<Query> {
    let text: String = text.chars().take(LONGEST).map(narrow).collect();
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || "()[]{}<>,;:.!?\"'\u{3002}\u{3001}".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    // Letters of any script may touch the number: "コード0x904".
    let hex: Vec<u32> = words
        .iter()
        .filter_map(|word| {
            let start = word.to_ascii_lowercase().find("0x")?;
            let digits = word[start + 2..].bytes().take_while(u8::is_ascii_hexdigit).count();
            // An address or an id goes on behind its digits.
            let behind = word[start + 2 + digits..].chars().next();
            if behind.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-') {
                return None;
            }
            number(&word[start..start + 2 + digits])
        })
        .collect();
    match hex[..] {
        [code, extended, ..] => return Some(Query::Pair { code, extended }),
        [number] => return Some(Query::Number { number, table: None }),
        [] => {}
    }
    // No hexadecimal one: a lone decimal number of a code's size in a short text.
    let decimal: Vec<u32> =
        words.iter().filter(|w| w.len() <= 10).filter_map(|word| number(word)).collect();
    match decimal[..] {
        [code, extended] => Some(Query::Pair { code, extended }),
        [number] => Some(Query::Number { number, table: None }),
        _ => None,
    }
}

/// Full-width letters and digits, as East Asian keyboards make them, to their ASCII forms.
fn narrow(c: char) -> char {
    match u32::from(c) {
        code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialogs_in_many_languages() {
        let pair = Some(Query::Pair { code: 0x904, extended: 7 });
        for text in [
            "This computer can't connect to the remote computer.\n\nError code: 0x904\nExtended error code: 0x7\nActivity ID: {1f2e3d4c-0000-0000-0000-0x0000000000}",
            "Fehlercode: 0x904\nErweiterter Fehlercode: 0x7",
            "Code d'erreur : 0x904\nCode d'erreur étendu : 0x7",
            "Código de error: 0x904. Código de error extendido: 0x7.",
            "エラー コード：０ｘ９０４\n拡張エラー コード：０ｘ７",
            "Код ошибки: 0x904\nРасширенный код ошибки: 0x7",
            "错误代码:0x904 扩展错误代码:0x7",
        ] {
            assert_eq!(parse_dialog(text), pair, "{text}");
        }
        let hresult = Query::Number { number: 0x8008_0005, table: None };
        assert_eq!(
            parse_dialog("An authentication error has occurred (Code: 0x80080005)."),
            Some(hresult)
        );
        assert_eq!(parse_dialog("KB5074109 on 10.0.0.1 at 12:30"), None);
        assert_eq!(parse_dialog(""), None);
    }
}
