//! One face for every format that rows are read from.

use std::path::Path;

use arrow::datatypes::{DataType, SchemaRef};

#[cfg(feature = "delta")]
use super::delta::DeltaSource;
use super::discover::{FoundFile, discover};
use super::format::Format;
use super::input::STANDARD_STREAM;
use super::parquet::{ParquetSource, ReadOptions};
use super::read_ahead::BatchReader;
use super::stream_source::StreamSource;
use crate::error::{Error, Result};

pub use super::stream_source::{SourceOptions, TableVersion};

/// Where the changes of a Delta table are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeWay {
    /// The change data feed where there is one for all versions, else files.
    #[default]
    Auto,
    /// The change data feed; an error where there is none.
    Feed,
    /// Comparing the files of both versions.
    Files,
}

/// The column behind those of a table that says of a change whether it is an `upsert` or a `delete`.
pub const CHANGE_COLUMN: &str = "_olbridge_change";

/// Files of one format with one schema, or standard input.
#[derive(Debug, Clone)]
pub enum Source {
    /// Parquet files.
    Parquet(ParquetSource),
    /// Arrow IPC, CSV or NDJSON.
    Stream(StreamSource),
    /// A version of a Delta table.
    #[cfg(feature = "delta")]
    Delta(DeltaSource),
}

impl Source {
    /// Finds the files (see [`discover`]; `-` is standard input) and looks at their heads or footers.
    ///
    /// A file without a known ending is taken for Parquet, unless `options` name a format.
    ///
    /// # Errors
    /// [`Error::Source`] naming the file; [`Error::Usage`] for files of several formats, or `-` beside others or without a format.
    pub fn open(sources: &[String], options: &SourceOptions) -> Result<Self> {
        if sources.iter().any(|source| source == STANDARD_STREAM) {
            return Self::open_stdin(sources, options);
        }
        if let Some(source) = sources.iter().find(|source| source.starts_with("delta:")) {
            return Self::open_delta(source, sources, options);
        }
        if options.version != TableVersion::Latest {
            let message = "files have no versions".into();
            return Err(Error::Usage {
                message,
                remedy: "name a Delta table, delta:LOCATION, or leave out --delta-version and --delta-timestamp".into(),
            });
        }
        let found = discover(sources)?;
        let format = match options.format {
            Some(format) => format,
            None => common_format(&found)?,
        };
        let source = match format {
            Format::Parquet => Source::Parquet(ParquetSource::open_found(&found)?),
            format => Source::Stream(StreamSource::open(format, Some(&found), options)?),
        };
        source.refuse_unknown_types(options)?;
        Ok(source)
    }

    #[cfg(feature = "delta")]
    fn open_delta(source: &str, sources: &[String], options: &SourceOptions) -> Result<Self> {
        if sources.len() > 1 {
            let message = format!("{source} is a Delta table, and other sources are named beside it");
            return Err(Error::Usage { message, remedy: "load one table a job".into() });
        }
        let location = super::delta::delta_location(source).unwrap_or(source);
        let source = Source::Delta(DeltaSource::open(location, &options.version)?);
        source.refuse_unknown_types(options)?;
        Ok(source)
    }

    #[cfg(not(feature = "delta"))]
    fn open_delta(source: &str, _: &[String], _: &SourceOptions) -> Result<Self> {
        let message = format!("{source}: this olbridge was built without Delta Lake");
        Err(Error::Usage { message, remedy: "cargo install --path . --features delta".into() })
    }

    fn open_stdin(sources: &[String], options: &SourceOptions) -> Result<Self> {
        let usage = |message: &str, remedy: &str| Err(Error::Usage { message: message.into(), remedy: remedy.into() });
        if sources.len() > 1 {
            return usage("standard input (-) is one source, and others are named beside it", "name either files or -");
        }
        let source = match options.format {
            None => return usage("standard input (-) has no name to tell its format", "--format csv, ndjson or arrows"),
            Some(format) if !format.is_sequential() => {
                return usage(
                    &format!("{format} begins at its end, so it cannot be read from a pipe"),
                    "--format arrows, csv or ndjson, or name a file",
                );
            }
            Some(format) => Source::Stream(StreamSource::open(format, None, options)?),
        };
        source.refuse_unknown_types(options)?;
        Ok(source)
    }

    /// `--as` for a column that is not there would be forgotten silently, and for a format with types of its own as well.
    fn refuse_unknown_types(&self, options: &SourceOptions) -> Result<()> {
        let given = options.types.first().map(|(name, _)| format!("--as {name}=…")).or(options.like.as_ref().map(|_| "--like".into()));
        let Some(given) = given else { return Ok(()) };
        if !self.format().is_text() {
            let message = format!("{given}: {} files have types of their own", self.format());
            return Err(Error::Usage { message, remedy: "leave it out; it says how CSV and NDJSON are read".into() });
        }
        let known = |name: &str| self.schema().fields().iter().any(|field| field.name().eq_ignore_ascii_case(name));
        match options.types.iter().find(|(name, _)| !known(name)) {
            Some((name, _)) => {
                let names: Vec<&str> = self.schema().fields().iter().map(|field| field.name().as_str()).collect();
                let (message, remedy) = (format!("--as names column {name}, but the source has {}", names.join(", ")), "correct the name");
                Err(Error::Usage { message, remedy: remedy.into() })
            }
            None => Ok(()),
        }
    }

    /// How rows lie in the files.
    pub fn format(&self) -> Format {
        match self {
            Source::Parquet(_) => Format::Parquet,
            Source::Stream(source) => source.format(),
            // What becomes of a column is said by its type, as in Parquet.
            #[cfg(feature = "delta")]
            Source::Delta(_) => Format::Parquet,
        }
    }

    /// Columns of the files, then partition columns.
    pub fn schema(&self) -> &SchemaRef {
        match self {
            Source::Parquet(source) => source.schema(),
            Source::Stream(source) => source.schema(),
            #[cfg(feature = "delta")]
            Source::Delta(source) => source.schema(),
        }
    }

    /// The files; `None` for standard input.
    pub fn paths(&self) -> Option<Vec<&Path>> {
        match self {
            Source::Parquet(source) => Some(source.files().iter().map(|file| &*file.path).collect()),
            Source::Stream(source) => source.inputs().iter().map(|input| (!input.is_stdin()).then_some(&*input.path)).collect(),
            #[cfg(feature = "delta")]
            Source::Delta(source) => Some(vec![source.label()]),
        }
    }

    /// Whether a second reading gives the rows in the same order, so that their numbers mean something.
    pub fn has_row_order(&self) -> bool {
        match self {
            Source::Parquet(_) | Source::Stream(_) => true,
            #[cfg(feature = "delta")]
            Source::Delta(_) => false,
        }
    }

    /// What a job remembers the source by, where that is not the content of its files.
    pub fn identity(&self) -> Option<String> {
        match self {
            Source::Parquet(_) | Source::Stream(_) => None,
            #[cfg(feature = "delta")]
            Source::Delta(source) => Some(source.identity()),
        }
    }

    /// Id and version of a table that keeps several versions.
    pub fn table_version(&self) -> Option<(&str, u64)> {
        match self {
            Source::Parquet(_) | Source::Stream(_) => None,
            #[cfg(feature = "delta")]
            Source::Delta(source) => Some((source.id(), source.version())),
        }
    }

    /// What has changed after a version: the columns, then [`CHANGE_COLUMN`], one row for each key, rows to be deleted first. And how it is found.
    ///
    /// # Errors
    /// [`Error::Source`] when that version is gone, or columns have changed in a way that cannot be followed.
    #[cfg_attr(not(feature = "delta"), allow(unused_variables))]
    pub fn changes_since(&self, after: u64, keys: Vec<String>, way: ChangeWay) -> Result<(Source, String)> {
        match self {
            #[cfg(feature = "delta")]
            Source::Delta(source) => source.changes_since(after, keys, way).map(|(source, how)| (Source::Delta(source), how)),
            Source::Parquet(_) | Source::Stream(_) => {
                let message = "files have no versions to follow".into();
                Err(Error::Usage { message, remedy: "name a Delta table, delta:LOCATION".into() })
            }
        }
    }

    /// How many files there are.
    pub fn file_count(&self) -> usize {
        match self {
            Source::Parquet(source) => source.files().len(),
            Source::Stream(source) => source.inputs().len(),
            #[cfg(feature = "delta")]
            Source::Delta(_) => 1,
        }
    }

    /// Rows of all files, where the format tells it beforehand.
    pub fn rows(&self) -> Option<u64> {
        match self {
            Source::Parquet(source) => Some(source.rows()),
            Source::Stream(_) => None,
            #[cfg(feature = "delta")]
            Source::Delta(source) => source.rows(),
        }
    }

    /// Size of all files on disk; 0 for standard input.
    pub fn size_bytes(&self) -> u64 {
        match self {
            Source::Parquet(source) => source.size_bytes(),
            Source::Stream(source) => source.size_bytes(),
            #[cfg(feature = "delta")]
            Source::Delta(source) => source.size_bytes(),
        }
    }

    /// What olbridge itself has written beside the rows under `key`, if all files say the same.
    pub fn footer_text(&self, key: &str) -> Option<&str> {
        match self {
            Source::Parquet(source) => source.footer_text(key),
            Source::Stream(source) => source.footer_text(key),
            #[cfg(feature = "delta")]
            Source::Delta(source) if key == super::sink::ORACLE_COLUMNS_KEY => source.oracle_columns(),
            #[cfg(feature = "delta")]
            Source::Delta(_) => None,
        }
    }

    /// Starts decoding on a thread of its own; the reader hands out what is ready.
    pub fn read(&self, options: ReadOptions) -> BatchReader {
        match self {
            Source::Parquet(source) => source.read(options),
            Source::Stream(source) => source.read(options),
            #[cfg(feature = "delta")]
            Source::Delta(source) => source.read(options),
        }
    }

    /// See [`ParquetSource::settle_int96`]; other formats have no INT96.
    ///
    /// # Errors
    /// As there.
    pub fn settle_int96(&mut self, columns: &[usize]) -> Result<()> {
        match self {
            Source::Parquet(source) => source.settle_int96(columns),
            Source::Stream(_) => Ok(()),
            #[cfg(feature = "delta")]
            Source::Delta(_) => Ok(()),
        }
    }

    /// See [`ParquetSource::narrow_decimals`]; other formats have the types they have.
    pub fn narrow_decimals(&mut self, columns: &[usize]) {
        if let Source::Parquet(source) = self {
            source.narrow_decimals(columns);
        }
    }

    /// See [`ParquetSource::settle_intervals`]; other formats say the kind of their intervals.
    ///
    /// # Errors
    /// As there.
    pub fn settle_intervals(&mut self, columns: &[usize]) -> Result<()> {
        match self {
            Source::Parquet(source) => source.settle_intervals(columns),
            Source::Stream(_) => Ok(()),
            #[cfg(feature = "delta")]
            Source::Delta(_) => Ok(()),
        }
    }

    /// Whether `column` is text whose type has to come from the table or from its values; until then it is Utf8.
    pub fn is_undecided(&self, column: usize) -> bool {
        matches!(self, Source::Stream(source) if source.is_undecided(column))
    }

    /// Says what `column`, which is undecided, is read as.
    pub fn decide(&mut self, column: usize, data_type: DataType) {
        if let Source::Stream(source) = self
            && source.is_undecided(column)
        {
            source.decide(column, data_type);
        }
    }

    /// Reads the values of the undecided ones among `columns` and gives them types; asks `proceed` now and then. Standard input is kept in a
    /// temporary file from here on, so that it can be read again.
    ///
    /// # Errors
    /// [`Error::Source`] with the line that is not as it should be, and of `proceed`.
    pub fn infer(&mut self, columns: &[usize], proceed: &dyn Fn() -> Result<()>) -> Result<()> {
        match self {
            Source::Parquet(_) => Ok(()),
            #[cfg(feature = "delta")]
            Source::Delta(_) => Ok(()),
            Source::Stream(source) => {
                source.keep(proceed)?;
                source.infer(columns, proceed)
            }
        }
    }
}

fn common_format(found: &[FoundFile]) -> Result<Format> {
    let of = |file: &FoundFile| Format::of_path(&file.path).unwrap_or_default();
    let Some(first) = found.first() else { return Ok(Format::default()) };
    let hint = |path: &Path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    if hint(&first.path) {
        let message = format!("{}: a .json file may be one document or one object a line", first.path.display());
        return Err(Error::Usage { message, remedy: "--format ndjson if it is one object a line".into() });
    }
    match found.iter().find(|file| of(file) != of(first)) {
        Some(other) => Err(Error::Usage {
            message: format!("{} is {}, {} is {}", first.path.display(), of(first), other.path.display(), of(other)),
            remedy: "load files of one format a job, or name the --format if the endings mislead".into(),
        }),
        None => Ok(of(first)),
    }
}
