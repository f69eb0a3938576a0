//! Implicit conversions between families and the types of comparisons.

use super::super::types::{CharUnit, DataType, Family};
use super::super::{OraError, Result};
use super::{Sql, Translator, text_literal};

impl Sql {
    pub fn family(&self) -> Family {
        self.data_type.family()
    }

    pub(super) fn wrap(&self, function: &str, data_type: DataType) -> Sql {
        Sql { nullable: self.nullable, ..Sql::new(format!("{function}({})", self.text), data_type) }
    }

    pub fn is_text(&self) -> bool {
        matches!(self.family(), Family::Text | Family::Char)
    }

    pub fn is_float(&self) -> bool {
        matches!(self.family(), Family::BinaryFloat | Family::BinaryDouble)
    }

    /// LOBs and JSON have no order and no equality.
    pub fn is_incomparable(&self) -> bool {
        matches!(self.family(), Family::Clob | Family::Blob | Family::Json)
    }

    pub fn is_datetime(&self) -> bool {
        matches!(self.family(), Family::Date | Family::Timestamp | Family::TimestampTz | Family::TimestampLtz)
    }

    pub(super) fn inconsistent(&self, expected: &str) -> OraError {
        let got = match self.family() {
            Family::Text | Family::Char => "CHAR".to_owned(),
            Family::Raw => "BINARY".to_owned(),
            Family::Timestamp => "TIMESTAMP".to_owned(),
            Family::TimestampTz => "TIMESTAMP WITH TIME ZONE".to_owned(),
            Family::TimestampLtz => "TIMESTAMP WITH LOCAL TIME ZONE".to_owned(),
            _ => self.data_type.dictionary_name(),
        };
        OraError::inconsistent(expected, got)
    }

    pub fn into_number(self) -> Result<Sql> {
        match self.family() {
            _ if self.is_null => Ok(Sql { data_type: DataType::NUMBER, ..self }),
            Family::Number => Ok(self),
            Family::BinaryFloat | Family::BinaryDouble => Ok(self.wrap("o_float_number", DataType::NUMBER)),
            Family::Boolean => Ok(self.wrap("o_integer", DataType::NUMBER)),
            Family::Text | Family::Char | Family::Clob => Ok(self.wrap("o_text_number", DataType::NUMBER)),
            _ => Err(self.inconsistent("NUMBER")),
        }
    }

    pub fn into_double(self) -> Result<Sql> {
        match self.family() {
            _ if self.is_null => Ok(Sql { data_type: DataType::BinaryDouble, ..self }),
            Family::BinaryDouble => Ok(self),
            Family::BinaryFloat => Ok(self.wrap("o_float_double", DataType::BinaryDouble)),
            Family::Number => Ok(self.wrap("o_number_double", DataType::BinaryDouble)),
            Family::Boolean => self.into_number()?.into_double(),
            Family::Text | Family::Char | Family::Clob => Ok(self.wrap("o_text_double", DataType::BinaryDouble)),
            _ => Err(self.inconsistent("BINARY_DOUBLE")),
        }
    }

    fn letter(&self) -> char {
        match self.family() {
            Family::Date => 'D',
            Family::Timestamp => 'T',
            Family::TimestampLtz => 'L',
            _ => 'Z',
        }
    }
}

impl Translator<'_> {
    /// Any value as text.
    pub fn text_of(&self, sql: Sql) -> Result<Sql> {
        let text = |function: &str, length: u32| Ok(sql.wrap(function, DataType::varchar2(length)));
        match sql.family() {
            _ if sql.is_null => Ok(sql),
            Family::Text | Family::Char | Family::Clob | Family::Rowid => Ok(sql),
            Family::Number => text("o_number_text", 40),
            Family::BinaryFloat | Family::BinaryDouble => text("o_float_text", 40),
            Family::Raw => Ok(sql.wrap("o_hex", DataType::varchar2((sql.data_type.data_length() * 2).min(32_767)))),
            Family::Boolean => text("o_boolean_text", 5),
            Family::Blob | Family::Cursor | Family::Json => Err(sql.inconsistent("CHAR")),
            Family::IntervalDs | Family::IntervalYm => Ok(self.interval_text(&sql)),
            Family::Date | Family::Timestamp | Family::TimestampTz | Family::TimestampLtz => {
                let parameter = match sql.family() {
                    Family::Date => "NLS_DATE_FORMAT",
                    Family::Timestamp => "NLS_TIMESTAMP_FORMAT",
                    _ => "NLS_TIMESTAMP_TZ_FORMAT",
                };
                let model = self.context.nls.get(parameter).to_owned();
                Ok(self.format_datetime(&sql, &text_literal(&model)))
            }
        }
    }

    /// A CLOB as text of a type; anything else as it is.
    pub(super) fn clob_as(&self, sql: Sql, data_type: DataType) -> Sql {
        let (size, unit) = match data_type {
            DataType::Varchar2 { size, unit, .. } | DataType::Char { size, unit, .. } if sql.family() == Family::Clob && !sql.is_null => {
                (size, if unit == CharUnit::Char { 'C' } else { 'B' })
            }
            _ => return sql,
        };
        Sql { nullable: sql.nullable, ..Sql::new(format!("o_clob_text({}, {size}, '{unit}')", sql.text), data_type) }
    }

    /// TO_CHAR of a datetime by a model that is SQL.
    pub fn format_datetime(&self, sql: &Sql, model: &str) -> Sql {
        let local = if sql.family() == Family::TimestampLtz {
            self.datetime_of(sql.clone(), Family::TimestampTz).map_or_else(|_| sql.text.clone(), |zoned| zoned.text)
        } else {
            sql.text.clone()
        };
        Sql { nullable: sql.nullable, ..Sql::new(format!("o_datetime_text({local}, {model})"), DataType::varchar2(75)) }
    }

    /// A datetime or text as another datetime family.
    pub fn datetime_of(&self, sql: Sql, family: Family) -> Result<Sql> {
        let (target, parameter, data_type, name) = match family {
            Family::Date => ('D', "NLS_DATE_FORMAT", DataType::Date, "DATE"),
            Family::Timestamp => ('T', "NLS_TIMESTAMP_FORMAT", DataType::Timestamp { digits: 9 }, "TIMESTAMP"),
            Family::TimestampLtz => {
                ('L', "NLS_TIMESTAMP_TZ_FORMAT", DataType::TimestampLtz { digits: 9 }, "TIMESTAMP WITH LOCAL TIME ZONE")
            }
            _ => ('Z', "NLS_TIMESTAMP_TZ_FORMAT", DataType::TimestampTz { digits: 9 }, "TIMESTAMP WITH TIME ZONE"),
        };
        if sql.is_null {
            return Ok(Sql { data_type, ..sql });
        }
        let offset = self.context.nls.offset_minutes;
        let nullable = sql.nullable;
        let text = if sql.is_text() {
            let model = text_literal(self.context.nls.get(parameter));
            format!("o_text_datetime({}, {model}, '{target}', {offset})", sql.text)
        } else if sql.is_datetime() {
            if sql.family() == family {
                return Ok(sql);
            }
            format!("o_datetime({}, '{}', '{target}', {offset})", sql.text, sql.letter())
        } else {
            return Err(sql.inconsistent(name));
        };
        Ok(Sql { nullable, ..Sql::new(text, data_type) })
    }

    /// Any value as one of `family`, as an assignment or a comparison converts it.
    pub fn convert(&self, sql: Sql, family: Family) -> Result<Sql> {
        match family {
            Family::Number => sql.into_number(),
            Family::BinaryDouble => sql.into_double(),
            Family::BinaryFloat if sql.family() == Family::BinaryFloat => Ok(sql),
            Family::BinaryFloat => Ok(sql.into_double()?.wrap("o_double_float", DataType::BinaryFloat)),
            Family::Text | Family::Char | Family::Clob | Family::Rowid => self.text_of(sql),
            Family::Date | Family::Timestamp | Family::TimestampTz | Family::TimestampLtz => self.datetime_of(sql, family),
            Family::IntervalDs | Family::IntervalYm => self.interval_of(sql, family),
            Family::Cursor => Err(sql.inconsistent("CURSOR")),
            Family::Boolean => self.boolean_of(sql),
            Family::Json => self.json_of(sql),
            Family::Raw | Family::Blob => match sql.family() {
                _ if sql.is_null => Ok(sql),
                Family::Raw | Family::Blob => Ok(sql),
                Family::Text | Family::Char => Ok(sql.wrap("o_unhex", DataType::Raw { size: 32_767 })),
                _ => Err(sql.inconsistent(if family == Family::Raw { "BINARY" } else { "BLOB" })),
            },
        }
    }

    /// Both sides of a comparison in one family; the third value is what SQLite must add to compare them (a collation).
    pub fn comparable(&self, left: Sql, right: Sql) -> Result<(String, String, &'static str)> {
        if let Some(pair) = rowid_pair(&left, &right) {
            return Ok((pair.0, pair.1, ""));
        }
        if let Some((right, left)) = rowid_pair(&right, &left) {
            return Ok((left, right, ""));
        }
        let is_rowid = |side: &Sql| side.family() == Family::Rowid;
        if (is_rowid(&left) || is_rowid(&right)) && [&left, &right].into_iter().all(|side| side.is_text() || is_rowid(side)) {
            // Letters of a ROWID do not sort as ROWIDs do.
            return Ok((format!("o_rowid_key({})", left.text), format!("o_rowid_key({})", right.text), ""));
        }
        for side in [&left, &right] {
            if matches!(side.data_type, DataType::Long | DataType::LongRaw) {
                return Err(OraError::new(997, "illegal use of LONG datatype"));
            }
            if side.is_incomparable() && !side.is_null {
                return Err(OraError::inconsistent("-", side.data_type.dictionary_name()));
            }
        }
        let blank_padded = |side: &Sql| side.is_literal || side.is_null || side.family() == Family::Char;
        let family = comparison_family(&left, &right);
        let collation = match family {
            Family::Text if blank_padded(&left) && blank_padded(&right) => " COLLATE RTRIM",
            Family::Text => " COLLATE BINARY",
            _ => "",
        };
        let (left, right) = (self.convert(left, family)?, self.convert(right, family)?);
        if family == Family::TimestampTz {
            return Ok((format!("substr({}, 1, 11)", left.text), format!("substr({}, 1, 11)", right.text), ""));
        }
        Ok((left.text, right.text, collation))
    }

    /// The common type of CASE branches, NVL arguments and the like.
    pub fn unify(&self, values: Vec<Sql>) -> Result<(Vec<Sql>, DataType)> {
        let typed: Vec<&Sql> = values.iter().filter(|value| !value.is_null).collect();
        let Some(first) = typed.first() else {
            return Ok((values, DataType::varchar2(0)));
        };
        let family = first.family();
        let same = typed.iter().all(|value| value.data_type == first.data_type);
        let length = typed.iter().map(|value| value.data_type.data_length()).max().unwrap_or(0);
        let data_type = match family {
            _ if same => first.data_type,
            Family::Text | Family::Char => DataType::varchar2(length),
            Family::Number => DataType::NUMBER,
            Family::Raw => DataType::Raw { size: length },
            _ => first.data_type,
        };
        let converted = values.into_iter().map(|value| self.convert(value, family)).collect::<Result<Vec<_>>>()?;
        Ok((converted, data_type))
    }
}

/// `rowid = text`: decode the text once and use SQLite's own key.
fn rowid_pair(left: &Sql, right: &Sql) -> Option<(String, String)> {
    let (rowid, table) = left.rowid.as_ref()?;
    match &right.rowid {
        Some((other, other_table)) if other_table == table => Some((rowid.clone(), other.clone())),
        Some(_) => None,
        None if right.is_text() || right.family() == Family::Rowid => {
            Some((rowid.clone(), format!("o_rowid_number({table}, {})", right.text)))
        }
        None => None,
    }
}

fn comparison_family(left: &Sql, right: &Sql) -> Family {
    let has = |family: Family| left.family() == family && !left.is_null || right.family() == family && !right.is_null;
    if left.is_null || right.is_null {
        let other = if left.is_null { right } else { left };
        return if other.is_text() { Family::Text } else { other.family() };
    }
    if has(Family::Boolean) {
        return Family::Boolean;
    }
    if left.is_float() || right.is_float() {
        return Family::BinaryDouble;
    }
    if has(Family::Number) {
        return Family::Number;
    }
    for family in [Family::TimestampTz, Family::TimestampLtz] {
        if has(family) {
            return Family::TimestampTz;
        }
    }
    for family in [Family::Timestamp, Family::Date, Family::IntervalDs, Family::IntervalYm, Family::Raw] {
        if has(family) {
            return family;
        }
    }
    Family::Text
}
