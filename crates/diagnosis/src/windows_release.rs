//! Which Windows a version and build number belong to.

/// A release of Windows, as its numbers tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowsRelease {
    /// Its name. Client and server releases share builds; then both stand there, since the numbers
    /// cannot tell them apart.
    pub name: &'static str,
    /// The last day (`2026-10-13`) of security updates without an extra contract, for the edition
    /// of that build that has them longest (LTSC and Server rather than Home, IoT editions aside);
    /// `None` where that day could not be confirmed when the table was made.
    pub end_of_support: Option<&'static str>,
}

/// Windows by major version, minor version and build. Days from Microsoft's lifecycle pages
/// (<https://learn.microsoft.com/en-us/lifecycle/products/>) as of November 2026.
const RELEASES: &[(u8, u8, u16, &str, Option<&str>)] = &[
    (5, 0, 2195, "Windows 2000", Some("2010-07-13")),
    (5, 1, 2600, "Windows XP", Some("2014-04-08")),
    (5, 2, 3790, "Windows Server 2003 or Windows XP x64", Some("2015-07-14")),
    (6, 0, 6000, "Windows Vista without a service pack", Some("2010-04-13")),
    (6, 0, 6001, "Windows Server 2008 or Windows Vista SP1", Some("2011-07-12")),
    (6, 0, 6002, "Windows Server 2008 SP2 or Windows Vista SP2", Some("2020-01-14")),
    // The updates of March 2019 and later count Server 2008 as 6003.
    (6, 0, 6003, "Windows Server 2008 SP2", Some("2020-01-14")),
    (6, 1, 7600, "Windows Server 2008 R2 or Windows 7 without a service pack", Some("2013-04-09")),
    (6, 1, 7601, "Windows Server 2008 R2 SP1 or Windows 7 SP1", Some("2020-01-14")),
    (6, 2, 9200, "Windows Server 2012 or Windows 8", Some("2023-10-10")),
    (6, 3, 9600, "Windows Server 2012 R2 or Windows 8.1", Some("2023-10-10")),
    (10, 0, 10240, "Windows 10 1507", Some("2025-10-14")),
    (10, 0, 10586, "Windows 10 1511", Some("2017-10-10")),
    (10, 0, 14393, "Windows Server 2016 or Windows 10 1607", Some("2027-01-12")),
    (10, 0, 15063, "Windows 10 1703", Some("2019-10-08")),
    (10, 0, 16299, "Windows Server 1709 or Windows 10 1709", Some("2020-10-13")),
    (10, 0, 17134, "Windows Server 1803 or Windows 10 1803", Some("2021-05-11")),
    (10, 0, 17763, "Windows Server 2019 or Windows 10 1809", Some("2029-01-09")),
    (10, 0, 18362, "Windows Server 1903 or Windows 10 1903", Some("2020-12-08")),
    (10, 0, 18363, "Windows Server 1909 or Windows 10 1909", Some("2022-05-10")),
    (10, 0, 19041, "Windows Server 2004 or Windows 10 2004", Some("2021-12-14")),
    (10, 0, 19042, "Windows Server 20H2 or Windows 10 20H2", Some("2023-05-09")),
    (10, 0, 19043, "Windows 10 21H1", Some("2022-12-13")),
    (10, 0, 19044, "Windows 10 21H2", Some("2027-01-12")),
    (10, 0, 19045, "Windows 10 22H2", Some("2025-10-14")),
    (10, 0, 20348, "Windows Server 2022", Some("2031-10-14")),
    (10, 0, 22000, "Windows 11 21H2", Some("2024-10-08")),
    (10, 0, 22621, "Windows 11 22H2", Some("2025-10-14")),
    (10, 0, 22631, "Windows 11 23H2", Some("2026-11-10")),
    (10, 0, 25398, "Windows Server 23H2", Some("2025-10-24")),
    (10, 0, 26100, "Windows Server 2025 or Windows 11 24H2", Some("2034-11-14")),
    (10, 0, 26200, "Windows 11 25H2", Some("2028-10-10")),
    (10, 0, 26300, "Windows 11 26H2", None),
    (10, 0, 28000, "Windows 11 26H1", Some("2029-03-13")),
];

/// The release with these numbers (MS-NLMP 2.2.2.10 carries them in the NTLM challenge); `None`
/// for previews and for numbers that no Windows bears.
///
/// What is no Windows may claim to be one: FreeRDP's and GNOME's servers send 6.1.7601 always, and
/// Samba sends 6.1 with build 0. So the name is what the server says, never evidence of a cause.
pub fn windows_release(major: u8, minor: u8, build: u16) -> Option<WindowsRelease> {
    let release = RELEASES.iter().find(|row| (row.0, row.1, row.2) == (major, minor, build));
    release.map(|&(.., name, end_of_support)| WindowsRelease { name, end_of_support })
}

#[cfg(test)]
mod tests {
    use super::{RELEASES, windows_release};

    #[test]
    fn releases_by_their_numbers() {
        let name = |major, minor, build| windows_release(major, minor, build).map(|r| r.name);
        assert_eq!(name(10, 0, 20348), Some("Windows Server 2022"));
        assert_eq!(name(6, 1, 7601), Some("Windows Server 2008 R2 SP1 or Windows 7 SP1"));
        assert_eq!(name(6, 1, 0), None, "Samba");
        assert_eq!(name(10, 1, 20348), None);
        assert_eq!(name(10, 0, 20349), None);
    }

    #[test]
    fn the_table_is_in_order_and_its_days_are_days() {
        assert!(RELEASES.is_sorted_by_key(|row| (row.0, row.1, row.2)));
        let mut numbers: Vec<_> = RELEASES.iter().map(|row| (row.0, row.1, row.2)).collect();
        numbers.dedup();
        assert_eq!(numbers.len(), RELEASES.len(), "a build stands twice");
        for (.., name, day) in RELEASES {
            let Some(day) = day else { continue };
            let moment = format!("{day}T00:00:00Z");
            assert!(moment.parse::<rdpdoctor_model::Timestamp>().is_ok(), "{name}: {day}");
        }
    }
}
