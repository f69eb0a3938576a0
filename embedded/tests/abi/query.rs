//! Describe, define, fetch, conversions, LOB locators.

use std::ffi::c_void;

use clntsh::abi::codes::mode;
use clntsh::abi::datetime::{OCIDateTimeGetDate, OCIDateTimeGetTime};
use clntsh::abi::define::OCIDefineDynamic;
use clntsh::abi::descriptor::{OCIDescriptorAlloc, OCIDescriptorFree};
use clntsh::abi::fetch::OCIStmtFetch2;
use clntsh::abi::lob::{OCILobGetLength2, OCILobRead2};
use clntsh::abi::statement::OCIParamGet;

use super::*;

const DDL: &str = "CREATE TABLE types (id NUMBER(9) NOT NULL, price NUMBER(12,2), free NUMBER, text VARCHAR2(20 CHAR), padded CHAR(5), \
    day DATE, stamp TIMESTAMP(3), zoned TIMESTAMP WITH TIME ZONE, single BINARY_FLOAT, double BINARY_DOUBLE, bytes RAW(8), long_text CLOB, \
    long_bytes BLOB)";
const ROW: &str = "INSERT INTO types VALUES (7, -12.75, 1234567890123, 'größer', 'ab', DATE '2024-02-29', \
    TIMESTAMP '2024-02-29 23:59:58.123', TIMESTAMP '2024-02-29 23:59:58.5 +02:00', 1.5, -0.25, HEXTORAW('0aff'), 'a long text', HEXTORAW('c0ffee'))";

fn filled() -> Client {
    let client = Client::connect(":memory:");
    client.run(DDL);
    client.run(ROW);
    client
}

fn fetch(client: &Client, stmt: Pointer, rows: u32) -> i32 {
    unsafe { OCIStmtFetch2(stmt, client.env.err, rows, 2, 0, 0) }
}

/// Type, bytes, characters, precision, scale, nullable.
fn describe(client: &Client, stmt: Pointer, position: u32) -> (String, u16, u16, u16, i16, i8, u8) {
    let env = &client.env;
    let mut param = null_mut();
    env.ok(unsafe { OCIParamGet(stmt, kind::STMT, env.err, &mut param, position) });
    let (mut name, mut length): (*const u8, u32) = (null(), 0);
    env.ok(unsafe { OCIAttrGet(param, kind::DESCRIBE, (&raw mut name).cast(), &mut length, attr::NAME, env.err) });
    let described = (
        String::from_utf8(unsafe { std::slice::from_raw_parts(name, length as usize) }.to_vec()).unwrap(),
        env.get(param, kind::PARAM, attr::DATA_TYPE),
        env.get(param, kind::DESCRIBE, attr::DATA_SIZE),
        env.get(param, kind::DESCRIBE, attr::CHAR_SIZE),
        env.get(param, kind::DESCRIBE, attr::PRECISION),
        env.get(param, kind::DESCRIBE, attr::SCALE),
        env.get(param, kind::DESCRIBE, attr::IS_NULL),
    );
    assert_eq!(unsafe { OCIDescriptorFree(param, kind::PARAM) }, status::SUCCESS);
    described
}

#[test]
fn columns_are_described_without_fetching() {
    let client = filled();
    let stmt = client.prepare("SELECT * FROM types");
    client.env.ok(client.execute(stmt, 0, mode::DESCRIBE_ONLY));
    assert_eq!(client.env.get::<u32>(stmt, kind::STMT, attr::PARAM_COUNT), 13);
    assert_eq!(describe(&client, stmt, 1), ("ID".into(), 2, 22, 0, 9, 0, 0));
    assert_eq!(describe(&client, stmt, 2), ("PRICE".into(), 2, 22, 0, 12, 2, 1));
    assert_eq!(describe(&client, stmt, 3), ("FREE".into(), 2, 22, 0, 0, -127, 1));
    assert_eq!(describe(&client, stmt, 4), ("TEXT".into(), 1, 80, 20, 0, 0, 1));
    assert_eq!(describe(&client, stmt, 5), ("PADDED".into(), 96, 5, 5, 0, 0, 1));
    let codes: Vec<u16> = (6..=13).map(|position| describe(&client, stmt, position).1).collect();
    assert_eq!(codes, [12, 187, 188, 100, 101, 23, 112, 113]);
    assert_eq!(describe(&client, stmt, 7).5, 3);
    let mut param = null_mut();
    client.env.fails(unsafe { OCIParamGet(stmt, kind::STMT, client.env.err, &mut param, 14) }, 24334);
    let status = fetch(&client, stmt, 1);
    client.env.fails(status, 24338);
}

/// The first row of `expression` as text.
fn text_of(client: &Client, expression: &str) -> String {
    let stmt = client.prepare(&format!("SELECT {expression} FROM types"));
    let (mut buffer, mut length) = ([0u8; 200], 0u32);
    client.define(stmt, 1, buffer.as_mut_ptr(), 200, 1, null_mut(), &mut length, null_mut());
    client.env.ok(client.execute(stmt, 1, 0));
    String::from_utf8(buffer[..length as usize].to_vec()).unwrap()
}

#[test]
fn every_type_has_a_text() {
    let client = filled();
    let expected = [
        ("id", "7"),
        ("price", "-12.75"),
        ("free", "1234567890123"),
        ("text", "größer"),
        ("padded", "ab   "),
        ("day", "29-FEB-24"),
        ("stamp", "29-FEB-24 11.59.58.123 PM"),
        ("zoned", "29-FEB-24 11.59.58.500000 PM +02:00"),
        ("single", "1.5E+000"),
        ("double", "-2.5E-001"),
        ("bytes", "0AFF"),
        ("long_text", "a long text"),
    ];
    for (column, text) in expected {
        assert_eq!(text_of(&client, column), text, "{column}");
    }
}

#[test]
fn numbers_arrive_in_every_numeric_type() {
    let client = filled();
    let stmt = client.prepare("SELECT price, price, price, price, price, id, free FROM types");
    let (mut vnu, mut double, mut single, mut int, mut binary, mut small, mut big) = ([0u8; 22], 0f64, 0f32, 0i32, 0f64, 0u8, 0i64);
    client.define(stmt, 1, &mut vnu, 22, 6, null_mut(), null_mut(), null_mut());
    client.define(stmt, 2, &mut double, 8, 4, null_mut(), null_mut(), null_mut());
    client.define(stmt, 3, &mut single, 4, 21, null_mut(), null_mut(), null_mut());
    client.define(stmt, 4, &mut int, 4, 3, null_mut(), null_mut(), null_mut());
    client.define(stmt, 5, &mut binary, 8, 22, null_mut(), null_mut(), null_mut());
    client.define(stmt, 6, &mut small, 1, 68, null_mut(), null_mut(), null_mut());
    client.define(stmt, 7, &mut big, 8, 3, null_mut(), null_mut(), null_mut());
    client.env.ok(client.execute(stmt, 1, 0));
    // -12.75 in the bytes of Oracle: 62 - 0, 101 - 12, 101 - 75, terminator.
    assert_eq!(vnu[..5], [4, 0x3e, 101 - 12, 101 - 75, 0x66]);
    assert_eq!((double, single, int, binary, small, big), (-12.75, -12.75, -12, -12.75, 7, 1_234_567_890_123));
    let narrow = client.prepare("SELECT free FROM types");
    let mut word = 0i32;
    client.define(narrow, 1, &mut word, 4, 3, null_mut(), null_mut(), null_mut());
    client.env.fails(client.execute(narrow, 1, 0), 1455);
}

#[test]
fn dates_arrive_as_bytes_and_descriptors() {
    let client = filled();
    let env = &client.env;
    let stmt = client.prepare("SELECT day, day, stamp, zoned FROM types");
    let (mut dat, mut odt) = ([0u8; 7], [0u8; 8]);
    let (mut stamp, mut zoned): (Pointer, Pointer) = (null_mut(), null_mut());
    env.ok(unsafe { OCIDescriptorAlloc(env.env, &mut stamp, kind::TIMESTAMP, 0, null_mut()) });
    env.ok(unsafe { OCIDescriptorAlloc(env.env, &mut zoned, kind::TIMESTAMP_TZ, 0, null_mut()) });
    client.define(stmt, 1, &mut dat, 7, 12, null_mut(), null_mut(), null_mut());
    client.define(stmt, 2, &mut odt, 8, 156, null_mut(), null_mut(), null_mut());
    client.define(stmt, 3, &mut stamp, 8, 187, null_mut(), null_mut(), null_mut());
    client.define(stmt, 4, &mut zoned, 8, 188, null_mut(), null_mut(), null_mut());
    env.ok(client.execute(stmt, 1, 0));
    assert_eq!(dat, [120, 124, 2, 29, 1, 1, 1]);
    assert_eq!((i16::from_ne_bytes([odt[0], odt[1]]), &odt[2..7]), (2024, &[2, 29, 0, 0, 0][..]));
    let (mut year, mut month, mut day) = (0i16, 0u8, 0u8);
    let (mut hour, mut minute, mut second, mut nanos) = (0u8, 0u8, 0u8, 0u32);
    for (descriptor, fraction) in [(stamp, 123_000_000), (zoned, 500_000_000)] {
        env.ok(unsafe { OCIDateTimeGetDate(env.env, env.err, descriptor, &mut year, &mut month, &mut day) });
        env.ok(unsafe { OCIDateTimeGetTime(env.env, env.err, descriptor, &mut hour, &mut minute, &mut second, &mut nanos) });
        assert_eq!((year, month, day, hour, minute, second, nanos), (2024, 2, 29, 23, 59, 58, fraction));
    }
}

#[test]
fn fetches_come_in_arrays_and_end_with_what_is_left() {
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE n (id NUMBER)");
    for id in 1..=5 {
        client.run(&format!("INSERT INTO n VALUES ({id})"));
    }
    let stmt = client.prepare("SELECT id FROM n ORDER BY id");
    client.env.ok(client.execute(stmt, 0, 0));
    let mut ids = [0i64; 3];
    client.define(stmt, 1, ids.as_mut_ptr(), 8, 3, null_mut(), null_mut(), null_mut());
    client.env.ok(fetch(&client, stmt, 3));
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(fetch(&client, stmt, 3), status::NO_DATA);
    assert_eq!(ids[..2], [4, 5]);
    assert_eq!(client.env.get::<u32>(stmt, kind::STMT, attr::ROWS_FETCHED), 2);
    assert_eq!(client.env.get::<u32>(stmt, kind::STMT, attr::ROW_COUNT), 5);
    assert_eq!(client.env.error().0, 1403);
    assert_eq!(fetch(&client, stmt, 3), status::NO_DATA);
    assert_eq!(client.env.get::<u32>(stmt, kind::STMT, attr::ROWS_FETCHED), 0);
    client.env.fails(unsafe { OCIStmtFetch2(stmt, client.env.err, 1, 4, 0, 0) }, 24391);
}

#[test]
fn a_scrollable_query_goes_to_any_row() {
    const SCROLLABLE: u32 = 0x8;
    const CURRENT_POSITION: u32 = 164;
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE n (id NUMBER)");
    client.run("INSERT INTO n SELECT LEVEL FROM dual CONNECT BY LEVEL <= 9");
    let stmt = client.prepare("SELECT id FROM n ORDER BY id");
    client.env.ok(client.execute(stmt, 0, SCROLLABLE));
    let mut ids = [0i64; 2];
    client.define(stmt, 1, ids.as_mut_ptr(), 8, 3, null_mut(), null_mut(), null_mut());
    let (next, current, first, last, prior, absolute, relative) = (2, 1, 4, 8, 0x10, 0x20, 0x40);
    for (orientation, offset, rows, expected, position) in [
        (next, 0, 2, &[1, 2][..], 2),
        (last, 0, 1, &[9], 9),
        (first, 0, 2, &[1, 2], 2),
        (absolute, 5, 2, &[5, 6], 6),
        (relative, -3, 1, &[3], 3),
        (prior, 0, 1, &[2], 2),
        (current, 0, 1, &[2], 2),
        (relative, 6, 2, &[8, 9], 9),
        (absolute, 4, 2, &[4, 5], 5),
    ] {
        client.env.ok(unsafe { OCIStmtFetch2(stmt, client.env.err, rows, orientation, offset, 0) });
        assert_eq!(&ids[..expected.len()], expected, "orientation {orientation:#x}, offset {offset}");
        assert_eq!(client.env.get::<u32>(stmt, kind::STMT, CURRENT_POSITION), position);
    }
    for (orientation, offset) in [(absolute, 10), (absolute, 0), (relative, 5)] {
        assert_eq!(unsafe { OCIStmtFetch2(stmt, client.env.err, 1, orientation, offset, 0) }, status::NO_DATA);
        assert_eq!(client.env.get::<u32>(stmt, kind::STMT, attr::ROWS_FETCHED), 0);
    }
}

/// What `V$SESSTAT` says of the session, counted as a server would.
#[test]
fn round_trips_follow_prefetch_and_array_size() {
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE n (id NUMBER)");
    client.run("INSERT INTO n SELECT LEVEL FROM dual CONNECT BY LEVEL <= 590");
    let trips = || {
        let sql = "SELECT m.value FROM v$mystat m, v$statname s WHERE m.statistic# = s.statistic# AND s.name LIKE 'SQL*Net%'";
        client.number(sql)
    };
    let mut ids = [0i64; 300];
    for (prefetch, array, expected) in [(300u32, 300, 2), (30, 100, 7), (1, 1, 591)] {
        let stmt = client.prepare("SELECT id FROM n");
        client
            .env
            .ok(unsafe { OCIAttrSet(stmt, kind::STMT, (&raw const prefetch).cast_mut().cast(), 4, attr::PREFETCH_ROWS, client.env.err) });
        let before = trips();
        let of_asking = trips() - before;
        client.env.ok(client.execute(stmt, 0, 0));
        client.define(stmt, 1, ids.as_mut_ptr(), 8, 3, null_mut(), null_mut(), null_mut());
        while fetch(&client, stmt, array) == status::SUCCESS {}
        assert_eq!(trips() - before - 2 * of_asking, expected, "prefetch {prefetch}, array of {array}");
    }
}

#[test]
fn truncation_and_null_are_told() {
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE v (text VARCHAR2(20))");
    client.run("INSERT INTO v VALUES ('longer than four')");
    client.run("INSERT INTO v VALUES (NULL)");
    let sql = "SELECT text FROM v";
    let (mut buffer, mut indicators, mut lengths, mut codes) = ([0u8; 8], [9i16; 2], [9u32; 2], [9u16; 2]);
    let stmt = client.prepare(sql);
    client.define(stmt, 1, buffer.as_mut_ptr(), 4, 1, indicators.as_mut_ptr(), lengths.as_mut_ptr(), codes.as_mut_ptr());
    client.env.ok(client.execute(stmt, 0, 0));
    assert_eq!((fetch(&client, stmt, 2), client.env.error().0), (status::SUCCESS_WITH_INFO, 24345));
    assert_eq!((&buffer[..4], indicators, lengths, codes), (&b"long"[..], [16, -1], [4, 0], [1406, 0]));
    let stmt = client.prepare(sql);
    client.define(stmt, 1, buffer.as_mut_ptr(), 4, 1, indicators.as_mut_ptr(), null_mut(), null_mut());
    client.env.ok(client.execute(stmt, 0, 0));
    client.env.fails(fetch(&client, stmt, 2), 1406);
    let stmt = client.prepare("SELECT text FROM v WHERE text IS NULL");
    client.define(stmt, 1, buffer.as_mut_ptr(), 4, 1, null_mut(), null_mut(), null_mut());
    client.env.ok(client.execute(stmt, 0, 0));
    client.env.fails(fetch(&client, stmt, 1), 1405);
}

#[test]
fn a_locator_reads_characters() {
    let client = filled();
    let env = &client.env;
    let mut locator = null_mut();
    env.ok(unsafe { OCIDescriptorAlloc(env.env, &mut locator, kind::LOB, 0, null_mut()) });
    let stmt = client.prepare("SELECT long_text FROM types");
    client.define(stmt, 1, &mut locator, 8, 112, null_mut(), null_mut(), null_mut());
    env.ok(client.execute(stmt, 1, 0));
    let (mut length, mut bytes, mut chars, mut buffer) = (0u64, 0u64, 4u64, [0u8; 100]);
    env.ok(unsafe { OCILobGetLength2(client.svc, env.err, locator, &mut length) });
    assert_eq!(length, 11);
    env.ok(unsafe {
        OCILobRead2(
            client.svc,
            env.err,
            locator,
            &mut bytes,
            &mut chars,
            3,
            buffer.as_mut_ptr().cast(),
            100,
            0,
            null_mut(),
            null_mut(),
            0,
            1,
        )
    });
    assert_eq!((bytes, chars, &buffer[..4]), (4, 4, &b"long"[..]));
}

/// Gives buffers of seven bytes and remembers them.
struct Sink {
    /// Boxed: the library writes into them while the list grows.
    #[allow(clippy::vec_box)]
    pieces: Vec<Box<([u8; 7], u32)>>,
    indicator: i16,
}

unsafe extern "C" fn take(
    context: Pointer,
    _define: Pointer,
    _row: u32,
    buffer: *mut Pointer,
    length: *mut *mut u32,
    _piece: *mut u8,
    indicator: *mut Pointer,
    _code: *mut *mut u16,
) -> i32 {
    let sink = unsafe { &mut *context.cast::<Sink>() };
    sink.pieces.push(Box::new(([0; 7], 7)));
    let piece = sink.pieces.last_mut().unwrap();
    unsafe {
        *buffer = piece.0.as_mut_ptr().cast();
        *length = &mut piece.1;
        *indicator = (&raw mut sink.indicator).cast();
    }
    status::CONTINUE
}

#[test]
fn a_long_value_arrives_through_a_callback_in_pieces() {
    let client = filled();
    let stmt = client.prepare("SELECT long_text FROM types");
    client.env.ok(client.execute(stmt, 0, 0));
    let mut define = null_mut();
    let status = unsafe {
        OCIDefineByPos2(stmt, &mut define, client.env.err, 1, null_mut(), i32::MAX as u64, 1, null_mut(), null_mut(), null_mut(), 2)
    };
    client.env.ok(status);
    let mut sink = Sink { pieces: Vec::new(), indicator: 9 };
    client.env.ok(unsafe { OCIDefineDynamic(define, client.env.err, (&raw mut sink).cast(), take as *mut c_void) });
    client.env.ok(fetch(&client, stmt, 1));
    let text: Vec<u8> = sink.pieces.iter().flat_map(|piece| piece.0[..piece.1 as usize].to_vec()).collect();
    assert_eq!((text.as_slice(), sink.indicator, sink.pieces.len()), (&b"a long text"[..], 0, 2));
}

#[test]
fn rows_are_not_fetched_into_nothing() {
    let client = filled();
    let stmt = client.prepare("SELECT id FROM types");
    client.env.fails(client.execute(stmt, 1, 0), 24374);
    client.env.ok(client.execute(stmt, 0, 0));
    client.env.fails(fetch(&client, stmt, 1), 24374);
    let mut id = 0i64;
    client.define(stmt, 1, &mut id, 8, 3, null_mut(), null_mut(), null_mut());
    client.env.ok(fetch(&client, stmt, 1));
    assert_eq!(id, 7, "the row was not lost");
}
