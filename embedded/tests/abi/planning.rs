//! What a statement means depends on what is bound and on the catalog of the moment.

use clntsh::abi::codes::mode;
use clntsh::abi::statement::OCIParamGet;

use super::*;

const DATE: [u8; 7] = [120, 124, 2, 29, 14, 31, 1];

fn described_type(client: &Client, stmt: Pointer) -> u16 {
    let env = &client.env;
    let mut param = null_mut();
    env.ok(unsafe { OCIParamGet(stmt, kind::STMT, env.err, &mut param, 1) });
    env.get(param, kind::PARAM, attr::DATA_TYPE)
}

#[test]
fn expressions_and_descriptions_follow_the_kinds_of_binds() {
    let client = Client::connect(":memory:");
    let stmt = client.prepare("SELECT :1 FROM dual");
    let (mut bound, mut found) = (DATE, [0u8; 7]);
    client.bind(stmt, 1, &mut bound, 7, 12, null_mut(), null_mut());
    client.env.ok(client.execute(stmt, 0, mode::DESCRIBE_ONLY));
    assert_eq!(described_type(&client, stmt), 12);
    client.define(stmt, 1, &mut found, 7, 12, null_mut(), null_mut(), null_mut());
    client.env.ok(client.execute(stmt, 1, 0));
    assert_eq!(described_type(&client, stmt), 12);
    assert_eq!(found, DATE, "the time of day is kept");

    let stmt = client.prepare("SELECT (:1 - DATE '2024-02-28') * 24 FROM dual");
    let mut hours = 0.0f64;
    client.bind(stmt, 1, &mut bound, 7, 12, null_mut(), null_mut());
    client.define(stmt, 1, &mut hours, 8, 22, null_mut(), null_mut(), null_mut());
    client.env.ok(client.execute(stmt, 1, 0));
    assert_eq!(hours, 37.5);

    client.run("CREATE TABLE t (n NUMBER)");
    let stmt = client.prepare("INSERT INTO t VALUES (:1 - DATE '2024-02-28')");
    let mut indicator = -1i16;
    client.bind(stmt, 1, &mut bound, 7, 12, &mut indicator, null_mut());
    client.env.ok(client.execute(stmt, 1, 0));
    let stmt = client.prepare("SELECT nope, :1 FROM t");
    client.env.fails(client.execute(stmt, 0, 0), 904);
    let stmt = client.prepare("SELECT :1 FROM t");
    client.env.fails(client.execute(stmt, 0, 0), 1008);
}

#[test]
fn a_statement_is_executed_again_by_the_catalog_and_session_of_the_moment() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let client = Client::connect(&path("a.db"));
    let env = &client.env;
    client.run("CREATE TABLE t (v NUMBER)");
    let insert = client.prepare("INSERT INTO t VALUES (:1)");
    let (mut text, mut text_len) = (*b"007", 3u32);
    client.bind(insert, 1, &mut text, 3, 1, null_mut(), &mut text_len);
    let query = client.prepare("SELECT v FROM t");
    env.ok(client.execute(insert, 1, mode::COMMIT_ON_SUCCESS));
    env.ok(client.execute(query, 0, mode::DESCRIBE_ONLY));
    assert_eq!(described_type(&client, query), 2);
    client.run("DROP TABLE t");
    env.fails(client.execute(insert, 1, 0), 942);
    env.fails(client.execute(query, 0, mode::DESCRIBE_ONLY), 942);
    client.run("CREATE TABLE t (v VARCHAR2(3))");
    env.ok(client.execute(insert, 1, mode::COMMIT_ON_SUCCESS));
    env.ok(client.execute(query, 0, mode::DESCRIBE_ONLY));
    assert_eq!(described_type(&client, query), 1);
    assert_eq!(client.number("SELECT count(*) FROM t WHERE v = '007'"), 1);

    // The same handles on another database, whose catalog has seen as many changes.
    unsafe { OCISessionEnd(client.svc, env.err, client.session, 0) };
    let other = path("b.db");
    env.ok(unsafe { OCIServerAttach(client.server, env.err, other.as_ptr(), other.len() as i32, 0) });
    env.ok(unsafe { OCISessionBegin(client.svc, env.err, client.session, 1, 0x40) });
    client.run("CREATE TABLE a (v NUMBER)");
    client.run("DROP TABLE a");
    client.run("CREATE TABLE t (v NUMBER, w NUMBER)");
    env.fails(client.execute(insert, 1, 0), 947);
    env.ok(client.execute(query, 0, mode::DESCRIBE_ONLY));
    assert_eq!(described_type(&client, query), 2);
}

#[test]
fn fixed_length_binds_compare_blank_padded() {
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE t (c CHAR(5), v VARCHAR2(5))");
    client.run("INSERT INTO t VALUES ('ab', 'ab')");
    let count = |condition: &str, dty: u16| {
        let stmt = client.prepare(&format!("SELECT count(*) FROM t WHERE {condition}"));
        let (mut text, mut found) = (*b"ab ", 0i64);
        let mut text_len = 3u32;
        client.bind(stmt, 1, &mut text, 3, dty, null_mut(), &mut text_len);
        client.define(stmt, 1, &mut found, 8, 3, null_mut(), null_mut(), null_mut());
        client.env.ok(client.execute(stmt, 1, 0));
        found
    };
    assert_eq!(count("c = :1", 96), 1);
    assert_eq!(count("c = :1", 1), 0);
    assert_eq!(count("v = :1", 96), 0);
}

#[test]
fn a_define_without_a_buffer_is_refused() {
    let client = Client::connect(":memory:");
    let stmt = client.prepare("SELECT 1 FROM dual");
    client.define(stmt, 1, null_mut::<i64>(), 8, 3, null_mut(), null_mut(), null_mut());
    client.env.fails(client.execute(stmt, 1, 0), 24374);
}

#[test]
fn quoted_names_of_binds_keep_their_case() {
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE t (a NUMBER, b NUMBER)");
    let stmt = client.prepare("INSERT INTO t VALUES (:\"Mixed\", :MIXED)");
    let mut values = [1i64, 2];
    for (name, value) in [":\"Mixed\"", "mixed"].iter().zip(&mut values) {
        let mut bind = null_mut();
        client.env.ok(unsafe {
            clntsh::abi::bind::OCIBindByName2(
                stmt,
                &mut bind,
                client.env.err,
                name.as_ptr(),
                name.len() as i32,
                std::ptr::from_mut(value).cast(),
                8,
                3,
                null_mut(),
                null_mut(),
                null_mut(),
                0,
                null_mut(),
                0,
            )
        });
    }
    client.env.ok(client.execute(stmt, 1, 0));
    assert_eq!(client.number("SELECT count(*) FROM t WHERE a = 1 AND b = 2"), 1);
}
