//! The handshake's signature does not verify: certificate and key were mixed up, or somebody in between
//! has the one without the other.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "tls-wrong-key",
    summary: "signs the handshake with another key than its certificate's",
    cause: Some("tls.malformed"),
    behaviour: Behaviour {
        tls: Tls { certificate: certificate::self_signed_for_another_key, ..Tls::HEALTHY },
        ..Behaviour::HEALTHY
    },
};
