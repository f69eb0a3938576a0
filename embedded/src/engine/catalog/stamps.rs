//! When objects and users came to be and were changed last, for the dictionary.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, params};

use super::super::Result;
use super::Catalog;

/// The number of the row of the database itself.
const DATABASE: i64 = 0;

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS ora_object (id INTEGER PRIMARY KEY, created_us INTEGER NOT NULL, ddl_us INTEGER NOT NULL,
  spec_us INTEGER NOT NULL);";

/// Everything that is an object: tables, indexes, views, sequences and stored units.
const OBJECTS: &str = "SELECT id FROM ora_table UNION SELECT id FROM ora_constraint WHERE kind IN ('P', 'U', 'X', 'I') \
     UNION SELECT id FROM ora_text WHERE kind IN ('V', 'S', 'PROCEDURE', 'FUNCTION', 'PACKAGE', 'PACKAGE BODY')";

/// Times in microseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stamp {
    pub created_us: i64,
    /// Of the last DDL that concerned it.
    pub ddl_us: i64,
    /// Of the last DDL that changed what it is.
    pub spec_us: i64,
}

/// The number that USER_ID shows: the same for a name in every file.
pub(crate) fn user_id(name: &str) -> i64 {
    if name == "SYS" {
        return 0;
    }
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    100 + (hash % 2_000_000_000) as i64
}

fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

/// A new file was made.
pub(super) fn begin(connection: &Connection) -> Result<()> {
    connection.execute_batch(SCHEMA)?;
    connection.execute("INSERT OR IGNORE INTO ora_object VALUES (?1, ?2, ?2, ?2)", params![DATABASE, now_us()])?;
    Ok(())
}

impl Catalog {
    /// DDL was done, in the caller's transaction: new objects get their times, and those that it concerned another one. `touched` are their numbers, and
    /// whether what they are was changed.
    pub fn stamp(connection: &Connection, touched: &[(i64, bool)]) -> Result<()> {
        connection.execute_batch(SCHEMA)?;
        let now = now_us();
        let first =
            "INSERT OR IGNORE INTO ora_object SELECT ?1, first, first, first FROM (SELECT min(committed_us) AS first FROM ora_commit)";
        connection.execute(first, [DATABASE])?;
        connection.execute(&format!("INSERT OR IGNORE INTO ora_object SELECT id, ?1, ?1, ?1 FROM ({OBJECTS})"), [now])?;
        for (id, is_spec) in touched {
            let sql = "UPDATE ora_object SET ddl_us = ?2, spec_us = CASE WHEN ?3 THEN ?2 ELSE spec_us END WHERE id = ?1";
            connection.execute(sql, params![id, now, is_spec])?;
        }
        let mut users = connection.prepare_cached("SELECT name FROM ora_user")?;
        let users = users.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        for user in users {
            connection.execute("INSERT OR IGNORE INTO ora_object VALUES (?1, ?2, ?2, ?2)", params![-user_id(&user), now])?;
        }
        Ok(())
    }

    /// All times, by the numbers of objects; of users by the negative of theirs, and of the database by 0.
    pub fn stamps(connection: &Connection) -> Result<Stamps> {
        let exists: bool = connection.query_row("SELECT count(*) FROM sqlite_master WHERE name = 'ora_object'", [], |row| row.get(0))?;
        let mut known = BTreeMap::new();
        if exists {
            let mut statement = connection.prepare_cached("SELECT id, created_us, ddl_us, spec_us FROM ora_object")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                known.insert(row.get(0)?, Stamp { created_us: row.get(1)?, ddl_us: row.get(2)?, spec_us: row.get(3)? });
            }
        }
        let first: Option<i64> = connection.query_row("SELECT min(committed_us) FROM ora_commit", [], |row| row.get(0))?;
        let first = known.get(&DATABASE).copied().unwrap_or_else(|| {
            let first = first.unwrap_or_default();
            Stamp { created_us: first, ddl_us: first, spec_us: first }
        });
        Ok(Stamps { known, first })
    }
}

/// What [`Catalog::stamps`] found.
pub(crate) struct Stamps {
    known: BTreeMap<i64, Stamp>,
    first: Stamp,
}

impl Stamps {
    /// Of an object; that of the database where the object is from before times were kept.
    pub fn of(&self, id: i64) -> Stamp {
        self.known.get(&id).copied().unwrap_or(self.first)
    }

    pub fn of_user(&self, name: &str) -> Stamp {
        if name == "SYS" { self.first } else { self.of(-user_id(name)) }
    }

    pub fn of_database(&self) -> Stamp {
        self.first
    }
}
