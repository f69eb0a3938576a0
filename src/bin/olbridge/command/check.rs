//! `olbridge check`: which client library is found, its version, and whether login works.

use std::io::{self, Write};

use crate::arguments::CheckArguments;
use crate::failure::Failure;
use crate::session;

pub fn run(arguments: &CheckArguments) -> Result<(), Failure> {
    let target = session::database_target(&arguments.target)?;
    let mut out = io::stdout().lock();
    let client = session::load_client(&target, &arguments.connection)?;
    let library = client.library_path.map_or_else(|| "found by the loader".to_owned(), |path| path.display().to_string());
    writeln!(out, "client library: {library}")?;
    writeln!(out, "client version: {}", client.version)?;
    out.flush()?;
    let session = match session::open(&target, &arguments.connection) {
        Ok(session) => session,
        Err(failure) => {
            writeln!(out, "login:          failed")?;
            return Err(failure);
        }
    };
    writeln!(out, "login:          works")?;
    let server = session.server_version()?;
    for (index, line) in server.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        writeln!(out, "{}{line}", if index == 0 { "server:         " } else { "                " })?;
    }
    out.flush()?;
    Ok(())
}
