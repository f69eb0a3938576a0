//! INSERT, UPDATE and DELETE: plans that the session runs row by row, so that every value goes through one conversion.

use std::sync::Arc;

use sqlparser::ast::{Assignment, Delete, Expr, FromTable, Ident, Insert, ObjectName, SetExpr, TableObject, TableWithJoins, Update, Value};

use super::super::catalog::Table;
use super::super::tokens::normalise;
use super::super::types::{DataType, Family};
use super::super::undo::NEWEST_SCN;
use super::super::{OraError, Result};
use super::clauses::{check_delete, check_insert, check_update, check_values, plain_table};
use super::set_columns::by_column;
use super::{MergePlan, Sql, Translator, unnested};

/// Where a column's value comes from.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    /// A bind variable by itself.
    Bind(usize),
    /// Column of the evaluated expressions or of the query.
    Output(usize, Family),
    /// Not given: NULL.
    Null,
    /// Not given: the next number of a sequence.
    Next(i64),
}

/// What INSERT takes its rows from.
#[derive(Debug, Clone)]
pub(crate) enum InsertSource {
    /// Binds alone: the fast path.
    Binds,
    /// One row of expressions.
    Expressions(String),
    /// A query.
    Query(String),
}

/// A column and its new value.
pub(crate) type Assigned = (usize, Cell);

/// How to run a DML statement.
#[derive(Debug, Clone)]
pub(crate) enum DmlPlan {
    /// `cells` has one entry per column of the table.
    Insert { table: Arc<Table>, cells: Vec<Cell>, source: InsertSource },
    /// `rows` selects the rowid and then the outputs. `direct` does it in one statement of SQLite, its new values being binds after the
    /// statement's own; there is none where values depend on the row or keys change.
    Update { table: Arc<Table>, assigned: Vec<Assigned>, rows: String, direct: Option<String> },
    /// `text` is a statement of SQLite; `rows` selects the rowids instead.
    Delete { table: Arc<Table>, text: String, rows: String },
    /// MERGE.
    Merge(Box<MergePlan>),
}

/// What RETURNING evaluates for a row: a query of SQLite whose last bind, after those of the statement, is the rowid.
#[derive(Debug, Clone)]
pub(crate) struct ReturningPlan {
    pub text: String,
    pub families: Vec<Family>,
    /// The rows before DELETE: their rowids.
    pub rows: Option<String>,
}

impl Translator<'_> {
    /// RETURNING of the statement that `plan` is for.
    pub fn returning(&mut self, plan: &DmlPlan, expressions: &[Expr]) -> Result<ReturningPlan> {
        let (table, rows) = match plan {
            DmlPlan::Insert { source: InsertSource::Query(_), .. } => return Err(OraError::new(933, "SQL command not properly ended")),
            DmlPlan::Insert { table, .. } | DmlPlan::Update { table, .. } => (table, None),
            DmlPlan::Delete { table, rows, .. } => (table, Some(rows.clone())),
            DmlPlan::Merge(_) => return Err(OraError::unsupported("RETURNING in MERGE")),
        };
        self.scopes.truncate(self.outer_scopes());
        let source = self.table_source(table, self.target_alias.clone(), "s0");
        self.scopes.push(vec![source]);
        let outputs = expressions.iter().map(|expr| self.value(expr)).collect::<Result<Vec<_>>>()?;
        let texts = outputs.iter().map(|sql| sql.text.as_str()).collect::<Vec<_>>().join(", ");
        let text = format!("SELECT {texts} FROM {} AS s0 WHERE s0.rid = ?{}", table.storage_name(), self.context.bind_kinds.len() + 1);
        Ok(ReturningPlan { text, families: outputs.iter().map(Sql::family).collect(), rows })
    }

    /// INSERT INTO t [(columns)] VALUES (…) | query.
    pub fn insert(&mut self, insert: &Insert) -> Result<DmlPlan> {
        check_insert(insert)?;
        let TableObject::TableName(name) = &insert.table else {
            return Err(OraError::unsupported("INSERT into anything but a table"));
        };
        let table = self.target(name)?;
        self.need_temporary(&table);
        let columns = self.insert_columns(&table, &insert.columns)?;
        let source = insert.source.as_ref().ok_or_else(|| OraError::new(926, "missing VALUES keyword"))?;
        match source.body.as_ref() {
            SetExpr::Values(values) => {
                check_values(source)?;
                match values.rows.as_slice() {
                    [row] => self.insert_values(table, &columns, &row.content),
                    _ => Err(OraError::unsupported("VALUES of several rows")),
                }
            }
            _ => {
                let query = self.query(source)?;
                count_matches(query.outputs.len(), columns.len())?;
                let cells = self.with_defaults(&table, &columns, query.outputs.iter().map(|(_, sql)| sql.clone()).collect())?;
                let extra: String = cells.1.iter().map(|sql| format!(", {sql}")).collect();
                let text = if extra.is_empty() { query.text } else { format!("SELECT q.*{extra} FROM ({}) AS q", query.text) };
                Ok(DmlPlan::Insert { table, cells: cells.0, source: InsertSource::Query(text) })
            }
        }
    }

    fn insert_values(&mut self, table: Arc<Table>, columns: &[usize], row: &[Expr]) -> Result<DmlPlan> {
        count_matches(row.len(), columns.len())?;
        let mut texts = Vec::new();
        let cells = self.value_cells(&table, columns, row, &mut texts).map_err(column_not_allowed)?;
        let source = if texts.is_empty() { InsertSource::Binds } else { InsertSource::Expressions(format!("SELECT {}", texts.join(", "))) };
        Ok(DmlPlan::Insert { table, cells, source })
    }

    /// A cell for each column of the table from a row of expressions; what is not given gets its default.
    pub(super) fn value_cells(
        &mut self,
        table: &Arc<Table>,
        columns: &[usize],
        row: &[Expr],
        texts: &mut Vec<String>,
    ) -> Result<Vec<Cell>> {
        let mut cells = vec![None; table.columns.len()];
        self.numbers_taken.clear();
        for (column, expr) in columns.iter().zip(row) {
            if matches!(unnested(expr), Expr::Identifier(name) if is_default(name)) {
                continue;
            }
            self.check_identity(table, *column, 32795)?;
            cells[*column] = match unnested(expr) {
                expr if table.columns[*column].default_on_null => Some(self.not_null_cell(table, *column, expr, texts)?),
                Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => Some(Cell::Bind(bind_index(&value.value)?)),
                expr => {
                    let sql = self.value_with_numbers(expr)?;
                    Some(output(texts, sql))
                }
            };
        }
        let complete = |(index, cell): (usize, Option<Cell>)| match cell {
            Some(cell) => Ok(cell),
            None => self.default_cell(table, index, texts),
        };
        cells.into_iter().enumerate().map(complete).collect()
    }

    /// Cells of a query's outputs, and the SQL of defaults for the columns it does not give.
    fn with_defaults(&mut self, table: &Arc<Table>, columns: &[usize], outputs: Vec<Sql>) -> Result<(Vec<Cell>, Vec<String>)> {
        let mut defaults = vec![String::new(); outputs.len()];
        let mut cells = vec![Cell::Null; table.columns.len()];
        self.numbers_taken.clear();
        columns.iter().try_for_each(|column| self.check_identity(table, *column, 32795))?;
        if let Some(column) = columns.iter().find(|column| table.columns[**column].default_on_null) {
            let name = &table.columns[*column].name;
            return Err(OraError::unsupported(format_args!("INSERT … SELECT into {name}, which has a default ON NULL")));
        }
        for (position, (column, sql)) in columns.iter().zip(&outputs).enumerate() {
            cells[*column] = Cell::Output(position, sql.family());
        }
        for (index, cell) in cells.iter_mut().enumerate() {
            if !columns.contains(&index) {
                *cell = self.default_cell(table, index, &mut defaults)?;
            }
        }
        Ok((cells, defaults.split_off(outputs.len())))
    }

    fn default_cell(&mut self, table: &Table, index: usize, texts: &mut Vec<String>) -> Result<Cell> {
        let Some(text) = &table.columns[index].default else { return Ok(Cell::Null) };
        let expr = super::super::parse::expression(text)?;
        let sql = self.value_with_numbers(&expr)?;
        if let Some(sequence) = sql.text.strip_prefix("o_nextval(").and_then(|rest| rest.strip_suffix(')')?.parse().ok()) {
            return Ok(Cell::Next(sequence));
        }
        Ok(if sql.is_null { Cell::Null } else { output(texts, sql) })
    }

    /// An expression that may take numbers of sequences.
    fn value_with_numbers(&mut self, expr: &Expr) -> Result<Sql> {
        let before = std::mem::replace(&mut self.nextval_allowed, true);
        let value = self.value(expr);
        self.nextval_allowed = before;
        value
    }

    /// A value, or where it is NULL the column's default.
    fn not_null_cell(&mut self, table: &Table, index: usize, expr: &Expr, texts: &mut Vec<String>) -> Result<Cell> {
        let column = &table.columns[index];
        let default = super::super::parse::expression(column.default.as_deref().unwrap_or("NULL"))?;
        let family = column.data_type.family();
        let value = self.value_with_numbers(expr)?;
        let default = self.value_with_numbers(&default)?;
        let (value, default) = (self.convert(value, family)?, self.convert(default, family)?);
        texts.push(format!("coalesce({}, {})", value.text, default.text));
        Ok(Cell::Output(texts.len() - 1, family))
    }

    /// Values of an identity column GENERATED ALWAYS are nobody's to give.
    fn check_identity(&self, table: &Table, index: usize, code: i32) -> Result<()> {
        match table.columns[index].identity {
            Some(true) if code == 32795 => Err(OraError::new(code, "cannot insert into a generated always identity column")),
            Some(true) => Err(OraError::new(code, "cannot update a generated always identity column")),
            _ => Ok(()),
        }
    }

    pub(super) fn insert_columns(&self, table: &Table, names: &[ObjectName]) -> Result<Vec<usize>> {
        if names.is_empty() {
            return Ok((0..table.columns.len()).collect());
        }
        let mut columns = Vec::new();
        for name in names {
            let index = self.target_column(table, name)?;
            if columns.contains(&index) {
                return Err(OraError::new(957, "duplicate column name"));
            }
            columns.push(index);
        }
        Ok(columns)
    }

    fn target_column(&self, table: &Table, name: &ObjectName) -> Result<usize> {
        let part = name
            .0
            .last()
            .and_then(|part| part.as_ident())
            .ok_or_else(|| OraError::new(1747, "invalid user.table.column, table.column, or column specification"))?;
        let text = normalise(&part.value, part.quote_style.is_some());
        table.column_index(&text).ok_or_else(|| OraError::invalid_identifier(format_args!("\"{text}\"")).at(self.offset(part)))
    }

    /// The table that DML changes.
    fn target(&self, name: &ObjectName) -> Result<Arc<Table>> {
        let (schema, object, offset) = self.object_name(name)?;
        let owner = schema.as_deref().unwrap_or(self.context.schema);
        match self.context.catalog.table(owner, &object) {
            Some(table) => Ok(Arc::clone(table)),
            None if self.context.catalog.view(owner, &object).is_some() => Err(OraError::unsupported("DML on a view").at(offset)),
            None if schema.is_none() && super::super::dictionary::find(&object).is_some() => {
                Err(OraError::new(1031, "insufficient privileges").at(offset))
            }
            None => Err(OraError::no_table().at(offset)),
        }
    }

    /// The one table of UPDATE or DELETE, as a source in sight.
    pub(super) fn target_source(&mut self, item: &TableWithJoins) -> Result<(Arc<Table>, String)> {
        let (name, alias) = plain_table(&item.relation)?;
        if !item.joins.is_empty() {
            return Err(OraError::unsupported("DML on a join"));
        }
        let table = self.target(name)?;
        self.target_alias.clone_from(&alias);
        self.scopes.push(Vec::new());
        let source = self.source_name();
        let from = self.named_source(name, alias, &source)?;
        Ok((table, from))
    }

    /// UPDATE t SET column = expression, … [WHERE …].
    pub fn update(&mut self, update: &Update) -> Result<DmlPlan> {
        check_update(update)?;
        let (table, from) = self.target_source(&update.table)?;
        let mut texts = vec!["s0.rid".to_owned()];
        let assigned = self.assignments(&table, &update.assignments, &mut texts)?;
        let (tail, is_limited) = self.condition_text(update.selection.as_ref())?;
        let from_binds = assigned.iter().all(|(_, cell)| !matches!(cell, Cell::Output(..)));
        let direct = (from_binds && !is_limited && !table.changes_key(assigned.iter().map(|(index, _)| *index))).then(|| {
            let first = self.context.bind_kinds.len() + 1;
            let sets = assigned.iter().enumerate().map(|(place, (index, _))| format!("c{index} = ?{}", first + place)).collect::<Vec<_>>();
            format!("UPDATE {from} SET {}, s = {NEWEST_SCN}{tail}", sets.join(", "))
        });
        Ok(DmlPlan::Update { table, assigned, rows: format!("SELECT {} FROM {from}{tail}", texts.join(", ")), direct })
    }

    /// `column = expression, …`.
    pub(super) fn assignments(&mut self, table: &Arc<Table>, items: &[Assignment], texts: &mut Vec<String>) -> Result<Vec<Assigned>> {
        let mut assigned: Vec<Assigned> = Vec::new();
        let items = items.iter().map(by_column).collect::<Result<Vec<_>>>()?;
        for (name, value) in items.into_iter().flatten() {
            let index = self.target_column(table, &name)?;
            self.check_identity(table, index, 32796)?;
            let cell = match unnested(&value) {
                Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => Cell::Bind(bind_index(&value.value)?),
                Expr::Identifier(name) if is_default(name) => match self.default_cell(table, index, texts)? {
                    Cell::Next(sequence) => output(texts, Sql::new(format!("o_nextval({sequence})"), DataType::NUMBER)),
                    cell => cell,
                },
                expr => {
                    let sql = self.value_with_numbers(expr)?;
                    output(texts, sql)
                }
            };
            if assigned.iter().any(|(known, _)| *known == index) {
                return Err(OraError::new(957, "duplicate column name"));
            }
            assigned.push((index, cell));
        }
        Ok(assigned)
    }

    /// DELETE [FROM] t [WHERE …].
    pub fn delete(&mut self, delete: &Delete) -> Result<DmlPlan> {
        check_delete(delete)?;
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let [item] = from.as_slice() else {
            return Err(OraError::new(933, "SQL command not properly ended"));
        };
        let (table, from) = self.target_source(item)?;
        let storage = table.storage_name();
        let (tail, is_limited) = self.condition_text(delete.selection.as_ref())?;
        let text = match (tail.is_empty(), is_limited) {
            (true, _) => format!("DELETE FROM {storage}"),
            (false, false) => format!("DELETE FROM {from}{tail}"),
            (false, true) => format!("DELETE FROM {storage} WHERE rid IN (SELECT s0.rid FROM {from}{tail})"),
        };
        let rows = format!("SELECT s0.rid FROM {from}{tail}");
        Ok(DmlPlan::Delete { table, text, rows })
    }

    /// WHERE and LIMIT, and whether there is a LIMIT.
    fn condition_text(&mut self, selection: Option<&Expr>) -> Result<(String, bool)> {
        let (condition, limit) = self.where_clause(selection)?;
        let condition = condition.map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
        let is_limited = limit.is_some();
        Ok((condition + &limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default(), is_limited))
    }
}

fn is_default(name: &Ident) -> bool {
    name.quote_style.is_none() && name.value.eq_ignore_ascii_case("DEFAULT")
}

/// The cell of an expression; a bind by itself stays one.
fn output(texts: &mut Vec<String>, sql: Sql) -> Cell {
    if sql.is_null {
        return Cell::Null;
    }
    if let Some(place) = sql.text.strip_prefix('?').and_then(|place| place.parse::<usize>().ok()) {
        return Cell::Bind(place - 1);
    }
    let family = sql.family();
    texts.push(sql.text);
    Cell::Output(texts.len() - 1, family)
}

fn bind_index(value: &Value) -> Result<usize> {
    let Value::Placeholder(name) = value else {
        return Err(OraError::new(1036, "illegal variable name/number"));
    };
    name.trim_start_matches(':').parse().map_err(|_| OraError::new(1036, "illegal variable name/number"))
}

pub(super) fn count_matches(values: usize, columns: usize) -> Result<()> {
    match values.cmp(&columns) {
        std::cmp::Ordering::Less => Err(OraError::new(947, "not enough values")),
        std::cmp::Ordering::Greater => Err(OraError::new(913, "too many values")),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

/// A column name in VALUES is ORA-00984.
fn column_not_allowed(error: OraError) -> OraError {
    if error.code == 904 { OraError { offset: error.offset, ..OraError::new(984, "column not allowed here") } } else { error }
}
