//! Arguments → a checked request: everything that can be refused without opening a file or a session.

use std::path::PathBuf;
use std::time::Duration;

use olbridge::copy::job::LONGEST_WAIT;
use olbridge::copy::target::Target;
use olbridge::copy::{CopyJob, MergeWay, Mode};
use olbridge::lake::source::{SourceOptions, TableVersion};
use olbridge::load::{LoadOptions, NotFound};
use olbridge::oci::MAX_ROWS_PER_EXECUTE;
use olbridge::transaction::CommitPolicy;
use olbridge::type_map::{LossyKind, LossySet};

use crate::arguments::{ConnectionArguments, CopyArguments, ModeArgument};
use crate::failure::{Failure, usage};
use crate::format_arguments::FormatArguments;
use crate::units;

/// A copy that can be tried.
#[derive(Debug)]
pub struct CopyRequest {
    /// What the library is asked for.
    pub job: CopyJob,
    /// Who hears what.
    pub telling: Telling,
    /// How to connect.
    pub connection: ConnectionArguments,
}

/// What becomes of a plan and of a report.
#[derive(Debug)]
pub struct Telling {
    /// Only plan.
    pub dry_run: bool,
    /// Where a machine reads what happened.
    pub report: Option<ReportTo>,
    /// Say nothing but errors.
    pub quiet: bool,
}

impl Telling {
    /// As the arguments say.
    pub fn of(arguments: &CopyArguments) -> Result<Self, Failure> {
        let report = arguments.report.as_deref().map(report).transpose()?;
        Ok(Telling { dry_run: arguments.dry_run, report, quiet: arguments.quiet })
    }
}

/// Destination of the JSON report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportTo {
    /// Standard output, where nothing else goes then.
    StandardOutput,
    /// A file.
    File(PathBuf),
}

/// Checks the arguments of `olbridge copy`.
pub fn copy(mut arguments: CopyArguments) -> Result<CopyRequest, Failure> {
    let telling = Telling::of(&arguments)?;
    let lossy = lossy(arguments.lossy.as_deref())?;
    let reading = SourceOptions { version: arguments.delta.version(&arguments.export)?, ..reading(&arguments.format, lossy)? };
    let mut source = arguments.operands;
    let target: Target = source.pop().unwrap_or_default().parse()?;
    target.require_table()?;
    if let Some(misplaced) = source.iter().find(|s| crate::session::is_target(s)) {
        return Err(usage(
            format!("{misplaced} is a target, but stands where a source belongs"),
            "put the target last: olbridge copy FILE… TARGET",
        ));
    }
    arguments.export.as_of_timestamp.take();
    if let Some(option) = arguments.export.first_given().or(arguments.delta.first_given_of_target()) {
        return Err(usage(format!("{option} has no meaning for a load"), "leave it out; it belongs to olbridge copy TARGET FILE"));
    }
    let change = arguments.change;
    let (on_error, delete_when, cast) = (change.on_error()?, change.delete_when()?, change.cast.casts()?);
    let job = CopyJob {
        cast,
        nested_json: change.cast.nested.is_some(),
        source,
        reading,
        target,
        mode: match (mode(arguments.mode), arguments.delta.incremental) {
            (Mode::Append, Some(_)) => Mode::Upsert,
            (mode, _) => mode,
        },
        incremental: arguments.delta.incremental.map(crate::delta_arguments::IncrementalArgument::of_delta).transpose()?,
        columns: arguments.columns,
        rename: arguments.rename.iter().map(|text| rename(text)).collect::<Result<_, _>>()?,
        key: change.key,
        not_found: change.not_found.map(NotFound::from),
        delete_when,
        soft_delete: change.soft_delete,
        system_columns: change.system_columns,
        merge: change.merge.map(MergeWay::from).unwrap_or_default(),
        primary_key: change.primary_key,
        on_error,
        batch_rows: batch_rows(arguments.batch_rows.map(|n| n.get()))?,
        batch_bytes: batch_bytes(arguments.batch_bytes.as_deref())?,
        overlap: true,
        longest_wait: change.longest_wait.map_or(LONGEST_WAIT, |seconds| Duration::from_secs(seconds.get().into())),
        preflight: change.preflight,
        parallel: arguments.export.parallel.map_or(1, |sessions| sessions.get()),
        commit: arguments.commit_rows.map_or(CommitPolicy::AtEnd, CommitPolicy::EveryRows),
        lossy,
        job: change.job,
        allow_destructive: change.allow_destructive,
        pre_sql: change.pre_sql,
        post_sql: change.post_sql,
    };
    Ok(CopyRequest { job, telling, connection: arguments.connection })
}

/// How files are read that do not say it themselves.
fn reading(arguments: &FormatArguments, lossy: LossySet) -> Result<SourceOptions, Failure> {
    Ok(SourceOptions {
        format: arguments.format()?,
        csv: arguments.csv()?,
        types: arguments.types()?,
        like: arguments.like()?,
        any_offset: lossy.allows(LossyKind::Zone),
        version: TableVersion::Latest,
    })
}

pub(crate) fn mode(argument: ModeArgument) -> Mode {
    match argument {
        ModeArgument::Append => Mode::Append,
        ModeArgument::Truncate => Mode::Truncate,
        ModeArgument::Overwrite => Mode::Overwrite,
        ModeArgument::Create => Mode::Create,
        ModeArgument::ErrorIfExists => Mode::ErrorIfExists,
        ModeArgument::Ignore => Mode::Ignore,
        ModeArgument::Upsert => Mode::Upsert,
        ModeArgument::Update => Mode::Update,
        ModeArgument::Delete => Mode::Delete,
    }
}

fn rename(text: &str) -> Result<(String, String), Failure> {
    match text.split_once('=') {
        Some((source, target)) if !source.is_empty() && !target.is_empty() => Ok((source.to_owned(), target.to_owned())),
        _ => Err(usage(format!("--rename {text} is not SRC=DST"), "--rename amount=TOTAL, once for each column")),
    }
}

pub(crate) fn batch_rows(rows: Option<u32>) -> Result<Option<u32>, Failure> {
    match rows {
        Some(rows) if rows > MAX_ROWS_PER_EXECUTE => Err(usage(
            format!("--batch-rows {rows}: an execute takes at most {MAX_ROWS_PER_EXECUTE} rows"),
            format!("--batch-rows {MAX_ROWS_PER_EXECUTE}"),
        )),
        rows => Ok(rows),
    }
}

fn batch_bytes(text: Option<&str>) -> Result<usize, Failure> {
    let Some(text) = text else { return Ok(LoadOptions::DEFAULT_BATCH_BYTES) };
    let bytes = units::parse_bytes(text).and_then(|bytes| usize::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| usage(format!("--batch-bytes {text} is not a size"), "--batch-bytes 8MiB (or 512KiB, 1GB, 1000000)"))
}

pub(crate) fn lossy(kinds: Option<&str>) -> Result<LossySet, Failure> {
    let kinds = kinds.unwrap_or_default();
    kinds.parse::<LossySet>().map_err(|reason| usage(format!("--lossy {kinds}: {reason}"), "--lossy empty-text,rounding"))
}

pub(crate) fn report(text: &str) -> Result<ReportTo, Failure> {
    match text.split_once('=') {
        None if text == "json" => Ok(ReportTo::StandardOutput),
        Some(("json", file)) if !file.is_empty() => Ok(ReportTo::File(PathBuf::from(file))),
        _ => Err(usage(format!("--report {text} is not known"), "--report json, or --report json=FILE")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command};
    use clap::Parser;

    fn parse(more: &[&str]) -> Result<CopyRequest, Failure> {
        let words = ["olbridge", "copy", "a.parquet", "b.parquet", "embedded:x.db/T"].iter().chain(more);
        let Command::Copy(arguments) = Arguments::try_parse_from(words).unwrap().command else { panic!("not copy") };
        copy(arguments)
    }

    #[test]
    fn the_last_operand_is_the_target() {
        let request = parse(&[]).unwrap();
        assert_eq!(request.job.source, ["a.parquet", "b.parquet"]);
        assert_eq!(request.job.target.to_string(), "embedded:x.db/T");
        assert_eq!(request.job.batch_bytes, LoadOptions::DEFAULT_BATCH_BYTES);
        assert_eq!(request.job.commit, CommitPolicy::AtEnd);
        assert_eq!(request.telling.report, None);
    }

    #[test]
    fn options_become_the_job() {
        let request =
            parse(&["--rename", "a=B", "--rename", "c=D=E", "--batch-bytes", "8MiB", "--commit-rows", "10", "--report", "json=r.json"])
                .unwrap();
        assert_eq!(request.job.rename, [("a".to_owned(), "B".to_owned()), ("c".to_owned(), "D=E".to_owned())]);
        assert_eq!(request.job.batch_bytes, 8 << 20);
        assert_eq!(request.job.commit, CommitPolicy::EveryRows(10.try_into().unwrap()));
        assert_eq!(request.telling.report, Some(ReportTo::File("r.json".into())));
    }

    #[test]
    fn mistakes_name_the_option_and_the_form() {
        let cases: &[(&[&str], &str)] = &[
            (&["--rename", "a"], "SRC=DST"),
            (&["--batch-rows", "32768"], "32767"),
            (&["--batch-bytes", "0"], "8MiB"),
            (&["--batch-bytes", "lots"], "8MiB"),
            (&["--report", "json="], "json=FILE"),
            (&["--lossy", "all"], "all"),
            (&["--delete-when", "op"], "op=D"),
            (&["--on-error", "reject"], "--rejects"),
            (&["--max-errors", "5"], "--rejects"),
            (&["--on-error", "abort", "--rejects", "r.ndjson"], "leave out one"),
        ];
        for (arguments, part) in cases {
            let message = parse(arguments).unwrap_err().to_string();
            assert!(message.contains(part), "{arguments:?}: {message}");
        }
    }
}
