//! What the dictionary tells of how a table is defined.

use twox_hash::XxHash3_128;

use super::definition::{Container, Definition, Part};
use crate::copy::guard::current_schema;
use crate::error::{Error, Result};
use crate::oci::Session;
use crate::oracle_type::TableName;
use crate::sql;
use crate::transaction::ORA_CANCELLED;

/// A synonym of a synonym, and so on; more than this is a circle.
const MOST_SYNONYMS: u32 = 8;
/// No such column, no such view: a server without this dictionary.
const DICTIONARY_LACKS: [i32; 2] = [904, 942];

/// What a look has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Looked {
    /// Nobody needs to know, or there is no such table, which is somebody else's to say.
    #[default]
    Nowhere,
    /// The table is there, and the dictionary of this database does not have it: it is behind a database link, for one.
    Untold,
    Told(Box<Definition>),
}

/// And whether its last DDL is of this second.
pub(super) fn look_up(session: &Session, name: &TableName) -> Result<(Looked, bool)> {
    let Some(table) = session.describe_table(name)? else { return Ok((Looked::Nowhere, false)) };
    let columns: Vec<String> = table.columns.iter().map(|column| format!("{} {}", column.name, column.oracle_type)).collect();
    match find(session, name) {
        Ok(Some((definition, is_now))) => {
            let columns = hash(&columns.join("\n"));
            let (database, container) = database(session)?;
            Ok((Looked::Told(Box::new(Definition { columns, database, container, ..definition })), is_now))
        }
        Ok(None) => Ok((Looked::Untold, false)),
        Err(Error::Database { ora_code, session_dead: false, .. }) if DICTIONARY_LACKS.contains(&ora_code) => Ok((Looked::Untold, false)),
        Err(error) => Err(error),
    }
}

struct Object {
    owner: Option<String>,
    name: String,
}

/// The table itself, by way of synonyms.
fn find(session: &Session, name: &TableName) -> Result<Option<(Definition, bool)>> {
    let mut found = Object { owner: name.schema.clone(), name: name.table.clone() };
    for _ in 0..MOST_SYNONYMS {
        let Some(owner) = found.owner.clone().map_or_else(|| current_schema(session), |owner| Ok(Some(owner)))? else { break };
        if let Some(definition) = objects(session, &owner, &found.name)? {
            return Ok(Some(definition));
        }
        match synonym(session, (&owner, found.owner.is_none()), &found.name)? {
            Some(next) => found = next,
            None => break,
        }
    }
    Ok(None)
}

fn objects(session: &Session, owner: &str, name: &str) -> Result<Option<(Definition, bool)>> {
    let time = |column: &str| format!("TO_CHAR({column}, 'YYYY-MM-DD HH24:MI:SS')");
    let sql = format!(
        "SELECT OBJECT_TYPE, TO_CHAR(OBJECT_ID), TO_CHAR(DATA_OBJECT_ID), {}, {}, \
         CASE WHEN LAST_DDL_TIME >= SYSDATE AND LAST_DDL_TIME < SYSDATE + 2 / 86400 THEN 'Y' ELSE 'N' END \
         FROM ALL_OBJECTS WHERE OWNER = {} AND OBJECT_NAME = {} \
         AND OBJECT_TYPE IN ('TABLE', 'VIEW', 'TABLE PARTITION', 'TABLE SUBPARTITION')",
        time("LAST_DDL_TIME"),
        time("CREATED"),
        sql::literal(owner),
        sql::literal(name)
    );
    let mut found = Definition { owner: owner.to_owned(), name: name.to_owned(), ..Definition::default() };
    let (mut is_there, mut is_now) = (false, false);
    session.query_text(&sql, &mut |row| {
        if let [Some(kind), Some(id), data_id, ddl, created, now] = row {
            let ddl = ddl.clone().unwrap_or_default();
            if matches!(kind.as_str(), "TABLE" | "VIEW") {
                (is_there, found.is_view) = (true, kind == "VIEW");
                (found.object_id, found.own_ddl_time) = (id.clone(), ddl.clone());
            }
            let created = created.clone().unwrap_or_default();
            found.parts.push(Part { object_id: id.clone(), data_object_id: data_id.clone(), kind: kind.clone(), created });
            found.last_ddl_time = found.last_ddl_time.clone().max(ddl);
            is_now |= now.as_deref() == Some("Y");
        }
        Ok(())
    })?;
    found.segments = hash_of(&found.parts);
    Ok(is_there.then_some((found, is_now)))
}

/// Objects and their segments, in whatever order they come.
pub(super) fn hash_of<'a>(parts: impl IntoIterator<Item = &'a Part>) -> String {
    let line = |part: &Part| format!("{} {}", part.object_id, part.data_object_id.as_deref().unwrap_or("-"));
    let mut lines: Vec<String> = parts.into_iter().map(line).collect();
    lines.sort_unstable();
    hash(&lines.join("\n"))
}

fn hash(text: &str) -> String {
    format!("{:032x}", XxHash3_128::oneshot(text.as_bytes()))
}

/// What a synonym of the schema, or one of all where the name has no schema, is for.
fn synonym(session: &Session, (owner, also_public): (&str, bool), name: &str) -> Result<Option<Object>> {
    let public = if also_public { " OR OWNER = 'PUBLIC'" } else { "" };
    let sql = format!(
        "SELECT TABLE_OWNER, TABLE_NAME FROM ALL_SYNONYMS WHERE (OWNER = {}{public}) AND SYNONYM_NAME = {} AND DB_LINK IS NULL \
         ORDER BY CASE OWNER WHEN 'PUBLIC' THEN 2 ELSE 1 END",
        sql::literal(owner),
        sql::literal(name)
    );
    let mut found = None;
    session.query_text(&sql, &mut |row| {
        if let ([owner, Some(name)], None) = (row, &found) {
            found = Some(Object { owner: owner.clone(), name: name.clone() });
        }
        Ok(())
    })?;
    Ok(found)
}

/// SCNs of a restored database go on from an earlier one, and tell nothing of what was there then. The same of a pluggable database, which has a new
/// incarnation when it is opened with RESETLOGS (Database Reference, V$PDB_INCARNATION): after a recovery to a point in time, and after a flashback.
///
/// In one query where the user may see all of it. Servers before 12.1 have no containers, and who may not see incarnations may see the rest.
fn database(session: &Session) -> Result<(String, Container)> {
    let queries = [
        "SELECT TO_CHAR(D.DBID), TO_CHAR(D.RESETLOGS_CHANGE#), TO_CHAR(D.CON_DBID), \
         TO_CHAR(P.DB_INCARNATION#) || ' ' || TO_CHAR(P.PDB_INCARNATION#) || ' ' || TO_CHAR(P.BEGIN_RESETLOGS_SCN) FROM V$DATABASE D \
         LEFT JOIN V$PDB_INCARNATION P ON P.STATUS = 'CURRENT' AND P.CON_ID = TO_NUMBER(SYS_CONTEXT('USERENV', 'CON_ID'))",
        "SELECT TO_CHAR(DBID), TO_CHAR(RESETLOGS_CHANGE#), TO_CHAR(CON_DBID), NULL FROM V$DATABASE",
        "SELECT TO_CHAR(DBID), TO_CHAR(RESETLOGS_CHANGE#), NULL, NULL FROM V$DATABASE",
    ];
    for query in queries {
        let mut found = None;
        let asked = session.query_text(query, &mut |cells| {
            if let [dbid, resetlogs, container, incarnation] = cells {
                let database: Vec<&str> = [dbid, resetlogs].into_iter().flatten().map(String::as_str).collect();
                let text = |cell: &Option<String>| cell.as_deref().unwrap_or_default().trim().to_owned();
                found = Some((database.join(" "), Container { dbid: text(container), incarnation: text(incarnation) }));
            }
            Ok(())
        });
        match asked {
            Ok(_) => return Ok(found.unwrap_or_default()),
            Err(Error::Database { session_dead: false, ora_code, .. }) if ora_code != ORA_CANCELLED => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Default::default())
}

/// Whether rows go into partitions by ranges or lists of values, so that a partition that is added takes rows from no other. Those of a hash are filled
/// from others.
pub(super) fn is_by_value(session: &Session, table: &Definition) -> Result<bool> {
    let sql = format!(
        "SELECT PARTITIONING_TYPE FROM ALL_PART_TABLES WHERE OWNER = {} AND TABLE_NAME = {}",
        sql::literal(&table.owner),
        sql::literal(&table.name)
    );
    let mut is_by_value = false;
    let asked = session.query_text(&sql, &mut |row| {
        is_by_value = matches!(row.first().and_then(Option::as_deref), Some("RANGE" | "LIST"));
        Ok(())
    });
    match asked {
        Err(Error::Database { ora_code, session_dead: false, .. }) if DICTIONARY_LACKS.contains(&ora_code) => Ok(false),
        asked => asked.map(|_| is_by_value),
    }
}
