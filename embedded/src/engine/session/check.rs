//! Checking a statement without running it.

use super::super::dml;
use super::super::{DatumKind, Result};
use super::Session;
use super::statement::{Plan, Statement};

impl Session {
    /// For `null`: checks that values of these kinds convert to the columns they are bound to, that the longest of each fits (bytes; 0
    /// when not known), and that what the statement itself says may be stored.
    ///
    /// # Errors
    /// ORA-00932, ORA-12899 and ORA-01400 where they do not, and what planning finds. The rows themselves may still be good, as NULL is.
    pub fn check_execute(&mut self, statement: &mut Statement, bind_kinds: &[DatumKind], longest_bytes: &[u32]) -> Result<()> {
        if statement.is_command() {
            return Ok(());
        }
        self.refresh()?;
        self.plan(statement, bind_kinds.to_vec())?;
        match &statement.plan {
            Some((_, Plan::Dml(plan, _, _))) => {
                dml::check_kinds(plan, bind_kinds, &self.nls)?;
                dml::check_lengths(plan, bind_kinds, longest_bytes)?;
                dml::check_constants(&self.connection, plan, &self.nls)
            }
            _ => Ok(()),
        }
    }
}
