use std::sync::LazyLock;

use rdpdoctor_model::{CauseId, Stage};

use super::ids::cause_id;

/// A table of numbers, each with its own number space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// `discReason` of the Remote Desktop client control (IMsTscAxEvents::OnDisconnected): the
    /// "Error code" of the dialog.
    DisconnectReason,
    /// ExtendedDisconnectReasonCode: the "Extended error code" of the dialog.
    ExtendedReason,
    /// Set Error Info (MS-RDPBCGR 2.2.5.1.1).
    Errinfo,
    /// NTSTATUS and SSPI's HRESULT (MS-ERREF 2.3.1 and 2.1.1).
    Ntstatus,
    /// RD Gateway (MS-TSGU 2.2.6).
    Gateway,
    /// HTTP status of an RD Gateway or of a web proxy before it.
    Http,
    /// RDP negotiation (MS-RDPBCGR 2.2.1.1 and 2.2.1.2) and early authorisation (2.2.10.2).
    Negotiation,
    /// Logon Info Extended (MS-RDPBCGR 2.2.10.1.1.4.1.1).
    LogonInfo,
    /// TLS alert descriptions (RFC 8446 section 6, RFC 5246 section 7.2).
    TlsAlert,
    /// Events of the channel Microsoft-Windows-TerminalServices-RDPClient.
    ClientEvent,
}

impl Table {
    /// All tables, in the order in which a number's meanings are listed.
    pub const ALL: [Self; 10] = [
        Self::DisconnectReason,
        Self::ExtendedReason,
        Self::Errinfo,
        Self::Ntstatus,
        Self::Gateway,
        Self::Http,
        Self::Negotiation,
        Self::LogonInfo,
        Self::TlsAlert,
        Self::ClientEvent,
    ];

    /// Kebab-case name, as in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::DisconnectReason => "disconnect-reason",
            Self::ExtendedReason => "extended-reason",
            Self::Errinfo => "errinfo",
            Self::Ntstatus => "ntstatus",
            Self::Gateway => "gateway",
            Self::Http => "http",
            Self::Negotiation => "negotiation",
            Self::LogonInfo => "logon-info",
            Self::TlsAlert => "tls-alert",
            Self::ClientEvent => "client-event",
        }
    }

    /// What it is, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::DisconnectReason => "disconnect reason (\"Error code\" of the dialog)",
            Self::ExtendedReason => "extended reason (\"Extended error code\" of the dialog)",
            Self::Errinfo => "Set Error Info, sent by the server",
            Self::Ntstatus => "NTSTATUS or SSPI status",
            Self::Gateway => "RD Gateway code",
            Self::Http => "HTTP status of a gateway or web proxy",
            Self::Negotiation => "RDP negotiation",
            Self::LogonInfo => "logon information, sent by the server",
            Self::TlsAlert => "TLS alert",
            Self::ClientEvent => "event of the client's log",
        }
    }

    /// The word that picks this table in a query: `errinfo 7`.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::DisconnectReason => "reason",
            Self::ExtendedReason => "extended",
            Self::Errinfo => "errinfo",
            Self::Ntstatus => "ntstatus",
            Self::Gateway => "gateway",
            Self::Http => "http",
            Self::Negotiation => "negotiation",
            Self::LogonInfo => "logon",
            Self::TlsAlert => "alert",
            Self::ClientEvent => "event",
        }
    }

    /// The stage at which its numbers arise, where all of them share one.
    fn stage(self) -> Option<Stage> {
        match self {
            Self::DisconnectReason | Self::ExtendedReason | Self::Errinfo => None,
            Self::Ntstatus => Some(Stage::CredSsp),
            Self::Gateway | Self::Http => Some(Stage::Gateway),
            Self::Negotiation => Some(Stage::X224),
            Self::LogonInfo => Some(Stage::Session),
            Self::TlsAlert => Some(Stage::Tls),
            Self::ClientEvent => Some(Stage::Client),
        }
    }

    /// Whether people write its numbers in decimal.
    fn is_decimal(self) -> bool {
        matches!(self, Self::Http | Self::Negotiation | Self::TlsAlert | Self::ClientEvent)
    }

    /// The way its numbers are usually written.
    pub fn write(self, number: u32) -> String {
        if self.is_decimal() { number.to_string() } else { format!("0x{number:X}") }
    }
}

/// How far a row was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// Number and name were checked against the cited source.
    Verified,
    /// Only a third party transcribes it.
    Secondary,
    /// Seen in reports.
    Observed,
    /// The fields are known from a manifest, the meaning is read out of them.
    FieldsOnly,
    /// Neither checked nor reported twice.
    Unverified,
}

impl Verification {
    /// The word of the tables.
    pub fn id(self) -> &'static str {
        match self {
            Self::Verified => "yes",
            Self::Secondary => "secondary",
            Self::Observed => "observed",
            Self::FieldsOnly => "fields only",
            Self::Unverified => "unverified",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Verified, Self::Secondary, Self::Observed, Self::FieldsOnly, Self::Unverified]
            .into_iter()
            .find(|verification| verification.id() == text)
    }
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its table.
    pub table: Table,
    /// The row's kind within the table: `failure` and `protocol` of the negotiation, the field of
    /// the logon information, the group of an ERRINFO.
    pub group: String,
    /// The number; `None` for the rows that stand for any other number.
    pub number: Option<u32>,
    /// The symbol, where the number has one.
    pub name: Option<String>,
    /// What it means.
    pub meaning: String,
    /// More about it: what an RDP server means by a TLS alert, the fields of an event.
    pub note: Option<String>,
    /// Where on the way of a connection it arises, where it says so. Our reading, not the source's.
    pub stage: Option<Stage>,
    /// The causes that it stands for. Our reading, not the source's.
    pub causes: Vec<CauseId>,
    /// The disconnect reason by which a Microsoft client shows the same trouble; inferred from
    /// equal names, not documented.
    pub client_code: Option<u32>,
    /// How far the row was checked.
    pub verified: Verification,
    /// Where it is from.
    pub source: String,
}

impl Entry {
    /// The number as it is usually written in its table; empty where there is none.
    pub fn number_text(&self) -> String {
        self.number.map_or_else(String::new, |number| self.table.write(number))
    }
}

/// A row of an embedded table that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, row {row}: {problem}")]
pub struct TableError {
    /// The file.
    pub file: &'static str,
    /// The row, counted from 1 without the header.
    pub row: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// All rows of all tables, table by table in the order of [`Table::ALL`].
///
/// An embedded table that cannot be read would leave this empty; a test forbids that.
pub fn entries() -> &'static [Entry] {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| load().unwrap_or_default());
    &ENTRIES
}

/// The rows of `table` with this number.
pub fn lookup(table: Table, number: u32) -> impl Iterator<Item = &'static Entry> {
    entries().iter().filter(move |entry| entry.table == table && entry.number == Some(number))
}

/// The name of a number in one table.
pub fn name_of(table: Table, number: u32) -> Option<&'static str> {
    lookup(table, number).find_map(|entry| entry.name.as_deref())
}

/// The rows of that name, in any case of letters.
pub fn named(name: &str) -> impl Iterator<Item = &'static Entry> {
    entries().iter().filter(move |entry| {
        entry.name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name))
    })
}

/// Reads the embedded tables.
pub fn load() -> Result<Vec<Entry>, TableError> {
    let mut entries = Vec::new();
    for file in FILES {
        let mut reader = csv::Reader::from_reader(file.content.as_bytes());
        let error = |row, problem: String| TableError { file: file.name, row, problem };
        let header = reader.headers().map_err(|e| error(0, e.to_string()))?.clone();
        for (index, record) in reader.records().enumerate() {
            let record = record.map_err(|e| error(index + 1, e.to_string()))?;
            let row = Row { header: &header, record: &record };
            entries.push((file.read)(&row).map_err(|problem| error(index + 1, problem))?);
        }
    }
    entries.sort_by_key(|entry| entry.table);
    Ok(entries)
}

struct File {
    name: &'static str,
    content: &'static str,
    read: fn(&Row<'_>) -> Result<Entry, String>,
}

const FILES: &[File] = &[
    File {
        name: "disconnect_reasons.csv",
        content: include_str!("data/disconnect_reasons.csv"),
        read: |row| {
            let number = row.number("decimal", "hex")?;
            let entry = row.entry(Table::DisconnectReason, number, "evidence", "symbol")?;
            Ok(Entry { stage: row.stage()?, ..entry })
        },
    },
    File {
        name: "extended_reasons.csv",
        content: include_str!("data/extended_reasons.csv"),
        read: |row| row.entry(Table::ExtendedReason, row.number("decimal", "hex")?, "", "symbol"),
    },
    File {
        name: "errinfo.csv",
        content: include_str!("data/errinfo.csv"),
        read: |row| {
            let number = row.number("decimal", "hex")?;
            let entry = row.entry(Table::Errinfo, number, "group", "name")?;
            Ok(Entry { stage: row.stage()?, ..entry })
        },
    },
    File {
        name: "ntstatus.csv",
        content: include_str!("data/ntstatus.csv"),
        read: |row| {
            let number = row.number("decimal", "hex")?;
            let entry = row.entry(Table::Ntstatus, number, "family", "name")?;
            Ok(Entry { client_code: row.hex("same_named_mstsc_code_inferred")?, ..entry })
        },
    },
    File {
        name: "gateway.csv",
        content: include_str!("data/gateway.csv"),
        read: |row| {
            let table = match row.text("kind")? {
                "code" => Table::Gateway,
                "http" => Table::Http,
                other => return Err(format!("unknown kind {other:?}")),
            };
            let number = row.number("decimal", "hex")?;
            let entry = row.entry(table, number, "kind", "name")?;
            Ok(Entry { client_code: row.hex("mstsc_code_with_similar_text_inferred")?, ..entry })
        },
    },
    File {
        name: "nego_failures.csv",
        content: include_str!("data/nego_failures.csv"),
        read: |row| {
            let number = row.number("decimal", "hex")?;
            let mut entry = row.entry(Table::Negotiation, number, "kind", "name")?;
            if entry.group == "early_auth_result" {
                entry.stage = Some(Stage::CredSsp);
            }
            Ok(entry)
        },
    },
    File {
        name: "logon_info.csv",
        content: include_str!("data/logon_info.csv"),
        read: |row| row.entry(Table::LogonInfo, row.number("decimal", "hex")?, "field", "name"),
    },
    File {
        name: "tls_alerts.csv",
        content: include_str!("data/tls_alerts.csv"),
        read: |row| {
            let number = row.number("decimal", "hex")?;
            let mut entry = row.entry_verified(
                Table::TlsAlert,
                number,
                "",
                "name",
                row.text("number_verified")?,
            )?;
            let reading = row.text("when_sent_by_an_rdp_server")?;
            entry.note = (!reading.is_empty()).then(|| match row.text("rdp_reading_basis") {
                Ok("inferred") => format!("from an RDP server: {reading} (inferred)"),
                _ => format!("from an RDP server: {reading}"),
            });
            Ok(entry)
        },
    },
    File {
        name: "client_events.csv",
        content: include_str!("data/client_events.csv"),
        read: |row| {
            let id = row.text("event_id")?;
            let number = id.parse().map_err(|_| format!("{id:?} is no event id"))?;
            let channel = row.text("channel")?;
            let fields = row.text("fields")?;
            Ok(Entry {
                table: Table::ClientEvent,
                group: match channel {
                    "" => row.text("level")?.to_owned(),
                    _ => format!("{channel}, {}", row.text("level")?),
                },
                number: Some(number),
                name: None,
                meaning: row.text("records")?.to_owned(),
                note: (!fields.is_empty()).then(|| format!("fields: {fields}")),
                stage: Table::ClientEvent.stage(),
                causes: Vec::new(),
                client_code: None,
                verified: row.verification(row.text("verified")?)?,
                source: row.text("source")?.to_owned(),
            })
        },
    },
];

/// One record with its header.
struct Row<'a> {
    header: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
}

impl Row<'_> {
    fn text(&self, column: &str) -> Result<&str, String> {
        self.header
            .iter()
            .position(|name| name == column)
            .and_then(|index| self.record.get(index))
            .ok_or_else(|| format!("column {column:?} is missing"))
    }

    /// The row's number. Both columns may be empty, and the hexadecimal one alone may be; where
    /// both are there, they agree.
    fn number(&self, decimal: &str, hex: &str) -> Result<Option<u32>, String> {
        let text = self.text(decimal)?;
        if text.is_empty() {
            return Ok(None);
        }
        let number: u32 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
        match self.hex(hex)? {
            Some(other) if other != number => {
                Err(format!("{number} and 0x{other:X} are not the same number"))
            }
            _ => Ok(Some(number)),
        }
    }

    fn hex(&self, column: &str) -> Result<Option<u32>, String> {
        let text = self.text(column)?;
        if text.is_empty() {
            return Ok(None);
        }
        text.strip_prefix("0x")
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .map(Some)
            .ok_or_else(|| format!("{text:?} is no hexadecimal number"))
    }

    fn stage(&self) -> Result<Option<Stage>, String> {
        let text = self.text("stage")?;
        if text.is_empty() {
            return Ok(None);
        }
        Stage::ALL
            .into_iter()
            .find(|stage| stage.id() == text)
            .map(Some)
            .ok_or_else(|| format!("{text:?} is no stage"))
    }

    fn causes(&self) -> Result<Vec<CauseId>, String> {
        self.text("cause_ids")?
            .split_whitespace()
            .map(|id| cause_id(id).ok_or_else(|| format!("{id:?} is no cause of the contract")))
            .collect()
    }

    fn verification(&self, text: &str) -> Result<Verification, String> {
        Verification::parse(text).ok_or_else(|| format!("{text:?} is no state of checking"))
    }

    fn entry(
        &self,
        table: Table,
        number: Option<u32>,
        group: &str,
        name: &str,
    ) -> Result<Entry, String> {
        self.entry_verified(table, number, group, name, self.text("verified")?)
    }

    fn entry_verified(
        &self,
        table: Table,
        number: Option<u32>,
        group: &str,
        name: &str,
        verified: &str,
    ) -> Result<Entry, String> {
        let name = self.text(name)?;
        Ok(Entry {
            table,
            group: if group.is_empty() { String::new() } else { self.text(group)?.to_owned() },
            number,
            name: (!name.is_empty()).then(|| name.to_owned()),
            meaning: self.text("meaning")?.to_owned(),
            note: None,
            stage: table.stage(),
            causes: self.causes()?,
            client_code: None,
            verified: self.verification(verified)?,
            source: self.text("source")?.to_owned(),
        })
    }
}
