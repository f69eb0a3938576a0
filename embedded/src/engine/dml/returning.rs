//! RETURNING: the values of changed rows.

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection};

use super::super::Datum;
use super::super::Result;
use super::super::interrupt::Interrupt;
use super::super::nls::Nls;
use super::super::session::plain_binds;
use super::super::translate::ReturningPlan;
use super::super::value;
use super::{Returned, RowQuery};

/// A RETURNING clause with its prepared queries.
pub(super) struct Returner<'a> {
    nls: &'a Nls,
    plan: &'a ReturningPlan,
    statement: CachedStatement<'a>,
    rows: Option<RowQuery<'a>>,
}

impl<'a> Returner<'a> {
    pub fn new(connection: &'a Connection, nls: &'a Nls, plan: &'a ReturningPlan, interrupt: &'a Interrupt) -> Result<Returner<'a>> {
        let rows = plan.rows.as_ref().map(|text| RowQuery::new(connection, text, interrupt)).transpose()?;
        Ok(Returner { nls, plan, statement: connection.prepare_cached(&plan.text)?, rows })
    }

    /// Rows that are about to be deleted.
    pub fn before(&mut self, binds: &[Datum<'_>], returned: &mut Returned<'_>) -> Result<()> {
        let Some(rows) = &mut self.rows else { return Ok(()) };
        let rows = rows.all(&plain_binds(binds)?)?;
        let rowids: Vec<Value> = rows.into_iter().filter_map(|row| row.into_iter().next()).collect();
        self.report(binds, &rowids, returned)
    }

    /// Rows that were inserted or updated.
    pub fn after(&mut self, binds: &[Datum<'_>], rowids: &[Value], returned: &mut Returned<'_>) -> Result<()> {
        if self.rows.is_some() { Ok(()) } else { self.report(binds, rowids, returned) }
    }

    fn report(&mut self, binds: &[Datum<'_>], rowids: &[Value], returned: &mut Returned<'_>) -> Result<()> {
        for (index, value) in plain_binds(binds)?.iter().enumerate() {
            self.statement.raw_bind_parameter(index + 1, value)?;
        }
        for rowid in rowids {
            self.statement.raw_bind_parameter(binds.len() + 1, rowid)?;
            let mut rows = self.statement.raw_query();
            while let Some(row) = rows.next()? {
                let datum = |(index, family)| value::datum(family, row.get_ref(index)?, self.nls.offset_minutes);
                let datums = self.plan.families.iter().copied().enumerate().map(datum).collect::<Result<Vec<_>>>()?;
                returned(&datums)?;
            }
        }
        Ok(())
    }
}
