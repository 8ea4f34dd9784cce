//! A Windows host that lets the lab's account in, up to the picture.

use crate::Fault;
use crate::behaviour::Behaviour;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-session",
    summary: "signs the lab's account in and paints a desktop",
    cause: None,
    behaviour: Behaviour::HEALTHY,
};
