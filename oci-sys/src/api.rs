//! The table of functions: one line each.

use std::ffi::{c_int, c_void};
use std::path::{Path, PathBuf};

use libloading::Library;

use crate::types::*;
use crate::version::ClientVersion;

macro_rules! api {
    (
        required { $($(#[$rdoc:meta])* fn $r:ident($($rarg:ident: $rty:ty),* $(,)?) $(-> $rret:ty)?;)* }
        optional { $($(#[$odoc:meta])* fn $o:ident($($oarg:ident: $oty:ty),* $(,)?) $(-> $oret:ty)?;)* }
    ) => {
        /// The functions of one client library, which is never unloaded.
        #[allow(non_snake_case)]
        pub struct Api {
            $($(#[$rdoc])* pub $r: unsafe extern "C" fn($($rarg: $rty),*) $(-> $rret)?,)*
            $($(#[$odoc])* pub $o: Option<unsafe extern "C" fn($($oarg: $oty),*) $(-> $oret)?>,)*
            pub(crate) version: ClientVersion,
            pub(crate) library_path: Option<PathBuf>,
        }

        impl Api {
            /// Names of the functions that a library has to have.
            pub const REQUIRED: &[&str] = &[$(stringify!($r)),*];
            /// Names of the functions that are used where the library has them.
            pub const OPTIONAL: &[&str] = &[$(stringify!($o)),*];

            /// Takes the functions from `library`; fails with the names of the required ones that it lacks.
            pub(crate) fn resolve(library: &Library, version: ClientVersion, library_path: Option<PathBuf>) -> Result<Api, Vec<&'static str>> {
                let missing: Vec<&'static str> = Self::REQUIRED.iter().copied().filter(|name| !has_symbol(library, name)).collect();
                if !missing.is_empty() {
                    return Err(missing);
                }
                // SAFETY: each type is the C signature of the function of that name (OCI headers, see the crate docs); `library` is 'static, so the pointers stay valid.
                unsafe {
                    Ok(Api {
                        $($r: *library.get(concat!(stringify!($r), "\0").as_bytes()).map_err(|_| vec![stringify!($r)])?,)*
                        $($o: library.get(concat!(stringify!($o), "\0").as_bytes()).ok().map(|symbol| *symbol),)*
                        version,
                        library_path,
                    })
                }
            }
        }
    };
}

fn has_symbol(library: &Library, name: &str) -> bool {
    // SAFETY: the symbol is only looked up, never called or read through.
    unsafe { library.get::<*const c_void>(name.as_bytes()).is_ok() }
}

api! {
    required {
        /// Version of the client library.
        fn OCIClientVersion(major: *mut c_int, minor: *mut c_int, update: *mut c_int, patch: *mut c_int, port_update: *mut c_int);
        /// Allocates a handle under an environment.
        fn OCIHandleAlloc(parent: *const c_void, handle: *mut *mut c_void, handle_type: u32, extra_bytes: usize, user_memory: *mut *mut c_void) -> i32;
        /// Frees a handle.
        fn OCIHandleFree(handle: *mut c_void, handle_type: u32) -> i32;
        /// Frees a descriptor that was returned by OCIParamGet.
        fn OCIDescriptorFree(descriptor: *mut c_void, descriptor_type: u32) -> i32;
        /// Allocates descriptors; the first argument after the parent is the address of the first pointer of the array.
        fn OCIArrayDescriptorAlloc(parent: *const c_void, descriptors: *mut *mut c_void, descriptor_type: u32, count: u32, extra_bytes: usize, user_memory: *mut *mut c_void) -> i32;
        /// Frees what OCIArrayDescriptorAlloc allocated.
        fn OCIArrayDescriptorFree(descriptors: *mut *mut c_void, descriptor_type: u32) -> i32;
        /// Code and text of an error record, 1-based.
        fn OCIErrorGet(handle: *mut c_void, record: u32, sql_state: *mut u8, code: *mut i32, text: *mut u8, text_bytes: u32, handle_type: u32) -> i32;
        /// Reads an attribute.
        fn OCIAttrGet(handle: *const c_void, handle_type: u32, value: *mut c_void, size_bytes: *mut u32, attribute: u32, error: *mut OCIError) -> i32;
        /// Writes an attribute.
        fn OCIAttrSet(handle: *mut c_void, handle_type: u32, value: *mut c_void, size_bytes: u32, attribute: u32, error: *mut OCIError) -> i32;
        /// A column of a select list (position 1-based) or an error record of a batch (index 0-based).
        fn OCIParamGet(handle: *const c_void, handle_type: u32, error: *mut OCIError, parameter: *mut *mut c_void, position: u32) -> i32;
        /// Prepares a statement.
        fn OCIStmtPrepare2(service: *mut OCISvcCtx, statement: *mut *mut OCIStmt, error: *mut OCIError, sql: *const u8, sql_bytes: u32, key: *const u8, key_bytes: u32, language: u32, mode: u32) -> i32;
        /// Gives a statement back.
        fn OCIStmtRelease(statement: *mut OCIStmt, error: *mut OCIError, key: *const u8, key_bytes: u32, mode: u32) -> i32;
        /// Executes; `iterations` is the end index, `row_offset` the first.
        fn OCIStmtExecute(service: *mut OCISvcCtx, statement: *mut OCIStmt, error: *mut OCIError, iterations: u32, row_offset: u32, snapshot_in: *const OCISnapshot, snapshot_out: *mut OCISnapshot, mode: u32) -> i32;
        /// Binds a placeholder by position (1-based), with 64-bit sizes: what makes client 12.1 the oldest.
        fn OCIBindByPos2(statement: *mut OCIStmt, bind: *mut *mut OCIBind, error: *mut OCIError, position: u32, values: *mut c_void, value_bytes: i64, external_type: u16, indicators: *mut c_void, lengths: *mut u32, return_codes: *mut u16, max_elements: u32, elements: *mut u32, mode: u32) -> i32;
        /// Fills a date and time descriptor.
        fn OCIDateTimeConstruct(handle: *mut c_void, error: *mut OCIError, date_time: *mut OCIDateTime, year: i16, month: u8, day: u8, hour: u8, minute: u8, second: u8, nanosecond: u32, zone: *const u8, zone_bytes: usize) -> i32;
        /// Defines the buffers of a select-list column (position 1-based); `value_bytes` is the size of a value and the distance to the next.
        fn OCIDefineByPos2(statement: *mut OCIStmt, define: *mut *mut OCIDefine, error: *mut OCIError, position: u32, values: *mut c_void, value_bytes: u64, external_type: u16, indicators: *mut c_void, lengths: *mut u32, return_codes: *mut u16, mode: u32) -> i32;
        /// Fetches rows into the defined buffers; `OCI_NO_DATA` at the end, with the rows before it in the buffers.
        fn OCIStmtFetch2(statement: *mut OCIStmt, error: *mut OCIError, rows: u32, orientation: u16, offset: i32, mode: u32) -> i32;
        /// Date of a date and time descriptor, on the clock of its zone.
        fn OCIDateTimeGetDate(handle: *mut c_void, error: *mut OCIError, date_time: *const OCIDateTime, year: *mut i16, month: *mut u8, day: *mut u8) -> i32;
        /// Time of day of a date and time descriptor, on the clock of its zone.
        fn OCIDateTimeGetTime(handle: *mut c_void, error: *mut OCIError, date_time: *mut OCIDateTime, hour: *mut u8, minute: *mut u8, second: *mut u8, nanosecond: *mut u32) -> i32;
        /// Offset of a date and time descriptor with a zone; both parts carry the sign.
        fn OCIDateTimeGetTimeZoneOffset(handle: *mut c_void, error: *mut OCIError, date_time: *const OCIDateTime, hours: *mut i8, minutes: *mut i8) -> i32;
        /// The region of a date and time descriptor with a zone, or its offset (`+05:30`); the bytes come in and go out.
        fn OCIDateTimeGetTimeZoneName(handle: *mut c_void, error: *mut OCIError, date_time: *const OCIDateTime, buffer: *mut u8, buffer_bytes: *mut u32) -> i32;
        /// Adds an interval to a date and time, on its instant where it has a zone.
        fn OCIDateTimeIntervalAdd(handle: *mut c_void, error: *mut OCIError, date_time: *mut OCIDateTime, interval: *mut OCIInterval, sum: *mut OCIDateTime) -> i32;
        /// Has the values of a placeholder asked for one by one.
        fn OCIBindDynamic(bind: *mut OCIBind, error: *mut OCIError, in_context: *mut c_void, in_callback: Option<OCICallbackInBind>, out_context: *mut c_void, out_callback: Option<OCICallbackOutBind>) -> i32;
        /// Makes a locator that of a new temporary LOB.
        fn OCILobCreateTemporary(service: *mut OCISvcCtx, error: *mut OCIError, locator: *mut OCILobLocator, charset: u16, form: u8, lob_type: u8, cache: i32, duration: u16) -> i32;
        /// Frees a temporary LOB; the locator stays.
        fn OCILobFreeTemporary(service: *mut OCISvcCtx, error: *mut OCIError, locator: *mut OCILobLocator) -> i32;
        /// Whether a LOB is temporary; no round trip.
        fn OCILobIsTemporary(env: *mut OCIEnv, error: *mut OCIError, locator: *mut OCILobLocator, is_temporary: *mut i32) -> i32;
        /// Length in bytes, or in characters (UTF-16 units where characters have several lengths).
        fn OCILobGetLength2(service: *mut OCISvcCtx, error: *mut OCIError, locator: *mut OCILobLocator, length: *mut u64) -> i32;
        /// Reads, whole or in pieces; the amounts come in and go out.
        fn OCILobRead2(service: *mut OCISvcCtx, error: *mut OCIError, locator: *mut OCILobLocator, byte_amount: *mut u64, char_amount: *mut u64, offset: u64, buffer: *mut c_void, buffer_bytes: u64, piece: u8, context: *mut c_void, callback: *mut c_void, charset: u16, form: u8) -> i32;
        /// Writes, whole or in pieces; the amounts come in and go out.
        fn OCILobWrite2(service: *mut OCISvcCtx, error: *mut OCIError, locator: *mut OCILobLocator, byte_amount: *mut u64, char_amount: *mut u64, offset: u64, buffer: *mut c_void, buffer_bytes: u64, piece: u8, context: *mut c_void, callback: *mut c_void, charset: u16, form: u8) -> i32;
        /// Fills an INTERVAL DAY TO SECOND descriptor; every part carries the sign. Nothing is checked.
        fn OCIIntervalSetDaySecond(handle: *mut c_void, error: *mut OCIError, days: i32, hours: i32, minutes: i32, seconds: i32, nanoseconds: i32, interval: *mut OCIInterval) -> i32;
        /// Fills an INTERVAL YEAR TO MONTH descriptor; both parts carry the sign.
        fn OCIIntervalSetYearMonth(handle: *mut c_void, error: *mut OCIError, years: i32, months: i32, interval: *mut OCIInterval) -> i32;
        /// Parts of an INTERVAL DAY TO SECOND descriptor; every part carries the sign.
        fn OCIIntervalGetDaySecond(handle: *mut c_void, error: *mut OCIError, days: *mut i32, hours: *mut i32, minutes: *mut i32, seconds: *mut i32, nanoseconds: *mut i32, interval: *const OCIInterval) -> i32;
        /// Parts of an INTERVAL YEAR TO MONTH descriptor; both parts carry the sign.
        fn OCIIntervalGetYearMonth(handle: *mut c_void, error: *mut OCIError, years: *mut i32, months: *mut i32, interval: *const OCIInterval) -> i32;
        /// Commits.
        fn OCITransCommit(service: *mut OCISvcCtx, error: *mut OCIError, flags: u32) -> i32;
        /// Rolls back.
        fn OCITransRollback(service: *mut OCISvcCtx, error: *mut OCIError, flags: u32) -> i32;
        /// Interrupts the running call of another thread, which then fails with ORA-01013.
        fn OCIBreak(handle: *mut c_void, error: *mut OCIError) -> i32;
    }
    optional {
        /// An environment of our own; sessions take theirs from rust-oracle.
        fn OCIEnvNlsCreate(environment: *mut *mut OCIEnv, mode: u32, context: *mut c_void, malloc: *mut c_void, realloc: *mut c_void, free: *mut c_void, extra_bytes: usize, user_memory: *mut *mut c_void, charset: u16, ncharset: u16) -> i32;
        /// Number of a character set by Oracle's name for it; 0 for one that the library does not know.
        fn OCINlsCharSetNameToId(env: *mut c_void, name: *const u8) -> u16;
        /// Converts text between character sets; `converted_bytes` is how many bytes were written. What the target lacks is replaced without a word.
        fn OCINlsCharSetConvert(env: *mut c_void, error: *mut OCIError, target: u16, to: *mut c_void, to_bytes: usize, source: u16, from: *const c_void, from_bytes: usize, converted_bytes: *mut usize) -> i32;
        /// Text to NUMBER, to check our own codec against the client's.
        fn OCINumberFromText(error: *mut OCIError, text: *const u8, text_bytes: u32, format: *const u8, format_bytes: u32, nls: *const u8, nls_bytes: u32, number: *mut OCINumber) -> i32;
        /// NUMBER to text, likewise.
        fn OCINumberToText(error: *mut OCIError, number: *const OCINumber, format: *const u8, format_bytes: u32, nls: *const u8, nls_bytes: u32, text_bytes: *mut u32, text: *mut u8) -> i32;
    }
}

impl Api {
    /// Version of the client library, and what it is able to do.
    pub fn version(&self) -> ClientVersion {
        self.version
    }

    /// The file that was loaded, as the loader tells it; `None` where the platform does not.
    pub fn library_path(&self) -> Option<&Path> {
        self.library_path.as_deref()
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("version", &self.version).field("library_path", &self.library_path).finish_non_exhaustive()
    }
}
