//! Dictionary views: temporary tables of a connection, filled from the catalog when a query names them.

use rusqlite::{Connection, params_from_iter};

use super::Result;
use super::catalog::{Catalog, Column, Constraint, ConstraintKind, Table};
use super::nls::Nls;
use super::number::Number;
use super::types::{CharUnit, DataType};
use super::value::Stored;

type Row = Vec<Stored<'static>>;

/// A view: Oracle's columns and what fills them.
#[derive(Debug)]
pub(crate) struct View {
    pub name: &'static str,
    pub columns: &'static [(&'static str, DataType)],
    pub(super) rows: fn(&Filling<'_>) -> Vec<Row>,
}

/// What views are filled from.
pub(crate) struct Filling<'a> {
    pub catalog: &'a Catalog,
    pub nls: &'a Nls,
    pub user: &'a str,
    pub schema: &'a str,
    pub activity: &'a std::sync::Arc<super::activity::Activity>,
}

const TEXT: DataType = DataType::varchar2(4000);
const NAME: DataType = DataType::varchar2(128);
const NUMBER: DataType = DataType::NUMBER;

const TAB_COLUMNS: &[(&str, DataType)] = &[
    ("OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("COLUMN_NAME", NAME),
    ("DATA_TYPE", NAME),
    ("DATA_LENGTH", NUMBER),
    ("DATA_PRECISION", NUMBER),
    ("DATA_SCALE", NUMBER),
    ("NULLABLE", DataType::varchar2(1)),
    ("COLUMN_ID", NUMBER),
    ("DATA_DEFAULT", TEXT),
    ("CHAR_LENGTH", NUMBER),
    ("CHAR_USED", DataType::varchar2(1)),
    ("CHARACTER_SET_NAME", DataType::varchar2(44)),
    ("VIRTUAL_COLUMN", DataType::varchar2(3)),
    ("HIDDEN_COLUMN", DataType::varchar2(3)),
];
const TABLES: &[(&str, DataType)] = &[
    ("OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("TABLESPACE_NAME", NAME),
    ("STATUS", DataType::varchar2(8)),
    ("NUM_ROWS", NUMBER),
    ("TEMPORARY", DataType::varchar2(1)),
    ("PARTITIONED", DataType::varchar2(3)),
];
const CONSTRAINTS: &[(&str, DataType)] = &[
    ("OWNER", NAME),
    ("CONSTRAINT_NAME", NAME),
    ("CONSTRAINT_TYPE", DataType::varchar2(1)),
    ("TABLE_NAME", NAME),
    ("SEARCH_CONDITION", TEXT),
    ("SEARCH_CONDITION_VC", TEXT),
    ("STATUS", DataType::varchar2(8)),
    ("GENERATED", DataType::varchar2(14)),
    ("INDEX_NAME", NAME),
];
const CONS_COLUMNS: &[(&str, DataType)] =
    &[("OWNER", NAME), ("CONSTRAINT_NAME", NAME), ("TABLE_NAME", NAME), ("COLUMN_NAME", TEXT), ("POSITION", NUMBER)];
const INDEXES: &[(&str, DataType)] = &[
    ("OWNER", NAME),
    ("INDEX_NAME", NAME),
    ("INDEX_TYPE", DataType::varchar2(27)),
    ("TABLE_OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("UNIQUENESS", DataType::varchar2(9)),
    ("STATUS", DataType::varchar2(8)),
];
const IND_COLUMNS: &[(&str, DataType)] = &[
    ("INDEX_OWNER", NAME),
    ("INDEX_NAME", NAME),
    ("TABLE_OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("COLUMN_NAME", TEXT),
    ("COLUMN_POSITION", NUMBER),
];
const OBJECTS: &[(&str, DataType)] = &[
    ("OWNER", NAME),
    ("OBJECT_NAME", NAME),
    ("OBJECT_ID", NUMBER),
    ("OBJECT_TYPE", DataType::varchar2(23)),
    ("STATUS", DataType::varchar2(7)),
];
const VIEW_TEXTS: &[(&str, DataType)] =
    &[("OWNER", NAME), ("VIEW_NAME", NAME), ("TEXT_LENGTH", NUMBER), ("TEXT", DataType::varchar2(32_767))];
const USERS: &[(&str, DataType)] = &[("USERNAME", NAME), ("USER_ID", NUMBER)];
const PARAMETERS: &[(&str, DataType)] = &[("PARAMETER", NAME), ("VALUE", DataType::varchar2(160))];
const VERSION: &[(&str, DataType)] = &[("BANNER", DataType::varchar2(80)), ("BANNER_FULL", DataType::varchar2(160)), ("CON_ID", NUMBER)];
const COMPONENT: &[(&str, DataType)] = &[
    ("PRODUCT", DataType::varchar2(80)),
    ("VERSION", DataType::varchar2(80)),
    ("VERSION_FULL", DataType::varchar2(80)),
    ("STATUS", DataType::varchar2(80)),
];

/// The version that the engine reports as a server.
const SERVER_VERSION: &str = "19.0.0.0.0";

static VIEWS: [View; 29] = [
    View { name: "USER_VIEWS", columns: VIEW_TEXTS, rows: |f| mine(f, view_texts(f)) },
    View { name: "ALL_VIEWS", columns: VIEW_TEXTS, rows: view_texts },
    View { name: "USER_TAB_COLUMNS", columns: TAB_COLUMNS, rows: |f| mine(f, tab_columns(f)) },
    View { name: "ALL_TAB_COLUMNS", columns: TAB_COLUMNS, rows: tab_columns },
    View { name: "DBA_TAB_COLUMNS", columns: TAB_COLUMNS, rows: tab_columns },
    View { name: "USER_TAB_COLS", columns: TAB_COLUMNS, rows: |f| mine(f, tab_columns(f)) },
    View { name: "ALL_TAB_COLS", columns: TAB_COLUMNS, rows: tab_columns },
    View { name: "USER_TABLES", columns: TABLES, rows: |f| mine(f, tables(f)) },
    View { name: "ALL_TABLES", columns: TABLES, rows: tables },
    View { name: "DBA_TABLES", columns: TABLES, rows: tables },
    View { name: "USER_CONSTRAINTS", columns: CONSTRAINTS, rows: |f| mine(f, constraints(f)) },
    View { name: "ALL_CONSTRAINTS", columns: CONSTRAINTS, rows: constraints },
    View { name: "DBA_CONSTRAINTS", columns: CONSTRAINTS, rows: constraints },
    View { name: "USER_CONS_COLUMNS", columns: CONS_COLUMNS, rows: |f| mine(f, cons_columns(f)) },
    View { name: "ALL_CONS_COLUMNS", columns: CONS_COLUMNS, rows: cons_columns },
    View { name: "USER_INDEXES", columns: INDEXES, rows: |f| mine(f, indexes(f)) },
    View { name: "ALL_INDEXES", columns: INDEXES, rows: indexes },
    View { name: "USER_IND_COLUMNS", columns: IND_COLUMNS, rows: |f| mine(f, index_columns(f)) },
    View { name: "ALL_IND_COLUMNS", columns: IND_COLUMNS, rows: index_columns },
    View { name: "USER_OBJECTS", columns: OBJECTS, rows: |f| mine(f, objects(f)) },
    View { name: "ALL_OBJECTS", columns: OBJECTS, rows: objects },
    View { name: "ALL_USERS", columns: USERS, rows: users },
    View { name: "USER_USERS", columns: USERS, rows: |f| mine(f, users(f)) },
    View { name: "NLS_DATABASE_PARAMETERS", columns: PARAMETERS, rows: |_| Nls::new().map(|nls| parameters(&nls)).unwrap_or_default() },
    View { name: "NLS_INSTANCE_PARAMETERS", columns: PARAMETERS, rows: |_| Nls::new().map(|nls| parameters(&nls)).unwrap_or_default() },
    View { name: "NLS_SESSION_PARAMETERS", columns: PARAMETERS, rows: |f| parameters(f.nls) },
    View { name: "V$NLS_PARAMETERS", columns: PARAMETERS, rows: |f| parameters(f.nls) },
    View { name: "V$VERSION", columns: VERSION, rows: version },
    View { name: "PRODUCT_COMPONENT_VERSION", columns: COMPONENT, rows: component },
];

/// The view of this name.
pub(crate) fn find(name: &str) -> Option<&'static View> {
    VIEWS.iter().find(|view| view.name == name).or_else(|| super::activity::find(name))
}

impl View {
    /// Fills the view on a connection.
    pub fn fill(&self, connection: &Connection, filling: &Filling<'_>) -> Result<()> {
        let columns = (0..self.columns.len()).map(|index| format!("c{index}")).collect::<Vec<_>>().join(", ");
        connection.execute_batch(&format!("CREATE TEMP TABLE IF NOT EXISTS \"{0}\" ({columns}); DELETE FROM temp.\"{0}\";", self.name))?;
        let places = vec!["?"; self.columns.len()].join(", ");
        let mut insert = connection.prepare_cached(&format!("INSERT INTO temp.\"{}\" VALUES ({places})", self.name))?;
        for row in (self.rows)(filling) {
            insert.execute(params_from_iter(row))?;
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

/// Rows whose first column, the owner, is the user.
fn mine(filling: &Filling<'_>, rows: Vec<Row>) -> Vec<Row> {
    rows.into_iter().filter(|row| matches!(row.first(), Some(Stored::Text(owner)) if owner == filling.user)).collect()
}

fn each_table<'a>(filling: &'a Filling<'_>) -> impl Iterator<Item = &'a Table> {
    filling.catalog.tables.values().map(AsRef::as_ref)
}

fn each_constraint<'a>(filling: &'a Filling<'_>) -> impl Iterator<Item = (&'a Table, &'a Constraint)> {
    each_table(filling).flat_map(|table| table.constraints.iter().map(move |constraint| (table, constraint)))
}

fn tab_columns(filling: &Filling<'_>) -> Vec<Row> {
    each_table(filling)
        .flat_map(|table| table.columns.iter().enumerate().map(move |(index, column)| tab_column(table, index, column)))
        .collect()
}

fn tab_column(table: &Table, index: usize, column: &Column) -> Row {
    let (precision, scale) = match column.data_type {
        DataType::Number { precision, scale } => (precision.map(i64::from), scale.map(i64::from)),
        DataType::Float { binary_precision } => (Some(i64::from(binary_precision)), None),
        DataType::Timestamp { digits } | DataType::TimestampTz { digits } | DataType::TimestampLtz { digits } => {
            (None, Some(i64::from(digits)))
        }
        DataType::IntervalDs { day_digits, second_digits } => (Some(i64::from(day_digits)), Some(i64::from(second_digits))),
        DataType::IntervalYm { year_digits } => (Some(i64::from(year_digits)), Some(0)),
        _ => (None, None),
    };
    let (length, used, charset) = match column.data_type {
        DataType::Varchar2 { size, unit, national } | DataType::Char { size, unit, national } => {
            let used = if national || unit == CharUnit::Char { "C" } else { "B" };
            (i64::from(size), text(used), text(if national { "NCHAR_CS" } else { "CHAR_CS" }))
        }
        DataType::Clob | DataType::Long => (0, Stored::Null, text("CHAR_CS")),
        DataType::Nclob => (0, Stored::Null, text("NCHAR_CS")),
        _ => (0, Stored::Null, Stored::Null),
    };
    vec![
        text(&table.owner),
        text(&table.name),
        text(&column.name),
        text(column.data_type.dictionary_name()),
        number(column.data_type.data_length()),
        precision.map_or(Stored::Null, number),
        scale.map_or(Stored::Null, number),
        text(if column.nullable { "Y" } else { "N" }),
        number(index as i64 + 1),
        column.default.clone().map_or(Stored::Null, text),
        number(length),
        used,
        charset,
        text("NO"),
        text("NO"),
    ]
}

fn tables(filling: &Filling<'_>) -> Vec<Row> {
    each_table(filling)
        .map(|table| vec![text(&table.owner), text(&table.name), text("USERS"), text("VALID"), Stored::Null, text("N"), text("NO")])
        .collect()
}

fn constraints(filling: &Filling<'_>) -> Vec<Row> {
    each_constraint(filling)
        .filter(|(_, constraint)| constraint.kind.is_constraint())
        .map(|(table, constraint)| {
            let (code, condition, index) = match constraint.kind {
                ConstraintKind::Primary => ("P", Stored::Null, text(&constraint.name)),
                ConstraintKind::Unique => ("U", Stored::Null, text(&constraint.name)),
                _ => {
                    let column =
                        constraint.columns.first().and_then(|index| table.columns.get(*index)).map_or("", |column| column.name.as_str());
                    ("C", text(format!("\"{column}\" IS NOT NULL")), Stored::Null)
                }
            };
            let generated = if constraint.generated { "GENERATED NAME" } else { "USER NAME" };
            vec![
                text(&table.owner),
                text(&constraint.name),
                text(code),
                text(&table.name),
                condition.clone(),
                condition,
                text("ENABLED"),
                text(generated),
                index,
            ]
        })
        .collect()
}

fn key_columns<'a>(table: &'a Table, constraint: &'a Constraint) -> impl Iterator<Item = (&'a str, i64)> {
    constraint
        .columns
        .iter()
        .enumerate()
        .filter_map(|(position, index)| table.columns.get(*index).map(|column| (column.name.as_str(), position as i64 + 1)))
}

fn cons_columns(filling: &Filling<'_>) -> Vec<Row> {
    each_constraint(filling)
        .filter(|(_, constraint)| constraint.kind.is_constraint())
        .flat_map(|(table, constraint)| {
            key_columns(table, constraint).map(move |(column, position)| {
                let position = if constraint.kind == ConstraintKind::NotNull { Stored::Null } else { number(position) };
                vec![text(&table.owner), text(&constraint.name), text(&table.name), text(column), position]
            })
        })
        .collect()
}

fn indexes(filling: &Filling<'_>) -> Vec<Row> {
    each_constraint(filling)
        .filter(|(_, constraint)| constraint.kind != ConstraintKind::NotNull)
        .map(|(table, index)| {
            let uniqueness = if index.kind.is_unique() { "UNIQUE" } else { "NONUNIQUE" };
            vec![
                text(&table.owner),
                text(&index.name),
                text("NORMAL"),
                text(&table.owner),
                text(&table.name),
                text(uniqueness),
                text("VALID"),
            ]
        })
        .collect()
}

fn index_columns(filling: &Filling<'_>) -> Vec<Row> {
    each_constraint(filling)
        .filter(|(_, constraint)| constraint.kind != ConstraintKind::NotNull)
        .flat_map(|(table, index)| {
            key_columns(table, index).map(move |(column, position)| {
                vec![text(&table.owner), text(&index.name), text(&table.owner), text(&table.name), text(column), number(position)]
            })
        })
        .collect()
}

fn objects(filling: &Filling<'_>) -> Vec<Row> {
    let tables =
        each_table(filling).map(|table| vec![text(&table.owner), text(&table.name), number(table.id), text("TABLE"), text("VALID")]);
    let indexes = each_constraint(filling)
        .filter(|(_, constraint)| constraint.kind != ConstraintKind::NotNull)
        .map(|(table, index)| vec![text(&table.owner), text(&index.name), number(index.id), text("INDEX"), text("VALID")]);
    let views = filling
        .catalog
        .views
        .iter()
        .map(|((owner, name), view)| vec![text(owner), text(name), number(view.id), text("VIEW"), text("VALID")]);
    tables.chain(indexes).chain(views).collect()
}

fn view_texts(filling: &Filling<'_>) -> Vec<Row> {
    let row = |((owner, name), view): (&(String, String), &std::sync::Arc<super::catalog::ViewDef>)| {
        vec![text(owner), text(name), number(view.text.chars().count() as i64), text(view.text.clone())]
    };
    filling.catalog.views.iter().map(row).collect()
}

fn users(filling: &Filling<'_>) -> Vec<Row> {
    let mut names: Vec<&str> = filling.catalog.users.keys().map(String::as_str).chain(["SYS", filling.user, filling.schema]).collect();
    names.extend(each_table(filling).map(|table| table.owner.as_str()));
    names.sort_unstable();
    names.dedup();
    names.iter().enumerate().map(|(index, name)| vec![text(*name), number(index as i64)]).collect()
}

fn parameters(nls: &Nls) -> Vec<Row> {
    let fixed = [("NLS_CHARACTERSET", "AL32UTF8"), ("NLS_NCHAR_CHARACTERSET", "AL16UTF16"), ("NLS_RDBMS_VERSION", SERVER_VERSION)];
    let set = nls.parameters().iter().map(|(name, value)| vec![text(name), text(value)]);
    set.chain(fixed.iter().map(|(name, value)| vec![text(*name), text(*value)])).collect()
}

fn version(_: &Filling<'_>) -> Vec<Row> {
    let banner = format!("Oracle Database 19c compatible embedded engine of olbridge {}", env!("CARGO_PKG_VERSION"));
    vec![vec![text(&banner), text(format!("{banner} - Version {SERVER_VERSION}")), number(0)]]
}

fn component(_: &Filling<'_>) -> Vec<Row> {
    vec![vec![text("Embedded engine of olbridge"), text(SERVER_VERSION), text(SERVER_VERSION), text("Production")]]
}
