//! Certificates with hundreds of names exist; their chain fills many segments, and more than one buffer
//! of whoever reads it.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-large-chain",
    summary: "sends about 12 KB of certificates",
    cause: None,
    behaviour: Behaviour {
        tls: Tls { certificate: certificate::with_large_chain, ..Tls::HEALTHY },
        ..Behaviour::HEALTHY
    },
};
