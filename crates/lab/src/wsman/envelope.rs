//! Messages of SOAP: what a client asks, held against what the protocol knows, and the answers.

use openssl::base64::{decode_block, encode_block};
use roxmltree::{Document, Node};

const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
const WSMAN: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";
const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
const WSMAN_FAULT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault";

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Create,
    Command(String),
    /// A piece of the input, and whether it is the last.
    Send(Vec<u8>, bool),
    Receive,
    Signal,
    Delete,
}

/// A message of the client.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) action: String,
    pub(super) shell: Option<String>,
    pub(super) command: Option<String>,
    pub(super) asked: Asked,
}

impl Message {
    /// Reads it; the error says what is wrong with it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "a message is not UTF-8")?;
        let document = Document::parse(text).map_err(|error| error.to_string())?;
        let root = document.root_element();
        let header = child(root, SOAP, "Header").ok_or("a message has no header")?;
        let body = child(root, SOAP, "Body").ok_or("a message has no body")?;
        let must = |namespace, name| -> Result<String, String> {
            let node = child(header, namespace, name).ok_or(format!("{name} is missing"))?;
            Ok(node.text().unwrap_or_default().to_owned())
        };
        let action = must(ADDRESSING, "Action")?;
        let id = must(ADDRESSING, "MessageID")?;
        let number = id.strip_prefix("uuid:").unwrap_or_default();
        if number.len() != 36 || number.matches('-').count() != 4 {
            return Err(format!("{id} is no number of a message"));
        }
        if !must(ADDRESSING, "To")?.ends_with("/wsman") {
            return Err("it is for somebody else".to_owned());
        }
        if must(WSMAN, "ResourceURI")? != format!("{SHELL}/cmd") {
            return Err("it is about something else than shells".to_owned());
        }
        let reply = child(header, ADDRESSING, "ReplyTo").ok_or("ReplyTo is missing")?;
        let address = child(reply, ADDRESSING, "Address").and_then(|node| node.text());
        if address != Some("http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous") {
            return Err("the answer is wanted elsewhere".to_owned());
        }
        if must(WSMAN, "MaxEnvelopeSize")?.parse::<u32>().is_err()
            || !must(WSMAN, "OperationTimeout")?.starts_with("PT")
        {
            return Err("its limits are none".to_owned());
        }
        let selectors = child(header, WSMAN, "SelectorSet");
        let shell = selectors.and_then(|set| child(set, WSMAN, "Selector"));
        let shell = shell.filter(|node| node.attribute("Name") == Some("ShellId"));
        let shell = shell.and_then(|node| node.text()).map(str::to_owned);
        let (asked, command) = asked(&action, body)?;
        Ok(Self { id, action, shell, command, asked })
    }
}

/// What a message asks for, and of which command.
fn asked(action: &str, body: Node<'_, '_>) -> Result<(Asked, Option<String>), String> {
    let part = |name| child(body, SHELL, name).ok_or(format!("{name} is missing"));
    let of = |node: Node<'_, '_>| node.attribute("CommandId").map(str::to_owned);
    let last = action.rsplit('/').next().unwrap_or_default();
    let home = if matches!(last, "Create" | "Delete") { TRANSFER } else { SHELL };
    if action != format!("{home}/{last}") {
        return Err(format!("{action} is no action of a shell"));
    }
    Ok(match last {
        "Create" => {
            let shell = part("Shell")?;
            let streams = |name| child(shell, SHELL, name).and_then(|node| node.text());
            if (streams("InputStreams"), streams("OutputStreams"))
                != (Some("stdin"), Some("stdout stderr"))
            {
                return Err("a shell without the usual streams".to_owned());
            }
            (Asked::Create, None)
        }
        "Command" => {
            let line = part("CommandLine")?;
            let words = line.children().filter(Node::is_element).filter_map(|node| node.text());
            (Asked::Command(words.collect::<Vec<_>>().join(" ")), None)
        }
        "Send" => {
            let stream = child(part("Send")?, SHELL, "Stream").ok_or("Send without a stream")?;
            if stream.attribute("Name") != Some("stdin") {
                return Err("input for another stream".to_owned());
            }
            let bytes = decode_block(stream.text().unwrap_or_default());
            let bytes = bytes.map_err(|_| "input that is not base64")?;
            (Asked::Send(bytes, stream.attribute("End") == Some("true")), of(stream))
        }
        "Receive" => {
            let wanted = child(part("Receive")?, SHELL, "DesiredStream");
            (Asked::Receive, of(wanted.ok_or("Receive without a stream")?))
        }
        "Signal" => (Asked::Signal, of(part("Signal")?)),
        "Delete" => (Asked::Delete, None),
        _ => return Err(format!("{action} is no action of a shell")),
    })
}

fn child<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name((namespace, name)))
}

/// An answer to a message.
pub(super) fn answer(to: &str, action: &str, body: &str) -> String {
    format!(
        "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"{SOAP}\" xmlns:a=\"{ADDRESSING}\" \
         xmlns:w=\"{WSMAN}\" xmlns:rsp=\"{SHELL}\" xmlns:x=\"{TRANSFER}\"><s:Header>\
         <a:Action>{action}Response</a:Action>\
         <a:MessageID>uuid:0F1E2D3C-4B5A-4978-8796-A5B4C3D2E1F0</a:MessageID>\
         <a:To>{ADDRESSING}/role/anonymous</a:To><a:RelatesTo>{to}</a:RelatesTo></s:Header>\
         <s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// What says that a shell was made.
pub(super) fn created(shell: &str) -> String {
    format!(
        "<x:ResourceCreated><a:Address>http://labpc01:5985/wsman</a:Address><a:ReferenceParameters>\
         <w:ResourceURI>{SHELL}/cmd</w:ResourceURI><w:SelectorSet>\
         <w:Selector Name=\"ShellId\">{shell}</w:Selector></w:SelectorSet></a:ReferenceParameters>\
         </x:ResourceCreated><rsp:Shell><rsp:ShellId>{shell}</rsp:ShellId></rsp:Shell>"
    )
}

/// What says that a command runs.
pub(super) fn started(command: &str) -> String {
    format!("<rsp:CommandResponse><rsp:CommandId>{command}</rsp:CommandId></rsp:CommandResponse>")
}

/// Output, and the number with which the command ended, where it did.
pub(super) fn output(command: &str, stdout: &[u8], stderr: &[u8], ended: Option<u32>) -> String {
    let stream = |name: &str, bytes: &[u8]| match bytes {
        [] => String::new(),
        _ => format!(
            "<rsp:Stream Name=\"{name}\" CommandId=\"{command}\">{}</rsp:Stream>",
            encode_block(bytes)
        ),
    };
    let state = match ended {
        None => format!(
            "<rsp:CommandState CommandId=\"{command}\" State=\"{SHELL}/CommandState/Running\"/>"
        ),
        Some(code) => format!(
            "<rsp:CommandState CommandId=\"{command}\" State=\"{SHELL}/CommandState/Done\">\
             <rsp:ExitCode>{code}</rsp:ExitCode></rsp:CommandState>"
        ),
    };
    let (out, errors) = (stream("stdout", stdout), stream("stderr", stderr));
    format!("<rsp:ReceiveResponse>{out}{errors}{state}</rsp:ReceiveResponse>")
}

/// A fault.
pub(super) fn fault(name: &str, code: u32, words: &str) -> String {
    format!(
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:{name}</s:Value>\
         </s:Subcode></s:Code><s:Reason><s:Text xml:lang=\"en-US\">{words} </s:Text></s:Reason>\
         <s:Detail><f:WSManFault xmlns:f=\"{WSMAN_FAULT}\" Code=\"{code}\" Machine=\"labpc01\">\
         <f:Message>{words} </f:Message></f:WSManFault></s:Detail></s:Fault>"
    )
}
