//! The plan as a person reads it.

use std::fmt;

use super::format::{TextTable, bytes, count, thousands};
use super::job::OnError;
use super::named_job::NamedJob;
use super::plan::{CopyPlan, TableAction};
use crate::load::NotFound;
use crate::sql;
use crate::transaction::CommitPolicy;

impl CopyPlan {
    fn action_line(&self) -> String {
        match self.action {
            TableAction::Append => "the table exists: rows are added".into(),
            TableAction::Create => "the table is created, and dropped again if the load fails".into(),
            TableAction::Truncate => "the table is truncated first, which commits: if the load then fails, it is empty".into(),
            TableAction::Replace => "its rows are replaced in one transaction: readers see the old rows until the commit".into(),
            TableAction::Skip => "the table exists: nothing is done".into(),
            TableAction::Upsert => "rows are updated where their key is there, and inserted where it is not".into(),
            TableAction::Update => "the rows with the key of a source row get its other columns".into(),
            TableAction::Delete if self.soft_delete => "the rows with the key of a source row are marked as deleted".into(),
            TableAction::Delete => "the rows with the key of a source row are removed".into(),
        }
    }

    fn commit_line(&self) -> String {
        if let Some(line) = self.sessions.commit_line(self.commit) {
            return line;
        }
        match self.commit {
            CommitPolicy::AtEnd => "one transaction, committed after the last row".into(),
            CommitPolicy::EveryRows(rows) => {
                format!("a commit every {} rows: a failure leaves what was committed before", thousands(rows.get()))
            }
        }
    }
}

impl fmt::Display for CopyPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = count(self.files, "file");
        let rows = self.source_rows.map_or("rows not counted".to_owned(), |rows| count(rows, "row"));
        writeln!(f, "source   {}: {files}, {rows}, {}", self.sources.join(" "), bytes(self.source_bytes))?;
        writeln!(f, "target   {}", self.target)?;
        match &self.job {
            Some(NamedJob { name, complete_since: Some(since), .. }) => {
                return writeln!(f, "job      {name}: has loaded this source by {since}; nothing is done");
            }
            Some(job) if job.rows_done_before > 0 => {
                writeln!(f, "job      {}: goes on after row {}", job.name, thousands(job.rows_done_before))?;
            }
            Some(job) => writeln!(f, "job      {}: has not loaded this source yet", job.name)?,
            None => {}
        }
        if let Some(followed) = &self.followed {
            writeln!(f, "changes  {followed}")?;
        }
        writeln!(f, "mode     {}: {}", self.mode, self.action_line())?;
        if self.action == TableAction::Skip {
            return Ok(());
        }
        writeln!(f, "commit   {}", self.commit_line())?;
        if self.sessions.sessions > 1 {
            writeln!(f, "parallel {}", self.sessions.spread_line())?;
        }
        if let OnError::Reject { file, max_rows } = &self.on_error {
            let limit = max_rows.map(|rows| format!(", at most {}", thousands(rows))).unwrap_or_default();
            writeln!(f, "rejects  rows that are refused go to {}{limit}", file.display())?;
        }
        if let Some(merge) = &self.merge {
            writeln!(f, "merge    {}: {}", merge.way, merge.reason)?;
        }
        match self.not_found {
            Some(NotFound::Refuse) => writeln!(f, "absent   a row whose key is not in the table is refused")?,
            Some(NotFound::Count) => writeln!(f, "absent   a row whose key is not in the table is counted")?,
            None => {}
        }
        if self.system_columns {
            writeln!(f, "stamps   each row that is inserted or updated: _updated is the database's time; _deleted is 0 in a new row")?;
        }
        if !self.lossy.is_empty() {
            writeln!(f, "lossy    {}", self.lossy)?;
        }
        if let (Some(what), false) = (self.destroys(), self.allow_destructive) {
            writeln!(f, "refused  without --allow-destructive: it removes {what}")?;
        }
        for statement in &self.pre_sql {
            let how = if sql::ends_transaction(statement).is_some() { "commits by itself" } else { "in the transaction of the rows" };
            writeln!(f, "before   {statement} ({how})")?;
        }
        for statement in &self.post_sql {
            writeln!(f, "after    {statement} (in the transaction of the rows)")?;
        }
        if let Some(statement) = &self.first_statement {
            writeln!(f, "\n{statement};")?;
        }
        let staged = self.merge.as_ref().map_or(&[][..], |merge| &merge.statements);
        for statement in staged {
            writeln!(f, "\n{statement};")?;
        }
        if let (Some(reason), false) = (self.statement_reason, staged.is_empty()) {
            writeln!(f, "{reason}\n")?;
        } else if let (Some(statement), Some(reason)) = (&self.statement, self.statement_reason) {
            writeln!(f, "\n{statement};\n{reason}\n")?;
        }
        let mut table = TextTable::new(["#", "source", "Arrow", "OCI", "column", "Oracle", "conversion"]);
        for c in &self.columns {
            let conversion = c.conversion.to_string();
            let cells = [c.position.to_string(), c.source.clone(), c.arrow_type.clone(), c.external_type.clone(), c.target.clone()];
            let [position, source, arrow, external, target] = cells;
            let target = if c.key { format!("{target} (key)") } else { target };
            table.row([position, source, arrow, external, target, c.oracle_type.clone(), conversion]);
        }
        write!(f, "{table}")?;
        let rows = thousands(u64::from(self.rows_per_execute));
        writeln!(
            f,
            "\n{rows} rows per execute, {} of array buffers{}{}",
            bytes(self.buffer_bytes),
            if self.sessions.sessions > 1 { " for each session" } else { "" },
            if self.overlap { ", twice: one set is filled while the other is executed" } else { "" }
        )?;
        if let Some(preflight) = &self.preflight {
            writeln!(f, "{preflight}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}
