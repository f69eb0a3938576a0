//! Views of tables, their columns and views.

use super::super::Result;
use super::super::catalog::{Column, Table};
use super::super::types::{CharUnit, DataType};
use super::super::value::Stored;
use super::{Columns, Family, Filling, NAME, NUMBER, Row, TEXT, YES_NO, each_table, number, text, yes_no};

pub(super) const VIEWS: &[Family] = &[
    Family::scoped("TABLES", TABLES, &["OWNER"], tables),
    Family::scoped("TAB_COLUMNS", TAB_COLUMNS, &["OWNER"], tab_columns),
    Family::scoped("TAB_COLS", TAB_COLUMNS, &["OWNER"], tab_columns),
    Family::scoped("VIEWS", VIEW_TEXTS, &["OWNER"], view_texts),
    Family::scoped("TAB_PARTITIONS", TAB_PARTITIONS, &["TABLE_OWNER"], |_| Ok(Vec::new())),
];

const TAB_COLUMNS: Columns = &[
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
const TABLES: Columns = &[
    ("OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("TABLESPACE_NAME", NAME),
    ("CLUSTER_NAME", NAME),
    ("IOT_NAME", NAME),
    ("STATUS", DataType::varchar2(8)),
    ("NUM_ROWS", NUMBER),
    ("BLOCKS", NUMBER),
    ("AVG_ROW_LEN", NUMBER),
    ("LAST_ANALYZED", DataType::Date),
    ("PARTITIONED", YES_NO),
    ("IOT_TYPE", DataType::varchar2(12)),
    ("TEMPORARY", DataType::varchar2(1)),
    ("SECONDARY", DataType::varchar2(1)),
    ("NESTED", YES_NO),
    ("DURATION", DataType::varchar2(15)),
    ("ROW_MOVEMENT", DataType::varchar2(8)),
    ("DEPENDENCIES", DataType::varchar2(8)),
    ("DROPPED", YES_NO),
    ("READ_ONLY", YES_NO),
];
const VIEW_TEXTS: Columns = &[("OWNER", NAME), ("VIEW_NAME", NAME), ("TEXT_LENGTH", NUMBER), ("TEXT", DataType::varchar2(32_767))];
/// No table of the engine has partitions.
const TAB_PARTITIONS: Columns = &[
    ("TABLE_OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("COMPOSITE", YES_NO),
    ("PARTITION_NAME", NAME),
    ("SUBPARTITION_COUNT", NUMBER),
    ("HIGH_VALUE", TEXT),
    ("HIGH_VALUE_LENGTH", NUMBER),
    ("PARTITION_POSITION", NUMBER),
    ("TABLESPACE_NAME", NAME),
    ("NUM_ROWS", NUMBER),
    ("BLOCKS", NUMBER),
];

fn tables(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let row = |table: &Table| {
        let mut row = vec![text(&table.owner), text(&table.name), text("USERS"), Stored::Null, Stored::Null, text("VALID")];
        row.extend([
            Stored::Null,
            Stored::Null,
            Stored::Null,
            Stored::Null,
            yes_no(false),
            Stored::Null,
            text("N"),
            text("N"),
            yes_no(false),
        ]);
        row.extend([Stored::Null, text("DISABLED"), text("ENABLED"), yes_no(false), yes_no(false)]);
        row
    };
    Ok(each_table(filling).map(row).collect())
}

fn tab_columns(filling: &Filling<'_>) -> Result<Vec<Row>> {
    Ok(each_table(filling)
        .flat_map(|table| table.columns.iter().enumerate().map(move |(index, column)| tab_column(table, index, column)))
        .collect())
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

fn view_texts(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let row = |((owner, name), view): (&(String, String), &std::sync::Arc<super::super::catalog::ViewDef>)| {
        vec![text(owner), text(name), number(view.text.chars().count() as i64), text(view.text.clone())]
    };
    Ok(filling.catalog.views.iter().map(row).collect())
}
