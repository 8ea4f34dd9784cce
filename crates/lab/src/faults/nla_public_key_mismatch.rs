//! The proof of the server's key is damaged (MS-CSSP 3.1.5).

use crate::Fault;
use crate::behaviour::{Behaviour, Outcome, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-public-key-mismatch",
    summary: "cannot prove that the certificate is its own",
    cause: Some("nla.public-key-mismatch"),
    behaviour: Behaviour { sign_in: SignIn::Complete(Outcome::WrongBinding), ..Behaviour::HEALTHY },
};
