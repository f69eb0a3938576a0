//! Transaction Guard: what became of a commit whose answer was lost. It takes a service with COMMIT_OUTCOME, EXECUTE on DBMS_APP_CONT, and client and
//! server of release 12.1 or later; without one of them there is no logical transaction ID, or no answer.

use std::cell::RefCell;

use oci_sys::*;
use oracle::sql_type::OracleType;

use crate::error::{Error, Phase, Result};
use crate::oci::attribute::Attributes;
use crate::oci::session::{Session, database_error};

/// SERVER_AHEAD of DBMS_APP_CONT: an old transaction, which has committed.
const SERVER_AHEAD: i32 = 14_950;

/// BOOLEAN goes through no bind before release 12.1 of both sides, so the block makes numbers of it.
const GET_OUTCOME: &str = "DECLARE committed BOOLEAN; completed BOOLEAN; BEGIN \
     DBMS_APP_CONT.GET_LTXID_OUTCOME(:ltxid, committed, completed); \
     IF committed THEN :committed := 1; ELSE :committed := 0; END IF; \
     IF completed THEN :completed := 1; ELSE :completed := 0; END IF; END;";

/// What the database answers of a logical transaction (DBMS_APP_CONT.GET_LTXID_OUTCOME).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogicalOutcome {
    /// It has committed. If not, it never will: the answer is binding.
    pub committed: bool,
    /// The call that committed has done all its work, and its results alone are lost.
    pub call_completed: bool,
}

/// The logical transaction ID of the commit that a session has begun last.
#[derive(Debug, Default)]
pub(super) struct LastCommit(RefCell<Option<Vec<u8>>>);

impl Session {
    /// The logical transaction ID (LTXID) of the transaction that the next commit ends; `None` where client, server or service have none. No round trip.
    pub fn logical_transaction_id(&self) -> Option<Vec<u8>> {
        if !self.api().version().has_transaction_state() {
            return None;
        }
        // SAFETY: the session handle lives as long as the connection; the attribute is bytes and their number.
        let id = unsafe {
            let error = self.new_error_handle().ok()?;
            Attributes::of(self.api(), self.handle().cast(), OCI_HTYPE_SESSION, error.as_ptr())
                .bytes(OCI_ATTR_LTXID, "read the logical transaction ID")
        };
        id.ok().filter(|id| !id.is_empty())
    }

    /// The logical transaction ID of the last commit that was begun here, whether or not it was answered.
    pub fn last_commit_id(&self) -> Option<Vec<u8>> {
        self.last_commit().0.borrow().clone()
    }

    /// A commit is about to be sent.
    pub(super) fn note_commit(&self) {
        *self.last_commit().0.borrow_mut() = self.logical_transaction_id();
    }

    /// What became of a transaction of another session, whose connection was lost. One round trip.
    ///
    /// # Errors
    /// [`Error::Database`] where the database cannot tell: no privilege on DBMS_APP_CONT, or ORA-14951 for an ID that it does not know.
    pub fn logical_transaction_outcome(&self, id: &[u8]) -> Result<LogicalOutcome> {
        let refused = |error: oracle::Error| database_error(&error, Phase::Query, None);
        let mut statement = self.connection().statement(GET_OUTCOME).build().map_err(refused)?;
        match statement.execute(&[&id, &OracleType::Int64, &OracleType::Int64]).map_err(refused) {
            Ok(()) => {}
            Err(Error::Database { ora_code: SERVER_AHEAD, .. }) => return Ok(LogicalOutcome { committed: true, call_completed: true }),
            Err(error) => return Err(error),
        }
        let flag = |index: usize| statement.bind_value::<usize, i64>(index).map(|number| number == 1).map_err(refused);
        Ok(LogicalOutcome { committed: flag(2)?, call_completed: flag(3)? })
    }
}
