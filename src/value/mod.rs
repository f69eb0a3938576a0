//! Byte codecs of Oracle's own value formats, both directions: NUMBER, DATE, TIMESTAMP. No FFI, no Arrow, no allocation.

pub mod datetime;
pub mod number;
