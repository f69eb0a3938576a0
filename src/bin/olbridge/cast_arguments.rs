//! `--cast`: other types on the way into a table.

use clap::{Args, ValueEnum};
use olbridge::copy::Cast;

use crate::failure::{Failure, usage};

/// Types other than those of the source.
#[derive(Debug, Clone, Default, Args)]
pub struct CastArguments {
    /// Cast a source column before it is bound (int64, decimal(20,4), text, ...), each value exactly or refused; or give the created column an
    /// Oracle type (VARCHAR2(40 CHAR), ...). May be repeated
    #[arg(long, value_name = "COLUMN=TYPE")]
    pub cast: Vec<String>,
    /// Load lists, structs and maps as JSON text, into VARCHAR2, CLOB or JSON (default: refuse them)
    #[arg(long, value_enum, value_name = "FORM")]
    pub nested: Option<NestedArgument>,
}

/// `--nested`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NestedArgument {
    /// Lists as arrays, structs as objects, maps as arrays of objects; binary as hexadecimal digits, times as ISO 8601
    Json,
}

impl CastArguments {
    /// Columns and what they are to be.
    pub fn casts(&self) -> Result<Vec<(String, Cast)>, Failure> {
        let parse = |text: &String| match text.split_once('=') {
            Some((column, wanted)) if !column.is_empty() => {
                let wanted =
                    wanted.parse::<Cast>().map_err(|error| usage(format!("--cast {text}: {error}"), "--cast amount=decimal(20,4)"))?;
                Ok((column.to_owned(), wanted))
            }
            _ => Err(usage(format!("--cast {text} is not COLUMN=TYPE"), "--cast amount=decimal(20,4)")),
        };
        self.cast.iter().map(parse).collect()
    }
}
