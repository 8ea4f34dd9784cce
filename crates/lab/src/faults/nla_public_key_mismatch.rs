//! Whoever opens the TLS and encrypts it anew cannot prove the key of the certificate that the client
//! saw (MS-CSSP 3.1.5).

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-public-key-mismatch",
    summary: "proves another key than its certificate has",
    cause: Some("nla.public-key-mismatch"),
    behaviour: Behaviour { verdict: Verdict::OtherKey, ..Behaviour::HEALTHY },
};
