//! Views of the database, its users and its settings.

use super::super::nls::Nls;
use super::super::types::DataType;
use super::super::value::Stored;
use super::super::{Result, undo};
use super::{Columns, Family, Filling, NAME, NUMBER, Row, each_table, number, text};

pub(super) const VIEWS: &[Family] = &[
    Family { scopes: "AD", ..Family::scoped("USERS", USERS, &[], users) },
    Family::single("USER_USERS", USERS, |f| {
        Ok(users(f)?.into_iter().filter(|row| matches!(row.first(), Some(Stored::Text(name)) if name == f.user)).collect())
    }),
    Family::single("NLS_DATABASE_PARAMETERS", PARAMETERS, |f| Ok(parameters(&Nls::new()?, f))),
    Family::single("NLS_INSTANCE_PARAMETERS", PARAMETERS, |f| Ok(parameters(&Nls::new()?, f))),
    Family::single("NLS_SESSION_PARAMETERS", PARAMETERS, |f| Ok(parameters(f.nls, f))),
    Family::single("V$NLS_PARAMETERS", PARAMETERS, |f| Ok(parameters(f.nls, f))),
    Family::single("V$VERSION", VERSION, version),
    Family::single("PRODUCT_COMPONENT_VERSION", COMPONENT, component),
    Family::single("V$DATABASE", DATABASE, database),
    Family::single("V$INSTANCE", INSTANCE, instance),
    Family::single("V$PARAMETER", SETTINGS, settings),
];

const USERS: Columns = &[("USERNAME", NAME), ("USER_ID", NUMBER)];
const PARAMETERS: Columns = &[("PARAMETER", NAME), ("VALUE", DataType::varchar2(160))];
const VERSION: Columns = &[("BANNER", DataType::varchar2(80)), ("BANNER_FULL", DataType::varchar2(160)), ("CON_ID", NUMBER)];
const COMPONENT: Columns = &[
    ("PRODUCT", DataType::varchar2(80)),
    ("VERSION", DataType::varchar2(80)),
    ("VERSION_FULL", DataType::varchar2(80)),
    ("STATUS", DataType::varchar2(80)),
];
const DATABASE: Columns = &[
    ("DBID", NUMBER),
    ("NAME", DataType::varchar2(9)),
    ("CREATED", DataType::Date),
    ("LOG_MODE", DataType::varchar2(12)),
    ("OPEN_MODE", DataType::varchar2(20)),
    ("DATABASE_ROLE", DataType::varchar2(16)),
    ("CURRENT_SCN", NUMBER),
    ("DB_UNIQUE_NAME", DataType::varchar2(30)),
    ("FLASHBACK_ON", DataType::varchar2(18)),
    ("PLATFORM_NAME", DataType::varchar2(101)),
    ("CDB", DataType::varchar2(3)),
    ("CON_ID", NUMBER),
];

const INSTANCE: Columns = &[
    ("INSTANCE_NUMBER", NUMBER),
    ("INSTANCE_NAME", DataType::varchar2(16)),
    ("HOST_NAME", DataType::varchar2(64)),
    ("VERSION", DataType::varchar2(17)),
    ("VERSION_FULL", DataType::varchar2(17)),
    ("STATUS", DataType::varchar2(12)),
    ("DATABASE_STATUS", DataType::varchar2(17)),
    ("INSTANCE_ROLE", DataType::varchar2(18)),
];
const SETTINGS: Columns = &[
    ("NUM", NUMBER),
    ("NAME", DataType::varchar2(80)),
    ("TYPE", NUMBER),
    ("VALUE", DataType::varchar2(4000)),
    ("DISPLAY_VALUE", DataType::varchar2(4000)),
];
fn users(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let mut names: Vec<&str> = filling.catalog.users.keys().map(String::as_str).chain(["SYS", filling.user, filling.schema]).collect();
    names.extend(each_table(filling).map(|table| table.owner.as_str()));
    names.sort_unstable();
    names.dedup();
    Ok(names.iter().enumerate().map(|(index, name)| vec![text(*name), number(index as i64)]).collect())
}

fn parameters(nls: &Nls, filling: &Filling<'_>) -> Vec<Row> {
    let base = filling.release.base();
    let fixed = [("NLS_CHARACTERSET", "AL32UTF8"), ("NLS_NCHAR_CHARACTERSET", "AL16UTF16"), ("NLS_RDBMS_VERSION", base.as_str())];
    let set = nls.parameters().iter().map(|(name, value)| vec![text(name), text(value)]);
    set.chain(fixed.iter().map(|(name, value)| vec![text(*name), text(*value)])).collect()
}

fn version(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let banner = format!("{} {}", filling.release.product(), env!("CARGO_PKG_VERSION"));
    Ok(vec![vec![text(&banner), text(format!("{banner} - Version {}", filling.release.full())), number(0)]])
}

fn component(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let release = filling.release;
    Ok(vec![vec![text("Embedded engine of olbridge"), text(release.base()), text(release.full()), text("Production")]])
}

fn database(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let scn = undo::current_scn(filling.connection)?;
    let mut row = vec![number(1), text("EMBEDDED"), Stored::Null, text("NOARCHIVELOG"), text("READ WRITE"), text("PRIMARY"), number(scn)];
    row.extend([text("EMBEDDED"), text("NO"), text(std::env::consts::OS), text("NO"), number(0)]);
    Ok(vec![row])
}

fn instance(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let release = filling.release;
    let mut row = vec![number(1), text("EMBEDDED"), text("localhost"), text(release.base()), text(release.full())];
    row.extend([text("OPEN"), text("ACTIVE"), text("PRIMARY_INSTANCE")]);
    Ok(vec![row])
}

/// Parameters that clients ask for, with the type numbers of Oracle: 2 text, 3 integer.
fn settings(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let compatible = filling.release.compatible();
    let settings: [(&str, i64, &str); 8] = [
        ("compatible", 2, &compatible),
        ("db_block_size", 3, "8192"),
        ("db_domain", 2, ""),
        ("db_name", 2, "EMBEDDED"),
        ("max_string_size", 2, "EXTENDED"),
        ("open_cursors", 3, "65535"),
        ("service_names", 2, "EMBEDDED"),
        ("undo_retention", 3, "900"),
    ];
    let row = |(index, (name, kind, value)): (usize, &(&str, i64, &str))| {
        vec![number(index as i64 + 1), text(*name), number(*kind), text(*value), text(*value)]
    };
    Ok(settings.iter().enumerate().map(row).collect())
}
