//! Every external type that can be bound, against the value that arrives.

use clntsh::abi::calls::OCITransRollback;
use clntsh::abi::codes::mode;
use clntsh::abi::datetime::OCIDateTimeConstruct;
use clntsh::abi::descriptor::OCIArrayDescriptorAlloc;

use super::*;

/// Inserts one value of an external type into a fresh column and gives `expression` of it as text.
fn stored<T>(column_type: &str, mut value: T, size: i64, dty: u16, length: Option<u32>, expression: &str) -> String {
    let client = Client::connect(":memory:");
    client.run(&format!("CREATE TABLE b (v {column_type})"));
    let stmt = client.prepare("INSERT INTO b VALUES (:1)");
    let mut length = length;
    client.bind(stmt, 1, &raw mut value, size, dty, null_mut(), length.as_mut().map_or(null_mut(), |length| &raw mut *length));
    client.env.ok(client.execute(stmt, 1, mode::COMMIT_ON_SUCCESS));
    client.env.ok(unsafe { OCITransRollback(client.svc, client.env.err, 0) });
    let query = client.prepare(&format!("SELECT {expression} FROM b"));
    let (mut text, mut text_len) = ([0u8; 200], 0u32);
    client.define(query, 1, text.as_mut_ptr(), 200, 1, null_mut(), &mut text_len, null_mut());
    client.env.ok(client.execute(query, 1, 0));
    String::from_utf8(text[..text_len as usize].to_vec()).unwrap()
}

/// A length and what follows it, in one element.
fn prefixed(length: &[u8], value: &[u8]) -> [u8; 10] {
    let mut element = [0; 10];
    element[..length.len()].copy_from_slice(length);
    element[length.len()..][..value.len()].copy_from_slice(value);
    element
}

#[test]
fn numbers() {
    assert_eq!(stored("NUMBER", -7i8, 1, 3, None, "v"), "-7");
    assert_eq!(stored("NUMBER", -7000i16, 2, 3, None, "v"), "-7000");
    assert_eq!(stored("NUMBER", i64::MIN, 8, 3, None, "v"), "-9223372036854775808");
    assert_eq!(stored("NUMBER", 200u8, 1, 68, None, "v"), "200");
    assert_eq!(stored("NUMBER", u64::MAX, 8, 68, None, "v"), "18446744073709551615");
    assert_eq!(stored("NUMBER", *b"\xc2\x02\x18\x2e", 4, 2, Some(4), "v"), "123.45");
    assert_eq!(stored("NUMBER", 0.1f64, 8, 4, None, "v"), ".1");
    assert_eq!(stored("NUMBER", 2.5f32, 4, 21, None, "v"), "2.5");
    assert_eq!(stored("BINARY_DOUBLE", f64::NAN, 8, 22, None, "v"), "Nan");
    // 1.0 in the order-preserving form.
    assert_eq!(stored("BINARY_FLOAT", [0xbfu8, 0x80, 0, 0], 4, 100, None, "v"), "1.0E+000");
    assert_eq!(stored("NUMBER", *b"-1.5e2", 6, 1, Some(6), "v"), "-150");
}

#[test]
fn texts_and_bytes() {
    assert_eq!(stored("VARCHAR2(20)", *b"abc  ", 5, 1, None, "v || '.'"), "abc.");
    assert_eq!(stored("VARCHAR2(20)", *b"abc  ", 5, 1, Some(5), "v || '.'"), "abc  .");
    assert_eq!(stored("VARCHAR2(20)", *b"abc  ", 5, 96, None, "v || '.'"), "abc  .");
    assert_eq!(stored("VARCHAR2(20)", *b"abc\0..", 6, 5, None, "v || '.'"), "abc.");
    assert_eq!(stored("VARCHAR2(20)", prefixed(&3u16.to_ne_bytes(), b"abc..."), 8, 9, None, "v || '.'"), "abc.");
    assert_eq!(stored("VARCHAR2(20)", prefixed(&3u32.to_ne_bytes(), b"abc..."), 10, 94, None, "v || '.'"), "abc.");
    assert_eq!(stored("CLOB", *b"long", 4, 8, Some(4), "v"), "long");
    assert_eq!(stored("RAW(10)", [1u8, 255, 3], 3, 23, Some(2), "v"), "01FF");
    assert_eq!(stored("RAW(10)", prefixed(&2u16.to_ne_bytes(), &[1u8, 255, 3]), 5, 15, None, "v"), "01FF");
    assert_eq!(stored("RAW(10)", prefixed(&2u32.to_ne_bytes(), &[1u8, 255, 3, 4]), 8, 95, None, "v"), "01FF");
}

#[test]
fn dates() {
    assert_eq!(stored("DATE", [120u8, 124, 2, 29, 24, 60, 59], 7, 12, None, "TO_CHAR(v, 'YYYY-MM-DD HH24:MI:SS')"), "2024-02-29 23:59:58");
    let mut date = [0u8, 0, 2, 29, 23, 59, 58, 0];
    date[..2].copy_from_slice(&2024i16.to_ne_bytes());
    assert_eq!(stored("DATE", date, 8, 156, None, "TO_CHAR(v, 'YYYY-MM-DD HH24:MI:SS')"), "2024-02-29 23:59:58");
}

#[test]
fn arrays_of_timestamp_descriptors() {
    let client = Client::connect(":memory:");
    let env = &client.env;
    client.run("CREATE TABLE d (id NUMBER, plain TIMESTAMP(9), zoned TIMESTAMP(9) WITH TIME ZONE)");
    let stmt = client.prepare("INSERT INTO d VALUES (:1, :2, :3)");
    let (mut ids, mut plain, mut zoned) = ([1i32, 2, 3], [null_mut(); 3], [null_mut(); 3]);
    env.ok(unsafe { OCIArrayDescriptorAlloc(env.env, plain.as_mut_ptr(), kind::TIMESTAMP, 3, 0, null_mut()) });
    env.ok(unsafe { OCIArrayDescriptorAlloc(env.env, zoned.as_mut_ptr(), kind::TIMESTAMP_TZ, 3, 0, null_mut()) });
    // Row 2 is NULL and its descriptors hold nothing.
    let mut indicators = [0i16, -1, 0];
    for (row, nanos) in [(0, 1), (2, 999_999_999)] {
        for (descriptor, zone) in [(plain[row], ""), (zoned[row], "+05:30")] {
            let zone_len = zone.len();
            env.ok(unsafe { OCIDateTimeConstruct(env.env, env.err, descriptor, 2024, 2, 29, 1, 2, 3, nanos, zone.as_ptr(), zone_len) });
        }
    }
    client.bind(stmt, 1, ids.as_mut_ptr(), 4, 3, null_mut(), null_mut());
    client.bind(stmt, 2, plain.as_mut_ptr(), 8, 187, indicators.as_mut_ptr(), null_mut());
    client.bind(stmt, 3, zoned.as_mut_ptr(), 8, 188, indicators.as_mut_ptr(), null_mut());
    env.ok(client.execute(stmt, 3, 0));
    assert_eq!(client.number("SELECT COUNT(*) FROM d WHERE plain IS NULL AND zoned IS NULL AND id = 2"), 1);
    let count = "SELECT COUNT(*) FROM d WHERE plain = TIMESTAMP '2024-02-29 01:02:03.999999999'";
    assert_eq!(client.number(count), 1);
    let count = "SELECT COUNT(*) FROM d WHERE zoned = TIMESTAMP '2024-02-28 19:32:03.000000001 +00:00'";
    assert_eq!(client.number(count), 1);
}
