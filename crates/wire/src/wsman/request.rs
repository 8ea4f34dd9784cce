//! What a client of a remote shell sends (MS-WSMV 3.1.4.5, 3.1.4.10 to 3.1.4.14).

use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};

use super::{ADDRESSING, ENVELOPE, EXTENSIONS, SHELL, TRANSFER, WSMAN};

/// The longest answer that is asked for. What WinRM 2.0 takes at most (MaxEnvelopeSizekb).
const MOST_ENVELOPE: u32 = 153_600;

/// After so long without a word a shell that nobody ended goes away by itself.
const IDLE: &str = "PT120.000S";

/// One message of the client.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Where it goes to: `https://pc42:5986/wsman`.
    pub to: &'a str,
    /// Its number, a UUID without braces.
    pub id: &'a str,
    /// How many seconds the server may keep it.
    pub seconds: u64,
    /// What is asked.
    pub action: Action<'a>,
}

/// What can be asked.
#[derive(Debug, Clone, Copy)]
pub enum Action<'a> {
    /// A shell.
    Create,
    /// A program in it.
    Command {
        /// The shell.
        shell: &'a str,
        /// The program.
        program: &'a str,
        /// All of its arguments, as it is told them.
        arguments: &'a str,
    },
    /// A piece of its standard input.
    Send {
        /// The shell.
        shell: &'a str,
        /// The command.
        command: &'a str,
        /// The bytes.
        bytes: &'a [u8],
        /// Nothing follows.
        last: bool,
    },
    /// What it wrote since, or that it has ended.
    Receive {
        /// The shell.
        shell: &'a str,
        /// The command.
        command: &'a str,
    },
    /// The end of the program, if it has not ended.
    Terminate {
        /// The shell.
        shell: &'a str,
        /// The command.
        command: &'a str,
    },
    /// The end of the shell.
    Delete {
        /// The shell.
        shell: &'a str,
    },
}

impl Request<'_> {
    /// The message.
    pub fn envelope(&self) -> String {
        let uri = self.action.uri();
        let (to, id) = (escaped(self.to), escaped(self.id));
        let (seconds, selectors, options) =
            (self.seconds, self.action.selectors(), self.action.options());
        let body = self.action.body();
        format!(
            "<s:Envelope xmlns:s=\"{ENVELOPE}\" xmlns:a=\"{ADDRESSING}\" xmlns:w=\"{WSMAN}\" \
             xmlns:p=\"{EXTENSIONS}\" xmlns:rsp=\"{SHELL}\"><s:Header>\
             <a:To>{to}</a:To>\
             <a:ReplyTo><a:Address s:mustUnderstand=\"true\">{ADDRESSING}/role/anonymous</a:Address></a:ReplyTo>\
             <a:Action s:mustUnderstand=\"true\">{uri}</a:Action>\
             <w:MaxEnvelopeSize s:mustUnderstand=\"true\">{MOST_ENVELOPE}</w:MaxEnvelopeSize>\
             <a:MessageID>uuid:{id}</a:MessageID>\
             <w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>\
             <p:DataLocale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>\
             <w:OperationTimeout>PT{seconds}.000S</w:OperationTimeout>\
             <w:ResourceURI s:mustUnderstand=\"true\">{SHELL}/cmd</w:ResourceURI>\
             {selectors}{options}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
        )
    }
}

impl Action<'_> {
    fn uri(&self) -> String {
        match self {
            Self::Create => format!("{TRANSFER}/Create"),
            Self::Command { .. } => format!("{SHELL}/Command"),
            Self::Send { .. } => format!("{SHELL}/Send"),
            Self::Receive { .. } => format!("{SHELL}/Receive"),
            Self::Terminate { .. } => format!("{SHELL}/Signal"),
            Self::Delete { .. } => format!("{TRANSFER}/Delete"),
        }
    }

    fn selectors(&self) -> String {
        let shell = match self {
            Self::Create => return String::new(),
            Self::Command { shell, .. }
            | Self::Send { shell, .. }
            | Self::Receive { shell, .. }
            | Self::Terminate { shell, .. }
            | Self::Delete { shell } => escaped(shell),
        };
        format!("<w:SelectorSet><w:Selector Name=\"ShellId\">{shell}</w:Selector></w:SelectorSet>")
    }

    /// MS-WSMV 2.2.4.22: no profile, which may take long to load; UTF-8; a console that is none, so that
    /// standard input can have an end.
    fn options(&self) -> String {
        let pairs: &[(&str, &str)] = match self {
            Self::Create => &[("WINRS_NOPROFILE", "TRUE"), ("WINRS_CODEPAGE", "65001")],
            Self::Command { .. } => {
                &[("WINRS_CONSOLEMODE_STDIN", "FALSE"), ("WINRS_SKIP_CMD_SHELL", "FALSE")]
            }
            _ => return String::new(),
        };
        let mut set = String::from("<w:OptionSet s:mustUnderstand=\"true\">");
        for (name, value) in pairs {
            let _ = write!(set, "<w:Option Name=\"{name}\">{value}</w:Option>");
        }
        set + "</w:OptionSet>"
    }

    fn body(&self) -> String {
        match self {
            Self::Create => format!(
                "<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams>\
                 <rsp:OutputStreams>stdout stderr</rsp:OutputStreams>\
                 <rsp:IdleTimeOut>{IDLE}</rsp:IdleTimeOut></rsp:Shell>"
            ),
            Self::Command { program, arguments, .. } => format!(
                "<rsp:CommandLine><rsp:Command>{}</rsp:Command>\
                 <rsp:Arguments>{}</rsp:Arguments></rsp:CommandLine>",
                escaped(program),
                escaped(arguments)
            ),
            Self::Send { command, bytes, last, .. } => {
                let end = if *last { " End=\"true\"" } else { "" };
                let (command, bytes) = (escaped(command), Base64::encode_string(bytes));
                format!(
                    "<rsp:Send><rsp:Stream Name=\"stdin\" CommandId=\"{command}\"{end}>{bytes}\
                     </rsp:Stream></rsp:Send>"
                )
            }
            Self::Receive { command, .. } => format!(
                "<rsp:Receive><rsp:DesiredStream CommandId=\"{}\">stdout stderr\
                 </rsp:DesiredStream></rsp:Receive>",
                escaped(command)
            ),
            Self::Terminate { command, .. } => format!(
                "<rsp:Signal CommandId=\"{}\"><rsp:Code>{SHELL}/signal/terminate</rsp:Code>\
                 </rsp:Signal>",
                escaped(command)
            ),
            Self::Delete { .. } => String::new(),
        }
    }
}

/// Text in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML 1.0 2.2 has no other control characters.
            '\t' | '\n' | '\r' => safe.push(character),
            character if character.is_control() => safe.push('\u{FFFD}'),
            character => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    fn envelope(action: Action<'_>) -> String {
        let id = "11112222-3333-4444-8555-666677778888";
        Request { to: "https://pc42:5986/wsman", id, seconds: 20, action }.envelope()
    }

    #[test]
    fn every_message_is_xml_and_names_its_shell() {
        let (shell, command) = ("6D5B<&>\"", "C0");
        for action in [
            Action::Create,
            Action::Command { shell, program: "powershell.exe", arguments: "-Command \"a < b\"" },
            Action::Send { shell, command, bytes: b"text", last: true },
            Action::Receive { shell, command },
            Action::Terminate { shell, command },
            Action::Delete { shell },
        ] {
            let text = envelope(action);
            let read = Document::parse(&text).expect("XML");
            let named = |name| read.descendants().find(|node| node.tag_name().name() == name);
            let own = named("Selector").and_then(|node| node.text()).unwrap_or(shell);
            assert_eq!(own, shell, "what is markup stays text");
            assert_eq!(
                named("MessageID").and_then(|node| node.text()),
                Some("uuid:11112222-3333-4444-8555-666677778888")
            );
            assert!(named("Action").is_some_and(|node| node.text().is_some()));
        }
    }

    #[test]
    fn input_has_an_end() {
        let of = |last| envelope(Action::Send { shell: "S", command: "C", bytes: b"text", last });
        assert!(of(true).contains(" End=\"true\">dGV4dA=="));
        assert!(!of(false).contains("End="));
    }
}
