//! Functions whose results others have published, and the limits of conversions.

use super::*;

/// The first line of a query's answer, or its error.
fn answer(session: &mut Session, sql: &str) -> String {
    rows_with(session, sql, &[]).map_or_else(|error| error.to_string(), |rows| rows.join(";"))
}

#[test]
fn hashes_are_those_that_were_published() {
    let mut s = memory();
    for (expression, expected) in [
        // mvelikikh.github.io, "Computing ORA_HASH", of release 23.
        ("ORA_HASH('test')", "2662839991"),
        ("ORA_HASH(2023)", "2671887358"),
        ("ORA_HASH('abracadabra', 255)", "82"),
        ("ORA_HASH('abracadabra', POWER(2, 32) - 1, 123)", "4012392341"),
        // Of release 19: tuna.tistory.com/124.
        ("ORA_HASH(LPAD('X', 4000, 'X'))", "1235804801"),
        ("ORA_HASH(NULL)", "NULL"),
        ("STANDARD_HASH('Hello World')", "0A4D55A8D778E5022FAB701977C5D840BBC486D0"),
        ("STANDARD_HASH('Hello World', 'MD5')", "B10A8DB164E0754105B7A99BE72E3FE5"),
        // shift-the-oracle.com.
        ("STANDARD_HASH('ある文字列', 'SHA256')", "525066005B42EAB9F3618176C397D6E4DB4BDDBBDC8CB6CBE005C430FF32C593"),
        // FIPS 180: "abc".
        (
            "STANDARD_HASH('abc', 'sha384')",
            "CB00753F45A35E8BB5A03D699AC65007272C32AB0EDED1631A8B605A43FF5BED8086072BA1E7CC2358BAECA134C825A7",
        ),
        (
            "STANDARD_HASH('abc', 'SHA512')",
            "DDAF35A193617ABACC417349AE20413112E6FA4E89A97EA20A9EEEE64B55D39A2192992A274FC1A836BA3C23A3FEEBBD454D4423643CE80E2A9AC94FA54CA49F",
        ),
        ("STANDARD_HASH(NULL, 'MD5')", "D41D8CD98F00B204E9800998ECF8427E"),
        // UTF-16 for national text, the bytes of NUMBER for numbers.
        ("CASE WHEN STANDARD_HASH(N'a') = STANDARD_HASH(HEXTORAW('0061')) THEN 'same' END", "same"),
        ("CASE WHEN STANDARD_HASH(2023) = STANDARD_HASH(HEXTORAW('C21518')) THEN 'same' END", "same"),
    ] {
        assert_eq!(answer(&mut s, &format!("SELECT {expression} FROM dual")), expected, "{expression}");
    }
    for (expression, named) in [
        ("ORA_HASH(SYSDATE)", "ORA_HASH of DATE"),
        ("STANDARD_HASH(TO_CLOB('a'))", "STANDARD_HASH of CLOB"),
        ("STANDARD_HASH('a', 'SHA3')", "STANDARD_HASH by SHA3"),
    ] {
        let error = answer(&mut s, &format!("SELECT {expression} FROM dual"));
        assert!(error.contains("ORA-03001") && error.contains(named), "{error}");
    }
}

#[test]
fn listagg_goes_over_partitions_too() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE e (id NUMBER, dept NUMBER, name VARCHAR2(9))").unwrap();
    for row in ["1, 10, 'b'", "2, 10, 'a'", "3, 20, NULL", "4, 20, 'd'", "5, 20, 'c'"] {
        run(&mut s, &format!("INSERT INTO e VALUES ({row})")).unwrap();
    }
    for (sql, expected) in [
        (
            "SELECT id, LISTAGG(name, '-') WITHIN GROUP (ORDER BY name) OVER (PARTITION BY dept) FROM e ORDER BY id",
            "1|a-b;2|a-b;3|c-d;4|c-d;5|c-d",
        ),
        ("SELECT id, LISTAGG(name) WITHIN GROUP (ORDER BY id DESC) OVER () FROM e WHERE id < 3 ORDER BY id", "1|ab;2|ab"),
        ("SELECT dept, LISTAGG(name, ',') WITHIN GROUP (ORDER BY id DESC) FROM e GROUP BY dept ORDER BY dept", "10|a,b;20|c,d"),
        ("SELECT LISTAGG(name) WITHIN GROUP (ORDER BY id) OVER (ORDER BY id) FROM e", "ORA-30487: ORDER BY not allowed here"),
        (
            "SELECT id FROM e WHERE LISTAGG(name) WITHIN GROUP (ORDER BY id) OVER () = 'x'",
            "ORA-30483: window functions are not allowed here",
        ),
    ] {
        assert_eq!(answer(&mut s, sql), expected, "{sql}");
    }
}

#[test]
fn a_clob_becomes_text_whole_or_not_at_all() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE l (id NUMBER, c CLOB, n NCLOB)").unwrap();
    let long = "ä".repeat(20_000);
    run_with(&mut s, "INSERT INTO l VALUES (1, :1, :1)", &[Datum::Text("äbc"), Datum::Text("äbc")]).unwrap();
    run_with(&mut s, "INSERT INTO l VALUES (2, :1, EMPTY_CLOB())", &[Datum::Text(&long)]).unwrap();
    let too_small = "ORA-22835: Buffer too small for CLOB to CHAR or BLOB to RAW conversion";
    for (sql, expected) in [
        ("SELECT TO_CHAR(c), TO_CHAR(n), CAST(c AS VARCHAR2(4)) FROM l WHERE id = 1", "äbc|äbc|äbc".to_owned()),
        ("SELECT TO_CHAR(n) FROM l WHERE id = 2", "NULL".to_owned()),
        ("SELECT CAST(c AS VARCHAR2(3)) FROM l WHERE id = 1", format!("{too_small} (actual: 4, maximum: 3)")),
        ("SELECT CAST(c AS VARCHAR2(3 CHAR)) FROM l WHERE id = 1", "äbc".to_owned()),
        ("SELECT TO_CHAR(c) FROM l WHERE id = 2", format!("{too_small} (actual: 40000, maximum: 32767)")),
        ("SELECT LENGTH(TO_CHAR(SUBSTR(c, 1, 16000))) FROM l WHERE id = 2", "16000".to_owned()),
    ] {
        assert_eq!(answer(&mut s, sql), expected, "{sql}");
    }
    assert_eq!(s.prepare("SELECT TO_CHAR(c) FROM l").unwrap().columns()[0].data_type, DataType::varchar2(32_767));
}

#[test]
fn local_timestamps_have_the_fields_of_the_session() {
    let mut s = memory();
    run(&mut s, "CREATE TABLE l (t TIMESTAMP WITH LOCAL TIME ZONE)").unwrap();
    run(&mut s, "ALTER SESSION SET TIME_ZONE = '+00:00'").unwrap();
    run(&mut s, "INSERT INTO l VALUES (TIMESTAMP '2024-02-28 23:30:15.25')").unwrap();
    run(&mut s, "ALTER SESSION SET TIME_ZONE = '+05:30'").unwrap();
    let fields = "EXTRACT(YEAR FROM t), EXTRACT(MONTH FROM t), EXTRACT(DAY FROM t), EXTRACT(HOUR FROM t), EXTRACT(MINUTE FROM t), EXTRACT(SECOND FROM t)";
    assert_eq!(answer(&mut s, &format!("SELECT {fields} FROM l")), "2024|2|29|5|0|15.25");
}

#[test]
fn types_that_the_engine_lacks_are_refused_by_name() {
    let mut s = memory();
    for column in ["XMLTYPE", "SYS.XMLTYPE", "BFILE", "SDO_GEOMETRY"] {
        let error = run(&mut s, &format!("CREATE TABLE x (a {column})")).unwrap_err();
        let name = column.split(['(', '.']).next().unwrap();
        assert!(error.code == 3001 && error.message.contains(name), "{column}: {error}");
    }
    assert_eq!(code(run(&mut s, "CREATE TABLE x (a BOOLEAN)")), 902, "release 19 does not know it");
}
