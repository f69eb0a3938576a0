//! The database's character set, and what the client library makes of a text in it.
//!
//! The library has Oracle's own tables. It replaces what a character set lacks by the nearest it has, without a word (`ä` by `a` in JA16SJIS), so a text
//! is exact when it comes back as it went.

use std::ffi::CString;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, PoisonError};

use oci_sys::*;

use super::handle::Handle;
use super::session::Session;
use crate::error::{Error, Result};
use crate::oracle_type::{DatabaseCharset, EncodedText, TextCoder};

impl Session {
    /// The character set of VARCHAR2, CHAR and CLOB; one round trip. `None` when the database does not tell.
    ///
    /// # Errors
    /// A lost connection, or a call that was broken off.
    pub fn database_charset(&self) -> Result<Option<DatabaseCharset>> {
        let mut name = None;
        let sql = "SELECT VALUE FROM NLS_DATABASE_PARAMETERS WHERE PARAMETER = 'NLS_CHARACTERSET'";
        let asked = self.query_text(sql, &mut |values| {
            name = values.first().cloned().flatten();
            Ok(())
        });
        match asked {
            Ok(_) => {
                let charset = name.as_deref().map(DatabaseCharset::named);
                let foreign = charset.as_ref().filter(|charset| !charset.is_unicode());
                self.note_converts_text(foreign.is_some());
                let coder = foreign.and_then(|charset| ClientCoder::open(self.api(), &charset.name));
                Ok(charset.map(|charset| DatabaseCharset { coder: coder.map(|coder| Arc::new(coder) as Arc<dyn TextCoder>), ..charset }))
            }
            Err(Error::Database { session_dead: false, ora_code, .. }) if ora_code != 1013 => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// An environment of its own, so that it may be used beside any session and outlive it.
#[derive(Debug)]
struct ClientCoder {
    charset: u16,
    conversion: Mutex<Conversion>,
}

/// Fields in the order in which they are freed.
struct Conversion {
    error: Handle<OCIError>,
    environment: Environment,
    there: Vec<u8>,
    back: Vec<u8>,
}

struct Environment {
    api: &'static Api,
    env: NonNull<OCIEnv>,
}

// SAFETY: the environment is THREADED, so its handles may be used from any one thread at a time, which the mutex around it sees to.
unsafe impl Send for Conversion {}

impl std::fmt::Debug for Conversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversion").finish_non_exhaustive()
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        // SAFETY: the environment was made by us and is freed once, after its error handle.
        unsafe { (self.api.OCIHandleFree)(self.env.as_ptr().cast(), OCI_HTYPE_ENV) };
    }
}

impl ClientCoder {
    /// `None` where the library has no such functions, or does not know the character set.
    fn open(api: &'static Api, name: &str) -> Option<Self> {
        let (create, number, _) = (api.OCIEnvNlsCreate?, api.OCINlsCharSetNameToId?, api.OCINlsCharSetConvert?);
        let name = CString::new(name).ok()?;
        let mut env: *mut OCIEnv = ptr::null_mut();
        let null = ptr::null_mut();
        // SAFETY: `env` is writable; no callbacks, no user memory.
        unsafe { create(&mut env, OCI_THREADED, null, null, null, null, 0, ptr::null_mut(), OCI_AL32UTF8_ID, OCI_AL32UTF8_ID) };
        let environment = Environment { api, env: NonNull::new(env)? };
        // SAFETY: the environment is live, and outlives the handle by the order of the fields; the name ends with a zero byte.
        let (error, charset) = unsafe { (Handle::allocate(api, env).ok()?, number(env.cast(), name.as_ptr().cast())) };
        let conversion = Conversion { error, environment, there: Vec::new(), back: Vec::new() };
        (charset != 0).then(|| ClientCoder { charset, conversion: Mutex::new(conversion) })
    }
}

impl TextCoder for ClientCoder {
    fn encoded(&self, text: &[u8]) -> Option<EncodedText> {
        /// A longer text is converted in parts: no character set here has a state between characters.
        const PART_BYTES: usize = 64 << 10;
        let mut conversion = self.conversion.lock().unwrap_or_else(PoisonError::into_inner);
        let mut whole = EncodedText { bytes: 0, is_exact: true };
        let mut rest = text;
        while !rest.is_empty() {
            let is_continued = |place: &usize| rest.get(*place).is_some_and(|byte| byte & 0xC0 == 0x80);
            let end = (1..=rest.len().min(PART_BYTES)).rev().find(|place| !is_continued(place))?;
            let (part, behind) = rest.split_at(end);
            let (bytes, is_exact) = conversion.there_and_back(self.charset, part)?;
            whole = EncodedText { bytes: whole.bytes + bytes, is_exact: whole.is_exact && is_exact };
            rest = behind;
        }
        Some(whole)
    }
}

impl Conversion {
    /// Bytes there, and whether the text comes back as it was.
    fn there_and_back(&mut self, charset: u16, text: &[u8]) -> Option<(usize, bool)> {
        let (mut there, mut back) = (std::mem::take(&mut self.there), std::mem::take(&mut self.back));
        let converted = self.convert(charset, OCI_AL32UTF8_ID, text, &mut there);
        let returned = converted.and_then(|bytes| self.convert(OCI_AL32UTF8_ID, charset, &there[..bytes], &mut back));
        let result = converted.zip(returned).map(|(bytes, returned)| (bytes, back[..returned] == *text));
        (self.there, self.back) = (there, back);
        result
    }

    fn convert(&mut self, target: u16, source: u16, from: &[u8], to: &mut Vec<u8>) -> Option<usize> {
        /// Of a byte, in any character set.
        const MOST_BYTES: usize = 4;
        /// The library may end what it writes with a zero.
        const END_BYTES: usize = 4;
        let Environment { api, env } = &self.environment;
        let convert = api.OCINlsCharSetConvert?;
        to.resize(from.len() * MOST_BYTES + END_BYTES, 0);
        let mut bytes = 0;
        // SAFETY: handles are live and used by this thread alone; `from` is readable and `to` writable for their lengths, of which the library is told.
        let status = unsafe {
            let (error, from_bytes, to_bytes) = (self.error.as_ptr(), from.len(), to.len());
            convert(
                env.as_ptr().cast(),
                error,
                target,
                to.as_mut_ptr().cast(),
                to_bytes,
                source,
                from.as_ptr().cast(),
                from_bytes,
                &mut bytes,
            )
        };
        (status == OCI_SUCCESS && bytes <= to.len()).then_some(bytes)
    }
}
