/* A host in C whose threads share a session: each row goes where its own load says, and calls wait for each other.
 *   threads TARGET OPTIONS
 * It prints "ok" and ends with 0, or says what was not as it should be. */
#include "check.h"

#include <pthread.h>

enum { THREADS = 3, LOADS = 60, ROWS = 200 };

static OlbridgeSession *shared, *readers[THREADS];

static void ok(int32_t status, OlbridgeError *error, int line) {
  if (status != OLBRIDGE_OK) {
    fprintf(stderr, "line %d: status %d: %s\n", line, status, olbridge_error_message(error));
    exit(1);
  }
}
#define OK(call)                    \
  do {                              \
    OlbridgeError *error = NULL;    \
    int32_t status = call;          \
    ok(status, error, __LINE__);    \
  } while (0)

/* The single number of a query. */
static int64_t number(const char *query) {
  char options[300];
  snprintf(options, sizeof options, "{\"query\": \"select (%s) n from dual\", \"as\": {\"n\": \"int64\"}}", query);
  struct ArrowArrayStream stream;
  struct ArrowArray batch;
  OK(olbridge_read(shared, options, &stream, &error));
  CHECK(stream.get_next(&stream, &batch) == 0 && batch.release != NULL && batch.length == 1);
  int64_t n = ((const int64_t *)batch.children[0]->buffers[1])[batch.children[0]->offset];
  batch.release(&batch);
  stream.release(&stream);
  return n;
}

/* Loads its own number into its own table, over the session that all have. */
static void *load(void *argument) {
  long n = (long)argument;
  char query[200], table[50];
  snprintf(query, sizeof query, "{\"query\": \"select %ld id from numbers\", \"as\": {\"id\": \"int64\"}, \"batch_rows\": 40}", n);
  snprintf(table, sizeof table, "{\"table\": \"t%ld\"}", n);
  for (int i = 0; i < LOADS; i++) {
    struct ArrowArrayStream stream;
    OK(olbridge_read(readers[n], query, &stream, &error));
    OK(olbridge_load(shared, table, &stream, NULL, &error));
    /* Not a load, and in between all the same. */
    OK(olbridge_execute(shared, "insert into calls values (1)", NULL, &error));
  }
  return NULL;
}

/* A stream that calls its own session. */
static int (*real_next)(struct ArrowArrayStream *, struct ArrowArray *);
static int refused;

static int calling_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  OlbridgeError *error = NULL;
  if (olbridge_execute(shared, "insert into calls values (2)", NULL, &error) == OLBRIDGE_USAGE) {
    refused += strstr(olbridge_error_message(error), "waits for the stream") != NULL;
  }
  olbridge_error_free(error);
  struct ArrowSchema schema;
  OK(olbridge_read_schema(shared, "{\"table\": \"numbers\"}", &schema, &error));
  schema.release(&schema);
  return real_next(stream, out);
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  OK(olbridge_connect(argv[1], argv[2], &shared, &error));
  OK(olbridge_execute(shared, "create table numbers (x number)", NULL, &error));
  OK(olbridge_execute(shared, "create table calls (x number)", NULL, &error));
  char sql[100];
  snprintf(sql, sizeof sql, "insert into numbers select level from dual connect by level <= %d", ROWS);
  OK(olbridge_execute(shared, sql, NULL, &error));
  pthread_t threads[THREADS];
  for (int n = 0; n < THREADS; n++) {
    snprintf(sql, sizeof sql, "create table t%d (id number)", n);
    OK(olbridge_execute(shared, sql, NULL, &error));
    OK(olbridge_connect(argv[1], argv[2], &readers[n], &error));
  }
  for (long n = 0; n < THREADS; n++) CHECK(pthread_create(&threads[n], NULL, load, (void *)n) == 0);
  for (int n = 0; n < THREADS; n++) CHECK(pthread_join(threads[n], NULL) == 0);
  for (int n = 0; n < THREADS; n++) {
    snprintf(sql, sizeof sql, "select count(*) from t%d where id <> %d", n, n);
    CHECK(number(sql) == 0);
    snprintf(sql, sizeof sql, "select count(*) from t%d", n);
    CHECK(number(sql) == LOADS * ROWS);
  }
  CHECK(number("select count(*) from calls") == THREADS * LOADS);

  struct ArrowArrayStream stream;
  char *report = argv[0];
  OK(olbridge_read(readers[0], "{\"query\": \"select 0 id from numbers\", \"as\": {\"id\": \"int64\"}}", &stream, &error));
  real_next = stream.get_next;
  stream.get_next = calling_next;
  OK(olbridge_load(shared, "{\"table\": \"t0\"}", &stream, &report, &error));
  CHECK(refused >= 2 && strstr(report, "\"rows_loaded\":200") != NULL);
  olbridge_string_free(report);
  CHECK(number("select count(*) from calls where x = 2") == 0);

  /* The report of a load that fails is none. */
  OlbridgeError *error = NULL;
  OK(olbridge_read(readers[0], "{\"query\": \"select 0 id from numbers\", \"as\": {\"id\": \"int64\"}}", &stream, &error));
  report = argv[0];
  CHECK(olbridge_load(shared, "{\"table\": \"nowhere\"}", &stream, &report, &error) != OLBRIDGE_OK && report == NULL);
  olbridge_error_free(error);
  for (int n = 0; n < THREADS; n++) olbridge_disconnect(readers[n]);
  olbridge_disconnect(shared);
  puts("ok");
  return 0;
}
