//! What DDL and the other commands say, once read.

use super::super::block::UnitKind;
use super::super::catalog::{ConstraintKind, OnDelete};
use super::super::tokens::ObjectName;
use super::super::types::DataType;
use super::{SequenceOptions, TableChange};

/// A column in CREATE TABLE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnDef {
    pub name: String,
    pub data_type: DataType,
    pub default: Option<String>,
    /// DEFAULT ON NULL.
    pub default_on_null: bool,
    pub identity: Option<IdentityDef>,
}

/// GENERATED … AS IDENTITY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdentityDef {
    /// ALWAYS, and not BY DEFAULT.
    pub always: bool,
    pub sequence: SequenceOptions,
}

/// A column in ALTER TABLE … MODIFY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnChange {
    pub name: String,
    pub data_type: Option<DataType>,
    pub default: Option<String>,
    pub becomes_nullable: bool,
    pub constraints: Vec<ConstraintDef>,
}

/// A constraint or index to be made; unnamed ones get a name later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConstraintDef {
    pub name: Option<String>,
    pub kind: ConstraintKind,
    pub columns: Vec<String>,
    /// Of CHECK.
    pub condition: Option<String>,
    /// Of a foreign key: the table, its columns (none: its primary key), and what happens to rows whose parent goes.
    pub references: Option<(ObjectName, Vec<String>, OnDelete)>,
}

impl ConstraintDef {
    /// An unnamed one.
    pub fn new(kind: ConstraintKind, columns: Vec<String>) -> ConstraintDef {
        ConstraintDef { name: None, kind, columns, condition: None, references: None }
    }
}

/// How long a table and its rows live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Lifetime {
    /// Until they are dropped or deleted.
    #[default]
    Permanent,
    /// GLOBAL TEMPORARY … ON COMMIT DELETE ROWS.
    Transaction,
    /// GLOBAL TEMPORARY … ON COMMIT PRESERVE ROWS.
    Session,
    /// PRIVATE TEMPORARY … ON COMMIT DROP DEFINITION.
    PrivateTransaction,
    /// PRIVATE TEMPORARY … ON COMMIT PRESERVE DEFINITION.
    PrivateSession,
}

impl Lifetime {
    /// Whether the table itself belongs to one session.
    pub fn is_private(self) -> bool {
        matches!(self, Lifetime::PrivateTransaction | Lifetime::PrivateSession)
    }
}

/// A statement that is neither a query nor DML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    CreateTable {
        table: ObjectName,
        columns: Vec<ColumnDef>,
        constraints: Vec<ConstraintDef>,
        lifetime: Lifetime,
    },
    /// CREATE TABLE … AS query.
    CreateTableAs {
        table: ObjectName,
        lifetime: Lifetime,
        query: String,
    },
    /// CREATE [OR REPLACE] VIEW; names of columns where given.
    CreateView {
        view: ObjectName,
        names: Vec<String>,
        query: String,
        replace: bool,
    },
    DropView {
        view: ObjectName,
    },
    AlterTable {
        table: ObjectName,
        change: TableChange,
    },
    DropTable {
        table: ObjectName,
        if_exists: bool,
        cascade: bool,
    },
    Truncate {
        table: ObjectName,
    },
    Rename {
        table: ObjectName,
        name: String,
    },
    CreateIndex {
        index: ObjectName,
        table: ObjectName,
        unique: bool,
        columns: Vec<String>,
    },
    DropIndex {
        index: ObjectName,
    },
    CreateSequence {
        sequence: ObjectName,
        options: SequenceOptions,
    },
    AlterSequence {
        sequence: ObjectName,
        options: SequenceOptions,
    },
    DropSequence {
        sequence: ObjectName,
    },
    Comment {
        table: ObjectName,
        column: Option<String>,
        text: String,
    },
    Grant {
        object: Option<ObjectName>,
        users: Vec<String>,
    },
    DropUser {
        name: String,
        cascade: bool,
    },
    LockTable {
        tables: Vec<ObjectName>,
        /// Seconds to wait; none: as long as the session waits anyway.
        wait_s: Option<u64>,
    },
    SetUser {
        name: String,
        password: String,
        create: bool,
    },
    /// ALTER USER client GRANT or REVOKE CONNECT THROUGH proxy.
    ConnectThrough {
        client: String,
        proxy: String,
        granted: bool,
    },
    DropUnit {
        kind: UnitKind,
        unit: ObjectName,
    },
    CreateEdition {
        name: String,
    },
    KillSession {
        sid: u32,
        serial: u32,
    },
    AlterSession {
        settings: Vec<(String, String)>,
    },
    Savepoint {
        name: String,
    },
    RollbackTo {
        name: String,
    },
    Commit,
    Rollback,
}

impl Command {
    /// Whether it commits before and after, as DDL does.
    pub fn is_ddl(&self) -> bool {
        if let Command::CreateTable { lifetime, .. } | Command::CreateTableAs { lifetime, .. } = self {
            return !lifetime.is_private();
        }
        !matches!(
            self,
            Command::AlterSession { .. }
                | Command::KillSession { .. }
                | Command::LockTable { .. }
                | Command::Savepoint { .. }
                | Command::RollbackTo { .. }
                | Command::Commit
                | Command::Rollback
        )
    }
}
