//! The SQL of blocks: DML, queries, cursors and dynamic statements.

use super::super::block::{Expression, OpenFor, Target};
use super::super::{Datum, OraError, Result, StatementKind};
use super::block::Machine;
use super::slot::Slot;
use super::{Session, Statement};

impl Machine<'_> {
    /// Dynamic SQL; binds by position.
    pub(super) fn immediate(&mut self, text: &mut Expression, into: &mut [Target], using: &mut [Expression]) -> Result<()> {
        let text = self.text(text)?;
        let values = using.iter_mut().map(|value| self.evaluate(value)).collect::<Result<Vec<_>>>()?;
        let datums = values.iter().map(Slot::datum).collect::<Result<Vec<_>>>()?;
        let mut statement = self.session.prepare(&text)?;
        match statement.shape().kind {
            // Without a place for its row a query is checked and not run.
            StatementKind::Select if into.is_empty() => Ok(()),
            StatementKind::Select => {
                let rows = rows_of(self.session, &mut statement, &datums, 2)?;
                let row = one_row(rows)?;
                self.set_all(into, row)
            }
            _ if !into.is_empty() => Err(OraError::unsupported("EXECUTE IMMEDIATE … INTO of anything but a query")),
            _ => self.session.execute(&mut statement, &datums).map(drop),
        }
    }

    /// The statement of an expression, with the elements that it names fetched.
    pub(super) fn statement<'e>(&mut self, expression: &'e mut Expression) -> Result<&'e mut Statement> {
        match expression {
            Expression::Sql { statement, fetches } => {
                fetches.iter_mut().try_for_each(|fetch| self.fetch_element(fetch))?;
                Ok(statement)
            }
            _ => Err(OraError::internal("statement of a block")),
        }
    }

    pub(super) fn change(&mut self, statement: &mut Expression, returning: &mut [Target]) -> Result<()> {
        let statement = self.statement(statement)?;
        let slots = std::mem::take(&mut self.slots);
        let datums = slots.iter().map(Slot::datum).collect::<Result<Vec<_>>>();
        let mut rows: Vec<Vec<Slot>> = Vec::new();
        let mut outcome = Ok(0);
        let done = match (returning.is_empty(), &datums) {
            (_, Err(error)) => Err(error.clone()),
            (true, Ok(datums)) => self.session.execute(statement, datums).map(drop),
            (false, Ok(datums)) => self.session.execute_array_out(
                statement,
                0..1,
                &mut |_, row| {
                    row.copy_from_slice(&datums[..row.len()]);
                    Ok(())
                },
                &mut |_, values| {
                    rows.push(values.iter().map(|value| Slot::new(*value)).collect::<Result<_>>()?);
                    Ok(())
                },
                &mut |_, result| {
                    outcome = result;
                    false
                },
            ),
        };
        drop(datums);
        self.slots = slots;
        done?;
        outcome?;
        match rows.len() {
            0 => Ok(()),
            1 => returning.iter_mut().zip(rows.remove(0)).try_for_each(|(target, slot)| self.set(target, slot)),
            _ => Err(OraError::new(1422, "exact fetch returns more than requested number of rows")),
        }
    }

    pub(super) fn select(&mut self, query: &mut Expression, targets: &mut [Target]) -> Result<()> {
        let row = one_row(self.query(query, 2)?)?;
        self.set_all(targets, row)
    }

    pub(super) fn set_all(&mut self, targets: &mut [Target], row: Vec<Slot>) -> Result<()> {
        if row.len() != targets.len() {
            let (code, text) = if row.len() > targets.len() { (913, "too many values") } else { (947, "not enough values") };
            return Err(OraError::new(code, text));
        }
        targets.iter_mut().zip(row).try_for_each(|(target, slot)| self.set(target, slot))
    }

    pub(super) fn open_cursor(&mut self, cursor: &mut Target, of: &mut OpenFor) -> Result<()> {
        let number = match of {
            OpenFor::Query(query) => {
                let statement = self.statement(query)?;
                let datums = self.slots.iter().map(Slot::datum).collect::<Result<Vec<_>>>()?;
                self.session.open_ref_cursor(statement, &datums)?
            }
            OpenFor::Text { text, using } => {
                let text = self.text(text)?;
                let values = using.iter_mut().map(|value| self.evaluate(value)).collect::<Result<Vec<_>>>()?;
                let datums = values.iter().map(Slot::datum).collect::<Result<Vec<_>>>()?;
                let mut statement = self.session.prepare(&text)?;
                self.session.open_ref_cursor(&mut statement, &datums)?
            }
        };
        self.set(cursor, Slot::Cursor(Some(number)))
    }

    pub(super) fn cursor_number(&self, slot: usize) -> Option<u32> {
        match self.slots.get(slot) {
            Some(Slot::Cursor(number)) => *number,
            _ => None,
        }
    }

    /// FETCH leaves its targets as they are after the last row.
    pub(super) fn fetch(&mut self, cursor: usize, targets: &mut [Target]) -> Result<()> {
        let number = self.cursor_number(cursor);
        if self.session.cursor_width(number) > targets.len() {
            return Err(OraError::new(6504, "PL/SQL: Return types of Result Set variables or query do not match"));
        }
        let mut row = Vec::new();
        let found = self.session.fetch_cursor(number, &mut |_, datum| {
            row.push(Slot::new(datum)?);
            Ok(())
        })?;
        if found { self.set_all(targets, row) } else { Ok(()) }
    }

    /// At most so many rows of a query.
    pub(super) fn query(&mut self, query: &mut Expression, most: usize) -> Result<Vec<Vec<Slot>>> {
        let statement = self.statement(query)?;
        let datums = self.slots.iter().map(Slot::datum).collect::<Result<Vec<_>>>()?;
        rows_of(self.session, statement, &datums, most)
    }
}

/// At most so many rows of a statement.
fn rows_of(session: &mut Session, statement: &mut Statement, datums: &[Datum<'_>], most: usize) -> Result<Vec<Vec<Slot>>> {
    let mut cursor = session.open(statement, datums)?;
    let mut rows = Vec::new();
    while rows.len() < most && cursor.next()? {
        rows.push((0..statement.columns().len()).map(|index| Slot::new(cursor.datum(index)?)).collect::<Result<Vec<_>>>()?);
    }
    Ok(rows)
}

/// The row of SELECT … INTO.
fn one_row(rows: Vec<Vec<Slot>>) -> Result<Vec<Slot>> {
    match rows.len() {
        0 => Err(OraError::new(1403, "no data found")),
        1 => Ok(rows.into_iter().next().unwrap_or_default()),
        _ => Err(OraError::new(1422, "exact fetch returns more than requested number of rows")),
    }
}
