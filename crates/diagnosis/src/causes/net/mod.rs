//! Causes on the way to the port: routing, firewalls, and what listens there.

pub mod refused;
