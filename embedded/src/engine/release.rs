//! The release that the engine says it is as a server. Types that came after it are unknown to it, as to a server of that release; error texts are
//! those of 19 whatever it says.

use std::fmt::Display;

use super::types::DataType;
use super::{OraError, Result};

/// A release of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Release {
    /// 19.3.
    #[default]
    R19,
    /// 23ai, 23.4: BOOLEAN, JSON and VECTOR.
    R23,
}

impl Release {
    /// What `OLBRIDGE_EMBEDDED_RELEASE` asks for; 19 when it is not set.
    ///
    /// # Errors
    /// ORA-00922 for a release that the engine is not.
    pub fn of_environment() -> Result<Release> {
        match std::env::var("OLBRIDGE_EMBEDDED_RELEASE") {
            Ok(text) => Release::parse(&text),
            Err(_) => Ok(Release::R19),
        }
    }

    fn parse(text: &str) -> Result<Release> {
        match text {
            "" | "19" => Ok(Release::R19),
            "23" => Ok(Release::R23),
            other => {
                Err(OraError::new(922, format_args!("missing or invalid option: OLBRIDGE_EMBEDDED_RELEASE is \"{other}\", not 19 or 23")))
            }
        }
    }

    /// The number as clients take it apart: five parts.
    pub fn parts(self) -> [u8; 5] {
        match self {
            Release::R19 => [19, 3, 0, 0, 0],
            Release::R23 => [23, 4, 0, 24, 5],
        }
    }

    /// `19.0.0.0.0`, as `VERSION` of the dictionary has it.
    pub fn base(self) -> String {
        format!("{}.0.0.0.0", self.parts()[0])
    }

    /// `19.3.0.0.0`, as `VERSION_FULL` has it.
    pub fn full(self) -> String {
        self.parts().map(|part| part.to_string()).join(".")
    }

    /// `COMPATIBLE` of such a server.
    pub fn compatible(self) -> String {
        format!("{}.0.0", self.parts()[0])
    }

    /// What is said of the engine where a server tells its name.
    pub fn product(self) -> &'static str {
        match self {
            Release::R19 => "Oracle Database 19c compatible embedded engine of olbridge",
            Release::R23 => "Oracle Database 23ai compatible embedded engine of olbridge",
        }
    }

    /// Product and release in one line.
    pub fn banner(self) -> String {
        format!("{}, Release {} - Version {}", self.product(), self.base(), self.full())
    }

    /// ORA-00902 for a type that this release does not have.
    pub fn check(self, data_type: DataType) -> Result<()> {
        match data_type {
            DataType::Boolean | DataType::Json | DataType::Vector { .. } if self < Release::R23 => Err(self.unknown(data_type)),
            _ => Ok(()),
        }
    }

    fn unknown(self, what: impl Display) -> OraError {
        OraError::new(902, format_args!("invalid datatype\n({what} is of release 23: set OLBRIDGE_EMBEDDED_RELEASE=23)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_23_are_unknown_to_19() {
        assert_eq!(Release::parse("19").map(Release::full), Ok("19.3.0.0.0".to_owned()));
        assert_eq!(Release::parse("23").map(Release::base), Ok("23.0.0.0.0".to_owned()));
        assert_eq!(Release::parse("21").unwrap_err().code, 922);
        assert_eq!(Release::R19.check(DataType::Json).unwrap_err().code, 902);
        assert!(Release::R23.check(DataType::Boolean).is_ok());
        assert!(Release::R19.check(DataType::Clob).is_ok());
    }
}
