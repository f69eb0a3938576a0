//! The DDL spelling back into a type: what [`OracleType`]'s `Display` writes.

use std::str::FromStr;

use super::{OracleType, TextSize};

/// This is not how a type is spelled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no Oracle type that is known here")]
pub struct UnknownType(String);

impl FromStr for OracleType {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<Self, UnknownType> {
        parse(text).ok_or_else(|| UnknownType(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<OracleType> {
    let (name, rest) = text.split_once('(').unwrap_or((text, ")"));
    let (argument, suffix) = rest.split_once(')')?;
    Some(match (name, argument, suffix) {
        ("NUMBER", "", "") => OracleType::Number { precision: None, scale: None },
        ("NUMBER", argument, "") => number(argument)?,
        ("FLOAT", argument, "") => OracleType::Float { binary_precision: argument.parse().ok().filter(|bits| (1..=126).contains(bits))? },
        ("BINARY_FLOAT", "", "") => OracleType::BinaryFloat,
        ("BINARY_DOUBLE", "", "") => OracleType::BinaryDouble,
        ("VARCHAR2", argument, "") => OracleType::Varchar2(text_size(argument)?),
        ("CHAR", argument, "") => OracleType::Char(text_size(argument)?),
        ("NVARCHAR2", argument, "") => OracleType::Nvarchar2(national_size(argument)?),
        ("NCHAR", argument, "") => OracleType::Nchar(national_size(argument)?),
        ("DATE", "", "") => OracleType::Date,
        ("TIMESTAMP", argument, "") => OracleType::Timestamp { fractional_digits: digits(argument)? },
        ("TIMESTAMP", argument, " WITH TIME ZONE") => OracleType::TimestampTz { fractional_digits: digits(argument)? },
        ("TIMESTAMP", argument, " WITH LOCAL TIME ZONE") => OracleType::TimestampLtz { fractional_digits: digits(argument)? },
        ("INTERVAL DAY", argument, suffix) => OracleType::IntervalDaySecond {
            day_digits: digits(argument)?,
            fractional_digits: digits(suffix.strip_prefix(" TO SECOND(")?.strip_suffix(')')?)?,
        },
        ("INTERVAL YEAR", argument, " TO MONTH") => OracleType::IntervalYearMonth { year_digits: digits(argument)? },
        ("RAW", argument, "") => OracleType::Raw { max_bytes: size(argument)? },
        ("CLOB", "", "") => OracleType::Clob,
        ("NCLOB", "", "") => OracleType::Nclob,
        ("BLOB", "", "") => OracleType::Blob,
        ("JSON" | "BOOLEAN" | "XMLTYPE" | "VECTOR", "", "") => OracleType::Other { name: name.to_owned() },
        ("VECTOR", argument, "") => vector(argument)?,
        ("ROWID" | "UROWID", "", "") => OracleType::Other { name: name.to_owned() },
        _ => return None,
    })
}

/// `p`, `p,s` or `*,s`.
fn number(argument: &str) -> Option<OracleType> {
    let (precision, scale) = argument.split_once(',').unwrap_or((argument, "0"));
    let precision = match precision {
        "*" => None,
        digits => Some(digits.parse().ok().filter(|digits| (1..=38).contains(digits))?),
    };
    Some(OracleType::Number { precision, scale: Some(scale.parse().ok().filter(|scale| (-84..=127).contains(scale))?) })
}

/// Dimensions and format, `*` for any; blanks are left out.
fn vector(argument: &str) -> Option<OracleType> {
    const MAX_DIMENSIONS: u32 = 65_535;
    let (dimensions, format) = argument.split_once(',').unwrap_or((argument, "*"));
    let (dimensions, format) = (dimensions.trim(), format.trim());
    let known_size = dimensions == "*" || dimensions.parse().is_ok_and(|count: u32| (1..=MAX_DIMENSIONS).contains(&count));
    let known = known_size && matches!(format, "*" | "FLOAT32" | "FLOAT64" | "INT8" | "BINARY");
    known.then(|| OracleType::Other { name: format!("VECTOR({dimensions},{format})") })
}

fn size(argument: &str) -> Option<u32> {
    argument.parse().ok().filter(|size| (1..=32_767).contains(size))
}

fn digits(argument: &str) -> Option<u8> {
    argument.parse().ok().filter(|digits| *digits <= 9)
}

fn text_size(argument: &str) -> Option<TextSize> {
    match argument.strip_suffix(" CHAR") {
        Some(chars) => size(chars).map(TextSize::chars),
        None => size(argument).map(TextSize::bytes),
    }
}

/// 16-bit units, two bytes each in the database.
fn national_size(argument: &str) -> Option<TextSize> {
    size(argument).map(|units| TextSize { max_bytes: units * 2, max_chars: Some(units) })
}

#[cfg(test)]
mod tests {
    use crate::oracle_type::OracleType;
    use crate::type_map::{sample_named_types, sample_oracle_types};

    #[test]
    fn types_parse_as_they_print() {
        for oracle_type in sample_oracle_types() {
            match oracle_type {
                OracleType::Other { .. } => assert!(oracle_type.to_string().parse::<OracleType>().is_err()),
                known => assert_eq!(known.to_string().parse(), Ok(known)),
            }
        }
        for named in sample_named_types() {
            assert_eq!(named.to_string().parse(), Ok(named));
        }
        let vector: OracleType = "VECTOR( 3 , FLOAT32 )".parse().unwrap();
        assert_eq!(vector.to_string(), "VECTOR(3,FLOAT32)");
        assert_eq!("ROWID".parse(), Ok(OracleType::Other { name: "ROWID".into() }));
        for text in [
            "",
            "NUMBER(",
            "NUMBER(39)",
            "NUMBER(5,128)",
            "VARCHAR2",
            "VARCHAR2(0)",
            "VARCHAR2(5) DEFAULT 'x'",
            "DATE; DROP TABLE T",
            "JSON(1)",
            "VECTOR(0)",
            "VECTOR(3,FLOAT)",
            "VECTOR(3,FLOAT32,DENSE)",
            "XMLTYPE NOT NULL",
            "TIMESTAMP(10)",
            "INTERVAL DAY(9) TO SECOND",
            "INTERVAL DAY(10) TO SECOND(3)",
            "INTERVAL YEAR(2)",
        ] {
            assert!(text.parse::<OracleType>().is_err(), "{text}");
        }
    }
}
