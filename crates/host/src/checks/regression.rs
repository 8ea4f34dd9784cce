//! Updates that are known to have broken something.

use crate::question::{
    Check, LeftOut,
    Question::{Updates, Value},
};

pub(super) const VERSION: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";

macro_rules! updates {
    ($way:ident, $row:literal, $cause:literal) => {
        Check::$way(
            $row,
            &[
                Updates,
                Value(VERSION, "CurrentBuildNumber"),
                Value(VERSION, "UBR"),
                Value(VERSION, "InstallationType"),
            ],
        )
        .feeds(&[$cause])
    };
}

pub(super) static CHECKS: &[Check] = &[
    updates!(host, "H110", "host.update-regression"),
    updates!(host, "H111", "host.update-regression"),
    updates!(client, "H112", "client.update-regression"),
    updates!(host, "H114", "host.update-regression"),
    updates!(host, "H115", "host.update-regression"),
    updates!(host, "H116", "host.update-regression"),
    updates!(client, "C117", "client.update-regression"),
];

pub(super) static LEFT_OUT: &[LeftOut] = &[LeftOut {
    row: "H113",
    why: "no source names the updates that brought this fault, so no list of updates shows it",
}];
