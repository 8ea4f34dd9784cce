//! An RST in place of an answer.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Reply};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-hangs-up",
    summary: "is an RD Gateway that ends the connection at the channel",
    cause: Some("gateway.error"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { channel: Reply::End(Ending::Reset), ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
