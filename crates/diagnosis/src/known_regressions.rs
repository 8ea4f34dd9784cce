//! Updates that brought a fault, and those that took it away.
//!
//! Most of it rests on news sites and users' reports, so none of it ever blocks. An installed update
//! with a higher number is taken for a later cumulative one, which brings the mending as well: that
//! can hide a fault, and never makes one up.

use rdpdoctor_model::{Fact, ObservationId};

use crate::machine::Machine;
use crate::machine_facts::{Point, build, is_server};
use crate::{Proof, Severity};

/// A fault that an update brought.
struct Regression {
    /// Whose updates they are.
    of_client: bool,
    /// The updates that brought it; none where only the build tells.
    updates: &'static [u32],
    /// The updates that took it away.
    mended_by: &'static [u32],
    /// Builds that have it: number, first and last revision; all where none stand here.
    builds: &'static [(u32, u32, u32)],
    /// Whether only servers have it; `None`: both.
    servers: Option<bool>,
    severity: Severity,
    proof: Proof,
    title: &'static str,
    words: &'static str,
}

const ANY: u32 = u32::MAX;

const REGRESSIONS: &[Regression] = &[
    // H110; the scope is that of several reports: the newer client programs.
    Regression {
        of_client: false,
        updates: &[5_074_109, 5_073_724, 5_073_379, 5_073_457, 5_073_723],
        mended_by: &[5_077_744, 5_077_796, 5_077_793],
        builds: &[],
        servers: None,
        severity: Severity::Warning,
        proof: Proof::Possible,
        title: "An update of January 2026 lets the sign-in fail at once (0x80080005)",
        words: "The updates of 13 January 2026 let the prompt for credentials fail at once with 0x80080005, above all in the Windows App; those of 17 January (KB5077744, KB5077796, KB5077793) and every later one mend it.",
    },
    // H111
    Regression {
        of_client: false,
        updates: &[5_051_987],
        mended_by: &[5_055_523],
        builds: &[(26100, 0, ANY)],
        servers: Some(true),
        severity: Severity::Warning,
        proof: Proof::Likely,
        title: "KB5051987 freezes sessions shortly after they begin",
        words: "With KB5051987 (February 2025) on Windows Server 2025 mouse and keyboard stop shortly after a session begins; KB5055523 (April 2025) and every later update mend it.",
    },
    // H114; not from the vendor.
    Regression {
        of_client: false,
        updates: &[5_040_430, 5_041_578, 5_043_050],
        mended_by: &[],
        builds: &[(17763, 0, ANY)],
        servers: Some(true),
        severity: Severity::Warning,
        proof: Proof::Possible,
        title: "An update of mid-2024 drops gateways and sessions of Windows Server 2019",
        words: "Users report sessions that drop on the whole host, and gateways that stop, with KB5040430, KB5041578 and KB5043050 (July to September 2024); later cumulative updates are said to mend it.",
    },
    // H115; one user's report.
    Regression {
        of_client: false,
        updates: &[5_075_899],
        mended_by: &[],
        builds: &[(26100, 0, ANY)],
        servers: Some(true),
        severity: Severity::Info,
        proof: Proof::Possible,
        title: "KB5075899 was seen to take the role RD Gateway away",
        words: "A user reports that KB5075899 (February 2026) removed the role RD Gateway from Windows Server 2025. Look whether the role is there, if the host has it.",
    },
    // H116
    Regression {
        of_client: false,
        updates: &[5_028_185],
        mended_by: &[],
        builds: &[(22621, 0, ANY)],
        servers: None,
        severity: Severity::Info,
        proof: Proof::Possible,
        title: "KB5028185 refuses domain accounts where old Samba servers are the domain",
        words: "Since KB5028185 (July 2023) Windows 11 22H2 takes no domain account whose domain controller is a Samba before its fix of that month.",
    },
    // H112; the first and last revision are those of the updates of January and March 2025.
    Regression {
        of_client: true,
        updates: &[],
        mended_by: &[],
        builds: &[(26100, 3037, 3623)],
        servers: Some(false),
        severity: Severity::Info,
        proof: Proof::Possible,
        title: "This Windows 11 24H2 loses sessions on old servers after 65 seconds",
        words: "Windows 11 24H2 between the updates of late January and late March 2025 loses UDP sessions on Windows Server 2016 and older after 65 seconds; later updates mend it.",
    },
    // C117: no fault, but users take it for one.
    Regression {
        of_client: true,
        updates: &[5_083_769],
        mended_by: &[],
        builds: &[],
        servers: None,
        severity: Severity::Info,
        proof: Proof::Likely,
        title: "Since KB5083769 the client asks before it opens an unsigned .rdp file",
        words: "Since KB5083769 (April 2026) mstsc asks before each connection with an unsigned .rdp file and leaves every redirection off: files that are signed are spared.",
    },
];

/// What is known of the updates and the build of a machine.
pub(crate) fn found(machine: &Machine<'_, '_>, of_client: bool) -> Vec<Point> {
    let known = REGRESSIONS.iter().filter(|regression| regression.of_client == of_client);
    known.filter_map(|regression| judged(regression, machine)).collect()
}

fn judged(regression: &Regression, machine: &Machine<'_, '_>) -> Option<Point> {
    let server = is_server(machine);
    let other_kind =
        regression.servers.is_some() && server.is_some() && server != regression.servers;
    if other_kind {
        return None;
    }
    let of_build = of_build(regression, machine)?;
    let evidence: Vec<ObservationId> = if regression.updates.is_empty() {
        of_build.into_iter().collect()
    } else {
        std::iter::once(installed(regression, machine)?).chain(of_build).collect()
    };
    let Regression { severity, proof, title, words, .. } = *regression;
    (!evidence.is_empty()).then(|| Point::new(severity, proof, evidence, title, words))
}

/// Whether the build is one of those: `None` when it is not, or has to be known and is not.
fn of_build(regression: &Regression, machine: &Machine<'_, '_>) -> Option<Option<ObservationId>> {
    if regression.builds.is_empty() {
        return Some(None);
    }
    let build = build(machine)?;
    let within = |&(number, first, last): &(u32, u32, u32)| {
        let revision_fits = match build.revision {
            Some(revision) => (first..=last).contains(&revision),
            None => (first, last) == (0, ANY),
        };
        number == build.number && revision_fits
    };
    regression.builds.iter().any(within).then_some(Some(build.id))
}

/// The list that has one of the updates and no later one.
fn installed(regression: &Regression, machine: &Machine<'_, '_>) -> Option<ObservationId> {
    let listed = machine.last(|fact| match fact {
        Fact::InstalledUpdates { updates } => updates.as_seen(),
        _ => None,
    })?;
    let numbers: Vec<u32> = listed.value.iter().filter_map(|name| number(name)).collect();
    let brought = numbers.iter().filter(|number| regression.updates.contains(number)).max()?;
    let mended = numbers.iter().any(|number| {
        regression.mended_by.contains(number)
            || (number > brought && !regression.updates.contains(number))
    });
    (!mended).then(|| listed.id())
}

fn number(name: &str) -> Option<u32> {
    let name = name.trim();
    let digits = name.strip_prefix("KB").or_else(|| name.strip_prefix("kb")).unwrap_or(name);
    digits.parse().ok()
}
