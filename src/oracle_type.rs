//! Oracle columns as the bridge sees them: what a describe answered, without any handle.

use std::fmt;

mod charset;
mod parse;

pub use charset::{DatabaseCharset, EncodedText, TextCoder};
pub use parse::UnknownType;

/// An Oracle column type with what the bridge needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OracleType {
    /// `NUMBER`, `NUMBER(p)`, `NUMBER(p,s)`, `NUMBER(*,s)`. `precision` 1..=38, `scale` -84..=127; both `None` for plain `NUMBER`.
    Number {
        /// Decimal digits, `None` for `*`.
        precision: Option<u8>,
        /// Digits after the point, `None` for plain NUMBER.
        scale: Option<i8>,
    },
    /// `FLOAT(b)`: a NUMBER rounded to `b` binary digits (1..=126), that is to `ceil(b * 0.30103)` decimal ones.
    Float {
        /// Binary digits.
        binary_precision: u8,
    },
    /// 4-byte IEEE float.
    BinaryFloat,
    /// 8-byte IEEE float.
    BinaryDouble,
    /// `VARCHAR2`.
    Varchar2(TextSize),
    /// `NVARCHAR2`.
    Nvarchar2(TextSize),
    /// `CHAR`: blank-padded by the database.
    Char(TextSize),
    /// `NCHAR`: blank-padded by the database.
    Nchar(TextSize),
    /// Seconds, no zone.
    Date,
    /// `TIMESTAMP(n)`, n 0..=9.
    Timestamp {
        /// Digits after the second.
        fractional_digits: u8,
    },
    /// `TIMESTAMP(n) WITH TIME ZONE`.
    TimestampTz {
        /// Digits after the second.
        fractional_digits: u8,
    },
    /// `TIMESTAMP(n) WITH LOCAL TIME ZONE`.
    TimestampLtz {
        /// Digits after the second.
        fractional_digits: u8,
    },
    /// `INTERVAL DAY(d) TO SECOND(n)`.
    IntervalDaySecond {
        /// Digits of the days, 0 to 9.
        day_digits: u8,
        /// Digits after the second.
        fractional_digits: u8,
    },
    /// `INTERVAL YEAR(y) TO MONTH`.
    IntervalYearMonth {
        /// Digits of the years, 0 to 9.
        year_digits: u8,
    },
    /// `RAW(n)`.
    Raw {
        /// Column limit.
        max_bytes: u32,
    },
    /// Character LOB.
    Clob,
    /// National character LOB.
    Nclob,
    /// Binary LOB.
    Blob,
    /// Anything that this version does not write; kept so that an error can name it.
    Other {
        /// As SQL spells it, or `type NNN`.
        name: String,
    },
}

impl OracleType {
    /// Its values are instants: TIMESTAMP WITH TIME ZONE and WITH LOCAL TIME ZONE.
    pub fn is_zoned(&self) -> bool {
        matches!(self, OracleType::TimestampTz { .. } | OracleType::TimestampLtz { .. })
    }

    /// Dates, timestamps and intervals.
    pub fn is_temporal(&self) -> bool {
        use OracleType::*;
        matches!(
            self,
            Date | Timestamp { .. } | TimestampTz { .. } | TimestampLtz { .. } | IntervalYearMonth { .. } | IntervalDaySecond { .. }
        )
    }

    /// CLOB, NCLOB and BLOB.
    pub fn is_lob(&self) -> bool {
        matches!(self, OracleType::Clob | OracleType::Nclob | OracleType::Blob)
    }

    /// Values of any length go in, through temporary LOBs where they are long: LOBs, and JSON, XMLTYPE and VECTOR, whose text is parsed by the database.
    pub fn takes_long_values(&self) -> bool {
        self.is_lob() || matches!(self, OracleType::Other { name } if matches!(name.as_str(), "JSON" | "XMLTYPE") || is_vector(name))
    }

    /// One of the types that are known by their name alone: they travel as text or numbers that the database converts.
    pub fn is_named(&self, wanted: &str) -> bool {
        matches!(self, OracleType::Other { name } if name == wanted)
    }

    /// NUMBER and FLOAT: decimal numbers.
    pub fn is_number(&self) -> bool {
        matches!(self, OracleType::Number { .. } | OracleType::Float { .. })
    }
}

/// `VECTOR`, or with its dimensions and format: `VECTOR(3,FLOAT32)`.
pub fn is_vector(name: &str) -> bool {
    name == "VECTOR" || name.strip_prefix("VECTOR(").is_some_and(|arguments| arguments.ends_with(')'))
}

/// How the numbers of a VECTOR are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VectorFormat {
    /// 4-byte floats.
    Float32,
    /// 8-byte floats.
    Float64,
    /// Signed bytes.
    Int8,
}

impl VectorFormat {
    /// Of the name, as SQL spells it.
    pub fn named(name: &str) -> Option<Self> {
        [VectorFormat::Float32, VectorFormat::Float64, VectorFormat::Int8].into_iter().find(|format| format.name() == name)
    }

    /// Every number of `self` is one of `wider`.
    pub fn fits_in(self, wider: VectorFormat) -> bool {
        self == wider || wider == VectorFormat::Float64 || self == VectorFormat::Int8
    }

    /// As SQL spells it.
    pub const fn name(self) -> &'static str {
        match self {
            VectorFormat::Float32 => "FLOAT32",
            VectorFormat::Float64 => "FLOAT64",
            VectorFormat::Int8 => "INT8",
        }
    }
}

/// Dimensions and format of a `VECTOR(…)`; `None` where any is allowed. `None` altogether for the bare name, which does not tell.
pub fn vector_arguments(name: &str) -> Option<(Option<u32>, Option<VectorFormat>)> {
    let arguments = name.strip_prefix("VECTOR(")?.strip_suffix(')')?;
    let (dimensions, format) = arguments.split_once(',').unwrap_or((arguments, "*"));
    Some((dimensions.parse().ok(), VectorFormat::named(format)))
}

/// Size limit of a character column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TextSize {
    /// Limit in bytes of the database character set, always present (for `n CHAR` it is what the database reserves).
    pub max_bytes: u32,
    /// `Some(n)` for `n CHAR`, `None` when the limit is in bytes.
    pub max_chars: Option<u32>,
}

impl TextSize {
    /// `VARCHAR2(n BYTE)`.
    pub const fn bytes(max_bytes: u32) -> Self {
        TextSize { max_bytes, max_chars: None }
    }
    /// `VARCHAR2(n CHAR)` in AL32UTF8 (4 bytes a character, at most 4000 or 32767).
    pub const fn chars(max_chars: u32) -> Self {
        TextSize {
            max_bytes: if max_chars > 1000 { if max_chars > 4000 { 32767 } else { 4000 } } else { max_chars * 4 },
            max_chars: Some(max_chars),
        }
    }
}

/// Characters of a text in UTF-8 as `n CHAR` counts them: Unicode code points, which is bytes without the continuation bytes.
pub fn count_chars(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

impl fmt::Display for TextSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.max_chars {
            Some(chars) => write!(f, "{chars} CHAR"),
            None => write!(f, "{}", self.max_bytes),
        }
    }
}

impl fmt::Display for OracleType {
    /// The DDL spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OracleType::Number { precision: None, scale: None } => f.write_str("NUMBER"),
            OracleType::Number { precision: None, scale: Some(s) } => write!(f, "NUMBER(*,{s})"),
            OracleType::Number { precision: Some(p), scale: None | Some(0) } => write!(f, "NUMBER({p})"),
            OracleType::Number { precision: Some(p), scale: Some(s) } => write!(f, "NUMBER({p},{s})"),
            OracleType::Float { binary_precision } => write!(f, "FLOAT({binary_precision})"),
            OracleType::BinaryFloat => f.write_str("BINARY_FLOAT"),
            OracleType::BinaryDouble => f.write_str("BINARY_DOUBLE"),
            OracleType::Varchar2(size) => write!(f, "VARCHAR2({size})"),
            OracleType::Nvarchar2(size) => write!(f, "NVARCHAR2({})", size.max_chars.unwrap_or(size.max_bytes)),
            OracleType::Char(size) => write!(f, "CHAR({size})"),
            OracleType::Nchar(size) => write!(f, "NCHAR({})", size.max_chars.unwrap_or(size.max_bytes)),
            OracleType::Date => f.write_str("DATE"),
            OracleType::Timestamp { fractional_digits } => write!(f, "TIMESTAMP({fractional_digits})"),
            OracleType::TimestampTz { fractional_digits } => write!(f, "TIMESTAMP({fractional_digits}) WITH TIME ZONE"),
            OracleType::TimestampLtz { fractional_digits } => write!(f, "TIMESTAMP({fractional_digits}) WITH LOCAL TIME ZONE"),
            OracleType::IntervalDaySecond { day_digits, fractional_digits } => {
                write!(f, "INTERVAL DAY({day_digits}) TO SECOND({fractional_digits})")
            }
            OracleType::IntervalYearMonth { year_digits } => write!(f, "INTERVAL YEAR({year_digits}) TO MONTH"),
            OracleType::Raw { max_bytes } => write!(f, "RAW({max_bytes})"),
            OracleType::Clob => f.write_str("CLOB"),
            OracleType::Nclob => f.write_str("NCLOB"),
            OracleType::Blob => f.write_str("BLOB"),
            OracleType::Other { name } => f.write_str(name),
        }
    }
}

/// A column of a table or of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDesc {
    /// The name as the dictionary has it (case kept).
    pub name: String,
    /// Its type.
    pub oracle_type: OracleType,
    /// NULL allowed.
    pub nullable: bool,
}

/// A table's name, unquoted parts as the dictionary has them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableName {
    /// Owner; `None` for the session's own.
    pub schema: Option<String>,
    /// Table.
    pub table: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.table),
            None => f.write_str(&self.table),
        }
    }
}

/// A described table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDesc {
    /// Its name.
    pub name: TableName,
    /// Its columns in table order.
    pub columns: Vec<ColumnDesc>,
}
