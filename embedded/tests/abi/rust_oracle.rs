//! Unmodified rust-oracle on the built library.

use std::path::PathBuf;
use std::sync::Once;

use oracle::sql_type::{Clob, OracleType, Timestamp};
use oracle::{Connection, ErrorKind, InitParams, Version};

/// The directory where cargo put the library: the profile's, or its `deps`.
pub fn library_directory() -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    let name = format!("{}clntsh{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let found = executable.ancestors().skip(1).take(2).find(|directory| directory.join(&name).is_file());
    found.unwrap_or_else(|| panic!("no {name} beside {} or above it", executable.display())).to_owned()
}

fn connect(database: &str) -> oracle::Result<Connection> {
    static LOAD: Once = Once::new();
    LOAD.call_once(|| {
        InitParams::new().oracle_client_lib_dir(library_directory().to_str().unwrap()).unwrap().init().unwrap();
    });
    Connection::connect("scott", "tiger", database)
}

#[test]
fn the_version_is_19_3() {
    let conn = connect(":memory:").unwrap();
    assert_eq!(Version::client().unwrap(), Version::new(19, 3, 0, 0, 0));
    let (server, banner) = conn.server_version().unwrap();
    assert_eq!((server.major(), server.minor()), (19, 3), "{banner}");
    conn.ping().unwrap();
    conn.close().unwrap();
}

#[test]
fn a_missing_directory_is_an_error_that_names_it() {
    let error = connect("/no such directory/x.db").unwrap_err();
    assert_eq!(error.oci_code(), Some(12154));
    assert!(error.to_string().contains("/no such directory/x.db"), "{error}");
}

#[test]
fn ddl_dml_and_transactions() {
    let conn = connect(":memory:").unwrap();
    conn.execute("CREATE TABLE t (id NUMBER(9) PRIMARY KEY, name VARCHAR2(20))", &[]).unwrap();
    let inserted = conn.execute("INSERT INTO t VALUES (:1, :2)", &[&1, &"first"]).unwrap();
    assert_eq!(inserted.row_count().unwrap(), 1);
    conn.commit().unwrap();
    conn.execute_named("INSERT INTO t VALUES (:id, :name)", &[("id", &2), ("name", &"second")]).unwrap();
    let count = || conn.query_row_as::<u32>("SELECT COUNT(*) FROM t", &[]).unwrap();
    assert_eq!(count(), 2);
    conn.rollback().unwrap();
    assert_eq!(count(), 1);
    let error = conn.execute("INSERT INTO t VALUES (1, 'again')", &[]).unwrap_err();
    assert_eq!(error.oci_code(), Some(1), "{error}");
    let error = conn.execute("INSERT INTO nowhere VALUES (1)", &[]).unwrap_err();
    assert_eq!(error.oci_code(), Some(942), "{error}");
    // The session is still usable after errors.
    assert_eq!(count(), 1);
}

#[test]
fn a_batch_with_row_errors_and_row_counts() {
    let conn = connect(":memory:").unwrap();
    conn.execute("CREATE TABLE t (id NUMBER(4) PRIMARY KEY, name VARCHAR2(10))", &[]).unwrap();
    let mut batch = conn.batch("INSERT INTO t VALUES (:1, :2)", 10).with_batch_errors().with_row_counts().build().unwrap();
    for (id, name) in [(1, "one"), (1, "again"), (3, "much too long for it"), (40_000, "big"), (5, "five")] {
        batch.append_row(&[&id, &name]).unwrap();
    }
    let error = batch.execute().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BatchErrors);
    let errors: Vec<_> = error.batch_errors().unwrap().iter().map(|error| (error.offset(), error.code())).collect();
    assert_eq!(errors, [(2, 12899), (3, 1438), (1, 1)]);
    assert_eq!(batch.row_counts().unwrap(), [1, 0, 0, 0, 1]);
    assert_eq!(conn.query_row_as::<u32>("SELECT COUNT(*) FROM t", &[]).unwrap(), 2);
}

#[test]
fn every_type_comes_back() {
    let conn = connect(":memory:").unwrap();
    conn.execute(
        "CREATE TABLE types (id NUMBER(9), price NUMBER(12,2), free NUMBER, text VARCHAR2(20), padded CHAR(5), day DATE, \
         stamp TIMESTAMP(6), zoned TIMESTAMP WITH TIME ZONE, single BINARY_FLOAT, double BINARY_DOUBLE, bytes RAW(8), \
         long_text CLOB, long_bytes BLOB, nothing VARCHAR2(3))",
        &[],
    )
    .unwrap();
    let stamp = Timestamp::new(2024, 2, 29, 23, 59, 58, 123_456_000).unwrap();
    let zoned = Timestamp::new(2024, 2, 29, 23, 59, 58, 0).unwrap().and_tz_hm_offset(2, 0).unwrap();
    let day = Timestamp::new(1999, 12, 31, 1, 2, 3, 0).unwrap();
    let long_text = "ä".repeat(40_000);
    let long_bytes = vec![0xabu8; 70_000];
    conn.execute(
        "INSERT INTO types VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12, :13, :14)",
        &[
            &7i64,
            &-12.75f64,
            &"12345678901234567890.5".to_string(),
            &"größer",
            &"ab",
            &day,
            &stamp,
            &zoned,
            &1.5f32,
            &-0.25f64,
            &vec![10u8, 255],
            &long_text,
            &long_bytes,
            &None::<String>,
        ],
    )
    .unwrap();
    let row = conn.query_row("SELECT * FROM types", &[]).unwrap();
    assert_eq!(row.get::<_, i64>("ID").unwrap(), 7);
    assert_eq!(row.get::<_, f64>("PRICE").unwrap(), -12.75);
    assert_eq!(row.get::<_, String>("FREE").unwrap(), "12345678901234567890.5");
    assert_eq!(row.get::<_, String>("TEXT").unwrap(), "größer");
    assert_eq!(row.get::<_, String>("PADDED").unwrap(), "ab   ");
    assert_eq!(row.get::<_, Timestamp>("DAY").unwrap(), day);
    assert_eq!(row.get::<_, Timestamp>("STAMP").unwrap(), stamp);
    assert_eq!(row.get::<_, Timestamp>("ZONED").unwrap(), zoned);
    assert_eq!(row.get::<_, f32>("SINGLE").unwrap(), 1.5);
    assert_eq!(row.get::<_, f64>("DOUBLE").unwrap(), -0.25);
    assert_eq!(row.get::<_, Vec<u8>>("BYTES").unwrap(), [10, 255]);
    assert_eq!(row.get::<_, String>("LONG_TEXT").unwrap(), long_text);
    assert_eq!(row.get::<_, Vec<u8>>("LONG_BYTES").unwrap(), long_bytes);
    assert_eq!(row.get::<_, Option<String>>("NOTHING").unwrap(), None);
    let types: Vec<_> = row.column_info().iter().map(|column| column.oracle_type().clone()).collect();
    assert_eq!(types[..3], [OracleType::Number(9, 0), OracleType::Number(12, 2), OracleType::Number(0, -127)]);
    assert_eq!(types[11..13], [OracleType::CLOB, OracleType::BLOB]);
}

#[test]
fn many_rows_and_lob_locators() {
    use std::io::Read as _;

    let conn = connect(":memory:").unwrap();
    conn.execute("CREATE TABLE l (id NUMBER, text CLOB)", &[]).unwrap();
    let mut batch = conn.batch("INSERT INTO l VALUES (:1, :2)", 1000).build().unwrap();
    for id in 0..1000 {
        batch.append_row(&[&id, &format!("text {id}")]).unwrap();
    }
    batch.execute().unwrap();
    let mut statement = conn.statement("SELECT id, text FROM l ORDER BY id").fetch_array_size(64).lob_locator().build().unwrap();
    let mut seen = 0;
    for row in statement.query_as::<(i64, Clob)>(&[]).unwrap() {
        let (id, mut clob) = row.unwrap();
        let mut text = String::new();
        clob.read_to_string(&mut text).unwrap();
        assert_eq!((id, text), (seen, format!("text {seen}")));
        seen += 1;
    }
    assert_eq!(seen, 1000);
}

#[test]
fn a_file_keeps_what_was_committed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kept.db");
    let path = path.to_str().unwrap();
    {
        let conn = connect(path).unwrap();
        conn.execute("CREATE TABLE t (id NUMBER)", &[]).unwrap();
        conn.execute("INSERT INTO t VALUES (1)", &[]).unwrap();
        conn.commit().unwrap();
        conn.execute("INSERT INTO t VALUES (2)", &[]).unwrap();
    }
    let conn = connect(path).unwrap();
    assert_eq!(conn.query_row_as::<u32>("SELECT COUNT(*) FROM t", &[]).unwrap(), 1);
    conn.execute("CREATE USER amy IDENTIFIED BY \"the right one\"", &[]).unwrap();
    Connection::connect("amy", "the right one", path).unwrap();
    let error = Connection::connect("amy", "another", path).unwrap_err();
    assert_eq!(error.oci_code(), Some(1017), "{error}");
}

#[test]
fn a_pool_hands_out_sessions_and_takes_them_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pool.db");
    connect(path.to_str().unwrap()).unwrap().execute("CREATE TABLE t (id NUMBER)", &[]).unwrap();
    let pool = oracle::pool::PoolBuilder::new("scott", "tiger", path.to_str().unwrap()).max_connections(2).build().unwrap();
    for _ in 0..3 {
        let conn = pool.get().unwrap();
        conn.execute("INSERT INTO t VALUES (1)", &[]).unwrap();
        // Not committed: rolled back when the session goes back.
        assert_eq!(conn.query_row_as::<u32>("SELECT COUNT(*) FROM t", &[]).unwrap(), 1);
    }
    assert_eq!((pool.open_count().unwrap(), pool.busy_count().unwrap()), (1, 0));
    let first = pool.get().unwrap();
    let second = pool.get().unwrap();
    assert_eq!(pool.busy_count().unwrap(), 2);
    drop((first, second));
    pool.close(&oracle::pool::CloseMode::Default).unwrap();
}
