//! Views of objects and of the space they take: extents cover every ROWID that a row has, or had while its history is kept.

use super::super::catalog::{Catalog, Stamps, Table};
use super::super::rowid::{FIRST_FILE, Parts, ROWS_PER_BLOCK};
use super::super::types::DataType;
use super::super::value::Stored;
use super::super::{Result, undo};
use super::{Columns, Family, Filling, NAME, NUMBER, Row, date, each_table, moment, number, text};

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
    ("CREATED", DataType::Date),
    ("LAST_DDL_TIME", DataType::Date),
    ("TIMESTAMP", DataType::varchar2(19)),
    ("STATUS", DataType::varchar2(7)),
    ("TEMPORARY", DataType::varchar2(1)),
    ("GENERATED", DataType::varchar2(1)),
    ("SECONDARY", DataType::varchar2(1)),
    ("NAMESPACE", NUMBER),
    ("EDITION_NAME", NAME),
    ("SHARING", DataType::varchar2(18)),
    ("EDITIONABLE", DataType::varchar2(1)),
    ("ORACLE_MAINTAINED", DataType::varchar2(1)),
    ("APPLICATION", DataType::varchar2(1)),
    ("DEFAULT_COLLATION", DataType::varchar2(100)),
    ("DUPLICATED", DataType::varchar2(1)),
    ("SHARDED", DataType::varchar2(1)),
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

/// An object and what tells it from others of its kind.
struct Object<'a> {
    owner: &'a str,
    name: &'a str,
    id: i64,
    kind: &'a str,
    /// Number of its segment.
    data_id: Option<i64>,
    generated: bool,
    temporary: bool,
    valid: bool,
}

impl<'a> Object<'a> {
    fn new(owner: &'a str, name: &'a str, id: i64, kind: &'a str) -> Object<'a> {
        Object { owner, name, id, kind, data_id: None, generated: false, temporary: false, valid: true }
    }

    fn row(&self, stamps: &Stamps) -> Row {
        let flag = |value: bool| text(if value { "Y" } else { "N" });
        let stamp = stamps.of(self.id);
        let data_id = self.data_id.map_or(Stored::Null, number);
        let mut row = vec![text(self.owner), text(self.name), Stored::Null, number(self.id), data_id, text(self.kind)];
        row.extend([date(stamp.created_us), date(stamp.ddl_us), text(stamp_text(stamp.spec_us))]);
        row.extend([text(if self.valid { "VALID" } else { "INVALID" }), flag(self.temporary), flag(self.generated), flag(false)]);
        let namespace = match self.kind {
            "PACKAGE BODY" => 2,
            "INDEX" => 4,
            _ => 1,
        };
        let editionable =
            if matches!(self.kind, "VIEW" | "PROCEDURE" | "FUNCTION" | "PACKAGE" | "PACKAGE BODY") { text("Y") } else { Stored::Null };
        row.extend([number(namespace), Stored::Null, text("NONE"), editionable, flag(false), flag(false)]);
        row.extend([if self.kind == "TABLE" { text("USING_NLS_COMP") } else { Stored::Null }, flag(false), flag(false)]);
        row
    }
}

/// `YYYY-MM-DD:HH24:MI:SS`.
fn stamp_text(us: i64) -> String {
    let at = moment(us);
    format!("{:04}-{:02}-{:02}:{:02}:{:02}:{:02}", at.year, at.month, at.day, at.hour, at.minute, at.second)
}

fn objects(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let stamps = Catalog::stamps(filling.connection)?;
    let mut rows = Vec::new();
    for table in each_table(filling).filter(|table| !table.lifetime.is_private()) {
        let temporary = table.is_temporary();
        let data_id = (!temporary).then_some(table.data_id);
        rows.push(Object { data_id, temporary, ..Object::new(&table.owner, &table.name, table.id, "TABLE") }.row(&stamps));
        for index in table.constraints.iter().filter(|constraint| constraint.kind.has_index()) {
            let (data_id, generated) = ((!temporary).then_some(index.id), index.generated);
            rows.push(Object { data_id, generated, temporary, ..Object::new(&table.owner, &index.name, index.id, "INDEX") }.row(&stamps));
        }
    }
    for ((owner, name), view) in &filling.catalog.views {
        rows.push(Object { valid: filling.is_valid_view(owner, name), ..Object::new(owner, name, view.id, "VIEW") }.row(&stamps));
    }
    for item in filling.catalog.sequences.values() {
        let generated = item.name.starts_with("ISEQ$$_");
        rows.push(Object { generated, ..Object::new(&item.owner, &item.name, item.id, "SEQUENCE") }.row(&stamps));
    }
    let units = "SELECT owner, name, id, kind, columns FROM ora_text WHERE kind IN ('PROCEDURE', 'FUNCTION', 'PACKAGE', 'PACKAGE BODY')";
    let mut units = filling.connection.prepare_cached(units)?;
    let mut found = units.query([])?;
    while let Some(row) = found.next()? {
        let (owner, name, kind, status): (String, String, String, String) = (row.get(0)?, row.get(1)?, row.get(3)?, row.get(4)?);
        rows.push(Object { valid: status.is_empty(), ..Object::new(&owner, &name, row.get(2)?, &kind) }.row(&stamps));
    }
    Ok(rows)
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
            let place = Parts::new(table.data_id, first * ROWS_PER_BLOCK);
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
