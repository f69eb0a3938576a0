//! The client's own NUMBER conversions, for tests that hold our codec against them. They need a client library, but no server.

use std::ptr;

use oci_sys::*;

use crate::oci::check::check;
use crate::oci::handle::Handle;

/// An environment of its own in the client that `OLBRIDGE_OCI_LIB_DIR` names.
pub(crate) struct ClientNumbers {
    api: &'static Api,
    error: Handle<OCIError>,
}

impl ClientNumbers {
    /// `None`, with the reason printed, where there is no client library with these functions.
    pub(crate) fn load() -> Option<Self> {
        let skipped = |reason: String| eprintln!("SKIPPED: the client's own NUMBER functions: {reason}");
        if std::env::var_os(LIB_DIR_VARIABLE).is_none() {
            skipped(format!("{LIB_DIR_VARIABLE} does not name the directory of a client library"));
            return None;
        }
        let api: &'static Api = match Api::load(&SearchPath::from_environment(None)) {
            Ok(api) => Box::leak(Box::new(api)),
            Err(error) => {
                skipped(error.to_string());
                return None;
            }
        };
        let (Some(create), Some(_), Some(_)) = (api.OCIEnvNlsCreate, api.OCINumberFromText, api.OCINumberToText) else {
            skipped("this library does not have them".into());
            return None;
        };
        let mut env: *mut OCIEnv = ptr::null_mut();
        let null = ptr::null_mut();
        // SAFETY: `env` is writable; no callbacks, no user memory. The environment is never freed, so it outlives the error handle.
        let error = unsafe {
            let status = create(&mut env, OCI_THREADED, null, null, null, null, 0, ptr::null_mut(), OCI_AL32UTF8_ID, OCI_AL32UTF8_ID);
            assert_eq!(status, OCI_SUCCESS, "OCIEnvNlsCreate");
            Handle::allocate(api, env).expect("an error handle")
        };
        Some(ClientNumbers { api, error })
    }

    /// `OCINumberFromText` of plain digits with an optional sign and point.
    pub(crate) fn number_from_text(&self, text: &str) -> Result<OCINumber, String> {
        let format: String = text.trim_start_matches('-').chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        let from_text = self.api.OCINumberFromText.ok_or("no OCINumberFromText")?;
        let mut number = OCINumber::default();
        // SAFETY: texts are readable for their lengths, `number` is writable, the error handle is ours.
        unsafe {
            let error = self.error.as_ptr();
            let (format_bytes, text_bytes) = (format.len() as u32, text.len() as u32);
            let status = from_text(error, text.as_ptr(), text_bytes, format.as_ptr(), format_bytes, ptr::null(), 0, &mut number);
            check(self.api, error, status, "OCINumberFromText", "convert a text").map_err(|error| error.to_string())?;
        }
        Ok(number)
    }

    /// `OCINumberToText` with the format `TM9`: all digits, an exponent only beyond 64 characters.
    pub(crate) fn number_to_text(&self, number: &OCINumber) -> Result<String, String> {
        let to_text = self.api.OCINumberToText.ok_or("no OCINumberToText")?;
        let (mut text, format) = ([0u8; 128], b"TM9");
        let mut text_bytes = text.len() as u32;
        // SAFETY: the format is readable for its length, `text` writable for the length that is announced, the error handle is ours.
        unsafe {
            let error = self.error.as_ptr();
            let status = to_text(error, number, format.as_ptr(), format.len() as u32, ptr::null(), 0, &mut text_bytes, text.as_mut_ptr());
            check(self.api, error, status, "OCINumberToText", "convert a number").map_err(|error| error.to_string())?;
        }
        Ok(String::from_utf8_lossy(&text[..text_bytes as usize]).into_owned())
    }
}

#[test]
fn the_client_agrees_with_the_known_samples() {
    let Some(client) = ClientNumbers::load() else { return };
    let samples: [(&str, &[u8]); 5] = [
        ("1", &[0x02, 0xc1, 0x02]),
        ("-1", &[0x03, 0x3e, 0x64, 0x66]),
        ("123.45", &[0x04, 0xc2, 0x02, 0x18, 0x2e]),
        ("-123.45", &[0x05, 0x3d, 0x64, 0x4e, 0x38, 0x66]),
        ("9223372036854775807", &[0x0b, 0xca, 0x0a, 0x17, 0x22, 0x49, 0x04, 0x45, 0x37, 0x4e, 0x3b, 0x08]),
    ];
    for (text, bytes) in samples {
        let number = client.number_from_text(text).expect(text);
        assert_eq!(&number.bytes[..bytes.len()], bytes, "{text}");
        assert_eq!(client.number_to_text(&number).as_deref(), Ok(text));
    }
}

/// Plain decimal text of `mantissa * 10^-scale`, made digit by digit and without our codec.
#[cfg(test)]
fn plain_text(mantissa: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", mantissa.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if mantissa < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[test]
fn a_million_random_numbers_are_encoded_and_decoded_as_the_client_does() {
    use crate::value::number::{Digits, encode_i128};

    let Some(client) = ClientNumbers::load() else { return };
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        // SplitMix64: the same numbers in every run.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    for _ in 0..1_000_000 {
        let digits = (random() % 38 + 1) as u32;
        let wide = (u128::from(random()) << 64) | u128::from(random());
        let magnitude = (wide % 10_u128.pow(digits)) as i128;
        let mantissa = if random() & 1 == 0 { magnitude } else { -magnitude };
        let scale = (random() % 25) as usize;
        let text = plain_text(mantissa, scale);
        let mut slot = [0; 22];
        encode_i128(mantissa, scale as i8, &mut slot).expect(&text);
        let theirs = client.number_from_text(&text).expect(&text);
        let length = usize::from(theirs.bytes[0]) + 1;
        assert_eq!(slot[..length], theirs.bytes[..length], "{text}");
        // TM9 leaves out the zero before the point.
        let ours = Digits::decode(&theirs.bytes).expect(&text).to_string();
        let as_tm9 = ours.replacen("0.", ".", usize::from(ours.trim_start_matches('-').starts_with("0.")));
        assert_eq!(client.number_to_text(&theirs).as_deref(), Ok(as_tm9.as_str()), "{text}");
    }
}
