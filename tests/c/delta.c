/* A host in C and Delta tables: rows of its own go in by Arrow C streams, are merged, changed and read back.
 *   delta FOLDER [without]
 * It prints "ok" and ends with 0, or says what was not as it should be. "without": the library was built without Delta Lake. */
#include "status.h"

static OlbridgeDelta *delta;
static char *report;
static char table[512];

/* The last report holds this text; it is freed. */
static void reported(const char *text, int line) {
  if (report == NULL || strstr(report, text) == NULL) {
    fprintf(stderr, "line %d: %s is not in %s\n", line, text, report ? report : "no report");
    exit(1);
  }
  olbridge_string_free(report);
  report = NULL;
}
#define REPORTED(text) reported(text, __LINE__)

/* A stream of one batch of (id int64, name utf8), made by hand; released by whoever reads it. */

#define MOST 16
static int64_t ids[MOST];
static int32_t offsets[MOST + 1];
static char names[MOST * 8];
static int64_t row_count;
static int batches_left, fails, released;

static void release_schema(struct ArrowSchema *schema) { schema->release = NULL; }
static void release_array(struct ArrowArray *array) { array->release = NULL; }

static struct ArrowSchema fields[2];
static struct ArrowSchema *field_pointers[2] = {&fields[0], &fields[1]};
static struct ArrowArray columns[2];
static struct ArrowArray *column_pointers[2] = {&columns[0], &columns[1]};
static const void *id_buffers[2], *name_buffers[3], *row_buffers[1];

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  (void)stream;
  const struct ArrowSchema id = {.format = "l", .name = "id", .release = release_schema};
  const struct ArrowSchema name = {.format = "u", .name = "name", .flags = ARROW_FLAG_NULLABLE, .release = release_schema};
  fields[0] = id;
  fields[1] = name;
  const struct ArrowSchema schema = {.format = "+s", .name = "", .n_children = 2, .children = field_pointers, .release = release_schema};
  *out = schema;
  return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  (void)stream;
  memset(out, 0, sizeof *out);
  if (batches_left-- <= 0) return fails ? 5 : 0;
  id_buffers[1] = ids;
  name_buffers[1] = offsets;
  name_buffers[2] = names;
  const struct ArrowArray id = {.length = row_count, .n_buffers = 2, .buffers = id_buffers, .release = release_array};
  const struct ArrowArray name = {.length = row_count, .n_buffers = 3, .buffers = name_buffers, .release = release_array};
  columns[0] = id;
  columns[1] = name;
  out->length = row_count;
  out->n_buffers = 1;
  out->buffers = row_buffers;
  out->n_children = 2;
  out->children = column_pointers;
  out->release = release_array;
  return 0;
}

static const char *last_error(struct ArrowArrayStream *stream) {
  (void)stream;
  return "the source of the host has failed";
}

static void release_stream(struct ArrowArrayStream *stream) {
  released++;
  stream->release = NULL;
}

/* Rows of ids from first on, whose names begin with a letter. */
static struct ArrowArrayStream rows(int64_t first, int64_t count, char letter) {
  row_count = count;
  int32_t at = 0;
  for (int64_t row = 0; row < count; row++) {
    ids[row] = first + row;
    offsets[row] = at;
    at += sprintf(names + at, "%c%d", letter, (int)(first + row));
  }
  offsets[count] = at;
  batches_left = 1;
  fails = 0;
  struct ArrowArrayStream stream = {get_schema, get_next, last_error, release_stream, NULL};
  return stream;
}

/* Rows that are read. */
static int64_t count(const char *options) {
  struct ArrowArrayStream stream;
  OK(olbridge_delta_read(delta, table, options, &stream, &error));
  int64_t found = 0;
  for (;;) {
    struct ArrowArray batch;
    CHECK(stream.get_next(&stream, &batch) == 0);
    if (batch.release == NULL) break;
    found += batch.length;
    batch.release(&batch);
  }
  stream.release(&stream);
  return found;
}

static void write_and_merge(void) {
  struct ArrowArrayStream stream = rows(1, 10, 'a');
  struct ArrowSchema schema;
  CHECK(get_schema(&stream, &schema) == 0);
  OK(olbridge_delta_create(delta, table, "{\"properties\": {\"delta.enableChangeDataFeed\": \"true\"}}", &schema, &report, &error));
  REPORTED("\"created\":true");
  OK(olbridge_delta_create(delta, table, "{\"if_not_exists\": true}", &schema, &report, &error));
  REPORTED("\"same_schema\":true");
  REFUSED(olbridge_delta_create(delta, table, NULL, &schema, NULL, &error), OLBRIDGE_PLAN, "there already");
  OK(olbridge_delta_write(delta, table, "{\"files\": {\"compression\": \"zstd\"}}", &stream, &report, &error));
  REPORTED("\"rows_written\":10");
  CHECK(released == 1 && stream.release == NULL);
  CHECK(count(NULL) == 10 && count("{\"where\": \"id > 7\", \"columns\": [\"name\"]}") == 3);
  CHECK(count("{\"version\": 0}") == 0);

  stream = rows(8, 5, 'b');
  REFUSED(olbridge_delta_write(delta, table, "{\"mode\": \"overwrite\"}", &stream, NULL, &error), OLBRIDGE_USAGE, "allow_destructive");
  CHECK(released == 2);
  stream = rows(8, 5, 'b');
  OK(olbridge_delta_merge(delta, table, "{\"key\": [\"id\"]}", &stream, &report, &error));
  REPORTED("\"rows_inserted\":2");
  CHECK(count("{\"where\": \"name like 'b%'\"}") == 5);
  stream = rows(1, 12, 'c');
  const char *clauses =
      "{\"on\": \"target.id = source.id\", \"allow_destructive\": true, \"when\": [\"matched and target.id <= 2 then delete\","
      " \"matched and target.id = 3 then update set name = upper(source.name)\"]}";
  OK(olbridge_delta_merge(delta, table, clauses, &stream, &report, &error));
  REPORTED("\"rows_deleted\":2");
  CHECK(count("{\"where\": \"name = 'C3'\"}") == 1);

  /* A stream that fails changes nothing, is released, and its text comes back. */
  stream = rows(100, 1, 'd');
  fails = 1;
  REFUSED(olbridge_delta_write(delta, table, NULL, &stream, NULL, &error), OLBRIDGE_STORAGE, "the source of the host has failed");
  CHECK(released == 5 && count(NULL) == 10);
}

static void change_and_care(void) {
  OK(olbridge_delta_update(delta, table, "{\"set\": {\"name\": \"'x'\"}, \"where\": \"id = 5\"}", &report, &error));
  REPORTED("\"rows\":1");
  REFUSED(olbridge_delta_update(delta, table, "{\"set\": {\"id\": \"id / 2.0\"}, \"where\": \"id = 5\"}", NULL, &error), OLBRIDGE_ROW, "exactly");
  OK(olbridge_delta_delete(delta, table, "{\"where\": \"id >= 11\", \"dry_run\": true}", &report, &error));
  REPORTED("\"rows\":2");
  REFUSED(olbridge_delta_delete(delta, table, "{\"where\": \"id >= 11\"}", NULL, &error), OLBRIDGE_USAGE, "allow_destructive");
  OK(olbridge_delta_delete(delta, table, "{\"where\": \"id >= 11\", \"allow_destructive\": true}", &report, &error));
  REPORTED("\"rows\":2");
  CHECK(count(NULL) == 8);
  OK(olbridge_delta_alter(delta, table, "{\"change\": {\"add_column\": {\"name\": \"price\", \"type\": \"decimal(12,2)\"}}}", &report, &error));
  REPORTED("\"outcome\":\"committed\"");
  OK(olbridge_delta_describe(delta, table, NULL, &report, &error));
  REPORTED("\"price\"");
  OK(olbridge_delta_history(delta, table, "{\"limit\": 2}", &report, &error));
  REPORTED("\"commits\":[{");
  struct ArrowArrayStream stream = rows(50, 2, 'e');
  OK(olbridge_delta_write(delta, table, "{\"schema_mode\": \"merge\"}", &stream, NULL, &error));
  OK(olbridge_delta_optimize(delta, table, NULL, &report, &error));
  REPORTED("\"files_added\":1");
  OK(olbridge_delta_checkpoint(delta, table, NULL, &report, &error));
  REPORTED("\"outcome\":\"done\"");
  REFUSED(olbridge_delta_clean_log(delta, table, NULL, NULL, &error), OLBRIDGE_USAGE, "allow_destructive");
  OK(olbridge_delta_clean_log(delta, table, "{\"allow_destructive\": true}", &report, &error));
  REPORTED("\"commits_removed\":0");
  OK(olbridge_delta_restore(delta, table, "{\"version\": 1, \"allow_destructive\": true}", &report, &error));
  REPORTED("\"outcome\":\"committed\"");
  CHECK(count(NULL) == 10);
  REFUSED(olbridge_delta_vacuum(delta, table, "{\"retention_hours\": 0}", NULL, &error), OLBRIDGE_PLAN, "retention");
  OK(olbridge_delta_vacuum(delta, table, "{\"retention_hours\": 0, \"short_retention\": true}", &report, &error));
  REPORTED("\"outcome\":\"planned\"");
  OK(olbridge_delta_vacuum(delta, table, "{\"retention_hours\": 0, \"short_retention\": true, \"dry_run\": false, \"allow_destructive\": true}",
                           &report, &error));
  REPORTED(".parquet");
  CHECK(count(NULL) == 10);
}

int main(int argc, char **argv) {
  CHECK(argc >= 2);
  snprintf(table, sizeof table, "%s/table", argv[1]);
  if (argc > 2) {
    REFUSED(olbridge_delta_open(NULL, &delta, &error), OLBRIDGE_USAGE, "without Delta Lake");
    CHECK(delta == NULL);
    struct ArrowArrayStream stream = rows(1, 1, 'a');
    REFUSED(olbridge_delta_write(NULL, table, NULL, &stream, NULL, &error), OLBRIDGE_USAGE, "null");
    CHECK(released == 1);
    puts("ok");
    return 0;
  }
  REFUSED(olbridge_delta_open("{\"conection\": \"x\"}", &delta, &error), OLBRIDGE_USAGE, "conection");
  REFUSED(olbridge_delta_vacuum(NULL, table, NULL, NULL, &error), OLBRIDGE_USAGE, "null");
  OK(olbridge_delta_open("{\"cache_ms\": 1000}", &delta, &error));
  REFUSED(olbridge_delta_describe(delta, table, NULL, NULL, &error), OLBRIDGE_STORAGE, "no Delta table");
  REFUSED(olbridge_delta_describe(delta, NULL, NULL, NULL, &error), OLBRIDGE_USAGE, "location");
  write_and_merge();
  change_and_care();
  OK(olbridge_delta_drop(delta, table, "{\"dry_run\": true}", &report, &error));
  REPORTED("_delta_log");
  REFUSED(olbridge_delta_drop(delta, table, NULL, NULL, &error), OLBRIDGE_USAGE, "allow_destructive");
  OK(olbridge_delta_drop(delta, table, "{\"allow_destructive\": true}", &report, &error));
  REPORTED("\"outcome\":\"done\"");
  REFUSED(olbridge_delta_describe(delta, table, NULL, NULL, &error), OLBRIDGE_STORAGE, "no Delta table");
  olbridge_delta_close(delta);
  olbridge_delta_close(NULL);
  puts("ok");
  return 0;
}
