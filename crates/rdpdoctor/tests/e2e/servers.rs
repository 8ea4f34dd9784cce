//! Real servers from Debian's packages.
