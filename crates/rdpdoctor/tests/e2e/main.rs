//! End to end: the lab, real servers and made networks on one side, the real command on the other.
//! One binary, since linking is what takes the time.

mod lab;
mod network;
mod servers;
mod support;
mod usage;
