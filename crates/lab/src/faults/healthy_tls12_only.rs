//! Windows before Server 2022 and Windows 11 has no TLS 1.3.

use openssl::ssl::SslVersion;

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};

pub(super) static FAULT: Fault = Fault {
    name: "healthy-tls12-only",
    summary: "speaks no TLS newer than 1.2, as Windows Server 2016 and 2019",
    cause: None,
    behaviour: Behaviour {
        tls: Tls { newest: SslVersion::TLS1_2, ..Tls::HEALTHY },
        ..Behaviour::HEALTHY
    },
};
