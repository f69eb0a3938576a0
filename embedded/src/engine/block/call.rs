//! Calls of procedures and functions, and the expressions that hold more than SQL can.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::super::{OraError, Result};
use super::types::VarType;
use super::{Action, BlockParser, Expression, Fetch, Fetched, Target};

/// How a parameter is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    In,
    Out,
    InOut,
}

/// A parameter.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub name: String,
    pub mode: Mode,
    pub var_type: VarType,
    pub has_default: bool,
}

/// What is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Callee {
    /// A procedure or function by itself (then `unit` is its name), or of a package.
    Stored {
        owner: String,
        unit: String,
        name: String,
    },
    Builtin(Builtin),
}

/// Procedures that the engine has by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Builtin {
    Sleep,
    OutputEnable,
    OutputDisable,
    OutputPut,
    OutputPutLine,
    OutputGetLine,
    ReturnResult,
    LtxidOutcome,
    Lob(LobBuiltin),
}

/// Procedures of DBMS_LOB; the first parameter is what they change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LobBuiltin {
    Append,
    Copy,
    Trim,
    Write,
    WriteAppend,
}

/// A procedure or function as its callers see it.
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    pub callee: Callee,
    pub parameters: Vec<Parameter>,
    pub returns: Option<VarType>,
}

/// Where names that are not the block's own are looked up.
pub(crate) trait Scope {
    /// A procedure or function by the parts of its name.
    fn signature(&self, parts: &[String]) -> Result<Option<Signature>>;
    /// A type of a package.
    fn type_named(&self, package: &str, name: &str) -> Result<Option<VarType>>;
}

/// A value given to a parameter and where the parameter's value goes back to.
pub(crate) struct Argument {
    pub mode: Mode,
    pub var_type: VarType,
    pub value: Option<Expression>,
    pub target: Option<Target>,
}

/// A call.
pub(crate) struct Call {
    pub callee: Callee,
    /// One for each parameter.
    pub arguments: Vec<Argument>,
    /// As written, for messages.
    pub shown: String,
    pub line: u64,
}

/// The procedures of Oracle's packages that the engine has.
pub(crate) fn builtin(parts: &[String]) -> Option<Signature> {
    use super::super::types::DataType;
    let text = || VarType::Scalar(DataType::varchar2(32_767));
    let number = || VarType::Scalar(DataType::NUMBER);
    let parameter = |name: &str, mode, var_type, has_default| Parameter { name: name.to_owned(), mode, var_type, has_default };
    let name = parts.join(".");
    let (builtin, parameters) = match name.strip_prefix("SYS.").unwrap_or(&name) {
        "DBMS_SESSION.SLEEP" | "DBMS_LOCK.SLEEP" => (Builtin::Sleep, vec![parameter("SECONDS", Mode::In, number(), false)]),
        "DBMS_OUTPUT.ENABLE" => (Builtin::OutputEnable, vec![parameter("BUFFER_SIZE", Mode::In, number(), true)]),
        "DBMS_OUTPUT.DISABLE" => (Builtin::OutputDisable, Vec::new()),
        "DBMS_OUTPUT.PUT" => (Builtin::OutputPut, vec![parameter("A", Mode::In, text(), false)]),
        "DBMS_OUTPUT.PUT_LINE" => (Builtin::OutputPutLine, vec![parameter("A", Mode::In, text(), false)]),
        "DBMS_OUTPUT.GET_LINE" => {
            let parameters = vec![parameter("LINE", Mode::Out, text(), false), parameter("STATUS", Mode::Out, number(), false)];
            (Builtin::OutputGetLine, parameters)
        }
        "DBMS_SQL.RETURN_RESULT" => (Builtin::ReturnResult, vec![parameter("RC", Mode::In, VarType::Cursor, false)]),
        "DBMS_APP_CONT.GET_LTXID_OUTCOME" => {
            let ltxid = parameter("CLIENT_LTXID", Mode::In, VarType::Scalar(DataType::Raw { size: 64 }), false);
            let told = ["COMMITTED", "USER_CALL_COMPLETED"].map(|name| parameter(name, Mode::Out, VarType::Boolean, false));
            (Builtin::LtxidOutcome, [ltxid].into_iter().chain(told).collect())
        }
        other => lob_builtin(other.strip_prefix("DBMS_LOB.")?)?,
    };
    Some(Signature { callee: Callee::Builtin(builtin), parameters, returns: None })
}

/// A procedure of DBMS_LOB. Its LOBs are of any kind: see [`Builtin::Lob`].
fn lob_builtin(name: &str) -> Option<(Builtin, Vec<Parameter>)> {
    use super::super::types::DataType;
    let parameter = |name: &str, mode, data_type, has_default| Parameter {
        name: name.to_owned(),
        mode,
        var_type: VarType::Scalar(data_type),
        has_default,
    };
    let lob = |name: &str, mode| parameter(name, mode, DataType::Clob, false);
    let number = |name: &str, has_default| parameter(name, Mode::In, DataType::NUMBER, has_default);
    let (builtin, parameters) = match name {
        "APPEND" => (LobBuiltin::Append, vec![lob("DEST_LOB", Mode::InOut), lob("SRC_LOB", Mode::In)]),
        "COPY" => {
            let offsets = [number("AMOUNT", false), number("DEST_OFFSET", true), number("SRC_OFFSET", true)];
            (LobBuiltin::Copy, [lob("DEST_LOB", Mode::InOut), lob("SRC_LOB", Mode::In)].into_iter().chain(offsets).collect())
        }
        "TRIM" => (LobBuiltin::Trim, vec![lob("LOB_LOC", Mode::InOut), number("NEWLEN", false)]),
        "WRITE" => {
            let counts = vec![lob("LOB_LOC", Mode::InOut), number("AMOUNT", false), number("OFFSET", false), lob("BUFFER", Mode::In)];
            (LobBuiltin::Write, counts)
        }
        "WRITEAPPEND" => (LobBuiltin::WriteAppend, vec![lob("LOB_LOC", Mode::InOut), number("AMOUNT", false), lob("BUFFER", Mode::In)]),
        _ => return None,
    };
    Some((Builtin::Lob(builtin), parameters))
}

impl BlockParser<'_> {
    /// PLS-00306.
    fn wrong_arguments(&self, shown: &str) -> OraError {
        wrong_arguments(shown, self.reader.line())
    }

    pub(super) fn signature(&self, parts: &[String]) -> Result<Option<Signature>> {
        match builtin(parts) {
            Some(found) => Ok(Some(found)),
            None => self.scope.signature(parts),
        }
    }

    /// The arguments of a call, after the name, put in the order of the parameters.
    pub(super) fn call(&mut self, signature: Signature, shown: String) -> Result<Call> {
        let line = self.reader.line();
        let mut given: Vec<Option<(Expression, Option<Target>)>> = signature.parameters.iter().map(|_| None).collect();
        let mut next = 0;
        if self.reader.take_token(&Token::LParen) && !self.reader.take_token(&Token::RParen) {
            loop {
                let named = match self.reader.peek_after() {
                    Some(Token::RArrow) => {
                        let name = self.reader.identifier()?;
                        self.reader.next();
                        Some(name)
                    }
                    _ => None,
                };
                let index = match &named {
                    Some(name) => signature.parameters.iter().position(|parameter| parameter.name == *name),
                    None => Some(next).filter(|index| *index < signature.parameters.len()),
                };
                let index = index.filter(|index| given[*index].is_none()).ok_or_else(|| self.wrong_arguments(&shown))?;
                next = index + 1;
                let parameter = &signature.parameters[index];
                let tokens = self.tokens_until(&[], &[Token::Comma, Token::RParen]);
                let target = match parameter.mode {
                    Mode::In => None,
                    _ => Some(self.target_of(&tokens)?.ok_or_else(|| self.not_a_target(&shown))?),
                };
                given[index] = Some((self.typed_expression(&parameter.var_type, tokens)?, target));
                if !self.reader.take_token(&Token::Comma) {
                    break;
                }
            }
            self.expect_token(&Token::RParen)?;
        }
        let mut arguments = Vec::new();
        for (parameter, given) in signature.parameters.into_iter().zip(given) {
            if given.is_none() && !parameter.has_default {
                return Err(self.wrong_arguments(&shown));
            }
            let (value, target) = given.map_or((None, None), |(value, target)| (Some(value), target));
            arguments.push(Argument { mode: parameter.mode, var_type: parameter.var_type, value, target });
        }
        Ok(Call { callee: signature.callee, arguments, shown, line })
    }

    fn not_a_target(&self, shown: &str) -> OraError {
        let line = self.reader.line();
        OraError::new(
            6550,
            format_args!("line {line}, column 1:\nPLS-00363: expression in the call of '{shown}' cannot be used as an assignment target"),
        )
    }

    /// The bind, variable or element that the tokens are; none when they are something else.
    fn target_of(&mut self, tokens: &[TokenWithSpan]) -> Result<Option<Target>> {
        match tokens {
            [TokenWithSpan { token: Token::Placeholder(name), .. }] => self.bind_target(name).map(Some),
            [TokenWithSpan { token: Token::Word(word), .. }] if word.quote_style.is_none() => {
                Ok(self.variable(&word.value.to_uppercase()).map(|found| Target::Local(found.local.clone(), found.var_type.clone())))
            }
            _ => Ok(None),
        }
    }

    /// A procedure call as a statement; `parts` is its name, already read.
    pub(super) fn call_statement(&mut self, parts: &[String]) -> Result<Option<Action>> {
        let Some(signature) = self.signature(parts)? else { return Ok(None) };
        let shown = parts.last().cloned().unwrap_or_default();
        if signature.returns.is_some() {
            let line = self.reader.line();
            let text = format!("line {line}, column 7:\nPLS-00221: '{shown}' is not a procedure or is undefined");
            return Err(OraError::new(6550, text));
        }
        self.call(signature, shown).map(|call| Some(Action::Call(Box::new(call))))
    }

    /// An expression up to one of the words or tokens, for a variable of this type.
    pub(super) fn expression_until(&mut self, var_type: &VarType, words: &[&str], ends: &[Token]) -> Result<Expression> {
        let tokens = self.tokens_until(words, ends);
        self.typed_expression(var_type, tokens)
    }

    /// An expression for a variable of this type: a condition where a boolean is wanted.
    pub(super) fn typed_expression(&mut self, var_type: &VarType, tokens: Vec<TokenWithSpan>) -> Result<Expression> {
        if *var_type != VarType::Boolean || is_null(&tokens) {
            return self.expression(tokens);
        }
        match self.whole(&tokens)? {
            Some(whole) => Ok(whole),
            None => self.condition_of(tokens, true),
        }
    }

    /// A variable, a bind or a function's value by itself.
    fn whole(&mut self, tokens: &[TokenWithSpan]) -> Result<Option<Expression>> {
        match tokens {
            [TokenWithSpan { token: Token::Placeholder(name), .. }] => {
                return self.bind_place(name).map(|place| Some(Expression::Slot(place)));
            }
            [TokenWithSpan { token: Token::Word(word), .. }] if word.quote_style.is_none() => {
                if let Some(found) = self.variable(&word.value.to_uppercase()) {
                    return Ok(Some(Expression::Slot(found.local.place - 1)));
                }
            }
            _ => {}
        }
        self.function_call(tokens)
    }

    /// `name[.name][(arguments)]` of a function that is stored.
    fn function_call(&mut self, tokens: &[TokenWithSpan]) -> Result<Option<Expression>> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(TokenWithSpan { token: Token::Word(word), .. }) = tokens.get(at) {
            parts.push(super::super::tokens::normalise(&word.value, word.quote_style.is_some()));
            at += 1;
            if tokens.get(at).map(|token| &token.token) != Some(&Token::Period) {
                break;
            }
            at += 1;
        }
        let covers_all = at == tokens.len() || closing(tokens, at) == Some(tokens.len() - 1);
        if parts.is_empty() || !covers_all {
            return Ok(None);
        }
        let Some(signature) = self.signature(&parts)? else { return Ok(None) };
        let shown = parts.last().cloned().unwrap_or_default();
        if signature.returns.is_none() {
            let line = self.reader.line();
            return Err(OraError::new(
                6550,
                format_args!("line {line}, column 1:\nPLS-00222: no function with name '{shown}' exists in this scope"),
            ));
        }
        let rest = self.reader.replace(tokens[at..].to_vec());
        let call = self.call(signature, shown);
        self.reader.restore(rest);
        call.map(|call| Some(Expression::Call(Box::new(call))))
    }

    /// Any expression.
    pub(super) fn expression(&mut self, tokens: Vec<TokenWithSpan>) -> Result<Expression> {
        if let Some(whole) = self.whole(&tokens)? {
            return Ok(whole);
        }
        let (tokens, fetches) = self.take_elements(tokens)?;
        Ok(Expression::Sql { statement: Box::new(self.value_of(tokens)?), fetches })
    }

    /// A condition as a query that gives 1 where it is true, 0 where it is not (and, with `keeps_null`, NULL where that is not known).
    pub(super) fn condition_of(&mut self, tokens: Vec<TokenWithSpan>, keeps_null: bool) -> Result<Expression> {
        let (tokens, fetches) = self.take_elements(tokens)?;
        let tokens = self.plain_booleans(tokens);
        let span = tokens.first().map(|token| token.span).ok_or_else(|| self.unexpected())?;
        let word = |text: &str| TokenWithSpan { token: Token::make_word(text, None), span };
        let number = |text: &str| TokenWithSpan { token: Token::Number(text.into(), false), span };
        let mut whole = vec![word("CASE"), word("WHEN")];
        whole.extend(tokens.iter().cloned());
        whole.extend([word("THEN"), number("1")]);
        if keeps_null {
            whole.extend([word("WHEN"), word("NOT"), TokenWithSpan { token: Token::LParen, span }]);
            whole.extend(tokens);
            whole.extend([TokenWithSpan { token: Token::RParen, span }, word("THEN"), number("0"), word("END")]);
        } else {
            whole.extend([word("ELSE"), number("0"), word("END")]);
        }
        Ok(Expression::Sql { statement: Box::new(self.value_of(whole)?), fetches })
    }

    /// TRUE, FALSE and boolean variables as comparisons, which SQL knows.
    fn plain_booleans(&self, tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
        let mut made = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            let name = match &token.token {
                Token::Word(word) if word.quote_style.is_none() => word.value.to_uppercase(),
                _ => String::new(),
            };
            let followed_by_is =
                matches!(tokens.get(index + 1).map(|next| &next.token), Some(Token::Word(word)) if word.value.eq_ignore_ascii_case("IS"));
            let number = |text: &str| Token::Number(text.into(), false);
            let left = match name.as_str() {
                "TRUE" => Some(number("1")),
                "FALSE" => Some(number("0")),
                _ => {
                    self.variable(&name).filter(|found| found.var_type == VarType::Boolean && !followed_by_is).map(|_| token.token.clone())
                }
            };
            match left {
                None => made.push(token.clone()),
                Some(left) => {
                    let parts = [Token::LParen, left, Token::Eq, number("1"), Token::RParen];
                    made.extend(parts.into_iter().map(|part| TokenWithSpan { token: part, span: token.span }));
                }
            }
        }
        made
    }

    /// Replaces elements and sizes of index-by tables by variables that get them before the expression is evaluated.
    pub(super) fn take_elements(&mut self, tokens: Vec<TokenWithSpan>) -> Result<(Vec<TokenWithSpan>, Vec<Fetch>)> {
        let (mut made, mut fetches) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some(token) = tokens.get(at).cloned() {
            at += 1;
            let table = match &token.token {
                Token::Word(word) if word.quote_style.is_none() => self.variable(&word.value.to_uppercase()).cloned(),
                _ => None,
            };
            let Some((table, element)) = table.and_then(|found| match found.var_type {
                VarType::Table(element) => Some((found.local.place - 1, *element)),
                _ => None,
            }) else {
                made.push(token);
                continue;
            };
            let (what, var_type) = match closing(&tokens, at) {
                Some(close) => {
                    let index = self.expression(tokens[at + 1..close].to_vec())?;
                    at = close + 1;
                    (Fetched::Element(Box::new(index)), element)
                }
                None => {
                    let method = match (tokens.get(at).map(|next| &next.token), tokens.get(at + 1).map(|next| &next.token)) {
                        (Some(Token::Period), Some(Token::Word(word))) => word.value.to_uppercase(),
                        _ => String::new(),
                    };
                    at += 2;
                    let what = match method.as_str() {
                        "COUNT" => Fetched::Count,
                        "FIRST" => Fetched::First,
                        "LAST" => Fetched::Last,
                        other => return Err(OraError::unsupported(format_args!("the collection method {other}"))),
                    };
                    (what, VarType::Scalar(super::super::types::DataType::NUMBER))
                }
            };
            let name = format!("ELEMENT$_{}", self.locals + 1);
            let into = self.declare_variable(name.clone(), var_type.clone());
            made.push(TokenWithSpan { token: Token::make_word(&name, None), span: token.span });
            fetches.push(Fetch { into, var_type, table, what });
        }
        Ok((made, fetches))
    }
}

/// PLS-00306.
pub(crate) fn wrong_arguments(shown: &str, line: u64) -> OraError {
    let text = format!(
        "line {line}, column 7:\nPLS-00306: wrong number or types of arguments in call to '{shown}'\nORA-06550: line {line}, column 7:\nPL/SQL: Statement ignored"
    );
    OraError::new(6550, text)
}

fn is_null(tokens: &[TokenWithSpan]) -> bool {
    matches!(tokens, [TokenWithSpan { token: Token::Word(word), .. }] if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("NULL"))
}

/// The place of the parenthesis that closes the one at `open`.
fn closing(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    if tokens.get(open)?.token != Token::LParen {
        return None;
    }
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}
