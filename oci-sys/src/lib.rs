//! Raw Oracle Call Interface: constants, opaque handles and one table of function pointers that is loaded at run time. No safe API; the crate
//! `olbridge` has that, in `src/oci`. No client library is needed to build.
//!
//! Signatures follow Oracle's public headers (`oci.h`, `ociap.h`, `oro.h`, 19.8), with handles as opaque types and sizes named in bytes.
//!
//! # Checklist of the functions
//!
//! | functions | state |
//! |---|---|
//! | OCIClientVersion, OCIHandleAlloc, OCIHandleFree, OCIDescriptorFree, OCIArrayDescriptorAlloc, OCIArrayDescriptorFree, OCIErrorGet, OCIAttrGet, OCIAttrSet, OCIParamGet | bound |
//! | OCIStmtPrepare2, OCIStmtRelease, OCIStmtExecute, OCIBindByPos2 | bound |
//! | OCIDateTimeConstruct, OCITransCommit, OCITransRollback, OCIBreak | bound |
//! | OCIEnvNlsCreate, OCINlsCharSetNameToId, OCINlsCharSetConvert | bound where present: what a database that is not a Unicode one makes of a text |
//! | OCINumberFromText, OCINumberToText | bound where present: to check codecs against the client |
//! | OCIDefineByPos2, OCIStmtFetch2, OCIDateTimeGetDate, OCIDateTimeGetTime, OCIDateTimeGetTimeZoneOffset, OCIDateTimeGetTimeZoneName | bound |
//! | OCIBindDynamic, OCILobCreateTemporary, OCILobFreeTemporary, OCILobGetLength2, OCILobIsTemporary, OCILobRead2, OCILobWrite2 | bound |
//! | OCIDefineDynamic, OCIStmtGetPieceInfo, OCIStmtSetPieceInfo | not needed: long values are bound by OCIBindDynamic and fetched by locators |
//! | OCILobArrayRead, OCILobArrayWrite, OCIDescriptorAlloc | not needed: prefetch brings small LOBs with their rows, and descriptors are allocated in arrays |
//! | OCIIntervalSetDaySecond, OCIIntervalSetYearMonth, OCIIntervalGetDaySecond, OCIIntervalGetYearMonth | bound |
//! | OCIDirPathPrepare, OCIDirPathColArrayEntrySet, OCIDirPathColArrayRowGet, OCIDirPathColArrayReset, OCIDirPathColArrayToStream, OCIDirPathLoadStream, OCIDirPathStreamReset, OCIDirPathDataSave, OCIDirPathFinish, OCIDirPathAbort | later: direct path |
//! | OCIBindByPos, OCIBindByName, OCIBindByName2, OCIStmtPrepare, OCIDescribeAny, OCIDirPathFlushRow | not needed: older or slower forms of what is bound |
//! | OCIServerAttach, OCISessionBegin, OCISessionGet, OCIPing, OCIServerRelease and all of login | not needed: rust-oracle logs in |
//! | OCINumberFromInt, OCINumberFromReal (rounds to 15 digits), OCIDateFromText and all other conversions | not needed: own codecs, exact and faster |
//! | OCIObject…, OCIAQ…, OCISoda…, OCISubscription… | not needed |

mod api;
mod constants;
mod load;
mod types;
mod version;

pub use api::Api;
pub use constants::*;
pub use load::{Attempt, LIB_DIR_VARIABLE, LIBRARY_NAMES, LoadError, SearchPath};
pub use types::*;
pub use version::ClientVersion;
