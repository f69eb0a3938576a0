//! Functions beyond the common ones, and aggregates over windows.

use sqlparser::ast::{Expr, Function};

use super::super::release::Release;
use super::super::types::{CharUnit, DataType, Family};
use super::super::{OraError, Result, undo};
use super::{Sql, Translator};

/// Least and greatest number of arguments.
pub(super) fn arity(name: &str) -> Option<(usize, usize)> {
    Some(match name {
        "INITCAP"
        | "LAST_DAY"
        | "VSIZE"
        | "UNISTR"
        | "JSON"
        | "TZ_OFFSET"
        | "TO_BOOLEAN"
        | "TO_NCLOB"
        | "TO_BLOB"
        | "UTL_RAW.CAST_TO_RAW"
        | "UTL_RAW.CAST_TO_VARCHAR2"
        | "DBMS_LOB.GETLENGTH"
        | "TIMESTAMP_TO_SCN"
        | "SCN_TO_TIMESTAMP"
        | "ROWIDTOCHAR"
        | "ROWIDTONCHAR"
        | "CHARTOROWID"
        | "DBMS_ROWID.ROWID_OBJECT"
        | "DBMS_ROWID.ROWID_ROW_NUMBER" => (1, 1),
        "DBMS_ROWID.ROWID_RELATIVE_FNO" | "DBMS_ROWID.ROWID_BLOCK_NUMBER" => (1, 2),
        "DBMS_ROWID.ROWID_CREATE" => (5, 5),
        "MONTHS_BETWEEN" | "BITAND" | "FROM_TZ" | "NEXT_DAY" => (2, 2),
        "TRANSLATE" | "NEW_TIME" => (3, 3),
        "ORA_HASH" => (1, 3),
        "STANDARD_HASH" => (1, 2),
        "GREATEST" | "LEAST" => (1, usize::MAX),
        _ => return super::regexp::arity(name),
    })
}

impl Translator<'_> {
    /// A function of [`arity`].
    pub(super) fn more_functions(&self, name: &str, values: Vec<Sql>) -> Result<Sql> {
        let first = values.first().cloned().unwrap_or_else(Sql::null);
        match name {
            "GREATEST" | "LEAST" => {
                let nullable = values.iter().any(|value| value.nullable);
                let (values, data_type) = self.unify(values)?;
                if matches!(data_type.family(), Family::Clob | Family::Blob | Family::Json | Family::Vector) {
                    return Err(OraError::inconsistent("-", data_type.dictionary_name()));
                }
                let texts = values.iter().map(|value| value.text.as_str()).collect::<Vec<_>>();
                let text = match texts.as_slice() {
                    [one] => (*one).to_owned(),
                    many => format!("{}({})", if name == "GREATEST" { "max" } else { "min" }, many.join(", ")),
                };
                Ok(Sql { nullable, ..Sql::new(text, data_type) })
            }
            "INITCAP" => {
                let text = self.text_of(first)?;
                Ok(Sql::new(format!("o_initcap({})", text.text), DataType::varchar2(text.data_type.data_length().max(1))))
            }
            "TRANSLATE" => {
                let texts = values.into_iter().map(|value| Ok(self.text_of(value)?.text)).collect::<Result<Vec<_>>>()?;
                Ok(Sql::new(format!("o_translate({})", texts.join(", ")), DataType::varchar2(4000)))
            }
            "UNISTR" => {
                let text = self.text_of(first)?;
                let size = text.data_type.data_length().clamp(1, 16_383);
                let data_type = DataType::Varchar2 { size, unit: CharUnit::Char, national: true };
                Ok(Sql::new(format!("o_unistr({})", text.text), data_type))
            }
            "TO_NCLOB" => Ok(Sql { data_type: DataType::Nclob, is_literal: false, ..self.text_of(first)? }),
            "TO_BLOB" => Ok(Sql { data_type: DataType::Blob, ..self.convert(first, Family::Raw)? }),
            "UTL_RAW.CAST_TO_RAW" => {
                let text = self.text_of(first)?;
                let size = text.data_type.data_length().clamp(1, 32_767);
                Ok(Sql::new(format!("CAST({} AS BLOB)", text.text), DataType::Raw { size }))
            }
            "UTL_RAW.CAST_TO_VARCHAR2" => {
                let raw = self.convert(first, Family::Raw)?;
                let size = raw.data_type.data_length().clamp(1, 32_767);
                Ok(Sql::new(format!("o_raw_text({})", raw.text), DataType::varchar2(size)))
            }
            "DBMS_LOB.GETLENGTH" => Ok(Sql::new(format!("o_length({})", first.text), DataType::NUMBER)),
            "VSIZE" => Ok(Sql::new(format!("o_lengthb({})", first.text), DataType::NUMBER)),
            "TIMESTAMP_TO_SCN" => {
                Ok(Sql { nullable: false, ..Sql::new(format!("o_integer({})", undo::scn_at(&self.time_us(first)?)), DataType::NUMBER) })
            }
            "SCN_TO_TIMESTAMP" => Ok(Sql::new(undo::time_of(&first.into_number()?.text), DataType::Timestamp { digits: 9 })),
            "LAST_DAY" => Ok(Sql::new(format!("o_last_day({})", self.datetime_of(first, Family::Date)?.text), DataType::Date)),
            "MONTHS_BETWEEN" => {
                let texts = values.into_iter().map(|value| Ok(self.datetime_of(value, Family::Date)?.text)).collect::<Result<Vec<_>>>()?;
                Ok(Sql::new(format!("o_months_between({})", texts.join(", ")), DataType::NUMBER))
            }
            "BITAND" => {
                let texts = values.into_iter().map(|value| Ok(value.into_number()?.text)).collect::<Result<Vec<_>>>()?;
                Ok(Sql::new(format!("o_bitand({})", texts.join(", ")), DataType::NUMBER))
            }
            "FROM_TZ" | "TZ_OFFSET" | "NEXT_DAY" | "NEW_TIME" => self.datetime_function(name, values),
            _ if super::regexp::arity(name).is_some() => self.regexp_function(name, values),
            "ORA_HASH" | "STANDARD_HASH" => self.hash(name, values),
            "TO_BOOLEAN" if self.context.release >= Release::R23 => self.boolean_of(first),
            "JSON" if self.context.release >= Release::R23 => self.json_of(first),
            _ => self.rowid_function(name, values),
        }
    }

    /// ORA_HASH and STANDARD_HASH of text, RAW and NUMBER; in which bytes Oracle hashes other types is not known well enough.
    fn hash(&self, name: &str, values: Vec<Sql>) -> Result<Sql> {
        let mut values = values.into_iter();
        let value = values.next().unwrap_or_else(Sql::null);
        let bytes = match value.family() {
            _ if value.is_null => "NULL".to_owned(),
            Family::Text | Family::Char if value.data_type.is_national() => format!("o_utf16({})", value.text),
            Family::Text | Family::Char | Family::Raw | Family::Number => value.text,
            _ => return Err(OraError::unsupported(format_args!("{name} of {}", value.data_type))),
        };
        if name == "STANDARD_HASH" {
            let method = match values.next() {
                None => "'SHA1'".to_owned(),
                Some(method) => format!("upper({})", self.text_of(method)?.text),
            };
            return Ok(Sql { nullable: false, ..Sql::new(format!("o_standard_hash({bytes}, {method})"), DataType::Raw { size: 64 }) });
        }
        let mut bounds = Vec::new();
        for default in ["4294967295", "0"] {
            bounds.push(values.next().map_or(Ok(default.to_owned()), |bound| Ok::<_, OraError>(bound.into_number()?.text))?);
        }
        Ok(Sql::new(format!("o_ora_hash({bytes}, {})", bounds.join(", ")), DataType::NUMBER))
    }

    /// ROWIDTOCHAR, CHARTOROWID and DBMS_ROWID.
    fn rowid_function(&self, name: &str, values: Vec<Sql>) -> Result<Sql> {
        let part = |part: &str| {
            let rowid = self.text_of(values[0].clone())?;
            Ok(Sql::new(format!("o_rowid_part({}, '{part}')", rowid.text), DataType::NUMBER))
        };
        match name {
            "ROWIDTOCHAR" | "ROWIDTONCHAR" => {
                Ok(Sql { rowid: None, data_type: DataType::varchar2(18), ..self.text_of(values[0].clone())? })
            }
            "CHARTOROWID" => {
                let text = self.text_of(values[0].clone())?;
                Ok(Sql::new(format!("o_rowid_of_key(o_rowid_key({}))", text.text), DataType::Rowid))
            }
            "DBMS_ROWID.ROWID_OBJECT" => part("OBJECT"),
            "DBMS_ROWID.ROWID_RELATIVE_FNO" => part("FILE"),
            "DBMS_ROWID.ROWID_BLOCK_NUMBER" => part("BLOCK"),
            "DBMS_ROWID.ROWID_ROW_NUMBER" => part("ROW"),
            "DBMS_ROWID.ROWID_CREATE" => {
                let parts = values.into_iter().skip(1).map(|value| Ok(value.into_number()?.text)).collect::<Result<Vec<_>>>()?;
                Ok(Sql::new(format!("o_rowid_create({})", parts.join(", ")), DataType::Rowid))
            }
            other => Err(OraError::unsupported(format_args!("the function {other}"))),
        }
    }

    /// Functions that are written with empty parentheses.
    pub(super) fn without_arguments(&self, name: &str) -> Option<Sql> {
        Some(match name {
            "EMPTY_CLOB" => Sql { nullable: false, ..Sql::new("''", DataType::Clob) },
            "EMPTY_BLOB" => Sql { nullable: false, ..Sql::new("x''", DataType::Blob) },
            "DBMS_FLASHBACK.GET_SYSTEM_CHANGE_NUMBER" => {
                Sql { nullable: false, ..Sql::new(format!("o_integer({})", undo::CURRENT_SCN), DataType::NUMBER) }
            }
            "SYS_GUID" => Sql { nullable: false, ..Sql::new("randomblob(16)", DataType::Raw { size: 16 }) },
            _ => return None,
        })
    }

    /// LISTAGG(text [, separator]) WITHIN GROUP (ORDER BY …) [OVER (PARTITION BY …)].
    pub(super) fn listagg(&mut self, function: &Function, arguments: &[Expr]) -> Result<Sql> {
        if arguments.is_empty() || arguments.len() > 2 {
            return Err(OraError::unsupported("this form of LISTAGG"));
        }
        let text = self.value(&arguments[0])?;
        let text = self.text_of(text)?;
        let separator = match arguments.get(1) {
            Some(separator) => {
                let separator = self.value(separator)?;
                format!("ifnull({}, '')", self.text_of(separator)?.text)
            }
            None => "''".to_owned(),
        };
        let keys = function.within_group.iter().map(|item| self.order_key(item, &[], false)).collect::<Result<Vec<_>>>()?;
        let order = if keys.is_empty() { String::new() } else { format!(" ORDER BY {}", keys.join(", ")) };
        let call = match &function.over {
            None => format!("group_concat({}, {separator}{order})", text.text),
            Some(over) => {
                let partition = self.listagg_partition(over)?;
                // The whole partition, in the order of the list.
                let frame = if keys.is_empty() { "" } else { " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING" };
                format!("group_concat({}, {separator}) OVER ({partition}{order}{frame})", text.text)
            }
        };
        Ok(Sql::new(format!("o_listagg({call})"), DataType::varchar2(32_767)))
    }
}
