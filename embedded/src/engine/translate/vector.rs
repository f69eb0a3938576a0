//! VECTOR in expressions: TO_VECTOR and FROM_VECTOR.

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList};

use super::super::ddl::parse_type;
use super::super::release::Release;
use super::super::types::{DataType, Family, VectorFormat};
use super::super::vector::{MOST_DIMENSIONS, Wanted};
use super::super::{OraError, Result};
use super::{Sql, Translator};

/// Of any dimensions and format.
const ANY_VECTOR: Wanted = Wanted { dimensions: 0, format: VectorFormat::Any };

/// What goes to a VECTOR column, which reads a text itself: in its own format.
pub(super) fn assigned_vector(sql: Sql) -> Result<Sql> {
    let Wanted { dimensions, format } = ANY_VECTOR;
    match sql.family() {
        Family::Vector => Ok(sql),
        Family::Text | Family::Char | Family::Clob => Ok(Sql { data_type: DataType::Vector { dimensions, format }, ..sql }),
        _ if sql.is_null => Ok(Sql { data_type: DataType::Vector { dimensions, format }, ..sql }),
        _ => Err(sql.inconsistent("VECTOR")),
    }
}

impl Translator<'_> {
    pub(super) fn has_vectors(&self) -> bool {
        self.context.release >= Release::R23
    }

    /// Text, or another vector, as a vector.
    pub(super) fn vector_of(&self, sql: Sql, wanted: Wanted) -> Result<Sql> {
        let Wanted { dimensions, format } = wanted;
        let data_type = DataType::Vector { dimensions, format };
        match sql.family() {
            _ if sql.is_null => Ok(Sql { data_type, ..sql }),
            Family::Vector if wanted == ANY_VECTOR => Ok(sql),
            Family::Text | Family::Char | Family::Clob | Family::Vector => {
                let text = format!("o_vector({}, {dimensions}, '{}')", sql.text, format.name());
                Ok(Sql { nullable: sql.nullable, ..Sql::new(text, data_type) })
            }
            _ => Err(sql.inconsistent("VECTOR")),
        }
    }

    /// `TO_VECTOR (value [, dimensions | * [, format | *]])`.
    pub(super) fn vector_made(&mut self, list: &FunctionArgumentList) -> Result<Sql> {
        let (value, rest) = match list.args.split_first() {
            Some((FunctionArg::Unnamed(FunctionArgExpr::Expr(value)), rest)) if rest.len() < 3 && list.clauses.is_empty() => (value, rest),
            _ => return Err(OraError::new(909, "invalid number of arguments")),
        };
        let words = rest.iter().map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => Ok("*".to_owned()),
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(_) | Expr::Value(_))) => Ok(argument.to_string()),
            other => Err(OraError::unsupported(format_args!("the argument {other}"))),
        });
        let words = words.collect::<Result<Vec<_>>>()?;
        let dimensions = match words.first().map(String::as_str) {
            None | Some("*") => 0,
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|count| (1..=MOST_DIMENSIONS as u32).contains(count))
                .ok_or_else(|| OraError::new(51_813, "vector dimension count is out of range"))?,
        };
        let format = match words.get(1) {
            None => VectorFormat::Any,
            Some(name) => VectorFormat::named(name).ok_or_else(|| OraError::unsupported(format_args!("vectors of {name}")))?,
        };
        let value = self.value(value)?;
        self.vector_of(value, Wanted { dimensions, format })
    }

    /// `FROM_VECTOR (vector [RETURNING VARCHAR2 [(n)] | CLOB])`.
    pub(super) fn vector_spelled(&mut self, list: &FunctionArgumentList) -> Result<Sql> {
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(value))] = list.args.as_slice() else {
            return Err(OraError::new(909, "invalid number of arguments"));
        };
        let returning = match list.clauses.as_slice() {
            [] => DataType::varchar2(4000),
            [FunctionArgumentClause::JsonReturningClause(clause)] => {
                let text = clause.data_type.to_string();
                parse_type(if text.eq_ignore_ascii_case("VARCHAR2") { "VARCHAR2(4000)" } else { &text })?
            }
            _ => return Err(OraError::unsupported("this form of FROM_VECTOR")),
        };
        let vector = self.value(value)?;
        if vector.family() != Family::Vector && !vector.is_null {
            return Err(vector.inconsistent("VECTOR"));
        }
        let nullable = vector.nullable;
        match returning {
            DataType::Clob => Ok(Sql { nullable, ..Sql::new(format!("o_vector_text({})", vector.text), DataType::Clob) }),
            DataType::Varchar2 { size, national: false, .. } => {
                Ok(Sql { nullable, ..Sql::new(format!("o_json_text(o_vector_text({}), {size})", vector.text), returning) })
            }
            other => Err(OraError::unsupported(format_args!("FROM_VECTOR … RETURNING {other}"))),
        }
    }
}
