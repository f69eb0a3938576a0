//! One file per verb.

pub mod check;
pub mod copy;
pub mod describe;
pub mod export;
pub mod outcome;
pub mod pipe;
#[cfg(feature = "delta")]
pub mod several;
pub mod sql;
#[cfg(feature = "delta")]
pub mod to_delta;
pub mod types;
