//! Changed rows by their key: whoever has the key of a row that has changed is read, so that a second row of a key, changed or not, is seen, and refused;
//! and so that it does not matter where in the database a row is stored by now. Of a watermark changed rows alone are read, by its index, and second rows of
//! their keys are looked for.

use super::DeltaJob;
use crate::error::Result;
use crate::oci::Session;
use crate::oracle_type::ColumnDesc;
use crate::sql;

/// The columns of the key, in SQL.
pub(super) struct SourceKey {
    /// All of them.
    list: String,
    /// Those that may be NULL.
    nullable: Vec<String>,
}

impl SourceKey {
    pub fn new(columns: &[&ColumnDesc]) -> Result<SourceKey> {
        let names = columns.iter().map(|column| sql::identifier(&column.name)).collect::<Result<Vec<_>>>()?;
        let nullable = columns.iter().zip(&names).filter(|(column, _)| column.nullable).map(|(_, name)| name.clone()).collect();
        Ok(SourceKey { list: names.join(", "), nullable })
    }

    /// `A, B`.
    pub fn list(&self) -> &str {
        &self.list
    }

    /// ` AND A IS NOT NULL`, for columns that may be NULL.
    pub fn is_whole(&self) -> String {
        self.nullable.iter().map(|name| format!(" AND {name} IS NOT NULL")).collect()
    }

    /// The condition on the rows of `at` (`T AS OF SCN n`) that have a key of the query. Rows with NULL in the key come too, to be refused: `keys` finds
    /// none of them. An OR beside an IN would be asked for each row, so that there is none.
    pub fn rows_with(&self, at: &str, keys: &str) -> String {
        let with_key = format!("({}) IN ({keys})", self.list);
        if self.nullable.is_empty() {
            return with_key;
        }
        let is_null: Vec<String> = self.nullable.iter().map(|name| format!("{name} IS NULL")).collect();
        format!("ROWID IN (SELECT ROWID FROM {at} WHERE {with_key}\nUNION ALL\nSELECT ROWID FROM {at} WHERE {})", is_null.join(" OR "))
    }
}

impl DeltaJob {
    /// The key as the source spells it; `None` where a column is not there, which the plan says.
    pub(super) fn source_key(&self, session: &Session) -> Result<Option<SourceKey>> {
        let Some(table) = session.describe_table(self.export.source.require_table()?)? else { return Ok(None) };
        let column = |key: &String| {
            let exact = table.columns.iter().find(|column| column.name == sql::dictionary_name(key));
            exact.or_else(|| table.columns.iter().find(|column| column.name.eq_ignore_ascii_case(key)))
        };
        self.key.iter().map(column).collect::<Option<Vec<_>>>().map(|columns| SourceKey::new(&columns)).transpose()
    }

    /// Refuses two rows of a key where one has changed and the other has not, which is not read. Of those that are read both are seen anyway.
    ///
    /// `own`, `changed`: conditions on the rows of the job, and on those that have changed.
    pub(super) fn refuse_twins(&self, session: &Session, scn: Option<u64>, own: Option<&str>, changed: &str) -> Result<()> {
        let name = self.export.source.require_table()?;
        let Some(key) = self.source_key(session)? else { return Ok(()) };
        let list = key.list();
        let own: String = own.iter().map(|own| format!("({own}\n) AND ")).collect();
        let rows = |condition: String| sql::rows_at(name, scn, Some(&condition), None);
        let keys = format!("SELECT {list} {}", rows(format!("{own}({changed})"))?);
        let twins = format!("SELECT {list} {} GROUP BY {list} HAVING COUNT(*) > 1", rows(format!("{own}({list}) IN ({keys})"))?);
        let mut twin = None;
        session.query_text(&format!("SELECT * FROM ({twins}) WHERE ROWNUM = 1"), &mut |cells| {
            let texts: Vec<&str> = cells.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
            twin = Some(texts.join(", "));
            Ok(())
        })?;
        let Some(twin) = twin else { return Ok(()) };
        let reason = format!("the key is not unique in the source: {twin} names two rows, of which one has changed");
        let remedy = format!("--key with columns that are unique; or change such rows in the source and {}", self.full_load());
        Err(self.refused_with(Some(self.key.join(", ")), reason, remedy))
    }

    /// The condition on the rows as of `scn` whose ORA_ROWSCN, which only the present has, is later than the epoch.
    pub(super) fn changed_by_rowscn(&self, session: &Session, epoch: u64, scn: Option<u64>) -> Result<String> {
        let table = sql::table(self.export.source.require_table()?)?;
        let Some(key) = self.source_key(session)? else { return Ok("1 = 1".into()) };
        let at = scn.map_or_else(|| table.clone(), |scn| format!("{table} AS OF SCN {scn}"));
        let (list, later) = (key.list(), format!("FROM {table} WHERE ORA_ROWSCN > {epoch}"));
        // By ROWID as well: a row whose key was changed after `scn` has another one now, and so has one without a key.
        Ok(format!("ROWID IN (SELECT ROWID FROM {at} WHERE ({list}) IN (SELECT {list} {later})\nUNION ALL\nSELECT ROWID {later})"))
    }
}
