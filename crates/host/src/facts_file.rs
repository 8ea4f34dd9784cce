//! Facts of a machine as a file: what `host collect` and its script write, and what is judged
//! elsewhere.

use rdpdoctor_model::Fact;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::system::FactsSystem;
use crate::{Side, store};

/// The version of the file's form.
const VERSION: u32 = 1;

/// Facts of a collection that are read at most.
pub const MOST_FACTS: usize = 20_000;

/// Facts of one machine.
#[derive(Debug, Clone, PartialEq)]
pub struct FactsFile {
    /// Which end the machine is.
    pub side: Side,
    /// The facts.
    pub facts: Vec<Fact>,
    /// Facts that this version does not know or that are broken.
    pub unread: usize,
}

/// Why a text holds no facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactsFileError {
    /// It is no JSON, or not whole: where.
    NotJson(String),
    /// It is JSON of another form: what is missing.
    NotFacts(&'static str),
    /// It was written by a later version.
    Later(u32),
}

impl std::fmt::Display for FactsFileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotJson(why) => write!(f, "it is no whole JSON text: {why}"),
            Self::NotFacts(what) => write!(f, "it holds no facts of a machine: {what}"),
            Self::Later(version) => {
                write!(f, "it has form {version}, and this version reads form {VERSION}")
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Form {
    version: u32,
    side: String,
    facts: Vec<Value>,
}

impl FactsFile {
    /// Reads a JSON text. A fact of an unknown kind is counted and left out.
    ///
    /// # Errors
    ///
    /// When the text as a whole is none of this form.
    pub fn read(text: &str) -> Result<Self, FactsFileError> {
        let value: Value =
            serde_json::from_str(text).map_err(|why| FactsFileError::NotJson(why.to_string()))?;
        if value.get("facts").and_then(Value::as_array).is_none() {
            return Err(FactsFileError::NotFacts("there is no list \"facts\""));
        }
        let form: Form = serde_json::from_value(value)
            .map_err(|_| FactsFileError::NotFacts("\"version\" or \"side\" is missing"))?;
        if form.version > VERSION {
            return Err(FactsFileError::Later(form.version));
        }
        let side = Side::named(&form.side)
            .ok_or(FactsFileError::NotFacts("\"side\" is neither host nor client"))?;
        let count = form.facts.len();
        let read = form.facts.into_iter().take(MOST_FACTS);
        let facts: Vec<Fact> = read
            .filter_map(|fact| serde_json::from_value(fact).ok())
            .filter(|fact| !matches!(fact, Fact::Unknown { .. }))
            .collect();
        let unread = count - facts.len();
        Ok(Self { side, facts: with_certificates(facts), unread })
    }

    /// The JSON text, a fact a line.
    pub fn write(side: Side, facts: &[Fact]) -> String {
        let side = side.name();
        let lines: Vec<String> = facts
            .iter()
            .filter_map(|fact| serde_json::to_string(fact).ok())
            .map(|line| format!("  {line}"))
            .collect();
        format!(
            "{{\"version\": {VERSION}, \"side\": \"{side}\", \"facts\": [\n{}\n]}}\n",
            lines.join(",\n")
        )
    }
}

/// Takes apart the certificates that the collecting script sends as they lie in the registry.
pub(crate) fn with_certificates(facts: Vec<Fact>) -> Vec<Fact> {
    let system = FactsSystem::new(&facts);
    let certificate = |fact: &Fact| match fact {
        Fact::RegistryValue(value) if value.name.eq_ignore_ascii_case("Blob") => {
            store::in_registry(&system, &value.key, &value.data)
        }
        _ => None,
    };
    let all: Vec<Option<Fact>> = facts
        .iter()
        .map(|fact| Some(Fact::MachineCertificate(Box::new(certificate(fact)?))))
        .collect();
    all.into_iter().zip(facts).map(|(certificate, fact)| certificate.unwrap_or(fact)).collect()
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Lookup, RegistryData, RegistryValue, SettingOwner};

    use super::{FactsFile, FactsFileError};
    use crate::Side;

    fn fact() -> Fact {
        Fact::RegistryValue(Box::new(RegistryValue {
            key: r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server".to_owned(),
            name: "fDenyTSConnections".to_owned(),
            data: Lookup::seen(RegistryData::Dword(1)),
            owner: SettingOwner::Local,
        }))
    }

    #[test]
    fn what_was_written_is_read() {
        let text = FactsFile::write(Side::Host, &[fact()]);
        let read = FactsFile::read(&text).expect("facts");
        assert_eq!(read, FactsFile { side: Side::Host, facts: vec![fact()], unread: 0 });
    }

    #[test]
    fn what_is_unknown_or_broken_is_counted() {
        let text = r#"{"version":1,"side":"client","facts":[{"kind":"of-tomorrow"},{"kind":"registry-value"},7]}"#;
        let read = FactsFile::read(text).expect("facts");
        assert_eq!((read.facts.len(), read.unread), (0, 3));
        assert!(matches!(FactsFile::read("{"), Err(FactsFileError::NotJson(_))));
        assert!(matches!(FactsFile::read("{}"), Err(FactsFileError::NotFacts(_))));
        let later = r#"{"version":9,"side":"host","facts":[]}"#;
        assert_eq!(FactsFile::read(later), Err(FactsFileError::Later(9)));
    }

    /// The script sends a certificate as it lies in the registry: here the place of its key alone.
    #[test]
    fn certificates_of_the_script_are_taken_apart() {
        let value = |key: &str, name: &str, data| {
            Fact::RegistryValue(Box::new(RegistryValue {
                key: key.to_owned(),
                name: name.to_owned(),
                data: Lookup::seen(data),
                owner: SettingOwner::Local,
            }))
        };
        let wide = |text: &str| -> Vec<u8> {
            text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
        };
        let mut info: Vec<u8> = [28_u32, 54, 12, 0, 0, 0, 1].map(u32::to_le_bytes).concat();
        info.extend(wide("TSSecKeySet1"));
        info.extend(wide("Provider"));
        let length = u32::try_from(info.len()).expect("short");
        let mut blob = [2_u32, 1, length].map(u32::to_le_bytes).concat();
        blob.extend(info);
        let text = |text: &str| RegistryData::Text(text.to_owned());
        let store = r"HKLM\SOFTWARE\Microsoft\SystemCertificates\Remote Desktop\Certificates\AB";
        let elsewhere = value(r"HKLM\SOFTWARE\x", "Blob", RegistryData::Dword(1));
        let facts = [
            value(r"HKLM\SOFTWARE\Microsoft\Cryptography", "MachineGuid", text("guid")),
            value(
                r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion",
                "SystemRoot",
                text(r"C:\Windows"),
            ),
            value(
                r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList",
                "ProgramData",
                RegistryData::ExpandText(r"%SystemDrive%\ProgramData".to_owned()),
            ),
            value(store, "Blob", RegistryData::Binary(rdpdoctor_model::Hex(blob))),
            elsewhere.clone(),
        ];
        let read = FactsFile::read(&FactsFile::write(Side::Host, &facts)).expect("facts");
        let Fact::MachineCertificate(found) = &read.facts[3] else { panic!("{:?}", read.facts[3]) };
        assert_eq!((found.store.as_str(), found.thumbprint.as_str()), ("Remote Desktop", "ab"));
        let key = found.key.as_seen().expect("its place");
        let file = r"C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys\f686aace6942fb7f7ceb231212eef4a4_guid";
        assert_eq!((key.container.as_str(), key.file.as_deref()), ("TSSecKeySet1", Some(file)));
        assert_eq!(read.facts[4], elsewhere, "no certificate's");
    }
}
