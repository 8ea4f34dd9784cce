//! Windows 7 and Server 2008 R2 as they were delivered.

use openssl::ssl::SslVersion;

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};

pub(super) static FAULT: Fault = Fault {
    name: "tls-version-1-0",
    summary: "speaks no TLS newer than 1.0",
    cause: Some("tls.version-outdated"),
    behaviour: Behaviour {
        tls: Tls {
            oldest: SslVersion::TLS1,
            newest: SslVersion::TLS1,
            security_level: 0,
            ..Tls::HEALTHY
        },
        ..Behaviour::HEALTHY
    },
};
