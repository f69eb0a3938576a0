//! What bind and define handles share: steps, lengths, and the attributes of both.

use std::ffi::c_void;

use super::codes::{attr, status};
use super::error::{Failure, guard};
use super::handle::{self, Body};

/// Steps between rows in bytes, set by `OCIBindArrayOfStruct` and `OCIDefineArrayOfStruct`.
#[derive(Clone, Copy)]
pub struct Skips {
    pub value: usize,
    pub indicator: usize,
    pub length: usize,
    pub code: usize,
}

/// A length array, whose elements are 16 bits wide with the older calls and 32 with the `2` calls.
#[derive(Clone, Copy)]
pub enum Lengths {
    None,
    Short(*mut u16),
    Wide(*mut u32),
}

impl Lengths {
    /// From pointers that may be NULL.
    pub fn wide(pointer: *mut u32) -> Lengths {
        if pointer.is_null() { Lengths::None } else { Lengths::Wide(pointer) }
    }

    /// From pointers that may be NULL.
    pub fn short(pointer: *mut u16) -> Lengths {
        if pointer.is_null() { Lengths::None } else { Lengths::Short(pointer) }
    }

    /// Bytes of one element.
    pub fn width_bytes(self) -> usize {
        match self {
            Lengths::None => 0,
            Lengths::Short(_) => 2,
            Lengths::Wide(_) => 4,
        }
    }
}

/// A handle whose arrays may have steps.
pub trait Stepped: Body {
    /// Sets the steps.
    fn set_skips(&mut self, skips: Skips);
}

/// `OCIBindArrayOfStruct` and `OCIDefineArrayOfStruct`.
///
/// # Safety
/// Handles as the OCI contract says.
pub(super) unsafe fn array_of_struct<T: Stepped>(function: &str, handle: *mut c_void, errhp: *mut c_void, steps: [u32; 4]) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard(function, errhp, |_| {
            let [value, indicator, length, code] = steps.map(|step| step as usize);
            handle::get::<T>(handle)?.lock().set_skips(Skips { value, indicator, length, code });
            Ok(status::SUCCESS)
        })
    }
}

/// Attributes that both have: whether `attribute` is one.
pub(super) fn set_charset(form: &mut u8, attribute: u32, value: u32) -> Result<bool, Failure> {
    match attribute {
        attr::CHARSET_FORM => *form = value as u8,
        attr::CHAR_COUNT => {}
        attr::CHARSET_ID if super::nls::is_utf8_compatible(value as u16) => {}
        attr::CHARSET_ID => return Err(Failure::ora(12715, "invalid character set specified")),
        _ => return Ok(false),
    }
    Ok(true)
}

/// The size of an element as the caller gave it.
pub(super) fn checked_size(size_bytes: i64) -> Result<usize, Failure> {
    let size_bytes = usize::try_from(size_bytes).map_err(|_| Failure::ora(24452, "value_sz is negative"))?;
    match size_bytes > i32::MAX as usize {
        true => Err(Failure::ora(24452, format_args!("value_sz {size_bytes} exceeds the maximum of {}", i32::MAX))),
        false => Ok(size_bytes),
    }
}
