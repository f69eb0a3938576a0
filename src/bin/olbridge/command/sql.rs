//! `olbridge sql`: rows of a query, or a statement that is executed and committed.

use std::io::{self, BufWriter, Write};

use olbridge::Error;
use olbridge::copy::format::count;
use olbridge::error::Phase;
use olbridge::oci::Session;

use crate::arguments::{RowFormat, SqlArguments};
use crate::failure::{Failure, usage};
use crate::output::RowWriter;
use crate::{note, session};

pub fn run(arguments: &SqlArguments) -> Result<(), Failure> {
    let statement = arguments.statement.trim().trim_end_matches(';').trim_end();
    let Some(verb) = statement.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()) else {
        return Err(usage("the statement is empty", "olbridge sql TARGET \"SELECT * FROM t\""));
    };
    let target = session::database_target(&arguments.target)?;
    let session = session::open(&target, &arguments.connection)?;
    let done = if ["SELECT", "WITH"].iter().any(|query| verb.eq_ignore_ascii_case(query)) {
        query(&session, statement, arguments.format)
    } else {
        execute(&session, &arguments.statement, statement)
    };
    done.map_err(|failure| if target.is_embedded() { with_embedded_remedy(failure) } else { failure })
}

/// ORA-03001 of the embedded engine is a limit of the engine, not a mistake in the statement.
fn with_embedded_remedy(mut failure: Failure) -> Failure {
    if let Failure::Library(Error::Database { ora_code: 3001, remedy, .. }) = &mut failure {
        *remedy = "a simpler statement, or a real database; the README lists what the embedded engine leaves out".into();
    }
    failure
}

fn query(session: &Session, statement: &str, format: RowFormat) -> Result<(), Failure> {
    let columns = session.describe_query(statement).map_err(in_query)?;
    let mut writer = RowWriter::new(BufWriter::new(io::stdout().lock()), &columns, format)?;
    let mut output_error = None;
    let result = session.query_text(statement, &mut |values| {
        writer.row(values).map_err(|error| {
            let stop = Error::Usage { message: error.to_string(), remedy: String::new() };
            output_error = Some(error);
            stop
        })
    });
    if let Some(error) = output_error {
        return Err(error.into());
    }
    result?;
    writer.finish()?;
    Ok(())
}

/// A describe is a part of the query here.
fn in_query(error: Error) -> Error {
    match error {
        Error::Database { table, ora_code, message, remedy, session_dead, .. } => {
            Error::Database { phase: Phase::Query, table, ora_code, message, remedy, session_dead }
        }
        other => other,
    }
}

fn execute(session: &Session, whole: &str, statement: &str) -> Result<(), Failure> {
    // PL/SQL needs its last semicolon, SQL must not have one.
    let block = ["BEGIN", "DECLARE"].iter().any(|word| statement.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)));
    let rows = session.execute_sql(Phase::Query, None, if block { whole.trim() } else { statement })?;
    session.commit().map_err(|e| e.into_error(Phase::Commit, None))?;
    note(format_args!("done, {}", count(rows, "row")));
    Ok(io::stdout().flush()?)
}
