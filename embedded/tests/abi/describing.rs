//! `OCIDescribeAny`, and the exact fetch.

use clntsh::abi::codes::mode;
use clntsh::abi::describe::OCIDescribeAny;
use clntsh::abi::statement::OCIParamGet;

use super::*;

const UNKNOWN: u8 = 0;
const TABLE: u8 = 1;
const VIEW: u8 = 2;

fn describe(client: &Client, name: &str, wanted: u8, handle: Pointer) -> i32 {
    let text: Pointer = name.as_ptr().cast_mut().cast();
    unsafe { OCIDescribeAny(client.svc, client.env.err, text, name.len() as u32, 1, 1, wanted, handle) }
}

fn text(client: &Client, param: Pointer, attribute: u32) -> String {
    let (mut start, mut length): (*const u8, u32) = (null(), 0);
    client.env.ok(unsafe { OCIAttrGet(param, kind::PARAM, (&raw mut start).cast(), &mut length, attribute, client.env.err) });
    String::from_utf8(unsafe { std::slice::from_raw_parts(start, length as usize) }.to_vec()).unwrap()
}

#[test]
fn a_table_and_a_view_are_described_with_their_columns() {
    let client = Client::connect(":memory:");
    let env = &client.env;
    client.run("CREATE TABLE t (id NUMBER(9,2) NOT NULL, \"Name\" VARCHAR2(10 CHAR), made TIMESTAMP(3))");
    client.run("CREATE VIEW v AS SELECT id AS number_of FROM t");
    let handle = env.handle(kind::DESCRIBE);
    for (name, wanted) in [("t", TABLE), ("scott.T", UNKNOWN), ("\"SCOTT\".\"T\"", TABLE)] {
        env.ok(describe(&client, name, wanted, handle));
        let table = env.get::<usize>(handle, kind::DESCRIBE, attr::PARAM) as Pointer;
        assert_eq!((env.get::<u8>(table, kind::PARAM, attr::PTYPE), env.get::<u16>(table, kind::PARAM, attr::NUM_COLS)), (TABLE, 3));
        assert_eq!((text(&client, table, attr::OBJ_SCHEMA), text(&client, table, attr::OBJ_NAME)), ("SCOTT".into(), "T".into()));
        let list = env.get::<usize>(table, kind::PARAM, attr::LIST_COLUMNS) as Pointer;
        assert_eq!(env.get::<u16>(list, kind::PARAM, attr::NUM_PARAMS), 3);
        let column = |position| {
            let mut column = null_mut();
            env.ok(unsafe { OCIParamGet(list, kind::PARAM, env.err, &mut column, position) });
            column
        };
        let id = column(1);
        assert_eq!(text(&client, id, attr::NAME), "ID");
        assert_eq!((env.get::<u16>(id, kind::PARAM, attr::DATA_TYPE), env.get::<u8>(id, kind::PARAM, attr::IS_NULL)), (2, 0));
        assert_eq!((env.get::<i16>(id, kind::PARAM, attr::PRECISION), env.get::<i8>(id, kind::PARAM, attr::SCALE)), (9, 2));
        let name = column(2);
        assert_eq!(text(&client, name, attr::NAME), "Name");
        assert_eq!((env.get::<u16>(name, kind::PARAM, attr::DATA_SIZE), env.get::<u16>(name, kind::PARAM, attr::CHAR_SIZE)), (40, 10));
        assert_eq!((text(&client, column(3), attr::NAME), env.get::<i8>(column(3), kind::PARAM, attr::SCALE)), ("MADE".into(), 3));
        env.fails(unsafe { OCIParamGet(list, kind::PARAM, env.err, &mut null_mut(), 4) }, 24334);
    }
    env.ok(describe(&client, "v", UNKNOWN, handle));
    let view = env.get::<usize>(handle, kind::DESCRIBE, attr::PARAM) as Pointer;
    assert_eq!((env.get::<u8>(view, kind::PARAM, attr::PTYPE), env.get::<u16>(view, kind::PARAM, attr::NUM_COLS)), (VIEW, 1));
}

#[test]
fn what_cannot_be_described_says_why() {
    let client = Client::connect(":memory:");
    let env = &client.env;
    client.run("CREATE TABLE t (id NUMBER)");
    let handle = env.handle(kind::DESCRIBE);
    let mut param = 0usize;
    env.fails(unsafe { OCIAttrGet(handle, kind::DESCRIBE, (&raw mut param).cast(), null_mut(), attr::PARAM, env.err) }, 24316);
    for (name, wanted) in [("nowhere", UNKNOWN), ("t", VIEW), ("t, t", TABLE), ("", TABLE), ("hr.t", TABLE)] {
        let text = env.fails(describe(&client, name, wanted, handle), 4043);
        assert!(text.contains("does not exist"), "{text}");
    }
    assert!(env.fails(describe(&client, "t", 6, handle), 3001).contains("OCIDescribeAny"));
}

#[test]
fn an_exact_fetch_takes_all_rows_or_says_that_there_are_more() {
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE t (id NUMBER)");
    client.run("INSERT INTO t SELECT LEVEL FROM dual CONNECT BY LEVEL <= 3");
    let stmt = client.prepare("SELECT id FROM t ORDER BY id");
    let mut ids = [0i64; 4];
    client.define(stmt, 1, ids.as_mut_ptr(), 8, 3, null_mut(), null_mut(), null_mut());
    client.env.fails(client.execute(stmt, 2, mode::EXACT_FETCH), 1422);
    client.env.ok(client.execute(stmt, 3, mode::EXACT_FETCH));
    assert_eq!(ids, [1, 2, 3, 0]);
    assert_eq!(client.env.get::<u32>(stmt, kind::STMT, attr::ROWS_FETCHED), 3);
    assert_eq!(client.execute(stmt, 4, mode::EXACT_FETCH), status::NO_DATA);
    assert_eq!(client.env.get::<u32>(stmt, kind::STMT, attr::ROWS_FETCHED), 3);
    let gone = unsafe { clntsh::abi::fetch::OCIStmtFetch2(stmt, client.env.err, 1, 2, 0, 0) };
    client.env.fails(gone, 24338);
}
