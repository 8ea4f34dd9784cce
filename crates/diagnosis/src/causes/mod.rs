//! The catalogue: one cause a file, `<area>/<name>.rs`, and its line in the list below.

pub mod net;
pub mod tls;

use crate::Cause;

/// Every cause, in the order in which equals are ranked.
pub static CATALOGUE: &[&Cause] = &[
    // net
    &net::refused::CAUSE,
    // tls
    &tls::private_key_unavailable::CAUSE,
];
