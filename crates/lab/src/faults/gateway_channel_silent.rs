//! No answer to the request for a channel.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Reply};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-channel-silent",
    summary: "is an RD Gateway that says nothing about the host",
    cause: Some("gateway.timeout"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { channel: Reply::Silence, ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
