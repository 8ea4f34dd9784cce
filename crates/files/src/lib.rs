//! Evidence on disk: what kind a file is of, decided by its content, and the observations in it.
//!
//! Nothing here judges: a broken file is an observation too.

pub mod cloud;
pub mod evtx;
pub mod incident;
pub mod pcap;
pub mod rdpfile;
pub mod sniff;
pub mod text;

pub use rdpfile::RdpFile;
pub use sniff::{HEAD, Kind, sniff};
