//! Regular expressions: every function of ours gets all its arguments.

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::super::types::{DataType, Family};
use super::super::{OraError, Result};
use super::{Sql, Translator};

/// Least and greatest number of arguments.
pub(super) fn arity(name: &str) -> Option<(usize, usize)> {
    Some(match name {
        "REGEXP_COUNT" => (2, 4),
        "REGEXP_SUBSTR" | "REGEXP_REPLACE" => (2, 6),
        "REGEXP_INSTR" => (2, 7),
        _ => return None,
    })
}

impl Translator<'_> {
    pub(super) fn regexp_function(&self, name: &str, values: Vec<Sql>) -> Result<Sql> {
        let source = values[0].clone();
        let text = |index: usize| -> Result<String> {
            values.get(index).map_or(Ok("NULL".to_owned()), |value| Ok(self.text_of(value.clone())?.text))
        };
        let number = |index: usize, default: i64| -> Result<String> {
            match values.get(index) {
                Some(value) => Ok(value.clone().into_number()?.text),
                None => Ok(format!("o_integer({default})")),
            }
        };
        let size = match source.family() {
            Family::Text | Family::Char => source.data_type.data_length().max(1),
            _ => 4000,
        };
        let character = if source.family() == Family::Clob { DataType::Clob } else { DataType::varchar2(size) };
        let (function, data_type, rest) = match name {
            "REGEXP_COUNT" => ("o_regexp_count", DataType::NUMBER, vec![text(3)?, number(2, 1)?]),
            "REGEXP_SUBSTR" => ("o_regexp_substr", character, vec![text(4)?, number(2, 1)?, number(3, 1)?, number(5, 0)?]),
            "REGEXP_INSTR" => {
                ("o_regexp_instr", DataType::NUMBER, vec![text(5)?, number(2, 1)?, number(3, 1)?, number(4, 0)?, number(6, 0)?])
            }
            _ => {
                let made = if source.family() == Family::Clob { DataType::Clob } else { DataType::varchar2(4000) };
                ("o_regexp_replace", made, vec![text(5)?, text(2)?, number(3, 1)?, number(4, 0)?])
            }
        };
        Ok(Sql::new(format!("{function}({}, {}, {})", text(0)?, text(1)?, rest.join(", ")), data_type))
    }

    /// REGEXP_LIKE, which is a condition; none for anything else.
    pub(super) fn regexp_like(&mut self, function: &Function) -> Result<Option<String>> {
        if !function.name.to_string().eq_ignore_ascii_case("REGEXP_LIKE") {
            return Ok(None);
        }
        super::clauses::check_call(function)?;
        let FunctionArguments::List(list) = &function.args else { return Err(OraError::new(938, "not enough arguments for function")) };
        let mut texts = Vec::new();
        for argument in &list.args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument else {
                return Err(OraError::unsupported(format_args!("the argument {argument}")));
            };
            let value = self.value(expr as &Expr)?;
            texts.push(self.text_of(value)?.text);
        }
        match texts.len() {
            0 | 1 => Err(OraError::new(938, "not enough arguments for function")),
            2 | 3 => {
                texts.resize(3, "NULL".into());
                Ok(Some(format!("o_regexp_like({})", texts.join(", "))))
            }
            _ => Err(OraError::new(939, "too many arguments for function")),
        }
    }
}
