//! Values as text, and back: what CSV and NDJSON share. The conventions are those of `docs/formats.md`; every value of a type that has one
//! comes back as it was, when the type is known.

mod calendar;
mod cells;
mod decode;
mod digits;
mod encode;
mod infer;
mod json_lines;
mod nested;
mod period;
mod records;
#[cfg(test)]
mod tests;
mod writers;

pub(super) use cells::Cells;
pub(super) use decode::{BadCell, ParseOptions, parse_column};
pub(super) use encode::{Form, column_text};
pub(super) use infer::Guess;
pub(super) use json_lines::JsonLines;
pub(super) use nested::span;
pub(super) use records::Records;
pub(super) use writers::{CsvWriter, NdjsonWriter, check_types};
