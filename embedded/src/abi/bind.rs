//! Bind variables: declared by position or name; `input.rs` reads their values.

use std::ffi::c_void;

use super::codes::{attr, kind, mode, sqlt, status};
use super::error::{Failure, guard};
use super::handle::{self, Body, Handle};
use super::pieces::{Offered, Polled};
use super::statement::{StatementBody, StatementHandle};
pub use super::variable::{Lengths, Skips};
use super::variable::{Stepped, array_of_struct, checked_size, set_charset};

/// `OCICallbackInBind`.
pub type InCallback =
    unsafe extern "C" fn(*mut c_void, *mut c_void, u32, u32, *mut *mut c_void, *mut u32, *mut u8, *mut *mut c_void) -> i32;

/// `OCICallbackOutBind`.
pub type OutCallback = unsafe extern "C" fn(
    *mut c_void,
    *mut c_void,
    u32,
    u32,
    *mut *mut c_void,
    *mut *mut u32,
    *mut u8,
    *mut *mut c_void,
    *mut *mut u16,
) -> i32;

/// Content of a bind handle.
pub struct BindBody {
    pub(super) value: *mut u8,
    pub(super) size_bytes: usize,
    pub(super) external_type: u16,
    pub(super) indicators: *mut i16,
    pub(super) lengths: Lengths,
    pub(super) codes: *mut u16,
    pub(super) skips: Option<Skips>,
    pub(super) dynamic: bool,
    pub(super) callback: Option<(InCallback, usize)>,
    pub(super) out_callback: Option<(OutCallback, usize)>,
    /// The buffer of the next piece, where the caller is asked for pieces.
    pub(super) offered: Option<Offered>,
    /// The values put together of such pieces, from row `polled_from` on.
    pub(super) polled: Polled,
    pub(super) polled_from: usize,
    /// The value that the callback delivered last, when it came in pieces.
    pub(super) gathered: Vec<u8>,
    /// Attribute 42: rows of the iteration whose values are being handed back.
    pub rows_returned: u32,
    pub charset_form: u8,
    pub max_data_bytes: u32,
    /// For an index-by table of PL/SQL: how many elements the array has room for, and where their number is.
    pub(super) array: Option<(u32, *mut u32)>,
}

impl Body for BindBody {
    const KIND: u32 = kind::BIND;
}

impl Stepped for BindBody {
    fn set_skips(&mut self, skips: Skips) {
        self.skips = Some(skips);
    }
}

/// What a bind call says.
struct Declaration {
    value: *mut c_void,
    size_bytes: i64,
    external_type: u16,
    indicators: *mut i16,
    lengths: Lengths,
    codes: *mut u16,
    array_max: u32,
    array_count: *mut u32,
    mode: u32,
}

impl Declaration {
    fn check(&self) -> Result<BindBody, Failure> {
        let size_bytes = checked_size(self.size_bytes)?;
        let known = mode::DATA_AT_EXEC | 0x40;
        if self.mode & !known != 0 {
            return Err(Failure::unimplemented(format_args!("bind mode {:#x}", self.mode & !known)));
        }
        check_type(self.external_type, size_bytes)?;
        Ok(BindBody {
            value: self.value.cast(),
            size_bytes,
            external_type: self.external_type,
            indicators: self.indicators,
            lengths: self.lengths,
            codes: self.codes,
            skips: None,
            dynamic: self.mode & mode::DATA_AT_EXEC != 0,
            callback: None,
            out_callback: None,
            offered: None,
            polled: Vec::new(),
            polled_from: 0,
            gathered: Vec::new(),
            rows_returned: 0,
            charset_form: 1,
            max_data_bytes: 0,
            array: (self.array_max != 0).then_some((self.array_max, self.array_count)),
        })
    }
}

/// Types and sizes that the real client accepts at bind time.
fn check_type(external_type: u16, size_bytes: usize) -> Result<(), Failure> {
    let unsupported =
        || Failure::ora(3115, format_args!("unsupported network datatype or representation (type {external_type}, {size_bytes} bytes)"));
    match external_type {
        sqlt::FLT if !matches!(size_bytes, 4 | 8) => Err(unsupported()),
        sqlt::BFLOAT | sqlt::IBFLOAT if size_bytes != 4 => Err(unsupported()),
        sqlt::BDOUBLE | sqlt::IBDOUBLE if size_bytes != 8 => Err(unsupported()),
        sqlt::LVC | sqlt::LVB if size_bytes < 4 => Err(Failure::ora(1459, "invalid length for variable character string")),
        sqlt::VCS | sqlt::VBI if size_bytes < 2 => Err(Failure::ora(1459, "invalid length for variable character string")),
        11 | 102 => Err(Failure::ora(1024, format_args!("invalid datatype in OCI call (type {external_type})"))),
        sqlt::CHR | sqlt::NUM | sqlt::INT | sqlt::FLT | sqlt::STR | sqlt::VNU | sqlt::LNG | sqlt::VCS | sqlt::DAT | sqlt::VBI => Ok(()),
        sqlt::BFLOAT | sqlt::BDOUBLE | sqlt::BIN | sqlt::LBI | sqlt::UIN | sqlt::LVC | sqlt::LVB | sqlt::AFC | sqlt::IBFLOAT => Ok(()),
        sqlt::IBDOUBLE | sqlt::RDD | sqlt::CLOB | sqlt::BLOB | sqlt::ODT => Ok(()),
        sqlt::TIMESTAMP | sqlt::TIMESTAMP_TZ | sqlt::TIMESTAMP_LTZ | sqlt::INTERVAL_YM | sqlt::INTERVAL_DS => Ok(()),
        sqlt::RSET | sqlt::BOL => Ok(()),
        _ => Err(unsupported()),
    }
}

/// Puts `body` at one or more positions of a statement; gives the bind handle.
fn place(statement: &StatementHandle, indexes: &[usize], by_name: bool, body: BindBody) -> *mut Handle<BindBody> {
    let mut statement_body = statement.lock();
    let present = statement_body.binds[indexes[0]];
    // A handle shared by the occurrences of a name must not change under the others when one position is bound anew.
    let reusable = match present {
        Some(pointer) => {
            let shared = statement_body.binds.iter().filter(|other| **other == Some(pointer)).count();
            if shared == indexes.len() || (by_name && shared <= indexes.len()) { Some(pointer) } else { None }
        }
        None => None,
    };
    let pointer = match reusable {
        Some(pointer) => {
            // SAFETY: bind handles live as long as their statement, which is alive and locked.
            *unsafe { &*pointer }.lock() = body;
            pointer
        }
        None => {
            let pointer = handle::create(statement.env(), body);
            statement_body.bind_handles.push(pointer);
            pointer
        }
    };
    for &index in indexes {
        statement_body.binds[index] = Some(pointer);
    }
    pointer
}

/// # Safety
/// Handles and `bindpp` as the OCI contract says.
unsafe fn bind_by_position(
    function: &str,
    stmtp: *mut c_void,
    bindpp: *mut *mut c_void,
    errhp: *mut c_void,
    position: u32,
    declaration: &Declaration,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard(function, errhp, |_| {
            let statement = handle::get::<StatementBody>(stmtp)?;
            let places = statement.lock().places((position as usize).wrapping_sub(1));
            if places.is_empty() {
                return Err(Failure::ora(1036, format_args!("illegal variable name/number (position {position})")));
            }
            let pointer = place(statement, &places, places.len() > 1, declaration.check()?);
            if !bindpp.is_null() {
                bindpp.write(pointer.cast());
            }
            Ok(status::SUCCESS)
        })
    }
}

/// # Safety
/// Handles, `bindpp` and the name as the OCI contract says.
unsafe fn bind_by_name(
    function: &str,
    stmtp: *mut c_void,
    bindpp: *mut *mut c_void,
    errhp: *mut c_void,
    name: (*const u8, i32),
    declaration: &Declaration,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard(function, errhp, |_| {
            let statement = handle::get::<StatementBody>(stmtp)?;
            let text = match usize::try_from(name.1) {
                Ok(length) => super::session::text_argument(name.0, length)?,
                Err(_) if name.0.is_null() => String::new(),
                Err(_) => std::ffi::CStr::from_ptr(name.0.cast()).to_string_lossy().into_owned(),
            };
            let name = text.strip_prefix(':').unwrap_or(&text);
            let wanted = match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
                Some(quoted) => quoted.to_owned(),
                None => name.to_uppercase(),
            };
            let indexes: Vec<usize> = {
                let statement = statement.lock();
                let names = statement.bind_names();
                names.iter().enumerate().filter(|(_, name)| **name == wanted).map(|(index, _)| index).collect()
            };
            if indexes.is_empty() {
                return Err(Failure::ora(1036, format_args!("illegal variable name/number (name :{wanted})")));
            }
            let pointer = place(statement, &indexes, true, declaration.check()?);
            if !bindpp.is_null() {
                bindpp.write(pointer.cast());
            }
            Ok(status::SUCCESS)
        })
    }
}

macro_rules! bind_functions {
    ($by_pos:ident, $by_name:ident, $size:ty, $length:ty, $lengths:path) => {
        /// Binds the placeholder at a position (1-based).
        ///
        /// # Safety
        /// Pointers as the OCI contract says; buffers stay valid until the last execute that uses them.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $by_pos(
            stmtp: *mut c_void,
            bindpp: *mut *mut c_void,
            errhp: *mut c_void,
            position: u32,
            value: *mut c_void,
            value_size: $size,
            external_type: u16,
            indicators: *mut c_void,
            lengths: *mut $length,
            codes: *mut u16,
            array_max: u32,
            array_count: *mut u32,
            mode: u32,
        ) -> i32 {
            let declaration = Declaration {
                value,
                size_bytes: i64::from(value_size),
                external_type,
                indicators: indicators.cast(),
                lengths: $lengths(lengths),
                codes,
                array_max,
                array_count,
                mode,
            };
            // SAFETY: the same contract.
            unsafe { bind_by_position(stringify!($by_pos), stmtp, bindpp, errhp, position, &declaration) }
        }

        /// Binds every occurrence of a placeholder's name.
        ///
        /// # Safety
        /// Pointers as the OCI contract says; buffers stay valid until the last execute that uses them.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $by_name(
            stmtp: *mut c_void,
            bindpp: *mut *mut c_void,
            errhp: *mut c_void,
            name: *const u8,
            name_len: i32,
            value: *mut c_void,
            value_size: $size,
            external_type: u16,
            indicators: *mut c_void,
            lengths: *mut $length,
            codes: *mut u16,
            array_max: u32,
            array_count: *mut u32,
            mode: u32,
        ) -> i32 {
            let declaration = Declaration {
                value,
                size_bytes: i64::from(value_size),
                external_type,
                indicators: indicators.cast(),
                lengths: $lengths(lengths),
                codes,
                array_max,
                array_count,
                mode,
            };
            // SAFETY: the same contract.
            unsafe { bind_by_name(stringify!($by_name), stmtp, bindpp, errhp, (name, name_len), &declaration) }
        }
    };
}

bind_functions!(OCIBindByPos, OCIBindByName, i32, u16, Lengths::short);
bind_functions!(OCIBindByPos2, OCIBindByName2, i64, u32, Lengths::wide);

/// Sets the steps between rows.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIBindArrayOfStruct(
    bindp: *mut c_void,
    errhp: *mut c_void,
    value_skip: u32,
    indicator_skip: u32,
    length_skip: u32,
    code_skip: u32,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe { array_of_struct::<BindBody>("OCIBindArrayOfStruct", bindp, errhp, [value_skip, indicator_skip, length_skip, code_skip]) }
}

/// Registers the callbacks that deliver the values of a bind, and take those given back, with `OCI_DATA_AT_EXEC`.
///
/// # Safety
/// Pointers as the OCI contract says; `in_callback` is NULL or an `OCICallbackInBind`, `out_callback` NULL or an
/// `OCICallbackOutBind`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIBindDynamic(
    bindp: *mut c_void,
    errhp: *mut c_void,
    in_context: *mut c_void,
    in_callback: *mut c_void,
    out_context: *mut c_void,
    out_callback: *mut c_void,
) -> i32 {
    // SAFETY: the caller's contract; a data pointer of a C function has the size of the function pointer, NULL is None.
    unsafe {
        guard("OCIBindDynamic", errhp, |_| {
            let mut bind = handle::get::<BindBody>(bindp)?.lock();
            if !bind.dynamic {
                return Err(Failure::ora(24302, "OCIBindDynamic needs a bind with mode OCI_DATA_AT_EXEC"));
            }
            let callback = std::mem::transmute::<*mut c_void, Option<InCallback>>(in_callback);
            let callback = callback.ok_or_else(|| Failure::unimplemented("OCIBindDynamic without an in-callback"))?;
            bind.callback = Some((callback, in_context as usize));
            let out_callback = std::mem::transmute::<*mut c_void, Option<OutCallback>>(out_callback);
            bind.out_callback = out_callback.map(|callback| (callback, out_context as usize));
            Ok(status::SUCCESS)
        })
    }
}

/// Sets an attribute of a bind handle.
pub fn set_attribute(bind: &mut BindBody, attribute: u32, value: u32) -> Result<(), Failure> {
    if set_charset(&mut bind.charset_form, attribute, value)? {
        return Ok(());
    }
    match attribute {
        attr::MAXDATA_SIZE => bind.max_data_bytes = value,
        _ => return Err(super::attr::illegal(attribute, "a bind handle")),
    }
    Ok(())
}
