//! Network faults on networks that the tests make.
