//! Parser of data types.

use sqlparser::tokenizer::Token;

use super::super::tokens::TokenReader;
use super::super::types::{CharUnit, DataType, VectorFormat};
use super::super::value::MAX_TEXT_BYTES;
use super::super::vector::MOST_DIMENSIONS;
use super::super::{OraError, Result};

/// Parses a type by itself, as written by `DataType`'s Display.
pub(crate) fn parse_type(text: &str) -> Result<DataType> {
    let mut reader = TokenReader::new(text)?;
    let data_type = data_type(&mut reader)?;
    reader.expect_end()?;
    Ok(data_type)
}

/// A data type.
pub(crate) fn data_type(reader: &mut TokenReader<'_>) -> Result<DataType> {
    let offset = reader.offset();
    let word = reader.peek_word().ok_or_else(|| reader.error(902, "invalid datatype"))?;
    reader.next();
    let integer = DataType::Number { precision: Some(38), scale: Some(0) };
    Ok(match word.as_str() {
        "NUMBER" => number(reader, None)?,
        "NUMERIC" | "DECIMAL" | "DEC" => number(reader, Some(integer))?,
        "INTEGER" | "INT" | "SMALLINT" => integer,
        "FLOAT" => DataType::Float {
            binary_precision: optional_size(reader, 126, 1..=126, 1724, "floating point precision is out of range (1 to 126)")? as u8,
        },
        "REAL" => DataType::Float { binary_precision: 63 },
        "DOUBLE" => {
            reader.expect("PRECISION")?;
            DataType::Float { binary_precision: 126 }
        }
        "BINARY_FLOAT" => DataType::BinaryFloat,
        "BINARY_DOUBLE" => DataType::BinaryDouble,
        "VARCHAR2" | "VARCHAR" => text(reader, None, false, MAX_TEXT_BYTES as i64)?,
        "NVARCHAR2" => text(reader, None, true, 16_383)?,
        "CHAR" | "CHARACTER" => text(reader, Some(1), false, 2000)?,
        "NCHAR" => text(reader, Some(1), true, 1000)?,
        "DATE" => DataType::Date,
        "TIMESTAMP" => timestamp(reader)?,
        "RAW" => {
            if reader.peek() != Some(&Token::LParen) {
                return Err(reader.error(906, "missing left parenthesis"));
            }
            DataType::Raw {
                size: optional_size(reader, 1, 1..=MAX_TEXT_BYTES as i64, 910, "specified length too long for its datatype")? as u32,
            }
        }
        "CLOB" => DataType::Clob,
        "NCLOB" => DataType::Nclob,
        "BLOB" => DataType::Blob,
        "ROWID" => DataType::Rowid,
        "UROWID" => {
            DataType::Urowid { size: optional_size(reader, 4000, 1..=4000, 910, "specified length too long for its datatype")? as u32 }
        }
        "LONG" if reader.take("RAW") => DataType::LongRaw,
        "LONG" => DataType::Long,
        "INTERVAL" => interval(reader)?,
        "BOOLEAN" | "BOOL" => DataType::Boolean,
        "JSON" if reader.peek() == Some(&Token::LParen) => {
            return Err(OraError::unsupported("JSON with a modifier").at(Some(offset)));
        }
        "JSON" => DataType::Json,
        "VECTOR" => vector(reader)?,
        "BFILE" | "XMLTYPE" | "SDO_GEOMETRY" | "SYS" => {
            return Err(OraError::unsupported(format_args!("type {word}")).at(Some(offset)));
        }
        _ => return Err(OraError::new(902, "invalid datatype").at(Some(offset))),
    })
}

fn optional_size(
    reader: &mut TokenReader<'_>,
    default: i64,
    range: std::ops::RangeInclusive<i64>,
    code: i32,
    message: &str,
) -> Result<i64> {
    if !reader.take_token(&Token::LParen) {
        return Ok(default);
    }
    let size = reader.integer()?;
    if size == 0 && code == 910 {
        return Err(reader.error(1723, "zero-length columns are not allowed"));
    }
    if !range.contains(&size) {
        return Err(reader.error(code, message));
    }
    reader.expect_token(&Token::RParen)?;
    Ok(size)
}

fn number(reader: &mut TokenReader<'_>, bare: Option<DataType>) -> Result<DataType> {
    if !reader.take_token(&Token::LParen) {
        return Ok(bare.unwrap_or(DataType::NUMBER));
    }
    let precision = if reader.take_token(&Token::Mul) { None } else { Some(reader.integer()?) };
    if precision.is_some_and(|precision| !(1..=38).contains(&precision)) {
        return Err(reader.error(1727, "numeric precision specifier is out of range (1 to 38)"));
    }
    let scale = if reader.take_token(&Token::Comma) { Some(reader.integer()?) } else { None };
    if scale.is_some_and(|scale| !(-84..=127).contains(&scale)) {
        return Err(reader.error(1728, "numeric scale specifier is out of range (-84 to 127)"));
    }
    reader.expect_token(&Token::RParen)?;
    // NUMBER(*) is NUMBER; NUMBER(p) is NUMBER(p,0).
    let scale = scale.or(precision.map(|_| 0));
    Ok(DataType::Number { precision: precision.map(|precision| precision as u8), scale: scale.map(|scale| scale as i8) })
}

fn text(reader: &mut TokenReader<'_>, default: Option<i64>, national: bool, most: i64) -> Result<DataType> {
    let fixed = default.is_some();
    let mut unit = if national { CharUnit::Char } else { CharUnit::Byte };
    let size = if reader.take_token(&Token::LParen) {
        let size = reader.integer()?;
        if size == 0 {
            return Err(reader.error(1723, "zero-length columns are not allowed"));
        }
        if !(1..=most).contains(&size) {
            return Err(reader.error(910, "specified length too long for its datatype"));
        }
        if !national {
            if reader.take("CHAR") {
                unit = CharUnit::Char;
            } else {
                reader.take("BYTE");
            }
        }
        reader.expect_token(&Token::RParen)?;
        size
    } else {
        default.ok_or_else(|| reader.error(906, "missing left parenthesis"))?
    };
    let size = size as u32;
    Ok(if fixed { DataType::Char { size, unit, national } } else { DataType::Varchar2 { size, unit, national } })
}

fn timestamp(reader: &mut TokenReader<'_>) -> Result<DataType> {
    let digits = optional_size(reader, 6, 0..=9, 30088, "datetime/interval precision is out of range")? as u8;
    Ok(if reader.take("WITH TIME ZONE") {
        DataType::TimestampTz { digits }
    } else if reader.take("WITH LOCAL TIME ZONE") {
        DataType::TimestampLtz { digits }
    } else {
        DataType::Timestamp { digits }
    })
}

/// `VECTOR [(dimensions | * [, format | * [, DENSE | *]])]`.
fn vector(reader: &mut TokenReader<'_>) -> Result<DataType> {
    let mut vector = (0, VectorFormat::Any);
    if !reader.take_token(&Token::LParen) {
        return Ok(DataType::Vector { dimensions: vector.0, format: vector.1 });
    }
    if !reader.take_token(&Token::Mul) {
        let dimensions = reader.integer()?;
        if !(1..=MOST_DIMENSIONS as i64).contains(&dimensions) {
            return Err(reader.error(51_813, "vector dimension count is out of range"));
        }
        vector.0 = dimensions as u32;
    }
    if reader.take_token(&Token::Comma) && !reader.take_token(&Token::Mul) {
        let word = reader.peek_word().unwrap_or_default();
        vector.1 = VectorFormat::named(&word).ok_or_else(|| OraError::unsupported(format_args!("vectors of {word}")))?;
        reader.next();
    }
    if reader.take_token(&Token::Comma) && !reader.take_token(&Token::Mul) {
        reader.expect("DENSE")?;
    }
    reader.expect_token(&Token::RParen)?;
    Ok(DataType::Vector { dimensions: vector.0, format: vector.1 })
}

fn interval(reader: &mut TokenReader<'_>) -> Result<DataType> {
    const RANGE: &str = "datetime/interval precision is out of range";
    if reader.take("YEAR") {
        let year_digits = optional_size(reader, 2, 0..=9, 30088, RANGE)? as u8;
        reader.expect("TO MONTH")?;
        return Ok(DataType::IntervalYm { year_digits });
    }
    reader.expect("DAY")?;
    let day_digits = optional_size(reader, 2, 0..=9, 30088, RANGE)? as u8;
    reader.expect("TO SECOND")?;
    Ok(DataType::IntervalDs { day_digits, second_digits: optional_size(reader, 6, 0..=9, 30088, RANGE)? as u8 })
}
