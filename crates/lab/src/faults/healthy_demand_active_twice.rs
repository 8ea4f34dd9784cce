//! A host that asks for the client's capabilities twice, as FreeRDP's proxy does now and then, which bears one
//! answer alone: the next would come into the session that stands.

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "healthy-demand-active-twice",
    summary: "sends its Demand Active twice, signs the account in and paints a desktop",
    cause: None,
    behaviour: Behaviour { session: SessionAnswer::DemandedTwice, ..Behaviour::HEALTHY },
};
