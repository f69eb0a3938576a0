/* olbridge: tables between Oracle and the lakehouse, for hosts in C and in languages that speak C.
 *
 *   cargo build --release          gives target/release/libolbridge.so (.dylib, .dll)
 *   cc -I include host.c -L target/release -lolbridge
 *
 * Conventions
 *   - Functions give a status: OLBRIDGE_OK or one of the others. With a status other than OLBRIDGE_OK, *error (unless error is null) is an object that
 *     says more and that the caller frees; otherwise it is set to null.
 *   - Text is UTF-8 and ends in a zero byte. Text that olbridge gives out is freed by olbridge_string_free.
 *   - Options are a JSON object; null stands for {}. A member that is not known is refused, not ignored.
 *   - Rows cross as Arrow C streams. A stream that olbridge gives out is released by its own release callback.
 *   - A session may be used from any thread. Its calls are carried out one after another; streams of olbridge_read may be read between them, also while
 *     rows are loaded into the same session.
 */
#ifndef OLBRIDGE_H
#define OLBRIDGE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when a caller has to be compiled anew: compare it with olbridge_abi_version(). */
#define OLBRIDGE_ABI_VERSION 1

/* The Arrow C data and C stream interfaces, as their specification has them, for callers that do not have them from elsewhere. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
  int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
  const char *(*get_last_error)(struct ArrowArrayStream *);
  void (*release)(struct ArrowArrayStream *);
  void *private_data;
};

#endif /* ARROW_C_STREAM_INTERFACE */

/* How a call ended. */
enum {
  OLBRIDGE_OK = 0,
  OLBRIDGE_DEFECT = 1,          /* a defect of olbridge */
  OLBRIDGE_USAGE = 2,           /* the call itself is wrong */
  OLBRIDGE_CONNECT = 3,         /* no client library, no connection or no login */
  OLBRIDGE_PLAN = 4,            /* types or columns do not fit; nothing has moved */
  OLBRIDGE_ROW = 5,             /* a row was refused; nothing of the call stays */
  OLBRIDGE_STORAGE = 6,         /* a file, a storage or the caller's stream could not be read or written */
  OLBRIDGE_DATABASE = 7,        /* the database refused a statement; nothing of the call stays */
  OLBRIDGE_INTERRUPTED = 130,   /* broken off by olbridge_cancel */
  OLBRIDGE_LOST = 200,          /* the connection is lost: what was not committed is rolled back; olbridge_reconnect */
  OLBRIDGE_COMMIT_UNKNOWN = 201 /* the answer to a commit was lost, and nobody knows whether it has happened */
};

uint32_t olbridge_abi_version(void);

void olbridge_string_free(char *text);

/* Errors. */

typedef struct OlbridgeError OlbridgeError;

int32_t olbridge_error_status(const OlbridgeError *error);
/* What happened, where, and what to do next; lives as long as the error. */
const char *olbridge_error_message(const OlbridgeError *error);
/* The column that it is about, or null. */
const char *olbridge_error_column(const OlbridgeError *error);
/* The ORA code, or 0. */
int32_t olbridge_error_ora_code(const OlbridgeError *error);
/* The row of the caller's stream that was refused, from 1, or 0. */
uint64_t olbridge_error_row(const OlbridgeError *error);
void olbridge_error_free(OlbridgeError *error);

/* Sessions. */

typedef struct OlbridgeSession OlbridgeSession;

/* Logs in. target: "oracle://USER@HOST:PORT/SERVICE", "oracle://USER@TNS_ALIAS" or "embedded:PATH".
 * options: {"password": text | "password_env": NAME | "password_file": PATH, "client_lib_dir": DIR, "call_timeout_ms": n} */
int32_t olbridge_connect(const char *target, const char *options, OlbridgeSession **session, OlbridgeError **error);

/* Closes it; what is not committed is rolled back. No other call may be using it. */
void olbridge_disconnect(OlbridgeSession *session);

/* What became of the work that was under way when the connection was lost. */
enum {
  OLBRIDGE_ROLLED_BACK = 0,
  OLBRIDGE_COMMITTED = 1,      /* the commit has happened, and only its answer was lost: Transaction Guard says so */
  OLBRIDGE_OUTCOME_UNKNOWN = 2 /* a commit was under way, and the service has no Transaction Guard: look at the tables */
};

/* Logs in again after OLBRIDGE_LOST or OLBRIDGE_COMMIT_UNKNOWN. Streams of before are closed. outcome may be null. */
int32_t olbridge_reconnect(const OlbridgeSession *session, int32_t *outcome, OlbridgeError **error);

/* From any thread: breaks off the call that is under way, which then gives OLBRIDGE_INTERRUPTED. Harmless when there is none. */
int32_t olbridge_cancel(const OlbridgeSession *session, OlbridgeError **error);

/* Transactions. Without one that is open, each call commits by itself. A call that fails takes back itself, and nothing else. */

int32_t olbridge_begin(const OlbridgeSession *session, OlbridgeError **error);
/* rows may be null; it gets the rows that the transaction has changed. */
int32_t olbridge_commit(const OlbridgeSession *session, uint64_t *rows, OlbridgeError **error);
int32_t olbridge_rollback(const OlbridgeSession *session, uint64_t *rows, OlbridgeError **error);
int32_t olbridge_savepoint(const OlbridgeSession *session, const char *name, OlbridgeError **error);
int32_t olbridge_rollback_to(const OlbridgeSession *session, const char *name, OlbridgeError **error);
/* json: {"state": "autocommit" | "open" | "must_roll_back" | "lost" | "lost_in_commit", "rows_changed": n, "savepoints": [text],
 *        "database_says_open": true | false | null} */
int32_t olbridge_transaction_status(const OlbridgeSession *session, char **json, OlbridgeError **error);

/* A statement without placeholders; rows may be null. */
int32_t olbridge_execute(const OlbridgeSession *session, const char *sql, uint64_t *rows, OlbridgeError **error);

/* Reading and loading. */

/* Rows of a table or a query, as the open transaction sees them. The stream may be read in parts and released early; several may be open.
 * options: {"table": "[SCHEMA.]TABLE" | "query": SQL, "columns": [NAME], "where": SQL, "limit": n, "as_of_scn": n,
 *           "as": {COLUMN: TYPE}, "number": TYPE, "lossy": "KIND,…", "batch_rows": n, "batch_bytes": n, "max_lob_bytes": n} */
int32_t olbridge_read(const OlbridgeSession *session, const char *options, struct ArrowArrayStream *stream, OlbridgeError **error);

/* The schema of such a stream, without reading. */
int32_t olbridge_read_schema(const OlbridgeSession *session, const char *options, struct ArrowSchema *schema, OlbridgeError **error);

/* All rows of a stream into a table that exists: all of them or none. They belong to the open transaction, or are committed when none is open.
 * The stream is consumed and released in any case.
 * options: {"table": "[SCHEMA.]TABLE", "mode": "append" | "upsert" | "update" | "delete", "key": [COLUMN], "columns": [NAME],
 *           "rename": {SOURCE: TARGET}, "count_not_found": bool, "lossy": "KIND,…", "batch_rows": n, "batch_bytes": n}
 * report (may be null): {"rows_loaded": n, "rows_affected": n, "rows_not_found": n, "executes": n, "convert_ms": n, "execute_ms": n} */
int32_t olbridge_load(const OlbridgeSession *session, const char *options, struct ArrowArrayStream *stream, char **report, OlbridgeError **error);

#ifdef __cplusplus
}
#endif

#endif /* OLBRIDGE_H */
