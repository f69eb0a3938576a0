//! The load suite against a real database, named by the environment (docker/README.md).

use crate::support::database::Database;

crate::loads::load_suite!(Database::live);
