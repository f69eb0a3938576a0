//! Text for a database whose character set is not a Unicode one: what it has no character for is refused, and lengths are those of its own bytes.

use super::{Target, ValueError};
use crate::oracle_type::{DatabaseCharset, EncodedText, OracleType};
use crate::type_map::LossyKind;

/// The character set of a column that cannot hold every text.
#[derive(Debug, Clone)]
pub(super) struct Foreign {
    charset: DatabaseCharset,
    oracle_type: OracleType,
    column: String,
    /// What the character set lacks is refused, not replaced.
    is_exact: bool,
}

impl Foreign {
    /// `None` where the column holds Unicode or no text.
    pub(super) fn of(target: Target<'_>) -> Option<Self> {
        let oracle_type = &target.column.oracle_type;
        let is_text = matches!(oracle_type, OracleType::Varchar2(_) | OracleType::Char(_) | OracleType::Clob);
        (is_text && !target.charset.is_unicode()).then(|| Foreign {
            charset: target.charset.clone(),
            oracle_type: oracle_type.clone(),
            column: target.column.name.clone(),
            is_exact: !target.lossy.allows(LossyKind::Charset),
        })
    }

    pub(super) fn is_exact(&self) -> bool {
        self.is_exact
    }

    pub(super) fn name(&self) -> &str {
        &self.charset.name
    }

    /// ASCII is itself everywhere.
    fn encoded(&self, value: &[u8]) -> Option<EncodedText> {
        match value.is_ascii() {
            true => Some(EncodedText { bytes: value.len(), is_exact: true }),
            false => self.charset.coder.as_ref()?.encoded(value),
        }
    }

    /// Bytes of `value` there, where that can be told.
    pub(super) fn bytes(&self, value: &[u8]) -> Option<usize> {
        self.encoded(value).map(|text| text.bytes)
    }

    /// Refuses what would not come back as it was.
    #[inline]
    pub(super) fn check(&self, row_index: usize, value: &[u8]) -> Result<(), ValueError> {
        if !self.is_exact || value.is_ascii() || self.encoded(value).is_some_and(|text| text.is_exact) {
            return Ok(());
        }
        let Foreign { charset, oracle_type, column, .. } = self;
        let what = if charset.coder.is_some() { "a character that it lacks" } else { "characters beyond ASCII" };
        let wider = if *oracle_type == OracleType::Clob { "NCLOB" } else { "NVARCHAR2" };
        Err(ValueError {
            row_index,
            reason: format!("text for {oracle_type} in {}, with {what}, which the database would replace", charset.name),
            remedy: format!("make column {column} {wider}, or let the database convert with --lossy charset"),
        })
    }
}
