//! Views of the database, its users and its settings.

use super::super::catalog::{Catalog, user_id};
use super::super::nls::Nls;
use super::super::types::DataType;
use super::super::value::Stored;
use super::super::{Result, undo};
use super::{Columns, Family, Filling, NAME, NUMBER, Row, YES_NO, date, each_table, number, text, yes_no};

pub(super) const VIEWS: &[Family] = &[
    Family { scopes: "A", ..Family::scoped("USERS", ALL_USERS, &[], all_users) },
    Family { scopes: "D", ..Family::scoped("USERS", DBA_USERS, &[], dba_users) },
    Family { scopes: "U", ..Family::scoped("USERS", DBA_USERS, NOT_IN_USER_USERS, dba_users) },
    Family::single("NLS_DATABASE_PARAMETERS", PARAMETERS, |f| Ok(parameters(&Nls::new()?, f))),
    Family::single("NLS_INSTANCE_PARAMETERS", PARAMETERS, |f| Ok(parameters(&Nls::new()?, f))),
    Family::single("NLS_SESSION_PARAMETERS", PARAMETERS, |f| Ok(parameters(f.nls, f))),
    Family::single("V$NLS_PARAMETERS", PARAMETERS, |f| Ok(parameters(f.nls, f))),
    Family::single("V$VERSION", VERSION, version),
    Family::single("PRODUCT_COMPONENT_VERSION", COMPONENT, component),
    Family::single("V$DATABASE", DATABASE, database),
    Family::single("V$PDB_INCARNATION", PDB_INCARNATION, |_| Ok(pdb_incarnation())),
    Family::single("V$INSTANCE", INSTANCE, instance),
    Family::single("V$PARAMETER", SETTINGS, settings),
];

const ALL_USERS: Columns = &[
    ("USERNAME", NAME),
    ("USER_ID", NUMBER),
    ("CREATED", DataType::Date),
    ("COMMON", YES_NO),
    ("ORACLE_MAINTAINED", DataType::varchar2(1)),
    ("INHERITED", YES_NO),
    ("DEFAULT_COLLATION", DataType::varchar2(100)),
    ("IMPLICIT", YES_NO),
    ("ALL_SHARD", YES_NO),
];
const DBA_USERS: Columns = &[
    ("USERNAME", NAME),
    ("USER_ID", NUMBER),
    ("PASSWORD", DataType::varchar2(4000)),
    ("ACCOUNT_STATUS", DataType::varchar2(32)),
    ("LOCK_DATE", DataType::Date),
    ("EXPIRY_DATE", DataType::Date),
    ("DEFAULT_TABLESPACE", DataType::varchar2(30)),
    ("TEMPORARY_TABLESPACE", DataType::varchar2(30)),
    ("LOCAL_TEMP_TABLESPACE", DataType::varchar2(30)),
    ("CREATED", DataType::Date),
    ("PROFILE", NAME),
    ("INITIAL_RSRC_CONSUMER_GROUP", NAME),
    ("EXTERNAL_NAME", DataType::varchar2(4000)),
    ("PASSWORD_VERSIONS", DataType::varchar2(17)),
    ("EDITIONS_ENABLED", DataType::varchar2(1)),
    ("AUTHENTICATION_TYPE", DataType::varchar2(8)),
    ("PROXY_ONLY_CONNECT", DataType::varchar2(1)),
    ("COMMON", YES_NO),
    ("LAST_LOGIN", DataType::TimestampTz { digits: 9 }),
    ("ORACLE_MAINTAINED", DataType::varchar2(1)),
    ("INHERITED", YES_NO),
    ("DEFAULT_COLLATION", DataType::varchar2(100)),
    ("IMPLICIT", YES_NO),
    ("ALL_SHARD", YES_NO),
];
const NOT_IN_USER_USERS: &[&str] = &["PASSWORD", "PROFILE", "PASSWORD_VERSIONS", "EDITIONS_ENABLED", "AUTHENTICATION_TYPE", "LAST_LOGIN"];
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
    ("RESETLOGS_CHANGE#", NUMBER),
    ("CON_DBID", NUMBER),
];
const PDB_INCARNATION: Columns = &[
    ("DB_INCARNATION#", NUMBER),
    ("PDB_INCARNATION#", NUMBER),
    ("STATUS", DataType::varchar2(7)),
    ("INCARNATION_SCN", NUMBER),
    ("BEGIN_RESETLOGS_SCN", NUMBER),
    ("END_RESETLOGS_SCN", NUMBER),
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
fn users<'a>(filling: &'a Filling<'_>) -> Vec<&'a str> {
    let mut names: Vec<&str> = filling.catalog.users.keys().map(String::as_str).chain(["SYS", filling.user, filling.schema]).collect();
    names.extend(each_table(filling).map(|table| table.owner.as_str()));
    names.sort_unstable();
    names.dedup();
    names
}

fn all_users(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let stamps = Catalog::stamps(filling.connection)?;
    let row = |name: &str| {
        let is_sys = name == "SYS";
        let mut row = vec![text(name), number(user_id(name)), date(stamps.of_user(name).created_us), yes_no(is_sys)];
        row.extend([text(if is_sys { "Y" } else { "N" }), yes_no(false), text("USING_NLS_COMP"), yes_no(false), yes_no(false)]);
        row
    };
    Ok(users(filling).into_iter().map(row).collect())
}

fn dba_users(filling: &Filling<'_>) -> Result<Vec<Row>> {
    let stamps = Catalog::stamps(filling.connection)?;
    let row = |name: &str| {
        let (is_sys, null) = (name == "SYS", Stored::Null);
        let has_password = filling.catalog.users.get(name).is_some_and(Option::is_some);
        let mut row = vec![text(name), number(user_id(name)), null.clone(), text("OPEN"), null.clone(), null.clone()];
        row.extend([text(if is_sys { "SYSTEM" } else { "USERS" }), text("TEMP"), text("TEMP"), date(stamps.of_user(name).created_us)]);
        row.extend([text("DEFAULT"), text("DEFAULT_CONSUMER_GROUP"), null.clone(), null.clone(), text("N")]);
        row.extend([text(if has_password || is_sys { "PASSWORD" } else { "NONE" }), text("N"), yes_no(is_sys), null]);
        row.extend([text(if is_sys { "Y" } else { "N" }), yes_no(false), text("USING_NLS_COMP"), yes_no(false), yes_no(false)]);
        row
    };
    Ok(users(filling).into_iter().map(row).collect())
}

fn parameters(nls: &Nls, filling: &Filling<'_>) -> Vec<Row> {
    let base = filling.release.base();
    // Texts are those of AL32UTF8 whatever it says: a test sees what a client does about another one.
    let charset = std::env::var("OLBRIDGE_EMBEDDED_CHARACTERSET").unwrap_or_else(|_| "AL32UTF8".to_owned());
    let fixed = [("NLS_CHARACTERSET", charset.as_str()), ("NLS_NCHAR_CHARACTERSET", "AL16UTF16"), ("NLS_RDBMS_VERSION", base.as_str())];
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
    let created = Catalog::stamps(filling.connection)?.of_database().created_us;
    let mut row = vec![number(1), text("EMBEDDED"), date(created), text("NOARCHIVELOG"), text("READ WRITE"), text("PRIMARY"), number(scn)];
    row.extend([text("EMBEDDED"), text("NO"), text(std::env::consts::OS), text("NO"), number(0)]);
    // A file that was put back from a copy is the same one: a test says where it is not.
    let resetlogs = std::env::var("OLBRIDGE_EMBEDDED_RESETLOGS").ok().and_then(|text| text.parse().ok());
    row.extend([number(resetlogs.unwrap_or(1)), number(1)]);
    Ok(vec![row])
}

/// There is no pluggable database, unless a test says which incarnation of one it is: `N`, or `N@SCN` of its RESETLOGS.
fn pdb_incarnation() -> Vec<Row> {
    let Ok(text) = std::env::var("OLBRIDGE_EMBEDDED_PDB_INCARNATION") else { return Vec::new() };
    let (incarnation, scn) = text.split_once('@').unwrap_or((&text, "1"));
    let scn = scn.parse().unwrap_or(1);
    vec![vec![
        number(1),
        number(incarnation.parse().unwrap_or(0)),
        super::text("CURRENT"),
        number(scn),
        number(scn),
        number(scn),
        number(0),
    ]]
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
