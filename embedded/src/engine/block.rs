//! PL/SQL as far as set-up scripts and tests of drivers need it, in anonymous blocks and stored units: variables, tables indexed by integers,
//! cursor variables, assignments, IF, FOR over numbers, LOOP, EXECUTE IMMEDIATE, SQL, calls and exception handlers. Everything else is refused
//! by name.

use sqlparser::tokenizer::Token;

use super::session::Statement;
use super::tokens::{ObjectName, TokenReader};
use super::translate::Local;
use super::types::DataType;
use super::{OraError, Result};

mod call;
mod control;
mod expression;
mod program;
mod types;
mod unit;

pub(crate) use call::{Argument, Builtin, Call, Callee, LobBuiltin, Mode, Scope, Signature, wrong_arguments};
pub(crate) use program::{Action, Block, Declaration, Expression, Fetch, Fetched, Handler, OpenFor, Program, Step, Target};
pub(crate) use types::{VarType, Variable};
pub(crate) use unit::{Outline, Subprogram, UnitKind, header, outline, signature, subprograms};

/// Parses an anonymous block. `binds` are the names of its bind variables in order of appearance.
pub(crate) fn parse_block(sql: &str, binds: &[String], scope: &dyn Scope) -> Result<Program> {
    let mut parser = BlockParser::new(sql, binds, scope)?;
    let block = parser.block()?;
    while parser.reader.take_token(&Token::SemiColon) {}
    if !parser.reader.is_end() {
        return Err(parser.unexpected());
    }
    Ok(Program { block, out_binds: parser.out_binds, locals: parser.locals, bind_kinds: Vec::new() })
}

struct BlockParser<'s> {
    reader: TokenReader<'s>,
    sql: &'s str,
    binds: &'s [String],
    visible: Vec<Variable>,
    types: Vec<(String, VarType)>,
    scope: &'s dyn Scope,
    locals: usize,
    out_binds: Vec<usize>,
    /// What RETURN has to give; none in a procedure or a block.
    returns: Option<VarType>,
}

impl<'s> BlockParser<'s> {
    fn new(sql: &'s str, binds: &'s [String], scope: &'s dyn Scope) -> Result<BlockParser<'s>> {
        let (visible, types, out_binds) = (Vec::new(), Vec::new(), Vec::new());
        Ok(BlockParser { reader: TokenReader::new(sql)?, sql, binds, visible, types, scope, locals: 0, out_binds, returns: None })
    }
}

impl BlockParser<'_> {
    fn unexpected(&self) -> OraError {
        let found = self.reader.peek().map_or("end-of-file".to_owned(), ToString::to_string);
        let line = self.reader.line();
        OraError::new(6550, format_args!("line {line}, column 1:\nPLS-00103: Encountered the symbol \"{found}\" where it is not expected"))
            .at(Some(self.reader.offset()))
    }

    fn expect(&mut self, words: &str) -> Result<()> {
        if self.reader.take(words) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expect_token(&mut self, token: &Token) -> Result<()> {
        if self.reader.take_token(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn declare(&mut self, name: String, data_type: DataType) -> Local {
        self.locals += 1;
        let local = Local { name, place: self.binds.len() + self.locals, data_type };
        self.visible.push(Variable { local: local.clone(), var_type: VarType::Scalar(data_type) });
        local
    }

    fn declare_variable(&mut self, name: String, var_type: VarType) -> Local {
        let local = self.declare(name, var_type.data_type());
        if let Some(variable) = self.visible.last_mut() {
            variable.var_type = var_type;
        }
        local
    }

    fn variable(&self, name: &str) -> Option<&Variable> {
        self.visible.iter().rev().find(|variable| variable.local.name == name)
    }

    /// `[DECLARE …] BEGIN … [EXCEPTION …] END`, without the semicolon.
    fn block(&mut self) -> Result<Block> {
        let seen = self.visible.len();
        let known_types = self.types.len();
        let block = if self.reader.take("DECLARE") { self.body() } else { self.begin(Vec::new()) };
        self.visible.truncate(seen);
        self.types.truncate(known_types);
        block
    }

    /// Declarations and what follows them.
    fn body(&mut self) -> Result<Block> {
        let mut declarations = Vec::new();
        while self.reader.peek_word().as_deref() != Some("BEGIN") {
            if self.reader.take("TYPE") {
                self.type_declaration()?;
                continue;
            }
            declarations.push(self.declaration()?);
        }
        self.begin(declarations)
    }

    fn begin(&mut self, declarations: Vec<Declaration>) -> Result<Block> {
        self.expect("BEGIN")?;
        let steps = self.steps(&["EXCEPTION", "END"])?;
        let mut handlers = Vec::new();
        if self.reader.take("EXCEPTION") {
            while self.reader.take("WHEN") {
                handlers.push(self.handler()?);
            }
        }
        self.expect("END")?;
        Ok(Block { declarations, steps, handlers })
    }

    fn declaration(&mut self) -> Result<Declaration> {
        if let Some(word @ ("FUNCTION" | "PROCEDURE" | "SUBTYPE" | "CURSOR" | "PRAGMA")) = self.reader.peek_word().as_deref() {
            return Err(OraError::unsupported(format_args!("{word} in a block")).at(Some(self.reader.offset())));
        }
        let name = self.reader.identifier().map_err(|_| self.unexpected())?;
        self.reader.take("CONSTANT");
        let var_type = self.var_type()?;
        self.reader.take("NOT NULL");
        let initial = if self.reader.take_token(&Token::Assignment) || self.reader.take("DEFAULT") {
            Some(self.expression_until(&var_type, &[], &[Token::SemiColon])?)
        } else {
            None
        };
        self.expect_token(&Token::SemiColon)?;
        Ok(Declaration { local: self.declare_variable(name, var_type.clone()), var_type, initial })
    }

    fn handler(&mut self) -> Result<Handler> {
        let mut codes = Vec::new();
        let mut others = false;
        loop {
            let name = self.reader.identifier().map_err(|_| self.unexpected())?;
            match name.as_str() {
                "OTHERS" => others = true,
                other => codes.push(named_exception(other)?.0),
            }
            if !self.reader.take("OR") {
                break;
            }
        }
        self.expect("THEN")?;
        let seen = self.visible.len();
        let error = (self.declare("SQLCODE".into(), DataType::NUMBER), self.declare("SQLERRM".into(), DataType::varchar2(32_767)));
        let steps = self.steps(&["WHEN", "END"])?;
        self.visible.truncate(seen);
        if others {
            codes.clear();
        }
        Ok(Handler { codes, error, steps })
    }

    fn steps(&mut self, ends: &[&str]) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        while !self.reader.peek_word().is_some_and(|word| ends.contains(&word.as_str())) {
            if self.reader.is_end() {
                return Err(self.unexpected());
            }
            let line = self.reader.line();
            steps.push(Step { line, action: self.action()? });
            self.expect_token(&Token::SemiColon)?;
        }
        Ok(steps)
    }

    /// One statement, without the semicolon.
    fn action(&mut self) -> Result<Action> {
        if let Some(Token::Placeholder(name)) = self.reader.peek().cloned() {
            self.reader.next();
            self.expect_token(&Token::Assignment)?;
            let tokens = self.tokens_until(&[], &[Token::SemiColon]);
            return Ok(Action::Assign { target: self.bind_target(&name)?, value: self.expression(tokens)? });
        }
        let word = self.reader.peek_word().unwrap_or_default();
        match word.as_str() {
            "NULL" => self.reader.take("NULL").then_some(Action::Null).ok_or_else(|| self.unexpected()),
            "DECLARE" | "BEGIN" => self.block().map(|block| Action::Block(Box::new(block))),
            "IF" => self.condition(),
            "FOR" => self.for_loop(),
            "LOOP" | "WHILE" => self.plain_loop(),
            "EXIT" => {
                self.reader.next();
                let condition = if self.reader.take("WHEN") { Some(self.test_until(&[], &[Token::SemiColon])?) } else { None };
                Ok(Action::Exit { condition })
            }
            "EXECUTE" => self.immediate(),
            "RAISE" => {
                self.reader.next();
                match self.reader.peek_word() {
                    None => Ok(Action::Raise),
                    Some(name) => {
                        let (code, text) = named_exception(&name)?;
                        self.reader.next();
                        Ok(Action::RaiseNamed { code, text })
                    }
                }
            }
            "OPEN" => self.open(),
            "FETCH" => self.fetch(),
            "CLOSE" => {
                self.reader.next();
                Ok(Action::Close { cursor: self.cursor_slot()? })
            }
            "RETURN" => {
                self.reader.next();
                let value = match (self.returns.clone(), self.reader.peek()) {
                    (_, Some(Token::SemiColon)) => None,
                    (Some(var_type), _) => Some(self.expression_until(&var_type, &[], &[Token::SemiColon])?),
                    (None, _) => return Err(self.unexpected()),
                };
                Ok(Action::Return(value))
            }
            "RAISE_APPLICATION_ERROR" => {
                self.reader.next();
                self.expect_token(&Token::LParen)?;
                let code = self.value_until(&[], &[Token::Comma])?;
                self.expect_token(&Token::Comma)?;
                let text = self.value_until(&[], &[Token::RParen, Token::Comma])?;
                self.expect_token(&Token::RParen)?;
                Ok(Action::RaiseError { code, text })
            }
            "SELECT" | "WITH" => self.select_into(),
            "INSERT" | "UPDATE" | "DELETE" | "MERGE" => {
                let tokens = self.tokens_until(&[], &[Token::SemiColon]);
                self.change(tokens)
            }
            "COMMIT" | "ROLLBACK" | "SAVEPOINT" => {
                let start = self.reader.offset();
                let _ = self.tokens_until(&[], &[Token::SemiColon]);
                let text = self.reader.text_since(start);
                let statement = Box::new(Statement::command(text)?);
                Ok(Action::Sql { statement: Box::new(Expression::Sql { statement, fetches: Vec::new() }), returning: Vec::new() })
            }
            _ => self.assignment(),
        }
    }

    fn assignment(&mut self) -> Result<Action> {
        let line = self.reader.line();
        let offset = self.reader.offset();
        let name = self.reader.object_name().map_err(|_| self.unexpected())?;
        if name.schema.is_none() && self.reader.take_token(&Token::Assignment) {
            let target = self.local_target(&name)?;
            let var_type = match &target {
                Target::Local(_, var_type) => var_type.clone(),
                _ => VarType::Scalar(DataType::NUMBER),
            };
            return Ok(Action::Assign { target, value: self.expression_until(&var_type, &[], &[Token::SemiColon])? });
        }
        if name.schema.is_none()
            && let Some(Variable { local, var_type: VarType::Table(element) }) = self.variable(&name.name).cloned()
        {
            return self.element_assignment(&local, *element);
        }
        let mut parts: Vec<String> = name.schema.iter().cloned().chain([name.name.clone()]).collect();
        if parts.len() == 2 && self.reader.take_token(&Token::Period) {
            parts.push(self.reader.identifier()?);
        }
        if let Some(call) = self.call_statement(&parts)? {
            return Ok(call);
        }
        let shown = parts.join(".");
        if shown.starts_with("DBMS_") || shown.starts_with("UTL_") {
            return Err(OraError::unsupported(format_args!("the procedure {shown}")).at(Some(offset)));
        }
        Err(not_declared(line, &shown).at(Some(offset)))
    }

    /// `(index) := value`.
    fn element_assignment(&mut self, local: &Local, element: VarType) -> Result<Action> {
        self.expect_token(&Token::LParen)?;
        let tokens = self.tokens_until(&[], &[Token::RParen]);
        let index = self.expression(tokens)?;
        self.expect_token(&Token::RParen)?;
        self.expect_token(&Token::Assignment)?;
        let value = self.expression_until(&element, &[], &[Token::SemiColon])?;
        Ok(Action::Assign { target: Target::Element { table: local.place - 1, var_type: element, index }, value })
    }

    fn local_target(&self, name: &ObjectName) -> Result<Target> {
        let found = self.variable(&name.name);
        found
            .map(|found| Target::Local(found.local.clone(), found.var_type.clone()))
            .ok_or_else(|| not_declared(self.reader.line(), &name.name).at(Some(name.offset)))
    }

    fn bind_target(&mut self, placeholder: &str) -> Result<Target> {
        let first = self.bind_place(placeholder)?;
        if !self.out_binds.contains(&first) {
            self.out_binds.push(first);
        }
        Ok(Target::Bind(first))
    }

    /// The first place of a bind's name.
    fn bind_place(&self, placeholder: &str) -> Result<usize> {
        let place: usize = placeholder.trim_start_matches(':').parse().map_err(|_| OraError::new(1036, "illegal variable name/number"))?;
        Ok(self.binds.get(place).and_then(|name| self.binds.iter().position(|known| known == name)).unwrap_or(place))
    }
}

/// Number and text of a predefined exception.
fn named_exception(name: &str) -> Result<(i32, &'static str)> {
    Ok(match name {
        "NO_DATA_FOUND" => (1403, "no data found"),
        "TOO_MANY_ROWS" => (1422, "exact fetch returns more than requested number of rows"),
        "DUP_VAL_ON_INDEX" => (1, "unique constraint violated"),
        "ZERO_DIVIDE" => (1476, "divisor is equal to zero"),
        "INVALID_NUMBER" => (1722, "invalid number"),
        "VALUE_ERROR" => (6502, "PL/SQL: numeric or value error"),
        other => return Err(OraError::unsupported(format_args!("the exception {other}"))),
    })
}

/// PLS-00201.
fn not_declared(line: u64, name: &str) -> OraError {
    let text = format!(
        "line {line}, column 7:\nPLS-00201: identifier '{name}' must be declared\nORA-06550: line {line}, column 7:\nPL/SQL: Statement ignored"
    );
    OraError::new(6550, text)
}
