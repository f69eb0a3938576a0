//! Text and JSON across the ABI.

use std::ffi::{CStr, CString, c_char};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::c_text;
use crate::error::{Error, Result};

pub(super) fn usage(message: impl Into<String>, remedy: &str) -> Error {
    Error::Usage { message: message.into(), remedy: remedy.into() }
}

/// The caller's text.
///
/// # Errors
/// [`Error::Usage`] for null and for what is not UTF-8.
///
/// # Safety
/// `text` is null or ends in a zero byte, and lives and stays as it is for `'a`.
pub(super) unsafe fn text<'a>(text: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    let text = unsafe { optional_text(text, name) }?;
    text.ok_or_else(|| usage(format!("{name} is null"), "pass text that ends in a zero byte"))
}

/// As [`text`], with null for none.
///
/// # Safety
/// As [`text`].
pub(super) unsafe fn optional_text<'a>(text: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not null; the rest is the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| usage(format!("{name} is not UTF-8"), "pass UTF-8"))
}

/// Options as a JSON object; null and empty text are the defaults.
///
/// # Errors
/// [`Error::Usage`] with the place in the text.
///
/// # Safety
/// As [`text`].
pub(super) unsafe fn options<T: DeserializeOwned + Default>(json: *const c_char) -> Result<T> {
    // SAFETY: the caller's promise.
    parse_or_default(unsafe { optional_text(json, "the options") }?)
}

/// The same of text that is ours already.
pub(super) fn parse_or_default<T: DeserializeOwned + Default>(json: Option<&str>) -> Result<T> {
    match json.map(str::trim) {
        None | Some("") => Ok(T::default()),
        Some(text) => parse(text),
    }
}

/// Options that have no defaults.
pub(super) fn parse<T: DeserializeOwned>(json: &str) -> Result<T> {
    // The text of a serde error holds names and the place, never a value: a password may be one.
    serde_json::from_str(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let what = match error.classify() {
            serde_json::error::Category::Data => data_problem(&error.to_string()),
            _ => "they are not JSON".to_owned(),
        };
        usage(format!("the options: {what} (line {line}, column {column})"), "see include/olbridge.h for the members of the object")
    })
}

/// Of a serde message, what cannot hold a value of the caller.
fn data_problem(message: &str) -> String {
    match message.split_once(" at line").map_or(message, |(text, _)| text) {
        text if text.starts_with("unknown field") || text.starts_with("missing field") || text.starts_with("duplicate field") => {
            text.to_owned()
        }
        _ => "a member has the wrong type".to_owned(),
    }
}

/// Gives the caller text that `olbridge_string_free` frees; nothing where it has no place for it.
///
/// # Safety
/// `place` is null or points to a place for a pointer.
pub(super) unsafe fn give_json(place: *mut *mut c_char, value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_string(value).map_err(|error| usage(error.to_string(), "report this as a bug"))?;
    // SAFETY: the caller's promise.
    unsafe { give_text(place, json) };
    Ok(())
}

/// The same of text.
///
/// # Safety
/// As [`give_json`].
pub(super) unsafe fn give_text(place: *mut *mut c_char, text: String) {
    if !place.is_null() {
        // SAFETY: the caller's place for a pointer, not null.
        unsafe { place.write(c_text(text).into_raw()) };
    }
}

/// Frees text that olbridge gave out; null is left alone.
///
/// # Safety
/// `text` is null or one that olbridge gave out and that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn olbridge_string_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: made by `CString::into_raw` in `give_text`, and freed once.
        drop(unsafe { CString::from_raw(text) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Options {
        password: Option<String>,
        rows: Option<u32>,
    }

    fn parse(json: &str) -> Result<Options> {
        let json = CString::new(json).unwrap();
        // SAFETY: lives until the end of the call.
        unsafe { options(json.as_ptr()) }
    }

    #[test]
    fn options_say_what_is_wrong_and_never_repeat_a_value() {
        assert_eq!(parse("").unwrap(), Options::default());
        assert_eq!(parse(r#"{"rows": 3}"#).unwrap().rows, Some(3));
        let unknown = parse(r#"{"row": 3}"#).unwrap_err().to_string();
        assert!(unknown.contains("unknown field `row`") && unknown.contains("password"), "{unknown}");
        for secret in [r#"{"rows": "hunter2"}"#, r#"{"password": "hunter2}"#, r#"{"password": ["hunter2"]}"#, "hunter2"] {
            let message = parse(secret).unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
        // SAFETY: null is none.
        assert_eq!(unsafe { options::<Options>(std::ptr::null()) }.unwrap(), Options::default());
        // SAFETY: null is refused.
        assert!(unsafe { text(std::ptr::null(), "the target") }.unwrap_err().to_string().contains("the target is null"));
    }
}
