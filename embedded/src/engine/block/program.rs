//! What a block is once it has been parsed.

use super::super::DatumKind;
use super::super::session::Statement;
use super::super::translate::Local;
use super::{Call, VarType};

/// A variable with what it starts with.
pub(crate) struct Declaration {
    pub local: Local,
    pub var_type: VarType,
    pub initial: Option<Expression>,
}

/// `WHEN exception THEN steps`.
pub(crate) struct Handler {
    /// ORA numbers; none for OTHERS.
    pub codes: Vec<i32>,
    /// SQLCODE and SQLERRM in the steps.
    pub error: (Local, Local),
    pub steps: Vec<Step>,
}

/// A block.
pub(crate) struct Block {
    pub declarations: Vec<Declaration>,
    pub steps: Vec<Step>,
    pub handlers: Vec<Handler>,
}

/// What gets a value.
pub(crate) enum Target {
    /// A variable.
    Local(Local, VarType),
    /// A bind by its place, 0-based.
    Bind(usize),
    /// An element of the index-by table in a slot.
    Element { table: usize, var_type: VarType, index: Expression },
}

/// A value to be computed.
pub(crate) enum Expression {
    /// By SQL, after elements of tables were fetched into variables that it names.
    Sql { statement: Box<Statement>, fetches: Vec<Fetch> },
    /// A bind or a variable as it is.
    Slot(usize),
    /// A function's value.
    Call(Box<Call>),
}

/// Something of an index-by table that an expression needs.
pub(crate) struct Fetch {
    pub into: Local,
    pub var_type: VarType,
    /// Slot of the table.
    pub table: usize,
    pub what: Fetched,
}

/// What of it.
pub(crate) enum Fetched {
    Element(Box<Expression>),
    Count,
    First,
    Last,
}

/// What a cursor variable is opened for.
pub(crate) enum OpenFor {
    Query(Box<Expression>),
    Text { text: Expression, using: Vec<Expression> },
}

/// One statement of a block and its line.
pub(crate) struct Step {
    pub line: u64,
    pub action: Action,
}

/// What a step does.
pub(crate) enum Action {
    Null,
    Assign {
        target: Target,
        value: Expression,
    },
    If {
        branches: Vec<(Expression, Vec<Step>)>,
        otherwise: Vec<Step>,
    },
    For {
        variable: Local,
        reverse: bool,
        low: Expression,
        high: Expression,
        body: Vec<Step>,
    },
    Loop {
        condition: Option<Expression>,
        body: Vec<Step>,
    },
    Exit {
        condition: Option<Expression>,
    },
    Immediate {
        text: Expression,
        /// What the one row of a query goes into.
        into: Vec<Target>,
        using: Vec<Expression>,
    },
    /// DML with what RETURNING gives values to, or a command.
    Sql {
        statement: Box<Expression>,
        returning: Vec<Target>,
    },
    Select {
        query: Expression,
        targets: Vec<Target>,
    },
    Open {
        cursor: Target,
        of: OpenFor,
    },
    Fetch {
        cursor: usize,
        targets: Vec<Target>,
    },
    Close {
        cursor: usize,
    },
    Call(Box<Call>),
    Return(Option<Expression>),
    Block(Box<Block>),
    Raise,
    /// RAISE of a predefined exception.
    RaiseNamed {
        code: i32,
        text: &'static str,
    },
    RaiseError {
        code: Expression,
        text: Expression,
    },
}

/// A parsed block with the places of the binds that it assigns, 0-based, each name once.
pub(crate) struct Program {
    pub block: Block,
    pub out_binds: Vec<usize>,
    /// Variables of all blocks in it.
    pub locals: usize,
    /// Kinds of the binds, for those that have no value to tell.
    pub bind_kinds: Vec<DatumKind>,
}
