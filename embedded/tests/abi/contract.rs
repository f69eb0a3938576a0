//! The functions that ODPI-C and olbridge load, one a line in `contract.txt`: each is exported by the built library.

#[cfg(unix)]
use std::ffi::CString;

#[cfg(unix)]
fn library() -> crate::Pointer {
    let name = format!("{}clntsh{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = CString::new(crate::rust_oracle::library_directory().join(name).to_str().unwrap()).unwrap();
    let handle = unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_LAZY) };
    assert!(!handle.is_null(), "{library:?}");
    handle
}

#[cfg(unix)]
#[test]
fn every_function_of_the_contract_is_exported() {
    let handle = library();
    let is_missing = |name: &&str| unsafe { libc::dlsym(handle, CString::new(*name).unwrap().as_ptr()) }.is_null();
    let missing: Vec<&str> = include_str!("contract.txt").lines().filter(is_missing).collect();
    assert_eq!(missing, [""; 0]);
}

/// Queues, SODA, objects, subscriptions, start-up, two-phase transactions, direct path: as `unsupported.rs` lists them.
#[cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64")))]
#[test]
fn every_function_that_is_not_done_is_exported_and_refused_by_name() {
    use std::ptr::null_mut;

    type Any = unsafe extern "C" fn(
        usize,
        usize,
        usize,
        usize,
        usize,
        usize,
        usize,
        usize,
        usize,
        usize,
        usize,
        usize,
        usize,
        usize,
        usize,
        usize,
    ) -> i32;
    let source = include_str!("../../src/abi/unsupported.rs");
    let table = source.split("refused! {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap();
    let handle = library();
    // The environment is of the library that is called.
    let find = |name: &str| unsafe { libc::dlsym(handle, CString::new(name).unwrap().as_ptr()) };
    let create: unsafe extern "C" fn(*mut crate::Pointer, u32, usize, usize, usize, usize, usize, usize, u16, u16) -> i32 =
        unsafe { std::mem::transmute(find("OCIEnvNlsCreate")) };
    let allocate: unsafe extern "C" fn(crate::Pointer, *mut crate::Pointer, u32, usize, crate::Pointer) -> i32 =
        unsafe { std::mem::transmute(find("OCIHandleAlloc")) };
    let error: unsafe extern "C" fn(crate::Pointer, u32, crate::Pointer, *mut i32, *mut u8, u32, u32) -> i32 =
        unsafe { std::mem::transmute(find("OCIErrorGet")) };
    let (mut env, mut err) = (null_mut(), null_mut());
    unsafe {
        assert_eq!(create(&mut env, 3, 0, 0, 0, 0, 0, 0, 873, 873), 0);
        assert_eq!(allocate(env, &mut err, crate::kind::ERROR, 0, null_mut()), 0);
    }
    let mut families = std::collections::BTreeSet::new();
    for line in table.lines().map(str::trim).filter(|line| line.starts_with("OCI")) {
        let (name, arguments) = line.split_once('(').unwrap();
        let before = arguments.split(';').next().unwrap().split(',').count();
        let mut values = [0usize; 16];
        values[before] = err as usize;
        let function = find(name);
        assert!(!function.is_null(), "{name} is not exported");
        let function: Any = unsafe { std::mem::transmute(function) };
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = values;
        assert_eq!(unsafe { function(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) }, crate::status::ERROR, "{name}");
        let (mut code, mut text) = (0, [0u8; 512]);
        assert_eq!(unsafe { error(err, 1, null_mut(), &mut code, text.as_mut_ptr(), 512, crate::kind::ERROR) }, 0, "{name}");
        let text = String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned();
        assert!(code == 3001 && text.contains(name), "{name}: {text}");
        families.insert(name.chars().take(7).collect::<String>());
    }
    for family in ["OCIAQDe", "OCIAQEn", "OCISoda", "OCIObje", "OCIType", "OCIColl", "OCITran", "OCIDirP", "OCIDBSt", "OCISubs", "OCIVect"]
    {
        assert!(families.contains(family), "{family}: {families:?}");
    }
}
