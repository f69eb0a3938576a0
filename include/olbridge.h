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
 *   - A session may be used from any thread. Its calls are carried out one after another: what comes during an olbridge_load waits for its end.
 *     olbridge_read, olbridge_read_schema and streams of olbridge_read are served also in between. Other calls from within the stream that is
 *     loaded are refused, because they would wait for themselves.
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
  OLBRIDGE_COMMIT_UNKNOWN = 201 /* a commit (a Delta table's too) lost its answer or was broken off, and nobody knows whether it has happened;
                                   olbridge_reconnect, or for a Delta table a look at its history */
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
 * report (may be null; set to null on an error): {"rows_loaded": n, "rows_affected": n, "rows_not_found": n, "executes": n, "convert_ms": n, "execute_ms": n} */
int32_t olbridge_load(const OlbridgeSession *session, const char *options, struct ArrowArrayStream *stream, char **report, OlbridgeError **error);

/* Delta tables.
 *
 * They need a library that was built with --features delta. In one that was not, olbridge_delta_open gives OLBRIDGE_USAGE and says so by name; the
 * other functions are there, and do the same.
 *
 *   - location: a path, "s3://…", "gs://…", "abfss://…", "az://…", "https://…" or "onelake://WORKSPACE/LAKEHOUSE/[SCHEMA/]TABLE"; "delta:" may
 *     stand before it.
 *   - Conditions and expressions are SQL over the table's columns, whose names keep their case. A value that its column cannot take exactly is refused.
 *   - What removes something needs "allow_destructive": true.
 *   - Each call is one commit or none, run again when other writers were faster; a caller's stream can be read once, so that a call with one is not.
 *   - commit: {"app_id": NAME, "epoch": n, "info": {KEY: VALUE}, "max_attempts": n}: an epoch that the table has already is not committed again.
 *   - files: {"compression": "none" | "snappy" | "gzip" | "lz4" | "zstd" | "zstd:LEVEL", "row_group_rows": n, "page_bytes": n, "dictionary": bool,
 *     "bloom_filters": [COLUMN]}
 *   - report (may be null): {"operation": text, "table": text, "outcome": "committed" | "already_committed" | "nothing" | "planned" | "done",
 *     "version": n, "attempts": n, …} and counts such as "rows", "rows_inserted", "files_added". */

typedef struct OlbridgeDelta OlbridgeDelta;

/* How stores are opened. Tables are kept open for cache_ms (default: a minute), so that work on many of them reads each log once.
 * options: {"connection": NAME, "connections_file": PATH, "credential": {"kind": …}, "options": {KEY: TEXT}, "cache_ms": n} */
int32_t olbridge_delta_open(const char *options, OlbridgeDelta **delta, OlbridgeError **error);
void olbridge_delta_close(OlbridgeDelta *delta);

/* Makes a table, of the columns of schema (which stays the caller's) or of those named.
 * options: {"columns": [{"name": text, "type": TYPE, "nullable": bool, "comment": text}], "partition_by": [COLUMN], "properties": {KEY: TEXT},
 *           "name": text, "comment": text, "if_not_exists": bool, "cast": ["zone" | "duration" | "time" | "sub-microsecond"], "commit": {…}}
 * report: … "created": bool, "same_schema": bool, "same_partitions": bool */
int32_t olbridge_delta_create(const OlbridgeDelta *delta, const char *location, const char *options, const struct ArrowSchema *schema, char **report,
                              OlbridgeError **error);

/* All rows of a stream, which is consumed and released in any case.
 * options: {"mode": "append" | "create" | "overwrite" | "error-if-exists" | "ignore", "replace_where": SQL, "schema_mode": "strict" | "merge" |
 *           "overwrite", "partition_by": [COLUMN], "properties": {KEY: TEXT}, "cast": [KIND or "narrow"], "target_file_bytes": n, "batch_rows": n,
 *           "files": {…}, "commit": {…}, "allow_destructive": bool} */
int32_t olbridge_delta_write(const OlbridgeDelta *delta, const char *location, const char *options, struct ArrowArrayStream *stream, char **report,
                             OlbridgeError **error);

/* The same, row by row against those that are there.
 * options: {"key": [COLUMN] | "on": SQL over source and target, "when": [CLAUSE], "source_only": [COLUMN], "cast": [KIND], "files": {…},
 *           "commit": {…}, "allow_destructive": bool}
 * CLAUSE: "matched [and SQL] then update set * | A = SQL, …", "matched [and SQL] then delete", "not matched [and SQL] then insert * | (A, …) values
 *         (SQL, …)", "not matched by source [and SQL] then update set A = SQL | delete"; the first that applies to a row is carried out. */
int32_t olbridge_delta_merge(const OlbridgeDelta *delta, const char *location, const char *options, struct ArrowArrayStream *stream, char **report,
                             OlbridgeError **error);

/* options: {"columns": [NAME], "where": SQL, "version": n | "timestamp": "2026-11-21T10:30:00Z", "batch_rows": n} */
int32_t olbridge_delta_read(const OlbridgeDelta *delta, const char *location, const char *options, struct ArrowArrayStream *stream,
                            OlbridgeError **error);

/* options: {"where": SQL, "dry_run": bool, "allow_destructive": bool, "files": {…}, "commit": {…}} */
int32_t olbridge_delta_delete(const OlbridgeDelta *delta, const char *location, const char *options, char **report, OlbridgeError **error);
/* options: {"set": {COLUMN: SQL}, "where": SQL, "dry_run": bool, "allow_destructive": bool, "files": {…}, "commit": {…}} */
int32_t olbridge_delta_update(const OlbridgeDelta *delta, const char *location, const char *options, char **report, OlbridgeError **error);

/* options: {"version": n | "timestamp": TIME} */
int32_t olbridge_delta_describe(const OlbridgeDelta *delta, const char *location, const char *options, char **report, OlbridgeError **error);
/* options: {"limit": n} */
int32_t olbridge_delta_history(const OlbridgeDelta *delta, const char *location, const char *options, char **report, OlbridgeError **error);
/* options: {"change": {"add_column": {…}} | {"rename_column": {"from": A, "to": B}} | {"drop_column": A} | {"widen_column": {"column": A, "type": TYPE}}
 *           | {"set_nullable": A} | {"set_not_null": A} | {"set_properties": {KEY: TEXT or null}} | {"add_constraint": {"name": A, "expression": SQL}}
 *           | {"drop_constraint": A}, "upgrade": bool, "allow_destructive": bool, "commit": {…}} */
int32_t olbridge_delta_alter(const OlbridgeDelta *delta, const char *location, const char *options, char **report, OlbridgeError **error);
/* options: {"version": n | "timestamp": TIME, "allow_destructive": bool, "commit": {…}} */
int32_t olbridge_delta_restore(const OlbridgeDelta *delta, const char *location, const char *options, char **report, OlbridgeError **error);
/* options: {"dry_run": bool, "allow_destructive": bool}; report: … "file_count": n, "bytes": n, "files": [PATH] */
int32_t olbridge_delta_drop(const OlbridgeDelta *delta, const char *location, const char *options, char **report, OlbridgeError **error);
/* options: {"z_order": [COLUMN], "target_file_bytes": n, "max_concurrent": n, "files": {…}, "commit": {…}} */
int32_t olbridge_delta_optimize(const OlbridgeDelta *delta, const char *location, const char *options, char **report, OlbridgeError **error);
/* options: {"dry_run": bool (default: true), "allow_destructive": bool, "retention_hours": n, "short_retention": bool, "orphans": bool} */
int32_t olbridge_delta_vacuum(const OlbridgeDelta *delta, const char *location, const char *options, char **report, OlbridgeError **error);
int32_t olbridge_delta_checkpoint(const OlbridgeDelta *delta, const char *location, const char *options, char **report, OlbridgeError **error);
/* options: {"allow_destructive": bool} */
int32_t olbridge_delta_clean_log(const OlbridgeDelta *delta, const char *location, const char *options, char **report, OlbridgeError **error);

#ifdef __cplusplus
}
#endif

#endif /* OLBRIDGE_H */
