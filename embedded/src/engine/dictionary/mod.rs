//! Dictionary views: temporary tables of a connection, filled from the catalog when a query names them.

use std::collections::BTreeMap;

use rusqlite::{Connection, params_from_iter};

use super::catalog::{Catalog, Constraint, Table};
use super::datetime::DateTime;
use super::nls::Nls;
use super::number::Number;
use super::release::Release;
use super::tokens::tokenise;
use super::translate::{Context, Translator};
use super::types::DataType;
use super::value::Stored;
use super::{Result, parse};

mod constraints;
mod sessions;
mod space;
mod system;
mod tables;

type Row = Vec<Stored<'static>>;
type Columns = &'static [(&'static str, DataType)];

/// A view, or the views of one kind whose names begin with USER_, ALL_ and DBA_.
#[derive(Debug)]
pub(super) struct Family {
    name: &'static str,
    /// Beginnings that the name may have: letters of USER_, ALL_ and DBA_; none for a view of that name alone.
    scopes: &'static str,
    columns: Columns,
    /// Columns that the USER_ view lacks.
    not_in_user: &'static [&'static str],
    rows: fn(&Filling<'_>) -> Result<Vec<Row>>,
}

impl Family {
    /// USER_, ALL_ and DBA_ of a name; the first column is the owner.
    const fn scoped(
        name: &'static str,
        columns: Columns,
        not_in_user: &'static [&'static str],
        rows: fn(&Filling<'_>) -> Result<Vec<Row>>,
    ) -> Family {
        Family { name, scopes: "UAD", columns, not_in_user, rows }
    }

    /// A view of this name alone.
    const fn single(name: &'static str, columns: Columns, rows: fn(&Filling<'_>) -> Result<Vec<Row>>) -> Family {
        Family { name, scopes: "", columns, not_in_user: &[], rows }
    }
}

/// A view: Oracle's columns and what fills them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    family: &'static Family,
    /// `USER_`, `ALL_`, `DBA_` or nothing.
    prefix: &'static str,
}

/// What views are filled from.
pub(crate) struct Filling<'a> {
    pub connection: &'a Connection,
    pub catalog: &'a Catalog,
    pub nls: &'a Nls,
    pub release: Release,
    pub user: &'a str,
    pub schema: &'a str,
    pub settings: &'a BTreeMap<String, String>,
    pub activity: &'a std::sync::Arc<super::activity::Activity>,
    pub sequences: &'a super::sequence::Sequences,
}

impl Filling<'_> {
    /// Whether what a view names is there.
    fn is_valid_view(&self, owner: &str, name: &str) -> bool {
        let sql = format!("SELECT * FROM \"{owner}\".\"{name}\"");
        let context = Context {
            sql: &sql,
            catalog: self.catalog,
            nls: self.nls,
            user: self.user,
            schema: self.schema,
            bind_kinds: &[],
            release: self.release,
            settings: self.settings,
            locals: &[],
        };
        let query = tokenise(&sql).and_then(|tokens| parse::from_tokens(&sql, tokens));
        matches!(query, Ok(sqlparser::ast::Statement::Query(query)) if Translator::new(context).query(&query).is_ok())
    }
}

const TEXT: DataType = DataType::varchar2(4000);
const NAME: DataType = DataType::varchar2(128);
const NUMBER: DataType = DataType::NUMBER;
const YES_NO: DataType = DataType::varchar2(3);

/// The view of this name.
pub(crate) fn find(name: &str) -> Option<View> {
    let groups = [tables::VIEWS, constraints::VIEWS, sessions::VIEWS, space::VIEWS, system::VIEWS];
    let families = groups.into_iter().flatten();
    families.into_iter().find_map(|family| {
        if family.scopes.is_empty() {
            return (family.name == name).then_some(View { family, prefix: "" });
        }
        ["USER_", "ALL_", "DBA_"]
            .into_iter()
            .filter(|prefix| family.scopes.contains(&prefix[..1]))
            .find(|prefix| name.strip_prefix(prefix) == Some(family.name))
            .map(|prefix| View { family, prefix })
    })
}

impl View {
    /// Its name.
    pub fn name(&self) -> String {
        format!("{}{}", self.prefix, self.family.name)
    }

    /// Place, name and type of its columns.
    pub fn columns(&self) -> impl Iterator<Item = (usize, &'static str, DataType)> {
        let hidden: &[&str] = if self.prefix == "USER_" { self.family.not_in_user } else { &[] };
        let columns = self.family.columns.iter().enumerate();
        columns.filter(|(_, (name, _))| !hidden.contains(name)).map(|(index, (name, data_type))| (index, *name, *data_type))
    }

    /// Fills the view on a connection.
    pub fn fill(&self, filling: &Filling<'_>) -> Result<()> {
        let (name, connection) = (self.name(), filling.connection);
        let count = self.family.columns.len();
        let columns = (0..count).map(|index| format!("c{index}")).collect::<Vec<_>>().join(", ");
        connection.execute_batch(&format!("CREATE TEMP TABLE IF NOT EXISTS \"{name}\" ({columns}); DELETE FROM temp.\"{name}\";"))?;
        let places = vec!["?"; count].join(", ");
        let mut insert = connection.prepare_cached(&format!("INSERT INTO temp.\"{name}\" VALUES ({places})"))?;
        let is_mine = |row: &Row| matches!(row.first(), Some(Stored::Text(owner)) if owner == filling.user);
        for row in (self.family.rows)(filling)? {
            if self.prefix != "USER_" || is_mine(&row) {
                insert.execute(params_from_iter(row))?;
            }
        }
        Ok(())
    }
}

fn text(value: impl Into<String>) -> Stored<'static> {
    Stored::text(value.into())
}

fn number(value: impl Into<i64>) -> Stored<'static> {
    Stored::number(&Number::from_i64(value.into()))
}

/// A time in microseconds since 1970.
fn moment(us: i64) -> DateTime {
    DateTime::midnight(1970, 1, 1).with_second_number(DateTime::midnight(1970, 1, 1).second_number() + us.div_euclid(1_000_000))
}

fn date(us: i64) -> Stored<'static> {
    Stored::inline(&moment(us).to_date())
}

fn yes_no(value: bool) -> Stored<'static> {
    text(if value { "YES" } else { "NO" })
}

fn each_table<'a>(filling: &'a Filling<'_>) -> impl Iterator<Item = &'a Table> {
    filling.catalog.tables.values().map(AsRef::as_ref)
}

fn each_constraint<'a>(filling: &'a Filling<'_>) -> impl Iterator<Item = (&'a Table, &'a Constraint)> {
    each_table(filling).flat_map(|table| table.constraints.iter().map(move |constraint| (table, constraint)))
}
