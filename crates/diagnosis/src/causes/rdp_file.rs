//! What rules ask about an `.rdp` file, and words for what is wrong with one.

use rdpdoctor_model::{Fact, ObservationId, RdpFileFlaw, RdpFileValue};

use crate::{Evidence, Remedy, Risk, Seen, Severity, Where};

/// The file as a whole.
pub(crate) struct Whole {
    pub(crate) clear_password: bool,
    pub(crate) signed: bool,
}

/// The file, where one was read.
pub(crate) fn whole<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, Whole>> {
    evidence
        .all(|fact| match *fact {
            Fact::RdpFile { clear_password, signed, .. } => Some(Whole { clear_password, signed }),
            _ => None,
        })
        .pop()
}

/// A setting's number, with the observation that says so.
pub(crate) fn number(evidence: &Evidence<'_>, name: &str) -> Option<(i64, ObservationId)> {
    let seen = evidence.all(|fact| match fact {
        Fact::RdpFileSetting { setting, value: RdpFileValue::Number(number), .. }
            if setting == name =>
        {
            Some(*number)
        }
        _ => None,
    });
    seen.last().map(|seen| (seen.value, seen.id()))
}

/// A setting's text, with the observation that says so.
pub(crate) fn text<'a>(evidence: &Evidence<'a>, name: &str) -> Option<(&'a str, ObservationId)> {
    let seen = evidence.all(|fact| match fact {
        Fact::RdpFileSetting { setting, value: RdpFileValue::Text(text), .. }
            if setting == name =>
        {
            Some(text.as_str())
        }
        _ => None,
    });
    seen.last().map(|seen| (seen.value, seen.id()))
}

/// How much a flaw weighs. It blocks where the file names nobody to connect with; what a client
/// makes of the others is told by no specification, so that they only warn; what `mstsc` passes
/// over without harm is worth knowing.
pub(crate) fn weight(flaw: RdpFileFlaw) -> Severity {
    use RdpFileFlaw as Flaw;
    match flaw {
        Flaw::NoSettings | Flaw::NoAddress | Flaw::BadAddress => Severity::Blocking,
        Flaw::NotASetting | Flaw::UnknownType | Flaw::AmbiguousCharacters => Severity::Info,
        Flaw::BadPort
        | Flaw::TwoPorts
        | Flaw::WrongType
        | Flaw::MissingType
        | Flaw::BadValue
        | Flaw::OutOfRange
        | Flaw::Duplicate
        | Flaw::NoGateway
        | Flaw::BadGateway
        | Flaw::NoProgram
        | Flaw::RoutingTooLong
        | Flaw::NoByteOrderMark
        | Flaw::BigEndian
        | Flaw::ControlCharacters
        | Flaw::TooLong => Severity::Warning,
    }
}

/// A flaw in words; the line comes in front.
pub(crate) fn words(
    line: Option<u32>,
    flaw: RdpFileFlaw,
    setting: Option<&str>,
    value: Option<&str>,
) -> String {
    use RdpFileFlaw as Flaw;
    let name = setting.unwrap_or("a setting");
    let value = value.unwrap_or_default();
    let words = match flaw {
        Flaw::NoSettings => "no line of it is a setting (name:type:value)".to_owned(),
        Flaw::NoAddress => "it names no computer (full address:s:HOST)".to_owned(),
        Flaw::BadAddress => format!("{name} is \"{value}\", which is no computer's address"),
        Flaw::BadPort => format!("server port is {value}, which is none from 1 to 65535"),
        Flaw::TwoPorts => format!("server port is {value}, but the address names another port"),
        Flaw::WrongType => format!("{name} has type {value}, which is not its own"),
        Flaw::UnknownType => format!("{name} has type {value}, which does not exist"),
        Flaw::MissingType => format!("{name} has no type (name:type:value)"),
        Flaw::BadValue if value.is_empty() => format!("{name} holds what its type cannot"),
        Flaw::BadValue => format!("{name} is \"{value}\", which is no number"),
        Flaw::OutOfRange => format!("{name} is {value}, which it does not know"),
        Flaw::Duplicate => format!("{name} was set before, to something else"),
        Flaw::NotASetting => "it is no setting".to_owned(),
        Flaw::NoGateway => "a gateway is wanted, and none is named".to_owned(),
        Flaw::BadGateway => format!("the gateway is \"{value}\", which is no computer's name"),
        Flaw::NoProgram => "a RemoteApp is asked for, and no program is named".to_owned(),
        Flaw::RoutingTooLong => "loadbalanceinfo is too long for a connection request".to_owned(),
        Flaw::NoByteOrderMark => "it is UTF-16 without a byte order mark".to_owned(),
        Flaw::BigEndian => "it is UTF-16 with the high byte first".to_owned(),
        Flaw::AmbiguousCharacters => {
            "it has letters beyond ASCII without a byte order mark".to_owned()
        }
        Flaw::ControlCharacters => format!("{name} holds characters that nobody sees"),
        Flaw::TooLong => "it is longer than any such file".to_owned(),
    };
    match line {
        Some(line) => format!("line {line}: {words}"),
        None => words,
    }
}

/// The mended copy.
pub(crate) const MENDED_COPY: Remedy = Remedy {
    id: "write-a-mended-copy",
    place: Where::Client,
    risk: Risk::Low,
    title: "Write a mended copy of the file, look at the difference, and use the copy",
    steps: &[
        "$ rdpdoctor read <file.rdp> --fixed <mended.rdp>",
        "Read the difference that it prints, then open the copy with mstsc.",
    ],
    interrupts: "nothing",
    undo: &["Delete the copy; the file itself stays as it is."],
    verify: "rdpdoctor read <mended.rdp> no longer says so",
};

#[cfg(test)]
pub(crate) mod scenes {
    use rdpdoctor_model::{Fact, RdpFileEncoding, RdpFileFlaw, RdpFileValue, Stage};

    use crate::testing::Scene;

    /// A file without settings that matter.
    pub(crate) fn file(signed: bool) -> Scene {
        whole(signed, false)
    }

    pub(crate) fn whole(signed: bool, clear_password: bool) -> Scene {
        Scene::new().fact(
            Stage::RdpFile,
            Fact::RdpFile {
                encoding: RdpFileEncoding::Utf16Le,
                length: 2000,
                settings: 40,
                unknown_settings: Vec::new(),
                password: false,
                clear_password,
                signed,
            },
        )
    }

    pub(crate) fn number(scene: Scene, setting: &str, number: i64) -> Scene {
        let (line, setting) = (3, setting.to_owned());
        let value = RdpFileValue::Number(number);
        scene.fact(Stage::RdpFile, Fact::RdpFileSetting { line, setting, value })
    }

    pub(crate) fn text(scene: Scene, setting: &str, text: &str) -> Scene {
        let (line, setting) = (4, setting.to_owned());
        let value = RdpFileValue::Text(text.to_owned());
        scene.fact(Stage::RdpFile, Fact::RdpFileSetting { line, setting, value })
    }

    pub(crate) fn flawed(scene: Scene, flaw: RdpFileFlaw) -> Scene {
        let (line, setting, value) = (Some(5), Some("full address".to_owned()), None);
        scene.fact(Stage::RdpFile, Fact::RdpFileProblem { line, flaw, setting, value })
    }
}
