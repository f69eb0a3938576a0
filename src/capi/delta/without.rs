//! A library without Delta Lake: everything refuses by name.

use std::convert::Infallible;

use arrow::array::RecordBatchReader;

use super::super::text::usage;
use super::{Input, Operation};
use crate::error::{Error, Result};

/// What an opened place would hold: there is none.
pub(super) type Tables = Infallible;

fn refused() -> Error {
    usage("this libolbridge was built without Delta Lake", "cargo build --release --features delta")
}

pub(super) fn open(_: Option<&str>) -> Result<Tables> {
    Err(refused())
}

pub(super) fn read(_: &Tables, _: &str, _: Option<&str>) -> Result<Box<dyn RecordBatchReader + Send>> {
    Err(refused())
}

pub(super) fn run(_: Operation, _: &Tables, _: &str, _: Option<&str>, input: Input) -> Result<String> {
    match input {
        Input::Nothing => {}
        Input::Schema(schema) => drop(schema),
        Input::Rows(rows) => drop(rows),
    }
    Err(refused())
}
