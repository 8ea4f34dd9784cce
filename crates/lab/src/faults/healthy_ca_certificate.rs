//! What a company's certificate authority gives its hosts. A client that does not trust the lab's
//! authority warns, and is right.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-ca-certificate",
    summary: "has a certificate of the lab's authority for the right names",
    cause: None,
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        ..Behaviour::HEALTHY
    },
};
