use super::table::Table;

/// What somebody asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// The two numbers of the dialog.
    Pair {
        /// The error code.
        code: u32,
        /// The extended error code.
        extended: u32,
    },
    /// One number, of one table where that was said.
    Number {
        /// The number; negative decimals are NTSTATUS or HRESULT numbers.
        number: u32,
        /// `event 1026` asks for an event, a plain number for all tables.
        table: Option<Table>,
    },
    /// A symbol such as `STATUS_LOGON_FAILURE`.
    Name(String),
}

/// Why a text is no query; one line that says what to type instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{text}' is no code; give one or two numbers (0x904 0x7, 2308 7) or a name such as STATUS_LOGON_FAILURE"
)]
pub struct QueryError {
    text: String,
}

/// Longest query that is looked at.
const LONGEST: usize = 200;

/// Reads what was typed: `0x904 0x7`, `2308 7`, `0x904:0x7`, one number, a name, `event 1026`.
///
/// # Errors
/// When it is none of these.
pub fn parse_query<S: AsRef<str>>(arguments: &[S]) -> Result<Query, QueryError> {
    let typed: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
    let text: String = typed.join(" ").chars().take(LONGEST).collect();
    let fail = || QueryError { text: text.escape_debug().to_string() };
    let parts: Vec<&str> =
        text.split([' ', ':', '/', ',', ';']).map(str::trim).filter(|p| !p.is_empty()).collect();
    match parts[..] {
        [event, id] if event.eq_ignore_ascii_case("event") => {
            let number = number(id).ok_or_else(fail)?;
            Ok(Query::Number { number, table: Some(Table::ClientEvent) })
        }
        [one] => match number(one) {
            Some(number) => Ok(Query::Number { number, table: None }),
            None if is_name(one) => Ok(Query::Name(one.to_owned())),
            None => Err(fail()),
        },
        [code, extended] => match (number(code), number(extended)) {
            (Some(code), Some(extended)) => Ok(Query::Pair { code, extended }),
            _ => Err(fail()),
        },
        _ => Err(fail()),
    }
}

/// Reads what `--reported` takes: `CODE:EXTENDED`, or a code alone.
///
/// # Errors
/// When it is neither.
pub fn parse_reported(text: &str) -> Result<(u32, Option<u32>), QueryError> {
    match parse_query(&[text])? {
        Query::Pair { code, extended } => Ok((code, Some(extended))),
        Query::Number { number, table: None } => Ok((number, None)),
        Query::Number { .. } | Query::Name(_) => {
            Err(QueryError { text: text.escape_debug().to_string() })
        }
    }
}

/// Hexadecimal behind `0x`, or decimal; a negative decimal is the signed form of an NTSTATUS.
pub(super) fn number(text: &str) -> Option<u32> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        return plain.then(|| u32::from_str_radix(digits, 16).ok()).flatten();
    }
    if text.starts_with('-') {
        return text.parse::<i32>().ok().map(i32::cast_unsigned);
    }
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn is_name(text: &str) -> bool {
    text.len() >= 4
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let pair = Query::Pair { code: 0x904, extended: 7 };
        for typed in [&["0x904", "0x7"][..], &["2308", "7"], &["0x904:0x7"], &["0x904/0x7"]] {
            assert_eq!(parse_query(typed), Ok(pair.clone()), "{typed:?}");
        }
        let failure = Query::Number { number: 0xC000_006D, table: None };
        for typed in ["0xC000006D", "3221225581", "-1073741715"] {
            assert_eq!(parse_query(&[typed]), Ok(failure.clone()), "{typed}");
        }
        assert_eq!(parse_reported("0x904"), Ok((0x904, None)));
        for typed in [&[""][..], &["0x"], &["0xZZ"], &["1", "2", "3"], &["+4"], &["0x1FFFFFFFF"]] {
            assert!(parse_query(typed).is_err(), "{typed:?}");
        }
    }
}
