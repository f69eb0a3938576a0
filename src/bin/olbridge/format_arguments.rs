//! Options about the formats of files, in both directions.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use olbridge::arrow::datatypes::{DataType, SchemaRef};
use olbridge::lake::format::{CsvOptions, Format};
use olbridge::lake::source::{Source, SourceOptions};
use olbridge::type_map::parse_arrow_type;

use crate::failure::{Failure, usage};

/// Formats of files (docs/formats.md).
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Formats of files")]
pub struct FormatArguments {
    /// parquet, arrow (IPC file), arrows (IPC stream), csv or ndjson (default: by the ending of the name)
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Between the fields of CSV: , ; | or tab (default: ,)
    #[arg(long, value_name = "CHAR")]
    pub csv_delimiter: Option<String>,
    /// The unquoted CSV field that is NULL: NULL, null, \\N, NA or N/A (default: nothing; "" is the empty text)
    #[arg(long, value_name = "WORD")]
    pub csv_null: Option<String>,
    /// Read a column as this type: int32, int64, decimal(p,s), float64, text, date, timestamp_us, … (repeatable)
    #[arg(long = "as", value_name = "COLUMN=TYPE")]
    pub types: Vec<String>,
    /// Columns have the names and types that they have in this file: what was loaded from it comes back as it was
    #[arg(long, value_name = "FILE")]
    pub like: Option<String>,
}

impl FormatArguments {
    /// The format that was named.
    pub fn format(&self) -> Result<Option<Format>, Failure> {
        Ok(self.format.as_deref().map(str::parse).transpose()?)
    }

    /// The format of a file to be written.
    pub fn of_target(&self, text: &str) -> Result<Format, Failure> {
        if let Some(format) = self.format()? {
            return Ok(format);
        }
        Format::of_path(Path::new(text)).ok_or_else(|| match text {
            "-" => usage("standard output (-) has no name to tell its format", "--format csv, ndjson, arrows, arrow or parquet"),
            _ => {
                let endings = Format::ALL.map(|(_, format, _)| format!(".{}", format.ending())).join(", ");
                usage(format!("the name {text} does not tell a format"), format!("{text}.parquet, one of {endings}, or --format"))
            }
        })
    }

    /// How CSV is written and read.
    pub fn csv(&self) -> Result<CsvOptions, Failure> {
        let default = CsvOptions::default();
        let delimiter = match self.csv_delimiter.as_deref() {
            None => default.delimiter,
            Some("tab" | "\\t") => '\t',
            Some(text) => {
                let mut chars = text.chars();
                match (chars.next(), chars.next()) {
                    (Some(delimiter), None) => delimiter,
                    _ => return Err(usage(format!("--csv-delimiter {text} is not one character"), "--csv-delimiter \";\", or tab")),
                }
            }
        };
        Ok(CsvOptions::new(delimiter, self.csv_null.as_deref().unwrap_or(default.null))?)
    }

    /// Column and type of each `--as`.
    pub fn types(&self) -> Result<Vec<(String, DataType)>, Failure> {
        let of = |text: &String| match text.split_once('=') {
            Some((column, data_type)) if !column.is_empty() => Ok((column.to_owned(), arrow_type(&format!("--as {column}="), data_type)?)),
            _ => Err(usage(format!("--as {text} is not COLUMN=TYPE"), "--as AMOUNT=decimal(12,2), once for each column")),
        };
        self.types.iter().map(of).collect()
    }

    /// The schema of the file of `--like`.
    pub fn like(&self) -> Result<Option<SchemaRef>, Failure> {
        Ok(match &self.like {
            Some(file) => Some(Arc::clone(Source::open(std::slice::from_ref(file), &SourceOptions::default())?.schema())),
            None => None,
        })
    }
}

/// A type of a value of `option`.
pub fn arrow_type(option: &str, text: &str) -> Result<DataType, Failure> {
    parse_arrow_type(text).map_err(|reason| usage(format!("{option}: {reason}"), format!("{option}int64")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_follows_from_the_name_or_the_option() {
        let format = |named: Option<&str>, text: &str| {
            FormatArguments { format: named.map(str::to_owned), ..FormatArguments::default() }.of_target(text).map_err(|e| e.to_string())
        };
        assert_eq!(format(None, "a.csv").unwrap(), Format::Csv);
        assert_eq!(format(Some("ndjson"), "a.csv").unwrap(), Format::Ndjson);
        assert_eq!(format(Some("arrows"), "-").unwrap(), Format::Arrows);
        assert!(format(None, "-").unwrap_err().contains("--format csv"));
        assert!(format(None, "a.xls").unwrap_err().contains("a.xls.parquet"));
    }

    #[test]
    fn csv_options_are_checked() {
        let csv = |delimiter: &str, null: &str| {
            let arguments =
                FormatArguments { csv_delimiter: Some(delimiter.into()), csv_null: Some(null.into()), ..FormatArguments::default() };
            arguments.csv().map_err(|e| e.to_string())
        };
        assert_eq!(csv("tab", "\\N").unwrap(), CsvOptions { delimiter: '\t', null: "\\N" });
        assert!(csv("::", "").unwrap_err().contains("one character"));
        assert!(csv(",", "0").unwrap_err().contains("could be a value"));
    }
}
