//! The script as a program on another machine runs it: its text comes by standard input, since a command
//! line of Windows has at most 8,191 characters.

use base64ct::{Base64, Encoding as _};

use super::{Form, Order, source};
use crate::Side;

/// The program.
pub const PROGRAM: &str = "powershell.exe";

/// What it is told: to run what it reads. Both commands are there in Constrained Language Mode too, and
/// nothing is written to the machine's disk. Progress would come as errors.
const BOOT: &str = "$ProgressPreference = 'SilentlyContinue'\n\
                    Invoke-Expression (@($input) -join \"`n\")\n";

/// How long a part of the output may be. An output that is cut off keeps its first parts.
const PART: usize = 8_000;

/// Its arguments.
pub fn arguments() -> String {
    encoded(BOOT)
}

/// Arguments that carry a command. `-EncodedCommand` takes UTF-16, which no shell on the way can take apart.
pub(super) fn encoded(command: &str) -> String {
    let bytes: Vec<u8> = command.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let command = Base64::encode_string(&bytes);
    format!("-NoProfile -NonInteractive -EncodedCommand {command}")
}

/// Its standard input.
pub fn input(side: Side) -> String {
    source(side, Form::Parts { limit: PART, order: Order::First })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_short_and_plain() {
        let arguments = arguments();
        assert!(arguments.len() < 1_000, "{}", arguments.len());
        let encoded = arguments.rsplit(' ').next().expect("a word");
        let bytes = Base64::decode_vec(encoded).expect("base64");
        let units: Vec<u16> =
            bytes.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
        let text = String::from_utf16(&units).expect("UTF-16");
        assert_eq!(text, BOOT);
        let mut parser = tree_sitter::Parser::new();
        parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).expect("the grammar");
        let tree = parser.parse(&text, None).expect("a tree");
        assert!(!tree.root_node().has_error(), "{text}");
    }

    #[test]
    fn the_input_is_the_script_in_ascii() {
        for side in [Side::Host, Side::Client] {
            let input = input(side);
            assert!(input.is_ascii() && !input.contains('\0'));
            assert!(input.contains("Write-Parts $Decisive $Others"));
        }
    }
}
