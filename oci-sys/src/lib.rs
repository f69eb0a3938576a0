//! Raw OCI.
