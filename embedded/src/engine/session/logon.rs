//! Who may log on.

use rusqlite::Connection;

use super::super::catalog::Catalog;
use super::super::tokens::normalise;
use super::super::{OraError, Result, password};

/// Name of a user who connects without one, as with external authentication.
const DEFAULT_USER: &str = "OLBRIDGE";

/// The user of a session, and before it the one who logged on for it (`PROXY[CLIENT]`).
///
/// # Errors
/// ORA-01017 for a wrong password, ORA-28150 for a proxy without CONNECT THROUGH.
pub(super) fn authenticated(
    connection: &Connection,
    catalog: &Catalog,
    username: &str,
    password: &str,
) -> Result<(Option<String>, String)> {
    let (logged_on, client) = match username.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
        Some((proxy, client)) => (stored_name(proxy), Some(stored_name(client))),
        None if username.is_empty() => (DEFAULT_USER.to_owned(), None),
        None => (stored_name(username), None),
    };
    if let Some(Some(sealed)) = catalog.users.get(&logged_on)
        && !password::fits(password, sealed)
    {
        return Err(OraError::new(1017, "invalid username/password; logon denied"));
    }
    let Some(client) = client else { return Ok((None, logged_on)) };
    let sql = "SELECT count(*) FROM ora_text WHERE kind = 'P' AND owner = ? AND name = ?";
    let granted: i64 = connection.query_row(sql, [&client, &logged_on], |row| row.get(0))?;
    match granted {
        0 => Err(OraError::new(28150, "proxy not authorized to connect as client")),
        _ => Ok((Some(logged_on), client)),
    }
}

/// A name as the catalog has it: in capitals, unless it is quoted.
fn stored_name(name: &str) -> String {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.to_owned(),
        None => normalise(name, false),
    }
}
