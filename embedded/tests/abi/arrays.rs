//! Array DML: binds, row errors, row counts, transactions.

use std::ffi::c_void;

use clntsh::abi::bind::{OCIBindArrayOfStruct, OCIBindByName2, OCIBindDynamic};
use clntsh::abi::calls::{OCIBreak, OCITransCommit, OCITransRollback};
use clntsh::abi::codes::mode;
use clntsh::abi::statement::OCIParamGet;

use super::*;

const CHR: u16 = 1;
const INT: u16 = 3;
const VNU: u16 = 6;

fn table(database: &str) -> Client {
    let client = Client::connect(database);
    client.run("CREATE TABLE t (id NUMBER(4) PRIMARY KEY, name VARCHAR2(10))");
    client
}

#[test]
fn rows_go_in_with_indicators_and_lengths() {
    let client = table(":memory:");
    let stmt = client.prepare("INSERT INTO t VALUES (:1, :2)");
    let mut ids = [1i32, 2, 3];
    let mut names = *b"abc  x    de   ";
    let (mut indicators, mut lengths) = ([0i16, -1, 0], [3u32, 5, 4]);
    client.bind(stmt, 1, ids.as_mut_ptr(), 4, INT, null_mut(), null_mut());
    client.bind(stmt, 2, names.as_mut_ptr(), 5, CHR, indicators.as_mut_ptr(), lengths.as_mut_ptr());
    client.env.ok(client.execute(stmt, 3, 0));
    assert_eq!(client.env.get::<u32>(stmt, kind::STMT, attr::ROW_COUNT), 3);
    assert_eq!(client.number("SELECT COUNT(*) FROM t WHERE name IS NULL"), 1);
    assert_eq!(client.number("SELECT COUNT(*) FROM t WHERE name = 'de  '"), 1);
    // Without a length array trailing blanks are no part of the value.
    let mut more = [4i32, 5];
    client.bind(stmt, 1, more.as_mut_ptr(), 4, INT, null_mut(), null_mut());
    client.bind(stmt, 2, names.as_mut_ptr(), 5, CHR, null_mut(), null_mut());
    client.env.ok(client.execute(stmt, 2, 0));
    assert_eq!(client.number("SELECT COUNT(*) FROM t WHERE name = 'abc'"), 2);
}

#[test]
fn steps_between_rows_and_offsets_are_kept() {
    #[repr(C)]
    struct Row {
        id: i64,
        indicator: i16,
        number: [u8; 22],
    }
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE s (id NUMBER, n NUMBER)");
    let stmt = client.prepare("INSERT INTO s VALUES (:id, :n)");
    let mut rows: Vec<Row> = (0..4).map(|id| Row { id, indicator: if id == 2 { -1 } else { 0 }, number: [0; 22] }).collect();
    rows[1].number[..3].copy_from_slice(&[2, 0xc1, 11]);
    let step = size_of::<Row>() as u32;
    for (position, values, size, dty) in
        [(1, (&raw mut rows[0].id).cast::<c_void>(), 8, INT), (2, (&raw mut rows[0].number).cast(), 22, VNU)]
    {
        let bind = client.bind(stmt, position, values, size, dty, &raw mut rows[0].indicator, null_mut());
        client.env.ok(unsafe { OCIBindArrayOfStruct(bind, client.env.err, step, step, 0, 0) });
    }
    // From element 1 on: 1 → 10, 2 → all NULL, 3 → a NUMBER of length 0, which is NULL.
    let status = unsafe { OCIStmtExecute(client.svc, stmt, client.env.err, 4, 1, null(), null_mut(), 0) };
    client.env.ok(status);
    assert_eq!(client.number("SELECT COUNT(*) FROM s"), 3);
    assert_eq!(client.number("SELECT n FROM s WHERE id = 1"), 10);
    assert_eq!(client.number("SELECT COUNT(*) FROM s WHERE n IS NULL"), 2);
    assert_eq!(client.number("SELECT COUNT(*) FROM s WHERE id IS NULL"), 1);
}

#[test]
fn row_errors_carry_their_offset_and_the_good_rows_stay() {
    let client = table(":memory:");
    let env = &client.env;
    let stmt = client.prepare("INSERT INTO t VALUES (:1, :2)");
    let mut ids = [1i32, 1, 3, 40_000, 5];
    let (mut names, mut lengths) = ([b'a'; 55], [3u32, 3, 11, 3, 3]);
    client.bind(stmt, 1, ids.as_mut_ptr(), 4, INT, null_mut(), null_mut());
    client.bind(stmt, 2, names.as_mut_ptr(), 11, CHR, null_mut(), lengths.as_mut_ptr());
    let status = client.execute(stmt, 5, mode::BATCH_ERRORS | mode::RETURN_ROW_COUNT_ARRAY | mode::COMMIT_ON_SUCCESS);
    assert_eq!((status, env.error().0), (status::SUCCESS_WITH_INFO, 24381));
    assert_eq!(env.get::<u32>(stmt, kind::STMT, attr::NUM_DML_ERRORS), 3);
    let (mut row_error, scratch) = (env.handle(kind::ERROR), env.handle(kind::ERROR));
    let mut found = Vec::new();
    for index in 0..3 {
        env.ok(unsafe { OCIParamGet(env.err, kind::ERROR, env.err, &mut row_error, index) });
        let mut offset = 0u32;
        unsafe { OCIAttrGet(row_error, kind::ERROR, (&raw mut offset).cast(), null_mut(), attr::DML_ROW_OFFSET, scratch) };
        found.push((offset, error_of(row_error).0));
    }
    // Values are converted before rows are inserted.
    assert_eq!(found, [(2, 12899), (3, 1438), (1, 1)]);
    let (mut counts, mut count): (*const u64, u32) = (null(), 0);
    env.ok(unsafe { OCIAttrGet(stmt, kind::STMT, (&raw mut counts).cast(), &mut count, attr::DML_ROW_COUNT_ARRAY, env.err) });
    assert_eq!(unsafe { std::slice::from_raw_parts(counts, count as usize) }, [1, 0, 0, 0, 1]);
    // Errors in the array: nothing was committed.
    assert_eq!(env.get::<i32>(client.session, kind::SESSION, attr::TRANSACTION_IN_PROGRESS), 1);
    env.ok(unsafe { OCITransRollback(client.svc, env.err, 0) });
    assert_eq!(client.number("SELECT COUNT(*) FROM t"), 0);
}

#[test]
fn without_batch_errors_the_first_bad_row_ends_the_array() {
    let client = table(":memory:");
    let stmt = client.prepare("INSERT INTO t VALUES (:1, 'x')");
    let mut ids = [1i32, 2, 1, 4];
    client.bind(stmt, 1, ids.as_mut_ptr(), 4, INT, null_mut(), null_mut());
    client.env.fails(client.execute(stmt, 4, 0), 1);
    assert_eq!(client.env.get::<u64>(stmt, kind::STMT, attr::UB8_ROW_COUNT), 2);
    assert_eq!(client.number("SELECT COUNT(*) FROM t"), 2);
}

#[test]
fn two_service_contexts_share_a_transaction() {
    let client = table(":memory:");
    let env = &client.env;
    let second = env.handle(kind::SVCCTX);
    for attribute in [attr::SERVER, attr::SESSION] {
        let part = env.get::<usize>(client.svc, kind::SVCCTX, attribute) as Pointer;
        env.set_pointer(second, kind::SVCCTX, attribute, part, 0);
    }
    client.run("INSERT INTO t VALUES (1, 'first')");
    let stmt = client.prepare_on(second, "INSERT INTO t VALUES (2, 'second')");
    env.ok(unsafe { OCIStmtExecute(second, stmt, env.err, 1, 0, null(), null_mut(), 0) });
    assert_eq!(client.number("SELECT COUNT(*) FROM t"), 2);
    env.ok(unsafe { OCITransRollback(second, env.err, 0) });
    assert_eq!(client.number("SELECT COUNT(*) FROM t"), 0);
    client.run("INSERT INTO t VALUES (3, 'third')");
    env.ok(unsafe { OCITransCommit(second, env.err, 0) });
    env.ok(unsafe { OCITransRollback(client.svc, env.err, 0) });
    assert_eq!(client.number("SELECT COUNT(*) FROM t"), 1);
    assert_eq!(unsafe { OCIHandleFree(second, kind::SVCCTX) }, status::SUCCESS);
}

#[test]
fn what_cannot_be_executed_says_why() {
    let client = table(":memory:");
    let env = &client.env;
    let stmt = client.prepare("INSERT INTO t VALUES (:1, :2)");
    let mut id = [7i32];
    client.bind(stmt, 1, id.as_mut_ptr(), 4, INT, null_mut(), null_mut());
    env.fails(client.execute(stmt, 1, 0), 1008);
    env.fails(client.execute(stmt, 0, 0), 24333);
    assert!(env.fails(client.execute(stmt, 65_536, mode::BATCH_ERRORS), 3001).contains("OCI_BATCH_ERRORS"));
    env.fails(client.execute(stmt, 1, mode::EXACT_FETCH), 3001);
    let mut timeout_ms = 100u32;
    env.ok(unsafe { OCIAttrSet(client.svc, kind::SVCCTX, (&raw mut timeout_ms).cast(), 0, attr::CALL_TIMEOUT, env.err) });
    timeout_ms = 0;
    env.ok(unsafe { OCIAttrSet(client.svc, kind::SVCCTX, (&raw mut timeout_ms).cast(), 0, attr::CALL_TIMEOUT, env.err) });
    let mut bind = null_mut();
    let mut refuse = |position, size, dty| unsafe {
        OCIBindByPos2(
            stmt,
            &mut bind,
            env.err,
            position,
            id.as_mut_ptr().cast(),
            size,
            dty,
            null_mut(),
            null_mut(),
            null_mut(),
            0,
            null_mut(),
            0,
        )
    };
    env.fails(refuse(3, 4, INT), 1036);
    env.fails(refuse(0, 4, INT), 1036);
    env.fails(refuse(1, 1 << 31, CHR), 24452);
    env.fails(refuse(1, 3, 22), 3115);
    env.fails(refuse(1, 8, 11), 1024);
    env.fails(refuse(1, 8, 119), 3115);
    let mut bad = *b"\xff\xfe";
    client.bind(stmt, 2, bad.as_mut_ptr(), 2, CHR, null_mut(), null_mut());
    env.fails(client.execute(stmt, 1, 0), 29275);
    let missing = client.prepare("INSERT INTO nowhere VALUES (1)");
    env.fails(client.execute(missing, 1, 0), 942);
}

#[test]
fn a_name_binds_all_its_places() {
    let client = table(":memory:");
    let env = &client.env;
    let stmt = client.prepare("INSERT INTO t (id, name) VALUES (:v, :v)");
    let (mut value, mut bind) = (42i64, null_mut());
    let mut by_name = |name: &str| unsafe {
        OCIBindByName2(
            stmt,
            &mut bind,
            env.err,
            name.as_ptr(),
            name.len() as i32,
            (&raw mut value).cast(),
            8,
            INT,
            null_mut(),
            null_mut(),
            null_mut(),
            0,
            null_mut(),
            0,
        )
    };
    env.fails(by_name(":w"), 1036);
    env.ok(by_name(":V"));
    env.ok(client.execute(stmt, 1, 0));
    assert_eq!(client.number("SELECT COUNT(*) FROM t WHERE id = 42 AND name = '42'"), 1);
}

/// What the in-callback of the tests needs.
struct Source {
    rows: Vec<Option<Vec<u8>>>,
    indicators: Vec<i16>,
    /// Service and error handle to break with at this row.
    cancel: Option<(Pointer, Pointer, u32)>,
}

unsafe extern "C" fn deliver(
    context: Pointer,
    _bind: Pointer,
    iter: u32,
    _index: u32,
    buffer: *mut Pointer,
    length: *mut u32,
    piece: *mut u8,
    indicator: *mut Pointer,
) -> i32 {
    let source = unsafe { &mut *context.cast::<Source>() };
    let row = &source.rows[iter as usize];
    source.indicators[iter as usize] = if row.is_some() { 0 } else { -1 };
    unsafe {
        *buffer = row.as_ref().map_or(null_mut(), |bytes| bytes.as_ptr().cast_mut().cast());
        *length = row.as_ref().map_or(0, |bytes| bytes.len() as u32);
        *piece = 0;
        *indicator = (&raw mut source.indicators[iter as usize]).cast();
        if let Some((svc, err, at)) = source.cancel
            && at == iter
        {
            assert_eq!(OCIBreak(svc, err), status::SUCCESS);
        }
    }
    status::CONTINUE
}

fn bind_dynamic(client: &Client, stmt: Pointer, source: &mut Source) {
    let mut bind = null_mut();
    client.env.ok(unsafe {
        OCIBindByPos2(stmt, &mut bind, client.env.err, 1, null_mut(), 100_000, CHR, null_mut(), null_mut(), null_mut(), 0, null_mut(), 2)
    });
    let context: *mut Source = source;
    client.env.ok(unsafe { OCIBindDynamic(bind, client.env.err, context.cast(), deliver as *mut c_void, null_mut(), null_mut()) });
}

#[test]
fn values_come_from_a_callback() {
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE c (text CLOB)");
    let stmt = client.prepare("INSERT INTO c VALUES (:1)");
    let mut source = Source { rows: vec![Some(vec![b'x'; 50_000]), None, Some(b"y".to_vec())], indicators: vec![0; 3], cancel: None };
    bind_dynamic(&client, stmt, &mut source);
    client.env.ok(client.execute(stmt, 3, 0));
    assert_eq!(client.number("SELECT COUNT(*) FROM c WHERE text IS NULL"), 1);
    assert_eq!(client.number("SELECT COUNT(*) FROM c"), 3);
}

#[test]
fn a_break_stops_the_running_array() {
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE c (text VARCHAR2(10))");
    let stmt = client.prepare("INSERT INTO c VALUES (:1)");
    let rows = vec![Some(b"row".to_vec()); 100];
    let cancel = Some((client.svc, client.env.handle(kind::ERROR), 10));
    let mut source = Source { rows, indicators: vec![0; 100], cancel };
    bind_dynamic(&client, stmt, &mut source);
    client.env.fails(client.execute(stmt, 100, mode::BATCH_ERRORS), 1013);
    let done = client.env.get::<u32>(stmt, kind::STMT, attr::ROW_COUNT);
    assert!((10..=11).contains(&done), "{done}");
    assert_eq!(client.number("SELECT COUNT(*) FROM c"), i64::from(done));
}

#[test]
fn the_null_session_checks_and_counts() {
    let client = Client::connect("null");
    client.run("CREATE TABLE t (id NUMBER(4), name VARCHAR2(10))");
    let stmt = client.prepare("INSERT INTO t VALUES (:1, :2)");
    let mut ids = [1i32, 2, 3];
    let (mut names, mut lengths) = ([b'a'; 30], [3u32, 10, 10]);
    client.bind(stmt, 1, ids.as_mut_ptr(), 4, INT, null_mut(), null_mut());
    let bound_lengths = lengths.as_mut_ptr();
    client.bind(stmt, 2, names.as_mut_ptr(), 10, CHR, null_mut(), bound_lengths);
    client.env.ok(client.execute(stmt, 3, mode::RETURN_ROW_COUNT_ARRAY));
    assert_eq!(client.env.get::<u64>(stmt, kind::STMT, attr::UB8_ROW_COUNT), 3);
    unsafe { bound_lengths.add(2).write(11) };
    let text = client.env.fails(client.execute(stmt, 3, 0), 1458);
    assert!(text.contains("position 2"), "{text}");
    let missing = client.prepare("INSERT INTO nowhere VALUES (1)");
    client.env.fails(client.execute(missing, 1, 0), 942);
}

#[test]
fn rows_that_null_drops_are_refused_as_others_are() {
    let client = Client::connect("null");
    client.run("CREATE TABLE t (id NUMBER NOT NULL, name VARCHAR2(3), bytes RAW(2), wide VARCHAR2(3 CHAR))");
    let refused = |sql: &str, value: &str, dty: u16| {
        let stmt = client.prepare(sql);
        let (mut values, mut lengths) = ([[b' '; 20]; 2], [1u32, value.len() as u32]);
        values[0][0] = b'1';
        values[1][..value.len()].copy_from_slice(value.as_bytes());
        client.bind(stmt, 1, values.as_mut_ptr(), 20, dty, null_mut(), lengths.as_mut_ptr());
        let plain = client.execute(stmt, 2, 0);
        let code = if plain == status::SUCCESS { 0 } else { client.env.error().0 };
        let batch = client.execute(stmt, 2, mode::BATCH_ERRORS);
        let errors = client.env.get::<u32>(stmt, kind::STMT, attr::NUM_DML_ERRORS);
        assert_eq!(batch == status::SUCCESS, errors == 0);
        (code, errors)
    };
    assert_eq!(refused("INSERT INTO t (id, name) VALUES (1, :1)", "abc", CHR), (0, 0));
    assert_eq!(refused("INSERT INTO t (id, name) VALUES (1, :1)", "abcd", CHR), (12899, 1));
    assert_eq!(refused("INSERT INTO t (id, bytes) VALUES (1, :1)", "abc", 23), (12899, 1));
    assert_eq!(refused("INSERT INTO t (id, wide) VALUES (1, :1)", "äöü", CHR), (0, 0));
    assert_eq!(refused("INSERT INTO t (id, wide) VALUES (1, :1)", "13 bytes long", CHR), (12899, 1));
    assert_eq!(refused("INSERT INTO t (name) VALUES (:1)", "abc", CHR), (1400, 2));
    assert_eq!(refused("INSERT INTO t (name, id) VALUES (:1, NULL)", "abc", CHR), (1400, 2));
    assert_eq!(refused("INSERT INTO t (id, bytes, name) VALUES (1, NULL, :1)", "abc", CHR), (0, 0));
    assert_eq!(refused("INSERT INTO t (id, wide, name) VALUES (1, 'long', :1)", "abc", CHR), (12899, 2));
}

#[test]
fn an_array_may_be_longer_than_a_count_of_errors() {
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE t (id NUMBER)");
    let stmt = client.prepare("INSERT INTO t VALUES (:1)");
    let mut ids: Vec<i32> = (0..70_000).collect();
    client.bind(stmt, 1, ids.as_mut_ptr(), 4, INT, null_mut(), null_mut());
    client.env.ok(client.execute(stmt, 70_000, 0));
    assert_eq!(client.number("SELECT count(*) FROM t"), 70_000);
}

#[test]
fn a_break_ends_the_wait_for_another_writer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db").to_str().unwrap().to_owned();
    let (first, second) = (Client::connect(&path), Client::connect(&path));
    first.run("CREATE TABLE t (id NUMBER)");
    first.run("INSERT INTO t VALUES (1)");
    let (svc, stmt, err) = (second.svc as usize, second.prepare("INSERT INTO t VALUES (2)") as usize, second.env.err as usize);
    let began = std::time::Instant::now();
    let waiter =
        std::thread::spawn(move || unsafe { OCIStmtExecute(svc as Pointer, stmt as Pointer, err as Pointer, 1, 0, null(), null_mut(), 0) });
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert!(!waiter.is_finished());
    second.env.ok(unsafe { OCIBreak(second.svc, second.env.handle(kind::ERROR)) });
    second.env.fails(waiter.join().unwrap(), 1013);
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "the wait is thirty seconds");
    first.run("COMMIT");
    assert_eq!(second.run("INSERT INTO t VALUES (2)"), 1);
}
