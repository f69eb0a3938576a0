//! The client's version and what depends on it.

use std::fmt;

/// Version of a client library. Ordered by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientVersion {
    /// Release, 11 for 11g and 23 for 23ai.
    pub major: i32,
    /// Second number: 1 in 12.1.
    pub minor: i32,
    /// Third.
    pub update: i32,
    /// Fourth.
    pub patch: i32,
    /// Fifth.
    pub port_update: i32,
}

impl ClientVersion {
    /// The oldest that is accepted: the first with the bind and define calls of 64-bit sizes.
    pub const MINIMUM: (i32, i32) = (12, 1);

    /// At least `major.minor`.
    pub fn at_least(self, major: i32, minor: i32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }
    /// [`Self::MINIMUM`] or later.
    pub fn is_supported(self) -> bool {
        self.at_least(Self::MINIMUM.0, Self::MINIMUM.1)
    }
    /// `OCI_RETURN_ROW_COUNT_ARRAY` and `OCI_ATTR_DML_ROW_COUNT_ARRAY`.
    pub fn has_row_count_array(self) -> bool {
        self.at_least(12, 1)
    }
    /// `OCI_ATTR_UB8_ROW_COUNT`.
    pub fn has_u64_row_count(self) -> bool {
        self.at_least(12, 1)
    }
    /// `OCI_ATTR_TRANSACTION_IN_PROGRESS`, `OCI_ATTR_LTXID` and `OCI_ATTR_ERROR_IS_RECOVERABLE`.
    pub fn has_transaction_state(self) -> bool {
        self.at_least(12, 1)
    }
    /// `OCI_ATTR_VARTYPE_MAXLEN_COMPAT`.
    pub fn has_extended_strings(self) -> bool {
        self.at_least(12, 1)
    }
    /// `OCI_ATTR_CALL_TIMEOUT`; older clients answer ORA-24315.
    pub fn has_call_timeout(self) -> bool {
        self.at_least(18, 1)
    }
    /// `SQLT_JSON`: binding it makes client 12.1 crash.
    pub fn has_json(self) -> bool {
        self.at_least(21, 0)
    }
    /// `SQLT_BOL` for SQL columns.
    pub fn has_sql_boolean(self) -> bool {
        self.at_least(23, 0)
    }
    /// `SQLT_VEC`: binding it makes client 12.1 crash.
    pub fn has_vector(self) -> bool {
        self.at_least(23, 4)
    }
}

impl fmt::Display for ClientVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}.{}", self.major, self.minor, self.update, self.patch, self.port_update)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(major: i32, minor: i32) -> ClientVersion {
        ClientVersion { major, minor, update: 0, patch: 0, port_update: 0 }
    }

    #[test]
    fn gates_open_at_the_release_that_brought_the_feature() {
        assert!(!version(11, 2).is_supported() && version(12, 1).is_supported());
        assert!(!version(11, 2).has_row_count_array() && version(12, 1).has_row_count_array());
        assert!(!version(12, 2).has_call_timeout() && version(18, 3).has_call_timeout());
        assert!(!version(19, 8).has_json() && version(21, 1).has_json());
        assert!(!version(23, 3).has_vector() && version(23, 4).has_vector());
    }
}
