//! The words of what is in an `.rdp` file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the file's characters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RdpFileEncoding {
    /// UTF-8 without a byte order mark; ASCII is a part of it.
    Utf8,
    /// UTF-8 behind a byte order mark.
    Utf8Bom,
    /// UTF-16, low byte first, behind its byte order mark: what `mstsc` writes.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, low byte first, without a byte order mark.
    #[serde(rename = "utf-16le-no-bom")]
    Utf16LeNoBom,
    /// UTF-16, high byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// None of these; read as Latin-1.
    Other,
}

/// A setting's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RdpFileValue {
    /// Type `i`.
    Number(i64),
    /// Type `s`.
    Text(String),
}

/// When the file wants an RD Gateway (`gatewayusagemethod`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayUse {
    /// 0, 4 or nothing: not at all.
    Never,
    /// 1: always.
    Always,
    /// 2: when the direct way fails.
    WhenNeeded,
    /// 3: as the client's own settings say.
    ClientDefault,
}

/// What is wrong with the file or a line of it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RdpFileFlaw {
    /// No line of it is a setting.
    NoSettings,
    /// Neither `full address` nor `alternate full address` names a computer.
    NoAddress,
    /// What stands there is no host, `host:port` or address.
    BadAddress,
    /// `server port` is none from 1 to 65535.
    BadPort,
    /// The address and `server port` name different ports.
    TwoPorts,
    /// A known setting bears another type than its own.
    WrongType,
    /// An unknown setting, and the type is none of `i`, `s` and `b`.
    UnknownType,
    /// A known setting without a type: `name:value`.
    MissingType,
    /// A known setting: behind type `i` stands no number, or behind `b` no hexadecimal digits.
    BadValue,
    /// The number is none that the setting knows.
    OutOfRange,
    /// The same setting twice, with different values.
    Duplicate,
    /// A line that is no setting.
    NotASetting,
    /// A gateway is wanted and none is named.
    NoGateway,
    /// The gateway's name is none.
    BadGateway,
    /// RemoteApp is asked for and no program is named.
    NoProgram,
    /// `loadbalanceinfo` does not fit into a connection request.
    RoutingTooLong,
    /// UTF-16 without a byte order mark.
    NoByteOrderMark,
    /// UTF-16 with the high byte first.
    BigEndian,
    /// Characters beyond ASCII without a byte order mark: what they are is a guess.
    AmbiguousCharacters,
    /// Control characters within a setting.
    ControlCharacters,
    /// Longer than any such file; the rest was not read.
    TooLong,
}
