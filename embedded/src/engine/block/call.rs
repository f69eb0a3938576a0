//! Calls of procedures and functions.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::super::{OraError, Result};
use super::types::VarType;
use super::{Action, BlockParser, Expression, Target};

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
}

/// PLS-00306.
pub(crate) fn wrong_arguments(shown: &str, line: u64) -> OraError {
    let text = format!(
        "line {line}, column 7:\nPLS-00306: wrong number or types of arguments in call to '{shown}'\nORA-06550: line {line}, column 7:\nPL/SQL: Statement ignored"
    );
    OraError::new(6550, text)
}
