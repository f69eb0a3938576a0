//! A database that the load suite runs against: the embedded engine in a fresh file, or the one that the environment names.

use std::cell::RefCell;
use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Outcome, TIME_LIMIT, Workspace, csv, finish, skipped};

/// Where a test's tables are. Tables of a real database are dropped at the end.
pub struct Database {
    workspace: Workspace,
    /// Target without the table.
    location: String,
    password: Option<String>,
    /// The release that the embedded engine says it is; none: its own choice.
    release: Option<&'static str>,
    /// What else the command finds in its environment.
    environment: Vec<(String, String)>,
    drop_at_end: RefCell<Vec<String>>,
}

impl Database {
    /// A file of the embedded engine that does not exist yet.
    pub fn embedded() -> Self {
        Self::of_release(None)
    }

    fn of_release(release: Option<&'static str>) -> Self {
        let location = "embedded:data.db".into();
        Database {
            workspace: Workspace::new(),
            location,
            password: None,
            release,
            environment: Vec::new(),
            drop_at_end: RefCell::default(),
        }
    }

    /// The same, for a command that finds these variables in its environment.
    #[cfg(feature = "delta")]
    pub fn with_environment(mut self, environment: Vec<(String, String)>) -> Self {
        self.environment = environment;
        self
    }

    /// The same, as a server of release 23: it has BOOLEAN and JSON.
    pub fn embedded_23() -> Self {
        Self::of_release(Some("23"))
    }

    /// The database of `OLBRIDGE_TEST_TARGET`, `_USER` and `_PASSWORD`; `None`, with the reason printed, without them.
    pub fn live(test: &str) -> Option<Self> {
        let setting = |name: &str| env::var(format!("OLBRIDGE_TEST_{name}")).ok();
        let (Some(target), Some(user), Some(password)) = (setting("TARGET"), setting("USER"), setting("PASSWORD")) else {
            let reason = "OLBRIDGE_TEST_TARGET, OLBRIDGE_TEST_USER and OLBRIDGE_TEST_PASSWORD are not set (docker/README.md)";
            skipped(&format!("live::{test}"), reason);
            return None;
        };
        let location = format!("oracle://{user}@{target}");
        let (workspace, password) = (Workspace::new(), Some(password));
        Some(Database { workspace, location, password, release: None, environment: Vec::new(), drop_at_end: RefCell::default() })
    }

    pub fn is_embedded(&self) -> bool {
        self.password.is_none()
    }

    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// A table name that no other test uses.
    pub fn table(&self, name: &str) -> String {
        if self.is_embedded() {
            return name.to_owned();
        }
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let unique = format!("OLBRIDGE_T_{}_{}_{name}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        self.drop_at_end.borrow_mut().push(unique.clone());
        unique
    }

    /// The target for a table.
    pub fn target(&self, table: &str) -> String {
        format!("{}/{table}", self.location)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.workspace.command(arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(release) = self.release {
            command.env("OLBRIDGE_EMBEDDED_RELEASE", release);
        }
        if let Some(password) = &self.password {
            command.env("OLBRIDGE_PASSWORD", password);
            for variable in ["OLBRIDGE_OCI_LIB_DIR", "LD_LIBRARY_PATH", "TNS_ADMIN", "ORACLE_HOME"] {
                if let Some(value) = env::var_os(variable) {
                    command.env(variable, value);
                }
            }
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Outcome {
        finish(self.command(arguments), TIME_LIMIT)
    }

    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}\n{outcome}");
        outcome.stdout
    }

    /// Runs a statement.
    #[track_caller]
    pub fn sql(&self, statement: &str) -> String {
        self.ok(&["sql", &self.location, statement, "--format", "csv"])
    }

    /// The rows of a query.
    #[track_caller]
    pub fn rows(&self, query: &str) -> Vec<Vec<Option<String>>> {
        csv::parse(&self.sql(query)).split_off(1)
    }

    /// How many rows a table has.
    #[track_caller]
    pub fn count(&self, table: &str) -> u64 {
        self.rows(&format!("SELECT COUNT(*) FROM {table}"))[0][0].as_deref().unwrap().parse().unwrap()
    }

    #[track_caller]
    pub fn exists(&self, table: &str) -> bool {
        let outcome = self.run(&["describe", &self.target(table)]);
        assert!(outcome.code == 0 || outcome.code == 7 && outcome.stderr.contains("ORA-00942"), "{outcome}");
        outcome.code == 0
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        for table in self.drop_at_end.take() {
            // A test may not have made it.
            let _ = self.run(&["sql", &self.location, &format!("DROP TABLE {table} PURGE")]);
        }
    }
}
