//! A session: rust-oracle logs in, we execute in the same session through a service context of our own.

use std::cell::Cell;
use std::ffi::c_void;

use oci_sys::*;
use oracle::oci_attr::handle::SvcCtx;
use oracle::oci_attr::mode::Read;
use oracle::oci_attr::{OciAttr, data_type::DataType};

use crate::error::{Error, Phase, Result};
use crate::layout::{BindCell, Layout};
use crate::oci::array::ArrayStatement;
use crate::oci::attribute::Attributes;
use crate::oci::cancel::{BreakTarget, CancelHandle};
use crate::oci::check::{OciError, check, is_session_dead, tidy};
use crate::oci::fetch::FetchStatement;
use crate::oci::guard::LastCommit;
use crate::oci::handle::Handle;
use crate::oci::library::{ClientInfo, client};
use crate::oci::options::ConnectOptions;
use crate::oci::remedy::remedy;
use crate::oci::statement::execute_alone;

/// A logged-in session. It may move to another thread, but is used by one at a time.
///
/// It owns the `oracle::Connection` by value and never lends it: `Connection::close` takes `&self` and would free the handles that we use.
pub struct Session {
    // Fields drop in this order: ours before the connection that their environment, server and session belong to.
    cancel: CancelHandle,
    error: Handle<OCIError>,
    service: Handle<OCISvcCtx>,
    handles: BorrowedHandles,
    api: &'static Api,
    connection: oracle::Connection,
    /// For [`Session::reconnect`].
    options: ConnectOptions,
    login_warning: Option<String>,
    /// The database is known to convert text from UTF-8. A `Cell`, so the type is not `Sync`, and must not be: OCI serialises calls, but an
    /// error handle must not be shared by threads.
    converts_text: Cell<bool>,
    is_breakable: Cell<bool>,
    last_commit: LastCommit,
}

// SAFETY: the environment is THREADED (rust-oracle always asks for it), so handles may be used from any one thread at a time, which `&mut`/owned
// access guarantees: the type is not Sync. The cancel target has an error handle of its own behind a mutex.
unsafe impl Send for Session {}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("client", &self.client()).finish_non_exhaustive()
    }
}

/// Handles of the connection: valid until it closes, never freed by us.
struct BorrowedHandles {
    env: *mut OCIEnv,
    session: *mut OCISession,
}

/// Service context attribute that is a handle. `N` is one of `OCI_ATTR_ENV`, `OCI_ATTR_SERVER`, `OCI_ATTR_SESSION`.
struct HandleAttribute<const N: u32>;
// SAFETY: the three attributes that are asked for are pointers to handles, and only read.
unsafe impl<const N: u32> OciAttr for HandleAttribute<N> {
    type HandleType = SvcCtx;
    type Mode = Read;
    type DataType = *mut c_void;
    const ATTR_NUM: u32 = N;
}
// The pointer type is rust-oracle's own data type for handles.
const _: fn() = || {
    fn is_data_type<T: DataType>() {}
    is_data_type::<*mut c_void>();
};

impl Session {
    /// Loads the client library (once per process) and says which it is, without a login.
    ///
    /// # Errors
    /// [`Error::Connect`] when there is no usable client library, or when the process already uses another one.
    pub fn load_client(options: &ConnectOptions) -> Result<ClientInfo> {
        client(options.client_lib_dir.as_deref(), &options.label).map(ClientInfo::from)
    }

    /// Loads the client library (once per process) and logs in.
    ///
    /// # Errors
    /// [`Error::Connect`] when there is no usable client library, when the process already uses another one, or when the login is refused.
    pub fn connect(options: &ConnectOptions) -> Result<Session> {
        let api = client(options.client_lib_dir.as_deref(), &options.label)?;
        let username = options.username.as_deref().unwrap_or_default();
        let password = options.password.as_ref().map(|secret| secret.expose()).unwrap_or_default();
        let mut connector = oracle::Connector::new(username, password, options.connect_string.as_str());
        let connection = connector.external_auth(options.external_auth).connect().map_err(|error| login_refused(&options.label, &error))?;
        // Kept by rust-oracle only until the next call.
        let login_warning = connection.last_warning().map(|warning| message_of(&warning));
        let session = Self::attach(api, connection, options, login_warning).map_err(|error| Error::Connect {
            target: options.label.clone(),
            ora_code: (error.ora_code != 0).then_some(error.ora_code),
            message: error.to_string(),
            remedy: remedy(error.ora_code).to_string(),
        })?;
        if options.call_timeout_ms.is_some() {
            session.set_call_timeout(options.call_timeout_ms)?;
        }
        Ok(session)
    }

    /// Another session with the same login, for a caller whose connection was lost.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn reconnect(&self) -> Result<Session> {
        Session::connect(&self.options)
    }

    /// Our own service context on the connection's environment, server and session.
    fn attach(
        api: &'static Api,
        connection: oracle::Connection,
        options: &ConnectOptions,
        login_warning: Option<String>,
    ) -> Result<Session, OciError> {
        let env = borrowed::<OCI_ATTR_ENV>(&connection)?.cast::<OCIEnv>();
        let server = borrowed::<OCI_ATTR_SERVER>(&connection)?;
        let session = borrowed::<OCI_ATTR_SESSION>(&connection)?;
        // SAFETY: the three handles are the connection's, alive until it closes, which is after `service`, `error` and the cancel target are
        // freed: on success by the order of the fields, on failure because locals drop before the parameter `connection`.
        unsafe {
            let error = Handle::<OCIError>::allocate(api, env)?;
            let service = Handle::<OCISvcCtx>::allocate(api, env)?;
            let attributes = Attributes::of(api, service.as_ptr().cast(), OCI_HTYPE_SVCCTX, error.as_ptr());
            attributes.set_handle(OCI_ATTR_SERVER, server, "set the server of the service context")?;
            attributes.set_handle(OCI_ATTR_SESSION, session, "set the session of the service context")?;
            let break_error = Handle::<OCIError>::allocate(api, env)?;
            let cancel = BreakTarget::of(api, service.as_ptr(), break_error);
            Ok(Session {
                cancel,
                error,
                service,
                handles: BorrowedHandles { env, session: session.cast() },
                api,
                connection,
                options: options.clone(),
                login_warning,
                converts_text: Cell::new(false),
                is_breakable: Cell::new(false),
                last_commit: LastCommit::default(),
            })
        }
    }

    pub(crate) fn api(&self) -> &'static Api {
        self.api
    }
    pub(crate) fn env(&self) -> *mut OCIEnv {
        self.handles.env
    }
    pub(crate) fn handle(&self) -> *mut OCISession {
        self.handles.session
    }
    pub(super) fn last_commit(&self) -> &LastCommit {
        &self.last_commit
    }
    pub(crate) fn service(&self) -> *mut OCISvcCtx {
        self.service.as_ptr()
    }
    pub(crate) fn connection(&self) -> &oracle::Connection {
        &self.connection
    }
    pub(crate) fn new_error_handle(&self) -> Result<Handle<OCIError>, OciError> {
        // SAFETY: the environment lives as long as the session; every caller keeps the handle in something that borrows the session.
        unsafe { Handle::allocate(self.api, self.handles.env) }
    }

    /// The client library in use.
    pub fn client(&self) -> ClientInfo {
        ClientInfo::from(self.api)
    }

    /// What the database said at a login that it let pass: the password expires in so many days (ORA-28002).
    pub fn login_warning(&self) -> Option<&str> {
        self.login_warning.as_deref()
    }

    /// The server's banner.
    pub fn server_version(&self) -> Result<String> {
        let (version, banner) = self.connection.server_version().map_err(|error| database_error(&error, Phase::Connect, None))?;
        let first_line = banner.lines().next().unwrap_or_default().trim();
        Ok(if first_line.is_empty() { version.to_string() } else { first_line.to_string() })
    }

    /// The server's major release: 19 of 19.3.
    pub fn server_release(&self) -> Result<u32> {
        let (version, _) = self.connection.server_version().map_err(|error| database_error(&error, Phase::Connect, None))?;
        Ok(u32::try_from(version.major()).unwrap_or(0))
    }

    /// Runs DDL or DML without placeholders; rows affected. DDL commits.
    pub fn execute_sql(&self, phase: Phase, table: Option<&str>, sql: &str) -> Result<u64> {
        let statement = self.connection.execute(sql, &[]).map_err(|error| database_error(&error, phase, table))?;
        statement.row_count().map_err(|error| database_error(&error, phase, table))
    }

    /// As [`Self::execute_sql`], and commits on success in the same round trip (`OCI_COMMIT_ON_SUCCESS`). A connection that is lost on the way is an
    /// error of [`Phase::Commit`], because nobody knows whether it happened; so is a call that was broken off.
    pub fn execute_and_commit(&self, sql: &str) -> Result<u64> {
        self.note_commit();
        execute_alone(self, sql, OCI_COMMIT_ON_SUCCESS).map_err(|(error, _)| {
            let in_doubt = error.is_session_dead() || matches!(error.ora_code, 1013 | 3156);
            error.into_error(if in_doubt { Phase::Commit } else { Phase::Execute }, None)
        })
    }

    /// Somebody can break off its calls: a cancel handle was given out, or calls have a time limit.
    pub fn is_breakable(&self) -> bool {
        self.is_breakable.get()
    }

    /// As [`Self::execute_sql`], for anything but a query. A connection that is lost in what may commit by itself, as DDL and blocks do, is an error of
    /// [`Phase::Commit`], because nobody knows whether it happened.
    pub fn execute_alone(&self, sql: &str) -> Result<u64> {
        self.note_commit();
        execute_alone(self, sql, OCI_DEFAULT).map_err(|(error, is_dml)| {
            let in_doubt = error.is_session_dead() && !is_dml;
            error.into_error(if in_doubt { Phase::Commit } else { Phase::Execute }, None)
        })
    }

    /// Limits every round trip from now on; `None` takes the limit away. A call that takes longer fails with ORA-03156 and is broken off; the
    /// connection usually stays.
    ///
    /// # Errors
    /// ORA-24315 when the client is older than 18.
    pub fn set_call_timeout(&self, limit_ms: Option<u32>) -> Result<()> {
        if limit_ms.is_some() && !self.api.version().has_call_timeout() {
            return Err(Error::Usage {
                message: format!("client {} knows no time limit of calls", self.client().version),
                remedy: "use a client of release 18 or later, or leave the limit out".into(),
            });
        }
        if !self.api.version().has_call_timeout() {
            return Ok(());
        }
        self.is_breakable.set(self.is_breakable.get() || limit_ms.is_some());
        let limit = limit_ms.map(|ms| std::time::Duration::from_millis(ms.into()));
        self.connection.set_call_timeout(limit).map_err(|error| database_error(&error, Phase::Connect, None))?;
        // SAFETY: the service context is ours and live; the attribute is a 32-bit number of milliseconds, 0 for none.
        unsafe {
            Attributes::of(self.api, self.service().cast(), OCI_HTYPE_SVCCTX, self.error.as_ptr()).set(
                OCI_ATTR_CALL_TIMEOUT,
                limit_ms.unwrap_or(0),
                "limit the time of calls",
            )
        }
        .map_err(|e| e.into_error(Phase::Connect, None))
    }

    /// What the database said of the last [`Self::execute_sql`] that it let pass: ORA-24344, a procedure was created with compilation errors.
    pub fn last_warning(&self) -> Option<String> {
        self.connection.last_warning().map(|warning| message_of(&warning))
    }

    /// Prepares array DML. `layouts` has one entry for each placeholder, in order of position.
    pub fn array_statement(&self, sql: &str, layouts: &[Layout], capacity_rows: u32) -> Result<ArrayStatement<'_>, OciError> {
        ArrayStatement::prepare(self, sql, layouts, &[], capacity_rows)
    }

    /// Executes a query and defines its columns; `layouts` has one entry for each. Fetches bring up to `capacity_rows` rows.
    /// `binds` has a value for each placeholder, in order of position.
    pub fn fetch_statement(
        &self,
        sql: &str,
        binds: &[BindCell],
        layouts: &[Layout],
        capacity_rows: u32,
    ) -> Result<FetchStatement<'_>, OciError> {
        FetchStatement::execute(self, sql, binds, layouts, capacity_rows)
    }

    /// Makes the session's transaction durable. A cancel does nothing meanwhile: nobody could say what has become of a commit that is broken off.
    pub fn commit(&self) -> Result<(), OciError> {
        self.note_commit();
        let _whole = self.cancel.unbroken();
        // SAFETY: live handles of this session, used by one thread at a time.
        unsafe {
            let status = (self.api.OCITransCommit)(self.service(), self.error.as_ptr(), OCI_DEFAULT);
            check(self.api, self.error.as_ptr(), status, "OCITransCommit", "commit").map(drop)
        }
    }

    /// Takes the session's transaction back.
    pub fn rollback(&self) -> Result<(), OciError> {
        // SAFETY: live handles of this session, used by one thread at a time.
        unsafe {
            let status = (self.api.OCITransRollback)(self.service(), self.error.as_ptr(), OCI_DEFAULT);
            check(self.api, self.error.as_ptr(), status, "OCITransRollback", "roll back").map(drop)
        }
    }

    /// A transaction is open; `None` when the client is too old to tell (before 12.1).
    pub fn transaction_in_progress(&self) -> Option<bool> {
        if !self.api.version().has_transaction_state() {
            return None;
        }
        // SAFETY: the session handle lives as long as the connection; the attribute is a 32-bit boolean.
        let open = unsafe {
            Attributes::of(self.api, self.handles.session.cast(), OCI_HTYPE_SESSION, self.error.as_ptr())
                .scalar::<i32>(OCI_ATTR_TRANSACTION_IN_PROGRESS, "read the transaction state")
        };
        open.ok().map(|open| open != 0)
    }

    /// Most bytes of a VARCHAR2: 32767 with MAX_STRING_SIZE = EXTENDED, else 4000, also when the client cannot tell.
    pub fn max_text_bytes(&self) -> u32 {
        if !self.api.version().has_extended_strings() {
            return 4000;
        }
        // SAFETY: the service context is ours; the attribute is one byte.
        let kind = unsafe {
            Attributes::of(self.api, self.service().cast(), OCI_HTYPE_SVCCTX, self.error.as_ptr())
                .scalar::<u8>(OCI_ATTR_VARTYPE_MAXLEN_COMPAT, "read the maximum string size")
        };
        if kind == Ok(OCI_VARTYPE_MAXLEN_COMPAT_EXTENDED) { 32767 } else { 4000 }
    }

    pub(crate) fn converts_text(&self) -> bool {
        self.converts_text.get()
    }

    pub(super) fn note_converts_text(&self, converts: bool) {
        self.converts_text.set(converts);
    }

    /// Interrupts this session's running call from another thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.is_breakable.set(true);
        self.cancel.clone()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // From here on a cancel does nothing; one that runs now is waited for.
        self.cancel.forget();
        // Closing a session must never commit. ODPI-C rolls back too, where the client can tell that a transaction is open.
        if self.transaction_in_progress() != Some(false) {
            let _ = self.rollback();
        }
    }
}

fn borrowed<const N: u32>(connection: &oracle::Connection) -> Result<*mut c_void, OciError> {
    let refused = |message: String| OciError::refused("OCIAttrGet", "take the handles of the connection", message);
    match connection.oci_attr::<HandleAttribute<N>>() {
        Ok(handle) if handle.is_null() => Err(refused(format!("attribute {N} of the service context is null"))),
        Ok(handle) => Ok(handle),
        Err(error) => Err(refused(error.to_string())),
    }
}

fn login_refused(label: &str, error: &oracle::Error) -> Error {
    let code = error.oci_code().filter(|&code| code != 0);
    Error::Connect { target: label.to_string(), ora_code: code, message: message_of(error), remedy: remedy(code.unwrap_or(0)).to_string() }
}

/// An error of rust-oracle as the library's own.
pub(crate) fn database_error(error: &oracle::Error, phase: Phase, table: Option<&str>) -> Error {
    // ODPI-C's own codes for a connection that it has given up: 1010 not connected, 1080 closed after an ORA error.
    const GONE: [i32; 2] = [1010, 1080];
    let gone = error.dpi_code().is_some_and(|code| GONE.contains(&code));
    let ora_code = error.oci_code().unwrap_or(if gone { 3114 } else { 0 });
    Error::Database {
        phase,
        table: table.map(str::to_string),
        ora_code,
        message: message_of(error),
        remedy: remedy(ora_code).to_string(),
        session_dead: gone || is_session_dead(ora_code),
    }
}

fn message_of(error: &oracle::Error) -> String {
    tidy(error.db_error().map_or_else(|| error.to_string(), |db| db.message().to_string()).as_str())
}
