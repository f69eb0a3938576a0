//! Function calls: one flat match from Oracle's names to ours.

use sqlparser::ast::{DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::super::tokens::normalise;
use super::super::types::{DataType, Family};
use super::super::value::MAX_TEXT_BYTES;
use super::super::{OraError, Result};
use super::clauses::check_call;
use super::{Sql, Translator};

impl Translator<'_> {
    /// A call as written.
    pub fn call(&mut self, function: &Function) -> Result<Sql> {
        let name = match function.name.0.as_slice() {
            [part] => part.as_ident().map(|name| normalise(&name.value, name.quote_style.is_some())),
            [package, part] => package.as_ident().zip(part.as_ident()).map(|(package, part)| {
                let name = |part: &sqlparser::ast::Ident| normalise(&part.value, part.quote_style.is_some());
                format!("{}.{}", name(package), name(part))
            }),
            _ => None,
        };
        let name = name.ok_or_else(|| OraError::unsupported(format_args!("the function {}", function.name)))?;
        check_call(function)?;
        if let Some(over) = &function.over
            && name != "LISTAGG"
        {
            return self.analytic(&name, function, over);
        }
        if !function.within_group.is_empty() && name != "LISTAGG" {
            return Err(OraError::unsupported(format_args!("this form of {name}")));
        }
        let (arguments, distinct, star) = match &function.args {
            FunctionArguments::None => (Vec::new(), false, false),
            FunctionArguments::List(list) if name == "JSON_SERIALIZE" => return self.json_serialize(list),
            FunctionArguments::List(list) if name == "TO_VECTOR" && self.has_vectors() => return self.vector_made(list),
            FunctionArguments::List(list) if name == "FROM_VECTOR" && self.has_vectors() => return self.vector_spelled(list),
            FunctionArguments::List(list) if list.clauses.is_empty() => {
                let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
                let mut arguments = Vec::new();
                let mut star = false;
                for argument in &list.args {
                    match argument {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => arguments.push(expr.clone()),
                        FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => star = true,
                        other => return Err(OraError::unsupported(format_args!("the argument {other}"))),
                    }
                }
                (arguments, distinct, star)
            }
            other => return Err(OraError::unsupported(format_args!("the arguments {other}"))),
        };
        if let Some(value) = self.grouping(&name, &arguments)? {
            return Ok(value);
        }
        if let Some(value) = self.hierarchical(&name, &arguments)? {
            return Ok(value);
        }
        if let Some(query) = super::nested::cursor_query(&name, &arguments) {
            return self.cursor_expression(query);
        }
        if matches!(name.as_str(), "COUNT" | "SUM" | "MIN" | "MAX" | "AVG") {
            return self.aggregate(&name, &arguments, distinct, star);
        }
        if name == "LISTAGG" && !distinct {
            if function.over.is_some() {
                return self.listagg(function, &arguments);
            }
            self.enter_aggregate()?;
            let made = self.listagg(function, &arguments);
            self.aggregate_depth -= 1;
            return made;
        }
        if distinct || star {
            return Err(OraError::unsupported(format_args!("DISTINCT or * in {name}")));
        }
        self.call_named(&name, &arguments).map_err(|error| {
            let offset = function.name.0.first().and_then(|part| part.as_ident()).and_then(|name| self.offset(name));
            if error.code == 904 { error.at(offset) } else { error }
        })
    }

    fn aggregate(&mut self, name: &str, arguments: &[Expr], distinct: bool, star: bool) -> Result<Sql> {
        self.enter_aggregate()?;
        self.aggregate_depth -= 1;
        if star && (name != "COUNT" || !arguments.is_empty() || distinct) {
            return Err(OraError::new(909, "invalid number of arguments"));
        }
        if star {
            return Ok(Sql { nullable: false, ..Sql::new("o_integer(count(*))", DataType::NUMBER) });
        }
        let [argument] = arguments else {
            return Err(OraError::new(909, "invalid number of arguments"));
        };
        self.aggregate_depth += 1;
        let value = self.value(argument);
        self.aggregate_depth -= 1;
        let value = value?;
        let distinct = if distinct { "DISTINCT " } else { "" };
        Ok(match name {
            "COUNT" => Sql { nullable: false, ..Sql::new(format!("o_integer(count({distinct}{}))", value.text), DataType::NUMBER) },
            "MIN" | "MAX" if value.is_incomparable() => {
                return Err(OraError::inconsistent("-", value.data_type.dictionary_name()));
            }
            // Letters of a ROWID do not sort as ROWIDs do.
            "MIN" | "MAX" if value.family() == Family::Rowid => {
                Sql::new(format!("o_rowid_of_key({name}(o_rowid_key({})))", value.text), value.data_type)
            }
            "MIN" | "MAX" => Sql::new(format!("{name}({})", value.text), value.data_type),
            _ if value.is_float() => Sql::new(format!("o_double_{name}({distinct}{})", value.into_double()?.text), DataType::BinaryDouble),
            _ => Sql::new(format!("o_{name}({distinct}{})", value.into_number()?.text), DataType::NUMBER),
        })
    }

    /// Counts an aggregate and goes into it.
    pub(super) fn enter_aggregate(&mut self) -> Result<()> {
        if !self.aggregates_allowed || self.aggregate_depth > 0 {
            return Err(OraError::new(934, "group function is not allowed here"));
        }
        self.aggregates += 1;
        self.aggregate_depth += 1;
        Ok(())
    }

    /// A scalar function by its name.
    pub fn call_named(&mut self, name: &str, arguments: &[Expr]) -> Result<Sql> {
        if arguments.is_empty() {
            return self
                .without_arguments(name)
                .or_else(|| self.niladic(name))
                .ok_or_else(|| OraError::invalid_identifier(format_args!("\"{name}\"")));
        }
        if let ([digits], true) = (arguments, matches!(name, "SYSTIMESTAMP" | "CURRENT_TIMESTAMP" | "LOCALTIMESTAMP")) {
            return self.now_with_digits(name, digits);
        }
        let (least, most) = arity(name)
            .or_else(|| super::function::arity(name))
            .ok_or_else(|| OraError::unsupported(format_args!("the function {name}")))?;
        if arguments.len() < least {
            return Err(OraError::new(938, "not enough arguments for function"));
        }
        if arguments.len() > most {
            return Err(OraError::new(939, "too many arguments for function"));
        }
        let values = arguments.iter().map(|argument| self.value(argument)).collect::<Result<Vec<_>>>()?;
        match name {
            "NVL" | "COALESCE" => self.coalesce(values),
            "NVL2" => self.nvl2(values),
            "NULLIF" => self.nullif(values),
            "DECODE" => self.decode(values),
            "TO_CHAR" | "TO_NCHAR" | "TO_CLOB" => self.call_to_char(name, values),
            "TO_NUMBER" => self.call_to_number(values),
            "TO_DATE" => self.call_to_datetime(values, Family::Date),
            "TO_TIMESTAMP" => self.call_to_datetime(values, Family::Timestamp),
            "TO_TIMESTAMP_TZ" => self.call_to_datetime(values, Family::TimestampTz),
            "TO_BINARY_DOUBLE" => first(values).into_double(),
            "TO_BINARY_FLOAT" => self.convert(first(values), Family::BinaryFloat),
            "UPPER" | "LOWER" | "LENGTH" | "LENGTHB" | "SUBSTR" | "INSTR" | "REPLACE" | "LPAD" | "RPAD" | "LTRIM" | "RTRIM" | "TRIM"
            | "CONCAT" | "ASCII" | "CHR" => self.character(name, values),
            "ABS" | "SIGN" | "CEIL" | "FLOOR" | "ROUND" | "TRUNC" | "MOD" | "POWER" => self.numeric(name, values),
            "RAWTOHEX" => {
                let value = first(values);
                let raw = self.convert(value, Family::Raw)?;
                Ok(Sql::new(format!("o_hex({})", raw.text), DataType::varchar2((raw.data_type.data_length() * 2).min(32_767))))
            }
            "HEXTORAW" => {
                let text = self.text_of(first(values))?;
                Ok(Sql::new(format!("o_unhex({})", text.text), DataType::Raw { size: text.data_type.data_length().div_ceil(2).max(1) }))
            }
            "DUMP" => {
                let base = values.get(1).cloned().map_or(Ok("10".to_owned()), |base| base.into_number().map(|base| base.text))?;
                let value = first(values);
                Ok(Sql::new(format!("o_dump({}, {}, {base})", value.text, dump_type(&value)), DataType::varchar2(4000)))
            }
            "SYS_EXTRACT_UTC" => {
                let zoned = self.datetime_of(first(values), Family::TimestampTz)?;
                Ok(Sql::new(format!("substr({}, 1, 11)", zoned.text), DataType::Timestamp { digits: 9 }))
            }
            "TO_DSINTERVAL" | "TO_YMINTERVAL" | "NUMTODSINTERVAL" | "NUMTOYMINTERVAL" => self.interval_function(name, values),
            "ADD_MONTHS" => {
                let mut values = values.into_iter();
                let (date, months) = (values.next().unwrap_or_else(Sql::null), values.next().unwrap_or_else(Sql::null));
                let (date, months) = (self.datetime_of(date, Family::Date)?, months.into_number()?);
                Ok(Sql::new(format!("o_add_months({}, {})", date.text, months.text), DataType::Date))
            }
            "SYS_CONTEXT" => self.sys_context(arguments),
            other => self.more_functions(other, values),
        }
    }

    fn coalesce(&mut self, values: Vec<Sql>) -> Result<Sql> {
        let nullable = values.iter().all(|value| value.nullable);
        let (values, data_type) = self.unify(values)?;
        let text = values.iter().map(|value| value.text.as_str()).collect::<Vec<_>>().join(", ");
        Ok(Sql { nullable, ..Sql::new(format!("coalesce({text})"), data_type) })
    }

    fn nvl2(&mut self, mut values: Vec<Sql>) -> Result<Sql> {
        let rest = values.split_off(1);
        let tested = first(values);
        let (rest, data_type) = self.unify(rest)?;
        Ok(Sql::new(format!("CASE WHEN {} IS NOT NULL THEN {} ELSE {} END", tested.text, rest[0].text, rest[1].text), data_type))
    }

    fn nullif(&mut self, values: Vec<Sql>) -> Result<Sql> {
        let kept = values[0].clone();
        let (left, right, collation) = self.comparable(values[0].clone(), values[1].clone())?;
        Ok(Sql::new(format!("CASE WHEN {left}{collation} = {right}{collation} THEN NULL ELSE {} END", kept.text), kept.data_type))
    }

    /// DECODE: NULL equals NULL.
    fn decode(&mut self, mut values: Vec<Sql>) -> Result<Sql> {
        let subject = values.remove(0);
        let default = if values.len() % 2 == 1 { values.pop() } else { None }.unwrap_or_else(Sql::null);
        let mut tests = Vec::new();
        let mut results = Vec::new();
        for pair in values.chunks_exact(2) {
            let (left, right, collation) = self.comparable(subject.clone(), pair[0].clone())?;
            tests.push(format!("{left} IS {right}{collation}"));
            results.push(pair[1].clone());
        }
        results.push(default);
        let (results, data_type) = self.unify(results)?;
        let branches: String = tests.iter().zip(&results).map(|(test, result)| format!(" WHEN {test} THEN {}", result.text)).collect();
        let last = results.last().map_or("NULL", |value| value.text.as_str());
        Ok(Sql::new(format!("CASE{branches} ELSE {last} END"), data_type))
    }

    fn call_to_char(&mut self, name: &str, values: Vec<Sql>) -> Result<Sql> {
        let value = values[0].clone();
        if let Some(model) = values.get(1) {
            let model = self.text_of(model.clone())?.text;
            if value.is_datetime() {
                return Ok(self.format_datetime(&value, &model));
            }
            let number = value.into_number()?;
            return Ok(Sql::new(format!("o_number_format({}, {model})", number.text), DataType::varchar2(64)));
        }
        let text = self.text_of(value)?;
        Ok(match name {
            "TO_CLOB" => Sql { data_type: DataType::Clob, ..text },
            _ => self.clob_as(text, DataType::varchar2(MAX_TEXT_BYTES as u32)),
        })
    }

    fn call_to_number(&mut self, values: Vec<Sql>) -> Result<Sql> {
        if values.len() > 1 {
            let text = self.text_of(values[0].clone())?;
            return Ok(Sql::new(format!("o_parse_number({}, {})", text.text, values[1].text), DataType::NUMBER));
        }
        first(values).into_number()
    }

    fn call_to_datetime(&mut self, values: Vec<Sql>, family: Family) -> Result<Sql> {
        let value = values[0].clone();
        let Some(model) = values.get(1) else {
            return self.datetime_of(value, family);
        };
        let text = self.text_of(value)?;
        let letter = match family {
            Family::Date => 'D',
            Family::Timestamp => 'T',
            _ => 'Z',
        };
        let data_type = self.datetime_of(Sql::null(), family)?.data_type;
        let offset = self.context.nls.offset_minutes;
        Ok(Sql::new(format!("o_text_datetime({}, {}, '{letter}', {offset})", text.text, model.text), data_type))
    }

    fn character(&mut self, name: &str, values: Vec<Sql>) -> Result<Sql> {
        let mut texts = Vec::new();
        let mut length = 0u32;
        let subject = values[0].clone();
        for (index, value) in values.into_iter().enumerate() {
            let numeric = matches!((name, index), ("SUBSTR" | "INSTR" | "LPAD" | "RPAD", 1..) | ("CHR", 0))
                && !matches!((name, index), ("INSTR", 1) | ("LPAD" | "RPAD", 2));
            if index == 0 && matches!(value.family(), Family::Blob | Family::Raw) && matches!(name, "LENGTH" | "LENGTHB") {
                texts.push(value.text);
                continue;
            }
            let value = if numeric { value.into_number()? } else { self.text_of(value)? };
            length = length.saturating_add(value.data_type.data_length());
            texts.push(value.text);
        }
        let data_type = match name {
            "LENGTH" | "LENGTHB" | "INSTR" | "ASCII" => DataType::NUMBER,
            "CHR" => DataType::varchar2(4),
            "UPPER" | "LOWER" if subject.family() == Family::Char || subject.family() == Family::Clob => subject.data_type,
            "UPPER" | "LOWER" | "SUBSTR" | "TRIM" | "LTRIM" | "RTRIM" => {
                if subject.family() == Family::Clob {
                    DataType::Clob
                } else {
                    DataType::varchar2(self.text_of(subject)?.data_type.data_length().max(1))
                }
            }
            "CONCAT" => DataType::varchar2(length.min(32_767)),
            _ => DataType::varchar2(4000),
        };
        if name == "TRIM" {
            texts.push("' '".into());
            texts.push("'B'".into());
        }
        Ok(Sql::new(format!("o_{}({})", name.to_lowercase(), texts.join(", ")), data_type))
    }

    fn numeric(&mut self, name: &str, values: Vec<Sql>) -> Result<Sql> {
        let value = values[0].clone();
        if value.is_datetime() && matches!(name, "TRUNC" | "ROUND") {
            let model = match values.get(1) {
                Some(model) => self.text_of(model.clone())?.text,
                None => "'DDD'".to_owned(),
            };
            let date = self.datetime_of(value, Family::Date)?;
            return Ok(Sql::new(format!("o_{}_date({}, {model})", name.to_lowercase(), date.text), DataType::Date));
        }
        let texts = values.into_iter().map(|value| Ok(value.into_number()?.text)).collect::<Result<Vec<_>>>()?;
        Ok(Sql::new(format!("o_{}({})", name.to_lowercase(), texts.join(", ")), DataType::NUMBER))
    }
}

fn first(values: Vec<Sql>) -> Sql {
    values.into_iter().next().unwrap_or_else(Sql::null)
}

/// Least and greatest number of arguments of the functions there are.
fn arity(name: &str) -> Option<(usize, usize)> {
    Some(match name {
        "UPPER" | "LOWER" | "LENGTH" | "LENGTHB" | "TRIM" | "ASCII" | "CHR" | "ABS" | "SIGN" | "CEIL" | "FLOOR" | "RAWTOHEX"
        | "HEXTORAW" | "SYS_EXTRACT_UTC" | "TO_BINARY_DOUBLE" | "TO_BINARY_FLOAT" | "TO_CLOB" | "TO_DSINTERVAL" | "TO_YMINTERVAL" => (1, 1),
        "NVL" | "NULLIF" | "CONCAT" | "MOD" | "POWER" | "SYS_CONTEXT" | "NUMTODSINTERVAL" | "NUMTOYMINTERVAL" | "ADD_MONTHS" => (2, 2),
        "NVL2" => (3, 3),
        "COALESCE" => (2, usize::MAX),
        "DECODE" => (3, usize::MAX),
        "TO_CHAR" | "TO_NCHAR" | "TO_NUMBER" | "TO_DATE" | "TO_TIMESTAMP" | "TO_TIMESTAMP_TZ" | "ROUND" | "TRUNC" | "LTRIM" | "RTRIM"
        | "DUMP" => (1, 2),
        "SUBSTR" | "REPLACE" | "LPAD" | "RPAD" => (2, 3),
        "INSTR" => (2, 4),
        _ => return None,
    })
}

/// The type number that DUMP shows.
fn dump_type(value: &Sql) -> u16 {
    match value.family() {
        Family::Number => 2,
        Family::BinaryFloat => 100,
        Family::BinaryDouble => 101,
        Family::Text => 1,
        Family::Char | Family::Rowid => 96,
        Family::Date => 12,
        Family::Timestamp => 180,
        Family::TimestampTz => 181,
        Family::TimestampLtz => 231,
        Family::Raw => 23,
        Family::Clob => 112,
        Family::Blob => 113,
        Family::IntervalYm => 182,
        Family::Cursor => 102,
        Family::IntervalDs => 183,
        Family::Boolean => 252,
        Family::Json => 119,
        Family::Vector => 127,
    }
}
