//! Options of `olbridge copy` from Oracle into a file, and the checked request that they become.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::Args;
use olbridge::copy::export::{AsOf, ExportJob, FileMode, Reading, Selection, TypeChoices};
use olbridge::copy::target::Target;
use olbridge::fetch::FetchOptions;
use olbridge::lake::format::Format;
use olbridge::lake::sink::{Codec, SinkOptions, is_standard_output};

use crate::arguments::{ConnectionArguments, CopyArguments, ModeArgument};
use crate::failure::{Failure, usage};
use crate::format_arguments::arrow_type;
use crate::request::{ReportTo, Telling, lossy};
use crate::sink_arguments::SinkArguments;
use crate::{session, units};

/// What only a copy into a file takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "From Oracle into a file")]
pub struct ExportArguments {
    /// Rows of this SELECT instead of the table
    #[arg(long, value_name = "SQL")]
    pub query: Option<String>,
    /// Only rows that meet this SQL condition
    #[arg(long = "where", value_name = "SQL")]
    pub condition: Option<String>,
    /// At most so many rows
    #[arg(long, value_name = "ROWS")]
    pub limit: Option<u64>,
    /// The ROWID of each row as one more column (default name: ROWID), by which --mode update and delete find it: --key ROWID
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "ROWID")]
    pub rowid: Option<String>,
    /// How to read NUMBER and FLOAT columns that have no scale: decimal(p,s), float64, text, int64. A value that does not fit ends the job
    /// (default: the narrowest type that holds their values, which are looked at first; in CSV and NDJSON all digits of each)
    #[arg(long, value_name = "TYPE")]
    pub number: Option<String>,
    /// Read the table as it was at this system change number
    #[arg(long, value_name = "SCN", conflicts_with = "as_of_timestamp")]
    pub as_of_scn: Option<u64>,
    /// Read the table as it was at this time, with its zone: 2026-11-21T10:30:00+01:00
    #[arg(long, value_name = "TIME")]
    pub as_of_timestamp: Option<String>,
    /// Sessions that read the table at the same time, all as of one SCN; into a table, sessions that load at the same time, each in a transaction of its own
    #[arg(long, value_name = "SESSIONS")]
    pub parallel: Option<NonZeroU32>,
    /// With --parallel: cut the table into even ranges of this column of numbers or dates, rather than of ROWIDs
    #[arg(long, value_name = "COLUMN", requires = "parallel")]
    pub split_by: Option<String>,
    /// With --parallel: keep the rows in the order of their ROWIDs, or of --split-by
    #[arg(long, requires = "parallel")]
    pub ordered: bool,
    /// Compression of Parquet and Arrow: zstd, snappy (Parquet only), lz4 or none (default: zstd for Parquet, none for Arrow); of a Delta table
    /// gzip and zstd:LEVEL too (default: snappy)
    #[arg(long, value_name = "CODEC")]
    pub compression: Option<String>,
    /// Write a directory: the values of these columns become column=value directories
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub partition_by: Vec<String>,
    /// Write a directory: another file after so many bytes, such as 256MiB
    #[arg(long, value_name = "BYTES")]
    pub file_bytes: Option<String>,
    /// Rows of a row group at most (default: 1048576; a group also ends at 64 MiB)
    #[arg(long, value_name = "ROWS")]
    pub row_group_rows: Option<NonZeroUsize>,
    /// Leave out the blanks that pad CHAR and NCHAR to their length
    #[arg(long)]
    pub trim_char: bool,
    /// Bytes of a CLOB or BLOB that come with its row, such as 1MiB; a longer one is read by itself (default: 32767; 0: all are)
    #[arg(long, value_name = "BYTES")]
    pub max_lob_bytes: Option<String>,
    /// Layout of the file.
    #[command(flatten)]
    pub sink: SinkArguments,
}

impl ExportArguments {
    /// The first option that was given, for a copy that takes none of them. `--parallel` is one that a load takes as well.
    pub fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--query", self.query.is_some()),
            ("--where", self.condition.is_some()),
            ("--limit", self.limit.is_some()),
            ("--rowid", self.rowid.is_some()),
            ("--number", self.number.is_some()),
            ("--as-of-scn", self.as_of_scn.is_some()),
            ("--as-of-timestamp", self.as_of_timestamp.is_some()),
            ("--ordered", self.ordered),
            ("--compression", self.compression.is_some()),
            ("--partition-by", !self.partition_by.is_empty()),
            ("--file-bytes", self.file_bytes.is_some()),
            ("--row-group-rows", self.row_group_rows.is_some()),
            ("--trim-char", self.trim_char),
            ("--max-lob-bytes", self.max_lob_bytes.is_some()),
        ];
        given.into_iter().chain(self.sink.given()).find(|(_, is_given)| *is_given).map(|(name, _)| name)
    }
}

/// A copy into a file that can be tried.
#[derive(Debug)]
pub struct ExportRequest {
    /// What the library is asked for.
    pub job: ExportJob,
    /// Who hears what.
    pub telling: Telling,
    /// How to connect.
    pub connection: ConnectionArguments,
}

/// From a database into a file, rather than the other way round: the first operand is a target and the last one is none.
pub fn is_export(arguments: &CopyArguments) -> bool {
    let (first, last) = (arguments.operands.first(), arguments.operands.last());
    first.is_some_and(|first| session::is_target(first)) && !last.is_some_and(|last| session::is_target(last))
}

/// Checks the arguments of a copy into a file.
pub fn export(arguments: CopyArguments) -> Result<ExportRequest, Failure> {
    let [source, path] = &arguments.operands[..] else {
        return Err(usage("a file is written from one table or query", "olbridge copy TARGET FILE"));
    };
    refuse_options_of_loads(&arguments)?;
    let source: Target = source.parse()?;
    let options = &arguments.export;
    let job = ExportJob {
        source,
        selection: Selection { order_by: options.sink.order_by()?, ..selection(&arguments) },
        path: PathBuf::from(path),
        mode: mode(arguments.mode)?,
        reading: reading(options),
        types: type_choices(&arguments)?,
        fetch: fetch_options(&arguments)?,
        sink: options.sink.apply(SinkOptions {
            format: format(&arguments, path)?,
            partition_by: options.partition_by.clone(),
            file_bytes: options.file_bytes.as_deref().map(|text| bytes("--file-bytes", Some(text), 0)).transpose()?.map(|n| n as u64),
            csv: arguments.format.csv()?,
            codec: options.compression.as_deref().map(str::parse::<Codec>).transpose()?,
            row_group_rows: options.row_group_rows.map_or(SinkOptions::default().row_group_rows, NonZeroUsize::get),
            ..SinkOptions::default()
        })?,
    };
    if job.selection.query.is_none() {
        job.source.require_table()?;
    }
    job.sink.check()?;
    let telling = Telling::of(&arguments)?;
    if is_standard_output(&job.path) && job.sink.is_directory() {
        return Err(usage("standard output is no directory", "name one, or leave out --partition-by and --file-bytes"));
    }
    if is_standard_output(&job.path) && telling.report == Some(ReportTo::StandardOutput) && !telling.dry_run {
        return Err(usage("standard output cannot take the rows and the report", "--report json=FILE"));
    }
    Ok(ExportRequest { job, telling, connection: arguments.connection })
}

pub fn selection(arguments: &CopyArguments) -> Selection {
    let options = &arguments.export;
    Selection {
        query: options.query.clone(),
        columns: arguments.columns.clone(),
        condition: options.condition.clone(),
        limit: options.limit,
        rowid: options.rowid.clone(),
        order_by: Vec::new(),
    }
}

pub fn fetch_options(arguments: &CopyArguments) -> Result<FetchOptions, Failure> {
    Ok(FetchOptions {
        batch_rows: crate::request::batch_rows(arguments.batch_rows.map(|rows| rows.get()))?,
        batch_bytes: bytes("--batch-bytes", arguments.batch_bytes.as_deref(), FetchOptions::DEFAULT_BATCH_BYTES)?,
        max_lob_bytes: max_lob_bytes(arguments.export.max_lob_bytes.as_deref())?,
        trim_char: arguments.export.trim_char,
        lossy: lossy(arguments.lossy.as_deref())?,
        ..FetchOptions::default()
    })
}

/// A directory has no ending to tell its format: Parquet.
fn format(arguments: &CopyArguments, path: &str) -> Result<Format, Failure> {
    let is_directory = !arguments.export.partition_by.is_empty() || arguments.export.file_bytes.is_some();
    match arguments.format.format()? {
        None if is_directory => Ok(Format::Parquet),
        Some(format) => Ok(format),
        None => arguments.format.of_target(path),
    }
}

pub fn reading(options: &ExportArguments) -> Reading {
    let as_of = match (options.as_of_scn, &options.as_of_timestamp) {
        (Some(scn), _) => AsOf::Scn(scn),
        (None, Some(time)) => AsOf::Timestamp(time.clone()),
        (None, None) => AsOf::Now,
    };
    Reading { as_of, parallel: options.parallel.map_or(1, NonZeroU32::get), split_by: options.split_by.clone(), ordered: options.ordered }
}

fn refuse_options_of_loads(arguments: &CopyArguments) -> Result<(), Failure> {
    let given = [("--rename", !arguments.rename.is_empty()), ("--commit-rows", arguments.commit_rows.is_some())];
    let given = given.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name);
    match given.or(arguments.change.first_given()).or(arguments.delta.first_given()) {
        Some(name) => {
            Err(usage(format!("{name} has no meaning for a copy into a file"), "leave it out; aliases in --query rename columns"))
        }
        None => Ok(()),
    }
}

fn mode(argument: ModeArgument) -> Result<FileMode, Failure> {
    match argument {
        // The default: nothing that is there is touched.
        ModeArgument::Append | ModeArgument::Create | ModeArgument::ErrorIfExists => Ok(FileMode::ErrorIfExists),
        ModeArgument::Overwrite => Ok(FileMode::Overwrite),
        ModeArgument::Ignore => Ok(FileMode::Ignore),
        _ => Err(usage("this --mode has no meaning for a file", "--mode error-if-exists (the default), overwrite or ignore")),
    }
}

pub fn type_choices(arguments: &CopyArguments) -> Result<TypeChoices, Failure> {
    let number = arguments.export.number.as_deref().map(|text| arrow_type("--number ", text)).transpose()?;
    Ok(TypeChoices { columns: arguments.format.types()?, like: arguments.format.like()?, number })
}

fn bytes(option: &str, text: Option<&str>, default: usize) -> Result<usize, Failure> {
    let Some(text) = text else { return Ok(default) };
    let bytes = units::parse_bytes(text).and_then(|bytes| usize::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| usage(format!("{option} {text} is not a size"), format!("{option} 8MiB (or 512KiB, 1GB, 1000000)")))
}

fn max_lob_bytes(text: Option<&str>) -> Result<u32, Failure> {
    const MOST: u32 = 1 << 30;
    let default = FetchOptions::default().max_lob_bytes;
    if text == Some("0") {
        return Ok(0);
    }
    let bytes = bytes("--max-lob-bytes", text, default as usize)?;
    u32::try_from(bytes)
        .ok()
        .filter(|bytes| *bytes <= MOST)
        .ok_or_else(|| usage(format!("--max-lob-bytes {bytes}: at most {MOST}"), "--max-lob-bytes 1MiB"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command};
    use clap::Parser;

    fn arguments(words: &[&str]) -> CopyArguments {
        let words = ["olbridge", "copy"].iter().chain(words);
        let Command::Copy(arguments) = Arguments::try_parse_from(words).unwrap().command else { panic!("not copy") };
        arguments
    }

    fn parse(more: &[&str]) -> Result<ExportRequest, Failure> {
        let words: Vec<&str> = ["embedded:x.db/T", "t.parquet"].iter().chain(more).copied().collect();
        export(arguments(&words))
    }

    #[test]
    fn the_direction_follows_from_which_operand_is_a_target() {
        assert!(is_export(&arguments(&["oracle://u@h/T", "t.parquet"])));
        assert!(!is_export(&arguments(&["t.parquet", "oracle://u@h/T"])));
        assert!(!is_export(&arguments(&["oracle://u@h/T", "oracle://u@h/S"])));
    }

    #[test]
    fn options_become_the_job() {
        let request = parse(&[
            "--query",
            "select 1 a from dual",
            "--where",
            "a > 0",
            "--limit",
            "5",
            "--columns",
            "a,b",
            "--number",
            "decimal(38,10)",
            "--as",
            "a=int64",
            "--compression",
            "snappy",
            "--max-lob-bytes",
            "1MiB",
            "--mode",
            "overwrite",
            "--lossy",
            "rounding",
            "--as-of-scn",
            "123",
            "--parallel",
            "4",
            "--ordered",
        ])
        .unwrap();
        let job = request.job;
        assert_eq!((job.selection.limit, job.mode, job.sink.codec), (Some(5), FileMode::Overwrite, Some(Codec::Snappy)));
        assert_eq!(job.selection.columns.unwrap(), ["a", "b"]);
        assert_eq!(job.fetch.max_lob_bytes, 1 << 20);
        assert_eq!(job.types.columns[0].0, "a");
        assert_eq!(job.path, PathBuf::from("t.parquet"));
        assert_eq!(job.reading, Reading { as_of: AsOf::Scn(123), parallel: 4, split_by: None, ordered: true });
    }

    #[test]
    fn mistakes_name_the_option_and_the_form() {
        let cases: &[(&[&str], &str)] = &[
            (&["--as", "a"], "COLUMN=TYPE"),
            (&["--as", "a=number"], "int64"),
            (&["--number", "exact"], "decimal(p,s)"),
            (&["--mode", "truncate"], "overwrite"),
            (&["--rename", "a=B"], "--rename"),
            (&["--commit-rows", "5"], "--commit-rows"),
            (&["--compression", "best"], "zstd"),
            (&["--max-lob-bytes", "2GiB"], "1MiB"),
            (&["--like", "nowhere.parquet"], "nowhere.parquet"),
        ];
        for (more, part) in cases {
            let message = parse(more).unwrap_err().to_string();
            assert!(message.contains(part), "{more:?}: {message}");
        }
        for (words, part) in [
            (&["embedded:x.db/T", "t.xls"][..], "t.xls.parquet"),
            (&["embedded:x.db/T", "-", "--format", "csv", "--report", "json"], "--report json=FILE"),
            (&["embedded:x.db/T", "t.csv", "--compression", "zstd"], "without compression"),
            (&["embedded:x.db/T", "t.arrow", "--compression", "snappy"], "lz4"),
            (&["embedded:x.db/", "t.parquet"], "TABLE"),
            (&["embedded:x.db/T", "a.parquet", "b.parquet"], "TARGET FILE"),
        ] {
            let message = export(arguments(words)).unwrap_err().to_string();
            assert!(message.contains(part), "{words:?}: {message}");
        }
    }
}
