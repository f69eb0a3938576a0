//! Column types beyond the common ones.

use super::*;

#[test]
fn intervals_are_stored_compared_and_computed() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (id NUMBER, d INTERVAL DAY TO SECOND, y INTERVAL YEAR(4) TO MONTH, e INTERVAL DAY(9) TO SECOND(9))")
        .unwrap();
    let row = [Datum::Int(1), Datum::IntervalDs(93_784_500_000_000), Datum::IntervalYm(-14), Datum::Text("-400 01:02:03.4")];
    run_with(&mut s, "INSERT INTO t VALUES (:1, :2, :3, :4)", &row).unwrap();
    run(&mut s, "INSERT INTO t VALUES (2, INTERVAL '3' HOUR, INTERVAL '2' YEAR, TO_DSINTERVAL('5 00:00:00'))").unwrap();
    assert_eq!(rows(&mut s, "SELECT d, y FROM t ORDER BY d DESC"), ["+01 02:03:04.500000|-01-02", "+00 03:00:00.000000|+02-00"]);
    assert_eq!(rows(&mut s, "SELECT id FROM t WHERE e < INTERVAL '1' DAY"), ["1"]);
    assert_eq!(rows_with(&mut s, "SELECT id FROM t WHERE y = :1", &[Datum::IntervalYm(24)]).unwrap(), ["2"]);
    // As Python's timedelta has it: minus one day and more than 23 hours.
    let mixed = [Datum::IntervalFields([-1, 23, 58, 34, 431_152_000])];
    run_with(&mut s, "INSERT INTO t (id, d) VALUES (3, :1)", &mixed).unwrap();
    assert_eq!(
        rows(&mut s, "SELECT d, EXTRACT(HOUR FROM d), TO_CHAR(d) FROM t WHERE id = 3"),
        ["-01 23:58:34.431152|23|-01 23:58:34.431152"]
    );
    assert_eq!(rows(&mut s, "SELECT d + INTERVAL '1' DAY FROM t WHERE id = 3"), ["+00 23:58:34.431152"]);
    assert_eq!(rows_with(&mut s, "SELECT TO_CHAR(:1) FROM dual", &mixed).unwrap(), ["-000000001 23:58:34.431152000"]);
    run(&mut s, "DELETE FROM t WHERE id = 3").unwrap();
    assert_eq!(code(run(&mut s, "INSERT INTO t (d) VALUES (INTERVAL '100' DAY(3))")), 1873);
    assert_eq!(code(run(&mut s, "INSERT INTO t (d) VALUES (5)")), 932);
    for (expression, expected) in [
        (
            "TO_CHAR(TIMESTAMP '2024-01-31 10:00:00' + INTERVAL '1 02:00:00.5' DAY TO SECOND, 'YYYY-MM-DD HH24:MI:SS.FF1')",
            "2024-02-01 12:00:00.5",
        ),
        ("TO_CHAR(DATE '2024-01-31' - INTERVAL '1' MONTH, 'YYYY-MM-DD')", "2023-12-31"),
        ("TO_CHAR(ADD_MONTHS(DATE '2024-01-31', 1), 'YYYY-MM-DD')", "2024-02-29"),
        ("TO_CHAR(TIMESTAMP '2024-01-02 00:00:00' - TIMESTAMP '2024-01-01 00:00:01')", "+000000000 23:59:59.000000000"),
        ("NUMTODSINTERVAL(1.5, 'HOUR') * 2", "+00 03:00:00.000000"),
        ("NUMTOYMINTERVAL(14, 'month')", "+01-02"),
        ("EXTRACT(MINUTE FROM INTERVAL '1 02:03:04' DAY TO SECOND)", "3"),
        ("EXTRACT(SECOND FROM INTERVAL '4.25' SECOND)", "4.25"),
        ("-INTERVAL '1' DAY", "-01 00:00:00.000000"),
        ("CAST('1-6' AS INTERVAL YEAR TO MONTH)", "+01-06"),
    ] {
        assert_eq!(value(&mut s, expression), expected, "{expression}");
    }
    assert_eq!(code(rows_with(&mut s, "SELECT DATE '2024-01-31' + INTERVAL '1' MONTH FROM dual", &[])), 1839);
    assert_eq!(
        rows(&mut s, "SELECT data_type FROM user_tab_columns WHERE table_name = 'T' ORDER BY column_id"),
        ["NUMBER", "INTERVAL DAY(2) TO SECOND(6)", "INTERVAL YEAR(4) TO MONTH", "INTERVAL DAY(9) TO SECOND(9)"]
    );
}

#[test]
fn long_nclob_and_urowid_keep_what_they_get() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE t (l LONG, n NCLOB, u UROWID)").unwrap();
    run(&mut s, "CREATE TABLE r (l LONG RAW)").unwrap();
    run_with(&mut s, "INSERT INTO t (l, n) VALUES (:1, :2)", &[Datum::Text("long text"), Datum::Text("ä")]).unwrap();
    run(&mut s, "UPDATE t SET u = rowid").unwrap();
    run_with(&mut s, "INSERT INTO r VALUES (:1)", &[Datum::Bytes(&[1, 2])]).unwrap();
    assert_eq!(rows(&mut s, "SELECT l, n FROM t WHERE u = rowid"), ["long text|ä"]);
    assert_eq!(rows(&mut s, "SELECT l FROM r"), ["0102"]);
    assert_eq!(code(run(&mut s, "UPDATE t SET u = 'x'")), 1410);
    assert_eq!(code(rows_with(&mut s, "SELECT 1 FROM t WHERE l = 'x'", &[])), 997);
    let described = s.prepare("SELECT * FROM t").unwrap();
    assert_eq!(
        described.columns().iter().map(|column| column.data_type).collect::<Vec<_>>(),
        [DataType::Long, DataType::Nclob, DataType::Urowid { size: 4000 }]
    );
}

#[test]
fn regions_have_the_offset_of_the_moment() {
    let mut s = memory();
    assert_eq!(code(run(&mut s, "ALTER SESSION SET TIME_ZONE = 'Europe/Nowhere'")), 1882);
    run(&mut s, "ALTER SESSION SET TIME_ZONE = 'Europe/London'").unwrap();
    assert_eq!(value(&mut s, "sessiontimezone"), "Europe/London");
    run(&mut s, "CREATE TABLE t (id NUMBER, l TIMESTAMP(0) WITH LOCAL TIME ZONE, z TIMESTAMP(0) WITH TIME ZONE)").unwrap();
    run(&mut s, "INSERT INTO t VALUES (1, TIMESTAMP '2024-01-15 12:00:00', TIMESTAMP '2024-01-15 12:00:00')").unwrap();
    run(&mut s, "INSERT INTO t VALUES (2, TIMESTAMP '2024-07-15 12:00:00', TIMESTAMP '2024-07-15 12:00:00 America/New_York')").unwrap();
    let sql = "SELECT TO_CHAR(l, 'HH24:MI'), TO_CHAR(z, 'HH24:MI TZH:TZM') FROM t ORDER BY id";
    assert_eq!(rows(&mut s, sql), ["12:00|12:00 +00:00", "12:00|12:00 -04:00"]);
    run(&mut s, "ALTER SESSION SET TIME_ZONE = '+00:00'").unwrap();
    assert_eq!(rows(&mut s, sql), ["12:00|12:00 +00:00", "11:00|12:00 -04:00"]);
    // Clocks go forward past this time.
    run(&mut s, "ALTER SESSION SET TIME_ZONE = 'Europe/London'").unwrap();
    assert_eq!(code(run(&mut s, "INSERT INTO t (l) VALUES (TIMESTAMP '2024-03-31 01:30:00')")), 1878);
}
