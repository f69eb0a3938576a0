//! Byte codecs of Oracle's own value formats, both directions: NUMBER, DATE, TIMESTAMP, INTERVAL. No FFI, no Arrow, no allocation.

pub mod calendar;
pub mod datetime;
pub mod interval;
pub mod number;
