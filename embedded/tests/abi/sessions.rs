//! Sessions: settings that steer conversions, passwords, external credentials, connect strings of servers, logoff.

use clntsh::abi::codes::mode;
use clntsh::abi::datetime::OCIDateTimeConstruct;
use clntsh::abi::descriptor::OCIDescriptorAlloc;
use clntsh::abi::interval::{OCIIntervalGetDaySecond, OCIIntervalGetYearMonth, OCIIntervalSetDaySecond, OCIIntervalSetYearMonth};
use clntsh::abi::password::OCIPasswordChange;
use clntsh::abi::statement::OCIParamGet;

use super::*;

fn text_of(client: &Client, expression: &str) -> String {
    let stmt = client.prepare(&format!("SELECT {expression} FROM dual"));
    let (mut buffer, mut length) = ([0u8; 200], 0u32);
    client.define(stmt, 1, buffer.as_mut_ptr(), 200, 1, null_mut(), &mut length, null_mut());
    client.env.ok(client.execute(stmt, 1, 0));
    String::from_utf8(buffer[..length as usize].to_vec()).unwrap()
}

#[test]
fn dates_asked_for_as_text_have_the_formats_of_the_session() {
    let client = Client::connect(":memory:");
    let stamp = "CAST(TIMESTAMP '2024-02-29 23:59:58.1234' AS TIMESTAMP(3))";
    let zoned = "CAST(TIMESTAMP '2024-02-29 23:59:58.5 +02:00' AS TIMESTAMP(1) WITH TIME ZONE)";
    assert_eq!(text_of(&client, "DATE '2024-02-29'"), "29-FEB-24");
    assert_eq!(text_of(&client, stamp), "29-FEB-24 11.59.58.123 PM");
    assert_eq!(text_of(&client, zoned), "29-FEB-24 11.59.58.5 PM +02:00");
    client.run("ALTER SESSION SET NLS_DATE_FORMAT = 'YYYY-MM-DD HH24:MI:SS'");
    client.run("ALTER SESSION SET NLS_TIMESTAMP_FORMAT = 'YYYY-MM-DD\"T\"HH24:MI:SS.FF'");
    client.run("ALTER SESSION SET NLS_TIMESTAMP_TZ_FORMAT = 'YYYYMMDD HH24MISSXFF2 TZH:TZM'");
    assert_eq!(text_of(&client, "DATE '2024-02-29'"), "2024-02-29 00:00:00");
    assert_eq!(text_of(&client, stamp), "2024-02-29T23:59:58.123");
    assert_eq!(text_of(&client, zoned), "20240229 235958.50 +02:00");
    assert_eq!(text_of(&client, "NUMTODSINTERVAL(1.5, 'DAY')"), text_of(&client, "TO_CHAR(NUMTODSINTERVAL(1.5, 'DAY'))"));
}

/// Type of the first column.
fn described(client: &Client, stmt: Pointer) -> u16 {
    let mut param = null_mut();
    client.env.ok(unsafe { OCIParamGet(stmt, kind::STMT, client.env.err, &mut param, 1) });
    client.env.get(param, kind::PARAM, attr::DATA_TYPE)
}

#[test]
fn a_bind_in_the_select_list_is_described_by_what_is_bound() {
    let client = Client::connect(":memory:");
    let stmt = client.prepare("SELECT :1 FROM dual");
    let mut number = 7i64;
    client.bind(stmt, 1, &mut number, 8, 3, null_mut(), null_mut());
    client.env.ok(client.execute(stmt, 0, 0));
    assert_eq!(described(&client, stmt), 2);
    let mut day = [120u8, 124, 2, 29, 1, 1, 1];
    client.bind(stmt, 1, day.as_mut_ptr(), 7, 12, null_mut(), null_mut());
    client.env.ok(client.execute(stmt, 0, 0));
    assert_eq!(described(&client, stmt), 12);
}

#[test]
fn intervals_are_bound_and_fetched() {
    let client = Client::connect(":memory:");
    let env = &client.env;
    client.run("CREATE TABLE i (ds INTERVAL DAY(3) TO SECOND(6), ym INTERVAL YEAR(4) TO MONTH)");
    let descriptor = |descriptor_kind| {
        let mut pointer = null_mut();
        assert_eq!(unsafe { OCIDescriptorAlloc(env.env, &mut pointer, descriptor_kind, 0, null_mut()) }, status::SUCCESS);
        pointer
    };
    let (mut ds, mut ym) = (descriptor(kind::INTERVAL_DS), descriptor(kind::INTERVAL_YM));
    env.ok(unsafe { OCIIntervalSetDaySecond(env.env, env.err, -100, -2, -3, -4, -500_000_000, ds) });
    env.ok(unsafe { OCIIntervalSetYearMonth(env.env, env.err, 12, 5, ym) });
    let insert = client.prepare("INSERT INTO i VALUES (:1, :2)");
    client.bind(insert, 1, &mut ds, 8, 190, null_mut(), null_mut());
    client.bind(insert, 2, &mut ym, 8, 189, null_mut(), null_mut());
    env.ok(client.execute(insert, 1, 0));
    let query = client.prepare("SELECT ds, ym FROM i");
    let (mut ds, mut ym) = (descriptor(kind::INTERVAL_DS), descriptor(kind::INTERVAL_YM));
    client.define(query, 1, &mut ds, 8, 190, null_mut(), null_mut(), null_mut());
    client.define(query, 2, &mut ym, 8, 189, null_mut(), null_mut(), null_mut());
    env.ok(client.execute(query, 1, 0));
    let mut parts = [0i32; 5];
    let [d, h, m, s, n] = &mut parts;
    env.ok(unsafe { OCIIntervalGetDaySecond(env.env, env.err, d, h, m, s, n, ds) });
    assert_eq!(parts, [-100, -2, -3, -4, -500_000_000]);
    let (mut years, mut months) = (0, 0);
    env.ok(unsafe { OCIIntervalGetYearMonth(env.env, env.err, &mut years, &mut months, ym) });
    assert_eq!((years, months), (12, 5));
}

#[test]
fn timestamps_with_local_zone_come_in_the_zone_of_the_session() {
    let client = Client::connect(":memory:");
    let env = &client.env;
    client.run("CREATE TABLE l (v TIMESTAMP(3) WITH LOCAL TIME ZONE)");
    let mut stamp = null_mut();
    assert_eq!(unsafe { OCIDescriptorAlloc(env.env, &mut stamp, kind::TIMESTAMP_TZ, 0, null_mut()) }, status::SUCCESS);
    let zone = b"+02:00";
    env.ok(unsafe { OCIDateTimeConstruct(env.env, env.err, stamp, 2024, 2, 29, 23, 0, 0, 0, zone.as_ptr(), zone.len()) });
    let insert = client.prepare("INSERT INTO l VALUES (:1)");
    client.bind(insert, 1, &mut stamp, 8, 188, null_mut(), null_mut());
    env.ok(client.execute(insert, 1, mode::COMMIT_ON_SUCCESS));
    client.run("ALTER SESSION SET TIME_ZONE = '-03:00'");
    client.run("ALTER SESSION SET NLS_TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF'");
    assert_eq!(text_of(&client, "(SELECT v FROM l)"), "2024-02-29 18:00:00.000");
}

#[test]
fn a_password_is_changed_by_who_knows_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("p.db");
    let file = file.to_str().unwrap();
    let client = Client::connect(file);
    client.run("CREATE USER scott IDENTIFIED BY tiger");
    let change = |old: &str, new: &str| unsafe {
        let env = &client.env;
        let length = |text: &str| text.len() as u32;
        OCIPasswordChange(client.svc, env.err, b"scott".as_ptr(), 5, old.as_ptr(), length(old), new.as_ptr(), length(new), 0)
    };
    client.env.fails(change("lion", "x/y@z"), 28008);
    client.env.fails(change("tiger", ""), 988);
    client.env.fails(change("tiger", "a\"b"), 988);
    client.env.ok(change("tiger", "x/y@z"));
    client.env.fails(change("tiger", "again"), 28008);
    client.env.ok(change("x/y@z", "tiger"));
}

/// Status of a logon with these credentials (1: user and password, 2: external).
fn logon(env: &Env, database: &str, user: &str, password: &str, credentials: u32) -> i32 {
    let (server, session, svc) = (env.handle(kind::SERVER), env.handle(kind::SESSION), env.handle(kind::SVCCTX));
    let attached = unsafe { OCIServerAttach(server, env.err, database.as_ptr(), database.len() as i32, 0) };
    if attached != status::SUCCESS {
        return attached;
    }
    env.set_pointer(svc, kind::SVCCTX, attr::SERVER, server, 0);
    for (attribute, text) in [(attr::USERNAME, user), (attr::PASSWORD, password)] {
        env.set_pointer(session, kind::SESSION, attribute, text.as_ptr().cast_mut().cast(), text.len() as u32);
    }
    unsafe { OCISessionBegin(svc, env.err, session, credentials, 0) }
}

#[test]
fn external_credentials_are_the_default_user_and_nobody_else() {
    let env = Env::new();
    env.ok(logon(&env, ":memory:", "", "", 2));
    env.fails(logon(&env, ":memory:", "scott", "", 2), 1017);
    env.fails(logon(&env, ":memory:", "scott[other]", "tiger", 1), 28150);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("e.db");
    Client::connect(file.to_str().unwrap()).run("CREATE USER scott IDENTIFIED BY tiger");
    env.fails(logon(&env, file.to_str().unwrap(), "scott", "lion", 1), 1017);
    env.fails(logon(&env, file.to_str().unwrap(), "scott", "", 1), 1005);
    env.ok(logon(&env, file.to_str().unwrap(), "scott", "tiger", 1));
}

#[test]
fn connect_descriptors_say_what_would_resolve_them() {
    let env = Env::new();
    let descriptor = "(DESCRIPTION=(ADDRESS=(PROTOCOL=tcp)(HOST=db.example)(PORT=1521))(CONNECT_DATA=(SERVICE_NAME=sales)))";
    let status = logon(&env, descriptor, "scott", "tiger", 1);
    assert!(env.fails(status, 12154).contains("OLBRIDGE_EMBEDDED_DATABASE"));
}

#[test]
fn a_proper_logoff_commits() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("l.db");
    let file = file.to_str().unwrap();
    let client = Client::connect(file);
    client.run("CREATE TABLE t (id NUMBER)");
    client.run("INSERT INTO t VALUES (1)");
    client.env.ok(unsafe { OCISessionEnd(client.svc, client.env.err, client.session, 0) });
    let second = Client::connect(file);
    assert_eq!(second.number("SELECT COUNT(*) FROM t"), 1);
}

#[test]
fn a_query_without_a_define_is_not_fetched() {
    let client = Client::connect(":memory:");
    let stmt = client.prepare("SELECT 1 FROM dual");
    client.env.fails(client.execute(stmt, 1, 0), 24374);
}

#[test]
fn tracing_attributes_are_seen_by_sql() {
    let client = Client::connect(":memory:");
    let module = "loader";
    client.env.set_pointer(client.session, kind::SESSION, attr::MODULE, module.as_ptr().cast_mut().cast(), module.len() as u32);
    assert_eq!(text_of(&client, "SYS_CONTEXT('USERENV', 'MODULE')"), "loader");
}
