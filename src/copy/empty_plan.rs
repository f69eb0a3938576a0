//! The plan before anything is known of columns and statements: what is done when nothing is to be done.

use super::job::CopyJob;
use super::parallel::Sessions;
use super::plan::{CopyPlan, MIN_READ_ROWS, TableAction, Work};
use crate::lake::parquet::ReadOptions;
use crate::lake::source::Source;
use crate::oracle_type::{TableDesc, TableName};

impl CopyJob {
    pub(super) fn skip_plan(&self, name: TableName, existing: Option<TableDesc>, source: Source) -> CopyPlan {
        let read = ReadOptions { columns: Vec::new(), batch_rows: MIN_READ_ROWS };
        self.empty_plan(Work { name, existing, source, read, load: None, staged: None, crew: None, job: None, removal: None })
    }

    pub(super) fn empty_plan(&self, work: Work) -> CopyPlan {
        CopyPlan {
            target: self.target.to_string(),
            table: work.name.to_string(),
            mode: self.mode,
            action: TableAction::Skip,
            sources: self.source.clone(),
            files: work.source.file_count() as u64,
            source_rows: work.source.rows(),
            source_bytes: work.source.size_bytes(),
            first_statement: None,
            allow_destructive: self.allow_destructive,
            followed: None,
            pre_sql: self.pre_sql.clone(),
            post_sql: self.post_sql.clone(),
            statement: None,
            merge: None,
            merge_asked: self.merge,
            statement_reason: None,
            not_found: None,
            columns: Vec::new(),
            rows_per_execute: 0,
            buffer_bytes: 0,
            overlap: false,
            sessions: Sessions { sessions: 1, ..Sessions::default() },
            soft_delete: self.soft_delete,
            system_columns: self.system_columns,
            on_error: self.on_error.clone(),
            commit: self.commit,
            lossy: self.lossy.to_string(),
            job: None,
            preflight: None,
            warnings: Vec::new(),
            work,
        }
    }
}
