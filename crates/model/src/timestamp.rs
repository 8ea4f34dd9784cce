use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment in UTC, serialised as RFC 3339 with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String", extend("format" = "date-time"))]
pub struct Timestamp(OffsetDateTime);

/// Seconds between 1601-01-01, the epoch of a Windows FILETIME, and 1970-01-01.
const FILETIME_TO_UNIX_SECONDS: i64 = 11_644_473_600;

impl Timestamp {
    /// The wall clock of this machine.
    pub fn now() -> Self {
        Self(OffsetDateTime::now_utc())
    }

    /// From seconds since 1970-01-01; `None` beyond the years -9999 to 9999.
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        OffsetDateTime::from_unix_timestamp(seconds).ok().map(Self)
    }

    /// From a FILETIME, 100-nanosecond steps since 1601-01-01 (MS-DTYP 2.3.3); `None` when it lies
    /// beyond year 9999.
    pub fn from_filetime(ticks: u64) -> Option<Self> {
        const TICKS_A_SECOND: u64 = 10_000_000;
        let seconds = i64::try_from(ticks / TICKS_A_SECOND).ok()? - FILETIME_TO_UNIX_SECONDS;
        let nanoseconds = u32::try_from(ticks % TICKS_A_SECOND).ok()? * 100;
        let whole = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
        whole.replace_nanosecond(nanoseconds).ok().map(Self)
    }

    /// Milliseconds since 1970-01-01.
    pub fn unix_millis(self) -> i64 {
        self.0.unix_timestamp() * 1000 + i64::from(self.0.millisecond())
    }

    /// This moment moved by `milliseconds`, saturating at the ends of the calendar.
    pub fn plus_millis(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(time::Duration::milliseconds(milliseconds)))
    }

    /// Milliseconds from `earlier` to this moment; negative when `earlier` is later.
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.unix_millis() - earlier.unix_millis()
    }

    /// `2026-11-21`.
    pub fn date(self) -> String {
        format!("{}", self.0.date())
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(value: OffsetDateTime) -> Self {
        Self(value.to_offset(time::UtcOffset::UTC))
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let t = self.0;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.millisecond()
        )
    }
}

impl std::str::FromStr for Timestamp {
    type Err = time::error::Parse;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        OffsetDateTime::parse(text, &Rfc3339).map(Self::from)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn filetime_epoch_and_text_round_trip() {
        let moment = Timestamp::from_filetime(116_444_736_000_000_000).expect("in range");
        assert_eq!(moment.to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!("1970-01-01T01:00:00+01:00".parse(), Ok(moment));
        assert_eq!(Timestamp::from_filetime(u64::MAX), None);
    }
}
