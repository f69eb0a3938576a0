//! Thread keys: one pointer per thread and key, with a destructor that runs when the thread ends.

use std::ffi::c_void;

use super::codes::status;
use super::error::{Failure, Outcome, guard};

/// `OCIThreadKeyDestFunc`.
type Destructor = unsafe extern "C" fn(*mut c_void);

fn refused(what: &str) -> Failure {
    Failure::ora(600, format_args!("internal error code, arguments: [thread key: {what}]"))
}

/// Keys of the system's threads: their destructors run for threads that others started, and not for the main thread at exit, when
/// callers still use the values.
#[cfg(unix)]
mod slot {
    use super::{Destructor, c_void};

    pub struct Key(libc::pthread_key_t);

    impl Key {
        pub fn new(destructor: Option<Destructor>) -> Option<Key> {
            let mut key = 0;
            // SAFETY: `key` is writable; the destructor has the signature that pthread asks for.
            (unsafe { libc::pthread_key_create(&mut key, destructor) } == 0).then_some(Key(key))
        }

        pub fn get(&self) -> *mut c_void {
            // SAFETY: the key lives as long as `self`.
            unsafe { libc::pthread_getspecific(self.0) }
        }

        pub fn set(&self, value: *mut c_void) -> bool {
            // SAFETY: as above.
            unsafe { libc::pthread_setspecific(self.0, value) == 0 }
        }
    }

    impl Drop for Key {
        fn drop(&mut self) {
            // SAFETY: created by `new`, deleted once.
            unsafe { libc::pthread_key_delete(self.0) };
        }
    }
}

/// Elsewhere values live in a thread-local table; a value left at the end of a thread is not destroyed.
#[cfg(not(unix))]
mod slot {
    use std::cell::RefCell;
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{Destructor, c_void};

    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static VALUES: RefCell<HashMap<usize, usize>> = RefCell::default());

    pub struct Key(usize);

    impl Key {
        pub fn new(_destructor: Option<Destructor>) -> Option<Key> {
            Some(Key(NEXT.fetch_add(1, Ordering::Relaxed)))
        }

        pub fn get(&self) -> *mut c_void {
            VALUES.try_with(|values| values.borrow().get(&self.0).copied().unwrap_or(0)).unwrap_or(0) as *mut c_void
        }

        pub fn set(&self, value: *mut c_void) -> bool {
            VALUES.try_with(|values| drop(values.borrow_mut().insert(self.0, value as usize))).is_ok()
        }
    }
}

/// # Safety
/// `key` is NULL or came from `OCIThreadKeyInit` and is not destroyed.
unsafe fn with_key(function: &str, errhp: *mut c_void, key: *mut c_void, inside: impl FnOnce(&slot::Key) -> Outcome) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard(function, errhp, |_| match key.is_null() {
            true => Err(Failure::InvalidHandle),
            false => inside(&*key.cast::<slot::Key>()),
        })
    }
}

/// Creates a key.
///
/// # Safety
/// Pointers as the OCI contract says; `destructor` is NULL or an `OCIThreadKeyDestFunc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIThreadKeyInit(_hndl: *mut c_void, errhp: *mut c_void, key: *mut *mut c_void, destructor: *mut c_void) -> i32 {
    // SAFETY: the caller's contract; a data pointer of a C function has the size of the function pointer, NULL is None.
    unsafe {
        guard("OCIThreadKeyInit", errhp, |_| {
            let destructor = std::mem::transmute::<*mut c_void, Option<Destructor>>(destructor);
            let made = slot::Key::new(destructor).ok_or_else(|| refused("none left"))?;
            key.write(Box::into_raw(Box::new(made)).cast());
            Ok(status::SUCCESS)
        })
    }
}

/// Destroys a key.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIThreadKeyDestroy(_hndl: *mut c_void, errhp: *mut c_void, key: *mut *mut c_void) -> i32 {
    // SAFETY: the caller's contract: made by `OCIThreadKeyInit`, not used again.
    unsafe {
        guard("OCIThreadKeyDestroy", errhp, |_| {
            if key.is_null() || key.read().is_null() {
                return Err(Failure::InvalidHandle);
            }
            drop(Box::from_raw(key.read().cast::<slot::Key>()));
            key.write(std::ptr::null_mut());
            Ok(status::SUCCESS)
        })
    }
}

/// This thread's value; NULL when never set.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIThreadKeyGet(_hndl: *mut c_void, errhp: *mut c_void, key: *mut c_void, value: *mut *mut c_void) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        with_key("OCIThreadKeyGet", errhp, key, |key| {
            value.write(key.get());
            Ok(status::SUCCESS)
        })
    }
}

/// Sets this thread's value.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIThreadKeySet(_hndl: *mut c_void, errhp: *mut c_void, key: *mut c_void, value: *mut c_void) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        with_key("OCIThreadKeySet", errhp, key, |key| match key.set(value) {
            true => Ok(status::SUCCESS),
            false => Err(refused("no memory")),
        })
    }
}
