//! The catalog: users, tables, columns, constraints and indexes; kept in tables of its own in the file and in memory in each session.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::ddl::{Lifetime, parse_type};
use super::types::DataType;
use super::{OraError, Result, undo};

mod extras;
mod stamps;

pub(crate) use stamps::{Stamps, user_id};

/// A column of a table.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub name: String,
    pub data_type: DataType,
    pub nullable: bool,
    /// Text of the DEFAULT expression.
    pub default: Option<String>,
    /// DEFAULT ON NULL: NULL is given the default too.
    pub default_on_null: bool,
    /// Whether an identity column is one ALWAYS; none where it is no identity column.
    pub identity: Option<bool>,
    /// `"SCHEMA"."TABLE"."COLUMN"`, for messages.
    pub full_name: String,
}

/// What a constraint asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConstraintKind {
    Primary,
    Unique,
    NotNull,
    Check,
    Foreign,
    /// A unique or plain index that is no constraint.
    UniqueIndex,
    Index,
}

impl ConstraintKind {
    fn code(self) -> &'static str {
        match self {
            ConstraintKind::Primary => "P",
            ConstraintKind::Unique => "U",
            ConstraintKind::NotNull => "C",
            ConstraintKind::Check => "K",
            ConstraintKind::Foreign => "R",
            ConstraintKind::UniqueIndex => "X",
            ConstraintKind::Index => "I",
        }
    }

    fn from_code(code: &str) -> Result<ConstraintKind> {
        use ConstraintKind as K;
        [K::Primary, K::Unique, K::NotNull, K::Check, K::Foreign, K::UniqueIndex, K::Index]
            .into_iter()
            .find(|kind| kind.code() == code)
            .ok_or_else(|| OraError::internal("constraint kind"))
    }

    /// Whether equal keys are refused.
    pub fn is_unique(self) -> bool {
        matches!(self, ConstraintKind::Primary | ConstraintKind::Unique | ConstraintKind::UniqueIndex)
    }

    /// Whether it is a constraint and not an index alone.
    pub fn is_constraint(self) -> bool {
        !matches!(self, ConstraintKind::UniqueIndex | ConstraintKind::Index)
    }

    /// Whether SQLite keeps an index for it.
    pub fn has_index(self) -> bool {
        !matches!(self, ConstraintKind::NotNull | ConstraintKind::Check | ConstraintKind::Foreign)
    }
}

/// A constraint or an index.
#[derive(Debug, Clone)]
pub(crate) struct Constraint {
    pub id: i64,
    pub name: String,
    pub kind: ConstraintKind,
    pub generated: bool,
    /// Indexes of its columns in the table.
    pub columns: Vec<usize>,
    /// Text of a CHECK.
    pub condition: Option<String>,
    pub references: Option<Reference>,
}

/// What happens to rows whose parent goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDelete {
    /// The parent stays.
    Refuse,
    /// They go too.
    Cascade,
    SetNull,
}

/// What a foreign key refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Number of the primary key or unique constraint.
    pub constraint: i64,
    pub on_delete: OnDelete,
}

/// A sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sequence {
    pub id: i64,
    pub owner: String,
    pub name: String,
    pub increment: i64,
    pub min: i128,
    pub max: i128,
    pub cycle: bool,
    pub order: bool,
    /// Numbers that Oracle would keep ready; 0 for none.
    pub cache: i64,
    /// Its key in the file of counters.
    pub counter: u64,
}

/// A view.
#[derive(Debug, Clone)]
pub(crate) struct ViewDef {
    pub id: i64,
    /// The query.
    pub text: String,
    /// Names of its columns, where the view gives any.
    pub columns: Vec<String>,
}

/// A table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub id: i64,
    /// Number of its segment, which ROWIDs have: TRUNCATE gives another one.
    pub data_id: i64,
    pub owner: String,
    pub name: String,
    pub columns: Vec<Column>,
    pub constraints: Vec<Constraint>,
    pub lifetime: Lifetime,
    /// Whether a foreign key refers to it.
    pub is_parent: bool,
}

impl Table {
    /// Name of the table in SQLite.
    pub fn storage_name(&self) -> String {
        format!("t{}", self.id)
    }

    /// Whether its rows are each session's own.
    pub fn is_temporary(&self) -> bool {
        self.lifetime != Lifetime::Permanent
    }

    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Whether new values in these columns change a unique key.
    pub fn changes_key(&self, mut columns: impl Iterator<Item = usize>) -> bool {
        columns.any(|index| self.constraints.iter().any(|item| item.kind.is_unique() && item.columns.contains(&index)))
    }

    /// `(OWNER.CONSTRAINT)` of the unique key that SQLite says was violated.
    pub fn violated(&self, message: &str) -> OraError {
        let names_column = |index: &usize| {
            message.split([' ', ',']).any(|word| {
                word.strip_prefix(&self.storage_name()).and_then(|rest| rest.strip_prefix(".c")) == Some(index.to_string().as_str())
            })
        };
        let mentioned = message.matches(&format!("{}.c", self.storage_name())).count();
        let found = self.constraints.iter().filter(|constraint| constraint.kind.is_unique()).find(|constraint| {
            message.contains(&format!("'u{}'", constraint.id))
                || (mentioned == constraint.columns.len() && constraint.columns.iter().all(names_column))
        });
        let name = found.map_or("?", |constraint| constraint.name.as_str());
        OraError::new(1, format_args!("unique constraint ({}.{name}) violated", self.owner))
    }
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    pub version: i64,
    /// User to the digest of the password, if it has one.
    pub users: BTreeMap<String, Option<String>>,
    pub tables: BTreeMap<(String, String), Arc<Table>>,
    pub views: BTreeMap<(String, String), Arc<ViewDef>>,
    /// Texts of stored units by owner, name and kind.
    pub units: BTreeMap<(String, String, String), Arc<str>>,
    pub sequences: BTreeMap<(String, String), Arc<Sequence>>,
    /// Comments by number of the table and column; no column for the table itself.
    pub comments: BTreeMap<(i64, String), String>,
    /// Names of CREATE EDITION.
    pub editions: std::collections::BTreeSet<String>,
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS ora_version (version INTEGER NOT NULL, next_id INTEGER NOT NULL, format INTEGER NOT NULL);
INSERT INTO ora_version SELECT 1, 70000, 1 WHERE NOT EXISTS (SELECT 1 FROM ora_version);
CREATE TABLE IF NOT EXISTS ora_user (name TEXT PRIMARY KEY, password TEXT);
CREATE TABLE IF NOT EXISTS ora_table (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (owner, name));
CREATE TABLE IF NOT EXISTS ora_column (table_id INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
  nullable INTEGER NOT NULL, default_text TEXT, PRIMARY KEY (table_id, position));
CREATE TABLE IF NOT EXISTS ora_constraint (id INTEGER PRIMARY KEY, table_id INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
  generated INTEGER NOT NULL, columns TEXT NOT NULL);
";

/// Texts of views (kind V; column names on lines of their own). Files made before there were any lack it.
const TEXTS: &str =
    "CREATE TABLE IF NOT EXISTS ora_text (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL,
  text TEXT NOT NULL, columns TEXT NOT NULL);";

impl Catalog {
    /// Makes the catalog's tables in a new file.
    pub fn create(connection: &Connection) -> Result<()> {
        let exists: i64 = connection.query_row("SELECT count(*) FROM sqlite_master WHERE name = 'ora_version'", [], |row| row.get(0))?;
        if exists == 0 {
            connection.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA} {TEXTS} COMMIT;")).inspect_err(|_| {
                let _ = connection.execute_batch("ROLLBACK");
            })?;
            stamps::begin(connection)?;
        }
        let has_texts: i64 = connection.query_row("SELECT count(*) FROM sqlite_master WHERE name = 'ora_text'", [], |row| row.get(0))?;
        if has_texts == 0 {
            connection.execute_batch(TEXTS)?;
        }
        let format: i64 = connection.query_row("SELECT format FROM ora_version", [], |row| row.get(0))?;
        if format != 1 {
            return Err(OraError::internal(format_args!("file format {format} is newer than this engine")));
        }
        undo::install(connection)
    }

    /// The version now in the file: it changes with every change of the catalog.
    pub fn stored_version(connection: &Connection) -> Result<i64> {
        Ok(connection.prepare_cached("SELECT version FROM ora_version")?.query_row([], |row| row.get(0))?)
    }

    /// Reads all of it.
    pub fn load(connection: &Connection) -> Result<Catalog> {
        let mut catalog = Catalog { version: Catalog::stored_version(connection)?, ..Catalog::default() };
        let mut statement = connection.prepare_cached("SELECT name, password FROM ora_user")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            catalog.users.insert(row.get(0)?, row.get(1)?);
        }
        let mut statement = connection.prepare_cached("SELECT id, owner, name FROM ora_table")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (id, owner, name): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let columns = load_columns(connection, id, &owner, &name)?;
            let constraints = extras::load_constraints(connection, id)?;
            catalog.tables.insert(
                (owner.clone(), name.clone()),
                Arc::new(Table { id, data_id: id, owner, name, columns, constraints, lifetime: Lifetime::Permanent, is_parent: false }),
            );
        }
        let mut statement = connection.prepare_cached("SELECT id, owner, name, text, columns FROM ora_text WHERE kind = 'V'")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let columns: String = row.get(4)?;
            let columns = columns.split('\n').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            catalog.views.insert((row.get(1)?, row.get(2)?), Arc::new(ViewDef { id: row.get(0)?, text: row.get(3)?, columns }));
        }
        let units = "SELECT owner, name, kind, text FROM ora_text WHERE kind IN ('PROCEDURE', 'FUNCTION', 'PACKAGE', 'PACKAGE BODY')";
        let mut statement = connection.prepare_cached(units)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            catalog.units.insert((row.get(0)?, row.get(1)?, row.get(2)?), row.get::<_, String>(3)?.into());
        }
        extras::load(connection, &mut catalog)?;
        let mut statement = connection.prepare_cached("SELECT name FROM ora_text WHERE kind = 'E'")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            catalog.editions.insert(row.get(0)?);
        }
        Ok(catalog)
    }

    pub fn view(&self, schema: &str, name: &str) -> Option<&Arc<ViewDef>> {
        self.views.get(&(schema.to_owned(), name.to_owned()))
    }

    pub fn sequence(&self, schema: &str, name: &str) -> Option<&Arc<Sequence>> {
        self.sequences.get(&(schema.to_owned(), name.to_owned()))
    }

    pub fn table(&self, schema: &str, name: &str) -> Option<&Arc<Table>> {
        self.tables.get(&(schema.to_owned(), name.to_owned()))
    }

    /// Whether an index or constraint of `owner` has this name.
    pub fn find_constraint(&self, owner: &str, name: &str) -> Option<(&Arc<Table>, &Constraint)> {
        self.tables
            .values()
            .filter(|table| table.owner == owner)
            .find_map(|table| table.constraints.iter().find(|item| item.name == name).map(|item| (table, item)))
    }

    /// Numbers a new object; in the caller's transaction.
    pub fn next_id(connection: &Connection) -> Result<i64> {
        Ok(connection.query_row("UPDATE ora_version SET next_id = next_id + 1 RETURNING next_id - 1", [], |row| row.get(0))?)
    }

    /// Marks the catalog as changed; in the caller's transaction.
    pub fn bump(connection: &Connection) -> Result<()> {
        connection.execute("UPDATE ora_version SET version = version + 1", [])?;
        Ok(())
    }

    /// Writes a table's description; its storage is made by the caller.
    pub fn insert_table(connection: &Connection, table: &Table) -> Result<()> {
        connection.execute("INSERT INTO ora_table VALUES (?, ?, ?)", params![table.id, table.owner, table.name])?;
        for (position, column) in table.columns.iter().enumerate() {
            connection.execute(
                "INSERT INTO ora_column VALUES (?, ?, ?, ?, ?, ?)",
                params![table.id, position as i64, column.name, column.data_type.to_string(), column.nullable, column.default],
            )?;
        }
        extras::insert_of_table(connection, table)?;
        table.constraints.iter().try_for_each(|constraint| Catalog::insert_constraint(connection, table.id, constraint))
    }

    pub fn insert_constraint(connection: &Connection, table_id: i64, constraint: &Constraint) -> Result<()> {
        let columns = constraint.columns.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        connection.execute(
            "INSERT INTO ora_constraint VALUES (?, ?, ?, ?, ?, ?)",
            params![constraint.id, table_id, constraint.name, constraint.kind.code(), constraint.generated, columns],
        )?;
        extras::insert_of_constraint(connection, constraint)
    }

    pub fn delete_table(connection: &Connection, table_id: i64) -> Result<()> {
        extras::delete_of_table(connection, table_id)?;
        for sql in [
            "DELETE FROM ora_table WHERE id = ?",
            "DELETE FROM ora_column WHERE table_id = ?",
            "DELETE FROM ora_constraint WHERE table_id = ?",
        ] {
            connection.execute(sql, [table_id])?;
        }
        Ok(())
    }
}

fn load_columns(connection: &Connection, table_id: i64, owner: &str, table: &str) -> Result<Vec<Column>> {
    let mut statement =
        connection.prepare_cached("SELECT name, type, nullable, default_text FROM ora_column WHERE table_id = ? ORDER BY position")?;
    let mut rows = statement.query([table_id])?;
    let mut columns = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, data_type): (String, String) = (row.get(0)?, row.get(1)?);
        let full_name = format!("\"{owner}\".\"{table}\".\"{name}\"");
        columns.push(Column {
            name,
            data_type: parse_type(&data_type)?,
            nullable: row.get(2)?,
            default: row.get(3)?,
            default_on_null: false,
            identity: None,
            full_name,
        });
    }
    Ok(columns)
}
