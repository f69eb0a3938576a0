//! The one grammar of targets.
//!
//! ```text
//! oracle://[USER@]HOST[:PORT]/SERVICE[/[SCHEMA.]TABLE]
//! oracle://[USER@]TNS_ALIAS[/[SCHEMA.]TABLE]
//! embedded:PATH[/[SCHEMA.]TABLE]            PATH also ":memory:" or "null"
//! ```
//!
//! One segment after the authority is a service when a port is given and a table of a TNS alias otherwise, so that a string means the
//! same everywhere; end it with `/` to name a service without a port and without a table. For `embedded:` the last segment is the table,
//! unless it ends in `.db`, `.db3`, `.sqlite` or `.sqlite3` or is the only one. Names are upper-cased unless quoted; a `/` or `.` in quotes
//! belongs to the name. `%41` in USER is decoded.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::oci::{ConnectOptions, Secret};
use crate::oracle_type::TableName;
use crate::percent::decode as percent_decode;
use crate::sql;

/// Where to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// Host, port and service: an EZConnect string.
    Service {
        /// Host name or address, IPv6 in brackets.
        host: String,
        /// Port; `None` is the client's default, 1521.
        port: Option<u16>,
        /// Service name, with `:pooled` or `:dedicated` if given.
        service: String,
    },
    /// A name that `tnsnames.ora` or a directory service resolves.
    TnsAlias(String),
    /// The embedded engine: a file path, `:memory:` or `null`.
    Embedded(String),
}

/// A parsed target: where to connect, as whom, and which table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where to connect.
    pub endpoint: Endpoint,
    /// User, decoded; `None` logs in externally (wallet, operating system).
    pub username: Option<String>,
    /// Table, if one is named.
    pub table: Option<TableName>,
}

const EXAMPLES: &str = "oracle://USER@HOST:1521/SERVICE/TABLE, oracle://USER@TNS_ALIAS/TABLE or embedded:demo.db/TABLE";
const NO_PASSWORD: &str = "leave it out and set OLBRIDGE_PASSWORD, use --password-file FILE, or type it when asked";

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        refuse_near_misses(text)?;
        if let Some(rest) = strip_scheme(text, "oracle://") {
            return parse_oracle(rest);
        }
        if let Some(rest) = strip_scheme(text, "embedded:") {
            return parse_embedded(rest);
        }
        let scheme = text.split_once(':').map(|(scheme, _)| scheme).filter(|s| s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+'));
        // What is not a scheme may hold a password; it is not repeated.
        match scheme.filter(|s| s.len() > 1) {
            Some(scheme) => Err(usage(format!("unknown scheme {scheme:?} of the target"), format!("write {EXAMPLES}"))),
            None => Err(usage("the target has no scheme", format!("write {EXAMPLES}"))),
        }
    }
}

impl Target {
    /// The table, for commands that need one.
    ///
    /// # Errors
    /// [`Error::Usage`] with the form that would name one.
    pub fn require_table(&self) -> Result<&TableName> {
        self.table
            .as_ref()
            .ok_or_else(|| usage(format!("{self} names no table"), format!("add it: {}/TABLE", self.to_string().trim_end_matches('/'))))
    }

    /// Whether executes cost next to nothing, because nothing is kept.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.endpoint, Endpoint::Embedded(path) if path == "null")
    }

    /// Whether this is the embedded engine, which needs neither client library nor login.
    pub fn is_embedded(&self) -> bool {
        matches!(self.endpoint, Endpoint::Embedded(_))
    }

    /// What a session needs to log in. Without a user and a password the login is external. `client_lib_dir` stays empty: where the embedded
    /// engine lies is known to the caller.
    pub fn connect_options(&self, password: Option<Secret>) -> ConnectOptions {
        let connect_string = match &self.endpoint {
            Endpoint::Service { host, port: Some(port), service } => format!("//{host}:{port}/{service}"),
            Endpoint::Service { host, port: None, service } => format!("//{host}/{service}"),
            Endpoint::TnsAlias(alias) => alias.clone(),
            Endpoint::Embedded(path) => path.clone(),
        };
        let external_auth = !self.is_embedded() && self.username.is_none() && password.is_none();
        let label = Target { table: None, ..self.clone() }.to_string();
        ConnectOptions {
            username: self.username.clone(),
            password,
            connect_string,
            external_auth,
            client_lib_dir: None,
            label,
            call_timeout_ms: None,
        }
    }
}

impl fmt::Display for Target {
    /// A form that parses back; it never held a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = |f: &mut fmt::Formatter<'_>| match &self.username {
            Some(user) => write!(f, "{}@", percent_encode(user)),
            None => Ok(()),
        };
        match &self.endpoint {
            Endpoint::Service { host, port, service } => {
                f.write_str("oracle://")?;
                user(f)?;
                match port {
                    Some(port) => write!(f, "{host}:{port}/{service}")?,
                    // The slash at the end keeps a service from being read as a table.
                    None => write!(f, "{host}/{service}{}", if self.table.is_none() { "/" } else { "" })?,
                }
            }
            Endpoint::TnsAlias(alias) => {
                f.write_str("oracle://")?;
                user(f)?;
                f.write_str(alias)?;
            }
            Endpoint::Embedded(path) => {
                write!(f, "embedded:{path}")?;
                if self.table.is_none() && split_path(path).len() > 1 && !is_database_file(path) {
                    f.write_str("/")?;
                }
            }
        }
        match &self.table {
            Some(TableName { schema: Some(schema), table }) => write!(f, "/{}.{}", quote(schema), quote(table)),
            Some(TableName { schema: None, table }) => write!(f, "/{}", quote(table)),
            None => Ok(()),
        }
    }
}

fn quote(name: &str) -> String {
    let bare = sql::is_plain_identifier(name) && sql::dictionary_name(name) == name;
    if bare { name.to_owned() } else { format!("\"{name}\"") }
}

fn usage(message: impl Into<String>, remedy: impl Into<String>) -> Error {
    Error::Usage { message: message.into(), remedy: remedy.into() }
}

/// `text` after `scheme` in any case.
fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    text.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme)).map(|_| &text[scheme.len()..])
}

/// Beginnings that people know from elsewhere, with what to write instead. None of the messages repeats the text: it may hold a password.
fn refuse_near_misses(text: &str) -> Result<()> {
    let lower = text.to_ascii_lowercase();
    let (message, remedy) = match lower.as_str() {
        "" => ("the target is empty".to_owned(), format!("write {EXAMPLES}")),
        t if t.starts_with("jdbc:oracle:") => (
            "this is a JDBC URL".into(),
            "for jdbc:oracle:thin:@//HOST:PORT/SERVICE write oracle://USER@HOST:PORT/SERVICE/TABLE (a SID needs a TNS alias)".into(),
        ),
        t if t.starts_with("oracle+") => {
            ("oracle+DRIVER: is a SQLAlchemy URL".into(), "write oracle://USER@HOST:PORT/SERVICE/TABLE, without a driver".into())
        }
        t if t.starts_with("oracle:") && !t.starts_with("oracle://") => {
            ("oracle: needs two slashes".into(), "write oracle://USER@HOST:PORT/SERVICE/TABLE".into())
        }
        t if t.starts_with("embedded://") => {
            ("embedded: takes a path, not a host".into(), "write embedded:demo.db/TABLE, or embedded:/absolute/demo.db/TABLE".into())
        }
        t if !t.contains("://") && !t.starts_with("embedded:") && t.contains('@') => {
            ("this is a SQL*Plus connect string".into(), format!("write {EXAMPLES}; {NO_PASSWORD}"))
        }
        t if ["parquet", "csv", "json"].iter().any(|e| t.ends_with(&format!(".{e}"))) && !t.contains(':') => (
            "the target is a file, not a table".into(),
            format!("put sources first and the target last: olbridge copy FILE TARGET; write {EXAMPLES}"),
        ),
        t if is_database_file(t) && !t.contains(':') => {
            ("the target has no scheme".into(), format!("for the embedded engine write embedded:{text}/TABLE"))
        }
        _ => return Ok(()),
    };
    Err(usage(message, remedy))
}

/// Splits at slashes outside double quotes.
fn split_path(text: &str) -> Vec<&str> {
    let mut segments = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'/' if !quoted => {
                segments.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    segments.push(&text[start..]);
    segments
}

fn parse_oracle(rest: &str) -> Result<Target> {
    let (username, rest) = split_user(rest)?;
    if rest.contains('?') && !rest.contains('"') {
        return Err(usage(
            "parameters after ? are not supported",
            "put them into tnsnames.ora and name the TNS alias: oracle://USER@ALIAS/TABLE",
        ));
    }
    let segments = split_path(rest);
    let (host, port) = split_port(segments[0])?;
    let service = |service: &str| Endpoint::Service { host: host.clone(), port, service: service.to_owned() };
    let alias = || Endpoint::TnsAlias(host.clone());
    let (endpoint, table) = match (&segments[1..], port) {
        ([], None) | ([""], None) => (alias(), None),
        ([], Some(_)) | ([""], Some(_)) => {
            return Err(usage(
                format!("host {host} with a port, but no service"),
                format!("add it, and a table: oracle://USER@{host}:{}/SERVICE/TABLE", port.unwrap_or(1521)),
            ));
        }
        ([name], Some(_)) | ([name, ""], _) => (service(name), None),
        ([table], None) => (alias(), Some(parse_table(table)?)),
        ([name, table], _) => (service(name), Some(parse_table(table)?)),
        _ => {
            return Err(usage(
                "too many slashes in the target",
                "write SCHEMA.TABLE with a point; a name with a slash goes in double quotes",
            ));
        }
    };
    match &endpoint {
        Endpoint::Service { service, .. } if service.is_empty() => {
            Err(usage("the service is empty", format!("write oracle://USER@{host}:1521/SERVICE/TABLE")))
        }
        Endpoint::Service { service, .. } => check_plain("service", service).map(|()| Target { endpoint, username, table }),
        _ => Ok(Target { endpoint, username, table }),
    }
}

/// `USER@` off the front; the last `@` before a quote ends the user, so that a password with `@` or `/` in it is found and refused.
fn split_user(rest: &str) -> Result<(Option<String>, &str)> {
    let unquoted = rest.split('"').next().unwrap_or_default();
    let Some(at) = unquoted.rfind('@') else { return Ok((None, rest)) };
    let user = percent_decode(&rest[..at]);
    if user.contains(':') || user.contains('/') {
        return Err(usage(
            "a password does not belong in the target: others see it in the process list and the shell history",
            NO_PASSWORD,
        ));
    }
    if user.is_empty() {
        return Err(usage("nothing before the @", "name the user, or leave out the @ for external authentication"));
    }
    Ok((Some(user), &rest[at + 1..]))
}

fn split_port(authority: &str) -> Result<(String, Option<u16>)> {
    let after_bracket = authority.rfind(']').map_or(0, |i| i + 1);
    let (host, port) = match authority[after_bracket..].split_once(':') {
        Some((host_end, port)) => (&authority[..after_bracket + host_end.len()], Some(port)),
        None => (authority, None),
    };
    if host.is_empty() {
        return Err(usage("the host is empty", format!("write {EXAMPLES}")));
    }
    check_plain("host", host)?;
    let port = match port {
        None => None,
        // Not repeated: a password may have ended up here.
        Some(port) => Some(port.parse::<u16>().ok().filter(|p| *p > 0).ok_or_else(|| {
            usage(
                format!("what follows {host}: is not a port (1 to 65535)"),
                "write oracle://USER@HOST:1521/SERVICE/TABLE; an IPv6 address goes in brackets",
            )
        })?),
    };
    Ok((host.to_owned(), port))
}

fn check_plain(what: &str, text: &str) -> Result<()> {
    match text.chars().find(|c| c.is_whitespace() || c.is_control() || "()\"'=".contains(*c)) {
        None => Ok(()),
        Some(c) => Err(usage(format!("the {what} contains {c:?}"), "put a connect descriptor into tnsnames.ora and name the TNS alias")),
    }
}

fn parse_embedded(rest: &str) -> Result<Target> {
    let segments = split_path(rest);
    let last = segments[segments.len() - 1];
    let is_path_only = segments.len() == 1 || last.is_empty() || is_database_file(last);
    let path = match (is_path_only, last.is_empty()) {
        (true, true) => rest.trim_end_matches('/'),
        (true, false) => rest,
        (false, _) => rest[..rest.len() - last.len()].trim_end_matches('/'),
    };
    if path.is_empty() {
        return Err(usage("embedded: without a file", "write embedded:demo.db/TABLE, embedded::memory:/TABLE or embedded:null/TABLE"));
    }
    if path.contains('"') {
        return Err(usage("a double quote in the path of the embedded database", "quote the table only: embedded:demo.db/\"Mixed Case\""));
    }
    if path.contains('@') && !path.contains('/') && path.contains(':') {
        return Err(usage("embedded: has no users and no password", "write embedded:demo.db/TABLE"));
    }
    let table = if is_path_only { None } else { Some(parse_table(last)?) };
    Ok(Target { endpoint: Endpoint::Embedded(path.to_owned()), username: None, table })
}

/// A last segment that is a file rather than `SCHEMA.TABLE`.
fn is_database_file(segment: &str) -> bool {
    let extension = segment.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    extension.is_some_and(|e| ["db", "db3", "sqlite", "sqlite3"].contains(&e.as_str()))
}

/// `[SCHEMA.]TABLE` with Oracle's rules: upper-case unless quoted.
///
/// # Errors
/// [`Error::Usage`] for what would not be a name without quotes.
pub fn parse_table(text: &str) -> Result<TableName> {
    let (first, rest) = parse_name(text, text)?;
    let Some(rest) = rest.strip_prefix('.') else {
        return if rest.is_empty() { Ok(TableName { schema: None, table: first }) } else { Err(not_a_name(text)) };
    };
    let (table, rest) = parse_name(rest, text)?;
    if !rest.is_empty() {
        return Err(not_a_name(text));
    }
    Ok(TableName { schema: Some(first), table })
}

/// One name off the front of `text`: what it is in the dictionary, and the rest.
fn parse_name<'a>(text: &'a str, whole: &str) -> Result<(String, &'a str)> {
    let (name, rest) = match text.strip_prefix('"') {
        Some(quoted) => {
            let end = quoted
                .find('"')
                .ok_or_else(|| usage(format!("the quote in {whole} is not closed"), "put single quotes around the target in the shell"))?;
            (quoted[..end].to_owned(), &quoted[end + 1..])
        }
        None => {
            let end = text.find(['.', '"']).unwrap_or(text.len());
            if !sql::is_plain_identifier(&text[..end]) {
                return Err(not_a_name(whole));
            }
            (text[..end].to_ascii_uppercase(), &text[end..])
        }
    };
    sql::identifier(&name)?;
    Ok((name, rest))
}

fn not_a_name(text: &str) -> Error {
    let remedy = match text {
        t if t.contains('@') => "a database link cannot be loaded through; connect to the other database".to_owned(),
        t if t.contains('"') => "write '\"Mixed Case\"' or '\"SCHEMA\".\"Mixed Case\"'".to_owned(),
        t => format!("quote a name that is not letters, digits, _ $ #: '\"{t}\"'"),
    };
    usage(format!("{text:?} is not a table name"), remedy)
}

/// Encodes what would end a user name early.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' | '@' | ':' | '/' | '"' | '?' | '#' | ' ' => encoded.push_str(&format!("%{:02X}", c as u32)),
            _ => encoded.push(c),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(host: &str, port: Option<u16>, service: &str) -> Endpoint {
        Endpoint::Service { host: host.into(), port, service: service.into() }
    }

    fn alias(name: &str) -> Endpoint {
        Endpoint::TnsAlias(name.into())
    }

    fn embedded(path: &str) -> Endpoint {
        Endpoint::Embedded(path.into())
    }

    #[test]
    fn what_each_form_means() {
        for (text, endpoint, user, table) in [
            ("oracle://scott@db:1521/FREEPDB1/EMP", service("db", Some(1521), "FREEPDB1"), Some("scott"), Some((None, "EMP"))),
            ("oracle://scott@db/FREEPDB1/emp", service("db", None, "FREEPDB1"), Some("scott"), Some((None, "EMP"))),
            (
                "oracle://db.example.com:1522/svc.example.com:pooled/hr.emp",
                service("db.example.com", Some(1522), "svc.example.com:pooled"),
                None,
                Some((Some("HR"), "EMP")),
            ),
            ("oracle://[::1]:1521/s/t", service("[::1]", Some(1521), "s"), None, Some((None, "T"))),
            ("oracle://[fe80::2]/s/t", service("[fe80::2]", None, "s"), None, Some((None, "T"))),
            ("ORACLE://scott@db:1521/s", service("db", Some(1521), "s"), Some("scott"), None),
            ("oracle://scott@db/s/", service("db", None, "s"), Some("scott"), None),
            ("oracle://scott@PROD/emp", alias("PROD"), Some("scott"), Some((None, "EMP"))),
            ("oracle://PROD/\"Mixed Case\"", alias("PROD"), None, Some((None, "Mixed Case"))),
            ("oracle://PROD/\"a/b\".\"c.d@e\"", alias("PROD"), None, Some((Some("a/b"), "c.d@e"))),
            ("oracle://PROD/app.\"t\"", alias("PROD"), None, Some((Some("APP"), "t"))),
            ("oracle://scott@PROD", alias("PROD"), Some("scott"), None),
            ("oracle://prod.world/order", alias("prod.world"), None, Some((None, "ORDER"))),
            ("oracle://a%40b%20c@PROD/t", alias("PROD"), Some("a@b c"), Some((None, "T"))),
            ("oracle://proxy[app]@PROD/t$1#", alias("PROD"), Some("proxy[app]"), Some((None, "T$1#"))),
            ("embedded:demo.db/orders", embedded("demo.db"), None, Some((None, "ORDERS"))),
            ("embedded:/tmp/x/demo.db/app.orders", embedded("/tmp/x/demo.db"), None, Some((Some("APP"), "ORDERS"))),
            ("embedded:null/T", embedded("null"), None, Some((None, "T"))),
            ("embedded::memory:/T", embedded(":memory:"), None, Some((None, "T"))),
            ("embedded:demo.db", embedded("demo.db"), None, None),
            ("embedded:dir/demo.sqlite3", embedded("dir/demo.sqlite3"), None, None),
            ("embedded:dir/demo/", embedded("dir/demo"), None, None),
            ("embedded::memory:", embedded(":memory:"), None, None),
            ("embedded:demo.db/\"demo.db\"", embedded("demo.db"), None, Some((None, "demo.db"))),
            ("embedded:my dir/a@b.db/T", embedded("my dir/a@b.db"), None, Some((None, "T"))),
        ] {
            let target: Target = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            let table =
                table.map(|(schema, table): (Option<&str>, &str)| TableName { schema: schema.map(str::to_owned), table: table.into() });
            assert_eq!(target, Target { endpoint, username: user.map(str::to_owned), table }, "{text}");
            assert_eq!(target.to_string().parse::<Target>().unwrap(), target, "{text} shown as {target}");
        }
    }

    #[test]
    fn near_misses_say_what_to_write() {
        for (text, word, remedy) in [
            ("", "empty", "embedded:demo.db/TABLE"),
            ("oracle:/x", "two slashes", "oracle://USER@HOST"),
            ("oracle:scott@db/t", "two slashes", "oracle://USER@HOST"),
            ("jdbc:oracle:thin:@//db:1521/s", "JDBC", "oracle://USER@HOST"),
            ("oracle+oracledb://scott@db/s", "SQLAlchemy", "without a driver"),
            ("postgres://db/x", "\"postgres\"", "oracle://USER@HOST"),
            ("demo.db", "no scheme", "embedded:demo.db/TABLE"),
            ("out.parquet", "is a file", "target last"),
            ("EMP", "no scheme", "oracle://"),
            ("embedded://demo.db/T", "not a host", "embedded:demo.db"),
            ("embedded:", "without a file", "embedded:demo.db"),
            ("embedded:/T", "without a file", "embedded:demo.db"),
            ("oracle://", "host is empty", "oracle://"),
            ("oracle://@db/t", "before the @", "external"),
            ("oracle://scott@db:1521", "no service", "db:1521/SERVICE/TABLE"),
            ("oracle://scott@db:1521/", "no service", "db:1521/SERVICE/TABLE"),
            ("oracle://scott@db:x1/s/t", "not a port", "1521"),
            ("oracle://scott@db:0/s/t", "not a port", "1521"),
            ("oracle://db:1521//t", "service is empty", "SERVICE"),
            ("oracle://db/s/app/t", "too many slashes", "SCHEMA.TABLE"),
            ("oracle://db/s/t?wallet=/x", "parameters", "tnsnames.ora"),
            ("oracle://(DESCRIPTION=x)/t", "'('", "tnsnames.ora"),
            ("oracle://db/s/my-table", "not a table name", "'\"my-table\"'"),
            ("oracle://db/s/a.b.c", "not a table name", "quote"),
            ("oracle://db/s/\"t", "not closed", "single quotes"),
            ("oracle://db/s/\"\"", "empty", "name"),
        ] {
            let message = text.parse::<Target>().expect_err(text).to_string();
            assert!(message.contains(word) && message.contains(remedy), "{text}: {message}");
        }
    }

    #[test]
    fn passwords_are_refused_and_not_repeated() {
        for text in [
            "oracle://scott:tiger@db:1521/s/t",
            "oracle://scott:ti/ger@db:1521/s/t",
            "oracle://scott:ti@ger@db/s/t",
            "oracle://scott/tiger@db/s/t",
            "oracle://scott%3Atiger@db/s/t",
            "scott/tiger@db:1521/s",
            "jdbc:oracle:thin:scott/tiger@db:1521:sid",
            "oracle:scott/tiger@db",
            "oracle+cx_oracle://scott:tiger@db/s",
            "postgres://scott:tiger@db/s",
            "oracle://scott:tiger",
        ] {
            let message = text.parse::<Target>().expect_err(text).to_string();
            assert!(!message.contains("tiger") && !message.contains("ger@"), "{text}: {message}");
        }
        let message = "oracle://scott:tiger@db:1521/s/t".parse::<Target>().unwrap_err().to_string();
        assert!(message.contains("OLBRIDGE_PASSWORD") && message.contains("--password-file"), "{message}");
    }

    #[test]
    fn a_missing_table_is_asked_for() {
        for (text, remedy) in [
            ("embedded:demo.db", "embedded:demo.db/TABLE"),
            ("oracle://u@db/s/", "oracle://u@db/s/TABLE"),
            ("embedded:a/b/", "embedded:a/b/TABLE"),
        ] {
            let target: Target = text.parse().unwrap();
            assert!(target.require_table().unwrap_err().to_string().contains(remedy));
        }
    }

    #[test]
    fn connect_options_carry_what_the_client_wants() {
        let options = |text: &str, password: Option<&str>| text.parse::<Target>().unwrap().connect_options(password.map(Secret::new));
        let scott = options("oracle://scott@db:1521/s/t", Some("tiger"));
        assert_eq!((scott.connect_string.as_str(), scott.username.as_deref(), scott.external_auth), ("//db:1521/s", Some("scott"), false));
        assert_eq!(scott.label, "oracle://scott@db:1521/s");
        assert!(!format!("{scott:?}").contains("tiger"));
        assert_eq!(options("oracle://db/s/t", None).connect_string, "//db/s");
        assert!(options("oracle://PROD/t", None).external_auth);
        let demo = options("embedded:x/demo.db/t", None);
        assert_eq!((demo.connect_string.as_str(), demo.external_auth), ("x/demo.db", false));
    }
}
