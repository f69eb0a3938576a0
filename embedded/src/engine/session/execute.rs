//! DML, DDL and blocks at work: one iteration or many.

use std::ops::Range;
use std::sync::Arc;

use super::super::ddl::Lifetime;
use super::super::dml;
use super::super::last_row::LastRow;
use super::super::shape::StatementKind;
use super::super::translate::Needs;
use super::super::{Columns, Datum, OraError, Result};
use super::Session;
use super::statement::{Body, Plan, Statement};

impl Session {
    /// Runs one iteration of DML, DDL or transaction control: rows affected. A failing statement changes nothing.
    ///
    /// # Errors
    /// As Oracle has them; ORA-01008 when binds are missing.
    pub fn execute(&mut self, statement: &mut Statement, binds: &[Datum<'_>]) -> Result<u64> {
        if let Body::Unit = &statement.body {
            self.begin_call()?;
            return self.create_unit(&statement.sql).map(|()| 0);
        }
        if let Body::Command(command) = &statement.body {
            let command = command.clone();
            self.begin_call()?;
            return self.run_command(&command).map(|()| 0);
        }
        let mut outcome = Ok(0);
        self.execute_array(
            statement,
            0..1,
            &mut |_, row| {
                if binds.len() < row.len() {
                    return Err(OraError::new(1008, "not all variables bound"));
                }
                row.copy_from_slice(&binds[..row.len()]);
                Ok(())
            },
            &mut |_, result| {
                outcome = result;
                false
            },
        )?;
        outcome
    }

    /// Runs many iterations of a DML statement, prepared once. `fill` fills the binds of a row; `done` takes each row's outcome (rows
    /// affected, or its error) and says whether to go on. Each iteration is atomic by itself.
    ///
    /// # Errors
    /// What fails for the statement as a whole: names, the lock wait. Errors of rows go to `done`.
    pub fn execute_array<'b>(
        &mut self,
        statement: &mut Statement,
        rows: Range<u32>,
        fill: &mut dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()>,
        done: &mut dyn FnMut(u32, Result<u64>) -> bool,
    ) -> Result<()> {
        self.execute_array_out(statement, rows, fill, &mut |_, _| Ok(()), done)
    }

    /// As [`Session::execute_array`], for values that can be had by column too: an INSERT takes them so as long as all is well.
    ///
    /// # Errors
    /// As `execute_array`.
    pub fn execute_columns<'b>(
        &mut self,
        statement: &mut Statement,
        rows: Range<u32>,
        columns: &dyn Columns<'b>,
        fill: &mut dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()>,
        done: &mut dyn FnMut(u32, Result<u64>) -> bool,
    ) -> Result<()> {
        self.execute_all(statement, rows, Some(columns), fill, &mut |_, _| Ok(()), done)
    }

    /// As [`Session::execute_array`]; `returned` gets the values of [`Statement::out_binds`]: for RETURNING once per row affected, for a
    /// block once per iteration. An error of `returned` is the row's.
    ///
    /// # Errors
    /// As `execute_array`.
    pub fn execute_array_out<'b>(
        &mut self,
        statement: &mut Statement,
        rows: Range<u32>,
        fill: &mut dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()>,
        returned: &mut dyn FnMut(u32, &[Datum<'_>]) -> Result<()>,
        done: &mut dyn FnMut(u32, Result<u64>) -> bool,
    ) -> Result<()> {
        self.execute_all(statement, rows, None, fill, returned, done)
    }

    fn execute_all<'b>(
        &mut self,
        statement: &mut Statement,
        rows: Range<u32>,
        columns: Option<&dyn Columns<'b>>,
        fill: &mut dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()>,
        returned: &mut dyn FnMut(u32, &[Datum<'_>]) -> Result<()>,
        done: &mut dyn FnMut(u32, Result<u64>) -> bool,
    ) -> Result<()> {
        if statement.shape.kind == StatementKind::Select {
            return Err(OraError::new(24333, "zero iteration count"));
        }
        self.begin_call()?;
        if let Body::Block(program) = &mut statement.body {
            let mut binds = vec![Datum::Null; statement.shape.binds.len()];
            for row in rows {
                let names = &statement.shape.binds;
                let outcome = fill(row, &mut binds)
                    .and_then(|()| self.run_block(program, names, &binds, &mut |values| returned(row, values)))
                    .map(|()| 1);
                if !done(row, outcome) {
                    break;
                }
            }
            return Ok(());
        }
        let began = self.begin()?;
        let mut changed = 0u64;
        let result = self.run_rows(statement, rows, columns, fill, returned, &mut |row, outcome| {
            changed += outcome.as_ref().copied().unwrap_or(0);
            done(row, outcome)
        });
        self.sequences.settle()?;
        // A transaction that changed nothing would only keep other writers out; `null` keeps nothing at all.
        if began && (changed == 0 || !self.keeps_rows()) {
            self.rollback()?;
        }
        result
    }

    fn run_rows<'b>(
        &mut self,
        statement: &mut Statement,
        rows: Range<u32>,
        columns: Option<&dyn Columns<'b>>,
        fill: &mut dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()>,
        returned: &mut dyn FnMut(u32, &[Datum<'_>]) -> Result<()>,
        done: &mut dyn FnMut(u32, Result<u64>) -> bool,
    ) -> Result<()> {
        let watched = match &statement.plan {
            Some((_, Plan::Dml(plan, ..))) => Some(LastRow::watch(&mut self.connection, plan)),
            _ => None,
        };
        let mut changed = false;
        let result = self.run_plans(statement, rows, columns, fill, returned, &mut |row, outcome| {
            changed |= outcome.as_ref().is_ok_and(|count| *count > 0);
            done(row, outcome)
        });
        if let Some((_, Plan::Dml(_, _, needs))) = &statement.plan {
            self.touch_temporary(needs);
        }
        self.last_row = watched.and_then(|watched| watched.end(&mut self.connection, changed));
        result
    }

    /// Remembers temporary tables whose rows end with the transaction.
    fn touch_temporary(&mut self, needs: &Needs) {
        for table in needs.temporary.iter().filter(|table| table.lifetime == Lifetime::Transaction) {
            if !self.temporary_touched.iter().any(|known| known.id == table.id) {
                self.temporary_touched.push(Arc::clone(table));
            }
        }
    }

    fn run_plans<'b>(
        &self,
        statement: &mut Statement,
        rows: Range<u32>,
        columns: Option<&dyn Columns<'b>>,
        fill: &mut dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()>,
        returned: &mut dyn FnMut(u32, &[Datum<'_>]) -> Result<()>,
        done: &mut dyn FnMut(u32, Result<u64>) -> bool,
    ) -> Result<()> {
        let mut binds = vec![Datum::Null; statement.shape.binds.len()];
        let mut row = rows.start;
        while row < rows.end {
            if let Err(error) = fill(row, &mut binds) {
                if !done(row, Err(error)) {
                    return Ok(());
                }
                row += 1;
                continue;
            }
            // Rows of the same kinds share one plan; NULL fits the plan at hand.
            let kinds = self.kinds(statement, &binds);
            self.plan(statement, kinds)?;
            let Some((key, Plan::Dml(plan, returning, needs))) = &statement.plan else {
                return Err(OraError::internal("DML without a plan"));
            };
            self.make_ready(&self.connection, needs)?;
            let mut runner = dml::Runner::new(&self.connection, &self.nls, plan, returning.as_ref(), &self.interrupts, &self.sequences)?;
            let mut groups = match columns {
                Some(source) => runner.group(&self.handed_rows)?.map(|group| (group, source)),
                None => None,
            };
            let (mut is_filled, mut single_until) = (true, row);
            loop {
                if row >= single_until
                    && let Some((group, source)) = &mut groups
                {
                    let end = rows.end.min(row.saturating_add(dml::GROUP_ROWS));
                    if runner.insert_group(group, row..end, *source)? {
                        if !(row..end).all(|row| done(row, Ok(1))) || end == rows.end {
                            return Ok(());
                        }
                        (row, is_filled) = (end, false);
                        continue;
                    }
                    single_until = end;
                }
                if !is_filled {
                    if let Err(error) = fill(row, &mut binds) {
                        if !done(row, Err(error)) {
                            return Ok(());
                        }
                        row += 1;
                        break;
                    }
                    if !runner.fits(&key.kinds, &binds) {
                        break;
                    }
                }
                let outcome = runner.run(&binds, &mut |values| returned(row, values));
                let cause = outcome.as_ref().err().map(|error| error.message.clone());
                let more = done(row, outcome);
                if let Some(cause) = cause
                    && self.check_not_lost().is_err()
                {
                    return Err(OraError::new(2091, format_args!("transaction rolled back\n{cause}")));
                }
                row += 1;
                if !more || row >= rows.end {
                    return Ok(());
                }
                is_filled = false;
            }
        }
        Ok(())
    }
}
