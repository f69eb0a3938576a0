//! `VERSIONS BETWEEN`: the limits, and the pseudo-columns of the rows.

use sqlparser::ast::{Expr, TableVersion};

use super::super::catalog::Table;
use super::super::dialect::{VERSIONS_SCN, VERSIONS_TIMESTAMP};
use super::super::types::DataType;
use super::super::{OraError, Result, undo};
use super::{Source, Sql, Translator};

/// SQL of the limits; `None` for MINVALUE, which depends on the table.
#[derive(Debug, Clone)]
pub(super) struct Range {
    low: Option<String>,
    high: String,
}

impl Translator<'_> {
    /// The limits that a clause names, if it is `VERSIONS BETWEEN`.
    pub(super) fn versions_between(&mut self, version: &TableVersion) -> Result<Option<Range>> {
        let TableVersion::ForSystemTimeAsOf(Expr::Between { expr, negated: false, low, high }) = version else { return Ok(None) };
        let Expr::Identifier(marker) = expr.as_ref() else { return Ok(None) };
        if marker.quote_style.is_none() || !matches!(marker.value.as_str(), VERSIONS_SCN | VERSIONS_TIMESTAMP) {
            return Ok(None);
        }
        if self.as_of.is_some() {
            return Err(OraError::unsupported("VERSIONS BETWEEN in a view that is read AS OF another moment"));
        }
        let is_time = marker.value == VERSIONS_TIMESTAMP;
        let low = if is_word(low, "MINVALUE") { None } else { Some(self.limit_scn(low, is_time)?) };
        let high = if is_word(high, "MAXVALUE") { undo::CURRENT_SCN.to_owned() } else { self.limit_scn(high, is_time)? };
        Ok(Some(Range { low, high }))
    }

    fn limit_scn(&mut self, limit: &Expr, is_time: bool) -> Result<String> {
        let limit = self.value(limit)?;
        if is_time { Ok(undo::scn_at(&self.time_us(limit)?)) } else { Ok(limit.into_number()?.text) }
    }

    /// SQL of the rows of a table in FROM: those of now, of another moment, or all versions of an interval.
    pub(super) fn rows_of(&mut self, table: &Table, name: &str) -> String {
        match (&self.between, &self.as_of) {
            (Some(Range { low, high }), _) => {
                self.versioned.push(name.to_owned());
                let low = low.clone().unwrap_or_else(|| undo::oldest_scn(table));
                undo::rows_between(table, &low, high)
            }
            (None, Some(scn)) => undo::rows_as_of(table, scn),
            (None, None) => table.storage_name(),
        }
    }

    /// Only a table has versions, and not one that is temporary.
    pub(super) fn refuse_versions(&self, offset: Option<usize>) -> Result<()> {
        match self.between {
            Some(_) => Err(OraError::new(30051, "VERSIONS clause not allowed here").at(offset)),
            None => Ok(()),
        }
    }

    /// A pseudo-column of a source whose rows are versions.
    pub(super) fn version_column(&self, source: &Source, column: &str) -> Option<Sql> {
        let name = column.strip_prefix("VERSIONS_")?;
        let source = source.rowid.as_ref()?.0.strip_suffix(".rid")?;
        if !self.versioned.iter().any(|known| known == source) {
            return None;
        }
        let scn = |side: &str| Sql::new(format!("o_integer({source}.{side})"), DataType::NUMBER);
        // The time of no commit is an error elsewhere.
        let time = |side: &str| {
            let time = undo::time_of(&format!("o_integer({source}.{side})"));
            Sql::new(format!("CASE WHEN {source}.{side} IS NOT NULL THEN {time} END"), DataType::Timestamp { digits: 9 })
        };
        match name {
            "STARTSCN" => Some(scn("vs")),
            "ENDSCN" => Some(scn("ve")),
            "STARTTIME" => Some(time("vs")),
            "ENDTIME" => Some(time("ve")),
            "XID" => Some(Sql::new(format!("o_xid({source}.vs)"), DataType::Raw { size: 8 })),
            "OPERATION" => Some(Sql::new(format!("{source}.vo"), DataType::varchar2(1))),
            _ => None,
        }
    }
}

fn is_word(limit: &Expr, word: &str) -> bool {
    matches!(limit, Expr::Identifier(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case(word))
}
