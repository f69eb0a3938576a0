//! `olbridge describe`: the columns of a table or of Parquet files.

use std::io::{self, Write};
use std::slice;

use olbridge::copy::describe::describe_table;
use olbridge::copy::format::{self, TextTable, count};
use olbridge::lake::parquet::ParquetSource;
use serde_json::{Value, json};

use crate::arguments::{DescribeArguments, DescribeFormat};
use crate::failure::Failure;
use crate::session;

pub fn run(arguments: &DescribeArguments) -> Result<(), Failure> {
    if session::is_target(&arguments.subject) { table(arguments) } else { file(arguments) }
}

fn table(arguments: &DescribeArguments) -> Result<(), Failure> {
    let target = session::table_target(&arguments.subject)?;
    let session = session::open(&target, &arguments.connection)?;
    let description = describe_table(&session, target.require_table()?)?;
    let mut out = io::stdout().lock();
    match arguments.format {
        DescribeFormat::Table => write!(out, "{description}")?,
        DescribeFormat::Json => {
            serde_json::to_writer(&mut out, &description).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(out.flush()?)
}

fn file(arguments: &DescribeArguments) -> Result<(), Failure> {
    let source = ParquetSource::open(slice::from_ref(&arguments.subject))?;
    let (rows, files, bytes) = (source.rows(), source.files().len() as u64, source.size_bytes());
    let fields = source.schema().fields();
    let mut out = io::stdout().lock();
    match arguments.format {
        DescribeFormat::Table => {
            let mut table = TextTable::new(["column", "type", "null"]);
            for field in fields {
                let null = if field.is_nullable() { "" } else { "NOT NULL" };
                table.row([field.name().clone(), field.data_type().to_string(), null.to_owned()]);
            }
            writeln!(out, "{}: {}, {}, {}", arguments.subject, count(files, "file"), count(rows, "row"), format::bytes(bytes))?;
            write!(out, "{table}")?;
        }
        DescribeFormat::Json => {
            let columns: Vec<Value> = fields
                .iter()
                .map(|f| json!({"name": f.name(), "arrow_type": f.data_type().to_string(), "nullable": f.is_nullable()}))
                .collect();
            let document = json!({"source": arguments.subject, "files": files, "rows": rows, "bytes": bytes, "columns": columns});
            writeln!(out, "{document}")?;
        }
    }
    Ok(out.flush()?)
}
