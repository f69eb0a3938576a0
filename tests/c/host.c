/* A host in C: reads a table while it loads another in the same session, and sees errors and rollbacks.
 *   host TARGET OPTIONS
 * It prints "ok" and ends with 0, or says what was not as it should be. */
#include "status.h"

static OlbridgeSession *session;

static uint64_t execute(const char *sql) {
  uint64_t rows = 0;
  OK(olbridge_execute(session, sql, &rows, &error));
  return rows;
}

/* Rows of a query, counted by reading all of them. */
static int64_t count(const char *options) {
  struct ArrowArrayStream stream;
  OK(olbridge_read(session, options, &stream, &error));
  int64_t rows = 0;
  for (;;) {
    struct ArrowArray batch;
    CHECK(stream.get_next(&stream, &batch) == 0);
    if (batch.release == NULL) break;
    rows += batch.length;
    batch.release(&batch);
  }
  stream.release(&stream);
  return rows;
}

/* A stream that fails after some batches. */
static int (*real_next)(struct ArrowArrayStream *, struct ArrowArray *);
static int batches_left;

static int failing_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  return batches_left-- > 0 ? real_next(stream, out) : 5;
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  CHECK(olbridge_abi_version() == OLBRIDGE_ABI_VERSION);
  REFUSED(olbridge_connect("nonsense", NULL, &session, &error), OLBRIDGE_USAGE, "scheme");
  CHECK(session == NULL);
  REFUSED(olbridge_connect(argv[1], "{\"passwort\": \"hunter2\"}", &session, &error), OLBRIDGE_USAGE, "passwort");
  REFUSED(olbridge_begin(NULL, &error), OLBRIDGE_USAGE, "null");
  OK(olbridge_connect(argv[1], argv[2], &session, &error));

  execute("create table source (id number(9) not null, name varchar2(20))");
  execute("create table target (id number(9) primary key, name varchar2(20))");
  CHECK(execute("insert into source select level, 'row ' || level from dual connect by level <= 5000") == 5000);

  /* The schema, without reading. */
  struct ArrowSchema schema;
  OK(olbridge_read_schema(session, "{\"table\": \"source\"}", &schema, &error));
  CHECK(schema.n_children == 2 && strcmp(schema.children[0]->name, "ID") == 0 && strcmp(schema.children[0]->format, "i") == 0);
  CHECK((schema.children[0]->flags & ARROW_FLAG_NULLABLE) == 0 && (schema.children[1]->flags & ARROW_FLAG_NULLABLE) != 0);
  schema.release(&schema);

  /* A query of the session feeds a load of the session, within a transaction. */
  struct ArrowArrayStream stream;
  char *text = NULL;
  uint64_t rows = 0;
  OK(olbridge_begin(session, &error));
  OK(olbridge_read(session, "{\"table\": \"source\", \"batch_rows\": 700}", &stream, &error));
  OK(olbridge_load(session, "{\"table\": \"target\", \"batch_rows\": 300}", &stream, &text, &error));
  CHECK(strstr(text, "\"rows_loaded\":5000") != NULL);
  olbridge_string_free(text);
  CHECK(stream.release == NULL);
  CHECK(count("{\"query\": \"select * from target\"}") == 5000);
  OK(olbridge_transaction_status(session, &text, &error));
  CHECK(strstr(text, "\"state\":\"open\"") != NULL && strstr(text, "\"rows_changed\":5000") != NULL);
  olbridge_string_free(text);

  /* A load that fails takes back itself and nothing else; the row, the column and the code are named. */
  OK(olbridge_savepoint(session, "before", &error));
  OK(olbridge_read(session, "{\"query\": \"select id + 4998 id, name from source order by id\", \"as\": {\"id\": \"int64\"}}", &stream, &error));
  int32_t status = olbridge_load(session, "{\"table\": \"target\"}", &stream, NULL, &error);
  CHECK(status == OLBRIDGE_ROW && olbridge_error_ora_code(error) == 1 && olbridge_error_row(error) == 1);
  olbridge_error_free(error);
  error = NULL;
  OK(olbridge_read(session, "{\"query\": \"select id, 'a name that is much too long' name from source\"}", &stream, &error));
  status = olbridge_load(session, "{\"table\": \"target\", \"mode\": \"upsert\", \"key\": [\"id\"]}", &stream, NULL, &error);
  CHECK(status == OLBRIDGE_ROW && olbridge_error_row(error) == 1 && strcmp(olbridge_error_column(error), "NAME") == 0);
  olbridge_error_free(error);
  error = NULL;

  CHECK(count("{\"table\": \"target\"}") == 5000);

  /* Two streams at a time, one of them given up; then a key delete fed by the other. */
  struct ArrowArrayStream other;
  OK(olbridge_read(session, "{\"query\": \"select id from source where id > 10\"}", &stream, &error));
  OK(olbridge_read(session, "{\"table\": \"source\"}", &other, &error));
  struct ArrowArray batch;
  CHECK(other.get_next(&other, &batch) == 0 && batch.release != NULL);
  batch.release(&batch);
  other.release(&other);
  OK(olbridge_load(session, "{\"table\": \"target\", \"mode\": \"delete\", \"key\": [\"id\"]}", &stream, NULL, &error));
  CHECK(count("{\"table\": \"target\", \"where\": \"id between 1 and 10\", \"columns\": [\"id\"]}") == 10);
  CHECK(count("{\"table\": \"target\"}") == 10);
  OK(olbridge_rollback_to(session, "before", &error));
  OK(olbridge_commit(session, &rows, &error));
  CHECK(rows == 5000);
  REFUSED(olbridge_commit(session, NULL, &error), OLBRIDGE_USAGE, "no transaction is open");

  /* What is not there, and what is not allowed. */
  REFUSED(olbridge_read(session, "{\"table\": \"nowhere\"}", &stream, &error), OLBRIDGE_PLAN, "does not exist");
  REFUSED(olbridge_read(session, "{}", &stream, &error), OLBRIDGE_USAGE, "neither a table nor a query");
  REFUSED(olbridge_execute(session, "select 1 from dual", NULL, &error), OLBRIDGE_DATABASE, "query");
  REFUSED(olbridge_execute(session, "drop table nowhere", NULL, &error), OLBRIDGE_DATABASE, "ORA-00942");
  REFUSED(olbridge_reconnect(session, NULL, &error), OLBRIDGE_USAGE, "not lost");
  OK(olbridge_cancel(session, &error));

  /* A stream that fails in the middle leaves nothing, and the session goes on. */
  OK(olbridge_begin(session, &error));
  CHECK(execute("delete from target") == 5000);
  OK(olbridge_read(session, "{\"table\": \"source\", \"batch_rows\": 100}", &stream, &error));
  real_next = stream.get_next;
  batches_left = 3;
  stream.get_next = failing_next;
  REFUSED(olbridge_load(session, "{\"table\": \"target\"}", &stream, NULL, &error), OLBRIDGE_STORAGE, "the caller's stream");
  CHECK(count("{\"table\": \"target\"}") == 0);
  OK(olbridge_rollback(session, NULL, &error));
  CHECK(count("{\"table\": \"target\"}") == 5000);

  /* A rollback at the end; a stream that outlives its session. */
  OK(olbridge_begin(session, &error));
  CHECK(execute("delete from target") == 5000);
  OK(olbridge_read(session, "{\"table\": \"source\", \"batch_rows\": 10}", &stream, &error));
  olbridge_disconnect(session);
  status = 0;
  for (int n = 0; n < 1000 && status == 0; n++) {
    status = stream.get_next(&stream, &batch);
    if (status == 0 && batch.release != NULL) batch.release(&batch);
  }
  CHECK(status != 0 && strstr(stream.get_last_error(&stream), "closed") != NULL);
  stream.release(&stream);
  OK(olbridge_connect(argv[1], argv[2], &session, &error));
  CHECK(count("{\"table\": \"target\"}") == 5000);
  olbridge_disconnect(session);
  olbridge_disconnect(NULL);
  olbridge_error_free(NULL);
  puts("ok");
  return 0;
}
