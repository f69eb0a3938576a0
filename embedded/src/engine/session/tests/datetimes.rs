//! Dates, timestamps and their zones: what Oracle's SQL reference says of each function.

use super::*;

#[track_caller]
fn check(s: &mut Session, table: &[(&str, &str)]) {
    for (expression, expected) in table {
        let found = rows_with(s, &format!("SELECT {expression} FROM dual"), &[]);
        let found = found.map_or_else(|error| format!("ORA-{:05}", error.code), |mut rows| rows.remove(0));
        assert_eq!(found, *expected, "{expression}");
    }
}

#[test]
fn moments_move_between_zones() {
    let mut s = memory();
    run(&mut s, "ALTER SESSION SET TIME_ZONE = '-05:00'").unwrap();
    run(&mut s, "ALTER SESSION SET NLS_TIMESTAMP_TZ_FORMAT = 'YYYY-MM-DD HH24:MI:SSXFF TZR'").unwrap();
    check(
        &mut s,
        &[
            ("TO_CHAR(TIMESTAMP '2024-07-01 12:00:00 +02:00' AT TIME ZONE 'UTC', 'HH24:MI TZR')", "10:00 +00:00"),
            ("TO_CHAR(TIMESTAMP '2024-07-01 12:00:00 +02:00' AT TIME ZONE 'America/New_York', 'HH24:MI TZH:TZM')", "06:00 -04:00"),
            ("TO_CHAR(TIMESTAMP '2024-07-01 12:00:00' AT TIME ZONE '+01:30', 'HH24:MI TZR')", "18:30 +01:30"),
            ("TO_CHAR(TIMESTAMP '2024-07-01 12:00:00 +02:00' AT LOCAL, 'HH24:MI TZR')", "05:00 -05:00"),
            ("TO_CHAR(FROM_TZ(TIMESTAMP '2024-07-01 12:00:00', 'Europe/London') AT TIME ZONE DBTIMEZONE, 'HH24:MI')", "11:00"),
            ("TO_CHAR(FROM_TZ(TIMESTAMP '2024-07-01 12:00:00', '3:00'))", "2024-07-01 12:00:00.000000000 +03:00"),
            ("TO_CHAR(TO_TIMESTAMP_TZ('2024-01-02 03:04:05 -08:00', 'YYYY-MM-DD HH24:MI:SS TZH:TZM'), 'SSXFF3 TZR')", "05.000 -08:00"),
            ("TO_CHAR(CAST(TIMESTAMP '2024-07-01 12:00:00 +02:00' AS TIMESTAMP WITH LOCAL TIME ZONE), 'HH24')", "05"),
            ("SYSDATE AT TIME ZONE 'UTC'", "ORA-30084"),
            ("TIMESTAMP '2024-07-01 12:00:00' AT TIME ZONE 'Nowhere/Land'", "ORA-01882"),
            ("FROM_TZ(SYSDATE, 'UTC')", "ORA-00932"),
            ("FROM_TZ(TIMESTAMP '2024-03-31 01:30:00', 'Europe/London')", "ORA-01878"),
            ("TZ_OFFSET('+03:15')", "+03:15"),
            ("TO_CHAR(SYS_EXTRACT_UTC(TIMESTAMP '2024-07-01 01:00:00 +02:00'), 'DD HH24')", "30 23"),
            ("LENGTH(TO_CHAR(SYSTIMESTAMP(3), 'FF3')) + LENGTH(TO_CHAR(LOCALTIMESTAMP(0), 'SS'))", "5"),
            ("CURRENT_TIMESTAMP(10)", "ORA-30088"),
        ],
    );
    let described = s.prepare("SELECT TIMESTAMP '2024-07-01 12:00:00 +02:00' AT TIME ZONE 'UTC', SYSTIMESTAMP(3) FROM dual").unwrap();
    assert_eq!(described.columns()[1].data_type, DataType::TimestampTz { digits: 3 });
}

#[test]
fn fields_are_extracted_from_what_has_them() {
    let mut s = memory();
    check(
        &mut s,
        &[
            ("EXTRACT(YEAR FROM DATE '2024-02-29') + EXTRACT(month FROM DATE '2024-02-29')", "2026"),
            ("EXTRACT(HOUR FROM TIMESTAMP '2024-02-29 10:20:30.25')", "10"),
            ("EXTRACT(SECOND FROM TIMESTAMP '2024-02-29 10:20:30.25')", "30.25"),
            // Fields of a value with a zone are those of UTC.
            ("EXTRACT(HOUR FROM TIMESTAMP '2024-02-29 10:20:30 +03:00')", "7"),
            ("EXTRACT(TIMEZONE_HOUR FROM TIMESTAMP '2024-02-29 10:20:30 -03:30')", "-3"),
            ("EXTRACT(TIMEZONE_MINUTE FROM TIMESTAMP '2024-02-29 10:20:30 -03:30')", "-30"),
            ("EXTRACT(TIMEZONE_REGION FROM TIMESTAMP '2024-02-29 10:20:30 -03:30')", "UNKNOWN"),
            ("EXTRACT(TIMEZONE_ABBR FROM TIMESTAMP '2024-02-29 10:20:30 -03:30')", "UNK"),
            ("EXTRACT(DAY FROM INTERVAL '12 3' DAY TO HOUR)", "12"),
            ("EXTRACT(MONTH FROM INTERVAL '1-3' YEAR TO MONTH)", "3"),
            ("EXTRACT(HOUR FROM DATE '2024-02-29')", "ORA-30076"),
            ("EXTRACT(YEAR FROM '2024-02-29')", "ORA-30076"),
            ("EXTRACT(TIMEZONE_HOUR FROM TIMESTAMP '2024-02-29 10:20:30')", "ORA-30076"),
            ("EXTRACT(DAY FROM INTERVAL '1-3' YEAR TO MONTH)", "ORA-30076"),
        ],
    );
}

#[test]
fn dates_are_rounded_cut_and_moved() {
    let mut s = memory();
    run(&mut s, "ALTER SESSION SET NLS_DATE_FORMAT = 'YYYY-MM-DD HH24:MI:SS'").unwrap();
    let day = "TO_DATE('2024-08-16 13:45:31', 'YYYY-MM-DD HH24:MI:SS')";
    for (unit, cut, rounded) in [
        ("CC", "2001-01-01 00:00:00", "2001-01-01 00:00:00"),
        ("YYYY", "2024-01-01 00:00:00", "2025-01-01 00:00:00"),
        ("IYYY", "2024-01-01 00:00:00", "ORA-03001"),
        ("Q", "2024-07-01 00:00:00", "2024-10-01 00:00:00"),
        ("MM", "2024-08-01 00:00:00", "2024-09-01 00:00:00"),
        ("WW", "2024-08-12 00:00:00", "2024-08-19 00:00:00"),
        ("IW", "2024-08-12 00:00:00", "2024-08-19 00:00:00"),
        ("W", "2024-08-15 00:00:00", "2024-08-15 00:00:00"),
        ("DAY", "2024-08-11 00:00:00", "2024-08-18 00:00:00"),
        ("DD", "2024-08-16 00:00:00", "2024-08-17 00:00:00"),
        ("HH24", "2024-08-16 13:00:00", "2024-08-16 14:00:00"),
        ("MI", "2024-08-16 13:45:00", "2024-08-16 13:46:00"),
        ("SS", "ORA-01898", "ORA-01899"),
    ] {
        let (cut_of, round_of) = (format!("TO_CHAR(TRUNC({day}, '{unit}'))"), format!("TO_CHAR(ROUND({day}, '{unit}'))"));
        check(&mut s, &[(&cut_of, cut), (&round_of, rounded)]);
    }
    check(
        &mut s,
        &[
            ("TO_CHAR(TRUNC(DATE '2021-01-03', 'IYYY'))", "2019-12-30 00:00:00"),
            ("TO_CHAR(ROUND(TO_DATE('2051-01-01', 'YYYY-MM-DD'), 'CC'))", "2101-01-01 00:00:00"),
            ("TO_CHAR(NEXT_DAY(DATE '2024-08-16', 'Friday'))", "2024-08-23 00:00:00"),
            ("TO_CHAR(NEXT_DAY(DATE '2024-08-16', 'sat'))", "2024-08-17 00:00:00"),
            ("NEXT_DAY(DATE '2024-08-16', 'Caturday')", "ORA-01846"),
            ("TO_CHAR(NEW_TIME(DATE '2024-08-16', 'GMT', 'PST'))", "2024-08-15 16:00:00"),
            ("NEW_TIME(DATE '2024-08-16', 'CET', 'PST')", "ORA-01857"),
            ("TO_CHAR(NUMTODSINTERVAL(90, 'MINUTE'))", "+000000000 01:30:00.000000000"),
            ("NUMTODSINTERVAL(1, 'WEEK')", "ORA-01760"),
            // Before Christ 4 is a leap year, and a year of 366 days without dates is between 1 BC and 1 AD.
            ("DATE '0001-01-01' - DATE '-0001-12-31'", "367"),
            ("TO_CHAR(DATE '-0004-02-28' + 1, 'SYYYY-MM-DD')", "-0004-02-29"),
            ("DATE '-0001-02-29'", "ORA-01839"),
        ],
    );
}
