//! From one database into another: the array buffers of a fetch are those of an insert, so no value is converted on the way.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use arrow::datatypes::DataType;

use super::export::{AsOf, ExportJob, Reading, Selection, TypeChoices};
use super::format::{TextTable, bytes, count, milliseconds, thousands};
use super::job::Mode;
use super::plan::{TableAction, plan_error};
use super::progress::{Cancel, Progress, ProgressEvent};
use super::report::ms;
use super::target::Target;
use crate::error::{Error, Phase, PlanProblem, Result, RowError, SourceRow};
use crate::fetch::{FetchOptions, FetchPlan};
use crate::oci::{ArrayMode, Session};
use crate::oracle_type::{ColumnDesc, OracleType, TableName};
use crate::sql;
use crate::transaction::{ORA_CANCELLED, Transaction, commit_outcome_unknown};
use crate::type_map::{LossyKind, LossySet};

mod fits;

use fits::fits;

/// A copy of a table or query of one database into a table of another, as asked for.
#[derive(Debug, Clone)]
pub struct PipeJob {
    /// Where from.
    pub source: Target,
    /// Which rows and columns.
    pub selection: Selection,
    /// Which moment.
    pub as_of: AsOf,
    /// Where to.
    pub target: Target,
    /// What happens with a table that is there, and with one that is not.
    pub mode: Mode,
    /// Buffers, and losses that were asked for.
    pub fetch: FetchOptions,
}

/// A column on its way.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PipeColumn {
    /// Name in both tables.
    pub name: String,
    /// Type in the source, with NOT NULL.
    pub source_type: String,
    /// Type in the target, with NOT NULL.
    pub target_type: String,
}

/// What a pipe will do. `Display` is for people, `Serialize` for `--report json`.
#[derive(Debug, serde::Serialize)]
pub struct PipePlan {
    /// The source without any secret.
    pub source: String,
    /// The target without any secret.
    pub target: String,
    /// The target's table.
    pub table: String,
    /// What happens to it.
    pub action: TableAction,
    /// CREATE, TRUNCATE or DELETE before the rows.
    pub first_statement: Option<String>,
    /// The SELECT.
    pub select_sql: String,
    /// The INSERT.
    pub statement: String,
    /// The columns; LOBs are the last.
    pub columns: Vec<PipeColumn>,
    /// SCN that is read, where it is known.
    pub scn: Option<u64>,
    /// Rows of a fetch and of an execute.
    pub rows_per_batch: u32,
    /// Memory of both sets of array buffers.
    pub buffer_bytes: u64,
    /// What is worth knowing.
    pub warnings: Vec<String>,
    #[serde(skip)]
    fetch: FetchPlan,
    #[serde(skip)]
    name: TableName,
}

/// Where the time went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct PipeTimes {
    /// In the client of the source.
    pub fetch_ms: u64,
    /// From buffer to buffer.
    pub copy_ms: u64,
    /// In the client of the target.
    pub execute_ms: u64,
    /// The commit.
    pub commit_ms: u64,
    /// All of it.
    pub total_ms: u64,
}

/// What a pipe did. `Display` is the closing summary, `Serialize` the JSON report.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PipeReport {
    /// The source without any secret.
    pub source: String,
    /// The target's table.
    pub table: String,
    /// What was done to it.
    pub action: TableAction,
    /// SCN that was read, where it is known.
    pub scn: Option<u64>,
    /// Rows read and inserted.
    pub rows: u64,
    /// Rows that were deleted before.
    pub rows_deleted: u64,
    /// Array executes.
    pub executes: u64,
    /// Rows per second of the total time.
    pub rows_per_second: u64,
    /// Where the time went.
    pub times: PipeTimes,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

impl PipeJob {
    /// Describes both sides and compares them. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Plan`] with every column that would not arrive as it is; [`Error::Usage`].
    pub fn plan(&self, from: &Session, to: &Session) -> Result<PipePlan> {
        let name = self.target.require_table()?.clone();
        let existing = to.describe_table(&name)?;
        let action = action(self.mode, existing.is_some(), &name)?;
        let found = self.select(from)?.find(from)?;
        let described: Vec<&ColumnDesc> = found.fetch.columns.iter().map(|column| &column.column).collect();
        let mut problems: Vec<PlanProblem> = described.iter().filter_map(|column| zone_problem(column, self.fetch.lossy)).collect();
        let mut columns = Vec::new();
        for column in &described {
            let target = match &existing {
                None => Some(*column),
                Some(table) => table.columns.iter().find(|target| target.name == column.name),
            };
            match target {
                Some(target) => {
                    problems.extend(fits(column, &target.oracle_type, self.fetch.lossy));
                    columns.push(PipeColumn { name: column.name.clone(), source_type: shown(column), target_type: shown(target) });
                }
                None => problems.push(problem(&column.name, "the target has no such column", "leave it out with --columns, or add it")),
            }
        }
        problems.extend(charset_problem(to, &described, self.fetch.lossy)?);
        if !problems.is_empty() {
            return Err(plan_error(&name, problems));
        }
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let first_statement = match action {
            TableAction::Create => {
                Some(sql::create_table(&name, &described.iter().map(|column| (*column).clone()).collect::<Vec<_>>(), &[])?)
            }
            TableAction::Truncate => Some(sql::truncate(&name)?),
            TableAction::Replace => Some(sql::delete_all(&name)?),
            _ => None,
        };
        Ok(PipePlan {
            source: self.source.to_string(),
            target: self.target.to_string(),
            table: name.to_string(),
            action,
            first_statement,
            select_sql: found.fetch.sql.clone(),
            statement: sql::insert(&name, &names)?,
            columns,
            scn: found.snapshot.scn,
            rows_per_batch: found.fetch.rows_per_fetch(),
            buffer_bytes: 2 * found.fetch.buffer_bytes() as u64,
            warnings: found.warnings,
            fetch: found.fetch,
            name,
        })
    }

    /// The reading half. LOB columns come last, because the binds of long values have to (ORA-24816).
    fn select(&self, from: &Session) -> Result<ExportJob> {
        let mut job = ExportJob::new(self.source.clone(), PathBuf::new());
        job.selection = self.selection.clone();
        job.reading = Reading { as_of: self.as_of.clone(), ..Reading::default() };
        job.fetch = self.fetch;
        // Whatever a NUMBER without precision holds: its text is never made, only its buffer is used.
        job.types = TypeChoices { number: Some(DataType::Utf8), ..TypeChoices::default() };
        let columns = match &self.selection.query {
            Some(query) => from.describe_query(&sql::select_from_query::<&str>(query, &[], None, None)?)?,
            None => from.describe_table(self.source.require_table()?)?.map(|table| table.columns).unwrap_or_default(),
        };
        let wanted = |column: &&ColumnDesc| match &self.selection.columns {
            Some(names) => names.iter().any(|name| *name == column.name || sql::dictionary_name(name) == column.name),
            None => true,
        };
        let chosen: Vec<&ColumnDesc> = columns.iter().filter(wanted).collect();
        let is_named = self.selection.columns.as_ref().is_none_or(|names| names.len() == chosen.len());
        if is_named && chosen.iter().any(|column| column.oracle_type.is_lob()) {
            let (lobs, others): (Vec<&ColumnDesc>, Vec<&ColumnDesc>) = chosen.iter().partition(|column| column.oracle_type.is_lob());
            job.selection.columns = Some(others.iter().chain(&lobs).map(|column| column.name.clone()).collect());
        }
        Ok(job)
    }
}

fn action(mode: Mode, exists: bool, name: &TableName) -> Result<TableAction> {
    let refused = |reason: &str, remedy: &str| {
        Err(plan_error(name, vec![PlanProblem { column: None, reason: reason.into(), remedy: remedy.into() }]))
    };
    match (mode, exists) {
        (Mode::Append | Mode::Truncate, false) => refused("the table does not exist", "--mode create"),
        (Mode::ErrorIfExists, true) => refused("the table exists", "--mode append, or overwrite"),
        (Mode::Create | Mode::Overwrite | Mode::ErrorIfExists | Mode::Ignore, false) => Ok(TableAction::Create),
        (Mode::Append | Mode::Create, true) => Ok(TableAction::Append),
        (Mode::Truncate, true) => Ok(TableAction::Truncate),
        (Mode::Overwrite, true) => Ok(TableAction::Replace),
        (Mode::Ignore, true) => Ok(TableAction::Skip),
        (Mode::Upsert | Mode::Update | Mode::Delete, _) => {
            refused("a copy between databases inserts", "go through a Parquet file, or --mode append, create or overwrite")
        }
    }
}

fn problem(column: &str, reason: impl Into<String>, remedy: &str) -> PlanProblem {
    PlanProblem { column: Some(column.to_owned()), reason: reason.into(), remedy: remedy.into() }
}

/// The client gives offsets, not the names of regions.
fn zone_problem(column: &ColumnDesc, lossy: LossySet) -> Option<PlanProblem> {
    let has_regions = matches!(column.oracle_type, OracleType::TimestampTz { .. }) && !lossy.allows(LossyKind::Zone);
    has_regions.then(|| problem(&column.name, "names of time zone regions would become offsets", "--lossy zone, if offsets are enough"))
}

/// A database that is not a Unicode one replaces what it lacks.
fn charset_problem(to: &Session, columns: &[&ColumnDesc], lossy: LossySet) -> Result<Option<PlanProblem>> {
    let is_text = |column: &&&ColumnDesc| matches!(column.oracle_type, OracleType::Varchar2(_) | OracleType::Char(_) | OracleType::Clob);
    let Some(column) = columns.iter().find(is_text).filter(|_| !lossy.allows(LossyKind::Charset)) else { return Ok(None) };
    let charset = to.database_charset()?.filter(|charset| !charset.is_unicode());
    let reason = |name: String| format!("the target's character set {name} may lack characters of its text");
    Ok(charset.map(|charset| problem(&column.name, reason(charset.name), "--lossy charset, if that is no concern")))
}

fn shown(column: &ColumnDesc) -> String {
    format!("{}{}", column.oracle_type, if column.nullable { "" } else { " NOT NULL" })
}

#[derive(Default)]
struct Tally {
    rows: u64,
    rows_deleted: u64,
    executes: u64,
    fetch: Duration,
    copy: Duration,
    execute: Duration,
    commit: Duration,
}

impl PipePlan {
    /// Moves the rows in one transaction of the target.
    ///
    /// # Errors
    /// The transaction is rolled back, and a table that this run created is dropped again. [`Error::Row`] names the row of the query that the
    /// database refused; [`Error::Interrupted`] when `cancel` was requested.
    pub fn run(self, from: &Session, to: &mut Session, progress: &mut dyn Progress, cancel: &Cancel) -> Result<PipeReport> {
        let began = Instant::now();
        let mut tally = Tally::default();
        if self.action == TableAction::Skip {
            return Ok(self.report(&tally, began));
        }
        if let (TableAction::Create | TableAction::Truncate, Some(statement)) = (self.action, &self.first_statement) {
            progress.event(&ProgressEvent::Statement { sql: statement.clone() });
            to.execute_sql(Phase::Ddl, Some(&self.table), statement)?;
        }
        cancel.arm(to.cancel_handle());
        cancel.arm_also(from.cancel_handle());
        let moved = self.move_all(from, to, progress, cancel, &mut tally);
        cancel.disarm();
        match moved {
            Ok(()) => Ok(self.report(&tally, began)),
            Err(error) => Err(self.clean_up(to, error, cancel, &tally)),
        }
    }

    fn move_all(&self, from: &Session, to: &mut Session, progress: &mut dyn Progress, cancel: &Cancel, tally: &mut Tally) -> Result<()> {
        let transaction = Transaction::begin(to);
        if let (TableAction::Replace, Some(statement)) = (self.action, &self.first_statement) {
            progress.event(&ProgressEvent::Statement { sql: statement.clone() });
            tally.rows_deleted = transaction.session().execute_sql(Phase::Execute, Some(&self.table), statement)?;
        }
        progress.event(&ProgressEvent::Started { rows_total: 0, bytes_total: 0 });
        self.move_rows(from, transaction.session(), progress, cancel, tally)?;
        cancel.disarm();
        if cancel.is_requested() {
            return Err(self.interrupted(tally));
        }
        let began = Instant::now();
        transaction.commit()?;
        tally.commit = began.elapsed();
        progress.event(&ProgressEvent::Committed { rows_committed: tally.rows });
        Ok(())
    }

    fn move_rows(&self, from: &Session, to: &Session, progress: &mut dyn Progress, cancel: &Cancel, tally: &mut Tally) -> Result<()> {
        let layouts = self.fetch.layouts();
        let mut source = self.fetch.with_sql(self.select_sql.clone())?.open(from)?;
        let mut insert = to
            .array_statement(&self.statement, &layouts, self.rows_per_batch)
            .map_err(|error| error.into_error(Phase::Execute, Some(&self.table)))?;
        loop {
            if cancel.is_requested() {
                return Err(self.interrupted(tally));
            }
            let began = Instant::now();
            let rows = source.next_rows()?;
            tally.fetch += began.elapsed();
            if rows == 0 {
                return Ok(());
            }
            let began = Instant::now();
            for index in 0..layouts.len() {
                let (cells, indicators) = source.cells(index, rows);
                let slots = insert.slots(index, 0..rows);
                slots.indicators.copy_from_slice(indicators);
                // Slots of NULLs hold leftovers on both sides.
                slots.values.copy_from_slice(cells.values);
                slots.lengths.copy_from_slice(cells.lengths);
            }
            tally.copy += began.elapsed();
            let began = Instant::now();
            let outcome = insert
                .execute(rows as u32, ArrayMode::StopAtFirstError)
                .map_err(|error| error.into_error(Phase::Execute, Some(&self.table)))?;
            tally.execute += began.elapsed();
            tally.executes += 1;
            if let Some(refused) = outcome.row_errors.into_iter().next() {
                return Err(self.row_refused(tally.rows + u64::from(refused.row_index) + 1, refused.ora_code, refused.message));
            }
            if outcome.rows_affected != rows as u64 {
                let message = format!("{rows} rows were sent and {} inserted", outcome.rows_affected);
                return Err(self.row_refused(tally.rows + 1, 0, message));
            }
            tally.rows += rows as u64;
            progress.event(&ProgressEvent::Batch { rows_done: tally.rows, bytes_done: 0 });
        }
    }

    #[cold]
    fn row_refused(&self, row: u64, ora_code: i32, message: String) -> Error {
        Error::Row(Box::new(RowError {
            phase: Phase::Execute,
            table: self.table.clone(),
            column: None,
            source: SourceRow { file: None, row },
            ora_code: Some(ora_code).filter(|code| *code != 0),
            message,
            remedy: crate::oci::remedy(ora_code).to_owned(),
        }))
    }

    fn interrupted(&self, tally: &Tally) -> Error {
        Error::Interrupted { table: self.table.clone(), rows_rolled_back: tally.rows, rows_committed: 0 }
    }

    /// The guard has rolled back; a table of this run goes too, unless its rows may have been committed.
    fn clean_up(&self, to: &Session, error: Error, cancel: &Cancel, tally: &Tally) -> Error {
        let was_broken_off = matches!(error, Error::Database { ora_code: ORA_CANCELLED, phase: Phase::Execute | Phase::Query, .. });
        let error = if was_broken_off && cancel.is_requested() { self.interrupted(tally) } else { error };
        if self.action == TableAction::Create && !commit_outcome_unknown(&error) {
            // Why the rows did not arrive matters more than a table that is left empty.
            let _ = sql::drop_table(&self.name, false).and_then(|sql| to.execute_sql(Phase::Ddl, Some(&self.table), &sql));
        }
        error
    }

    fn report(self, tally: &Tally, began: Instant) -> PipeReport {
        let total = began.elapsed();
        PipeReport {
            source: self.source,
            table: self.table,
            action: self.action,
            scn: self.scn,
            rows: tally.rows,
            rows_deleted: tally.rows_deleted,
            executes: tally.executes,
            rows_per_second: (tally.rows as f64 / total.as_secs_f64().max(1e-6)) as u64,
            times: PipeTimes {
                fetch_ms: ms(tally.fetch),
                copy_ms: ms(tally.copy),
                execute_ms: ms(tally.execute),
                commit_ms: ms(tally.commit),
                total_ms: ms(total),
            },
            warnings: self.warnings,
        }
    }
}

impl fmt::Display for PipePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "source   {}", self.source)?;
        writeln!(f, "target   {}", self.target)?;
        writeln!(f, "\n{};", self.select_sql)?;
        self.first_statement.iter().try_for_each(|statement| writeln!(f, "{statement};"))?;
        writeln!(f, "{};\n", self.statement)?;
        let mut table = TextTable::new(["column", "source", "target"]);
        for column in self.columns.clone() {
            table.row([column.name, column.source_type, column.target_type]);
        }
        write!(f, "{table}")?;
        if let Some(scn) = self.scn {
            writeln!(f, "\nsnapshot SCN {scn}")?;
        }
        writeln!(f, "{} rows per batch, {} of array buffers", thousands(u64::from(self.rows_per_batch)), bytes(self.buffer_bytes))?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

impl fmt::Display for PipeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.action == TableAction::Skip {
            return writeln!(f, "nothing done: {} exists (mode ignore)", self.table);
        }
        let scn = self.scn.map(|scn| format!(" as of SCN {scn}")).unwrap_or_default();
        writeln!(f, "{} copied from {}{scn} into {}", count(self.rows, "row"), self.source, self.table)?;
        let t = &self.times;
        writeln!(f, "  in {}: {} rows/s, {}", milliseconds(t.total_ms), thousands(self.rows_per_second), count(self.executes, "execute"))?;
        let stages = [("fetch", t.fetch_ms), ("copy", t.copy_ms), ("execute", t.execute_ms), ("commit", t.commit_ms)];
        let stages: Vec<String> = stages.iter().map(|(name, time_ms)| format!("{name} {}", milliseconds(*time_ms))).collect();
        writeln!(f, "  {}", stages.join(", "))?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}
