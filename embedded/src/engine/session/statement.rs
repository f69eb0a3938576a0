//! Statements of a session: prepare, plan, execute, query.

use sqlparser::ast::Statement as Ast;

use super::super::block::{Program, parse_block};
use super::super::ddl::{Command, parse_command, unsupported_statement};
use super::super::nls::Nls;
use super::super::parse::Returning;
use super::super::release::Release;
use super::super::shape::{Shape, StatementKind, shape};
use super::super::tokens::{is_reserved, tokenise};
use super::super::translate::{Context, DmlPlan, Local, Needs, Query, ReturningPlan, Translator, describe};
use super::super::{ColumnInfo, Datum, DatumKind, OraError, Result, parse};
use super::Session;
use super::units::is_unit;

/// What a statement was when it was prepared.
pub(super) enum Body {
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
    pub(super) kinds: Vec<DatumKind>,
}

pub(super) enum Plan {
    Query(Query, Needs),
    Dml(DmlPlan, Option<ReturningPlan>, Needs),
}

/// A prepared statement.
pub struct Statement {
    pub(super) sql: String,
    pub(super) shape: Shape,
    pub(super) body: Body,
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
