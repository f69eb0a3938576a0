//! Undo: what rows were before they were changed, so that a query can read a table as it was at an earlier SCN.
//!
//! Every row carries the SCN of the transaction that wrote it (`s`). A row that is updated or deleted leaves its old version in the table's undo
//! (`v<id>`), with the SCNs from (`b`) and up to which (`e`) it was the row; triggers of SQLite do that. So a table as of SCN n is: the rows with
//! `s <= n`, and the versions with `b <= n < e`. A commit is a row of `ora_commit`, whose key is its SCN. There is one writer at a time, so the
//! SCN of a transaction is known when it begins.

mod versions;

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, params};

use super::catalog::{Catalog, Table};
use super::{OraError, Result};

pub(super) use versions::{check_range, oldest_scn, rows_between};

/// How long old versions are kept, unless `OLBRIDGE_UNDO_RETENTION_S` says otherwise. Oracle's default too.
const RETENTION: Duration = Duration::from_secs(900);

/// SCN of the first transaction of a file.
const FIRST_SCN: i64 = 1_000_000;

/// SQL of the newest SCN, that of an open transaction included.
pub(super) const NEWEST_SCN: &str = "(SELECT max(scn) FROM ora_commit)";

/// SQL of the newest SCN that is committed.
pub(super) const CURRENT_SCN: &str = "(SELECT max(scn) FROM ora_commit WHERE committed_us IS NOT NULL)";

/// `committed_us` is NULL while the transaction is open. `ora_undo` says since which SCN a table can be read.
const SCHEMA: &str = "
CREATE TABLE ora_commit (scn INTEGER PRIMARY KEY, committed_us INTEGER);
CREATE TABLE ora_undo (table_id INTEGER PRIMARY KEY, since INTEGER NOT NULL);
";

/// Makes what is missing in a file: all of it in a new one, and columns and triggers in one from before there was any undo.
pub(super) fn install(connection: &Connection) -> Result<()> {
    let exists = "SELECT count(*) FROM sqlite_master WHERE name = 'ora_commit'";
    let is_there = || connection.query_row(exists, [], |row| row.get::<_, i64>(0));
    if is_there()? > 0 {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let made = (|| {
        // Another session may have been faster.
        if is_there()? > 0 {
            return Ok(());
        }
        connection.execute_batch(SCHEMA)?;
        connection.execute("INSERT INTO ora_commit VALUES (?, ?)", params![FIRST_SCN, now_us()])?;
        for table in Catalog::load(connection)?.tables.values() {
            connection.execute_batch(&format!("ALTER TABLE {} ADD COLUMN s INTEGER NOT NULL DEFAULT 0", table.storage_name()))?;
            begin_table(connection, table)?;
        }
        Ok(())
    })();
    connection.execute_batch(if made.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    made
}

fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

fn version_table(table: &Table) -> String {
    format!("v{}", table.id)
}

/// Begins to keep versions of a table, which cannot be read as of an SCN before this. In the caller's transaction, as all that follows.
pub(super) fn begin_table(connection: &Connection, table: &Table) -> Result<()> {
    let names = |prefix: &str| (0..table.columns.len()).map(|index| format!(", {prefix}c{index}")).collect::<String>();
    let (id, storage, versions) = (table.id, table.storage_name(), version_table(table));
    let (plain, old) = (names(""), names("old."));
    connection.execute_batch(&format!(
        "CREATE TABLE {versions} (rid INTEGER, b INTEGER, e INTEGER{plain});
         CREATE INDEX vr{id} ON {versions} (rid);
         CREATE TRIGGER vu{id} AFTER UPDATE ON {storage} WHEN old.s < new.s
         BEGIN INSERT INTO {versions} (rid, b, e{plain}) VALUES (old.rid, old.s, new.s{old}); END;
         CREATE TRIGGER vd{id} AFTER DELETE ON {storage} WHEN old.s < {NEWEST_SCN}
         BEGIN INSERT INTO {versions} (rid, b, e{plain}) VALUES (old.rid, old.s, {NEWEST_SCN}{old}); END;"
    ))?;
    connection.execute(&format!("INSERT OR REPLACE INTO ora_undo VALUES (?, {NEWEST_SCN})"), [id])?;
    Ok(())
}

/// Forgets the versions of a table: it is about to be dropped, emptied or given other columns. [`begin_table`] begins anew.
pub(super) fn end_table(connection: &Connection, table: &Table) -> Result<()> {
    let (id, versions) = (table.id, version_table(table));
    connection.execute_batch(&format!(
        "DROP TRIGGER IF EXISTS vu{id}; DROP TRIGGER IF EXISTS vd{id}; DROP TABLE IF EXISTS {versions}; DELETE FROM ora_undo WHERE table_id = {id};"
    ))?;
    Ok(())
}

/// A transaction begins: it gets its SCN. Old versions that nobody may ask for any more go.
pub(super) fn begin_transaction(connection: &Connection, catalog: &Catalog) -> Result<()> {
    prune(connection, catalog, retention())?;
    connection.prepare_cached("INSERT INTO ora_commit (committed_us) VALUES (NULL)")?.execute([])?;
    Ok(())
}

/// It is about to commit.
pub(super) fn commit_transaction(connection: &Connection) -> Result<()> {
    let sql = "UPDATE ora_commit SET committed_us = ? WHERE scn = (SELECT max(scn) FROM ora_commit) AND committed_us IS NULL";
    connection.prepare_cached(sql)?.execute([now_us()])?;
    Ok(())
}

/// SCN of the open transaction, for rows that it writes.
pub(super) fn transaction_scn(connection: &Connection) -> Result<i64> {
    Ok(connection.prepare_cached("SELECT max(scn) FROM ora_commit")?.query_row([], |row| row.get(0))?)
}

/// The last SCN that is committed, as `V$DATABASE.CURRENT_SCN` tells.
pub(super) fn current_scn(connection: &Connection) -> Result<i64> {
    Ok(connection.prepare_cached(&format!("SELECT {CURRENT_SCN}"))?.query_row([], |row| row.get(0))?)
}

fn retention() -> Duration {
    let text = std::env::var("OLBRIDGE_UNDO_RETENTION_S").ok();
    text.and_then(|text| text.parse().ok()).map_or(RETENTION, Duration::from_secs)
}

/// Whether queries of moments before DDL answer with what is left, as Oracle's do after some DDL, such as the exchange of a partition.
fn is_silent() -> bool {
    static IS_SILENT: OnceLock<bool> = OnceLock::new();
    *IS_SILENT.get_or_init(|| std::env::var_os("OLBRIDGE_EMBEDDED_SILENT_DDL").is_some_and(|value| value == "1"))
}

/// Whether rows that were inserted have no begin in version queries, as those of direct-path inserts, which write no undo.
fn is_direct_path() -> bool {
    static IS_DIRECT: OnceLock<bool> = OnceLock::new();
    *IS_DIRECT.get_or_init(|| std::env::var_os("OLBRIDGE_EMBEDDED_DIRECT_PATH").is_some_and(|value| value == "1"))
}

/// Removes versions that no SCN within the retention sees; seldom, because it visits every table.
pub(super) fn prune(connection: &Connection, catalog: &Catalog, retention: Duration) -> Result<()> {
    let retention_us = retention.as_micros() as i64;
    let keep_from_us = now_us().saturating_sub(retention_us);
    let oldest = "SELECT committed_us FROM ora_commit ORDER BY scn LIMIT 1";
    let oldest_us: Option<i64> = connection.prepare_cached(oldest)?.query_row([], |row| row.get(0))?;
    if oldest_us.is_none_or(|oldest_us| oldest_us > keep_from_us.saturating_sub(retention_us)) {
        return Ok(());
    }
    let cut = "SELECT max(scn) FROM ora_commit WHERE committed_us <= ?";
    let Some(cut): Option<i64> = connection.query_row(cut, [keep_from_us], |row| row.get(0)).optional()?.flatten() else {
        return Ok(());
    };
    for table in catalog.tables.values().filter(|table| !table.is_temporary()) {
        // One that ends at the cut says how the next one has begun.
        connection.execute(&format!("DELETE FROM {} WHERE e < ?", version_table(table)), [cut])?;
    }
    connection.execute("DELETE FROM ora_commit WHERE scn < ?", [cut])?;
    Ok(())
}

/// SQL of the rows of a table as of an SCN that is SQL too, with `rid` and `s` as the table itself has them.
pub(super) fn rows_as_of(table: &Table, scn: &str) -> String {
    let columns: String = (0..table.columns.len()).map(|index| format!(", c{index}")).collect();
    let (storage, versions, id) = (table.storage_name(), version_table(table), table.id);
    // An aggregate: evaluated once, and also where there are no rows.
    let checked = format!(
        "(SELECT max(o_as_of({scn}, (SELECT since FROM ora_undo WHERE table_id = {id}), (SELECT min(scn) FROM ora_commit), {CURRENT_SCN})) AS n) AS q"
    );
    format!(
        "(SELECT rid, s{columns} FROM {checked} CROSS JOIN {storage} WHERE s <= q.n UNION ALL \
         SELECT rid, b{columns} FROM {checked} CROSS JOIN {versions} WHERE b <= q.n AND e > q.n)"
    )
}

/// The greatest number that a row of the table has, or had in a version that is kept.
pub(super) fn high_water(connection: &Connection, table: &Table) -> Result<Option<i64>> {
    let (storage, versions) = (table.storage_name(), version_table(table));
    let text = format!("SELECT max(m) FROM (SELECT max(rid) AS m FROM {storage} UNION ALL SELECT max(rid) FROM {versions})");
    Ok(connection.query_row(&text, [], |row| row.get(0))?)
}

/// SQL of the SCN that was the newest at a time, which is SQL of microseconds since 1970.
pub(super) fn scn_at(time_us: &str) -> String {
    format!("o_scn_at((SELECT max(scn) FROM ora_commit WHERE committed_us <= {time_us}))")
}

/// SQL of the time of a commit, as a TIMESTAMP in UTC.
pub(super) fn time_of(scn: &str) -> String {
    format!("o_scn_time((SELECT committed_us FROM ora_commit WHERE o_integer(scn) <= {scn} ORDER BY scn DESC LIMIT 1))")
}

/// Whether a table with versions since `since` can be read as of `scn`, in a file with the commits from `oldest` to `newest`.
pub(super) fn check_scn(scn: i64, since: i64, oldest: i64, newest: i64) -> Result<i64> {
    if scn > newest || scn < 0 {
        return Err(OraError::new(8181, "specified number is not a valid system change number"));
    }
    if scn < oldest {
        return Err(OraError::new(1555, "snapshot too old: the undo of that SCN is not kept any more"));
    }
    if scn < since && !is_silent() {
        return Err(OraError::new(1466, "unable to read data - table definition has changed"));
    }
    Ok(scn)
}
