//! How many sessions a load has, how its rows are spread over them, and what does not go together with that.

use std::time::Duration;

use crate::copy::job::CopyJob;
use crate::copy::plan::{TableAction, plan_error};
use crate::copy::staged::MergeWay;
use crate::error::{Error, Phase, PlanProblem, Result};
use crate::load::{ColumnPair, Dml, KeyRouter, Keyed, LoadPlan};
use crate::oci::{BindValue, Session};
use crate::oracle_type::TableName;
use crate::sql;
use crate::transaction::CommitPolicy;

/// Sessions of one load at most.
pub(in crate::copy) const MAX_SESSIONS: u32 = 64;

/// The sessions of a load.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Sessions {
    /// How many.
    pub sessions: u32,
    /// Rows of one key go to one session: the columns of the key.
    pub by_key: Option<Vec<String>>,
    /// Why there are fewer than asked for.
    pub note: Option<String>,
}

/// What the sessions beside the first one need.
pub(in crate::copy) struct Crew {
    /// A plan for each session but the first.
    pub plans: Vec<LoadPlan>,
    pub router: Option<KeyRouter>,
    /// `embedded:null` keeps nothing, tables included: each session makes its own.
    pub has_own_tables: bool,
    /// See [`CopyJob::longest_wait`].
    pub longest_wait: Duration,
}

impl CopyJob {
    /// `--parallel`, as far as the options tell.
    pub(in crate::copy) fn check_parallel(&self) -> Result<()> {
        let usage = |message: String, remedy: &str| Err(Error::Usage { message, remedy: remedy.into() });
        match self.parallel {
            0 => return usage("--parallel 0 leaves no session to load".into(), "--parallel 1, or leave it out"),
            1 => return Ok(()),
            2..=MAX_SESSIONS => {}
            more => return usage(format!("--parallel {more} is more than {MAX_SESSIONS} sessions"), "--parallel 4"),
        }
        if self.job.is_some() {
            return usage(
                "--job writes its mark in the transaction of the rows, --parallel has a transaction for each session".into(),
                "leave out --parallel, or --job",
            );
        }
        if !self.post_sql.is_empty() {
            return usage(
                "--post-sql runs in the transaction of the rows, and with --parallel none holds them all".into(),
                "run it with `olbridge sql` after the load, or leave out --parallel",
            );
        }
        if let Some(statement) = self.pre_sql.iter().find(|sql| sql::ends_transaction(sql).is_none() && !sets_session(sql)) {
            return usage(
                format!("--pre-sql {statement} runs in the transaction of the rows, and with --parallel there are several"),
                "run it with `olbridge sql` before the load, or leave out --parallel",
            );
        }
        if matches!(self.merge, MergeWay::Staged | MergeWay::Global) {
            return usage(
                format!("--merge {} is one MERGE of one session from a table whose rows no other one sees", self.merge.name()),
                "--merge arrays with --parallel, or leave out --parallel",
            );
        }
        Ok(())
    }

    /// The sessions of this load, and what they need; `load` is the plan of the first.
    pub(in crate::copy) fn crew(
        &self,
        session: &Session,
        (name, action): (&TableName, TableAction),
        pairs: &[ColumnPair],
        keyed: &Keyed,
        primary_key: &[String],
        make: &dyn Fn() -> Result<LoadPlan>,
    ) -> Result<(Sessions, Option<Crew>)> {
        let one = |note: Option<String>| Ok((Sessions { sessions: 1, by_key: None, note }, None));
        if self.parallel <= 1 {
            return one(None);
        }
        if action == TableAction::Replace {
            let reason = "overwrite replaces the rows in one transaction, and --parallel has one for each session".into();
            let remedy = "leave out --parallel, or --mode truncate if readers may see the table while it fills".into();
            return Err(plan_error(name, vec![PlanProblem { column: None, reason, remedy }]));
        }
        if self.target.is_embedded() && !self.target.is_null() {
            return one(Some("the embedded engine has one writer at a time".into()));
        }
        let unique = match self.mode.dml() {
            Dml::Insert => unique_key(session, name, action, pairs, primary_key),
            _ => Some(keyed.keys.clone()),
        };
        if self.mode.dml() != Dml::Insert
            && let Some(reason) = self.why_keys_are_not_bytes(session, name, pairs, &keyed.keys)?
        {
            return one(Some(format!("rows of one key go to one session, and {reason}")));
        }
        let plans = (1..self.parallel).map(|_| make()).collect::<Result<Vec<_>>>()?;
        let router = match &unique {
            Some(key) => match KeyRouter::new(make()?, key) {
                Ok(router) => Some(router),
                // Rows that are inserted may go anywhere: of two with one key, one fails.
                Err(_) if self.mode.dml() == Dml::Insert => None,
                Err(reason) => {
                    let reason = format!("--parallel spreads rows by their key, and {reason}");
                    return Err(plan_error(name, vec![PlanProblem { column: None, reason, remedy: "leave out --parallel".into() }]));
                }
            },
            None => None,
        };
        let by_key = unique.filter(|_| router.is_some());
        Ok((
            Sessions { sessions: self.parallel, by_key, note: None },
            Some(Crew { plans, router, has_own_tables: self.target.is_null(), longest_wait: self.longest_wait }),
        ))
    }
}

impl Sessions {
    /// How the rows get into the transactions, for people.
    pub(in crate::copy) fn commit_line(&self, commit: CommitPolicy) -> Option<String> {
        let sessions = (self.sessions > 1).then_some(self.sessions)?;
        Some(match commit {
            CommitPolicy::AtEnd => format!(
                "{sessions} transactions, committed one after the other when all rows of all are executed: until then a failure leaves nothing, \
                 a commit that fails leaves what was committed before it and says what that is"
            ),
            CommitPolicy::EveryRows(rows) => {
                format!("in each of {sessions} sessions a commit every {rows} rows: a failure leaves what was committed before")
            }
        })
    }

    /// How the rows are spread, for people.
    pub(in crate::copy) fn spread_line(&self) -> String {
        match &self.by_key {
            Some(key) => format!("{} sessions; rows of one key ({}) go to one of them", self.sessions, key.join(", ")),
            None => format!("{} sessions, each takes the next batch", self.sessions),
        }
    }
}

/// ALTER SESSION, which each session needs.
pub(in crate::copy) fn sets_session(statement: &str) -> bool {
    sql::words_of(statement).starts_with(&["ALTER".to_owned(), "SESSION".to_owned()])
}

/// The columns by which inserted rows are spread, so that two rows of one key meet in one session and the second is refused there: in two sessions
/// it would wait for the first one's transaction. `None` where no column is unique, not all of them are loaded, or there are several keys.
fn unique_key(
    session: &Session,
    name: &TableName,
    action: TableAction,
    pairs: &[ColumnPair],
    primary_key: &[String],
) -> Option<Vec<String>> {
    let keys = match action {
        TableAction::Create => vec![primary_key.to_vec()],
        // Who may not ask, or a server that does not tell: the rows go as they come.
        _ => unique_keys(session, name).unwrap_or_default(),
    };
    let is_loaded = |column: &String| pairs.iter().any(|pair| pair.target.name == *column);
    match &keys[..] {
        [key] if !key.is_empty() && key.iter().all(is_loaded) => Some(key.clone()),
        _ => None,
    }
}

/// The columns of each unique index.
fn unique_keys(session: &Session, name: &TableName) -> Result<Vec<Vec<String>>> {
    const OWN: &str = "SELECT C.INDEX_NAME, C.COLUMN_NAME FROM USER_INDEXES I, USER_IND_COLUMNS C \
         WHERE I.UNIQUENESS = 'UNIQUE' AND I.TABLE_NAME = :1 AND C.INDEX_NAME = I.INDEX_NAME ORDER BY C.INDEX_NAME, C.COLUMN_POSITION";
    const OTHERS: &str = "SELECT C.INDEX_NAME, C.COLUMN_NAME FROM ALL_INDEXES I, ALL_IND_COLUMNS C WHERE I.UNIQUENESS = 'UNIQUE' \
         AND I.TABLE_NAME = :1 AND I.TABLE_OWNER = :2 AND C.INDEX_OWNER = I.OWNER AND C.INDEX_NAME = I.INDEX_NAME \
         ORDER BY C.INDEX_NAME, C.COLUMN_POSITION";
    let mut binds = vec![BindValue::Text(&name.table)];
    binds.extend(name.schema.as_deref().map(BindValue::Text));
    let mut keys: Vec<(String, Vec<String>)> = Vec::new();
    session.query_bound(Phase::Describe, if name.schema.is_some() { OTHERS } else { OWN }, &binds, &mut |cells| {
        if let [Some(index), Some(column)] = cells {
            match keys.last_mut() {
                Some((last, columns)) if last == index => columns.push(column.clone()),
                _ => keys.push((index.clone(), vec![column.clone()])),
            }
        }
        Ok(())
    })?;
    Ok(keys.into_iter().map(|(_, columns)| columns).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_go_together_with_several_sessions_is_refused_by_name() {
        let job = || CopyJob { parallel: 3, ..CopyJob::new(vec!["f.parquet".into()], "embedded:null/T".parse().unwrap()) };
        assert!(job().check_parallel().is_ok());
        let alone = CopyJob { parallel: 1, job: Some("j".into()), ..job() };
        assert!(alone.check_parallel().is_ok());
        let session_set = CopyJob { pre_sql: vec!["alter  session SET X = 1".into(), "CREATE TABLE U (A NUMBER)".into()], ..job() };
        assert!(session_set.check_parallel().is_ok());
        for (bad, part) in [
            (CopyJob { parallel: 0, ..job() }, "--parallel 0"),
            (CopyJob { parallel: 65, ..job() }, "64"),
            (CopyJob { job: Some("j".into()), ..job() }, "--job"),
            (CopyJob { post_sql: vec!["DELETE FROM T".into()], ..job() }, "--post-sql"),
            (CopyJob { pre_sql: vec!["DELETE FROM T".into()], ..job() }, "--pre-sql DELETE FROM T"),
            (CopyJob { merge: MergeWay::Staged, ..job() }, "--merge staged"),
            (CopyJob { merge: MergeWay::Global, ..job() }, "--merge global"),
        ] {
            let message = bad.check_parallel().unwrap_err().to_string();
            assert!(message.contains(part) && message.contains("try:"), "{message}");
        }
    }
}
