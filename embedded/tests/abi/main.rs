//! The exported OCI functions called as any client program calls them, and unmodified rust-oracle on the built library.

// Every test is a C caller written in Rust: each block passes handles this file made and buffers that live on its stack.
// The argument lists are OCI's.
#![allow(clippy::undocumented_unsafe_blocks, clippy::too_many_arguments)]

mod arrays;
mod bind_types;
mod contract;
mod describing;
mod groups;
mod handles;
mod locators;
mod pieces;
mod planning;
mod pools;
mod query;
mod returning;
mod rust_oracle;
mod scalars;
mod sessions;

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use clntsh::abi::attr::{OCIAttrGet, OCIAttrSet};
use clntsh::abi::bind::OCIBindByPos2;
use clntsh::abi::codes::{attr, kind, status};
use clntsh::abi::define::OCIDefineByPos2;
use clntsh::abi::env::OCIEnvNlsCreate;
use clntsh::abi::error::OCIErrorGet;
use clntsh::abi::execute::OCIStmtExecute;
use clntsh::abi::handle::{OCIHandleAlloc, OCIHandleFree};
use clntsh::abi::logon::{OCIServerAttach, OCISessionBegin, OCISessionEnd};
use clntsh::abi::statement::OCIStmtPrepare2;

type Pointer = *mut c_void;

/// An environment with an error handle, freed at the end.
struct Env {
    env: Pointer,
    err: Pointer,
}

impl Env {
    fn new() -> Env {
        let mut env = null_mut();
        let status = unsafe { OCIEnvNlsCreate(&mut env, 3, null_mut(), null_mut(), null_mut(), null_mut(), 0, null_mut(), 873, 873) };
        assert_eq!(status, status::SUCCESS);
        let mut made = Env { env, err: null_mut() };
        made.err = made.handle(kind::ERROR);
        made
    }

    fn handle(&self, handle_kind: u32) -> Pointer {
        let mut pointer = null_mut();
        assert_eq!(unsafe { OCIHandleAlloc(self.env, &mut pointer, handle_kind, 0, null_mut()) }, status::SUCCESS);
        pointer
    }

    /// Code and text of the first record.
    fn error(&self) -> (i32, String) {
        error_of(self.err)
    }

    #[track_caller]
    fn ok(&self, status: i32) {
        assert_eq!(status, status::SUCCESS, "{:?}", self.error());
    }

    /// The call failed with this code; gives the text.
    #[track_caller]
    fn fails(&self, status: i32, code: i32) -> String {
        let (found, text) = self.error();
        assert_eq!((status, found), (status::ERROR, code), "{text}");
        text
    }

    fn get<T: Default>(&self, target: Pointer, target_kind: u32, attribute: u32) -> T {
        let mut value = T::default();
        self.ok(unsafe { OCIAttrGet(target, target_kind, (&raw mut value).cast(), null_mut(), attribute, self.err) });
        value
    }

    fn set_pointer(&self, target: Pointer, target_kind: u32, attribute: u32, value: Pointer, size: u32) {
        self.ok(unsafe { OCIAttrSet(target, target_kind, value, size, attribute, self.err) });
    }
}

impl Drop for Env {
    fn drop(&mut self) {
        assert_eq!(unsafe { OCIHandleFree(self.env, kind::ENV) }, status::SUCCESS);
    }
}

fn error_of(err: Pointer) -> (i32, String) {
    let mut code = 0;
    let mut buffer = [0u8; 3072];
    if unsafe { OCIErrorGet(err, 1, null_mut(), &mut code, buffer.as_mut_ptr(), 3072, kind::ERROR) } != status::SUCCESS {
        return (0, String::new());
    }
    let end = buffer.iter().position(|byte| *byte == 0).unwrap();
    (code, String::from_utf8(buffer[..end].to_vec()).unwrap())
}

/// A logged on client.
struct Client {
    env: Env,
    server: Pointer,
    session: Pointer,
    svc: Pointer,
}

impl Client {
    fn connect(database: &str) -> Client {
        let env = Env::new();
        let (server, session, svc) = (env.handle(kind::SERVER), env.handle(kind::SESSION), env.handle(kind::SVCCTX));
        env.ok(unsafe { OCIServerAttach(server, env.err, database.as_ptr(), database.len() as i32, 0) });
        env.set_pointer(svc, kind::SVCCTX, attr::SERVER, server, 0);
        for (attribute, text) in [(attr::USERNAME, "scott"), (attr::PASSWORD, "tiger")] {
            env.set_pointer(session, kind::SESSION, attribute, text.as_ptr().cast_mut().cast(), text.len() as u32);
        }
        env.set_pointer(svc, kind::SVCCTX, attr::SESSION, session, 0);
        env.ok(unsafe { OCISessionBegin(svc, env.err, session, 1, 0x40) });
        Client { env, server, session, svc }
    }

    fn prepare(&self, sql: &str) -> Pointer {
        self.prepare_on(self.svc, sql)
    }

    fn prepare_on(&self, svc: Pointer, sql: &str) -> Pointer {
        let mut stmt = null_mut();
        self.env.ok(unsafe { OCIStmtPrepare2(svc, &mut stmt, self.env.err, sql.as_ptr(), sql.len() as u32, null(), 0, 1, 0) });
        stmt
    }

    fn execute(&self, stmt: Pointer, iters: u32, mode: u32) -> i32 {
        unsafe { OCIStmtExecute(self.svc, stmt, self.env.err, iters, 0, null(), null_mut(), mode) }
    }

    /// Runs a statement without binds.
    #[track_caller]
    fn run(&self, sql: &str) -> u64 {
        let stmt = self.prepare(sql);
        self.env.ok(self.execute(stmt, 1, 0));
        let rows = self.env.get::<u64>(stmt, kind::STMT, attr::UB8_ROW_COUNT);
        assert_eq!(unsafe { OCIHandleFree(stmt, kind::STMT) }, status::SUCCESS);
        rows
    }

    /// The single number of a query.
    #[track_caller]
    fn number(&self, sql: &str) -> i64 {
        let stmt = self.prepare(sql);
        let mut value = 0i64;
        self.define(stmt, 1, &mut value, 8, 3, null_mut(), null_mut(), null_mut());
        self.env.ok(self.execute(stmt, 1, 0));
        assert_eq!(unsafe { OCIHandleFree(stmt, kind::STMT) }, status::SUCCESS);
        value
    }

    #[track_caller]
    fn bind<T>(
        &self,
        stmt: Pointer,
        position: u32,
        values: *mut T,
        size: i64,
        dty: u16,
        indicators: *mut i16,
        lengths: *mut u32,
    ) -> Pointer {
        let mut bind = null_mut();
        self.env.ok(unsafe {
            OCIBindByPos2(
                stmt,
                &mut bind,
                self.env.err,
                position,
                values.cast(),
                size,
                dty,
                indicators.cast(),
                lengths,
                null_mut(),
                0,
                null_mut(),
                0,
            )
        });
        bind
    }

    #[track_caller]
    fn define<T>(
        &self,
        stmt: Pointer,
        position: u32,
        values: *mut T,
        size: u64,
        dty: u16,
        indicators: *mut i16,
        lengths: *mut u32,
        codes: *mut u16,
    ) -> Pointer {
        let mut define = null_mut();
        self.env.ok(unsafe {
            OCIDefineByPos2(stmt, &mut define, self.env.err, position, values.cast(), size, dty, indicators.cast(), lengths, codes, 0)
        });
        define
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        unsafe { OCISessionEnd(self.svc, self.env.err, self.session, 0) };
    }
}
