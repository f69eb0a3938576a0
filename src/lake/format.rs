//! The formats of files: told by the ending of a name, or by `--format`.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};

/// How rows lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Apache Parquet.
    #[default]
    Parquet,
    /// Arrow IPC file: with a footer, readable from any place.
    Arrow,
    /// Arrow IPC stream: readable from a pipe.
    Arrows,
    /// Comma-separated values, RFC 4180 (docs/formats.md).
    Csv,
    /// One JSON object a line (docs/formats.md).
    Ndjson,
}

impl Format {
    /// All formats, as `--format` spells them, with the endings that stand for them.
    pub const ALL: [(&str, Format, &[&str]); 5] = [
        ("parquet", Format::Parquet, &["parquet"]),
        ("arrow", Format::Arrow, &["arrow", "feather", "ipc"]),
        ("arrows", Format::Arrows, &["arrows"]),
        ("csv", Format::Csv, &["csv"]),
        ("ndjson", Format::Ndjson, &["ndjson", "jsonl"]),
    ];

    /// As `--format` spells it.
    pub fn name(self) -> &'static str {
        Format::ALL.iter().find(|(_, format, _)| *format == self).map_or("", |(name, _, _)| name)
    }

    /// The ending of a file of this format.
    pub fn ending(self) -> &'static str {
        Format::ALL.iter().find(|(_, format, _)| *format == self).map_or("", |(_, _, endings)| endings[0])
    }

    /// The format that the ending of a name stands for.
    pub fn of_path(path: &Path) -> Option<Format> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        Format::ALL.iter().find(|(_, _, endings)| endings.contains(&ending.as_str())).map(|(_, format, _)| *format)
    }

    /// Whether values are text, so that the file does not tell their types.
    pub fn is_text(self) -> bool {
        matches!(self, Format::Csv | Format::Ndjson)
    }

    /// Whether it can be read from a pipe: the others begin at their end.
    pub fn is_sequential(self) -> bool {
        matches!(self, Format::Csv | Format::Ndjson | Format::Arrows)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Format::ALL.iter().find(|(name, _, _)| *name == text).map(|(_, format, _)| *format).ok_or_else(|| Error::Usage {
            message: format!("unknown format {text:?}"),
            remedy: format!("--format {}", Format::ALL.map(|(name, _, _)| name).join(", ")),
        })
    }
}

/// How CSV is written and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct CsvOptions {
    /// Between two fields: `,`, `;`, `|` or a tab.
    pub delimiter: char,
    /// The unquoted field that is NULL.
    pub null: &'static str,
}

impl Default for CsvOptions {
    fn default() -> Self {
        CsvOptions { delimiter: ',', null: "" }
    }
}

impl CsvOptions {
    /// Checks what a file could not be read with.
    ///
    /// # Errors
    /// [`Error::Usage`] for another delimiter, or a NULL that would have to be quoted.
    pub fn new(delimiter: char, null: &str) -> Result<Self> {
        if ![',', ';', '|', '\t'].contains(&delimiter) {
            return Err(Error::Usage { message: format!("{delimiter:?} cannot delimit fields"), remedy: "one of , ; | or a tab".into() });
        }
        // None of them is the text of a number, a date or bytes.
        const NULLS: [&str; 6] = ["", "NULL", "null", "\\N", "NA", "N/A"];
        match NULLS.into_iter().find(|known| *known == null) {
            Some(null) => Ok(CsvOptions { delimiter, null }),
            None => {
                let message = format!("{null:?} cannot stand for NULL: it could be a value");
                Err(Error::Usage { message, remedy: "NULL, null, \\N, NA, N/A or nothing".into() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_follow_from_endings_and_names() {
        for (name, format, endings) in Format::ALL {
            assert_eq!(name.parse::<Format>().unwrap(), format);
            for ending in endings {
                assert_eq!(Format::of_path(Path::new(&format!("a.b.{}", ending.to_uppercase()))), Some(format));
            }
        }
        assert_eq!(Format::of_path(Path::new("a.json")), None);
        assert!("json".parse::<Format>().unwrap_err().to_string().contains("ndjson"));
    }

    #[test]
    fn what_would_make_a_file_unreadable_is_refused() {
        assert!(CsvOptions::new('\t', "\\N").is_ok());
        for (delimiter, null) in [('-', ""), (',', "a,b"), (';', "0")] {
            assert!(CsvOptions::new(delimiter, null).is_err(), "{delimiter} {null}");
        }
    }
}
