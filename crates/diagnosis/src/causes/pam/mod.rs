//! Causes of privileged access products and bastions in the path.

pub mod in_path;
