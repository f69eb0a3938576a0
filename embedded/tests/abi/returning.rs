//! Values given back: RETURNING … INTO through callbacks, and what a block assigns.

use clntsh::abi::bind::OCIBindDynamic;
use clntsh::abi::codes::mode;

use super::*;

/// What a caller of RETURNING keeps: for each iteration the values of its rows.
#[derive(Default)]
struct Returned {
    err: usize,
    values: Vec<(u32, u32, u32, [u8; 20])>,
    length: u32,
    indicator: i16,
}

unsafe extern "C" fn nothing_in(
    _context: Pointer,
    _bind: Pointer,
    _iteration: u32,
    _index: u32,
    value: *mut Pointer,
    length: *mut u32,
    piece: *mut u8,
    indicator: *mut Pointer,
) -> i32 {
    unsafe {
        value.write(null_mut());
        length.write(0);
        piece.write(0);
        indicator.write(null_mut());
    }
    status::CONTINUE
}

unsafe extern "C" fn take(
    context: Pointer,
    bind: Pointer,
    iteration: u32,
    index: u32,
    value: *mut Pointer,
    length: *mut *mut u32,
    _piece: *mut u8,
    indicator: *mut Pointer,
    _code: *mut *mut u16,
) -> i32 {
    unsafe {
        let returned = &mut *context.cast::<Returned>();
        let mut rows = 0u32;
        OCIAttrGet(bind, kind::BIND, (&raw mut rows).cast(), null_mut(), attr::ROWS_RETURNED, returned.err as Pointer);
        returned.values.reserve(8);
        returned.values.push((iteration, index, rows, [0; 20]));
        value.write(returned.values.last_mut().unwrap().3.as_mut_ptr().cast());
        returned.length = 20;
        length.write(&raw mut returned.length);
        indicator.write((&raw mut returned.indicator).cast());
    }
    status::CONTINUE
}

#[test]
fn every_row_of_every_iteration_is_returned() {
    let client = Client::connect(":memory:");
    let env = &client.env;
    client.run("CREATE TABLE t (id NUMBER, name VARCHAR2(20))");
    for id in 1..=3 {
        client.run(&format!("INSERT INTO t VALUES ({id}, 'n{id}')"));
    }
    let stmt = client.prepare("UPDATE t SET name = name || '!' WHERE id >= :1 RETURNING name INTO :2");
    let mut from = [3i32, 9, 2];
    client.bind(stmt, 1, from.as_mut_ptr(), 4, 3, null_mut(), null_mut());
    let mut returned = Returned { err: env.err as usize, ..Returned::default() };
    let mut bind = null_mut();
    env.ok(unsafe {
        OCIBindByPos2(stmt, &mut bind, env.err, 2, null_mut(), 20, 1, null_mut(), null_mut(), null_mut(), 0, null_mut(), mode::DATA_AT_EXEC)
    });
    let (taker, nothing) = (take as *const () as Pointer, nothing_in as *const () as Pointer);
    env.ok(unsafe { OCIBindDynamic(bind, env.err, null_mut(), nothing, (&raw mut returned).cast(), taker) });
    env.ok(client.execute(stmt, 3, 0));
    let text = |bytes: &[u8; 20]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
    let mut values: Vec<_> = returned.values.iter().map(|(iteration, _, rows, bytes)| (*iteration, *rows, text(bytes))).collect();
    values.sort();
    assert_eq!(values, [(0, 1, "n3!".into()), (2, 2, "n2!".into()), (2, 2, "n3!!".into())]);
    assert_eq!(env.get::<u64>(stmt, kind::STMT, attr::UB8_ROW_COUNT), 3);
}

#[test]
fn a_block_reads_and_writes_its_binds() {
    let client = Client::connect(":memory:");
    let stmt = client.prepare("BEGIN :1 := :1 * 2; :2 := 'twice ' || :1; END;");
    assert_eq!(client.env.get::<u16>(stmt, kind::STMT, attr::STMT_TYPE), 8);
    let (mut number, mut text, mut length, mut indicator) = (21i64, [0u8; 20], 0u32, -1i16);
    // In a block every name is one position.
    assert_eq!(client.env.get::<u32>(stmt, kind::STMT, attr::BIND_COUNT), 2);
    client.bind(stmt, 1, &mut number, 8, 3, null_mut(), null_mut());
    client.bind(stmt, 2, text.as_mut_ptr(), 20, 1, &mut indicator, &mut length);
    client.env.ok(client.execute(stmt, 1, 0));
    assert_eq!((number, &text[..length as usize], indicator), (42, &b"twice 42"[..], 0));
}

/// Index-by tables go in and out, and their number comes back.
#[test]
fn an_index_by_table_is_bound_as_an_array_with_a_count() {
    let client = Client::connect(":memory:");
    client.run("CREATE PACKAGE p AS TYPE list IS TABLE OF NUMBER INDEX BY BINARY_INTEGER; PROCEDURE more(a IN OUT list); END;");
    client.run(
        "CREATE PACKAGE BODY p AS PROCEDURE more(a IN OUT list) IS n NUMBER := a.COUNT; BEGIN
         FOR i IN 1..n LOOP a(i) := a(i) + 1; END LOOP; a(n + 1) := 99; END; END;",
    );
    let stmt = client.prepare("BEGIN p.more(:a); END;");
    let (mut values, mut indicators, mut count) = ([4i64, 5, 0], [0i16; 3], 2u32);
    let mut bind = null_mut();
    let mut bound = |count: &mut u32| unsafe {
        OCIBindByPos2(
            stmt,
            &mut bind,
            client.env.err,
            1,
            values.as_mut_ptr().cast(),
            8,
            3,
            indicators.as_mut_ptr().cast(),
            null_mut(),
            null_mut(),
            3,
            count,
            0,
        )
    };
    client.env.ok(bound(&mut count));
    client.env.ok(client.execute(stmt, 1, 0));
    assert_eq!((values, count), ([5, 6, 99], 3));
    // A fourth element has no place.
    client.env.fails(client.execute(stmt, 1, 0), 6513);
}

/// A call that takes longer than its limit ends with ORA-03156, and the session goes on.
#[test]
fn a_call_ends_at_its_time_limit() {
    let client = Client::connect(":memory:");
    let limit = 50u32;
    let set = |limit: &u32| unsafe {
        OCIAttrSet(client.svc, kind::SVCCTX, std::ptr::from_ref(limit).cast_mut().cast(), 4, attr::CALL_TIMEOUT, client.env.err)
    };
    client.env.ok(set(&limit));
    assert_eq!(client.env.get::<u32>(client.svc, kind::SVCCTX, attr::CALL_TIMEOUT), 50);
    let stmt = client.prepare("BEGIN DBMS_SESSION.SLEEP(20); END;");
    let began = std::time::Instant::now();
    client.env.fails(client.execute(stmt, 1, 0), 3156);
    assert!(began.elapsed().as_secs() < 10);
    client.env.ok(set(&0));
    assert_eq!(client.number("SELECT 7 FROM dual"), 7);
}
