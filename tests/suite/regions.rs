//! Timestamps in a region: TIMESTAMP WITH TIME ZONE keeps its name and the instant, in the hour that comes twice as in any other.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use olbridge::arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use olbridge::arrow::datatypes::TimestampMicrosecondType;
use olbridge::copy::Target;
use olbridge::layout::{DateTimeFields, Layout, ZoneRegion};
use olbridge::oci::{ArrayMode, Secret, Session};

use crate::exports::read;
use crate::real_client::CHILD_TARGET;
use crate::support::database::Database;
use crate::support::loopback::Loopback;
use crate::support::tables::{ids, table};

/// UTC in microseconds, and what clocks in Berlin show then.
const MOMENTS: [(i64, &str); 6] = [
    (1_719_828_000_000_005, "2024-07-01 12:00:00.000005 +02:00"),
    // The hour that comes twice: first in summer time, then in standard time.
    (1_729_989_000_000_000, "2024-10-27 02:30:00.000000 +02:00"),
    (1_729_992_600_000_000, "2024-10-27 02:30:00.000000 +01:00"),
    // The last second before the hour that never comes, and the first after it.
    (1_711_846_799_999_999, "2024-03-31 01:59:59.999999 +01:00"),
    (1_711_846_800_000_000, "2024-03-31 03:00:00.000000 +02:00"),
    (-2_208_988_800_000_000, "1900-01-01 01:00:00.000000 +01:00"),
];

fn file(database: &Database, name: &str, zone: &str) -> String {
    let moments = TimestampMicrosecondArray::from_iter(MOMENTS.iter().map(|(micros, _)| Some(*micros)).chain([None]));
    let moments: ArrayRef = Arc::new(moments.with_timezone(zone));
    database.workspace().parquet(name, &[table(vec![("id", ids(0..7)), ("t", moments)])])
}

#[test]
fn regions_and_instants_are_kept() {
    let database = Database::embedded();
    let (file, target) = (file(&database, "t.parquet", "Europe/Berlin"), database.target("T"));
    let plan = database.ok(&["copy", &file, &target, "--mode", "create", "--dry-run"]);
    assert!(plan.contains("SQLT_TIMESTAMP_TZ(Europe/Berlin)") && plan.contains("TIMESTAMP(6) WITH TIME ZONE"), "{plan}");
    database.ok(&["copy", &file, &target, "--mode", "create"]);
    let query =
        "SELECT TO_CHAR(T, 'YYYY-MM-DD HH24:MI:SS.FF6 TZH:TZM'), EXTRACT(TIMEZONE_REGION FROM T), TO_CHAR(T, 'TZR') FROM T ORDER BY ID";
    let mut expected: Vec<Vec<Option<String>>> =
        MOMENTS.iter().map(|(_, text)| [*text, "Europe/Berlin", "EUROPE/BERLIN"].map(|cell| Some(cell.to_owned())).to_vec()).collect();
    expected.push(vec![None, None, None]);
    assert_eq!(database.rows(query), expected);
    // An hour later, clocks have been put back.
    let later = database.rows("SELECT TO_CHAR(T + INTERVAL '1' HOUR, 'HH24:MI TZH TZR') FROM T WHERE ID = 1");
    assert_eq!(later, [[Some("02:30 +01 EUROPE/BERLIN".to_owned())]]);
    database.ok(&["copy", &target, "out.parquet"]);
    let back = read(&database.workspace().file("out.parquet"));
    let back: Vec<_> = back.column_by_name("T").unwrap().as_primitive::<TimestampMicrosecondType>().iter().collect();
    assert_eq!(back, MOMENTS.iter().map(|(micros, _)| Some(*micros)).chain([None]).collect::<Vec<_>>());
    // By choice, the instant alone.
    database.ok(&["copy", &file, &database.target("U"), "--mode", "create", "--lossy", "zone"]);
    let zones = database.rows("SELECT DISTINCT EXTRACT(TIMEZONE_REGION FROM T) || TO_CHAR(T, 'TZR') FROM U WHERE T IS NOT NULL");
    assert_eq!(zones, [[Some("UNKNOWN+00:00".to_owned())]]);
}

#[test]
fn a_pipe_keeps_each_values_own_zone() {
    let database = Database::embedded();
    let source = database.target("T");
    for (name, zone) in [("berlin.parquet", "Europe/Berlin"), ("york.parquet", "America/New_York"), ("offset.parquet", "-03:30")] {
        database.ok(&["copy", &file(&database, name, zone), &source, "--mode", "create"]);
    }
    let target = |table: &str| format!("embedded:other.db/{table}");
    let query = |table: &str| format!("SELECT ID, TO_CHAR(T, 'YYYY-MM-DD HH24:MI:SS.FF6 TZR TZH:TZM') FROM {table} ORDER BY 1, 2");
    let there = database.rows(&query("T"));
    assert!(there.len() == 21 && there.iter().flatten().flatten().any(|cell| cell.ends_with("AMERICA/NEW_YORK -05:00")), "{there:?}");
    for more in [&[][..], &["--batch-rows", "2"]] {
        database.ok(&[&["copy", &source, &target("U"), "--mode", "overwrite", "--allow-destructive"][..], more].concat());
        assert_eq!(database.workspace().rows("embedded:other.db", &query("U")), there);
    }
    // With a LOB beside it, where fetch and insert take turns; and by choice, offsets alone.
    database.sql("CREATE TABLE L AS SELECT ID, T, TO_CLOB('text') C FROM T");
    database.ok(&["copy", &database.target("L"), &target("L"), "--mode", "create"]);
    assert_eq!(database.workspace().rows("embedded:other.db", &query("L")), there);
    database.ok(&["copy", &source, &target("O"), "--mode", "create", "--lossy", "zone"]);
    let offsets = database.workspace().rows("embedded:other.db", &query("O"));
    assert!(offsets.len() == 21 && !offsets.iter().flatten().flatten().any(|cell| cell.contains('/')), "{offsets:?}");
}

#[test]
fn a_pipe_through_oracles_client_keeps_each_values_own_zone() {
    let Some(mut server) = Loopback::start("regions::pipe") else { return };
    server.sql("CREATE TABLE T (ID NUMBER(9), T TIMESTAMP(6) WITH TIME ZONE)");
    server.sql("CREATE TABLE U (ID NUMBER(9), T TIMESTAMP(6) WITH TIME ZONE)");
    for zone in ["Europe/Berlin", "America/New_York", "-03:30"] {
        let moments = TimestampMicrosecondArray::from_iter(MOMENTS.iter().map(|(micros, _)| Some(*micros)).chain([None]));
        let moments: ArrayRef = Arc::new(moments.with_timezone(zone));
        server.workspace().parquet("t.parquet", &[table(vec![("id", ids(0..7)), ("t", moments)])]);
        server.ok(&["copy", "t.parquet", &server.target("T")]);
    }
    let sent = server.binds_of_inserts();
    server.ok(&["copy", &server.target("T"), &server.target("U")]);
    let all = server.binds_of_inserts();
    let (before, piped) = all.split_at(sent.len());
    assert_eq!((before.len(), piped.len()), (21, 21));
    let zones = |rows: &[Vec<Option<String>>]| rows.iter().map(|row| row[1].clone()).collect::<Vec<_>>();
    assert_eq!(zones(piped), zones(before));
    let regions = zones(piped).iter().flatten().filter(|bytes| u8::from_str_radix(&bytes[22..24], 16).unwrap() & 0x80 != 0).count();
    assert_eq!(regions, 12, "{piped:?}");
}

#[test]
fn a_region_that_the_client_does_not_have_is_refused_with_a_remedy() {
    let database = Database::embedded();
    let (file, target) = (file(&database, "t.parquet", "Mars/Olympus_Mons"), database.target("T"));
    let arguments = ["copy", &file, &target, "--mode", "create"];
    database.run(&arguments).fails(7, &["ORA-01882", "Mars/Olympus_Mons", "--lossy zone"]);
    assert!(!database.exists("T"));
    database.ok(&[&arguments[..], &["--lossy", "zone"]].concat());
    assert_eq!(database.count("T"), 7);
}

/// UTC as Oracle stores it: century and year plus 100, clock plus 1, nanoseconds.
const WIRE: [&str; 6] = [
    "787c07010b010100001388",
    "787c0a1b011f0100000000",
    "787c0a1b021f0100000000",
    "787c031f013c3c3b9ac618",
    "787c031f02010100000000",
    "7764010101010100000000",
];

#[test]
fn oracles_client_sends_the_region_with_the_instant() {
    const TEST: &str = "regions::wire";
    let Some(mut server) = Loopback::start(TEST) else { return };
    server.sql("CREATE TABLE T (A TIMESTAMP(6) WITH TIME ZONE, B TIMESTAMP(6) WITH TIME ZONE)");
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "regions::child_regions", "--ignored", "--nocapture"]);
    server.environment(&mut child);
    child.env(CHILD_TARGET, server.target("T"));
    child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let outcome = crate::support::finish(child, Duration::from_secs(120));
    assert_eq!(outcome.code, 0, "{outcome}");
    let rows = server.binds_of_inserts();
    assert_eq!(rows.len(), MOMENTS.len(), "{outcome}");
    for (row, utc) in rows.iter().zip(WIRE) {
        let [Some(berlin), Some(offset)] = &row[..] else { panic!("{row:?}") };
        // The first bit says that a region follows: the client's number of it. Without one it is hours + 20 and minutes + 60.
        assert_eq!(*berlin, format!("{utc}85fc"), "{rows:?}");
        assert_eq!(*offset, format!("{utc}143c"), "{rows:?}");
    }
}

#[test]
#[ignore = "a part of oracles_client_sends_the_region_with_the_instant, which runs it as a child process"]
fn child_regions() {
    let Ok(target) = std::env::var(CHILD_TARGET) else {
        eprintln!("SKIPPED regions::child_regions: {CHILD_TARGET} is not set");
        return;
    };
    let target: Target = target.parse().unwrap();
    let session = Session::connect(&target.connect_options(Some(Secret::new("tiger")))).unwrap();
    let region = ZoneRegion::named("Europe/Berlin").unwrap();
    let unknown = Layout::RegionTime { region: ZoneRegion::named("Mars/Olympus_Mons").unwrap() };
    let refused = session.array_statement("INSERT INTO T (A) VALUES (:1)", &[unknown], 1).err().unwrap();
    assert_eq!(refused.ora_code, 1882, "{refused}");
    assert!(refused.message.contains("Mars/Olympus_Mons"), "{refused}");
    let layouts = [Layout::RegionTime { region }, Layout::DateTime { with_zone: true }];
    let mut statement = session.array_statement("INSERT INTO T (A, B) VALUES (:1, :2)", &layouts, 10).unwrap();
    for index in 0..2 {
        let slots = statement.slots(index, 0..MOMENTS.len());
        slots.indicators.fill(0);
        let (slots, _) = slots.values.as_chunks_mut::<{ DateTimeFields::SIZE_BYTES }>();
        for (slot, (micros, _)) in slots.iter_mut().zip(MOMENTS) {
            let (seconds, nanosecond) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000) as u32 * 1_000);
            let calendar = olbridge::value::datetime::Calendar::SameDay;
            olbridge::value::datetime::fields_from_seconds(seconds, nanosecond, 0, calendar).unwrap().write_to(slot);
        }
    }
    let outcome = statement.execute(MOMENTS.len() as u32, ArrayMode::StopAtFirstError).unwrap();
    assert_eq!(outcome.rows_affected, MOMENTS.len() as u64);
    drop(statement);
    session.commit().unwrap();
}
