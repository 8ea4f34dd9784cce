//! What a server answers. Whatever it says is bounded by what the reader is given; nothing of it is
//! believed but what stands in the place where it belongs.

use base64ct::{Base64, Encoding as _};
use roxmltree::{Document, Node, ParsingOptions};

use super::{ADDRESSING, ENVELOPE, FAULT, Malformed, SHELL, WSMAN};

/// Longest answer that is read: three times what is asked for at most.
pub const LONGEST_ANSWER: usize = 512 * 1024;

/// Elements, attributes and texts of an answer.
const MOST_NODES: u32 = 20_000;

/// What is kept of a name that the server gives, and of its words.
const LONGEST_NAME: usize = 128;
const LONGEST_WORDS: usize = 400;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Which message it answers, as that was numbered.
    pub relates_to: Option<String>,
    /// What it says.
    pub content: Content,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A shell was made; its name.
    Shell(String),
    /// A program was started; its name.
    Command(String),
    /// What the program wrote since.
    Output(Output),
    /// Something was done and there is nothing to say of it.
    Done,
    /// It could not be done.
    Fault(Fault),
}

/// What a program wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// To its standard output.
    pub stdout: Vec<u8>,
    /// To its standard error.
    pub stderr: Vec<u8>,
    /// It has ended.
    pub done: bool,
    /// With this number.
    pub exit_code: Option<u32>,
}

/// Why something could not be done (MS-WSMV 2.2.4.43, DSP0226 14.6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fault {
    /// WSManFault's code: an error of Windows.
    pub code: Option<u32>,
    /// The name of the fault: `AccessDenied`, `TimedOut`, `QuotaLimit`.
    pub name: Option<String>,
    /// In the words of the server.
    pub reason: Option<String>,
}

/// Reads an answer.
///
/// # Errors
/// When it is none.
pub fn read(bytes: &[u8]) -> Result<Answer, Malformed> {
    if bytes.len() > LONGEST_ANSWER {
        return Err(Malformed("an answer is longer than any"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed("an answer is not UTF-8"))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let options =
        ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..Default::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|_| Malformed("an answer is not the XML of a message"))?;
    let root = document.root_element();
    if !root.has_tag_name((ENVELOPE, "Envelope")) {
        return Err(Malformed("an answer is XML and no message of WS-Management"));
    }
    let body = child(root, ENVELOPE, "Body").ok_or(Malformed("a message has no body"))?;
    let related = child(root, ENVELOPE, "Header")
        .and_then(|header| child(header, ADDRESSING, "RelatesTo"))
        .and_then(|node| node.text());
    let relates_to = related.map(|text| cut(text.trim(), LONGEST_NAME));
    Ok(Answer { relates_to, content: content(body)? })
}

fn content(body: Node<'_, '_>) -> Result<Content, Malformed> {
    if let Some(fault) = child(body, ENVELOPE, "Fault") {
        return Ok(Content::Fault(read_fault(fault)));
    }
    if let Some(received) = child(body, SHELL, "ReceiveResponse") {
        return Ok(Content::Output(output(received)?));
    }
    if let Some(started) = child(body, SHELL, "CommandResponse") {
        let id = child(started, SHELL, "CommandId").and_then(|node| node.text());
        return name(id).map(Content::Command).ok_or(Malformed("a command has no name"));
    }
    // The reference to what was made (MS-WSMV 3.1.4.5.3), and what newer servers say beside it.
    let selector = body.descendants().find(|node| {
        node.has_tag_name((WSMAN, "Selector")) && node.attribute("Name") == Some("ShellId")
    });
    let own = || body.descendants().find(|node| node.has_tag_name((SHELL, "ShellId")));
    match selector.or_else(own) {
        Some(shell) => {
            name(shell.text()).map(Content::Shell).ok_or(Malformed("a shell has no name"))
        }
        None => Ok(Content::Done),
    }
}

fn output(received: Node<'_, '_>) -> Result<Output, Malformed> {
    let mut output = Output::default();
    for node in received.children().filter(Node::is_element) {
        if node.has_tag_name((SHELL, "Stream")) {
            let stream = match node.attribute("Name") {
                Some("stdout") => &mut output.stdout,
                Some("stderr") => &mut output.stderr,
                _ => continue,
            };
            let text: String = node.text().unwrap_or_default().split_ascii_whitespace().collect();
            let bytes = Base64::decode_vec(&text);
            stream.extend(bytes.map_err(|_| Malformed("an output is not base64"))?);
        } else if node.has_tag_name((SHELL, "CommandState")) {
            output.done = node.attribute("State").is_some_and(|state| state.ends_with("/Done"));
            let code = child(node, SHELL, "ExitCode").and_then(|node| node.text());
            output.exit_code = code.and_then(|code| exit_code(code.trim()));
        }
    }
    Ok(output)
}

/// A DWORD, which is written with a sign as well.
fn exit_code(text: &str) -> Option<u32> {
    text.parse().ok().or_else(|| text.parse::<i32>().ok().map(i32::cast_unsigned))
}

fn read_fault(fault: Node<'_, '_>) -> Fault {
    let code = child(fault, ENVELOPE, "Code");
    // Of two names the inner one says more: s:Sender, then w:AccessDenied.
    let inner = code.and_then(|code| child(code, ENVELOPE, "Subcode")).or(code);
    let named = inner.and_then(|code| child(code, ENVELOPE, "Value")).and_then(|node| node.text());
    let local = named.map(|name| name.trim().rsplit(':').next().unwrap_or_default());
    let detail = fault.descendants().find(|node| node.has_tag_name((FAULT, "WSManFault")));
    let words = fault
        .descendants()
        .find(|node| node.has_tag_name((FAULT, "Message")) && node.text().is_some_and(has_words))
        .or_else(|| {
            child(fault, ENVELOPE, "Reason").and_then(|reason| child(reason, ENVELOPE, "Text"))
        });
    Fault {
        code: detail.and_then(|node| node.attribute("Code")).and_then(|code| code.parse().ok()),
        name: local.map(|name| cut(name, LONGEST_NAME)).filter(|name| !name.is_empty()),
        reason: words.and_then(|node| node.text()).map(one_line).filter(|text| has_words(text)),
    }
}

fn has_words(text: &str) -> bool {
    !text.trim().is_empty()
}

fn child<'a, 'input>(
    node: Node<'a, 'input>,
    namespace: &'static str,
    name: &'static str,
) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name((namespace, name)))
}

/// What a server calls something; it is sent back to it and shown to nobody.
fn name(text: Option<&str>) -> Option<String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty() && text.len() <= LONGEST_NAME)?;
    Some(text.to_owned())
}

/// Words of a server in one line, without what would move a terminal.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    cut(&line, LONGEST_WORDS)
}

fn cut(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn envelope(body: &str) -> String {
        format!(
            "<s:Envelope xmlns:s=\"{ENVELOPE}\" xmlns:a=\"{ADDRESSING}\" xmlns:w=\"{WSMAN}\" \
             xmlns:rsp=\"{SHELL}\" xmlns:f=\"{FAULT}\"><s:Header>\
             <a:RelatesTo>uuid:1</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
        )
    }

    fn content(body: &str) -> Result<Content, Malformed> {
        read(envelope(body).as_bytes()).map(|answer| {
            assert_eq!(answer.relates_to.as_deref(), Some("uuid:1"));
            answer.content
        })
    }

    #[test]
    fn shells_and_commands_have_names() {
        let made = "<x:ResourceCreated xmlns:x=\"urn:x\"><w:SelectorSet>\
            <w:Selector Name=\"Other\">no</w:Selector>\
            <w:Selector Name=\"ShellId\">2B27</w:Selector></w:SelectorSet></x:ResourceCreated>";
        assert_eq!(content(made), Ok(Content::Shell("2B27".to_owned())));
        let newer = "<rsp:Shell><rsp:ShellId>2B28</rsp:ShellId></rsp:Shell>";
        assert_eq!(content(newer), Ok(Content::Shell("2B28".to_owned())));
        let started =
            "<rsp:CommandResponse><rsp:CommandId>C0</rsp:CommandId></rsp:CommandResponse>";
        assert_eq!(content(started), Ok(Content::Command("C0".to_owned())));
        assert_eq!(content("<rsp:SendResponse/>"), Ok(Content::Done));
        let nameless =
            "<rsp:CommandResponse><rsp:CommandId> </rsp:CommandId></rsp:CommandResponse>";
        assert!(content(nameless).is_err());
        let endless =
            format!("<rsp:Shell><rsp:ShellId>{}</rsp:ShellId></rsp:Shell>", "7".repeat(200));
        assert!(content(&endless).is_err());
    }

    #[test]
    fn output_and_its_end() {
        let body = |rest: &str| {
            content(&format!(
                "<rsp:ReceiveResponse>\
                 <rsp:Stream Name=\"stdout\" CommandId=\"C\">YW\nI=</rsp:Stream>\
                 <rsp:Stream Name=\"stderr\" CommandId=\"C\">Yw==</rsp:Stream>\
                 <rsp:Stream Name=\"stdout\" CommandId=\"C\" End=\"true\"></rsp:Stream>\
                 <rsp:Stream Name=\"stdout\" CommandId=\"C\">ZA==</rsp:Stream>{rest}\
                 </rsp:ReceiveResponse>"
            ))
        };
        let seen = |done, exit_code| {
            let (stdout, stderr) = (b"abd".to_vec(), b"c".to_vec());
            Ok(Content::Output(Output { stdout, stderr, done, exit_code }))
        };
        assert_eq!(body(""), seen(false, None));
        let state = |state: &str, code: &str| {
            format!(
                "<rsp:CommandState CommandId=\"C\" State=\"{SHELL}/CommandState/{state}\">\
                 <rsp:ExitCode>{code}</rsp:ExitCode></rsp:CommandState>"
            )
        };
        assert_eq!(body(&state("Running", "")), seen(false, None));
        assert_eq!(body(&state("Done", "9009")), seen(true, Some(9009)));
        assert_eq!(body(&state("Done", "-1")), seen(true, Some(u32::MAX)));
        let wrong =
            "<rsp:ReceiveResponse><rsp:Stream Name=\"stdout\">=</rsp:Stream></rsp:ReceiveResponse>";
        assert!(content(wrong).is_err());
    }

    #[test]
    fn faults_say_their_code_their_name_and_their_words() {
        let body = "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode>\
            <s:Value>w:AccessDenied</s:Value></s:Subcode></s:Code>\
            <s:Reason><s:Text xml:lang=\"\">Access is denied. </s:Text></s:Reason>\
            <s:Detail><f:WSManFault Code=\"5\" Machine=\"pc42\"><f:Message>Access\n is \u{7f} denied.\
            </f:Message></f:WSManFault></s:Detail></s:Fault>";
        let expected = Fault {
            code: Some(5),
            name: Some("AccessDenied".to_owned()),
            reason: Some("Access is  denied.".to_owned()),
        };
        assert_eq!(content(body), Ok(Content::Fault(expected)));
        let bare = "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code>\
            <s:Reason><s:Text>No.</s:Text></s:Reason></s:Fault>";
        let expected =
            Fault { code: None, name: Some("Receiver".to_owned()), reason: Some("No.".to_owned()) };
        assert_eq!(content(bare), Ok(Content::Fault(expected)));
        assert_eq!(content("<s:Fault/>"), Ok(Content::Fault(Fault::default())));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in ["", "<html><body>IIS</body></html>", "<s:Envelope/>", "{}"] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(&[0xFF, 0xFE, 0]).is_err());
        // An entity that grows, and more elements or a deeper nest than any answer has.
        let grows = "<!DOCTYPE a [<!ENTITY b \"bbbbbbbb\">]>".to_owned() + &envelope("&b;");
        assert!(read(grows.as_bytes()).is_err());
        assert!(content(&"<a/>".repeat(30_000)).is_err());
        let deep = "<a>".repeat(18_000) + &"</a>".repeat(18_000);
        let _ = content(&deep);
        assert!(read(&vec![b' '; LONGEST_ANSWER + 1]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
            let inside = String::from_utf8_lossy(&bytes).into_owned();
            let _ = read(envelope(&inside).as_bytes());
        }
    }
}
