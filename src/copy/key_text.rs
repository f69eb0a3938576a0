//! Keys of text, where rows are spread or grouped by them: that goes by bytes, and so the database has to compare them as bytes.

use super::job::CopyJob;
use crate::collation::TextComparison;
use crate::error::Result;
use crate::load::ColumnPair;
use crate::oci::Session;
use crate::oracle_type::TableName;

impl CopyJob {
    /// Why rows with different keys may be one row to the database; `None` when they are not.
    pub(super) fn why_keys_are_not_bytes(
        &self,
        session: &Session,
        name: &TableName,
        pairs: &[ColumnPair],
        keys: &[String],
    ) -> Result<Option<String>> {
        let keys: Vec<_> = pairs.iter().map(|pair| &pair.target).filter(|column| keys.contains(&column.name)).collect();
        let is_text = TextComparison { is_binary: false, collated: None };
        if !keys.iter().any(|key| is_text.why_not_bytes(key).is_some()) {
            return Ok(None);
        }
        let sets = |statement: &&String| ["NLS_COMP", "NLS_SORT"].iter().any(|set| statement.to_ascii_uppercase().contains(set));
        if let Some(statement) = self.pre_sql.iter().find(sets) {
            return Ok(Some(format!("--pre-sql {statement} sets how the key is compared")));
        }
        let comparison = TextComparison::of(session, name)?;
        Ok(keys.into_iter().find_map(|key| comparison.why_not_bytes(key)))
    }
}
