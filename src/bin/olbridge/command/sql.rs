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
    let statement = executable(&arguments.statement);
    let Some(verb) = words(statement).next() else {
        return Err(usage("the statement is empty", "olbridge sql TARGET \"SELECT * FROM t\""));
    };
    let target = session::database_target(&arguments.target)?;
    let session = session::open(&target, &arguments.connection)?;
    let done = if ["SELECT", "WITH"].iter().any(|query| verb.eq_ignore_ascii_case(query)) {
        query(&session, statement, arguments.format)
    } else {
        execute(&session, statement)
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
    let columns = session.query_columns(statement)?;
    let mut writer = RowWriter::new(BufWriter::new(io::stdout().lock()), &columns, format)?;
    let mut output_error = None;
    let result = session.query_rows(statement, &mut |values| {
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

fn execute(session: &Session, statement: &str) -> Result<(), Failure> {
    let rows = session.execute_sql(Phase::Query, None, statement)?;
    let warning = session.last_warning();
    session.commit().map_err(|e| e.into_error(Phase::Commit, None))?;
    note(format_args!("done, {}", count(rows, "row")));
    if let Some(warning) = warning {
        note(format_args!("warning: {warning}\n  try: SELECT name, line, text FROM user_errors"));
    }
    Ok(io::stdout().flush()?)
}

/// The statement as the database wants it: PL/SQL with its last semicolon, SQL without one.
fn executable(text: &str) -> &str {
    let text = text.trim();
    if is_plsql(text) { text } else { text.trim_end_matches(|c: char| c == ';' || c.is_whitespace()) }
}

/// A block, or the creation of something that is compiled.
fn is_plsql(text: &str) -> bool {
    const COMPILED: [&str; 6] = ["PROCEDURE", "FUNCTION", "PACKAGE", "TRIGGER", "TYPE", "LIBRARY"];
    const BETWEEN: [&str; 4] = ["OR", "REPLACE", "EDITIONABLE", "NONEDITIONABLE"];
    let is = |word: &str, of: &[&str]| of.iter().any(|keyword| word.eq_ignore_ascii_case(keyword));
    let mut words = words(text);
    match words.next() {
        Some(first) if is(first, &["BEGIN", "DECLARE"]) => true,
        Some(first) if is(first, &["CREATE"]) => words.find(|word| !is(word, &BETWEEN)).is_some_and(|word| is(word, &COMPILED)),
        _ => false,
    }
}

/// The words of a statement, without comments. Only the first few are of use: literals are not told from the rest.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
            rest = match (rest.strip_prefix("--"), rest.strip_prefix("/*")) {
                (Some(comment), _) => comment.split_once('\n').map_or("", |(_, after)| after),
                (_, Some(comment)) => comment.split_once("*/").map_or("", |(_, after)| after),
                _ => break,
            };
        }
        let word = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|word| !word.is_empty())?;
        rest = &rest[word.len()..];
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_loses_its_semicolon_and_plsql_keeps_it() {
        for (given, wanted) in [
            (" select 1 from dual ; ;\n", "select 1 from dual"),
            ("BEGIN NULL; END;", "BEGIN NULL; END;"),
            (" declare n number; begin n := 1; end; ", "declare n number; begin n := 1; end;"),
            ("CREATE PROCEDURE p AS BEGIN NULL; END;", "CREATE PROCEDURE p AS BEGIN NULL; END;"),
            ("create or replace noneditionable package body p as end;", "create or replace noneditionable package body p as end;"),
            (
                "/* why */ -- so\n create trigger t before insert on x begin null; end;",
                "/* why */ -- so\n create trigger t before insert on x begin null; end;",
            ),
            ("CREATE TABLE procedure_log (id NUMBER);", "CREATE TABLE procedure_log (id NUMBER)"),
            ("create or replace view v as select 1 type from dual;", "create or replace view v as select 1 type from dual"),
            ("BEGINNING;", "BEGINNING"),
        ] {
            assert_eq!(executable(given), wanted);
        }
    }

    #[test]
    fn the_verb_comes_after_comments_and_brackets() {
        let verb = |text| words(text).next();
        assert_eq!(verb("-- one\n/* two */ ((select 1 from dual))"), Some("select"));
        assert_eq!([verb(""), verb(" ; "), verb("-- only"), verb("/* open")], [None; 4]);
    }
}
