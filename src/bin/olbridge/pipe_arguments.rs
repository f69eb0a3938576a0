//! Options of `olbridge copy` from one database into another, and the checked request that they become.

use olbridge::copy::PipeJob;
use olbridge::copy::target::Target;

use crate::arguments::{ConnectionArguments, CopyArguments};
use crate::export_arguments::{fetch_options, reading, selection};
use crate::failure::{Failure, usage};
use crate::request::{Telling, mode};
use crate::session;

/// A copy between databases that can be tried.
#[derive(Debug)]
pub struct PipeRequest {
    /// What the library is asked for.
    pub job: PipeJob,
    /// What is told, and where.
    pub telling: Telling,
    /// How to connect.
    pub connection: ConnectionArguments,
}

/// Both operands are databases.
pub fn is_pipe(arguments: &CopyArguments) -> bool {
    matches!(&arguments.operands[..], [source, target] if session::is_target(source) && session::is_target(target))
}

/// Checks the arguments of a copy between databases.
pub fn pipe(mut arguments: CopyArguments) -> Result<PipeRequest, Failure> {
    let [source, target] = &arguments.operands.clone()[..] else {
        return Err(usage("a copy between databases has one source and one target", "olbridge copy SOURCE TARGET"));
    };
    let options = &arguments.export;
    let allow_destructive = std::mem::take(&mut arguments.change.allow_destructive);
    let given = [
        ("--rename", !arguments.rename.is_empty()),
        ("--commit-rows", arguments.commit_rows.is_some()),
        ("--format", arguments.format.format.is_some()),
        ("--rowid", options.rowid.is_some()),
        ("--trim-char", options.trim_char),
        ("--number", options.number.is_some()),
        ("--as", !arguments.format.types.is_empty()),
        ("--like", arguments.format.like.is_some()),
        ("--csv-delimiter", arguments.format.csv_delimiter.is_some()),
        ("--csv-null", arguments.format.csv_null.is_some()),
        ("--ordered", options.ordered),
        ("--compression", options.compression.is_some()),
        ("--row-group-rows", options.row_group_rows.is_some()),
        ("--parallel", options.parallel.is_some()),
        ("--partition-by", !options.partition_by.is_empty()),
        ("--file-bytes", options.file_bytes.is_some()),
    ];
    let given = given.into_iter().chain(options.sink.given()).find(|(_, is_given)| *is_given).map(|(name, _)| name);
    if let Some(name) = given.or(arguments.change.first_given()).or(arguments.delta.first_given()) {
        return Err(usage(format!("{name} has no meaning for a copy between databases"), "leave it out, or go through a Parquet file"));
    }
    let source: Target = source.parse()?;
    let target: Target = target.parse()?;
    target.require_table()?;
    if options.query.is_none() {
        source.require_table()?;
    }
    let job = PipeJob {
        source,
        selection: selection(&arguments),
        as_of: reading(options).as_of,
        target,
        mode: mode(arguments.mode),
        allow_destructive,
        fetch: fetch_options(&arguments)?,
    };
    let telling = Telling::of(&arguments)?;
    Ok(PipeRequest { job, telling, connection: arguments.connection })
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

    #[test]
    fn two_databases_make_a_pipe() {
        assert!(is_pipe(&arguments(&["oracle://u@h/T", "embedded:x.db/T"])));
        assert!(!is_pipe(&arguments(&["oracle://u@h/T", "t.parquet"])));
        let request = pipe(arguments(&["oracle://u@h/T", "oracle://v@i/S", "--mode", "create", "--where", "A > 1"])).unwrap();
        assert_eq!(request.job.selection.condition.as_deref(), Some("A > 1"));
        for more in [["--rename", "a=b"], ["--commit-rows", "5"], ["--parallel", "2"], ["--key", "A"], ["--job", "J"], ["--pre-sql", "S"]] {
            let words: Vec<&str> = ["oracle://u@h/T", "oracle://v@i/S"].into_iter().chain(more).collect();
            let message = pipe(arguments(&words)).unwrap_err().to_string();
            assert!(message.contains(more[0]), "{message}");
        }
    }
}
