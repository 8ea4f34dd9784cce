//! By way of an RD Gateway: what a check is told about it.

use std::fmt;

use rdpdoctor_model::Target;

use crate::Gate;

/// The port of a gateway.
pub const GATEWAY_PORT: u16 = 443;

/// An RD Gateway to go through. It is given the credentials of the check, as `mstsc` does by default.
#[derive(Clone)]
pub struct Gateway {
    /// Where it is.
    pub place: Target,
    /// Asked before a credential leaves for the gateway. What it is given is all that was seen; what
    /// counts has the stage `gateway`.
    pub gate: Gate,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("place", &self.place).finish_non_exhaustive()
    }
}
