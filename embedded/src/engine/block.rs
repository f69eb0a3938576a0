//! Anonymous PL/SQL blocks, as far as set-up scripts and tests of drivers need them: variables, assignments, IF, FOR over numbers, LOOP,
//! EXECUTE IMMEDIATE, SQL and exception handlers. Everything else is refused by name.

use sqlparser::ast::Statement as Ast;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::ddl::data_type;
use super::session::Statement;
use super::tokens::{ObjectName, TokenReader};
use super::translate::Local;
use super::types::DataType;
use super::{OraError, Result, parse};

mod control;

/// A variable with what it starts with.
pub(crate) struct Declaration {
    pub local: Local,
    pub initial: Option<Statement>,
}

/// `WHEN exception THEN steps`.
pub(crate) struct Handler {
    /// ORA numbers; none for OTHERS.
    pub codes: Vec<i32>,
    /// SQLCODE and SQLERRM in the steps.
    pub error: (Local, Local),
    pub steps: Vec<Step>,
}

/// A block.
pub(crate) struct Block {
    pub declarations: Vec<Declaration>,
    pub steps: Vec<Step>,
    pub handlers: Vec<Handler>,
}

/// What gets a value.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// A variable.
    Local(Local),
    /// A bind by its place, 0-based.
    Bind(usize),
}

/// One statement of a block and its line.
pub(crate) struct Step {
    pub line: u64,
    pub action: Action,
}

/// What a step does.
pub(crate) enum Action {
    Null,
    Assign { target: Target, value: Statement },
    If { branches: Vec<(Statement, Vec<Step>)>, otherwise: Vec<Step> },
    For { variable: Local, reverse: bool, low: Statement, high: Statement, body: Vec<Step> },
    Loop { condition: Option<Statement>, body: Vec<Step> },
    Exit { condition: Option<Statement> },
    Immediate { text: Statement, using: Vec<Statement> },
    Sql(Box<Statement>),
    Select { query: Box<Statement>, targets: Vec<Target> },
    Block(Box<Block>),
    Raise,
    RaiseError { code: Statement, text: Statement },
}

/// A parsed block with the places of the binds that it assigns, 0-based, each name once.
pub(crate) struct Program {
    pub block: Block,
    pub out_binds: Vec<usize>,
    /// Variables of all blocks in it.
    pub locals: usize,
}

/// Parses an anonymous block. `binds` are the names of its bind variables in order of appearance.
pub(crate) fn parse_block(sql: &str, binds: &[String]) -> Result<Program> {
    let mut parser = BlockParser { reader: TokenReader::new(sql)?, sql, binds, visible: Vec::new(), locals: 0, out_binds: Vec::new() };
    let block = parser.block()?;
    while parser.reader.take_token(&Token::SemiColon) {}
    if !parser.reader.is_end() {
        return Err(parser.unexpected());
    }
    Ok(Program { block, out_binds: parser.out_binds, locals: parser.locals })
}

struct BlockParser<'s> {
    reader: TokenReader<'s>,
    sql: &'s str,
    binds: &'s [String],
    visible: Vec<Local>,
    locals: usize,
    out_binds: Vec<usize>,
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
        self.visible.push(local.clone());
        local
    }

    /// `[DECLARE …] BEGIN … [EXCEPTION …] END`, without the semicolon.
    fn block(&mut self) -> Result<Block> {
        let seen = self.visible.len();
        let mut declarations = Vec::new();
        if self.reader.take("DECLARE") {
            while self.reader.peek_word().as_deref() != Some("BEGIN") {
                declarations.push(self.declaration()?);
            }
        }
        self.expect("BEGIN")?;
        let steps = self.steps(&["EXCEPTION", "END"])?;
        let mut handlers = Vec::new();
        if self.reader.take("EXCEPTION") {
            while self.reader.take("WHEN") {
                handlers.push(self.handler()?);
            }
        }
        self.expect("END")?;
        self.visible.truncate(seen);
        Ok(Block { declarations, steps, handlers })
    }

    fn declaration(&mut self) -> Result<Declaration> {
        if let Some(word @ ("FUNCTION" | "PROCEDURE" | "TYPE" | "SUBTYPE" | "CURSOR" | "PRAGMA")) = self.reader.peek_word().as_deref() {
            return Err(OraError::unsupported(format_args!("{word} in a block")).at(Some(self.reader.offset())));
        }
        let name = self.reader.identifier().map_err(|_| self.unexpected())?;
        self.reader.take("CONSTANT");
        let data_type = match self.reader.peek_word().as_deref() {
            Some("PLS_INTEGER" | "BINARY_INTEGER" | "SIMPLE_INTEGER") => {
                self.reader.next();
                DataType::NUMBER
            }
            _ => data_type(&mut self.reader)?,
        };
        self.reader.take("NOT NULL");
        let initial = if self.reader.take_token(&Token::Assignment) || self.reader.take("DEFAULT") {
            Some(self.value_until(&[], &[Token::SemiColon])?)
        } else {
            None
        };
        self.expect_token(&Token::SemiColon)?;
        Ok(Declaration { local: self.declare(name, data_type), initial })
    }

    fn handler(&mut self) -> Result<Handler> {
        let mut codes = Vec::new();
        let mut others = false;
        loop {
            let name = self.reader.identifier().map_err(|_| self.unexpected())?;
            match name.as_str() {
                "OTHERS" => others = true,
                "NO_DATA_FOUND" => codes.push(1403),
                "TOO_MANY_ROWS" => codes.push(1422),
                "DUP_VAL_ON_INDEX" => codes.push(1),
                "ZERO_DIVIDE" => codes.push(1476),
                "INVALID_NUMBER" => codes.push(1722),
                "VALUE_ERROR" => codes.push(6502),
                other => return Err(OraError::unsupported(format_args!("the exception {other}"))),
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
            return Ok(Action::Assign { target: self.bind_target(&name)?, value: self.value_until(&[], &[Token::SemiColon])? });
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
                Ok(Action::Raise)
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
                let (ast, returning) = parse::dml(self.sql, tokens)?;
                if returning.is_some() {
                    return Err(OraError::unsupported("RETURNING … INTO in a block"));
                }
                Ok(Action::Sql(Box::new(self.inner(ast))))
            }
            "COMMIT" | "ROLLBACK" | "SAVEPOINT" => {
                let start = self.reader.offset();
                let _ = self.tokens_until(&[], &[Token::SemiColon]);
                let text = self.reader.text_since(start);
                Statement::command(text).map(|statement| Action::Sql(Box::new(statement)))
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
            return Ok(Action::Assign { target, value: self.value_until(&[], &[Token::SemiColon])? });
        }
        let shown = name.schema.as_ref().map_or(name.name.clone(), |schema| format!("{schema}.{}", name.name));
        if shown.starts_with("DBMS_") || shown.starts_with("UTL_") {
            return Err(OraError::unsupported(format_args!("the procedure {shown}")).at(Some(offset)));
        }
        Err(not_declared(line, &shown).at(Some(offset)))
    }

    fn local_target(&self, name: &ObjectName) -> Result<Target> {
        let found = self.visible.iter().rev().find(|local| local.name == name.name);
        found.cloned().map(Target::Local).ok_or_else(|| not_declared(self.reader.line(), &name.name).at(Some(name.offset)))
    }

    fn bind_target(&mut self, placeholder: &str) -> Result<Target> {
        let place: usize = placeholder.trim_start_matches(':').parse().map_err(|_| OraError::new(1036, "illegal variable name/number"))?;
        let first = self.binds.get(place).and_then(|name| self.binds.iter().position(|known| known == name)).unwrap_or(place);
        if !self.out_binds.contains(&first) {
            self.out_binds.push(first);
        }
        Ok(Target::Bind(first))
    }

    /// Tokens up to one of the words or tokens outside parentheses.
    fn tokens_until(&mut self, words: &[&str], ends: &[Token]) -> Vec<TokenWithSpan> {
        let mut depth = 0;
        let mut tokens = Vec::new();
        while let Some(token) = self.reader.peek() {
            let at_end = depth == 0 && (ends.contains(token) || self.reader.peek_word().is_some_and(|word| words.contains(&word.as_str())));
            if at_end || *token == Token::SemiColon {
                break;
            }
            match token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            tokens.extend(self.reader.next_with_span());
        }
        tokens
    }

    fn value_until(&mut self, words: &[&str], ends: &[Token]) -> Result<Statement> {
        let tokens = self.tokens_until(words, ends);
        if tokens.is_empty() {
            return Err(self.unexpected());
        }
        self.value_of(tokens)
    }

    /// A condition as a query that gives 1 where it is true.
    fn test_until(&mut self, words: &[&str], ends: &[Token]) -> Result<Statement> {
        let tokens = self.tokens_until(words, ends);
        let span = tokens.first().map(|token| token.span).ok_or_else(|| self.unexpected())?;
        let word = |text: &str| TokenWithSpan { token: Token::make_word(text, None), span };
        let number = |text: &str| TokenWithSpan { token: Token::Number(text.into(), false), span };
        let mut whole = vec![word("CASE"), word("WHEN")];
        whole.extend(tokens);
        whole.extend([word("THEN"), number("1"), word("ELSE"), number("0"), word("END")]);
        self.value_of(whole)
    }

    /// An expression as a query of one row.
    fn value_of(&mut self, tokens: Vec<TokenWithSpan>) -> Result<Statement> {
        let span = tokens.first().map(|token| token.span).ok_or_else(|| self.unexpected())?;
        let word = |text: &str| TokenWithSpan { token: Token::make_keyword(text), span };
        let mut whole = vec![word("SELECT")];
        whole.extend(tokens);
        whole.extend([word("FROM"), TokenWithSpan { token: Token::make_word("DUAL", None), span }]);
        let ast = parse::from_tokens(self.sql, whole)?;
        Ok(self.inner(ast))
    }

    fn inner(&self, ast: Ast) -> Statement {
        Statement::inner(self.sql, self.binds, self.locals, self.visible.clone(), ast)
    }
}

/// PLS-00201.
fn not_declared(line: u64, name: &str) -> OraError {
    let text = format!(
        "line {line}, column 7:\nPLS-00201: identifier '{name}' must be declared\nORA-06550: line {line}, column 7:\nPL/SQL: Statement ignored"
    );
    OraError::new(6550, text)
}
