//! Tables outside Oracle: finding files, their common schema, reading them as record batches. Knows nothing of sessions.

#[cfg(feature = "delta")]
pub mod delta;
#[cfg(feature = "delta")]
mod delta_files;
pub mod describe;
pub mod discover;
pub mod fingerprint;
pub mod format;
pub mod input;
pub mod int96;
mod interval;
mod ipc;
mod narrow;
pub mod nested_json;
pub mod object;
pub mod parquet;
mod parquet_decode;
#[cfg(test)]
mod parquet_tests;
pub mod partition;
pub mod read_ahead;
pub mod rejects;
pub mod sink;
pub mod source;
pub(crate) mod stamp;
#[cfg(feature = "cloud")]
mod store;
#[cfg(not(feature = "cloud"))]
#[path = "store_absent.rs"]
mod store;
mod stream_head;
mod stream_source;
mod stretches;
mod text;
mod text_sizes;
pub mod text_stats;
#[cfg(test)]
mod uneven_tests;
mod value_lengths;

use std::path::Path;

use crate::error::{Error, Phase};

/// An [`Error::Source`] about `path`.
pub(crate) fn source_error(phase: Phase, path: &Path, message: impl Into<String>, remedy: impl Into<String>) -> Error {
    Error::Source { phase, path: path.to_owned(), message: message.into(), remedy: remedy.into() }
}
