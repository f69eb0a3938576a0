//! Expressions and conditions.

use sqlparser::ast::{BinaryOperator as Op, CastKind, Expr, UnaryOperator, Value};

use super::super::ddl::parse_type;
use super::super::number::Number;
use super::super::tokens::normalise;
use super::super::types::{DataType, Family};
use super::super::{DatumKind, OraError, Result};
use super::datetime::typed_literal;
use super::interval::{INTERVAL_DS, INTERVAL_YM};
use super::{Sql, Translator, blob_literal, text_literal};

impl Translator<'_> {
    /// A value of an Oracle type.
    pub fn value(&mut self, expr: &Expr) -> Result<Sql> {
        let (mark, outer_mark) = (self.bare_columns.len(), self.outer_columns.len());
        self.deeper()?;
        let sql = self.value_inner(expr);
        self.depth -= 1;
        sql.map(|sql| self.as_key(sql, mark, outer_mark))
    }

    /// A value that is a key of the groups names no columns by itself; one that is no key of the present set is NULL.
    #[inline(never)]
    fn as_key(&mut self, sql: Sql, mark: usize, outer_mark: usize) -> Sql {
        if self.group_keys.contains(&sql.text) {
            self.bare_columns.truncate(mark);
        }
        if self.aggregate_depth == 0 && self.absent_keys.contains(&sql.text) {
            self.bare_columns.truncate(mark);
            return Sql { nullable: true, rowid: None, text: "NULL".into(), ..sql };
        }
        self.forget_columns_of_outer_key(&sql.text, outer_mark);
        sql
    }

    fn value_inner(&mut self, expr: &Expr) -> Result<Sql> {
        match expr {
            Expr::Nested(inner) => self.value(inner),
            Expr::Value(value) => self.literal(&value.value),
            Expr::TypedString(typed) => typed_literal(&typed.data_type.to_string(), &typed.value.value),
            Expr::Identifier(identifier) => self.identifier(identifier),
            Expr::CompoundIdentifier(parts) => match self.sequence_number(parts)? {
                Some(number) => Ok(number),
                None => match self.column(parts) {
                    Err(error) if error.code == 904 => self.session_number(parts).ok_or(error),
                    found => found,
                },
            },
            other if self.is_truth(other) => self.truth(other),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::Function(function) => self.call(function),
            Expr::Cast { kind: CastKind::Cast, expr, data_type, format: None } => self.cast(expr, &data_type.to_string()),
            Expr::Case { operand, conditions, else_result, .. } => self.case(operand.as_deref(), conditions, else_result.as_deref()),
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                let arguments: Vec<Expr> = [Some(expr), substring_from.as_ref(), substring_for.as_ref()]
                    .into_iter()
                    .flatten()
                    .map(|argument| (**argument).clone())
                    .collect();
                self.call_named("SUBSTR", &arguments)
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters: None } => self.trim(trim_where.as_ref(), trim_what.as_deref(), expr),
            Expr::Ceil { expr, field: sqlparser::ast::CeilFloorKind::DateTimeField(sqlparser::ast::DateTimeField::NoDateTime) } => {
                self.call_named("CEIL", std::slice::from_ref(expr))
            }
            Expr::Floor { expr, field: sqlparser::ast::CeilFloorKind::DateTimeField(sqlparser::ast::DateTimeField::NoDateTime) } => {
                self.call_named("FLOOR", std::slice::from_ref(expr))
            }
            Expr::Extract { field, expr, .. } => self.extract(&field.to_string().to_uppercase(), expr),
            Expr::AtTimeZone { timestamp, time_zone } => self.at_time_zone(timestamp, time_zone),
            Expr::Interval(literal) => self.interval_literal(literal),
            Expr::Subquery(query) => self.scalar_subquery(query),
            other => Err(OraError::unsupported(format_args!("the expression {}", short(other)))),
        }
    }

    fn literal(&self, value: &Value) -> Result<Sql> {
        match value {
            Value::Null => Ok(Sql::null()),
            Value::Number(text, _) => number_literal(text),
            Value::SingleQuotedString(text) => Ok(text_sql(text)),
            Value::QuoteDelimitedStringLiteral(text) => Ok(text_sql(&text.value)),
            Value::NationalStringLiteral(text) => {
                let size = text.chars().count() as u32;
                let data_type = DataType::Char { size, unit: super::super::types::CharUnit::Char, national: true };
                Ok(Sql { data_type, ..text_sql(text) })
            }
            Value::Placeholder(name) => self.bind(name),
            other => Err(OraError::unsupported(format_args!("the literal {other}"))),
        }
    }

    fn bind(&self, name: &str) -> Result<Sql> {
        let index: usize = name.trim_start_matches(':').parse().map_err(|_| OraError::new(1036, "illegal variable name/number"))?;
        let data_type = match self.context.bind_kinds.get(index).copied().unwrap_or_default() {
            DatumKind::Null => return Ok(Sql { is_null: false, ..Sql::new(format!("?{}", index + 1), DataType::varchar2(4000)) }),
            DatumKind::Text => DataType::varchar2(4000),
            DatumKind::Char => DataType::char(2000),
            DatumKind::Number => DataType::NUMBER,
            DatumKind::BinaryFloat => DataType::BinaryFloat,
            DatumKind::BinaryDouble => DataType::BinaryDouble,
            DatumKind::Bytes => DataType::Raw { size: 2000 },
            DatumKind::Clob => DataType::Clob,
            DatumKind::Blob => DataType::Blob,
            DatumKind::Date => DataType::Date,
            DatumKind::Timestamp => DataType::Timestamp { digits: 9 },
            DatumKind::TimestampTz => DataType::TimestampTz { digits: 9 },
            DatumKind::IntervalDs => INTERVAL_DS,
            DatumKind::IntervalYm => INTERVAL_YM,
            DatumKind::Boolean => DataType::Boolean,
            // Not of SQL: refused with the value.
            DatumKind::Table | DatumKind::Cursor => DataType::varchar2(1),
        };
        Ok(Sql::new(format!("?{}", index + 1), data_type))
    }

    fn identifier(&mut self, identifier: &sqlparser::ast::Ident) -> Result<Sql> {
        let name = normalise(&identifier.value, identifier.quote_style.is_some());
        let here = self.offset(identifier);
        let pseudo = if identifier.quote_style.is_some() { "" } else { name.as_str() };
        // In the condition of a row generator ROWNUM counts as LEVEL does.
        let generates = self.level.as_deref() == Some(super::from::NEXT_LEVEL);
        if let (true, Some(level)) = (pseudo == "LEVEL" || (pseudo == "ROWNUM" && generates), &self.level) {
            return Ok(Sql { nullable: false, ..Sql::new(format!("o_integer({level})"), DataType::NUMBER) });
        }
        if let Some(flag) = self.hierarchy_flag(pseudo)? {
            return Ok(flag);
        }
        if pseudo == "ROWNUM" {
            if !self.rownum_allowed {
                return Err(OraError::unsupported("ROWNUM here").at(here));
            }
            if self.aggregate_depth == 0 {
                self.bare_columns.push(here);
            }
            return Ok(Sql::new("o_integer(row_number() OVER ())", DataType::NUMBER));
        }
        let resolved = self.column(std::slice::from_ref(identifier));
        match resolved {
            Err(error) if error.code == 904 && pseudo == "LEVEL" => {
                Err(OraError::new(1788, "CONNECT BY clause required in this query block").at(here))
            }
            Err(error) if error.code == 904 => self.niladic(pseudo).or_else(|| self.boolean_literal(pseudo)).ok_or(error),
            other => other,
        }
    }

    /// Functions that are written without parentheses.
    pub fn niladic(&self, name: &str) -> Option<Sql> {
        let offset = self.context.nls.offset_minutes;
        Some(match name {
            "SYSDATE" => Sql::new("o_now('D', 0)", DataType::Date),
            "CURRENT_DATE" => Sql::new(format!("o_now('D', {offset})"), DataType::Date),
            "SYSTIMESTAMP" => Sql::new("o_now('Z', 0)", DataType::TimestampTz { digits: 6 }),
            "CURRENT_TIMESTAMP" => Sql::new(format!("o_now('Z', {offset})"), DataType::TimestampTz { digits: 6 }),
            "LOCALTIMESTAMP" => Sql::new(format!("o_now('T', {offset})"), DataType::Timestamp { digits: 6 }),
            "USER" => Sql::new(text_literal(self.context.user), DataType::varchar2(128)),
            "UID" => number_literal(&super::super::catalog::user_id(self.context.user).to_string()).ok()?,
            "DBTIMEZONE" => Sql::new("'+00:00'", DataType::varchar2(6)),
            "SESSIONTIMEZONE" => {
                let text = super::super::zone::name(offset);
                Sql::new(text_literal(&text), DataType::varchar2(75))
            }
            _ => return None,
        })
    }

    /// Number and serial number of the session, from the package that debuggers ask.
    fn session_number(&self, parts: &[sqlparser::ast::Ident]) -> Option<Sql> {
        let [package, name] = parts else { return None };
        let key = match (package.value.to_uppercase().as_str(), name.value.to_uppercase().as_str()) {
            ("DBMS_DEBUG_JDWP", "CURRENT_SESSION_ID") => "SID",
            ("DBMS_DEBUG_JDWP", "CURRENT_SESSION_SERIAL") => "SERIAL",
            _ => return None,
        };
        number_literal(self.context.settings.get(key)?).ok()
    }

    fn unary(&mut self, op: UnaryOperator, expr: &Expr) -> Result<Sql> {
        let value = self.value(expr)?;
        match op {
            UnaryOperator::Plus => {
                if value.is_float() {
                    Ok(value)
                } else {
                    value.into_number()
                }
            }
            UnaryOperator::Minus if value.is_float() => Ok(Sql::new(
                format!("o_double_op('-', {}, {})", blob_literal(&super::super::value::double_bytes(0.0)), value.into_double()?.text),
                DataType::BinaryDouble,
            )),
            UnaryOperator::Minus if value.is_interval() => {
                let minus_one = Sql::new(blob_literal(Number::from_i64(-1).as_bytes()), DataType::NUMBER);
                self.interval_arithmetic(value, '*', minus_one)
            }
            UnaryOperator::Minus => {
                let number = value.into_number()?;
                Ok(Sql { nullable: number.nullable, ..Sql::new(format!("o_neg({})", number.text), DataType::NUMBER) })
            }
            other => Err(OraError::unsupported(format_args!("the operator {other}"))),
        }
    }

    fn binary(&mut self, left: &Expr, op: &Op, right: &Expr) -> Result<Sql> {
        let (a, b) = (self.value(left)?, self.value(right)?);
        let nullable = a.nullable || b.nullable;
        let sign = match op {
            Op::StringConcat => return self.concatenate(a, b),
            Op::Plus => '+',
            Op::Minus => '-',
            Op::Multiply => '*',
            Op::Divide => '/',
            other => return Err(OraError::unsupported(format_args!("the operator {other} as a value"))),
        };
        if a.is_interval() || b.is_interval() {
            return self.interval_arithmetic(a, sign, b);
        }
        if a.is_datetime() || b.is_datetime() {
            return self.datetime_arithmetic(a, sign, b);
        }
        if a.is_float() || b.is_float() {
            let (a, b) = (a.into_double()?, b.into_double()?);
            return Ok(Sql { nullable, ..Sql::new(format!("o_double_op('{sign}', {}, {})", a.text, b.text), DataType::BinaryDouble) });
        }
        let (a, b) = (a.into_number()?, b.into_number()?);
        let function = match sign {
            '+' => "o_add",
            '-' => "o_sub",
            '*' => "o_mul",
            _ => "o_div",
        };
        Ok(Sql { nullable, ..Sql::new(format!("{function}({}, {})", a.text, b.text), DataType::NUMBER) })
    }

    pub fn concatenate(&mut self, a: Sql, b: Sql) -> Result<Sql> {
        let raw = a.family() == Family::Raw && b.family() == Family::Raw;
        let length = a.data_type.data_length().saturating_add(b.data_type.data_length()).min(32_767);
        let data_type = match (a.family(), b.family()) {
            (Family::Clob, _) | (_, Family::Clob) => DataType::Clob,
            _ if raw => DataType::Raw { size: length },
            (Family::Char, Family::Char) => DataType::char(length.min(2000)),
            _ => DataType::varchar2(length),
        };
        let nullable = a.nullable && b.nullable;
        let (a, b) = if raw { (a, b) } else { (self.text_of(a)?, self.text_of(b)?) };
        Ok(Sql { nullable, ..Sql::new(format!("o_concat({}, {})", a.text, b.text), data_type) })
    }

    fn cast(&mut self, expr: &Expr, type_text: &str) -> Result<Sql> {
        let value = self.value(expr)?;
        let data_type = parse_type(type_text.trim_matches('"'))?;
        self.context.release.check(data_type)?;
        let converted = self.convert(self.clob_as(value, data_type), data_type.family())?;
        if data_type == DataType::NUMBER {
            return Ok(Sql { data_type, ..converted });
        }
        let nullable = converted.nullable;
        Ok(Sql { nullable, ..Sql::new(format!("o_fit({}, '{data_type}')", converted.text), data_type) })
    }

    fn trim(&mut self, side: Option<&sqlparser::ast::TrimWhereField>, what: Option<&Expr>, expr: &Expr) -> Result<Sql> {
        use sqlparser::ast::TrimWhereField as T;
        let value = self.value(expr)?;
        let text = self.text_of(value)?;
        let what = match what {
            Some(what) => {
                let what = self.value(what)?;
                self.text_of(what)?.text
            }
            None => "' '".into(),
        };
        let side = match side {
            Some(T::Leading) => 'L',
            Some(T::Trailing) => 'R',
            _ => 'B',
        };
        Ok(Sql::new(format!("o_trim({}, {what}, '{side}')", text.text), DataType::varchar2(text.data_type.data_length())))
    }

    fn case(&mut self, operand: Option<&Expr>, branches: &[sqlparser::ast::CaseWhen], default: Option<&Expr>) -> Result<Sql> {
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        for branch in branches {
            conditions.push(match operand {
                Some(operand) => self.comparison(operand, "=", &branch.condition)?,
                None => self.condition(&branch.condition)?,
            });
            values.push(self.value(&branch.result)?);
        }
        values.push(default.map_or_else(|| Ok(Sql::null()), |default| self.value(default))?);
        let (values, data_type) = self.unify(values)?;
        let mut text = String::from("CASE");
        for (condition, value) in conditions.iter().zip(&values) {
            text.push_str(&format!(" WHEN {condition} THEN {}", value.text));
        }
        let last = values.last().map_or("NULL", |value| value.text.as_str());
        Ok(Sql::new(format!("{text} ELSE {last} END"), data_type))
    }

    /// Refuses what nests too deeply: walking it uses the stack.
    pub(super) fn deeper(&mut self) -> Result<()> {
        const MOST_LEVELS: usize = 100;
        self.depth += 1;
        if self.depth > MOST_LEVELS {
            Err(OraError::unsupported(format_args!("an expression nested in more than {MOST_LEVELS} levels")))
        } else {
            Ok(())
        }
    }
}

/// The beginning of an expression's text, for messages.
pub(super) fn short(expr: &Expr) -> String {
    expr.to_string().chars().take(60).collect()
}

fn text_sql(text: &str) -> Sql {
    if text.is_empty() {
        return Sql::null();
    }
    Sql { is_literal: true, nullable: false, ..Sql::new(text_literal(text), DataType::char(text.len() as u32)) }
}

/// A number; `d` and `f` after it make it binary.
fn number_literal(text: &str) -> Result<Sql> {
    let made = |bytes: &[u8], data_type| Ok(Sql { nullable: false, ..Sql::new(blob_literal(bytes), data_type) });
    if let Some(digits) = text.strip_suffix(['f', 'F']) {
        return made(&super::super::value::float_bytes(super::super::value::parse_double(digits)? as f32), DataType::BinaryFloat);
    }
    if let Some(digits) = text.strip_suffix(['d', 'D']) {
        return made(&super::super::value::double_bytes(super::super::value::parse_double(digits)?), DataType::BinaryDouble);
    }
    let number = Number::parse(text)?;
    Ok(Sql { nullable: false, ..Sql::new(blob_literal(number.as_bytes()), DataType::NUMBER) })
}
