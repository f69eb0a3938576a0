//! Columns of tables and queries by a describe-only execute: one round trip, and the session's own view of names and privileges.

use oci_sys::*;

use crate::error::{Error, Phase, Result};
use crate::oci::attribute::Attributes;
use crate::oci::check::OciError;
use crate::oci::handle::Parameter;
use crate::oci::session::Session;
use crate::oci::statement::Statement;
use crate::oracle_type::{ColumnDesc, OracleType, TableDesc, TableName, TextSize};

/// Table or view does not exist, or the user may not see it.
const NO_SUCH_TABLE: i32 = 942;

const NOT_A_QUERY: &str = "describe a query";

impl Session {
    /// The columns of a table or view; `None` when there is none of that name, or none that the user may see.
    pub fn describe_table(&self, name: &TableName) -> Result<Option<TableDesc>> {
        let Some(quoted) = quoted(name) else { return Ok(None) };
        match describe(self, &format!("SELECT * FROM {quoted}")) {
            Ok(columns) => Ok(Some(TableDesc { name: name.clone(), columns })),
            Err(error) if error.ora_code == NO_SUCH_TABLE => Ok(None),
            Err(error) => Err(error.into_error(Phase::Describe, Some(&name.to_string()))),
        }
    }

    /// The columns that a query returns; it is parsed but not run.
    ///
    /// # Errors
    /// [`Error::Usage`] for a statement that is no query, [`Error::Database`] for what the database refuses.
    pub fn describe_query(&self, sql: &str) -> Result<Vec<ColumnDesc>> {
        describe(self, sql).map_err(|error| match error.ora_code {
            0 if error.action == NOT_A_QUERY => {
                Error::Usage { message: error.message, remedy: "give one query: SELECT … or WITH …".into() }
            }
            _ => error.into_error(Phase::Describe, None),
        })
    }
}

/// `None` when the name has characters that no Oracle name can have.
fn quoted(name: &TableName) -> Option<String> {
    let parts: Vec<&str> = name.schema.as_deref().into_iter().chain([name.table.as_str()]).collect();
    let is_possible = parts.iter().all(|part| !part.is_empty() && !part.contains(['"', '\0']));
    is_possible.then(|| parts.iter().map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join("."))
}

fn describe(session: &Session, sql: &str) -> Result<Vec<ColumnDesc>, OciError> {
    let statement = Statement::prepare(session, sql)?;
    // SAFETY: the attribute is an unsigned 16-bit number.
    let kind: u16 = unsafe { statement.attributes().scalar(OCI_ATTR_STMT_TYPE, "read the statement type") }?;
    if kind != OCI_STMT_SELECT {
        return Err(OciError::refused("OCIStmtExecute", NOT_A_QUERY, "this statement is no query".into()));
    }
    // SAFETY: nothing is bound or defined; describe-only never reads values.
    unsafe { statement.execute(0, OCI_DESCRIBE_ONLY, "describe the select list") }?;
    select_list(&statement)
}

/// The columns of a query that has been executed or described: the client has them, no round trip.
pub(crate) fn select_list(statement: &Statement<'_>) -> Result<Vec<ColumnDesc>, OciError> {
    // SAFETY: the attribute is an unsigned 32-bit number.
    let columns: u32 = unsafe { statement.attributes().scalar(OCI_ATTR_PARAM_COUNT, "count the columns") }?;
    (1..=columns).map(|position| describe_column(statement.session(), statement, position)).collect()
}

/// What the client tells of a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct RawColumn {
    data_type: u16,
    size_bytes: u16,
    size_chars: u16,
    char_used: bool,
    precision: i16,
    scale: i8,
    national: bool,
}

fn describe_column(session: &Session, statement: &Statement<'_>, position: u32) -> Result<ColumnDesc, OciError> {
    const ACTION: &str = "describe a column";
    // SAFETY: statement and error handle are live; the parameter is dropped at the end of this function, before the statement. Types of the
    // attributes are those of the header for a column of a statement: name and type name text, nullability, form and length semantics one
    // byte, sizes and type code two, precision a signed 16-bit and scale a signed 8-bit number.
    unsafe {
        let parameter = Parameter::of_column(session.api(), statement.as_ptr(), statement.error(), position)?;
        let attributes = Attributes::of(session.api(), parameter.as_ptr(), OCI_DTYPE_PARAM, statement.error());
        let data_type = attributes.scalar::<u16>(OCI_ATTR_DATA_TYPE, ACTION)?;
        let is_text = matches!(data_type, SQLT_CHR | SQLT_AFC | SQLT_CLOB | SQLT_LNG);
        let is_sized = matches!(data_type, SQLT_CHR | SQLT_AFC);
        let raw = RawColumn {
            data_type,
            size_bytes: attributes.scalar::<u16>(OCI_ATTR_DATA_SIZE, ACTION)?,
            size_chars: if is_sized { attributes.scalar::<u16>(OCI_ATTR_CHAR_SIZE, ACTION)? } else { 0 },
            char_used: is_sized && attributes.scalar::<u8>(OCI_ATTR_CHAR_USED, ACTION)? != 0,
            precision: attributes.scalar::<i16>(OCI_ATTR_PRECISION, ACTION)?,
            scale: attributes.scalar::<i8>(OCI_ATTR_SCALE, ACTION)?,
            national: is_text && attributes.scalar::<u8>(OCI_ATTR_CHARSET_FORM, ACTION)? == SQLCS_NCHAR,
        };
        let oracle_type = match data_type {
            SQLT_NTY => OracleType::Other { name: attributes.text(OCI_ATTR_TYPE_NAME, ACTION)? },
            _ => oracle_type(&raw),
        };
        Ok(ColumnDesc {
            name: attributes.text(OCI_ATTR_NAME, ACTION)?,
            oracle_type,
            nullable: attributes.scalar::<u8>(OCI_ATTR_IS_NULL, ACTION)? != 0,
        })
    }
}

/// THE table of described type codes.
fn oracle_type(raw: &RawColumn) -> OracleType {
    // The scale of a TIMESTAMP is its fractional digits.
    let fractional_digits = u8::try_from(raw.scale).unwrap_or(0);
    match (raw.data_type, raw.national) {
        (SQLT_NUM | SQLT_VNU, _) => number(raw.precision, raw.scale),
        (SQLT_BFLOAT | SQLT_IBFLOAT, _) => OracleType::BinaryFloat,
        (SQLT_BDOUBLE | SQLT_IBDOUBLE, _) => OracleType::BinaryDouble,
        (SQLT_CHR, false) => OracleType::Varchar2(text_size(raw)),
        (SQLT_CHR, true) => OracleType::Nvarchar2(text_size(raw)),
        (SQLT_AFC, false) => OracleType::Char(text_size(raw)),
        (SQLT_AFC, true) => OracleType::Nchar(text_size(raw)),
        (SQLT_DAT, _) => OracleType::Date,
        (SQLT_TIMESTAMP | SQLT_INTERNAL_TIMESTAMP, _) => OracleType::Timestamp { fractional_digits },
        (SQLT_TIMESTAMP_TZ | SQLT_INTERNAL_TIMESTAMP_TZ, _) => OracleType::TimestampTz { fractional_digits },
        (SQLT_TIMESTAMP_LTZ | SQLT_INTERNAL_TIMESTAMP_LTZ, _) => OracleType::TimestampLtz { fractional_digits },
        (SQLT_INTERVAL_DS | SQLT_INTERNAL_INTERVAL_DS, _) => {
            OracleType::IntervalDaySecond { day_digits: leading_digits(raw.precision), fractional_digits }
        }
        (SQLT_INTERVAL_YM | SQLT_INTERNAL_INTERVAL_YM, _) => OracleType::IntervalYearMonth { year_digits: leading_digits(raw.precision) },
        (SQLT_BIN, _) => OracleType::Raw { max_bytes: u32::from(raw.size_bytes) },
        (SQLT_CLOB, false) => OracleType::Clob,
        (SQLT_CLOB, true) => OracleType::Nclob,
        (SQLT_BLOB, _) => OracleType::Blob,
        (other, _) => OracleType::Other { name: other_name(other) },
    }
}

fn other_name(data_type: u16) -> String {
    match data_type {
        SQLT_LNG => "LONG".into(),
        SQLT_LBI => "LONG RAW".into(),
        SQLT_RID | SQLT_RDD => "ROWID".into(),
        SQLT_UROWID => "UROWID".into(),
        SQLT_BFILEE => "BFILE".into(),
        SQLT_REF => "REF".into(),
        SQLT_CUR => "CURSOR".into(),
        SQLT_JSON => "JSON".into(),
        SQLT_VEC => "VECTOR".into(),
        SQLT_BOL => "BOOLEAN".into(),
        other => format!("type {other}"),
    }
}

/// The precision of an INTERVAL is that of its days or years (ODPI-C reads it so), the scale its fractional digits.
fn leading_digits(precision: i16) -> u8 {
    u8::try_from(precision).unwrap_or(2).min(9)
}

/// Precision > 0 with scale -127 is FLOAT (binary digits), precision 0 with scale -127 plain NUMBER. Precision 0 with another scale is
/// NUMBER(*,scale): read as plain NUMBER it would lose digits beyond the scale silently, the other way round nothing.
fn number(precision: i16, scale: i8) -> OracleType {
    match (u8::try_from(precision).unwrap_or(0), scale) {
        (0, OCI_NUMBER_NO_SCALE) => OracleType::Number { precision: None, scale: None },
        (binary_precision, OCI_NUMBER_NO_SCALE) => OracleType::Float { binary_precision },
        (0, scale) => OracleType::Number { precision: None, scale: Some(scale) },
        (precision, scale) => OracleType::Number { precision: Some(precision), scale: Some(scale) },
    }
}

/// National types always count characters.
fn text_size(raw: &RawColumn) -> TextSize {
    let max_chars = (raw.char_used || raw.national).then_some(u32::from(raw.size_chars));
    TextSize { max_bytes: u32::from(raw.size_bytes), max_chars }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(data_type: u16) -> RawColumn {
        RawColumn { data_type, ..RawColumn::default() }
    }

    #[test]
    fn numbers_follow_precision_and_scale() {
        let number = |precision, scale| oracle_type(&RawColumn { precision, scale, ..raw(SQLT_NUM) }).to_string();
        assert_eq!(number(0, -127), "NUMBER");
        assert_eq!(number(126, -127), "FLOAT(126)");
        assert_eq!(number(10, 0), "NUMBER(10)");
        assert_eq!(number(5, -2), "NUMBER(5,-2)");
        assert_eq!(number(38, 127), "NUMBER(38,127)");
        assert_eq!(number(0, 0), "NUMBER(*,0)");
    }

    #[test]
    fn text_sizes_are_bytes_or_characters() {
        let sized = RawColumn { size_bytes: 40, size_chars: 10, ..raw(SQLT_CHR) };
        assert_eq!(oracle_type(&sized).to_string(), "VARCHAR2(40)");
        assert_eq!(oracle_type(&RawColumn { char_used: true, ..sized }).to_string(), "VARCHAR2(10 CHAR)");
        assert_eq!(oracle_type(&RawColumn { national: true, size_bytes: 20, ..sized }).to_string(), "NVARCHAR2(10)");
        assert_eq!(oracle_type(&RawColumn { data_type: SQLT_AFC, ..sized }).to_string(), "CHAR(40)");
    }

    #[test]
    fn both_codes_of_a_timestamp_are_known_and_others_named() {
        for code in [SQLT_TIMESTAMP_TZ, SQLT_INTERNAL_TIMESTAMP_TZ] {
            assert_eq!(oracle_type(&RawColumn { scale: 6, ..raw(code) }), OracleType::TimestampTz { fractional_digits: 6 });
        }
        for code in [SQLT_INTERVAL_DS, SQLT_INTERNAL_INTERVAL_DS] {
            let described = oracle_type(&RawColumn { precision: 9, scale: 3, ..raw(code) });
            assert_eq!(described.to_string(), "INTERVAL DAY(9) TO SECOND(3)");
        }
        assert_eq!(oracle_type(&RawColumn { precision: 4, ..raw(SQLT_INTERVAL_YM) }).to_string(), "INTERVAL YEAR(4) TO MONTH");
        assert_eq!(oracle_type(&raw(SQLT_JSON)).to_string(), "JSON");
        assert_eq!(oracle_type(&raw(999)).to_string(), "type 999");
    }

    #[test]
    fn names_are_quoted_whole_or_not_at_all() {
        let name = |schema: Option<&str>, table: &str| TableName { schema: schema.map(str::to_string), table: table.to_string() };
        assert_eq!(quoted(&name(Some("My Schema"), "t --")).as_deref(), Some("\"My Schema\".\"t --\""));
        assert_eq!(quoted(&name(None, "T")).as_deref(), Some("\"T\""));
        assert_eq!(quoted(&name(None, "T\" WHERE 1=0 --")), None);
        assert_eq!(quoted(&name(Some(""), "T")), None);
    }
}
