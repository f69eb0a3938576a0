//! OCINumber functions: 22 bytes, the first the length of the NUMBER that follows.

use std::ffi::c_void;

use super::codes::status;
use super::convert;
use super::error::{Failure, guard, write_text};
use super::session::text_argument;
use crate::engine::{Datum, Number, NumberError};

const SIGNED: u32 = 2;

fn overflow(error: NumberError) -> Failure {
    match error {
        NumberError::Overflow => Failure::oci(22053, "overflow error"),
        _ => Failure::oci(22065, "number to text translation for the given format causes overflow or the number is invalid"),
    }
}

/// # Safety
/// `number` is NULL or 22 readable bytes.
unsafe fn read_number(number: *const c_void) -> Result<Number, Failure> {
    if number.is_null() {
        return Err(Failure::oci(22060, "argument [number] is an invalid or uninitialized number"));
    }
    // SAFETY: 22 bytes by the caller's contract.
    let bytes = unsafe { &*number.cast::<[u8; 22]>() };
    let length = usize::from(bytes[0]);
    if length == 0 || length > 21 {
        return Err(Failure::oci(22060, "argument [number] is an invalid or uninitialized number"));
    }
    Number::from_bytes(&bytes[1..=length]).map_err(|_| Failure::oci(22060, "argument [number] is an invalid or uninitialized number"))
}

/// # Safety
/// `target` is NULL or 22 writable bytes.
unsafe fn write_number(target: *mut c_void, number: &Number) -> Result<i32, Failure> {
    if target.is_null() {
        return Err(Failure::InvalidHandle);
    }
    let bytes = number.as_bytes();
    // SAFETY: 22 bytes by the caller's contract, and a NUMBER has at most 21.
    unsafe {
        target.cast::<u8>().write(bytes.len() as u8);
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), target.cast::<u8>().add(1), bytes.len());
    }
    Ok(status::SUCCESS)
}

/// From an integer of 1, 2, 4 or 8 bytes.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINumberFromInt(
    errhp: *mut c_void,
    integer: *const c_void,
    size_bytes: u32,
    sign: u32,
    number: *mut c_void,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCINumberFromInt", errhp, |_| {
            let value = match (sign == SIGNED, size_bytes) {
                (true, 1) => Number::from_i64(i64::from(integer.cast::<i8>().read())),
                (true, 2) => Number::from_i64(i64::from(integer.cast::<i16>().read_unaligned())),
                (true, 4) => Number::from_i64(i64::from(integer.cast::<i32>().read_unaligned())),
                (true, 8) => Number::from_i64(integer.cast::<i64>().read_unaligned()),
                (false, 1) => Number::from_u64(u64::from(integer.cast::<u8>().read())),
                (false, 2) => Number::from_u64(u64::from(integer.cast::<u16>().read_unaligned())),
                (false, 4) => Number::from_u64(u64::from(integer.cast::<u32>().read_unaligned())),
                (false, 8) => Number::from_u64(integer.cast::<u64>().read_unaligned()),
                _ => return Err(Failure::oci(22053, format_args!("overflow error (integer of {size_bytes} bytes)"))),
            };
            write_number(number, &value)
        })
    }
}

/// To an integer of 1, 2, 4 or 8 bytes; a fraction is cut off.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINumberToInt(
    errhp: *mut c_void,
    number: *const c_void,
    size_bytes: u32,
    sign: u32,
    integer: *mut c_void,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCINumberToInt", errhp, |_| {
            if !matches!(size_bytes, 1 | 2 | 4 | 8) {
                return Err(Failure::oci(22053, format_args!("overflow error (integer of {size_bytes} bytes)")));
            }
            let number = read_number(number)?;
            let datum = Datum::Number(number.as_bytes());
            let size = size_bytes as usize;
            let bits = match sign == SIGNED {
                true => convert::to_i64(datum, size).map(|value| value as u64),
                false => convert::to_u64(datum, size),
            };
            let bits = bits.map_err(|_| Failure::oci(22053, "overflow error"))?;
            match size_bytes {
                1 => integer.cast::<u8>().write(bits as u8),
                2 => integer.cast::<u16>().write_unaligned(bits as u16),
                4 => integer.cast::<u32>().write_unaligned(bits as u32),
                _ => integer.cast::<u64>().write_unaligned(bits),
            }
            Ok(status::SUCCESS)
        })
    }
}

/// From a float or double, rounded to 15 digits like the real client does it.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINumberFromReal(errhp: *mut c_void, real: *const c_void, size_bytes: u32, number: *mut c_void) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCINumberFromReal", errhp, |_| {
            let value = match size_bytes {
                4 => f64::from(real.cast::<f32>().read_unaligned()),
                8 => real.cast::<f64>().read_unaligned(),
                _ => return Err(Failure::oci(22053, format_args!("overflow error (float of {size_bytes} bytes)"))),
            };
            write_number(number, &Number::from_f64_15(value).map_err(overflow)?)
        })
    }
}

/// To a float or double, rounded to the nearest.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINumberToReal(errhp: *mut c_void, number: *const c_void, size_bytes: u32, real: *mut c_void) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCINumberToReal", errhp, |_| {
            let number = read_number(number)?;
            match size_bytes {
                4 => real.cast::<f32>().write_unaligned(number.to_f32()),
                8 => real.cast::<f64>().write_unaligned(number.to_f64()),
                _ => return Err(Failure::oci(22053, format_args!("overflow error (float of {size_bytes} bytes)"))),
            }
            Ok(status::SUCCESS)
        })
    }
}

/// Formats that mean "the number as it is": TM, TM9, and masks of 9, 0 and one point without groups or signs.
fn check_format(format: &str, for_output: bool) -> Result<(), Failure> {
    let upper = format.to_ascii_uppercase();
    let is_plain = !for_output && upper.chars().all(|letter| matches!(letter, '9' | '0' | '.' | 'D'));
    match upper.is_empty() || matches!(upper.as_str(), "TM" | "TM9") || is_plain {
        true => Ok(()),
        false => Err(Failure::unimplemented(format_args!("number format \"{format}\""))),
    }
}

/// From text.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINumberFromText(
    errhp: *mut c_void,
    text: *const u8,
    text_len: u32,
    format: *const u8,
    format_len: u32,
    _nls: *const u8,
    _nls_len: u32,
    number: *mut c_void,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCINumberFromText", errhp, |_| {
            check_format(&text_argument(format, format_len as usize)?, false)?;
            let text = text_argument(text, text_len as usize)?;
            let value = Number::parse(text.trim()).map_err(|error| match error {
                NumberError::Overflow => Failure::oci(22053, "overflow error"),
                _ => Failure::oci(22062, format_args!("invalid input string [{text}]")),
            })?;
            write_number(number, &value)
        })
    }
}

/// To text, in the form of TM9.
///
/// # Safety
/// Pointers as the OCI contract says; `size_bytes` is the room of `buffer` and becomes the length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCINumberToText(
    errhp: *mut c_void,
    number: *const c_void,
    format: *const u8,
    format_len: u32,
    _nls: *const u8,
    _nls_len: u32,
    size_bytes: *mut u32,
    buffer: *mut u8,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCINumberToText", errhp, |_| {
            check_format(&text_argument(format, format_len as usize)?, true)?;
            let text = read_number(number)?.to_text_tm9();
            let room = size_bytes.read() as usize;
            if text.len() > room {
                return Err(Failure::oci(22065, "number to text translation for the given format causes overflow"));
            }
            std::ptr::copy_nonoverlapping(text.as_ptr(), buffer, text.len());
            if text.len() < room {
                write_text(buffer.add(text.len()), 1, "");
            }
            size_bytes.write(text.len() as u32);
            Ok(status::SUCCESS)
        })
    }
}
