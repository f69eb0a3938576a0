//! Where the password comes from: `--password-file`, then `OLBRIDGE_PASSWORD`, then a prompt without echo. Never an argument, because
//! arguments are visible to every user of the machine.

use std::env;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;

use olbridge::Error;
use olbridge::error::Phase;

/// The variable that carries the password.
pub const VARIABLE: &str = "OLBRIDGE_PASSWORD";

/// The password for `username` at `target`.
pub fn obtain(file: Option<&Path>, username: &str, target: &str) -> Result<String, Error> {
    if let Some(path) = file {
        return from_file(path);
    }
    match env::var(VARIABLE) {
        Ok(password) => Ok(password),
        Err(env::VarError::NotUnicode(_)) => Err(missing(target, format!("{VARIABLE} is not valid UTF-8"))),
        Err(env::VarError::NotPresent) if io::stdin().is_terminal() => prompt(username, target),
        Err(env::VarError::NotPresent) => Err(missing(target, format!("no password for {username}, and no terminal to ask on"))),
    }
}

fn prompt(username: &str, target: &str) -> Result<String, Error> {
    rpassword::prompt_password(format!("Password for {username} at {target}: "))
        .map_err(|e| missing(target, format!("the password could not be read from the terminal: {e}")))
}

fn missing(target: &str, message: String) -> Error {
    Error::Connect {
        target: target.to_owned(),
        ora_code: None,
        message,
        remedy: format!("set {VARIABLE}, or --password-file FILE; without USER in the target the client authenticates by itself (wallet)"),
    }
}

/// The first line of the file, without its line end. Says so when others on the machine can read the file.
fn from_file(path: &Path) -> Result<String, Error> {
    let problem = |message: String| Error::Source {
        phase: Phase::Connect,
        path: path.to_path_buf(),
        message,
        remedy: "name a text file whose first line is the password".into(),
    };
    let text = fs::read_to_string(path).map_err(|e| problem(format!("the password file cannot be read: {e}")))?;
    if readable_by_all(path) {
        crate::note(format_args!("warning: {} can be read by everybody; try: chmod 600 {0}", path.display()));
    }
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(problem("the password file is empty, or its first line is".into())),
    }
}

#[cfg(unix)]
fn readable_by_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn readable_by_all(_path: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn the_first_line_is_the_password_with_its_blanks() {
        for (text, password) in [("secret", "secret"), (" s e ", " s e "), ("secret\r\nrest\n", "secret")] {
            let file = written(text);
            assert_eq!(obtain(Some(file.path()), "scott", "t").unwrap(), password);
        }
    }

    #[test]
    fn an_empty_or_missing_file_is_named() {
        let empty = written("\nsecret");
        assert!(obtain(Some(empty.path()), "scott", "t").unwrap_err().to_string().contains("empty"));
        let error = obtain(Some(Path::new("/no/such/file")), "scott", "t").unwrap_err().to_string();
        assert!(error.contains("/no/such/file"), "{error}");
    }
}
