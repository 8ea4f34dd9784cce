use std::fmt;

use super::dialog::{fold, parse_dialog};
use super::table::{Table, named};

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
        /// `event 1026` asks for an event, `errinfo 7` for what a server sends; a plain number for
        /// all tables but the events.
        table: Option<Table>,
    },
    /// A symbol such as `STATUS_LOGON_FAILURE`.
    Name(String),
}

impl Query {
    /// A number of whatever table.
    pub fn number(number: u32) -> Self {
        Self::Number { number, table: None }
    }
}

/// As it can be typed again.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { number, table: None } => write!(f, "0x{number:X}"),
            Self::Pair { code, extended } => write!(f, "0x{code:X} 0x{extended:X}"),
            Self::Number { number, table: Some(table) } => {
                write!(f, "{} {}", table.keyword(), table.write(*number))
            }
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Why a text is no query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Nothing was given.
    #[error("no code given; write it as in the dialog, for example 0x904 0x7")]
    Empty,
    /// The number does not fit 32 bits.
    #[error("{0} does not fit in 32 bits; no code of Remote Desktop is that large")]
    TooLarge(String),
    /// More than a code and an extended code.
    #[error("{0} numbers given; a client shows at most two, the code and the extended code")]
    TooMany(usize),
    /// Neither a number nor a name.
    #[error("\"{0}\" is neither a number nor the name of a code")]
    NotACode(String),
}

/// The most that is read of a query, in characters.
const LONGEST: usize = 4096;

/// The most of somebody's text that is said back in an error, in characters.
const QUOTED: usize = 40;

/// Reads what somebody typed behind `explain`: `0x904 0x7`, `2308 7`, `0x904:0x7`, an NTSTATUS in
/// hexadecimal or as (signed) decimal, a name, `errinfo 7`, or the text of a dialog.
///
/// # Errors
/// When it is none of these; one line says why.
pub fn parse_query<S: AsRef<str>>(arguments: &[S]) -> Result<Query, QueryError> {
    let typed: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
    let joined: String = typed.join(" ").chars().take(LONGEST).collect();
    let text = joined.trim();
    if text.is_empty() {
        return Err(QueryError::Empty);
    }
    if let Some(name) = named(text).find_map(|entry| entry.name.clone()) {
        return Ok(Query::Name(name));
    }
    let folded = fold(text);
    let words: Vec<&str> = folded.split(is_separator).filter(|word| !word.is_empty()).collect();
    match parse_words(&words) {
        Err(error @ QueryError::NotACode(_)) => parse_dialog(text).ok_or(error),
        result => result,
    }
}

/// Reads what stands behind `--reported`: `0x904:0x7`, `2308/7`, `0x904`.
///
/// # Errors
/// When it is not one number or two.
pub fn parse_reported(text: &str) -> Result<(u32, Option<u32>), QueryError> {
    let folded: String = fold(text).chars().take(LONGEST).collect();
    let words: Vec<&str> = folded.split(is_separator).filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [] => Err(QueryError::Empty),
        [code] => Ok((number(code)?, None)),
        [code, extended] => Ok((number(code)?, Some(number(extended)?))),
        more => Err(QueryError::TooMany(more.len())),
    }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, ':' | '/' | ',' | ';')
}

fn parse_words(words: &[&str]) -> Result<Query, QueryError> {
    match words {
        [] => Err(QueryError::Empty),
        [word] => match number(word) {
            Ok(number) => Ok(Query::number(number)),
            Err(QueryError::NotACode(_)) if is_name(word) => Ok(Query::Name((*word).to_owned())),
            Err(error) => Err(error),
        },
        [keyword, rest @ ..] if table_of(keyword).is_some() => {
            let rest = match rest {
                [id, rest @ ..] if id.eq_ignore_ascii_case("id") => rest,
                _ => rest,
            };
            match (table_of(keyword), rest) {
                (Some(table), [word]) => {
                    Ok(Query::Number { number: number(word)?, table: Some(table) })
                }
                _ => Err(not_a_code(&words.join(" "))),
            }
        }
        [code, extended] => Ok(Query::Pair { code: number(code)?, extended: number(extended)? }),
        more => {
            for word in more {
                number(word)?;
            }
            Err(QueryError::TooMany(more.len()))
        }
    }
}

fn table_of(keyword: &str) -> Option<Table> {
    Table::ALL.into_iter().find(|table| table.keyword().eq_ignore_ascii_case(keyword))
}

/// A symbol in the way all the tables spell theirs.
fn is_name(word: &str) -> bool {
    word.contains('_')
        && word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `0x904`, `2308`, `-1073741715`, `C000006D`, `0xFFFFFFFFC000006D`.
fn number(word: &str) -> Result<u32, QueryError> {
    let lower = word.to_ascii_lowercase();
    if let Some(digits) = lower.strip_prefix("0x") {
        return hex(digits, word);
    }
    let digits = lower.strip_prefix('-').unwrap_or(&lower);
    if !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()) {
        let value: i64 = lower.parse().map_err(|_| too_large(word))?;
        // A signed 32-bit number is how event logs and scripts print an NTSTATUS.
        return u32::try_from(value)
            .or_else(|_| i32::try_from(value).map(i32::cast_unsigned))
            .map_err(|_| too_large(word));
    }
    let all_hex = lower.chars().all(|c| c.is_ascii_hexdigit());
    if all_hex
        && lower.starts_with(|c: char| c.is_ascii_alphanumeric())
        && lower.contains(|c: char| c.is_ascii_digit())
    {
        return hex(&lower, word);
    }
    Err(not_a_code(word))
}

fn hex(digits: &str, word: &str) -> Result<u32, QueryError> {
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(not_a_code(word));
    }
    let significant = digits.trim_start_matches('0');
    // A 64-bit program prints a status sign-extended.
    let significant = match significant.len() {
        16 => match significant.strip_prefix("ffffffff") {
            Some(low) if low >= "80000000" => low,
            _ => significant,
        },
        _ => significant,
    };
    match significant.len() {
        0 => Ok(0),
        1..=8 => u32::from_str_radix(significant, 16).map_err(|_| not_a_code(word)),
        _ => Err(too_large(word)),
    }
}

fn not_a_code(text: &str) -> QueryError {
    QueryError::NotACode(quoted(text))
}

fn too_large(text: &str) -> QueryError {
    QueryError::TooLarge(quoted(text))
}

/// One line of bounded length, without control characters.
fn quoted(text: &str) -> String {
    let mut line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(QUOTED).collect();
    if text.chars().count() > QUOTED {
        line.push_str("...");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{Query, QueryError, parse_query, parse_reported};
    use crate::codes::Table;

    const PAIR: Query = Query::Pair { code: 0x904, extended: 7 };

    #[test]
    fn a_pair_is_read_however_it_is_written() {
        for text in [
            "0x904 0x7",
            "2308 7",
            "0x904:0x7",
            "0x904/0x7",
            "0X904, 7",
            "0x00000904 0x00000007",
            "２３０８ ７",
            "0x904 : 0x7",
            "Error code: 0x904 Extended error code: 0x7",
        ] {
            assert_eq!(parse_query(&[text]), Ok(PAIR), "{text}");
        }
        assert_eq!(parse_query(&["0x904", "0x7"]), Ok(PAIR));
    }

    #[test]
    fn a_status_is_read_in_every_notation() {
        for text in ["0xC000006D", "c000006d", "3221225581", "-1073741715", "0xFFFFFFFFC000006D"] {
            assert_eq!(parse_query(&[text]), Ok(Query::number(0xC000_006D)), "{text}");
        }
    }

    #[test]
    fn names_and_tables() {
        assert_eq!(
            parse_query(&["status_logon_failure"]),
            Ok(Query::Name("STATUS_LOGON_FAILURE".to_owned()))
        );
        assert_eq!(
            parse_query(&["STATUS_NO_SUCH_THING"]),
            Ok(Query::Name("STATUS_NO_SUCH_THING".to_owned()))
        );
        let event = Query::Number { number: 1026, table: Some(Table::ClientEvent) };
        assert_eq!(parse_query(&["event", "1026"]), Ok(event.clone()));
        assert_eq!(parse_query(&["Event ID: 1026"]), Ok(event));
        assert_eq!(
            parse_query(&["errinfo 0x10A"]),
            Ok(Query::Number { number: 0x10A, table: Some(Table::Errinfo) })
        );
    }

    #[test]
    fn what_is_no_code_is_said_in_one_line() {
        for (text, error) in [
            ("", QueryError::Empty),
            (" \t", QueryError::Empty),
            ("hello", QueryError::NotACode("hello".to_owned())),
            ("0x", QueryError::NotACode("0x".to_owned())),
            ("0x904zz", QueryError::NotACode("0x904zz".to_owned())),
            ("0x1FFFFFFFF", QueryError::TooLarge("0x1FFFFFFFF".to_owned())),
            ("-2147483649", QueryError::TooLarge("-2147483649".to_owned())),
            ("99999999999999999999", QueryError::TooLarge("99999999999999999999".to_owned())),
            ("1 2 3", QueryError::TooMany(3)),
        ] {
            assert_eq!(parse_query(&[text]), Err(error), "{text}");
        }
        let long = format!("\u{1b}[31m{}\n", "x".repeat(9000));
        let error = parse_query(&[&long]).expect_err("is no code").to_string();
        assert!(error.len() < 120 && !error.contains(char::is_control), "{error}");
    }

    #[test]
    fn reported_codes() {
        assert_eq!(parse_reported("0x904:0x7"), Ok((0x904, Some(7))));
        assert_eq!(parse_reported("2308/7"), Ok((0x904, Some(7))));
        assert_eq!(parse_reported("0x904,0x7"), Ok((0x904, Some(7))));
        assert_eq!(parse_reported("0x904"), Ok((0x904, None)));
        assert_eq!(parse_reported(""), Err(QueryError::Empty));
        assert_eq!(parse_reported("1:2:3"), Err(QueryError::TooMany(3)));
        assert_eq!(parse_reported("0x904:seven"), Err(QueryError::NotACode("seven".to_owned())));
    }
}
