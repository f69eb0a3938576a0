//! BOOLEAN in expressions: a condition is a value of it, and a value of it is a condition. SQLite has 1 and 0 for both.

use sqlparser::ast::{BinaryOperator as Op, Expr, UnaryOperator};

use super::super::release::Release;
use super::super::types::{DataType, Family};
use super::super::{OraError, Result};
use super::expression::short;
use super::{Sql, Translator, unnested};

impl Translator<'_> {
    /// Whether the expression is a condition that a release with BOOLEAN takes as a value.
    pub(super) fn is_truth(&self, expr: &Expr) -> bool {
        let compares = |op: &Op| matches!(op, Op::And | Op::Or | Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq);
        self.context.release >= Release::R23
            && match expr {
                Expr::BinaryOp { op, .. } => compares(op),
                Expr::UnaryOp { op, .. } => *op == UnaryOperator::Not,
                Expr::IsNull(_)
                | Expr::IsNotNull(_)
                | Expr::IsTrue(_)
                | Expr::IsNotTrue(_)
                | Expr::IsFalse(_)
                | Expr::IsNotFalse(_)
                | Expr::IsJson { .. }
                | Expr::Between { .. }
                | Expr::InList { .. }
                | Expr::InSubquery { .. }
                | Expr::Like { .. }
                | Expr::Exists { .. } => true,
                _ => false,
            }
    }

    /// A condition as a value.
    pub(super) fn truth(&mut self, expr: &Expr) -> Result<Sql> {
        Ok(Sql::new(self.condition(expr)?, DataType::Boolean))
    }

    /// TRUE and FALSE, where no column has the name.
    pub(super) fn boolean_literal(&self, name: &str) -> Option<Sql> {
        let text = match name {
            "TRUE" => "1",
            "FALSE" => "0",
            _ => return None,
        };
        (self.context.release >= Release::R23).then(|| Sql { nullable: false, ..Sql::new(text, DataType::Boolean) })
    }

    /// A value as a condition: BOOLEAN and tests of it.
    pub(super) fn truth_condition(&mut self, expr: &Expr) -> Result<String> {
        if self.context.release < Release::R23 {
            return Err(OraError::unsupported(format_args!("the condition {}", short(expr))));
        }
        match expr {
            Expr::IsTrue(inner) => self.is_boolean(inner, "IS 1"),
            Expr::IsNotTrue(inner) => self.is_boolean(inner, "IS NOT 1"),
            Expr::IsFalse(inner) => self.is_boolean(inner, "IS 0"),
            Expr::IsNotFalse(inner) => self.is_boolean(inner, "IS NOT 0"),
            other => {
                let value = self.value(other)?;
                match value.family() {
                    _ if value.is_null => Ok(value.text),
                    Family::Boolean => Ok(format!("({})", value.text)),
                    _ => Err(OraError::new(920, "invalid relational operator")),
                }
            }
        }
    }

    fn is_boolean(&mut self, expr: &Expr, test: &str) -> Result<String> {
        let value = self.value(unnested(expr))?;
        if value.family() != Family::Boolean && !value.is_null {
            return Err(value.inconsistent("BOOLEAN"));
        }
        Ok(format!("({} {test})", value.text))
    }

    /// Text by its words and numbers as BOOLEAN.
    pub(super) fn boolean_of(&self, sql: Sql) -> Result<Sql> {
        match sql.family() {
            _ if sql.is_null => Ok(Sql { data_type: DataType::Boolean, ..sql }),
            Family::Boolean => Ok(sql),
            Family::Number | Family::BinaryFloat | Family::BinaryDouble => Ok(sql.into_number()?.wrap("o_truth", DataType::Boolean)),
            Family::Text | Family::Char => Ok(sql.wrap("o_truth", DataType::Boolean)),
            _ => Err(sql.inconsistent("BOOLEAN")),
        }
    }
}
