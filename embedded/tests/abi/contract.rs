//! The functions that ODPI-C and olbridge load, one a line in `contract.txt`: each is exported by the built library.

#[cfg(unix)]
use std::ffi::CString;

#[cfg(unix)]
#[test]
fn every_function_of_the_contract_is_exported() {
    let name = format!("{}clntsh{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = CString::new(crate::rust_oracle::library_directory().join(name).to_str().unwrap()).unwrap();
    let handle = unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_LAZY) };
    assert!(!handle.is_null(), "{library:?}");
    let is_missing = |name: &&str| unsafe { libc::dlsym(handle, CString::new(*name).unwrap().as_ptr()) }.is_null();
    let missing: Vec<&str> = include_str!("contract.txt").lines().filter(is_missing).collect();
    assert_eq!(missing, [""; 0]);
}
