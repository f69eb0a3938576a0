//! Functions of the contract that this library does not do: exported, so that nothing is missing at load time, and refused by name.

use std::ffi::c_void;

use super::error::{Failure, guard};

/// One flat table: name, types before the error handle, types after it.
macro_rules! refused {
    ($($name:ident($($before:ty),*; $($after:ty),*);)*) => {$(
        /// Refused with ORA-03001, by name.
        ///
        /// # Safety
        /// The error handle is NULL or one of this library; the other arguments are not looked at.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($(_: $before,)* errhp: *mut c_void, $(_: $after),*) -> i32 {
            // SAFETY: the caller's contract.
            unsafe { guard(stringify!($name), errhp, |_| Err(Failure::unimplemented(stringify!($name)))) }
        }
    )*};
}

refused! {
    OCIAQDeq(*mut c_void; *const u8, *mut c_void, *mut c_void, *mut c_void, *mut *mut c_void, *mut *mut c_void, *mut *mut c_void, u32);
    OCIAQDeqArray(*mut c_void; *const u8, *mut c_void, *mut u32, *mut *mut c_void, *mut c_void, *mut *mut c_void, *mut *mut c_void, *mut *mut c_void, *mut c_void, *mut c_void, u32);
    OCIAQEnq(*mut c_void; *const u8, *mut c_void, *mut c_void, *mut c_void, *mut *mut c_void, *mut *mut c_void, *mut *mut c_void, u32);
    OCIAQEnqArray(*mut c_void; *const u8, *mut c_void, *mut u32, *mut *mut c_void, *mut c_void, *mut *mut c_void, *mut *mut c_void, *mut *mut c_void, *mut c_void, *mut c_void, u32);
    OCIBindObject(*mut c_void; *const c_void, *mut *mut c_void, *mut u32, *mut *mut c_void, *mut u32);
    OCICollAppend(*mut c_void; *const c_void, *const c_void, *mut c_void);
    OCICollAssignElem(*mut c_void; i32, *const c_void, *const c_void, *mut c_void);
    OCICollGetElem(*mut c_void; *const c_void, i32, *mut i32, *mut *mut c_void, *mut *mut c_void);
    OCICollSize(*mut c_void; *const c_void, *mut i32);
    OCICollTrim(*mut c_void; i32, *mut c_void);
    OCIDBShutdown(*mut c_void; *mut c_void, u32);
    OCIDBStartup(*mut c_void; *mut c_void, u32, u32);
    OCIDefineObject(*mut c_void; *const c_void, *mut *mut c_void, *mut u32, *mut *mut c_void, *mut u32);
    OCIDirPathAbort(*mut c_void; );
    OCIDirPathColArrayEntryGet(*mut c_void; u32, u16, *mut *mut u8, *mut u32, *mut u8);
    OCIDirPathColArrayEntrySet(*mut c_void; u32, u16, *mut u8, u32, u8);
    OCIDirPathColArrayReset(*mut c_void; );
    OCIDirPathColArrayRowGet(*mut c_void; u32, *mut *mut *mut u8, *mut *mut u32, *mut *mut u8);
    OCIDirPathColArrayToStream(*mut c_void, *mut c_void, *mut c_void; u32, u32);
    OCIDirPathDataSave(*mut c_void; u32);
    OCIDirPathFinish(*mut c_void; );
    OCIDirPathFlushRow(*mut c_void; );
    OCIDirPathLoadStream(*mut c_void, *mut c_void; );
    OCIDirPathPrepare(*mut c_void, *mut c_void; );
    OCIDirPathStreamReset(*mut c_void; );
    OCIJsonDomDocGet(*mut c_void, *mut c_void, *mut *mut c_void; u32);
    OCIJsonTextBufferParse(*mut c_void, *mut c_void, *mut c_void, u64, u32, u16; u32);
    OCILobFileExists(*mut c_void; *mut c_void, *mut i32);
    OCILobFileGetName(*mut c_void; *const c_void, *mut u8, *mut u16, *mut u8, *mut u16);
    OCILobFileSetName(*mut c_void; *mut *mut c_void, *const u8, u16, *const u8, u16);
    OCIObjectCopy(*mut c_void; *const c_void, *mut c_void, *mut c_void, *mut c_void, *mut c_void, *mut c_void, u16, u8);
    OCIObjectFree(*mut c_void; *mut c_void, u16);
    OCIObjectGetAttr(*mut c_void; *mut c_void, *mut c_void, *mut c_void, *mut *const u8, *const u32, u32, *const u32, u32, *mut i16, *mut *mut c_void, *mut *mut c_void, *mut *mut c_void);
    OCIObjectGetInd(*mut c_void; *mut c_void, *mut *mut c_void);
    OCIObjectNew(*mut c_void; *const c_void, u16, *mut c_void, *mut c_void, u16, i32, *mut *mut c_void);
    OCIObjectPin(*mut c_void; *mut c_void, *mut c_void, i32, u16, i32, *mut *mut c_void);
    OCIObjectSetAttr(*mut c_void; *mut c_void, *mut c_void, *mut c_void, *mut *const u8, *const u32, u32, *const u32, u32, i16, *const c_void, *const c_void);
    OCIRawAssignBytes(*mut c_void; *const u8, u32, *mut *mut c_void);
    OCIRawResize(*mut c_void; u32, *mut *mut c_void);
    OCIShardingKeyColumnAdd(*mut c_void; *mut c_void, u32, u16, u32);
    OCISodaBulkInsert(*mut c_void, *mut c_void, *mut *mut c_void, u32, *mut c_void; u32);
    OCISodaBulkInsertAndGet(*mut c_void, *mut c_void, *mut *mut c_void, u32, *mut c_void; u32);
    OCISodaBulkInsertAndGetWithOpts(*mut c_void, *mut c_void, *mut *mut c_void, u32, *mut c_void, *mut c_void; u32);
    OCISodaCollCreateWithMetadata(*mut c_void, *const u8, u32, *const u8, u32, *mut *mut c_void; u32);
    OCISodaCollDrop(*mut c_void, *mut c_void, *mut i32; u32);
    OCISodaCollGetNext(*mut c_void, *const c_void, *mut *mut c_void; u32);
    OCISodaCollList(*mut c_void, *const u8, u32, *mut *mut c_void; u32);
    OCISodaCollOpen(*mut c_void, *const u8, u32, *mut *mut c_void; u32);
    OCISodaCollTruncate(*mut c_void, *mut c_void; u32);
    OCISodaDataGuideGet(*mut c_void, *const c_void, u32, *mut *mut c_void; u32);
    OCISodaDocCount(*mut c_void, *const c_void, *const c_void, *mut u64; u32);
    OCISodaDocGetNext(*mut c_void, *const c_void, *mut *mut c_void; u32);
    OCISodaFind(*mut c_void, *const c_void, *const c_void, u32, *mut *mut c_void; u32);
    OCISodaFindOne(*mut c_void, *const c_void, *const c_void, u32, *mut *mut c_void; u32);
    OCISodaIndexCreate(*mut c_void, *const c_void, *const u8, u32; u32);
    OCISodaIndexDrop(*mut c_void, *const u8, u32, *mut i32; u32);
    OCISodaIndexList(*mut c_void, *const c_void, u32, *mut *mut c_void; u32);
    OCISodaInsert(*mut c_void, *mut c_void, *mut c_void; u32);
    OCISodaInsertAndGet(*mut c_void, *mut c_void, *mut *mut c_void; u32);
    OCISodaInsertAndGetWithOpts(*mut c_void, *mut c_void, *mut *mut c_void, *mut c_void; u32);
    OCISodaOperKeysSet(*const c_void, *mut *const u8, *mut u32, u32; u32);
    OCISodaRemove(*mut c_void, *const c_void, *const c_void, *mut u64; u32);
    OCISodaReplOne(*mut c_void, *const c_void, *const c_void, *mut c_void, *mut i32; u32);
    OCISodaReplOneAndGet(*mut c_void, *const c_void, *const c_void, *mut *mut c_void, *mut i32; u32);
    OCISodaSave(*mut c_void, *mut c_void, *mut c_void; u32);
    OCISodaSaveAndGet(*mut c_void, *mut c_void, *mut *mut c_void; u32);
    OCISodaSaveAndGetWithOpts(*mut c_void, *mut c_void, *mut *mut c_void, *mut c_void; u32);
    OCIStringAssignText(*mut c_void; *const u8, u32, *mut *mut c_void);
    OCIStringResize(*mut c_void; u32, *mut *mut c_void);
    OCISubscriptionRegister(*mut c_void, *mut *mut c_void, u16; u32);
    OCISubscriptionUnRegister(*mut c_void, *mut c_void; u32);
    OCITableDelete(*mut c_void; i32, *mut c_void);
    OCITableExists(*mut c_void; *const c_void, i32, *mut i32);
    OCITableFirst(*mut c_void; *const c_void, *mut i32);
    OCITableLast(*mut c_void; *const c_void, *mut i32);
    OCITableNext(*mut c_void; i32, *const c_void, *mut i32, *mut i32);
    OCITablePrev(*mut c_void; i32, *const c_void, *mut i32, *mut i32);
    OCITableSize(*mut c_void; *const c_void, *mut i32);
    OCITransDetach(*mut c_void; u32);
    OCITransForget(*mut c_void; u32);
    OCITransPrepare(*mut c_void; u32);
    OCITransStart(*mut c_void; u32, u32);
    OCITypeByFullName(*mut c_void; *const c_void, *const u8, u32, *const u8, u32, u16, i32, *mut *mut c_void);
    OCITypeByName(*mut c_void; *const c_void, *const u8, u32, *const u8, u32, *const u8, u32, u16, i32, *mut *mut c_void);
    OCIVectorFromArray(*mut c_void; u8, u32, *mut c_void, u32);
    OCIVectorFromSparseArray(*mut c_void; u8, u32, u32, *mut c_void, *mut c_void, u32);
    OCIVectorToArray(*mut c_void; u8, *mut u32, *mut c_void, u32);
    OCIVectorToSparseArray(*mut c_void; u8, *mut u32, *mut u32, *mut c_void, *mut c_void, u32);
}

/// Functions without an error handle, which answer with a pointer or a size: NULL and 0, as for a value that is not there.
macro_rules! empty {
    ($($name:ident($($argument:ty),*) -> $answer:ty = $empty:expr;)*) => {$(
        /// Answers as for a value that is not there: nothing of its kind can exist in this library.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($(_: $argument),*) -> $answer {
            $empty
        }
    )*};
}

empty! {
    OCIRawPtr(*mut c_void, *const c_void) -> *mut c_void = std::ptr::null_mut();
    OCIRawSize(*mut c_void, *const c_void) -> u32 = 0;
    OCIStringPtr(*mut c_void, *const c_void) -> *mut u8 = std::ptr::null_mut();
    OCIStringSize(*mut c_void, *const c_void) -> u32 = 0;
}
