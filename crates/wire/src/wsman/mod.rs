//! WS-Management as WinRM speaks it (MS-WSMV over DSP0226): the few messages with which a command is run
//! on a Windows machine and its output fetched, and their form where the transport does not encrypt.

mod answer;
mod request;
mod sealed;

pub use answer::{Answer, Content, Fault, LONGEST_ANSWER, Output, read};
pub use request::{Action, Request};
pub use sealed::{Sealed, content_type, is_sealed, seal, unseal};

/// The path of the service (MS-WSMV 2.2.1).
pub const PATH: &str = "/wsman";

/// The type of a message in clear.
pub const SOAP: &str = "application/soap+xml;charset=UTF-8";

/// SOAP 1.2.
const ENVELOPE: &str = "http://www.w3.org/2003/05/soap-envelope";
const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
/// DSP0226.
const WSMAN: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";
/// MS-WSMV 2.2.3.
const EXTENSIONS: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd";
const FAULT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault";
const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";

/// A message is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}
