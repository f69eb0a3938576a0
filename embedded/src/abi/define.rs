//! Define variables: declared by position; `output.rs` writes their values.

use std::ffi::c_void;

use super::codes::{attr, kind, mode, sqlt, status};
use super::error::{Failure, guard};
use super::handle::{self, Body};
use super::pieces::Offered;
use super::statement::StatementBody;
use super::variable::{Lengths, Skips, Stepped, array_of_struct, checked_size, set_charset};

/// `OCICallbackDefine`.
pub type DefineCallback =
    unsafe extern "C" fn(*mut c_void, *mut c_void, u32, *mut *mut c_void, *mut *mut u32, *mut u8, *mut *mut c_void, *mut *mut u16) -> i32;

/// Content of a define handle.
pub struct DefineBody {
    pub(super) value: *mut u8,
    pub(super) size_bytes: usize,
    pub(super) external_type: u16,
    pub(super) indicators: *mut i16,
    pub(super) lengths: Lengths,
    pub(super) codes: *mut u16,
    pub(super) skips: Option<Skips>,
    pub(super) dynamic: bool,
    pub(super) callback: Option<(DefineCallback, usize)>,
    /// The buffer of the next piece, where the caller is asked for pieces.
    pub(super) offered: Option<Offered>,
    pub charset_form: u8,
}

impl Body for DefineBody {
    const KIND: u32 = kind::DEFINE;
}

impl Stepped for DefineBody {
    fn set_skips(&mut self, skips: Skips) {
        self.skips = Some(skips);
    }
}

struct Declaration {
    value: *mut c_void,
    size_bytes: i64,
    external_type: u16,
    indicators: *mut i16,
    lengths: Lengths,
    codes: *mut u16,
    mode: u32,
}

impl Declaration {
    fn check(&self) -> Result<DefineBody, Failure> {
        let size_bytes = checked_size(self.size_bytes)?;
        let known = mode::DATA_AT_EXEC | 0x80;
        if self.mode & !known != 0 {
            return Err(Failure::unimplemented(format_args!("define mode {:#x}", self.mode & !known)));
        }
        check_type(self.external_type, size_bytes)?;
        Ok(DefineBody {
            value: self.value.cast(),
            size_bytes,
            external_type: self.external_type,
            indicators: self.indicators,
            lengths: self.lengths,
            codes: self.codes,
            skips: None,
            dynamic: self.mode & mode::DATA_AT_EXEC != 0,
            callback: None,
            offered: None,
            charset_form: 1,
        })
    }
}

fn check_type(external_type: u16, size_bytes: usize) -> Result<(), Failure> {
    let fits = match external_type {
        sqlt::CHR | sqlt::LNG | sqlt::AFC | sqlt::STR | sqlt::BIN | sqlt::LBI => true,
        sqlt::VCS | sqlt::VBI => size_bytes >= 2,
        sqlt::LVC | sqlt::LVB => size_bytes >= 4,
        sqlt::INT | sqlt::UIN => matches!(size_bytes, 1 | 2 | 4 | 8),
        sqlt::NUM => size_bytes >= 21,
        sqlt::VNU => size_bytes >= 22,
        sqlt::FLT => matches!(size_bytes, 4 | 8),
        sqlt::BFLOAT | sqlt::IBFLOAT => size_bytes == 4,
        sqlt::BDOUBLE | sqlt::IBDOUBLE => size_bytes == 8,
        sqlt::DAT => size_bytes >= 7,
        sqlt::BOL => size_bytes >= 4,
        sqlt::ODT | sqlt::TIMESTAMP | sqlt::TIMESTAMP_TZ | sqlt::TIMESTAMP_LTZ | sqlt::RDD | sqlt::CLOB | sqlt::BLOB => size_bytes >= 8,
        sqlt::INTERVAL_YM | sqlt::INTERVAL_DS | sqlt::RSET => size_bytes >= 8,
        _ => false,
    };
    match fits {
        true => Ok(()),
        false => Err(Failure::ora(
            3115,
            format_args!("unsupported network datatype or representation (type {external_type}, {size_bytes} bytes)"),
        )),
    }
}

/// # Safety
/// Handles and `defnpp` as the OCI contract says.
unsafe fn define_by_position(
    function: &str,
    stmtp: *mut c_void,
    defnpp: *mut *mut c_void,
    errhp: *mut c_void,
    position: u32,
    declaration: &Declaration,
) -> i32 {
    // SAFETY: the caller's contract; define handles live as long as their statement.
    unsafe {
        guard(function, errhp, |_| {
            let handle = handle::get::<StatementBody>(stmtp)?;
            let mut statement = handle.lock();
            let index = (position as usize).wrapping_sub(1);
            // Before the execute the columns are not known; 1000 is the most that a select list has.
            let known = if statement.query.is_some() { statement.columns.len() } else { 1000 };
            if index >= known {
                return Err(Failure::ora(1007, format_args!("variable not in select list (position {position})")));
            }
            let body = declaration.check()?;
            if statement.defines.len() <= index {
                statement.defines.resize(index + 1, None);
            }
            let pointer = match statement.defines[index] {
                Some(pointer) => {
                    *(*pointer).lock() = body;
                    pointer
                }
                None => handle::create(handle.env(), body),
            };
            statement.defines[index] = Some(pointer);
            if let Some(query) = &mut statement.query {
                query.outputs.clear();
            }
            if !defnpp.is_null() {
                defnpp.write(pointer.cast());
            }
            Ok(status::SUCCESS)
        })
    }
}

/// Defines the buffers of a column (1-based), older form with 16-bit lengths.
///
/// # Safety
/// Pointers as the OCI contract says; buffers stay valid until the last fetch that uses them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDefineByPos(
    stmtp: *mut c_void,
    defnpp: *mut *mut c_void,
    errhp: *mut c_void,
    position: u32,
    value: *mut c_void,
    value_size: i32,
    external_type: u16,
    indicators: *mut c_void,
    lengths: *mut u16,
    codes: *mut u16,
    mode: u32,
) -> i32 {
    let declaration = Declaration {
        value,
        size_bytes: i64::from(value_size),
        external_type,
        indicators: indicators.cast(),
        lengths: Lengths::short(lengths),
        codes,
        mode,
    };
    // SAFETY: the same contract.
    unsafe { define_by_position("OCIDefineByPos", stmtp, defnpp, errhp, position, &declaration) }
}

/// Defines the buffers of a column (1-based).
///
/// # Safety
/// Pointers as the OCI contract says; buffers stay valid until the last fetch that uses them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDefineByPos2(
    stmtp: *mut c_void,
    defnpp: *mut *mut c_void,
    errhp: *mut c_void,
    position: u32,
    value: *mut c_void,
    value_size: u64,
    external_type: u16,
    indicators: *mut c_void,
    lengths: *mut u32,
    codes: *mut u16,
    mode: u32,
) -> i32 {
    let declaration = Declaration {
        value,
        size_bytes: i64::try_from(value_size).unwrap_or(i64::MAX),
        external_type,
        indicators: indicators.cast(),
        lengths: Lengths::wide(lengths),
        codes,
        mode,
    };
    // SAFETY: the same contract.
    unsafe { define_by_position("OCIDefineByPos2", stmtp, defnpp, errhp, position, &declaration) }
}

/// Sets the steps between rows.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDefineArrayOfStruct(
    defnp: *mut c_void,
    errhp: *mut c_void,
    value_skip: u32,
    indicator_skip: u32,
    length_skip: u32,
    code_skip: u32,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe { array_of_struct::<DefineBody>("OCIDefineArrayOfStruct", defnp, errhp, [value_skip, indicator_skip, length_skip, code_skip]) }
}

/// Registers the callback that provides the buffers of a define with `OCI_DYNAMIC_FETCH`.
///
/// # Safety
/// Pointers as the OCI contract says; `callback` is NULL or an `OCICallbackDefine`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDefineDynamic(defnp: *mut c_void, errhp: *mut c_void, context: *mut c_void, callback: *mut c_void) -> i32 {
    // SAFETY: the caller's contract; a data pointer of a C function has the size of the function pointer, NULL is None.
    unsafe {
        guard("OCIDefineDynamic", errhp, |_| {
            let mut define = handle::get::<DefineBody>(defnp)?.lock();
            if !define.dynamic {
                return Err(Failure::ora(24302, "OCIDefineDynamic needs a define with mode OCI_DYNAMIC_FETCH"));
            }
            let callback = std::mem::transmute::<*mut c_void, Option<DefineCallback>>(callback);
            let callback = callback.ok_or_else(|| Failure::unimplemented("OCIDefineDynamic without a callback"))?;
            define.callback = Some((callback, context as usize));
            Ok(status::SUCCESS)
        })
    }
}

/// Sets an attribute of a define handle.
pub fn set_attribute(define: &mut DefineBody, attribute: u32, value: u32) -> Result<(), Failure> {
    if set_charset(&mut define.charset_form, attribute, value)? {
        return Ok(());
    }
    match attribute {
        attr::MAXDATA_SIZE | attr::LOBPREFETCH_LENGTH | attr::LOBPREFETCH_SIZE => {}
        _ => return Err(super::attr::illegal(attribute, "a define handle")),
    }
    Ok(())
}
