//! `olbridge describe`: the columns of a table or of files.

use std::fmt::Display;
use std::io::{self, Write};
use std::slice;

use olbridge::copy::describe::describe_table;
use olbridge::lake::describe::describe_source;
use olbridge::lake::source::SourceOptions;
use serde::Serialize;

use crate::arguments::{DescribeArguments, DescribeFormat};
use crate::failure::Failure;
use crate::session;

pub fn run(arguments: &DescribeArguments) -> Result<(), Failure> {
    if session::is_target(&arguments.subject) { table(arguments) } else { file(arguments) }
}

fn table(arguments: &DescribeArguments) -> Result<(), Failure> {
    let target = session::table_target(&arguments.subject)?;
    let session = session::open(&target, &arguments.connection)?;
    print(&describe_table(&session, target.require_table()?)?, arguments.format)
}

fn file(arguments: &DescribeArguments) -> Result<(), Failure> {
    print(&describe_source(slice::from_ref(&arguments.subject), &SourceOptions::default())?, arguments.format)
}

fn print(description: &(impl Display + Serialize), format: DescribeFormat) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match format {
        DescribeFormat::Table => write!(out, "{description}")?,
        DescribeFormat::Json => {
            serde_json::to_writer(&mut out, description).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(out.flush()?)
}
