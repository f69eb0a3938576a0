//! What a user has to say yes to, and the statements of a user's own around a load.

use super::job::{CopyJob, Mode};
use super::plan::{CopyPlan, TableAction};
use super::progress::{Progress, ProgressEvent};
use crate::error::{Error, Phase, Result};
use crate::oci::Session;
use crate::sql;
use crate::transaction::Transaction;

impl CopyJob {
    /// `--pre-sql` and `--post-sql`, as far as their words tell.
    pub(super) fn check_sql(&self) -> Result<()> {
        let usage = |message: String, remedy: &str| Err(Error::Usage { message, remedy: remedy.into() });
        let first_in_transaction = self.pre_sql.iter().position(|sql| sql::ends_transaction(sql).is_none());
        let late = self.pre_sql.iter().skip(first_in_transaction.unwrap_or(0)).find_map(|sql| sql::ends_transaction(sql));
        if let (Some(_), Some(keyword)) = (first_in_transaction, late) {
            return usage(
                format!("--pre-sql {keyword} … commits what the --pre-sql before it has changed"),
                "put statements that commit first: they run before the transaction of the load",
            );
        }
        if let Some(keyword) = self.post_sql.iter().find_map(|sql| sql::ends_transaction(sql)) {
            return usage(
                format!("--post-sql {keyword} … would end the transaction of the load, before it is known to be whole"),
                "run it with `olbridge sql` after the load",
            );
        }
        Ok(())
    }
}

impl CopyPlan {
    /// What the run takes away that was there before, if it does.
    pub fn destroys(&self) -> Option<String> {
        destroys(self.action, &self.table)
    }

    /// Nothing is taken away unless somebody has said so.
    pub(super) fn refuse_unasked_destruction(&self) -> Result<()> {
        refuse_unasked(self.mode, self.destroys(), self.allow_destructive)
    }

    /// Statements before the load that commit by themselves.
    pub(super) fn run_committing_pre_sql(&self, session: &Session, progress: &mut dyn Progress) -> Result<()> {
        for statement in self.pre_sql.iter().filter(|statement| sql::ends_transaction(statement).is_some()) {
            progress.event(&ProgressEvent::Statement { sql: statement.clone() });
            session.execute_sql(Phase::Ddl, None, statement)?;
        }
        Ok(())
    }

    /// Statements before the rows, in their transaction. A job that goes on after a commit has run them before.
    pub(super) fn run_pre_sql(&self, transaction: &Transaction<'_>, progress: &mut dyn Progress) -> Result<()> {
        if self.job.as_ref().is_some_and(|job| job.rows_done_before > 0) {
            return Ok(());
        }
        let statements = self.pre_sql.iter().filter(|statement| sql::ends_transaction(statement).is_none());
        run_in(transaction, statements, progress)
    }

    /// Statements after the rows, in the transaction of the last of them.
    pub(super) fn run_post_sql(&self, transaction: &Transaction<'_>, progress: &mut dyn Progress) -> Result<()> {
        run_in(transaction, self.post_sql.iter(), progress)
    }
}

/// What an action takes away from a table.
pub(super) fn destroys(action: TableAction, table: &str) -> Option<String> {
    match action {
        TableAction::Truncate => Some(format!("all rows of {table}, at once and for good (TRUNCATE)")),
        TableAction::Replace => Some(format!("all rows of {table} that are there now")),
        _ => None,
    }
}

/// Refuses what takes rows away without leave.
pub(super) fn refuse_unasked(mode: Mode, destroyed: Option<String>, is_allowed: bool) -> Result<()> {
    match destroyed.filter(|_| !is_allowed) {
        None => Ok(()),
        Some(what) => Err(Error::Usage {
            message: format!("--mode {mode} removes {what}; nothing was done"),
            remedy: "add --allow-destructive if that is meant, or type yes at a terminal; --dry-run shows what would happen".into(),
        }),
    }
}

fn run_in<'a>(transaction: &Transaction<'_>, statements: impl Iterator<Item = &'a String>, progress: &mut dyn Progress) -> Result<()> {
    for statement in statements {
        progress.event(&ProgressEvent::Statement { sql: statement.clone() });
        transaction.execute(statement)?;
    }
    Ok(())
}
