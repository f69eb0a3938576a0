//! DDL at work: tables, their constraints, their changes, sequences, comments and users.

mod alter;
mod constraint;
mod rules;
mod sequence;
mod table;
mod temporary;
mod user;
