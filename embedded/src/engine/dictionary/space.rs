//! Views of objects and of the space they take: extents cover every ROWID that a row has, or had while its history is kept.

use super::super::catalog::Table;
use super::super::rowid::{FIRST_FILE, Parts, ROWS_PER_BLOCK};
use super::super::types::DataType;
use super::super::value::Stored;
use super::super::{Result, undo};
use super::{Columns, Family, Filling, NAME, NUMBER, Row, each_constraint, each_table, number, text};

pub(super) const VIEWS: &[Family] = &[
    Family::scoped("OBJECTS", OBJECTS, &["OWNER"], objects),
    // There is no ALL_EXTENTS, nor ALL_SEGMENTS.
    Family { scopes: "UD", ..Family::scoped("EXTENTS", EXTENTS, &["OWNER", "FILE_ID", "BLOCK_ID", "RELATIVE_FNO"], extents) },
    Family { scopes: "UD", ..Family::scoped("SEGMENTS", SEGMENTS, &["OWNER", "HEADER_FILE", "HEADER_BLOCK", "RELATIVE_FNO"], segments) },
];

const BLOCK_BYTES: i64 = 8192;

const OBJECTS: Columns = &[
    ("OWNER", NAME),
    ("OBJECT_NAME", NAME),
    ("SUBOBJECT_NAME", NAME),
    ("OBJECT_ID", NUMBER),
    ("DATA_OBJECT_ID", NUMBER),
    ("OBJECT_TYPE", DataType::varchar2(23)),
    ("STATUS", DataType::varchar2(7)),
    ("TEMPORARY", DataType::varchar2(1)),
    ("GENERATED", DataType::varchar2(1)),
    ("SECONDARY", DataType::varchar2(1)),
];
const EXTENTS: Columns = &[
    ("OWNER", NAME),
    ("SEGMENT_NAME", NAME),
    ("PARTITION_NAME", NAME),
    ("SEGMENT_TYPE", DataType::varchar2(18)),
    ("TABLESPACE_NAME", NAME),
    ("EXTENT_ID", NUMBER),
    ("FILE_ID", NUMBER),
    ("BLOCK_ID", NUMBER),
    ("BYTES", NUMBER),
    ("BLOCKS", NUMBER),
    ("RELATIVE_FNO", NUMBER),
];
const SEGMENTS: Columns = &[
    ("OWNER", NAME),
    ("SEGMENT_NAME", NAME),
    ("PARTITION_NAME", NAME),
    ("SEGMENT_TYPE", DataType::varchar2(18)),
    ("TABLESPACE_NAME", NAME),
    ("HEADER_FILE", NUMBER),
    ("HEADER_BLOCK", NUMBER),
    ("BYTES", NUMBER),
    ("BLOCKS", NUMBER),
    ("EXTENTS", NUMBER),
    ("RELATIVE_FNO", NUMBER),
];

fn object(owner: &str, name: &str, id: i64, data_id: Option<i64>, kind: &str, generated: bool) -> Row {
    let flag = |value: bool| text(if value { "Y" } else { "N" });
    let data_id = data_id.map_or(Stored::Null, number);
    let mut row = vec![text(owner), text(name), Stored::Null, number(id), data_id, text(kind), text("VALID")];
    row.extend([flag(false), flag(generated), flag(false)]);
    row
}

fn objects(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let tables = each_table(filling)
        .filter(|table| !table.lifetime.is_private())
        .map(|table| object(&table.owner, &table.name, table.id, Some(table.id), "TABLE", false));
    let indexes = each_constraint(filling)
        .filter(|(_, constraint)| constraint.kind.has_index())
        .map(|(table, index)| object(&table.owner, &index.name, index.id, Some(index.id), "INDEX", index.generated));
    let views = filling.catalog.views.iter().map(|((owner, name), view)| object(owner, name, view.id, None, "VIEW", false));
    let sequences = filling
        .catalog
        .sequences
        .values()
        .map(|item| object(&item.owner, &item.name, item.id, None, "SEQUENCE", item.name.starts_with("ISEQ$$_")));
    Ok(tables.chain(indexes).chain(views).chain(sequences).collect())
}

/// First block and number of blocks of each extent, as Oracle allots them: 16 of 64 KB, 63 of 1 MB, 120 of 8 MB, then 64 MB each. A table
/// that never had a row has none.
fn layout(high_water: Option<i64>) -> Vec<(i64, i64)> {
    let Some(rowid) = high_water else { return Vec::new() };
    let needed = rowid / ROWS_PER_BLOCK + 1;
    let (mut extents, mut first) = (Vec::new(), 0);
    while first < needed {
        let blocks = match extents.len() {
            0..16 => 8,
            16..79 => 128,
            79..199 => 1024,
            _ => 8192,
        };
        extents.push((first, blocks));
        first += blocks;
    }
    extents
}

fn table_layout(filling: &Filling<'_>, table: &Table) -> Result<Vec<(i64, i64)>> {
    undo::high_water(filling.connection, table).map(layout)
}

fn extents(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for table in each_table(filling).filter(|table| !table.is_temporary()) {
        for (index, (first, blocks)) in table_layout(filling, table)?.into_iter().enumerate() {
            let place = Parts::new(table.id, first * ROWS_PER_BLOCK);
            let mut row = vec![text(&table.owner), text(&table.name), Stored::Null, text("TABLE"), text("USERS"), number(index as i64)];
            row.extend([number(place.file), number(place.block), number(blocks * BLOCK_BYTES), number(blocks), number(place.file)]);
            rows.push(row);
        }
    }
    Ok(rows)
}

fn segments(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for table in each_table(filling).filter(|table| !table.is_temporary()) {
        let extents = table_layout(filling, table)?;
        if extents.is_empty() {
            continue;
        }
        let blocks: i64 = extents.iter().map(|(_, blocks)| blocks).sum();
        let mut row =
            vec![text(&table.owner), text(&table.name), Stored::Null, text("TABLE"), text("USERS"), number(FIRST_FILE), number(0)];
        row.extend([number(blocks * BLOCK_BYTES), number(blocks), number(extents.len() as i64), number(FIRST_FILE)]);
        rows.push(row);
    }
    Ok(rows)
}
