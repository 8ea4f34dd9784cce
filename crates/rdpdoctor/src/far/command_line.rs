//! Arguments as one line, the way programs of Windows take them apart (`CommandLineToArgvW`, and the C
//! runtime's "Parsing C command-line arguments").

/// The line.
pub fn line(arguments: &[String]) -> String {
    arguments.iter().map(|argument| quoted(argument)).collect::<Vec<_>>().join(" ")
}

/// Backslashes stand for themselves, but in front of a quotation mark, where each takes two.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/\\=,".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    let mut quoted = String::from('"');
    let mut backslashes = 0;
    for character in argument.chars() {
        if character == '"' {
            quoted.push_str(&"\\".repeat(backslashes + 1));
        }
        backslashes = if character == '\\' { backslashes + 1 } else { 0 };
        quoted.push(character);
    }
    quoted.push_str(&"\\".repeat(backslashes));
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_runtime_of_c_has_it() {
        for (argument, expected) in [
            ("--apply", "--apply"),
            (r"C:\a\", r"C:\a\"),
            ("", r#""""#),
            ("two words", r#""two words""#),
            (r"ends \", r#""ends \\""#),
            (r#"a"b"#, r#""a\"b""#),
            (r#"a\"b"#, r#""a\\\"b""#),
            (r"a\\b c", r#""a\\b c""#),
            ("%PATH% & ^", r#""%PATH% & ^""#),
        ] {
            assert_eq!(quoted(argument), expected, "{argument}");
        }
        let all = ["fix", "--change", "CHG 7"].map(str::to_owned);
        assert_eq!(line(&all), r#"fix --change "CHG 7""#);
    }
}
