//! The committed versions of the rows of a table between two SCNs, for `VERSIONS BETWEEN`.
//!
//! A version holds from the SCN that wrote it up to the one that changed the row again. What a transaction does to a row several times over is one
//! version, because only the last state of each row is kept under its SCN; a row that it makes and deletes again is none. A deletion is a version too: it
//! begins where the last one of the row ended and nothing else began, and has that one's values.

use super::super::catalog::Table;
use super::super::{OraError, Result};
use super::{CURRENT_SCN, version_table};

/// SQL of the smallest SCN that a version query may begin at: MINVALUE.
pub(in crate::engine) fn oldest_scn(table: &Table) -> String {
    format!("max((SELECT since FROM ora_undo WHERE table_id = {}), (SELECT min(scn) FROM ora_commit))", table.id)
}

/// SQL of the versions that meet the SCNs from `low` to `high`, which are SQL too: columns as the table itself has them, and `vs` and `ve`, the SCNs from
/// and up to which the version holds, as far as they are between the two, and `vo`, what made it.
pub(in crate::engine) fn rows_between(table: &Table, low: &str, high: &str) -> String {
    let names = |prefix: &str| (0..table.columns.len()).map(|index| format!(", {prefix}c{index}")).collect::<String>();
    let (storage, versions, id) = (table.storage_name(), version_table(table), table.id);
    // Aggregates, as for AS OF: evaluated once, and also where there are no rows.
    let limit = |which: u8| {
        let of_table = format!("(SELECT since FROM ora_undo WHERE table_id = {id}), (SELECT min(scn) FROM ora_commit), {CURRENT_SCN}");
        format!("max(o_as_of_limit({low}, {high}, {of_table}, {which}))")
    };
    let checked = format!("(SELECT {} AS lo, {} AS hi) AS q", limit(0), limit(1));
    let began = |scn: &str| format!("CASE WHEN {scn} >= q.lo THEN {scn} END");
    let made = |row: &str, scn: &str| {
        let before = format!("SELECT 1 FROM {versions} AS p WHERE p.rid = {row}.rid AND p.e = {row}.{scn}");
        format!("CASE WHEN {row}.{scn} >= q.lo THEN CASE WHEN EXISTS ({before}) THEN 'U' ELSE 'I' END END")
    };
    let (present, past) = (names("t."), names("v."));
    let began_present = match super::is_direct_path() {
        true => format!("CASE WHEN t.s >= q.lo AND EXISTS (SELECT 1 FROM {versions} AS p WHERE p.rid = t.rid AND p.e = t.s) THEN t.s END"),
        false => began("t.s"),
    };
    format!(
        "(SELECT t.rid, t.s, {} AS vs, NULL AS ve, {} AS vo{present} FROM {checked} CROSS JOIN {storage} AS t WHERE t.s <= q.hi \
         UNION ALL \
         SELECT v.rid, v.b, {}, CASE WHEN v.e <= q.hi THEN v.e END, {}{past} FROM {checked} CROSS JOIN {versions} AS v WHERE v.b <= q.hi AND v.e > q.lo \
         UNION ALL \
         SELECT v.rid, v.e, v.e, NULL, 'D'{past} FROM {checked} CROSS JOIN {versions} AS v WHERE v.e BETWEEN q.lo AND q.hi \
         AND NOT EXISTS (SELECT 1 FROM {storage} AS t WHERE t.rid = v.rid AND t.s = v.e) \
         AND NOT EXISTS (SELECT 1 FROM {versions} AS n WHERE n.rid = v.rid AND n.b = v.e))",
        began_present,
        made("t", "s"),
        began("v.b"),
        made("v", "b"),
    )
}

/// The limits of a version query of a table with versions since `since`, in a file with the commits from `oldest` to `newest`; -1 stands for NULL.
pub(in crate::engine) fn check_range([low, high, since, oldest, newest]: [i64; 5]) -> Result<[i64; 2]> {
    let refused = |code: i32, message: &str| Err(OraError::new(code, message.to_owned()));
    match () {
        () if low < 0 || high < 0 => refused(30055, "NULL snapshot expression not allowed here"),
        () if high < low => refused(30054, "invalid upper limit snapshot expression"),
        () if high > newest => refused(30053, "invalid upper limit snapshot expression"),
        () if low < oldest => refused(30052, "invalid lower limit snapshot expression"),
        () if low < since && !super::is_silent() => refused(1466, "unable to read data - table definition has changed"),
        () => Ok([low, high]),
    }
}
