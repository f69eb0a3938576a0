//! Opaque handles and the plain structs that OCI reads and writes in place.

use std::ffi::c_void;
use std::marker::{PhantomData, PhantomPinned};

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[repr(C)]
        pub struct $name {
            _bytes: [u8; 0],
            // Neither Send, Sync nor Unpin: what may be done with a handle is decided where it is owned.
            _not_auto: PhantomData<(*mut u8, PhantomPinned)>,
        }
    )*};
}

opaque! {
    /// Environment.
    OCIEnv;
    /// Error handle: where a failing call leaves its reason.
    OCIError;
    /// Service context: server + session + transaction.
    OCISvcCtx;
    /// Server: the network connection.
    OCIServer;
    /// Session: the logged-in user.
    OCISession;
    /// Statement.
    OCIStmt;
    /// One bound placeholder; freed with its statement.
    OCIBind;
    /// One defined column; freed with its statement.
    OCIDefine;
    /// Snapshot (never passed).
    OCISnapshot;
    /// Parameter descriptor: one described column.
    OCIParam;
    /// Date and time descriptor.
    OCIDateTime;
    /// LOB locator.
    OCILobLocator;
    /// Interval descriptor.
    OCIInterval;
}

/// `OCICallbackInBind`: where the value of an iteration (0-based) is; answers `OCI_CONTINUE`.
pub type OCICallbackInBind = unsafe extern "C" fn(
    context: *mut c_void,
    bind: *mut OCIBind,
    iteration: u32,
    index: u32,
    value: *mut *mut c_void,
    bytes: *mut u32,
    piece: *mut u8,
    indicator: *mut *mut c_void,
) -> i32;

/// `OCICallbackOutBind`: where a value that DML gives back is to be written, for an iteration and an index within it (both 0-based); answers
/// `OCI_CONTINUE`.
pub type OCICallbackOutBind = unsafe extern "C" fn(
    context: *mut c_void,
    bind: *mut OCIBind,
    iteration: u32,
    index: u32,
    value: *mut *mut c_void,
    bytes: *mut *mut u32,
    piece: *mut u8,
    indicator: *mut *mut c_void,
    return_code: *mut *mut u16,
) -> i32;

/// Oracle NUMBER with its length byte: byte 0 counts those that follow, byte 1 is the exponent, base-100 digits come after it.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OCINumber {
    /// See the type.
    pub bytes: [u8; 22],
}

/// `OCIDate`, external type `SQLT_ODT`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OCIDate {
    /// -4712..=9999, native byte order.
    pub year: i16,
    /// 1..=12
    pub month: u8,
    /// 1..=31
    pub day: u8,
    /// 0..=23
    pub hour: u8,
    /// 0..=59
    pub minute: u8,
    /// 0..=59
    pub second: u8,
}

// Measured on Oracle's client 12.1: strides are 22 and 8 bytes.
const _: () = assert!(size_of::<OCINumber>() == 22 && align_of::<OCINumber>() == 1);
const _: () = assert!(size_of::<OCIDate>() == 8 && align_of::<OCIDate>() == 2);
