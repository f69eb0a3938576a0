//! Status of a call → error. The only place that reads error handles.

use oci_sys::*;

use crate::error::{Error, Phase};
use crate::oci::remedy::{REMEDY_OF_A_COMMIT_IN_DOUBT, remedy};

/// A failed OCI call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({function}, {action})")]
pub struct OciError {
    /// The OCI function that failed.
    pub function: &'static str,
    /// What it was called for, as a phrase: "execute the array".
    pub action: &'static str,
    /// ORA code; 0 when there is none.
    pub ora_code: i32,
    /// The client's or server's text without trailing newline, normally starting with `ORA-`.
    pub message: String,
    /// Byte in the statement where parsing failed; only for parse errors.
    pub parse_offset: Option<u32>,
}

impl OciError {
    /// An error that the bridge itself raises before calling `function`.
    pub(crate) fn refused(function: &'static str, action: &'static str, message: String) -> Self {
        OciError { function, action, ora_code: 0, message, parse_offset: None }
    }

    /// The session cannot be used any more; the server rolls its transaction back.
    pub fn is_session_dead(&self) -> bool {
        is_session_dead(self.ora_code)
    }

    /// The library's error, with the remedy for the code.
    pub fn into_error(self, phase: Phase, table: Option<&str>) -> Error {
        let session_dead = self.is_session_dead();
        let place = self.parse_offset.map(|offset| format!(" (at byte {offset} of the statement)")).unwrap_or_default();
        let message = match self.ora_code {
            0 => format!("{}{place} ({}, {})", self.message, self.function, self.action),
            _ => format!("{}{place}", self.message),
        };
        let mut error = Error::Database {
            phase,
            table: table.map(str::to_string),
            ora_code: self.ora_code,
            message,
            remedy: remedy(self.ora_code).to_string(),
            session_dead,
        };
        if let (true, Error::Database { remedy, .. }) = (error.is_commit_in_doubt(), &mut error) {
            // To run it again may do it twice.
            *remedy = REMEDY_OF_A_COMMIT_IN_DOUBT.to_string();
        }
        error
    }
}

/// Codes after which a session is gone. Source: ODPI-C 5.4.1 `dpiError.c`, and those of Oracle Net and of failover (254xx) that end the
/// connection, or leave an answer unread in it, as well.
pub(crate) fn is_session_dead(ora_code: i32) -> bool {
    matches!(
        ora_code,
        22 | 28
            | 31
            | 45
            | 378
            | 602
            | 603
            | 609
            | 1012
            | 1041
            | 1043
            | 1089
            | 1092
            | 2396
            | 3113
            | 3114
            | 3122
            | 3135
            | 3136
            | 12152
            | 12153
            | 12161
            | 12170
            | 12535
            | 12537
            | 12547
            | 12570
            | 12571
            | 12592
            | 12599
            | 12606
            | 12608
            | 12609
            | 12583
            | 25401..=25409 | 27146 | 28511 | 56600
    )
}

/// Codes that concern a statement or the session as a whole although they may come up at any row of an array: parsing (009xx), privileges, space,
/// quota, locks, cancel, read-only. Every other failure of an array execute is a row's.
pub(crate) fn is_statement_level(ora_code: i32) -> bool {
    is_session_dead(ora_code)
        || matches!(
            ora_code,
            900..=999
                | 18 | 20 | 54 | 60 | 600 | 604 | 1000..=1041
                | 1456
                | 1536
                | 1550..=1565
                | 1578
                | 1628..=1659
                | 1683..=1693
                | 1732 | 1733 | 1745 | 1779
                | 1950
                | 2049
                | 3106
                | 3137
                | 3156
                | 4020..=4069
                | 7445
                | 8177
                | 12838..=12841
                | 16000
                | 24300..=24399
                | 25402..=25408
                | 30006
                | 30036
                | 32795
                | 38104
                | 38902
                | 38910
                | 54013
        )
}

/// How a call that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Without a word.
    Clean,
    /// With a warning or batch errors in the error handle.
    WithInfo,
}

/// Turns the status of `function` into an error with the text of `error`.
///
/// # Safety
/// `error` is a live error handle of the client that `api` is, the one given to the call, and not in use by another thread.
pub(crate) unsafe fn check(
    api: &Api,
    error: *mut OCIError,
    status: i32,
    function: &'static str,
    action: &'static str,
) -> Result<Done, OciError> {
    let (ora_code, message) = match status {
        OCI_SUCCESS => return Ok(Done::Clean),
        OCI_SUCCESS_WITH_INFO => return Ok(Done::WithInfo),
        OCI_INVALID_HANDLE => (0, "the client says that a handle is invalid".to_string()),
        // SAFETY: passed on from the caller.
        OCI_ERROR => unsafe { error_text(api, error) },
        // Some calls of client 12.1 return an ORA code as it is.
        code if code > 0 && code != OCI_NEED_DATA && code != OCI_NO_DATA => (code, format!("ORA-{code:05}")),
        other => (0, format!("unexpected status {other}")),
    };
    Err(OciError { function, action, ora_code, message, parse_offset: None })
}

/// Code and text of the first record of an error handle.
///
/// # Safety
/// As for [`check`].
pub(crate) unsafe fn error_text(api: &Api, error: *mut OCIError) -> (i32, String) {
    let mut text = vec![0u8; OCI_ERROR_MAXMSG_SIZE2];
    let mut ora_code = 0;
    // SAFETY: `error` is a live error handle; `text` has the bytes that are announced, and the client writes a NUL-terminated text into it.
    let status = unsafe {
        (api.OCIErrorGet)(error.cast(), 1, std::ptr::null_mut(), &mut ora_code, text.as_mut_ptr(), text.len() as u32, OCI_HTYPE_ERROR)
    };
    if status != OCI_SUCCESS {
        return (0, format!("the client gives no reason (OCIErrorGet returned {status})"));
    }
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    (ora_code, tidy(&String::from_utf8_lossy(&text[..end])))
}

/// Without trailing blank lines and the "Help: https://…" line that clients of release 23 add.
pub(crate) fn tidy(text: &str) -> String {
    let kept: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.starts_with("Help: https://") && !line.is_empty()).collect();
    kept.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lose_the_newline_and_the_help_line() {
        assert_eq!(tidy("ORA-00942: table or view does not exist\n"), "ORA-00942: table or view does not exist");
        assert_eq!(
            tidy("ORA-01400: cannot insert NULL\nHelp: https://docs.oracle.com/error-help/db/ora-01400/\n"),
            "ORA-01400: cannot insert NULL"
        );
        assert_eq!(tidy("ORA-06512: at line 1\nORA-06512: at line 2"), "ORA-06512: at line 1\nORA-06512: at line 2");
    }

    #[test]
    fn a_lost_connection_is_told_from_a_refused_row() {
        assert!(is_session_dead(3113) && is_session_dead(12570) && !is_session_dead(1));
        for row_level in [1, 1400, 1407, 1426, 1438, 1461, 1722, 1847, 2290, 2291, 12899, 20001] {
            assert!(!is_statement_level(row_level), "{row_level}");
        }
        for statement_level in [942, 947, 1013, 1031, 1536, 1653, 1733, 1779, 1950, 3113, 3156, 54, 60, 32795, 38104, 38910, 54013] {
            assert!(is_statement_level(statement_level), "{statement_level}");
        }
    }

    #[test]
    fn errors_carry_the_remedy_and_whether_the_session_is_gone() {
        let error = OciError {
            function: "OCIStmtExecute",
            action: "execute the array",
            ora_code: 3113,
            message: "ORA-03113: end-of-file on communication channel".into(),
            parse_offset: None,
        };
        let Error::Database { session_dead, remedy, message, .. } = error.into_error(Phase::Execute, Some("T")) else {
            panic!("a database error")
        };
        assert!(session_dead && remedy.contains("run the same command again"));
        assert_eq!(message, "ORA-03113: end-of-file on communication channel");
    }
    #[test]
    fn a_commit_in_doubt_is_not_to_be_run_again() {
        for ora_code in [3113, 1013, 3156, 12570, 25408] {
            let error = OciError { function: "OCITransCommit", action: "commit", ora_code, message: String::new(), parse_offset: None };
            let text = error.into_error(Phase::Commit, None).to_string();
            assert!(!text.contains("run the same command again") && text.contains("look at what is in the table"), "{text}");
        }
    }
}
