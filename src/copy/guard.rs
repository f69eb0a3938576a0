//! What a user has to say yes to, and the statements of a user's own around a load.

use super::job::{CopyJob, Mode};
use super::parallel::sets_session;
use super::plan::{CopyPlan, TableAction};
use super::progress::{Progress, ProgressEvent};
use crate::error::{Error, Phase, Result};
use crate::oci::{BindValue, Session};
use crate::oracle_type::{TableDesc, TableName};
use crate::sql;
use crate::transaction::{ORA_CANCELLED, Transaction};

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
        if let Some((statement, what)) = self.pre_sql.iter().chain(&self.post_sql).find_map(|sql| Some((sql, leaves_schema(sql)?))) {
            return usage(
                format!("{statement:?} sets {what}: the table would no longer be the one that the load was planned for"),
                "name the table as SCHEMA.TABLE, and leave it out",
            );
        }
        Ok(())
    }
}

/// What ALTER SESSION sets so that a name without a schema means another table.
fn leaves_schema(statement: &str) -> Option<&'static str> {
    let upper = statement.to_ascii_uppercase();
    let set = ["CURRENT_SCHEMA", "CONTAINER"].into_iter().find(|name| upper.contains(name))?;
    sets_session(statement).then_some(set)
}

/// The schema that a session looks names up in; `None` where the database does not tell, as a server without Oracle's functions.
pub(super) fn current_schema(session: &Session) -> Result<Option<String>> {
    let mut schema = None;
    let asked = session.query_rows("SELECT SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM DUAL", &mut |cells| {
        schema = cells.first().cloned().flatten();
        Ok(())
    });
    match asked {
        Err(Error::Database { session_dead: false, ora_code, .. }) if ora_code != ORA_CANCELLED => Ok(None),
        asked => asked.map(|_| schema),
    }
}

/// A table that is about to be made, with the schema that it gets. A database that does not tell leaves the name as it is.
pub(super) fn with_schema(session: &Session, name: &TableName) -> Result<TableName> {
    let schema = match &name.schema {
        Some(schema) => Some(schema.clone()),
        None => current_schema(session)?,
    };
    Ok(TableName { schema, table: name.table.clone() })
}

/// Whether the dictionary says that this is a table, rather than a view or a synonym.
pub(super) fn is_plain_table(session: &Session, name: &TableName) -> Result<bool> {
    const IS_TABLE: &str = "SELECT 1 FROM ALL_OBJECTS WHERE OWNER = NVL(:1, SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')) AND OBJECT_NAME = :2 \
         AND OBJECT_TYPE = 'TABLE'";
    let names = [name.schema.as_deref().unwrap_or_default(), &name.table].map(BindValue::Text);
    let mut is_table = false;
    let asked = session.query_bound(Phase::Describe, IS_TABLE, &names, &mut |_| {
        is_table = true;
        Ok(())
    });
    match asked {
        // A server that speaks Oracle's protocol without Oracle's dictionary.
        Err(Error::Database { session_dead: false, .. }) => Ok(false),
        asked => asked.map(|()| is_table),
    }
}

/// What the names of a load mean before the user's statements, and have to mean after them: a block or a procedure may change that too.
pub(super) struct SchemaHeld {
    schema: Option<String>,
    /// There are statements.
    is_needed: bool,
}

impl SchemaHeld {
    pub fn note(plan: &CopyPlan, session: &Session) -> Result<Self> {
        let is_needed = !(plan.pre_sql.is_empty() && plan.post_sql.is_empty());
        Ok(SchemaHeld { schema: if is_needed { current_schema(session)? } else { None }, is_needed })
    }

    /// The table is still the one, and its columns have the types that were planned for.
    pub fn check(&self, plan: &CopyPlan, session: &Session) -> Result<()> {
        self.check_schema(session)?;
        let Some(planned) = plan.work.existing.as_ref().filter(|_| self.is_needed) else { return Ok(()) };
        let is_same = session.describe_table(&plan.work.name)?.is_some_and(|now| {
            let types = |table: &TableDesc| table.columns.iter().map(|c| (c.name.clone(), c.oracle_type.clone())).collect::<Vec<_>>();
            types(&now) == types(planned)
        });
        match is_same {
            true => Ok(()),
            false => Err(Error::Usage {
                message: format!("--pre-sql has changed the columns of {}, for which the load had been planned", plan.table),
                remedy: "run it with `olbridge sql` before the load".into(),
            }),
        }
    }

    /// Names still mean what they meant.
    pub fn check_schema(&self, session: &Session) -> Result<()> {
        if !self.is_needed {
            return Ok(());
        }
        let now = current_schema(session)?;
        if now == self.schema {
            return Ok(());
        }
        let name = |schema: &Option<String>| schema.clone().unwrap_or_else(|| "no schema".into());
        Err(Error::Usage {
            message: format!(
                "--pre-sql or --post-sql has led the session from {} to {}, where the name of the table means another one",
                name(&self.schema),
                name(&now)
            ),
            remedy: "name the table as SCHEMA.TABLE, and let the statements not change the current schema".into(),
        })
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

    /// Statements before the rows, in their transaction. A job that goes on after a commit has run them before; what they set in its session has ended
    /// with that.
    pub(super) fn run_pre_sql(&self, transaction: &Transaction<'_>, progress: &mut dyn Progress) -> Result<()> {
        let goes_on = self.job.as_ref().is_some_and(|job| job.rows_done_before > 0);
        let statements = self.pre_sql.iter().filter(|statement| sql::ends_transaction(statement).is_none());
        run_in(transaction, statements.filter(|statement| !goes_on || sets_session(statement)), progress)
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
