//! Neither a token nor an error: a client cannot go on and is not told why.

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-empty-tsrequest",
    summary: "answers with a TSRequest that holds only a version",
    cause: Some("nla.malformed"),
    behaviour: Behaviour { sign_in: SignIn::Empty, ..Behaviour::HEALTHY },
};
