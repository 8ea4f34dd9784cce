//! Causes of privileged access products and bastions in the path.

pub mod backend_refused;
pub mod backend_security_mismatch;
pub mod in_path;
