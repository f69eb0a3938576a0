//! Reading and writing many LOBs by one call, each whole.

use std::ffi::c_void;

use super::super::codes::status;
use super::super::error::{Failure, Outcome, guard};
use super::transfer::ONE;
use super::{OCILobRead2, OCILobWrite2};

/// The arrays of `OCILobArrayRead` and `OCILobArrayWrite`.
struct Arrays {
    count: *const u32,
    locators: *const *mut c_void,
    byte_amounts: *mut u64,
    char_amounts: *mut u64,
    offsets: *const u64,
    buffers: *const *mut c_void,
    buffer_bytes: *const u64,
}

/// `OCILobRead2` and `OCILobWrite2`.
type One = unsafe extern "C" fn(
    *mut c_void,
    *mut c_void,
    *mut c_void,
    *mut u64,
    *mut u64,
    u64,
    *mut c_void,
    u64,
    u8,
    *mut c_void,
    *mut c_void,
    u16,
    u8,
) -> i32;

impl Arrays {
    /// Does the same with one LOB after the other, up to the first that fails.
    ///
    /// # Safety
    /// Each array has `count` elements, or is NULL where OCI has it so; handles and buffers as the OCI contract says.
    unsafe fn each(&self, one: One, (svchp, errhp): (*mut c_void, *mut c_void), (charset, form): (u16, u8)) -> i32 {
        /// Element `index` of an array of amounts that may be NULL.
        fn amount(array: *mut u64, index: usize) -> *mut u64 {
            if array.is_null() { array } else { array.wrapping_add(index) }
        }
        // SAFETY: the caller's contract.
        unsafe {
            for index in 0..self.count.read() as usize {
                let answer = one(
                    svchp,
                    errhp,
                    self.locators.add(index).read(),
                    amount(self.byte_amounts, index),
                    amount(self.char_amounts, index),
                    self.offsets.add(index).read(),
                    self.buffers.add(index).read(),
                    self.buffer_bytes.add(index).read(),
                    ONE,
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                    charset,
                    form,
                );
                if answer != status::SUCCESS {
                    return answer;
                }
            }
        }
        status::SUCCESS
    }
}

/// Refuses pieces: a whole value each, or `OCILobRead2` and `OCILobWrite2`.
fn check_whole(function: &str, piece: u8, callback: *mut c_void) -> Outcome {
    match piece == ONE && callback.is_null() {
        true => Ok(status::SUCCESS),
        false => Err(Failure::unimplemented(format_args!("{function} in pieces"))),
    }
}

/// A function of the ABI over many LOBs, by the one that does the same with one.
macro_rules! each_whole {
    ($(#[$documentation:meta])* $name:ident by $one:ident) => {
        $(#[$documentation])*
        ///
        /// # Safety
        /// Pointers as the OCI contract says.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            svchp: *mut c_void,
            errhp: *mut c_void,
            count: *mut u32,
            locators: *mut *mut c_void,
            byte_amounts: *mut u64,
            char_amounts: *mut u64,
            offsets: *mut u64,
            buffers: *mut *mut c_void,
            buffer_bytes: *mut u64,
            piece: u8,
            _context: *mut c_void,
            callback: *mut c_void,
            charset: u16,
            form: u8,
        ) -> i32 {
            let arrays = Arrays { count, locators, byte_amounts, char_amounts, offsets, buffers, buffer_bytes };
            // SAFETY: the same contract.
            let refused = unsafe { guard(stringify!($name), errhp, |_| check_whole(stringify!($name), piece, callback)) };
            match refused {
                // SAFETY: as above. The error is that of the LOB which failed.
                status::SUCCESS => unsafe { arrays.each($one, (svchp, errhp), (charset, form)) },
                other => other,
            }
        }
    };
}

each_whole! {
    /// Reads from many LOBs, each as `OCILobRead2` does in one piece.
    OCILobArrayRead by OCILobRead2
}
each_whole! {
    /// Writes into many LOBs, each as `OCILobWrite2` does in one piece.
    OCILobArrayWrite by OCILobWrite2
}
