//! Writing through the locators of stored LOBs, and queries nested in rows.

use clntsh::abi::calls::{OCITransCommit, OCITransRollback};
use clntsh::abi::descriptor::OCIDescriptorAlloc;
use clntsh::abi::fetch::OCIStmtFetch2;
use clntsh::abi::lob::{
    OCILobArrayRead, OCILobArrayWrite, OCILobCreateTemporary, OCILobGetLength2, OCILobTrim2, OCILobWrite2, OCILobWriteAppend2,
};

use super::*;

const CLOB: u16 = 112;
const RSET: u16 = 116;

/// The locator of the one value that a query has.
fn locator(client: &Client, sql: &str) -> Pointer {
    let mut locator = null_mut();
    client.env.ok(unsafe { OCIDescriptorAlloc(client.env.env, &mut locator, kind::LOB, 0, null_mut()) });
    let stmt = client.prepare(sql);
    client.define(stmt, 1, &mut locator, 8, CLOB, null_mut(), null_mut(), null_mut());
    client.env.ok(client.execute(stmt, 1, 0));
    locator
}

fn append(client: &Client, locator: Pointer, text: &str) -> i32 {
    let (mut bytes, mut chars) = (text.len() as u64, 0);
    let buffer = text.as_ptr().cast_mut().cast();
    unsafe {
        OCILobWriteAppend2(client.svc, client.env.err, locator, &mut bytes, &mut chars, buffer, bytes, 0, null_mut(), null_mut(), 0, 1)
    }
}

#[test]
fn what_is_written_through_a_locator_is_in_its_row() {
    let client = Client::connect(":memory:");
    let env = &client.env;
    client.run("CREATE TABLE l (id NUMBER, text CLOB)");
    client.run("INSERT INTO l VALUES (1, 'one')");
    client.run("INSERT INTO l VALUES (2, 'two')");
    env.ok(unsafe { OCITransCommit(client.svc, env.err, 0) });
    let found = locator(&client, "SELECT text FROM l WHERE id = 2 FOR UPDATE");
    env.ok(append(&client, found, " and more"));
    assert_eq!(client.number("SELECT COUNT(*) FROM l WHERE text LIKE 'two and more'"), 1);
    assert_eq!(client.number("SELECT COUNT(*) FROM l WHERE text LIKE 'one'"), 1, "the other row is as it was");
    let (mut bytes, mut chars) = (3, 0);
    let text = b"TWO".as_ptr().cast_mut().cast();
    env.ok(unsafe { OCILobWrite2(client.svc, env.err, found, &mut bytes, &mut chars, 1, text, 3, 0, null_mut(), null_mut(), 0, 1) });
    env.ok(unsafe { OCILobTrim2(client.svc, env.err, found, 7) });
    assert_eq!(client.number("SELECT COUNT(*) FROM l WHERE text LIKE 'TWO and'"), 1);
    env.ok(unsafe { OCITransRollback(client.svc, env.err, 0) });
    assert_eq!(client.number("SELECT COUNT(*) FROM l WHERE text LIKE 'two'"), 1, "it was part of the transaction");
    // The rollback unlocked the row, and a failed write leaves the locator's value alone.
    env.fails(append(&client, found, "!"), 22920);
    let mut length = 0;
    env.ok(unsafe { OCILobGetLength2(client.svc, env.err, found, &mut length) });
    assert_eq!(length, 7);
    // What is computed is a temporary LOB of its own.
    let computed = locator(&client, "SELECT TO_CLOB('x' || id) FROM l WHERE id = 2");
    env.ok(append(&client, computed, "!"));
    env.ok(unsafe { OCILobGetLength2(client.svc, env.err, computed, &mut length) });
    assert_eq!(length, 3);
}

#[test]
fn a_row_that_is_gone_takes_no_writes() {
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE l (id NUMBER, text CLOB)");
    client.run("INSERT INTO l VALUES (1, 'one')");
    let found = locator(&client, "SELECT text FROM l");
    client.run("DELETE FROM l");
    client.env.fails(append(&client, found, "!"), 22922);
}

#[test]
fn nested_queries_are_read_row_by_row() {
    let client = Client::connect(":memory:");
    let env = &client.env;
    client.run("CREATE TABLE p (id NUMBER)");
    client.run("CREATE TABLE c (parent NUMBER, n NUMBER)");
    client.run("INSERT INTO p VALUES (1)");
    client.run("INSERT INTO p VALUES (2)");
    for (parent, n) in [(1, 30), (1, 20), (1, 10)] {
        client.run(&format!("INSERT INTO c VALUES ({parent}, {n})"));
    }
    let stmt = client.prepare("SELECT id, CURSOR(SELECT n, id FROM c WHERE parent = p.id ORDER BY n) FROM p ORDER BY id");
    env.ok(client.execute(stmt, 0, 0));
    let (mut ids, mut nested) = ([0i64; 3], [(); 3].map(|()| env.handle(kind::STMT)));
    client.define(stmt, 1, ids.as_mut_ptr(), 8, 3, null_mut(), null_mut(), null_mut());
    client.define(stmt, 2, nested.as_mut_ptr(), 8, RSET, null_mut(), null_mut(), null_mut());
    assert_eq!(unsafe { OCIStmtFetch2(stmt, env.err, 3, 2, 0, 0) }, status::NO_DATA);
    assert_eq!(ids, [1, 2, 0]);
    let read = |stmt: Pointer| {
        let mut rows = Vec::new();
        let (mut n, mut outer) = (0i64, 0i64);
        client.define(stmt, 1, &mut n, 8, 3, null_mut(), null_mut(), null_mut());
        client.define(stmt, 2, &mut outer, 8, 3, null_mut(), null_mut(), null_mut());
        while unsafe { OCIStmtFetch2(stmt, env.err, 1, 2, 0, 0) } == status::SUCCESS {
            rows.push((n, outer));
        }
        rows
    };
    assert_eq!(read(nested[0]), [(10, 1), (20, 1), (30, 1)]);
    assert_eq!(read(nested[1]), []);
    for (sql, code) in [
        ("SELECT * FROM p WHERE CURSOR(SELECT 1 FROM dual) IS NULL", 22902),
        ("SELECT NVL(CURSOR(SELECT 1 FROM dual), 1) FROM p", 22902),
        ("SELECT DISTINCT CURSOR(SELECT 1 FROM dual) FROM p", 932),
        ("SELECT 1 FROM (SELECT CURSOR(SELECT 1 FROM dual) FROM p)", 22902),
    ] {
        env.fails(client.execute(client.prepare(sql), 0, 0), code);
    }
}

#[test]
fn a_locator_that_never_had_a_value_says_so_by_the_status() {
    let client = Client::connect(":memory:");
    let mut fresh = null_mut();
    client.env.ok(unsafe { OCIDescriptorAlloc(client.env.env, &mut fresh, kind::LOB, 0, null_mut()) });
    // ODPI-C makes a temporary LOB of it then.
    assert_eq!(unsafe { OCILobTrim2(client.svc, client.env.err, fresh, 0) }, status::INVALID_HANDLE);
    client.env.fails(append(&client, fresh, "!"), 22275);
}

#[test]
fn many_lobs_are_written_and_read_by_one_call() {
    let client = Client::connect(":memory:");
    let env = &client.env;
    let mut locators = [null_mut(); 3];
    for locator in &mut locators {
        env.ok(unsafe { OCIDescriptorAlloc(env.env, locator, kind::LOB, 0, null_mut()) });
        env.ok(unsafe { OCILobCreateTemporary(client.svc, env.err, *locator, 0, 1, 2, 0, 10) });
    }
    let texts = ["one", "zwölf", "three of them"];
    let mut count = 3u32;
    let (mut bytes, mut chars) = (texts.map(|text| text.len() as u64), [0u64; 3]);
    let (mut offsets, mut room) = ([1u64; 3], bytes);
    let mut buffers = texts.map(|text| text.as_ptr().cast_mut().cast());
    let locators = locators.as_mut_ptr();
    env.ok(unsafe {
        let (amounts, lengths) = (bytes.as_mut_ptr(), room.as_mut_ptr());
        let (offsets, buffers) = (offsets.as_mut_ptr(), buffers.as_mut_ptr());
        let chars = chars.as_mut_ptr();
        OCILobArrayWrite(
            client.svc,
            env.err,
            &mut count,
            locators,
            amounts,
            chars,
            offsets,
            buffers,
            lengths,
            0,
            null_mut(),
            null_mut(),
            0,
            1,
        )
    });
    let mut read = [[0u8; 16]; 3];
    let mut targets = read.each_mut().map(|buffer| buffer.as_mut_ptr().cast());
    let (mut bytes, mut chars, mut offsets, mut room) = ([0u64; 3], [2u64, 100, 5], [1u64, 1, 7], [16u64; 3]);
    let get = |piece: u8, chars: &mut [u64; 3], bytes: &mut [u64; 3], count: &mut u32, targets: &mut [Pointer; 3]| unsafe {
        let (amounts, lengths) = (bytes.as_mut_ptr(), room.as_mut_ptr());
        let (offsets, buffers) = (offsets.as_mut_ptr(), targets.as_mut_ptr());
        let chars = chars.as_mut_ptr();
        OCILobArrayRead(
            client.svc,
            env.err,
            count,
            locators,
            amounts,
            chars,
            offsets,
            buffers,
            lengths,
            piece,
            null_mut(),
            null_mut(),
            0,
            1,
        )
    };
    let mut get = get;
    env.ok(get(0, &mut chars, &mut bytes, &mut count, &mut targets));
    assert_eq!((chars, bytes), ([2, 5, 5], [2, 6, 5]));
    let found: Vec<&str> = read.iter().zip(bytes).map(|(buffer, bytes)| std::str::from_utf8(&buffer[..bytes as usize]).unwrap()).collect();
    assert_eq!(found, ["on", "zwölf", "of th"]);
    assert!(env.fails(get(1, &mut chars, &mut bytes, &mut count, &mut targets), 3001).contains("OCILobArrayRead in pieces"));
}
