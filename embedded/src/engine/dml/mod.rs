//! Running DML plans, one iteration after another; everything is prepared once for all iterations.

mod check;
mod group;
mod keys;
mod merge;
mod returning;
mod self_check;
mod write;

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection};

use super::catalog::Table;
use super::cursor::bind_all;
use super::interrupt::Interrupt;
use super::nls::Nls;
use super::sequence::Sequences;
use super::session::plain_binds;
use super::translate::{Assigned, Cell, DmlPlan, InsertSource, ReturningPlan};
use super::value::Stored;
use super::{Datum, DatumKind, Result};

pub(super) use check::{check_constants, check_kinds, check_lengths};
pub use group::Columns;
pub(super) use group::GROUP_ROWS;
pub(super) use keys::register as register_moving;
use merge::MergeRunner;
use returning::Returner;
use self_check::SelfCheck;
use write::{Given, RowWriter, new_value, write_error};

/// A plan with its prepared statements.
pub(super) struct Runner<'a> {
    connection: &'a Connection,
    plan: &'a DmlPlan,
    interrupt: &'a Interrupt,
    work: Work<'a>,
    returning: Option<Returner<'a>>,
    self_checks: Vec<SelfCheck<'a>>,
}

/// What takes the values of RETURNING, once for each row affected.
pub(super) type Returned<'f> = dyn FnMut(&[Datum<'_>]) -> Result<()> + 'f;

enum Work<'a> {
    Insert(InsertRunner<'a>),
    Update(UpdateRunner<'a>),
    Delete(CachedStatement<'a>),
    Merge(Box<MergeRunner<'a>>),
}

impl<'a> Runner<'a> {
    pub fn new(
        connection: &'a Connection,
        nls: &'a Nls,
        plan: &'a DmlPlan,
        returning: Option<&'a ReturningPlan>,
        interrupt: &'a Interrupt,
        sequences: &'a Sequences,
    ) -> Result<Runner<'a>> {
        let work = match plan {
            DmlPlan::Insert { table, cells, source } => Work::Insert(InsertRunner {
                connection,
                cells,
                writer: RowWriter::new(connection, nls, table, interrupt, sequences).with_insert()?,
                rows: match source {
                    InsertSource::Binds => None,
                    InsertSource::Expressions(text) | InsertSource::Query(text) => Some(RowQuery::new(connection, text, interrupt)?),
                },
                is_constant: matches!(source, InsertSource::Expressions(text) if is_constant(text)),
                constant: None,
            }),
            DmlPlan::Update { table, assigned, rows, direct } => Work::Update(UpdateRunner {
                connection,
                nls,
                table,
                assigned,
                direct: direct.as_ref().map(|text| connection.prepare_cached(text)).transpose()?,
                rows: RowQuery::new(connection, rows, interrupt)?,
                writer: RowWriter::new(connection, nls, table, interrupt, sequences).with_update(assigned)?,
            }),
            DmlPlan::Delete { text, .. } => Work::Delete(connection.prepare_cached(text)?),
            DmlPlan::Merge(plan) => Work::Merge(Box::new(MergeRunner::new(connection, nls, plan, interrupt, sequences)?)),
        };
        let returning = returning.map(|plan| Returner::new(connection, nls, plan, interrupt)).transpose()?;
        let self_checks = SelfCheck::of_plan(connection, plan)?;
        Ok(Runner { connection, plan, interrupt, work, returning, self_checks })
    }

    /// Whether the plan, made for binds of `kinds`, fits these too. An INSERT of binds alone converts each value by itself.
    pub fn fits(&self, kinds: &[DatumKind], binds: &[Datum<'_>]) -> bool {
        matches!(self.plan, DmlPlan::Insert { source: InsertSource::Binds, .. })
            || binds.iter().zip(kinds).all(|(datum, kind)| match datum.kind() {
                DatumKind::Null => true,
                DatumKind::Text => matches!(kind, DatumKind::Text | DatumKind::Char | DatumKind::Clob),
                DatumKind::Bytes => matches!(kind, DatumKind::Bytes | DatumKind::Blob),
                other => other == *kind,
            })
    }

    /// One iteration: rows affected.
    pub fn run(&mut self, binds: &[Datum<'_>], returned: &mut Returned<'_>) -> Result<u64> {
        self.interrupt.check()?;
        if self.returning.is_none() && self.self_checks.is_empty() {
            return self.change(binds, &mut Vec::new());
        }
        let mut count = 0;
        let connection = self.connection;
        atomically(connection, || {
            // A deleted row can only be read before.
            if let Some(returning) = &mut self.returning {
                returning.before(binds, returned)?;
            }
            let mut rowids = Vec::new();
            count = self.change(binds, &mut rowids)?;
            self.self_checks.iter_mut().try_for_each(SelfCheck::check)?;
            match &mut self.returning {
                Some(returning) => returning.after(binds, &rowids, returned),
                None => Ok(()),
            }
        })?;
        Ok(count)
    }

    fn change(&mut self, binds: &[Datum<'_>], rowids: &mut Vec<Value>) -> Result<u64> {
        let wanted = self.returning.is_some();
        match &mut self.work {
            Work::Insert(insert) => {
                let count = insert.run(binds)?;
                rowids.push(Value::Integer(self.connection.last_insert_rowid()));
                Ok(count)
            }
            Work::Update(update) => update.run(binds, wanted.then_some(rowids)),
            Work::Delete(statement) => {
                bind_all(statement, &plain_binds(binds)?)?;
                Ok(statement.raw_execute()? as u64)
            }
            Work::Merge(merge) => merge.run(binds),
        }
    }
}

/// A query whose rows are read at once.
struct RowQuery<'a> {
    statement: CachedStatement<'a>,
    interrupt: &'a Interrupt,
}

impl<'a> RowQuery<'a> {
    fn new(connection: &'a Connection, text: &str, interrupt: &'a Interrupt) -> Result<RowQuery<'a>> {
        Ok(RowQuery { statement: connection.prepare_cached(text)?, interrupt })
    }

    fn all(&mut self, binds: &[Stored<'_>]) -> Result<Vec<Vec<Value>>> {
        bind_all(&mut self.statement, binds)?;
        let columns = self.statement.column_count();
        self.interrupt.reading(|| {
            let mut rows = self.statement.raw_query();
            let mut values = Vec::new();
            while let Some(row) = rows.next()? {
                values.push((0..columns).map(|index| row.get(index)).collect::<rusqlite::Result<Vec<Value>>>()?);
            }
            Ok(values)
        })
    }
}

/// A failing statement takes all its rows back.
fn atomically(connection: &Connection, work: impl FnOnce() -> Result<()>) -> Result<()> {
    connection.prepare_cached("SAVEPOINT o_statement")?.execute([])?;
    let result = work();
    let end = || -> Result<()> {
        if result.is_err() {
            connection.prepare_cached("ROLLBACK TO o_statement")?.execute([])?;
        }
        connection.prepare_cached("RELEASE o_statement")?.execute([])?;
        Ok(())
    };
    match end() {
        Err(error) if result.is_ok() => Err(error),
        // The savepoint cannot be gone but with its transaction; half a statement never stays.
        Err(_) => {
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK")?;
            }
            result
        }
        Ok(()) => result,
    }
}

struct InsertRunner<'a> {
    connection: &'a Connection,
    cells: &'a [Cell],
    rows: Option<RowQuery<'a>>,
    /// Whether the expressions are the same for all iterations, and then their values.
    is_constant: bool,
    constant: Option<Vec<Vec<Value>>>,
    writer: RowWriter<'a>,
}

/// Neither binds nor subqueries nor SYS_GUID: SYSDATE too is one moment for a whole statement.
fn is_constant(text: &str) -> bool {
    !text.contains('?') && !text.contains("randomblob") && !text.contains("o_nextval") && text.matches("SELECT").count() == 1
}

impl InsertRunner<'_> {
    fn run(&mut self, binds: &[Datum<'_>]) -> Result<u64> {
        let (cells, writer) = (self.cells, &mut self.writer);
        let Some(query) = &mut self.rows else {
            return writer.insert(cells, Given { binds, outputs: &[] }).map(|()| 1);
        };
        let evaluated;
        let rows = match &self.constant {
            Some(constant) => constant,
            None if self.is_constant => self.constant.insert(query.all(&[])?),
            None => {
                evaluated = query.all(&plain_binds(binds)?)?;
                &evaluated
            }
        };
        let mut insert_all = || rows.iter().try_for_each(|row| writer.insert(cells, Given { binds, outputs: row }));
        if rows.len() > 1 {
            atomically(self.connection, insert_all)?
        } else {
            insert_all()?
        }
        Ok(rows.len() as u64)
    }
}

struct UpdateRunner<'a> {
    connection: &'a Connection,
    nls: &'a Nls,
    table: &'a Table,
    assigned: &'a [Assigned],
    /// One statement of SQLite that does it all: new values are binds after those of the statement.
    direct: Option<CachedStatement<'a>>,
    rows: RowQuery<'a>,
    writer: RowWriter<'a>,
}

impl UpdateRunner<'_> {
    fn run(&mut self, binds: &[Datum<'_>], rowids: Option<&mut Vec<Value>>) -> Result<u64> {
        let plain = plain_binds(binds)?;
        if rowids.is_none()
            && let Some(count) = self.run_directly(binds, &plain)?
        {
            return Ok(count);
        }
        let rows = self.rows.all(&plain)?;
        let slices: Vec<&[Value]> = rows.iter().map(Vec::as_slice).collect();
        let (assigned, writer) = (self.assigned, &mut self.writer);
        let mut update_all = || writer.update_all(assigned, binds, &slices);
        if rows.len() > 1 {
            atomically(self.connection, update_all)?
        } else {
            update_all()?
        }
        if let Some(rowids) = rowids {
            rowids.extend(rows.iter().filter_map(|row| row.first().cloned()));
        }
        Ok(rows.len() as u64)
    }

    /// None when a value does not fit its column: that is an error only if there is a row to update, which the other way finds out.
    fn run_directly(&mut self, binds: &[Datum<'_>], plain: &[Stored<'_>]) -> Result<Option<u64>> {
        let Some(statement) = &mut self.direct else { return Ok(None) };
        bind_all(statement, plain)?;
        for (place, item) in self.assigned.iter().enumerate() {
            match new_value(self.table, item, Given { binds, outputs: &[] }, self.nls) {
                Ok(value) => statement.raw_bind_parameter(plain.len() + place + 1, &value)?,
                Err(_) => return Ok(None),
            }
        }
        statement.raw_execute().map(|rows| Some(rows as u64)).map_err(|error| write_error(self.table, error))
    }
}
