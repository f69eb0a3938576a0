/* A host in C whose calls are broken off, and whose reads open a transaction: the session can be used afterwards.
 *   doubt TARGET OPTIONS
 * OPTIONS end in a brace. It prints "ok" and ends with 0, or says what was not as it should be. */
#include "check.h"

#include <pthread.h>
#include <unistd.h>

static OlbridgeSession *holder, *waiter;

/* The status and ORA code of a call. */
static int32_t code;
static int32_t told(int32_t ended, OlbridgeError *why, int line) {
  code = olbridge_error_ora_code(why);
  if (why != NULL) fprintf(stderr, "line %d: status %d: %s\n", line, ended, olbridge_error_message(why));
  olbridge_error_free(why);
  return ended;
}
static OlbridgeError *error;
static int32_t status;
#define STATUS(call) (error = NULL, status = (call), told(status, error, __LINE__))

static int is_in_state(OlbridgeSession *session, const char *state) {
  char *json = NULL, expected[50];
  CHECK(STATUS(olbridge_transaction_status(session, &json, &error)) == OLBRIDGE_OK);
  snprintf(expected, sizeof expected, "\"state\":\"%s\"", state);
  int found = strstr(json, expected) != NULL;
  if (!found) fprintf(stderr, "%s\n", json);
  olbridge_string_free(json);
  return found;
}

static void *cancel(void *nothing) {
  (void)nothing;
  OlbridgeError *own = NULL;
  sleep(1);
  CHECK(olbridge_cancel(waiter, &own) == OLBRIDGE_OK);
  return NULL;
}

static void login(const char *target, const char *options, const char *more, OlbridgeSession **session) {
  char all[1000];
  snprintf(all, sizeof all, "%.*s%s}", (int)strlen(options) - 1, options, more);
  CHECK(STATUS(olbridge_connect(target, all, session, &error)) == OLBRIDGE_OK);
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  login(argv[1], argv[2], "", &holder);
  CHECK(STATUS(olbridge_execute(holder, "create table t (id number)", NULL, &error)) == OLBRIDGE_OK);
  CHECK(STATUS(olbridge_execute(holder, "insert into t values (1)", NULL, &error)) == OLBRIDGE_OK);
  CHECK(STATUS(olbridge_begin(holder, &error)) == OLBRIDGE_OK);
  CHECK(STATUS(olbridge_execute(holder, "update t set id = 2", NULL, &error)) == OLBRIDGE_OK);

  /* A statement that waits is broken off by its time limit: it has not committed, and that is known. */
  login(argv[1], argv[2], ", \"call_timeout_ms\": 300", &waiter);
  CHECK(STATUS(olbridge_execute(waiter, "update t set id = 3", NULL, &error)) == OLBRIDGE_DATABASE && code == 3156);
  CHECK(is_in_state(waiter, "autocommit"));
  olbridge_disconnect(waiter);

  /* Or by a cancel. */
  login(argv[1], argv[2], "", &waiter);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, cancel, NULL) == 0);
  CHECK(STATUS(olbridge_execute(waiter, "update t set id = 3", NULL, &error)) == OLBRIDGE_INTERRUPTED && code == 1013);
  CHECK(pthread_join(thread, NULL) == 0 && is_in_state(waiter, "autocommit"));
  CHECK(STATUS(olbridge_rollback(holder, NULL, &error)) == OLBRIDGE_OK);
  uint64_t rows = 0;
  CHECK(STATUS(olbridge_execute(waiter, "update t set id = id + 10 where id = 1", &rows, &error)) == OLBRIDGE_OK && rows == 1);

  /* A query that locks rows opens a transaction, which can be ended. */
  struct ArrowArrayStream stream;
  struct ArrowArray batch;
  const char *locking = "{\"query\": \"select id from t where id = 11 for update\", \"as\": {\"id\": \"int64\"}}";
  CHECK(STATUS(olbridge_read(waiter, locking, &stream, &error)) == OLBRIDGE_OK);
  CHECK(stream.get_next(&stream, &batch) == 0 && batch.length == 1);
  batch.release(&batch);
  stream.release(&stream);
  CHECK(STATUS(olbridge_begin(waiter, &error)) == OLBRIDGE_USAGE);
  CHECK(STATUS(olbridge_rollback(waiter, &rows, &error)) == OLBRIDGE_OK && rows == 0);
  CHECK(STATUS(olbridge_rollback(waiter, &rows, &error)) == OLBRIDGE_USAGE);
  CHECK(STATUS(olbridge_begin(waiter, &error)) == OLBRIDGE_OK && STATUS(olbridge_rollback(waiter, NULL, &error)) == OLBRIDGE_OK);
  olbridge_disconnect(waiter);
  olbridge_disconnect(holder);
  puts("ok");
  return 0;
}
