//! Views of tables, their columns and views.

use super::super::Result;
use super::super::catalog::{Column, Sequence, Table};
use super::super::ddl::Lifetime;
use super::super::number::Number;
use super::super::types::{CharUnit, DataType};
use super::super::value::Stored;
use super::{Columns, Family, Filling, NAME, NUMBER, Row, TEXT, YES_NO, each_table, number, text, yes_no};

pub(super) const VIEWS: &[Family] = &[
    Family::scoped("TABLES", TABLES, &["OWNER"], tables),
    Family::scoped("TAB_COLUMNS", TAB_COLUMNS, &["OWNER"], tab_columns),
    Family::scoped("TAB_COLS", TAB_COLUMNS, &["OWNER"], tab_columns),
    Family::scoped("TAB_COMMENTS", TAB_COMMENTS, &["OWNER"], tab_comments),
    Family::scoped("COL_COMMENTS", COL_COMMENTS, &["OWNER"], col_comments),
    Family::scoped("TAB_IDENTITY_COLS", IDENTITIES, &["OWNER"], identities),
    Family { scopes: "UAD", ..Family::scoped("SEQUENCES", SEQUENCES, &["SEQUENCE_OWNER"], sequences) },
    Family::scoped("VIEWS", VIEW_TEXTS, &["OWNER"], view_texts),
    Family::scoped("TAB_PARTITIONS", TAB_PARTITIONS, &["TABLE_OWNER"], |_| Ok(Vec::new())),
    Family::scoped("SYNONYMS", SYNONYMS, &["OWNER"], |_| Ok(Vec::new())),
    Family::scoped("DB_LINKS", DB_LINKS, &["OWNER"], |_| Ok(Vec::new())),
    Family::scoped("MVIEWS", MVIEWS, &[], |_| Ok(Vec::new())),
    Family::scoped("MVIEW_COMMENTS", MVIEW_COMMENTS, &["OWNER"], |_| Ok(Vec::new())),
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
    ("IDENTITY_COLUMN", YES_NO),
    ("DEFAULT_ON_NULL", YES_NO),
    // Of release 23.
    ("VECTOR_INFO", DataType::varchar2(64)),
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
    ("COMPRESSION", DataType::varchar2(8)),
    ("COMPRESS_FOR", DataType::varchar2(30)),
    ("LOGGING", YES_NO),
    ("HAS_IDENTITY", YES_NO),
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

/// There are no synonyms, links and materialised views.
const SYNONYMS: Columns = &[("OWNER", NAME), ("SYNONYM_NAME", NAME), ("TABLE_OWNER", NAME), ("TABLE_NAME", NAME), ("DB_LINK", NAME)];
const DB_LINKS: Columns =
    &[("OWNER", NAME), ("DB_LINK", NAME), ("USERNAME", NAME), ("HOST", DataType::varchar2(2000)), ("CREATED", DataType::Date)];
const MVIEWS: Columns = &[("OWNER", NAME), ("MVIEW_NAME", NAME), ("CONTAINER_NAME", NAME), ("QUERY", TEXT), ("QUERY_LEN", NUMBER)];
const MVIEW_COMMENTS: Columns = &[("OWNER", NAME), ("MVIEW_NAME", NAME), ("COMMENTS", TEXT)];
const TAB_COMMENTS: Columns = &[("OWNER", NAME), ("TABLE_NAME", NAME), ("TABLE_TYPE", DataType::varchar2(11)), ("COMMENTS", TEXT)];
const COL_COMMENTS: Columns = &[("OWNER", NAME), ("TABLE_NAME", NAME), ("COLUMN_NAME", NAME), ("COMMENTS", TEXT)];
const IDENTITIES: Columns = &[
    ("OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("COLUMN_NAME", NAME),
    ("GENERATION_TYPE", DataType::varchar2(10)),
    ("SEQUENCE_NAME", NAME),
    ("IDENTITY_OPTIONS", DataType::varchar2(298)),
];
const SEQUENCES: Columns = &[
    ("SEQUENCE_OWNER", NAME),
    ("SEQUENCE_NAME", NAME),
    ("MIN_VALUE", NUMBER),
    ("MAX_VALUE", NUMBER),
    ("INCREMENT_BY", NUMBER),
    ("CYCLE_FLAG", DataType::varchar2(1)),
    ("ORDER_FLAG", DataType::varchar2(1)),
    ("CACHE_SIZE", NUMBER),
    ("LAST_NUMBER", NUMBER),
];

fn tables(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let row = |table: &Table| {
        let duration = match table.lifetime {
            Lifetime::Permanent => Stored::Null,
            Lifetime::Transaction | Lifetime::PrivateTransaction => text("SYS$TRANSACTION"),
            Lifetime::Session | Lifetime::PrivateSession => text("SYS$SESSION"),
        };
        let temporary = text(if table.is_temporary() { "Y" } else { "N" });
        let space = if table.is_temporary() { Stored::Null } else { text("USERS") };
        let mut row = vec![text(&table.owner), text(&table.name), space, Stored::Null, Stored::Null, text("VALID")];
        row.extend([Stored::Null, Stored::Null, Stored::Null, Stored::Null, yes_no(false), Stored::Null]);
        row.extend([temporary, text("N"), yes_no(false), duration]);
        row.extend([text("DISABLED"), text("ENABLED"), yes_no(false), yes_no(false)]);
        let has_identity = table.columns.iter().any(|column| column.identity.is_some());
        row.extend([text("DISABLED"), Stored::Null, yes_no(true), yes_no(has_identity)]);
        row
    };
    Ok(each_table(filling).filter(|table| !table.lifetime.is_private()).map(row).collect())
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
        yes_no(column.identity.is_some()),
        yes_no(column.default_on_null),
        vector_info(column.data_type),
    ]
}

fn vector_info(data_type: DataType) -> Stored<'static> {
    match data_type {
        DataType::Vector { .. } => text(data_type.to_string().replace(',', ", ").replace(')', ", DENSE)")),
        _ => Stored::Null,
    }
}

fn view_texts(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let row = |((owner, name), view): (&(String, String), &std::sync::Arc<super::super::catalog::ViewDef>)| {
        vec![text(owner), text(name), number(view.text.chars().count() as i64), text(view.text.clone())]
    };
    Ok(filling.catalog.views.iter().map(row).collect())
}

/// A comment for each table and view, or NULL.
fn tab_comments(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let comment = |id: i64| filling.catalog.comments.get(&(id, String::new())).map_or(Stored::Null, |comment| text(comment.as_str()));
    let tables = each_table(filling).map(|table| vec![text(&table.owner), text(&table.name), text("TABLE"), comment(table.id)]);
    let views = filling.catalog.views.iter().map(|((owner, name), view)| vec![text(owner), text(name), text("VIEW"), comment(view.id)]);
    Ok(tables.chain(views).collect())
}

fn col_comments(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let row = |table: &Table, column: &Column| {
        let comment = filling.catalog.comments.get(&(table.id, column.name.clone()));
        vec![text(&table.owner), text(&table.name), text(&column.name), comment.map_or(Stored::Null, |comment| text(comment.as_str()))]
    };
    Ok(each_table(filling).flat_map(|table| table.columns.iter().map(move |column| row(table, column))).collect())
}

fn identities(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for table in each_table(filling) {
        for column in &table.columns {
            let Some(is_always) = column.identity else { continue };
            let name = format!("ISEQ$$_{}", table.id);
            let options = match filling.catalog.sequence(&table.owner, &name) {
                Some(sequence) => text(identity_options(sequence, &filling.sequences.peek(filling.connection, sequence)?.to_string())),
                None => Stored::Null,
            };
            let kind = if is_always { "ALWAYS" } else { "BY DEFAULT" };
            rows.push(vec![text(&table.owner), text(&table.name), text(&column.name), text(kind), text(name), options]);
        }
    }
    Ok(rows)
}

/// The options of the sequence behind an identity column, as Oracle writes them.
fn identity_options(sequence: &Sequence, start: &str) -> String {
    let flag = |value: bool| if value { 'Y' } else { 'N' };
    let Sequence { increment, min, max, cycle, cache, order, .. } = sequence;
    format!(
        "START WITH: {start}, INCREMENT BY: {increment}, MAX_VALUE: {max}, MIN_VALUE: {min}, CYCLE_FLAG: {}, CACHE_SIZE: {cache}, \
         ORDER_FLAG: {}, SCALE_FLAG: N, EXTEND_FLAG: N, SESSION_FLAG: N, KEEP_VALUE: N",
        flag(*cycle),
        flag(*order)
    )
}

fn sequences(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let big = |value: &str| Number::parse(value).map_or(Stored::Null, |value| Stored::number(&value));
    let flag = |value: bool| text(if value { "Y" } else { "N" });
    let mut rows = Vec::new();
    for sequence in filling.catalog.sequences.values() {
        let next = filling.sequences.peek(filling.connection, sequence)?.to_string();
        let mut row = vec![text(&sequence.owner), text(&sequence.name), big(&sequence.min.to_string()), big(&sequence.max.to_string())];
        row.extend([number(sequence.increment), flag(sequence.cycle), flag(sequence.order), number(sequence.cache), big(&next)]);
        rows.push(row);
    }
    Ok(rows)
}
