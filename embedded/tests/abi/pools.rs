//! Session pools.

use std::ptr::{null, null_mut};
use std::sync::mpsc;
use std::time::Duration;

use clntsh::abi::pool::{OCISessionGet, OCISessionPoolCreate, OCISessionRelease};

use super::*;

/// A pool of at most `most` sessions: its handle and name.
fn pool(env: &Env, database: &str, most: u32) -> (Pointer, String) {
    let handle = env.handle(kind::SPOOL);
    let (mut name, mut name_len) = (null_mut(), 0);
    env.ok(unsafe {
        OCISessionPoolCreate(
            env.env,
            env.err,
            handle,
            &mut name,
            &mut name_len,
            database.as_ptr(),
            database.len() as u32,
            0,
            most,
            1,
            b"scott".as_ptr(),
            5,
            b"tiger".as_ptr(),
            5,
            2,
        )
    });
    let name = unsafe { std::slice::from_raw_parts(name, name_len as usize) };
    (handle, String::from_utf8(name.to_vec()).unwrap())
}

unsafe fn get(env: usize, err: usize, name: &str, svc: &mut Pointer) -> i32 {
    unsafe {
        OCISessionGet(
            env as Pointer,
            err as Pointer,
            svc,
            null_mut(),
            name.as_ptr(),
            name.len() as u32,
            null(),
            0,
            null_mut(),
            null_mut(),
            null_mut(),
            1,
        )
    }
}

#[test]
fn threads_that_take_and_drop_sessions_do_not_lock_each_other_out() {
    let env = Env::new();
    let (_, name) = pool(&env, ":memory:", 2);
    let (sender, receiver) = mpsc::channel();
    for _ in 0..4 {
        let (sender, name, address, err) = (sender.clone(), name.clone(), env.env as usize, env.handle(kind::ERROR) as usize);
        std::thread::spawn(move || {
            for _ in 0..60 {
                let mut svc = null_mut();
                unsafe {
                    assert_eq!(get(address, err, &name, &mut svc), status::SUCCESS);
                    assert_eq!(OCISessionRelease(svc, err as Pointer, null(), 0, 1), status::SUCCESS);
                }
            }
            sender.send(()).unwrap();
        });
    }
    for _ in 0..4 {
        if receiver.recv_timeout(Duration::from_secs(60)).is_err() {
            // The environment is locked for ever: it cannot even be freed.
            std::mem::forget(env);
            panic!("threads wait for each other");
        }
    }
}

#[test]
fn a_logon_that_fails_gives_its_place_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sub").join("a.db");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    let env = Env::new();
    let (handle, name) = pool(&env, path.to_str().unwrap(), 1);
    std::fs::remove_dir(path.parent().unwrap()).unwrap();
    let mut svc = null_mut();
    env.fails(unsafe { get(env.env as usize, env.err as usize, &name, &mut svc) }, 12154);
    assert_eq!(env.get::<u32>(handle, kind::SPOOL, attr::SPOOL_OPEN_COUNT), 0);
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    env.ok(unsafe { get(env.env as usize, env.err as usize, &name, &mut svc) });
    env.ok(unsafe { OCISessionRelease(svc, env.err, null(), 0, 0) });
}

#[test]
fn a_released_session_is_rolled_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db").to_str().unwrap().to_owned();
    let client = Client::connect(&path);
    client.run("CREATE TABLE t (id NUMBER)");
    let env = Env::new();
    let (_, name) = pool(&env, &path, 1);
    for mode in [0, 1] {
        let mut svc = null_mut();
        env.ok(unsafe { get(env.env as usize, env.err as usize, &name, &mut svc) });
        let sql = "INSERT INTO t VALUES (1)";
        let mut stmt = null_mut();
        env.ok(unsafe { OCIStmtPrepare2(svc, &mut stmt, env.err, sql.as_ptr(), sql.len() as u32, null(), 0, 1, 0) });
        env.ok(unsafe { OCIStmtExecute(svc, stmt, env.err, 1, 0, null(), null_mut(), 0) });
        env.ok(unsafe { OCISessionRelease(svc, env.err, null(), 0, mode) });
        assert_eq!(client.number("SELECT count(*) FROM t"), 0);
    }
}

#[test]
fn a_freed_pool_is_not_found() {
    let env = Env::new();
    let (handle, name) = pool(&env, ":memory:", 1);
    assert_eq!(unsafe { OCIHandleFree(handle, kind::SPOOL) }, status::SUCCESS);
    let mut svc = null_mut();
    env.fails(unsafe { get(env.env as usize, env.err as usize, &name, &mut svc) }, 24417);
}

#[test]
fn a_session_wanted_new_is_nobodys_before() {
    let env = Env::new();
    let (handle, name) = pool(&env, ":memory:", 2);
    let asking = env.handle(kind::SESSION);
    let get = |purity: u32| {
        let (mut purity, mut svc) = (purity, null_mut());
        env.ok(unsafe { OCIAttrSet(asking, kind::SESSION, (&raw mut purity).cast(), 0, attr::PURITY, env.err) });
        let (name, name_bytes) = (name.as_ptr(), name.len() as u32);
        let (tag, found) = (null_mut(), null_mut());
        env.ok(unsafe { OCISessionGet(env.env, env.err, &mut svc, asking, name, name_bytes, null(), 0, tag, null_mut(), found, 1) });
        svc
    };
    let first = get(0);
    env.ok(unsafe { OCISessionRelease(first, env.err, null(), 0, 0) });
    let again = get(2);
    assert_eq!(again, first);
    env.ok(unsafe { OCISessionRelease(again, env.err, null(), 0, 0) });
    let new = get(1);
    assert_eq!(env.get::<u32>(handle, kind::SPOOL, attr::SPOOL_OPEN_COUNT), 2, "the other one is idle");
    env.ok(unsafe { OCISessionRelease(new, env.err, null(), 0, 0) });
}

/// A session for a tag: its service context, whether it has that tag, and the tag it has.
fn tagged(env: &Env, name: &str, tag: &str, mode: u32) -> (Pointer, bool, String) {
    let (mut svc, mut found_tag, mut found_bytes, mut found): (_, *const u8, u32, i32) = (null_mut(), null(), 0, 9);
    let (tag_start, tag_bytes) = (tag.as_ptr(), tag.len() as u32);
    env.ok(unsafe {
        OCISessionGet(
            env.env,
            env.err,
            &mut svc,
            null_mut(),
            name.as_ptr(),
            name.len() as u32,
            tag_start,
            tag_bytes,
            &mut found_tag,
            &mut found_bytes,
            &mut found,
            1 | mode,
        )
    });
    let text = if found_tag.is_null() { &[][..] } else { unsafe { std::slice::from_raw_parts(found_tag, found_bytes as usize) } };
    (svc, found == 1, String::from_utf8(text.to_vec()).unwrap())
}

#[test]
fn sessions_come_back_by_the_tag_they_were_released_with() {
    const RETAG: u32 = 2;
    const PROPERTIES: u32 = 4;
    const MATCH_ANY: u32 = 0x20;
    let env = Env::new();
    let (handle, name) = pool(&env, ":memory:", 3);
    let release = |svc, tag: &str, mode| unsafe { OCISessionRelease(svc, env.err, tag.as_ptr(), tag.len() as u32, mode) };
    let (first, found, tag) = tagged(&env, &name, "", 0);
    assert_eq!((found, tag.as_str()), (false, ""));
    env.fails(release(first, "no property", RETAG | PROPERTIES), 24488);
    env.ok(release(first, "A=1;B=2", RETAG | PROPERTIES));
    // Who asks for none gets none with a tag.
    let (second, found, tag) = tagged(&env, &name, "", 0);
    assert!(second != first && !found && tag.is_empty());
    env.ok(release(second, "", 0));
    assert_eq!(env.get::<u32>(handle, kind::SPOOL, attr::SPOOL_OPEN_COUNT), 2);
    let (again, found, tag) = tagged(&env, &name, "A=1;B=2", 0);
    assert_eq!((again, found, tag.as_str()), (first, true, "A=1;B=2"));
    // Released without a word about it, a session keeps its tag.
    env.ok(release(again, "", 0));
    let (other, found, tag) = tagged(&env, &name, "A=1;B=3", 0);
    assert_eq!((other, found, tag.as_str()), (second, false, ""));
    let (near, found, tag) = tagged(&env, &name, "A=1;B=3", MATCH_ANY);
    assert_eq!((near, found, tag.as_str()), (first, false, "A=1;B=2"));
    env.ok(release(other, "", 0));
    env.ok(release(near, "", 0));
}
