//! Options of Delta tables, and the checked request that a copy into one becomes.

use clap::{Args, ValueEnum};
use olbridge::lake::source::{ChangeWay, TableVersion};

use crate::arguments::CopyArguments;
use crate::exit_code::ExitCode;
use crate::export_arguments::ExportArguments;
use crate::failure::{Failure, usage};
use crate::session;

const PREFIX: &str = "delta:";

/// Delta tables.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Delta tables (delta:LOCATION; a build with --features delta)")]
pub struct DeltaArguments {
    /// Read this version of the Delta table (default: the newest)
    #[arg(long, value_name = "VERSION", conflicts_with = "as_of_timestamp")]
    pub delta_version: Option<u64>,
    /// Carry out what has changed since the last run of the --job, by --key. Of a Delta table: auto, feed or files; into one: watermark, rowscn or versions
    #[arg(long, value_enum, value_name = "WAY", num_args = 0..=1, require_equals = true, default_missing_value = "auto")]
    pub incremental: Option<IncrementalArgument>,
    /// With --incremental=watermark: the column that every change sets to a later time or number
    #[arg(long, value_name = "COLUMN")]
    pub watermark: Option<String>,
    /// With --incremental=watermark: how far before the greatest known value to begin, for transactions that commit late (default: 10m of a time, 1000
    /// of a number)
    #[arg(long, value_name = "SPAN")]
    pub overlap: Option<String>,
    /// With --incremental=watermark and --incremental=rowscn: compare keys, and delete the rows that the source has no more
    #[arg(long, value_enum, value_name = "HOW")]
    pub deletes: Option<DeletesArgument>,
    /// Several tables of one job, in one transaction or at one SCN: SOURCE and TARGET are then what they are in (delta:FOLDER and a database without a
    /// table); TABLE=FOLDER for one whose folder has another name
    #[arg(long, value_name = "A,B=C", value_delimiter = ',')]
    pub tables: Vec<String>,
    /// The --key of one of --tables (repeatable)
    #[arg(long, value_name = "TABLE=A,B")]
    pub table_key: Vec<String>,
    /// Read the newest version of the Delta table at this time, with its zone: 2026-11-21T10:30:00+01:00
    #[arg(long, value_name = "TIME", conflicts_with_all = ["delta_version", "as_of_timestamp"])]
    pub delta_timestamp: Option<String>,
    /// Property of a Delta table that is created (repeatable)
    #[arg(long, value_name = "NAME=VALUE")]
    pub property: Vec<String>,
    /// What may change of the columns of a Delta table (default: strict)
    #[arg(long, value_enum, value_name = "MODE")]
    pub schema_mode: Option<SchemaModeArgument>,
}

/// `--incremental`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IncrementalArgument {
    /// The change data feed where the Delta table has one, else comparing files
    Auto,
    /// The change data feed
    Feed,
    /// Comparing the files of both versions
    Files,
    /// Rows whose --watermark column is later, less the --overlap
    Watermark,
    /// Rows whose ORA_ROWSCN is later
    Rowscn,
    /// What a flashback version query tells, deletions among it, as long as the database keeps undo (UNDO_RETENTION)
    Versions,
}

/// `--deletes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeletesArgument {
    /// Rows that the source has no more stay
    Keep,
    /// They are found by their keys and deleted
    Compare,
}

impl IncrementalArgument {
    /// How the changes of a Delta table are found.
    pub fn of_delta(self) -> Result<ChangeWay, Failure> {
        match self {
            IncrementalArgument::Auto => Ok(ChangeWay::Auto),
            IncrementalArgument::Feed => Ok(ChangeWay::Feed),
            IncrementalArgument::Files => Ok(ChangeWay::Files),
            IncrementalArgument::Watermark | IncrementalArgument::Rowscn | IncrementalArgument::Versions => {
                Err(usage("a Delta table says itself what has changed", "--incremental, --incremental=feed or --incremental=files"))
            }
        }
    }
}

/// `--schema-mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaModeArgument {
    /// Nothing: the source has the table's columns
    Strict,
    /// New columns are added, missing ones become NULL
    Merge,
    /// The table takes the source's columns; with --mode overwrite
    Overwrite,
}

impl DeltaArguments {
    /// The first option that was given, for a copy that takes none of them.
    pub fn first_given(&self) -> Option<&'static str> {
        let given = self.delta_version.map(|_| "--delta-version").or(self.delta_timestamp.as_ref().map(|_| "--delta-timestamp"));
        given.or(self.incremental.map(|_| "--incremental")).or(self.first_given_of_target())
    }

    /// The first that only a copy into a Delta table takes.
    pub fn first_given_of_target(&self) -> Option<&'static str> {
        let given = [
            ("--property", !self.property.is_empty()),
            ("--schema-mode", self.schema_mode.is_some()),
            ("--watermark", self.watermark.is_some()),
            ("--overlap", self.overlap.is_some()),
            ("--deletes", self.deletes.is_some()),
            ("--table-key", !self.table_key.is_empty()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name)
    }

    /// The version that is read.
    pub fn version(&self, export: &ExportArguments) -> Result<TableVersion, Failure> {
        Ok(match (self.delta_version, self.delta_timestamp.as_ref().or(export.as_of_timestamp.as_ref())) {
            (Some(number), _) => TableVersion::Number(number),
            (None, Some(time)) => TableVersion::AsOf(time.clone()),
            (None, None) => TableVersion::Latest,
        })
    }
}

/// From a database into a Delta table.
pub fn is_to_delta(arguments: &CopyArguments) -> bool {
    matches!(&arguments.operands[..], [source, target] if session::is_target(source) && target.starts_with(PREFIX))
}

/// Copies into a Delta table.
#[cfg(feature = "delta")]
pub fn run(arguments: CopyArguments) -> Result<ExitCode, Failure> {
    crate::command::to_delta::run(request::to_delta(arguments)?).map(|()| ExitCode::Ok)
}

/// Says that this build cannot.
#[cfg(not(feature = "delta"))]
pub fn run(_: CopyArguments) -> Result<ExitCode, Failure> {
    Err(crate::failure::usage("this olbridge was built without Delta Lake", "cargo install --path . --features delta"))
}

#[cfg(feature = "delta")]
pub use request::{ToDeltaRequest, to_delta};

#[cfg(feature = "delta")]
mod request {
    use olbridge::copy::delta::{DeltaJob, DeltaMode, FileOptions, Follow, Loss, SchemaMode, compression};
    use olbridge::lake::delta::parse_location;
    use olbridge::parquet::basic::Compression;
    use olbridge::type_map::LossyKind;

    use super::{DeletesArgument, DeltaArguments, IncrementalArgument, PREFIX, SchemaModeArgument};
    use crate::arguments::{ConnectionArguments, CopyArguments, ModeArgument};
    use crate::export_arguments::{fetch_options, reading, selection, type_choices};
    use crate::failure::{Failure, usage};
    use crate::request::{Telling, lossy};
    use crate::units;

    /// A copy into a Delta table that can be tried.
    #[derive(Debug)]
    pub struct ToDeltaRequest {
        /// What the library is asked for.
        pub job: DeltaJob,
        /// Who hears what.
        pub telling: Telling,
        /// How to connect.
        pub connection: ConnectionArguments,
    }

    /// Checks the arguments.
    pub fn to_delta(mut arguments: CopyArguments) -> Result<ToDeltaRequest, Failure> {
        let [source, target] = &arguments.operands.clone()[..] else {
            return Err(usage("a Delta table is written from one table or query", "olbridge copy TARGET delta:LOCATION"));
        };
        let change = &mut arguments.change;
        let (key, job_name, allow_destructive) =
            (std::mem::take(&mut change.key), change.job.take(), std::mem::take(&mut change.allow_destructive));
        let options = &arguments.export;
        let given = [
            ("--rename", !arguments.rename.is_empty()),
            ("--commit-rows", arguments.commit_rows.is_some()),
            ("--format", arguments.format.format.is_some()),
            ("--ordered", options.ordered),
            ("--split-by", options.split_by.is_some()),
            ("--delta-version", arguments.delta.delta_version.is_some()),
            ("--delta-timestamp", arguments.delta.delta_timestamp.is_some()),
        ];
        let given = given.into_iter().chain(options.sink.given()).find(|(_, is_given)| *is_given).map(|(name, _)| name);
        if let Some(name) = given.or(arguments.change.first_given()) {
            return Err(usage(format!("{name} has no meaning for a copy into a Delta table"), "leave it out"));
        }
        let mut job = DeltaJob::new(source.parse()?, parse_location(target.strip_prefix(PREFIX).unwrap_or(target))?);
        job.export.selection = selection(&arguments);
        job.export.reading = reading(options);
        job.export.types = type_choices(&arguments)?;
        job.export.fetch = fetch_options(&arguments)?;
        if job.export.selection.query.is_none() {
            job.export.source.require_table()?;
        }
        (job.key, job.job, job.allow_destructive) = (key, job_name, allow_destructive);
        job.mode = mode(arguments.mode)?;
        job.follow = follow(&arguments.delta)?;
        job.compare_deletes = arguments.delta.deletes == Some(DeletesArgument::Compare);
        if (job.follow.is_some(), job.mode) == (true, DeltaMode::Append) {
            job.mode = DeltaMode::Upsert;
        }
        job.partition_by = options.partition_by.clone();
        job.properties = arguments.delta.property.iter().map(|text| property(text)).collect::<Result<_, _>>()?;
        job.schema_mode = schema_mode(arguments.delta.schema_mode);
        let lossy = lossy(arguments.lossy.as_deref())?;
        job.losses.extend(lossy.allows(LossyKind::SubSecond).then_some(Loss::SubMicrosecond));
        job.losses.extend(lossy.allows(LossyKind::Zone).then_some(Loss::Zone));
        job.files = FileOptions {
            compression: options.compression.as_deref().map(codec).transpose()?,
            row_group_rows: options.row_group_rows.map(Into::into),
            ..FileOptions::default()
        };
        job.target_file_bytes = options.file_bytes.as_deref().map(file_bytes).transpose()?;
        let telling = Telling::of(&arguments)?;
        Ok(ToDeltaRequest { job, telling, connection: arguments.connection })
    }

    fn mode(argument: ModeArgument) -> Result<DeltaMode, Failure> {
        Ok(match argument {
            ModeArgument::Append => DeltaMode::Append,
            ModeArgument::Create => DeltaMode::Create,
            ModeArgument::Overwrite => DeltaMode::Overwrite,
            ModeArgument::ErrorIfExists => DeltaMode::ErrorIfExists,
            ModeArgument::Ignore => DeltaMode::Ignore,
            ModeArgument::Upsert => DeltaMode::Upsert,
            ModeArgument::Truncate | ModeArgument::Update | ModeArgument::Delete => {
                let remedy = "one of append, create, overwrite, upsert, error-if-exists, ignore";
                return Err(usage("this mode is for tables of a database", remedy));
            }
        })
    }

    /// How changed rows of the source are found.
    fn follow(arguments: &DeltaArguments) -> Result<Option<Follow>, Failure> {
        let overlap = arguments.overlap.as_deref().map(overlap).transpose()?;
        match (arguments.incremental, &arguments.watermark) {
            (Some(IncrementalArgument::Watermark), Some(column)) => Ok(Some(Follow::Watermark { column: column.clone(), overlap })),
            (Some(IncrementalArgument::Watermark), None) => {
                Err(usage("--incremental=watermark follows a column", "--watermark UPDATED_AT, or --incremental=rowscn"))
            }
            (_, Some(_)) => Err(usage("--watermark goes with --incremental=watermark", "--incremental=watermark")),
            (_, None) if overlap.is_some() => Err(usage("--overlap goes with --incremental=watermark", "leave it out")),
            (Some(IncrementalArgument::Rowscn), None) => Ok(Some(Follow::RowScn)),
            (Some(IncrementalArgument::Versions), None) => Ok(Some(Follow::Versions)),
            (Some(_), None) => Err(usage(
                "a table of a database does not say what has changed",
                "--incremental=versions, --incremental=rowscn, or --incremental=watermark --watermark UPDATED_AT",
            )),
            (None, None) => Ok(None),
        }
    }

    /// Seconds, with a unit for more of them, or a number.
    fn overlap(text: &str) -> Result<u64, Failure> {
        let (number, factor) = match text.char_indices().last() {
            Some((at, 's')) => (&text[..at], 1),
            Some((at, 'm')) => (&text[..at], 60),
            Some((at, 'h')) => (&text[..at], 3_600),
            Some((at, 'd')) => (&text[..at], 86_400),
            _ => (text, 1),
        };
        let span = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        span.ok_or_else(|| usage(format!("--overlap {text} is no span"), "--overlap 90s, 10m, 2h, 1d, or a number of the column"))
    }

    fn schema_mode(argument: Option<SchemaModeArgument>) -> SchemaMode {
        match argument {
            None | Some(SchemaModeArgument::Strict) => SchemaMode::Strict,
            Some(SchemaModeArgument::Merge) => SchemaMode::Merge,
            Some(SchemaModeArgument::Overwrite) => SchemaMode::Overwrite,
        }
    }

    fn property(text: &str) -> Result<(String, String), Failure> {
        let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let pair =
            pair.ok_or_else(|| usage(format!("--property {text} is not NAME=VALUE"), "--property delta.enableChangeDataFeed=true"))?;
        Ok((pair.0.to_owned(), pair.1.to_owned()))
    }

    fn codec(text: &str) -> Result<Compression, Failure> {
        compression(text).map_err(|reason| usage(format!("--compression {reason}"), "--compression zstd"))
    }

    fn file_bytes(text: &str) -> Result<u64, Failure> {
        let bytes = units::parse_bytes(text).filter(|bytes| *bytes > 0);
        bytes.ok_or_else(|| usage(format!("--file-bytes {text} is not a size"), "--file-bytes 256MiB"))
    }
}
