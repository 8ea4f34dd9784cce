//! A host without the updates of March to May 2018 (CVE-2018-0886, KB4093492).

use crate::Fault;
use crate::behaviour::{Behaviour, Challenge, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-old-credssp",
    summary: "claims CredSSP version 2",
    cause: Some("nla.encryption-oracle"),
    behaviour: Behaviour {
        sign_in: SignIn::Challenge(Challenge { version: 2, ..Challenge::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
