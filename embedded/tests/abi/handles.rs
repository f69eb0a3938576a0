//! Handles, attributes, errors, sessions.

use std::ptr::{null, null_mut};

use clntsh::abi::calls::{OCIBreak, OCIPing, OCIServerRelease2, OCITransCommit};
use clntsh::abi::logon::{OCILogoff, OCILogon2, OCIServerDetach};
use clntsh::abi::statement::{OCIStmtGetBindInfo, OCIStmtPrepare};
use clntsh::abi::unsupported::OCITransStart;

use super::*;

#[test]
fn null_and_foreign_handles_are_invalid() {
    let env = Env::new();
    let mut pointer = null_mut();
    unsafe {
        assert_eq!(OCIHandleAlloc(null(), &mut pointer, kind::ERROR, 0, null_mut()), status::INVALID_HANDLE);
        assert_eq!(OCIHandleAlloc(env.err, &mut pointer, kind::ERROR, 0, null_mut()), status::INVALID_HANDLE);
        assert_eq!(OCIHandleFree(null_mut(), kind::STMT), status::INVALID_HANDLE);
        assert_eq!(OCIHandleFree(env.err, kind::STMT), status::INVALID_HANDLE);
        assert_eq!(OCIPing(null_mut(), env.err, 0), status::INVALID_HANDLE);
        assert_eq!(OCIPing(env.handle(kind::SVCCTX), null_mut(), 0), status::INVALID_HANDLE);
        assert_eq!(OCIPing(env.err, env.err, 0), status::INVALID_HANDLE);
        let mut value = 0u32;
        assert_eq!(OCIAttrGet(env.err, kind::STMT, (&raw mut value).cast(), null_mut(), attr::ROW_COUNT, env.err), status::INVALID_HANDLE);
    }
}

#[test]
fn an_unknown_attribute_is_named() {
    let env = Env::new();
    let stmt = env.handle(kind::STMT);
    let mut value = 0u32;
    let status = unsafe { OCIAttrGet(stmt, kind::STMT, (&raw mut value).cast(), null_mut(), 9999, env.err) };
    let text = env.fails(status, 24315);
    assert!(text.contains("9999") && text.ends_with('\n'), "{text}");
    let mut code = 0;
    let mut buffer = [0u8; 100];
    unsafe {
        assert_eq!(OCIErrorGet(env.err, 2, null_mut(), &mut code, buffer.as_mut_ptr(), 100, kind::ERROR), status::NO_DATA);
        assert_eq!(code, 100);
        let status = OCIAttrSet(stmt, kind::STMT, (&raw mut value).cast(), 0, attr::ROW_COUNT, env.err);
        env.fails(status, 24315);
    }
}

#[test]
fn functions_that_are_not_done_are_refused_by_name() {
    let env = Env::new();
    let text = env.fails(unsafe { OCITransStart(null_mut(), env.err, 0, 0) }, 3001);
    assert!(text.contains("OCITransStart"), "{text}");
}

#[test]
fn a_statement_is_parsed_without_a_connection() {
    let env = Env::new();
    let stmt = env.handle(kind::STMT);
    let sql = "INSERT INTO t (a, b, c) VALUES (:first, :b, :FIRST)";
    env.ok(unsafe { OCIStmtPrepare(stmt, env.err, sql.as_ptr(), sql.len() as u32, 1, 0) });
    assert_eq!(env.get::<u16>(stmt, kind::STMT, attr::STMT_TYPE), 4);
    assert_eq!(env.get::<u32>(stmt, kind::STMT, attr::BIND_COUNT), 3);
    assert_eq!(env.get::<u8>(stmt, kind::STMT, attr::STMT_IS_RETURNING), 0);
    let (mut found, mut names, mut lens, mut dups) = (0, [null_mut(); 4], [0u8; 4], [0u8; 4]);
    let status = unsafe {
        OCIStmtGetBindInfo(
            stmt,
            env.err,
            4,
            1,
            &mut found,
            names.as_mut_ptr(),
            lens.as_mut_ptr(),
            null_mut(),
            null_mut(),
            dups.as_mut_ptr(),
            null_mut(),
        )
    };
    env.ok(status);
    assert_eq!((found, lens, dups), (3, [5, 1, 5, 0], [0, 0, 1, 0]));
    assert_eq!(unsafe { std::slice::from_raw_parts(names[0], 5) }, b"FIRST");
}

#[test]
fn a_bad_connect_string_says_what_was_tried() {
    let env = Env::new();
    let server = env.handle(kind::SERVER);
    let path = "/no such directory/x.db";
    let text = env.fails(unsafe { OCIServerAttach(server, env.err, path.as_ptr(), path.len() as i32, 0) }, 12154);
    assert!(text.contains(path), "{text}");
    env.fails(unsafe { OCIServerAttach(server, env.err, null(), 0, 0) }, 12154);
    assert_eq!(env.get::<u32>(server, kind::SERVER, attr::SERVER_STATUS), 0);
}

#[test]
fn calls_before_the_logon_fail_like_the_real_client() {
    let env = Env::new();
    let svc = env.handle(kind::SVCCTX);
    env.fails(unsafe { OCITransCommit(svc, env.err, 0) }, 24324);
    let server = env.handle(kind::SERVER);
    env.set_pointer(svc, kind::SVCCTX, attr::SERVER, server, 0);
    env.fails(unsafe { OCITransCommit(svc, env.err, 0) }, 3114);
    env.fails(unsafe { OCIBreak(server, env.err) }, 1041);
}

#[test]
fn a_service_context_gives_its_parts_back() {
    let client = Client::connect(":memory:");
    let env = &client.env;
    assert_eq!(env.get::<usize>(client.svc, kind::SVCCTX, attr::ENV), env.env as usize);
    assert_eq!(env.get::<usize>(client.svc, kind::SVCCTX, attr::SERVER), client.server as usize);
    assert_eq!(env.get::<usize>(client.svc, kind::SVCCTX, attr::SESSION), client.session as usize);
    assert_eq!(env.get::<u32>(client.server, kind::SERVER, attr::SERVER_STATUS), 1);
    assert_eq!(env.get::<u8>(client.svc, kind::SVCCTX, attr::VARTYPE_MAXLEN_COMPAT), 2);
    let (mut text, mut version) = ([0u8; 200], 0u32);
    env.ok(unsafe { OCIServerRelease2(client.svc, env.err, text.as_mut_ptr(), 200, kind::SVCCTX as u8, &mut version, 0) });
    assert_eq!((version >> 24, version >> 16 & 0xff), (19, 3));
}

#[test]
fn logon_and_logoff_in_one_call_each() {
    let env = Env::new();
    let mut svc = null_mut();
    let logon = |database: &str, svc: &mut Pointer| unsafe {
        OCILogon2(env.env, env.err, svc, b"scott".as_ptr(), 5, b"tiger".as_ptr(), 5, database.as_ptr(), database.len() as u32, 0)
    };
    env.ok(logon(":memory:", &mut svc));
    env.ok(unsafe { OCIPing(svc, env.err, 0) });
    env.ok(unsafe { OCILogoff(svc, env.err) });
    let mut other = null_mut();
    env.fails(logon("/no such directory/x.db", &mut other), 12154);
    assert!(other.is_null());
}

#[test]
fn a_session_that_ended_is_not_logged_on() {
    let client = Client::connect(":memory:");
    let env = &client.env;
    env.ok(unsafe { OCISessionEnd(client.svc, env.err, client.session, 0) });
    env.fails(unsafe { OCIPing(client.svc, env.err, 0) }, 1012);
    env.ok(unsafe { OCIBreak(client.svc, env.err) });
}

#[test]
fn a_normal_end_commits_and_a_cut_connection_rolls_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db").to_str().unwrap().to_owned();
    let insert = || {
        let client = Client::connect(&path);
        client.run("INSERT INTO t VALUES (1)");
        client
    };
    let count = || Client::connect(&path).number("SELECT count(*) FROM t");
    Client::connect(&path).run("CREATE TABLE t (id NUMBER)");
    let client = insert();
    client.env.ok(unsafe { OCISessionEnd(client.svc, client.env.err, client.session, 0) });
    assert_eq!(count(), 1);
    let client = insert();
    client.env.ok(unsafe { OCIServerDetach(client.server, client.env.err, 0) });
    assert_eq!(count(), 1);
    let client = insert();
    // Everything is freed and nothing ended.
    assert_eq!(unsafe { OCIHandleFree(client.env.env, kind::ENV) }, status::SUCCESS);
    std::mem::forget(client);
    assert_eq!(count(), 1);

    let env = Env::new();
    let mut svc = null_mut();
    env.ok(unsafe {
        OCILogon2(env.env, env.err, &mut svc, b"scott".as_ptr(), 5, b"tiger".as_ptr(), 5, path.as_ptr(), path.len() as u32, 0)
    });
    let sql = "INSERT INTO t VALUES (2)";
    let mut stmt = null_mut();
    env.ok(unsafe { OCIStmtPrepare2(svc, &mut stmt, env.err, sql.as_ptr(), sql.len() as u32, null(), 0, 1, 0) });
    env.ok(unsafe { OCIStmtExecute(svc, stmt, env.err, 1, 0, null(), null_mut(), 0) });
    env.ok(unsafe { OCILogoff(svc, env.err) });
    assert_eq!(count(), 2);
}
