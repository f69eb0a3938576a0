//! `olbridge describe`: the columns of a table or of Parquet files.

use std::io::{self, Write};
use std::slice;

use olbridge::copy::format;
use olbridge::error::PlanProblem;
use olbridge::lake::parquet::ParquetSource;
use olbridge::{Error, oracle_type::TableDesc};
use serde_json::{Value, json};

use crate::arguments::{DescribeArguments, DescribeFormat};
use crate::failure::Failure;
use crate::output::TextTable;
use crate::session;

/// A column as both sides have it.
struct Column {
    name: String,
    type_name: String,
    nullable: bool,
}

pub fn run(arguments: &DescribeArguments) -> Result<(), Failure> {
    if session::is_target(&arguments.subject) { table(arguments) } else { file(arguments) }
}

fn table(arguments: &DescribeArguments) -> Result<(), Failure> {
    let target = session::table_target(&arguments.subject)?;
    let session = session::open(&target, &arguments.connection)?;
    let name = target.require_table()?;
    let Some(TableDesc { columns, .. }) = session.describe_table(name)? else {
        let problem = PlanProblem {
            column: None,
            reason: "no such table, or no right to see it".into(),
            remedy: "check schema and name (upper case unless quoted); olbridge copy --mode create makes it".into(),
        };
        return Err(Error::Plan { table: name.to_string(), problems: vec![problem] }.into());
    };
    let columns: Vec<Column> =
        columns.into_iter().map(|c| Column { type_name: c.oracle_type.to_string(), name: c.name, nullable: c.nullable }).collect();
    print(arguments.format, &columns, "", json!({"table": name.to_string()}))
}

fn file(arguments: &DescribeArguments) -> Result<(), Failure> {
    let source = ParquetSource::open(slice::from_ref(&arguments.subject))?;
    let columns: Vec<Column> = source
        .schema()
        .fields()
        .iter()
        .map(|f| Column { name: f.name().clone(), type_name: f.data_type().to_string(), nullable: f.is_nullable() })
        .collect();
    let (rows, files, bytes) = (source.rows(), source.files().len(), source.size_bytes());
    let summary = format!("{} in {}, {}", format::count(rows, "row"), format::count(files as u64, "file"), format::bytes(bytes));
    print(arguments.format, &columns, &summary, json!({"source": arguments.subject, "rows": rows, "files": files, "bytes": bytes}))
}

fn print(how: DescribeFormat, columns: &[Column], summary: &str, mut document: Value) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match how {
        DescribeFormat::Table => {
            let mut table = TextTable::new(&["column", "type", "null"], vec![false; 3]);
            for c in columns {
                let null = if c.nullable { "" } else { "NOT NULL" };
                table.row(&mut out, &[Some(c.name.clone()), Some(c.type_name.clone()), Some(null.to_owned())])?;
            }
            table.finish(&mut out)?;
            if !summary.is_empty() {
                writeln!(out, "{summary}")?;
            }
        }
        DescribeFormat::Json => {
            let columns: Vec<Value> =
                columns.iter().map(|c| json!({"name": c.name, "type": c.type_name, "nullable": c.nullable})).collect();
            document["columns"] = Value::from(columns);
            writeln!(out, "{document}")?;
        }
    }
    out.flush()?;
    Ok(())
}
