//! MERGE: rows of a source against rows of the table. The names `source` and `target` stand for the two in conditions and expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use deltalake::datafusion::common::{Column, DFSchema};
use deltalake::datafusion::execution::SessionStateBuilder;
use deltalake::datafusion::logical_expr::utils::split_conjunction;
use deltalake::datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};
use deltalake::datafusion::prelude::SessionContext;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::operations::merge::{DeleteBuilder, InsertBuilder, MergeBuilder, MergeMetrics as RawMetrics, UpdateBuilder};
use deltalake::{DeltaResult, DeltaTableError};
use serde_json::Value;

use super::Table;
use super::commit::{CommitOptions, Failure, Outcome, Ran};
use super::convert::{BatchPlan, Missing};
use super::exact::Misfits;
use super::hold::{HoldRows, Unchanged};
use super::peek::peek;
use super::session::{Join, bounded};
use super::stream::Source;
use super::types::{Losses, delta_schema};
use crate::error::{ColumnProblem, Error, Result};

/// A source of up to one part in so many of the memory is held for the join.
const SMALL_SHARE: usize = 8;

/// Which columns get which values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignments {
    /// Every column that the source has, its value there. A column of the table that the source lacks stays, or is NULL in a new row.
    All,
    /// These columns, by SQL expressions over `source` and `target`.
    Only(Vec<(String, String)>),
}

/// One WHEN clause; the first that applies to a row is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clause {
    /// WHEN MATCHED [AND condition] THEN UPDATE SET …
    MatchedUpdate {
        /// Further condition.
        condition: Option<String>,
        /// SET.
        set: Assignments,
    },
    /// WHEN MATCHED [AND condition] THEN DELETE
    MatchedDelete {
        /// Further condition.
        condition: Option<String>,
    },
    /// WHEN NOT MATCHED [AND condition] THEN INSERT …
    NotMatchedInsert {
        /// Further condition.
        condition: Option<String>,
        /// VALUES.
        set: Assignments,
    },
    /// WHEN NOT MATCHED BY SOURCE [AND condition] THEN UPDATE SET …; expressions over `target` only.
    NotMatchedBySourceUpdate {
        /// Further condition.
        condition: Option<String>,
        /// SET; [`Assignments::All`] is refused.
        set: Assignments,
    },
    /// WHEN NOT MATCHED BY SOURCE [AND condition] THEN DELETE
    NotMatchedBySourceDelete {
        /// Further condition.
        condition: Option<String>,
    },
}

/// A MERGE.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merge {
    /// The join condition: SQL over `source` and `target`.
    pub on: String,
    /// In order.
    pub clauses: Vec<Clause>,
    /// Losses of types and values that are accepted in the source.
    pub losses: Losses,
    /// Columns of the source that the table need not have: they are there for conditions, such as a mark of deletion.
    pub source_only: Vec<String>,
    /// Columns of the source that name a row. A NULL in one of them is refused: no row of the table equals it, so that the row would be inserted
    /// again each time. So is a row whose key an earlier one has.
    pub key: Vec<String>,
}

impl Merge {
    /// Update where the key is there, insert where it is not. Every column of the source is set.
    pub fn upsert(keys: &[String]) -> Merge {
        let set = || Assignments::All;
        let clauses = vec![Clause::MatchedUpdate { condition: None, set: set() }, Clause::NotMatchedInsert { condition: None, set: set() }];
        Merge { on: Merge::on_keys(keys), clauses, key: keys.to_vec(), ..Merge::default() }
    }

    /// Delete where the key is there; the source need have the key only.
    pub fn delete_by_key(keys: &[String]) -> Merge {
        let clauses = vec![Clause::MatchedDelete { condition: None }];
        Merge { on: Merge::on_keys(keys), clauses, key: keys.to_vec(), ..Merge::default() }
    }

    /// `target."K" = source."K" AND …`.
    pub fn on_keys(keys: &[String]) -> String {
        let quoted = |key: &String| format!("\"{}\"", key.replace('"', "\"\""));
        keys.iter().map(|key| format!("target.{0} = source.{0}", quoted(key))).collect::<Vec<_>>().join(" AND ")
    }
}

/// Counts of a MERGE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct MergeMetrics {
    /// Rows of the source.
    pub source_rows: u64,
    /// Rows inserted.
    pub rows_inserted: u64,
    /// Rows updated.
    pub rows_updated: u64,
    /// Rows deleted.
    pub rows_deleted: u64,
    /// Rows that were written again unchanged, because they shared a file with changed ones.
    pub rows_copied: u64,
    /// Files added.
    pub files_added: u64,
    /// Files that are no longer part of the table.
    pub files_removed: u64,
}

impl Table {
    /// Carries out a MERGE as one commit. The source is read once. Two rows of the source that match one row of the table are an error.
    ///
    /// # Errors
    /// As [`Table::write`]; [`Error::Invalid`] for a condition or an expression that is not understood; [`Error::Value`] for a value of one that its
    /// column cannot take exactly.
    pub fn merge(&mut self, source: &mut dyn Source, merge: &Merge, commit: &CommitOptions) -> Result<Outcome<MergeMetrics>> {
        if merge.clauses.is_empty() || merge.on.trim().is_empty() {
            return Err(self.invalid("merge into", "a join condition and at least one clause are needed", "Merge::upsert"));
        }
        let again = source.can_open_again();
        self.run_judging("merge into", &[&merge.on], commit, again, |table, commit| table.merge_once(source, merge, commit), lost)
    }

    fn merge_once(&self, source: &mut dyn Source, merge: &Merge, commit: CommitProperties) -> Result<Ran<MergeMetrics>, Failure> {
        let schema = self.schema()?;
        if !merge.clauses.iter().all(|clause| matches!(clause, Clause::NotMatchedInsert { .. })) {
            self.refuse_append_only("merge into")?;
        }
        let read = self.source_schema(&source.schema(), merge)?;
        let shared: Vec<String> =
            read.fields().iter().map(|field| field.name().clone()).filter(|name| schema.field_with_name(name).is_ok()).collect();
        let refused = |problems| Error::Plan { location: self.location().to_string(), problems };
        let plan = BatchPlan::new(&source.schema(), &read, &merge.losses, Missing::Refuse).map_err(refused)?;
        let plan = plan.partitioned_by(&self.partition_columns()?).keyed_by(&merge.key);
        let memory = self.memory()?;
        let plan = plan.map_err(|error| self.fault("merge into", &error.into()))?.within(memory);
        let properties = self.files.properties(&schema);
        let both = self.qualified(Some("source"), &read)?.join(&self.qualified(Some("target"), &schema)?);
        let names = both.map_err(|error| self.fault("merge into", &error.into()))?;
        let misfits = Misfits::default();
        let parser = Parser { table: self, schema: &schema, names, shared, misfits: &misfits };
        let mut clauses = merge.clauses.iter().map(|clause| parser.clause(clause)).collect::<Result<Vec<_>>>()?;
        let is_unique = !merge.key.is_empty() && merge.on == Merge::on_keys(&merge.key);
        let is_of_match = |clause: &Parsed| matches!(clause, Parsed::MatchedUpdate(..) | Parsed::MatchedDelete(_));
        if !is_unique && !clauses.iter().any(is_of_match) {
            // Without a clause for matched rows deltalake writes a row of the table as often as rows of the source match it.
            clauses.push(Parsed::MatchedDelete(Some(lit(false))));
        }
        let unchanged = Unchanged { operation: i32::try_from(clauses.len()).unwrap_or(i32::MAX), is_unique };
        let (target, on) = (self.inner.clone(), self.condition(&merge.on, &parser.names)?);
        let names_equal = split_conjunction(&on).into_iter().any(is_of_both);
        let row_bytes = self.row_bytes();
        let done = self.feed(source, plan, move |rows| async move {
            let (rows, size) = peek(rows, memory / SMALL_SHARE).await?;
            let join = match size.is_small {
                true => Join::Hashed,
                false if names_equal => Join::Sorted,
                false => return Err(too_large(memory)),
            };
            let context = holding(&bounded(memory, join, size.row_bytes.max(row_bytes))?, unchanged);
            let frame = context.read_table(rows)?;
            let builder = target
                .merge(frame, on)
                .with_source_alias("source")
                .with_target_alias("target")
                // Otherwise the source is scanned twice, and a source that can be scanned once merges nothing, without an error.
                .with_streaming(true)
                .with_session_state(Arc::new(context.state()))
                .with_writer_properties(properties)
                // Onto this version only: what others add meanwhile is judged by its rows, not by statistics, which are cut to milliseconds.
                .with_commit_properties(commit.with_max_retries(0));
            let builder = clauses.into_iter().try_fold(builder, with_clause)?;
            builder.await
        });
        let (table, metrics) = match done {
            // What did not fit is the reason, whatever came of it.
            Err(Failure::Delta(error)) => return Err(misfits.take(self).map_or(Failure::Delta(error), Failure::Final)),
            done => done?,
        };
        Ok(Ran::Committed(Box::new(table), counts(&metrics)))
    }

    /// The source as it is read: columns that the table has in the table's types, others in Delta's own.
    fn source_schema(&self, source: &Schema, merge: &Merge) -> Result<Schema> {
        let refused = |problems| Error::Plan { location: self.location().to_string(), problems };
        let natural = delta_schema(source, &merge.losses).map_err(refused)?;
        let present = self.schema()?;
        let sets_all = merge.clauses.iter().any(|clause| match clause {
            Clause::MatchedUpdate { set, .. } | Clause::NotMatchedInsert { set, .. } => *set == Assignments::All,
            _ => false,
        });
        let (mut fields, mut problems) = (Vec::new(), Vec::new());
        for field in natural.fields() {
            match present.fields().iter().find(|known| known.name().to_lowercase() == field.name().to_lowercase()) {
                Some(known) => fields.push(Field::new(known.name(), known.data_type().clone(), true)),
                None if sets_all && !merge.source_only.contains(field.name()) => problems.push(ColumnProblem {
                    column: field.name().clone(),
                    message: "the table lacks it, and every column of the source is to be set".into(),
                    remedy: "adding it to the table, or leaving it out".into(),
                }),
                None => fields.push(field.as_ref().clone()),
            }
        }
        if problems.is_empty() { Ok(Schema::new(fields)) } else { Err(refused(problems)) }
    }
}

/// A clause whose texts are understood.
enum Parsed {
    MatchedUpdate(Option<Expr>, Vec<(Column, Expr)>),
    MatchedDelete(Option<Expr>),
    NotMatchedInsert(Option<Expr>, Vec<(Column, Expr)>),
    NotMatchedBySourceUpdate(Option<Expr>, Vec<(Column, Expr)>),
    NotMatchedBySourceDelete(Option<Expr>),
}

/// Understands the texts of a MERGE: `source` and `target` name the two sides.
struct Parser<'a> {
    table: &'a Table,
    /// Of the table.
    schema: &'a Schema,
    names: DFSchema,
    /// Columns that both sides have.
    shared: Vec<String>,
    misfits: &'a Misfits,
}

impl Parser<'_> {
    fn value(&self, column: &str, text: &str) -> Result<Expr> {
        let field = self.table.set_column("merge into", self.schema, column)?;
        let value = self.table.expression(text, &self.names)?;
        self.table.fitted("merge into", (column, field.data_type()), value, &self.names, self.misfits)
    }

    fn condition(&self, condition: &Option<String>) -> Result<Option<Expr>> {
        condition.as_deref().map(|text| self.table.condition(text, &self.names)).transpose()
    }

    fn assigned(&self, set: &Assignments) -> Result<Vec<(Column, Expr)>> {
        let source = |name: &String| (Column::from_name(name), Expr::Column(Column::new(Some("source"), name)));
        match set {
            Assignments::All => Ok(self.shared.iter().map(source).collect()),
            Assignments::Only(pairs) => pairs.iter().map(|(name, text)| Ok((Column::from_name(name), self.value(name, text)?))).collect(),
        }
    }

    fn clause(&self, clause: &Clause) -> Result<Parsed> {
        Ok(match clause {
            Clause::MatchedUpdate { condition, set } => Parsed::MatchedUpdate(self.condition(condition)?, self.assigned(set)?),
            Clause::MatchedDelete { condition } => Parsed::MatchedDelete(self.condition(condition)?),
            Clause::NotMatchedInsert { condition, set } => Parsed::NotMatchedInsert(self.condition(condition)?, self.assigned(set)?),
            Clause::NotMatchedBySourceUpdate { set: Assignments::All, .. } => {
                let message = "a row that the source does not have cannot be set to the source's values";
                return Err(self.table.invalid("merge into", message, "the columns and expressions to set"));
            }
            Clause::NotMatchedBySourceUpdate { condition, set } => {
                Parsed::NotMatchedBySourceUpdate(self.condition(condition)?, self.assigned(set)?)
            }
            Clause::NotMatchedBySourceDelete { condition } => Parsed::NotMatchedBySourceDelete(self.condition(condition)?),
        })
    }
}

/// Whether a part of the join condition says that something of the one side equals something of the other.
fn is_of_both(part: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = part else { return false };
    let is_of = |side: &Expr, name: &str| {
        let columns = side.column_refs();
        !columns.is_empty() && columns.iter().all(|column| column.relation.as_ref().is_some_and(|relation| relation.table() == name))
    };
    (is_of(left, "source") && is_of(right, "target")) || (is_of(left, "target") && is_of(right, "source"))
}

/// Every row of the table is held against every row of the source then, which is read once.
fn too_large(memory: usize) -> DeltaTableError {
    DeltaTableError::generic(format!(
        "Resources exhausted: the join condition names nothing that is equal in both, and the source has more than {} KiB",
        memory / SMALL_SHARE / 1024
    ))
}

/// A session in which a MERGE keeps within its memory.
fn holding(context: &SessionContext, unchanged: Unchanged) -> SessionContext {
    let state = SessionStateBuilder::new_from_existing(context.state()).with_physical_optimizer_rule(Arc::new(HoldRows(unchanged))).build();
    SessionContext::new_with_state(state)
}

fn with_clause(builder: MergeBuilder, clause: Parsed) -> DeltaResult<MergeBuilder> {
    let update = |condition: Option<Expr>, set: Vec<(Column, Expr)>| {
        move |update: UpdateBuilder| {
            let update = condition.into_iter().fold(update, UpdateBuilder::predicate);
            set.into_iter().fold(update, |update, (column, value)| update.update(column, value))
        }
    };
    let delete = |condition: Option<Expr>| move |delete: DeleteBuilder| condition.into_iter().fold(delete, DeleteBuilder::predicate);
    match clause {
        Parsed::MatchedUpdate(condition, set) => builder.when_matched_update(update(condition, set)),
        Parsed::MatchedDelete(condition) => builder.when_matched_delete(delete(condition)),
        Parsed::NotMatchedInsert(condition, set) => builder.when_not_matched_insert(|insert| {
            let insert = condition.into_iter().fold(insert, InsertBuilder::predicate);
            set.into_iter().fold(insert, |insert, (column, value)| insert.set(column, value))
        }),
        Parsed::NotMatchedBySourceUpdate(condition, set) => builder.when_not_matched_by_source_update(update(condition, set)),
        Parsed::NotMatchedBySourceDelete(condition) => builder.when_not_matched_by_source_delete(delete(condition)),
    }
}

fn counts(metrics: &RawMetrics) -> MergeMetrics {
    MergeMetrics {
        source_rows: metrics.num_source_rows as u64,
        rows_inserted: metrics.num_target_rows_inserted as u64,
        rows_updated: metrics.num_target_rows_updated as u64,
        rows_deleted: metrics.num_target_rows_deleted as u64,
        rows_copied: metrics.num_target_rows_copied as u64,
        files_added: metrics.num_target_files_added as u64,
        files_removed: metrics.num_target_files_removed as u64,
    }
}

fn lost(info: &BTreeMap<String, Value>) -> MergeMetrics {
    let count = |name: &str| info.get("operationMetrics").and_then(|metrics| metrics.get(name)).and_then(Value::as_u64).unwrap_or(0);
    MergeMetrics {
        source_rows: count("num_source_rows"),
        rows_inserted: count("num_target_rows_inserted"),
        rows_updated: count("num_target_rows_updated"),
        rows_deleted: count("num_target_rows_deleted"),
        rows_copied: count("num_target_rows_copied"),
        files_added: count("num_target_files_added"),
        files_removed: count("num_target_files_removed"),
    }
}
