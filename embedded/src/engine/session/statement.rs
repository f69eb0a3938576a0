//! Statements of a session: prepare, plan, execute, query.

use std::ops::Range;
use std::sync::Arc;

use sqlparser::ast::Statement as Ast;

use super::super::block::{Program, parse_block};
use super::super::ddl::{Command, Lifetime, parse_command, unsupported_statement};
use super::super::dml;
use super::super::last_row::LastRow;
use super::super::nls::Nls;
use super::super::parse::Returning;
use super::super::release::Release;
use super::super::shape::{Shape, StatementKind, shape};
use super::super::tokens::{is_reserved, tokenise};
use super::super::translate::{Context, DmlPlan, Local, Needs, Query, ReturningPlan, Translator, describe};
use super::super::{ColumnInfo, Columns, Datum, DatumKind, OraError, Result, parse};
use super::Session;
use super::units::is_unit;

/// What a statement was when it was prepared.
enum Body {
    Command(Command),
    Sql(Box<Ast>, Option<Returning>),
    Block(Box<Program>),
    /// CREATE of a stored unit.
    Unit,
}

/// What everything a plan depends on was when it was made.
#[derive(PartialEq, Eq, Clone, Default)]
pub(super) struct PlanKey {
    session: u64,
    catalog_version: i64,
    nls_epoch: u64,
    schema: String,
    kinds: Vec<DatumKind>,
}

pub(super) enum Plan {
    Query(Query, Needs),
    Dml(DmlPlan, Option<ReturningPlan>, Needs),
}

/// A prepared statement.
pub struct Statement {
    sql: String,
    pub(super) shape: Shape,
    body: Body,
    columns: Vec<ColumnInfo>,
    pub(super) plan: Option<(PlanKey, Plan)>,
    /// Variables of the block that the statement stands in.
    locals: Vec<Local>,
    /// FOR UPDATE: the transaction begins with the query.
    pub(super) locks: Option<parse::RowLock>,
}

impl Statement {
    /// The outline of the text.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The binds that the statement gives values to, as indexes of `shape().binds`: those of RETURNING … INTO, and those that a block
    /// assigns (each name once).
    pub fn out_binds(&self) -> &[usize] {
        match &self.body {
            Body::Sql(_, Some(returning)) => &returning.into,
            Body::Block(program) => &program.out_binds,
            _ => &[],
        }
    }

    /// Whether an output of the query is a column of a table by itself.
    pub(crate) fn is_plain_column(&self, index: usize) -> bool {
        match &self.plan {
            Some((_, Plan::Query(query, _))) => query.outputs.get(index).is_some_and(|(_, sql)| !sql.text.contains(['(', ' ', '?', '\''])),
            _ => false,
        }
    }

    /// Whether it is neither a query nor DML nor a block.
    pub(super) fn is_command(&self) -> bool {
        matches!(self.body, Body::Command(_) | Body::Unit)
    }

    fn new(sql: &str, shape: Shape, body: Body) -> Statement {
        Statement { sql: sql.to_owned(), shape, body, columns: Vec::new(), plan: None, locals: Vec::new(), locks: None }
    }

    /// A statement in a block: its binds are the block's and then the variables.
    pub(crate) fn inner(sql: &str, binds: &[String], variables: usize, locals: Vec<Local>, ast: Ast) -> Statement {
        let kind = match &ast {
            Ast::Query(_) => StatementKind::Select,
            Ast::Insert(_) => StatementKind::Insert,
            Ast::Update(_) => StatementKind::Update,
            Ast::Delete(_) => StatementKind::Delete,
            Ast::Merge(_) => StatementKind::Merge,
            _ => StatementKind::Unknown,
        };
        let mut names = binds.to_vec();
        names.extend(std::iter::repeat_n(String::new(), variables));
        let shape = Shape { kind, binds: names, is_returning: false };
        Statement { locals, ..Statement::new(sql, shape, Body::Sql(Box::new(ast), None)) }
    }

    /// The same with RETURNING of these expressions.
    pub(crate) fn returning(mut self, expressions: Vec<sqlparser::ast::Expr>) -> Statement {
        if let Body::Sql(_, returning) = &mut self.body {
            *returning = Some(Returning { expressions, into: Vec::new() });
        }
        self
    }

    /// COMMIT and its kin.
    pub(crate) fn command(sql: &str) -> Result<Statement> {
        let shape = shape(sql);
        let command = parse_command(sql, shape.kind)?;
        Ok(Statement::new(sql, shape, Body::Command(command)))
    }

    /// The SELECT list; empty for anything but a query.
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }
}
impl Session {
    /// Parses a statement and resolves its names.
    ///
    /// # Errors
    /// ORA-00900 and its family for syntax, ORA-00942, ORA-00904 … for names, ORA-03001 for what the engine does not do.
    pub fn prepare(&mut self, sql: &str) -> Result<Statement> {
        self.prepare_for(sql, &[])
    }

    /// As [`Session::prepare`], for binds whose kinds are known: they decide what a SELECT list of placeholders is described as.
    ///
    /// # Errors
    /// As `prepare`.
    pub fn prepare_for(&mut self, sql: &str, bind_kinds: &[DatumKind]) -> Result<Statement> {
        let shape = shape(sql);
        let is_block = matches!(shape.kind, StatementKind::Begin | StatementKind::Declare);
        let refused = |name: &&String| (is_reserved(name) || *name == "ROWID") && !sql.contains(&format!(":\"{name}\""));
        if let (false, Some(name)) = (is_block, shape.binds.iter().find(refused)) {
            return Err(OraError::new(1745, format_args!("invalid host/bind variable name (:{name})")));
        }
        let mut locks = None;
        let body = match shape.kind {
            StatementKind::Select | StatementKind::Insert | StatementKind::Update | StatementKind::Delete | StatementKind::Merge => {
                let mut tokens = tokenise(sql)?;
                if shape.kind == StatementKind::Select {
                    locks = parse::cut_for_update(&mut tokens)?;
                }
                let (ast, returning) = parse::dml(sql, tokens)?;
                Body::Sql(Box::new(ast), returning)
            }
            StatementKind::Begin | StatementKind::Declare => Body::Block(Box::new(parse_block(sql, &shape.binds, &self.units())?)),
            StatementKind::Create if is_unit(sql) => Body::Unit,
            StatementKind::Create
            | StatementKind::Drop
            | StatementKind::Alter
            | StatementKind::Truncate
            | StatementKind::Commit
            | StatementKind::Rollback
            | StatementKind::Savepoint => Body::Command(parse_command(sql, shape.kind)?),
            // COMMENT, GRANT, LOCK and RENAME are no kinds to a client.
            StatementKind::Unknown => Body::Command(parse_command(sql, shape.kind)?),
            _ => return Err(unsupported_statement(sql)),
        };
        let mut statement = Statement { locks, ..Statement::new(sql, shape, body) };
        self.replan(&mut statement, bind_kinds)?;
        Ok(statement)
    }

    /// Checks a statement prepared earlier in this session against the catalog and binds of now.
    ///
    /// # Errors
    /// As `prepare`.
    pub fn replan(&mut self, statement: &mut Statement, bind_kinds: &[DatumKind]) -> Result<()> {
        if let Body::Block(program) = &mut statement.body {
            program.bind_kinds = bind_kinds.to_vec();
        }
        if !matches!(statement.body, Body::Sql(..)) {
            return Ok(());
        }
        let mut kinds = bind_kinds.to_vec();
        kinds.resize(statement.shape.binds.len(), DatumKind::Null);
        self.refresh()?;
        self.plan(statement, kinds)
    }

    /// The settings for conversions to text.
    pub(crate) fn nls(&self) -> &Nls {
        &self.nls
    }

    /// Plans a query or DML for binds of these kinds, unless the present plan still fits.
    pub(super) fn plan(&self, statement: &mut Statement, kinds: Vec<DatumKind>) -> Result<()> {
        let Body::Sql(ast, returning) = &statement.body else { return Ok(()) };
        if kinds.contains(&DatumKind::Boolean) && self.release < Release::R23 {
            return Err(OraError::new(902, "invalid datatype: BOOLEAN of PL/SQL in SQL"));
        }
        let key = PlanKey {
            session: self.id,
            catalog_version: self.catalog.version,
            nls_epoch: self.nls.epoch,
            schema: self.schema.clone(),
            kinds,
        };
        if statement.plan.as_ref().is_some_and(|(known, _)| *known == key) {
            return Ok(());
        }
        let context = Context {
            sql: &statement.sql,
            catalog: &self.catalog,
            nls: &self.nls,
            user: &self.user,
            schema: &self.schema,
            bind_kinds: &key.kinds,
            release: self.release,
            settings: &self.settings,
            locals: &statement.locals,
        };
        let mut translator = Translator::new(context);
        let dml = match ast.as_ref() {
            Ast::Query(query) => {
                let query = translator.query(query)?;
                statement.columns = describe(&query.outputs);
                let plan = Plan::Query(query, std::mem::take(&mut translator.needs));
                statement.plan = Some((key.clone(), plan));
                return Ok(());
            }
            Ast::Insert(insert) => translator.insert(insert)?,
            Ast::Update(update) => translator.update(update)?,
            Ast::Delete(delete) => translator.delete(delete)?,
            Ast::Merge(merge) => DmlPlan::Merge(Box::new(translator.merge(merge)?)),
            _ => return Err(unsupported_statement(&statement.sql)),
        };
        let returning = returning.as_ref().map(|clause| translator.returning(&dml, &clause.expressions)).transpose()?;
        let needs = std::mem::take(&mut translator.needs);
        statement.plan = Some((key, Plan::Dml(dml, returning, needs)));
        Ok(())
    }

    /// Runs one iteration of DML, DDL or transaction control: rows affected. A failing statement changes nothing.
    ///
    /// # Errors
    /// As Oracle has them; ORA-01008 when binds are missing.
    pub fn execute(&mut self, statement: &mut Statement, binds: &[Datum<'_>]) -> Result<u64> {
        if let Body::Unit = &statement.body {
            self.begin_call()?;
            return self.create_unit(&statement.sql).map(|()| 0);
        }
        if let Body::Command(command) = &statement.body {
            let command = command.clone();
            self.begin_call()?;
            return self.run_command(&command).map(|()| 0);
        }
        let mut outcome = Ok(0);
        self.execute_array(
            statement,
            0..1,
            &mut |_, row| {
                if binds.len() < row.len() {
                    return Err(OraError::new(1008, "not all variables bound"));
                }
                row.copy_from_slice(&binds[..row.len()]);
                Ok(())
            },
            &mut |_, result| {
                outcome = result;
                false
            },
        )?;
        outcome
    }

    /// Runs many iterations of a DML statement, prepared once. `fill` fills the binds of a row; `done` takes each row's outcome (rows
    /// affected, or its error) and says whether to go on. Each iteration is atomic by itself.
    ///
    /// # Errors
    /// What fails for the statement as a whole: names, the lock wait. Errors of rows go to `done`.
    pub fn execute_array<'b>(
        &mut self,
        statement: &mut Statement,
        rows: Range<u32>,
        fill: &mut dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()>,
        done: &mut dyn FnMut(u32, Result<u64>) -> bool,
    ) -> Result<()> {
        self.execute_array_out(statement, rows, fill, &mut |_, _| Ok(()), done)
    }

    /// As [`Session::execute_array`], for values that can be had by column too: an INSERT takes them so as long as all is well.
    ///
    /// # Errors
    /// As `execute_array`.
    pub fn execute_columns<'b>(
        &mut self,
        statement: &mut Statement,
        rows: Range<u32>,
        columns: &dyn Columns<'b>,
        fill: &mut dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()>,
        done: &mut dyn FnMut(u32, Result<u64>) -> bool,
    ) -> Result<()> {
        self.execute_all(statement, rows, Some(columns), fill, &mut |_, _| Ok(()), done)
    }

    /// As [`Session::execute_array`]; `returned` gets the values of [`Statement::out_binds`]: for RETURNING once per row affected, for a
    /// block once per iteration. An error of `returned` is the row's.
    ///
    /// # Errors
    /// As `execute_array`.
    pub fn execute_array_out<'b>(
        &mut self,
        statement: &mut Statement,
        rows: Range<u32>,
        fill: &mut dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()>,
        returned: &mut dyn FnMut(u32, &[Datum<'_>]) -> Result<()>,
        done: &mut dyn FnMut(u32, Result<u64>) -> bool,
    ) -> Result<()> {
        self.execute_all(statement, rows, None, fill, returned, done)
    }

    fn execute_all<'b>(
        &mut self,
        statement: &mut Statement,
        rows: Range<u32>,
        columns: Option<&dyn Columns<'b>>,
        fill: &mut dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()>,
        returned: &mut dyn FnMut(u32, &[Datum<'_>]) -> Result<()>,
        done: &mut dyn FnMut(u32, Result<u64>) -> bool,
    ) -> Result<()> {
        if statement.shape.kind == StatementKind::Select {
            return Err(OraError::new(24333, "zero iteration count"));
        }
        self.begin_call()?;
        if let Body::Block(program) = &mut statement.body {
            let mut binds = vec![Datum::Null; statement.shape.binds.len()];
            for row in rows {
                let names = &statement.shape.binds;
                let outcome = fill(row, &mut binds)
                    .and_then(|()| self.run_block(program, names, &binds, &mut |values| returned(row, values)))
                    .map(|()| 1);
                if !done(row, outcome) {
                    break;
                }
            }
            return Ok(());
        }
        let began = self.begin()?;
        let mut changed = 0u64;
        let result = self.run_rows(statement, rows, columns, fill, returned, &mut |row, outcome| {
            changed += outcome.as_ref().copied().unwrap_or(0);
            done(row, outcome)
        });
        if self.in_transaction() {
            self.sequences.save(&self.connection)?;
        }
        // A transaction that changed nothing would only keep other writers out; `null` keeps nothing at all.
        if began && (changed == 0 || !self.keeps_rows()) {
            self.rollback()?;
        }
        result
    }

    fn run_rows<'b>(
        &mut self,
        statement: &mut Statement,
        rows: Range<u32>,
        columns: Option<&dyn Columns<'b>>,
        fill: &mut dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()>,
        returned: &mut dyn FnMut(u32, &[Datum<'_>]) -> Result<()>,
        done: &mut dyn FnMut(u32, Result<u64>) -> bool,
    ) -> Result<()> {
        let watched = match &statement.plan {
            Some((_, Plan::Dml(plan, ..))) => Some(LastRow::watch(&mut self.connection, plan)),
            _ => None,
        };
        let mut changed = false;
        let result = self.run_plans(statement, rows, columns, fill, returned, &mut |row, outcome| {
            changed |= outcome.as_ref().is_ok_and(|count| *count > 0);
            done(row, outcome)
        });
        if let Some((_, Plan::Dml(_, _, needs))) = &statement.plan {
            self.touch_temporary(needs);
        }
        self.last_row = watched.and_then(|watched| watched.end(&mut self.connection, changed));
        result
    }

    /// Remembers temporary tables whose rows end with the transaction.
    fn touch_temporary(&mut self, needs: &Needs) {
        for table in needs.temporary.iter().filter(|table| table.lifetime == Lifetime::Transaction) {
            if !self.temporary_touched.iter().any(|known| known.id == table.id) {
                self.temporary_touched.push(Arc::clone(table));
            }
        }
    }

    fn run_plans<'b>(
        &self,
        statement: &mut Statement,
        rows: Range<u32>,
        columns: Option<&dyn Columns<'b>>,
        fill: &mut dyn FnMut(u32, &mut [Datum<'b>]) -> Result<()>,
        returned: &mut dyn FnMut(u32, &[Datum<'_>]) -> Result<()>,
        done: &mut dyn FnMut(u32, Result<u64>) -> bool,
    ) -> Result<()> {
        let mut binds = vec![Datum::Null; statement.shape.binds.len()];
        let mut row = rows.start;
        while row < rows.end {
            if let Err(error) = fill(row, &mut binds) {
                if !done(row, Err(error)) {
                    return Ok(());
                }
                row += 1;
                continue;
            }
            // Rows of the same kinds share one plan; NULL fits the plan at hand.
            let kinds = self.kinds(statement, &binds);
            self.plan(statement, kinds)?;
            let Some((key, Plan::Dml(plan, returning, needs))) = &statement.plan else {
                return Err(OraError::internal("DML without a plan"));
            };
            self.make_ready(&self.connection, needs)?;
            let mut runner = dml::Runner::new(&self.connection, &self.nls, plan, returning.as_ref(), &self.interrupts, &self.sequences)?;
            let mut groups = match columns {
                Some(source) => runner.group(&self.handed_rows)?.map(|group| (group, source)),
                None => None,
            };
            let (mut is_filled, mut single_until) = (true, row);
            loop {
                if row >= single_until
                    && let Some((group, source)) = &mut groups
                {
                    let end = rows.end.min(row.saturating_add(dml::GROUP_ROWS));
                    if runner.insert_group(group, row..end, *source)? {
                        if !(row..end).all(|row| done(row, Ok(1))) || end == rows.end {
                            return Ok(());
                        }
                        (row, is_filled) = (end, false);
                        continue;
                    }
                    single_until = end;
                }
                if !is_filled {
                    if let Err(error) = fill(row, &mut binds) {
                        if !done(row, Err(error)) {
                            return Ok(());
                        }
                        row += 1;
                        break;
                    }
                    if !runner.fits(&key.kinds, &binds) {
                        break;
                    }
                }
                let outcome = runner.run(&binds, &mut |values| returned(row, values));
                let cause = outcome.as_ref().err().map(|error| error.message.clone());
                let more = done(row, outcome);
                if let Some(cause) = cause
                    && self.check_not_lost().is_err()
                {
                    return Err(OraError::new(2091, format_args!("transaction rolled back\n{cause}")));
                }
                row += 1;
                if !more || row >= rows.end {
                    return Ok(());
                }
                is_filled = false;
            }
        }
        Ok(())
    }

    /// The kinds of binds; a NULL keeps the kind that the present plan was made for.
    pub(super) fn kinds(&self, statement: &Statement, binds: &[Datum<'_>]) -> Vec<DatumKind> {
        let known = statement.plan.as_ref().map(|(key, _)| key.kinds.as_slice()).unwrap_or_default();
        let kind = |(index, datum): (usize, &Datum<'_>)| match datum.kind() {
            DatumKind::Null => known.get(index).copied().unwrap_or_default(),
            DatumKind::Text if matches!(known.get(index), Some(DatumKind::Char | DatumKind::Clob)) => known[index],
            DatumKind::Bytes if known.get(index) == Some(&DatumKind::Blob) => DatumKind::Blob,
            kind => kind,
        };
        binds.iter().enumerate().map(kind).collect()
    }
}
