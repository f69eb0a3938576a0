//! What a plan shows of its statement and its columns.

use crate::error::Result;
use crate::layout::{Layout, LobKind};
use crate::load::{ColumnPair, DeleteMark, Dml, LoadPlan, NestedText, PlannedColumn};
use crate::oci::Session;
use crate::oracle_type::{DatabaseCharset, OracleType};
use crate::sql::dml::ROWID;
use crate::type_map::{Conversion, conversion_of};

/// A source column on its way into a table column.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PlanColumn {
    /// Placeholder in the statement, 1-based.
    pub position: usize,
    /// Name in the source.
    pub source: String,
    /// Arrow type.
    pub arrow_type: String,
    /// What OCI is handed: `SQLT_VNU(22)`; in parentheses the bytes of a value, for variable ones the size to begin with.
    pub external_type: String,
    /// Name in the table.
    pub target: String,
    /// Oracle type, with NOT NULL.
    pub oracle_type: String,
    /// Exact, checked per value, or a loss that was asked for.
    pub conversion: Conversion,
    /// Rows are found by it.
    pub key: bool,
}

/// Why this statement, and what follows for keys.
pub(super) fn statement_reason(load: &LoadPlan) -> &'static str {
    let by_address = load.columns.iter().any(|column| column.target == ROWID);
    match load.dml {
        Dml::Insert => "array INSERT: one round trip for all rows of an execute",
        Dml::Upsert => {
            "array MERGE from binds: one round trip for all rows of an execute, no staging table; of rows with the same key the last one stays"
        }
        Dml::Update if by_address => "array UPDATE by ROWID: no index is needed; of rows with the same ROWID the last one stays",
        Dml::Delete if by_address => "array DELETE by ROWID: no index is needed; a second row with the same ROWID finds nothing",
        Dml::Update => "array UPDATE by key: give the key an index; of rows with the same key the last one stays",
        Dml::Delete => "array DELETE by key: give the key an index; a second row with the same key finds nothing",
    }
}

/// The columns in placeholder order.
pub(super) fn plan_columns(load: &LoadPlan, pairs: &[ColumnPair]) -> Vec<PlanColumn> {
    let column = |(index, column): (usize, &PlannedColumn)| {
        let nullable = pairs.iter().find(|p| p.target.name == column.target).is_none_or(|p| p.target.nullable);
        let cast = load.options.casts.iter().find(|(name, _)| *name == column.source).map(|(_, wanted)| wanted);
        let as_text = column.is_made_of_nested();
        let bound_type = if as_text { &NestedText::DATA_TYPE } else { cast.unwrap_or(&column.source_type) };
        PlanColumn {
            position: index + 1,
            source: column.source.clone(),
            arrow_type: match cast {
                Some(wanted) => format!("{} as {wanted}", column.source_type),
                None if as_text => format!("{} as JSON", column.source_type),
                None => column.source_type.to_string(),
            },
            external_type: external_type_name(&column.layout),
            target: column.target.clone(),
            oracle_type: match column.target.as_str() {
                _ if column.is_mark => "(1: delete)".to_owned(),
                ROWID => ROWID.to_owned(),
                _ => format!("{}{}", column.target_type, if nullable { "" } else { " NOT NULL" }),
            },
            conversion: if column.is_mark { Conversion::Exact } else { conversion_of(bound_type, &column.target_type) },
            key: column.is_key,
        }
    };
    load.columns.iter().enumerate().map(column).collect()
}

/// OCI's name of what is bound, with the bytes of a value.
pub(super) fn external_type_name(layout: &Layout) -> String {
    let name = |code: u16| match code {
        oci_sys::SQLT_CHR => "SQLT_CHR".to_owned(),
        oci_sys::SQLT_AFC => "SQLT_AFC".to_owned(),
        oci_sys::SQLT_LNG => "SQLT_LNG".to_owned(),
        oci_sys::SQLT_INT => "SQLT_INT".to_owned(),
        oci_sys::SQLT_UIN => "SQLT_UIN".to_owned(),
        oci_sys::SQLT_VNU => "SQLT_VNU".to_owned(),
        oci_sys::SQLT_DAT => "SQLT_DAT".to_owned(),
        oci_sys::SQLT_BFLOAT => "SQLT_BFLOAT".to_owned(),
        oci_sys::SQLT_BDOUBLE => "SQLT_BDOUBLE".to_owned(),
        oci_sys::SQLT_BIN => "SQLT_BIN".to_owned(),
        oci_sys::SQLT_LBI => "SQLT_LBI".to_owned(),
        other => format!("SQLT {other}"),
    };
    match *layout {
        Layout::Fixed { external_type, stride_bytes } => format!("{}({stride_bytes})", name(external_type)),
        Layout::Variable { external_type, stride_bytes, national, .. } => {
            format!("{}({stride_bytes}{})", name(external_type), if national { ", national" } else { "" })
        }
        Layout::Lob { kind: LobKind::Blob, .. } => "SQLT_BLOB".to_owned(),
        Layout::Lob { .. } => "SQLT_CLOB".to_owned(),
        Layout::DateTime { with_zone: false } => "SQLT_TIMESTAMP".to_owned(),
        Layout::DateTime { with_zone: true } => "SQLT_TIMESTAMP_TZ".to_owned(),
        Layout::ZonedTime => "SQLT_TIMESTAMP_TZ".to_owned(),
        Layout::RegionTime { region } => format!("SQLT_TIMESTAMP_TZ({region})"),
        Layout::IntervalDaySecond => "SQLT_INTERVAL_DS".to_owned(),
        Layout::IntervalYearMonth => "SQLT_INTERVAL_YM".to_owned(),
    }
}

/// The pairs and the mark by their place among the columns that are read, which are then only theirs.
pub(super) fn only_needed(pairs: Vec<ColumnPair>, mark: Option<&mut DeleteMark>) -> (Vec<ColumnPair>, Vec<usize>) {
    let mut columns: Vec<usize> = pairs.iter().map(|pair| pair.source_index).collect();
    if let Some(mark) = mark {
        let place = columns.iter().position(|&column| column == mark.source_index).unwrap_or(columns.len());
        if place == columns.len() {
            columns.push(mark.source_index);
        }
        mark.source_index = place;
    }
    (pairs.into_iter().enumerate().map(|(source_index, pair)| ColumnPair { source_index, ..pair }).collect(), columns)
}

/// The database's character set, asked for when a column depends on it; and a warning when the database does not tell.
pub(super) fn charset_for(session: &Session, pairs: &[ColumnPair]) -> Result<(DatabaseCharset, Option<String>)> {
    let depends = |p: &ColumnPair| matches!(p.target.oracle_type, OracleType::Varchar2(_) | OracleType::Char(_) | OracleType::Clob);
    if !pairs.iter().any(depends) {
        return Ok((DatabaseCharset::default(), None));
    }
    Ok(match session.database_charset()? {
        Some(charset) => (charset, None),
        None => {
            let charset = DatabaseCharset::default();
            let warning =
                format!("the database does not tell its character set; if it is not {}, text beyond ASCII may change", charset.name);
            (charset, Some(warning))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_types_have_their_names() {
        let variable = Layout::Variable { external_type: oci_sys::SQLT_CHR, stride_bytes: 40, national: true, long: false };
        assert_eq!(external_type_name(&variable), "SQLT_CHR(40, national)");
        assert_eq!(external_type_name(&Layout::Fixed { external_type: oci_sys::SQLT_VNU, stride_bytes: 22 }), "SQLT_VNU(22)");
        assert_eq!(external_type_name(&Layout::DateTime { with_zone: true }), "SQLT_TIMESTAMP_TZ");
    }
}
