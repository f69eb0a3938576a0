/* For hosts of one thread: calls that have to succeed, and calls that have to fail in one way. */
#ifndef STATUS_H
#define STATUS_H

#include "check.h"

static OlbridgeError *error;

static void ok(int32_t status, int line) {
  if (status != OLBRIDGE_OK) {
    fprintf(stderr, "line %d: status %d: %s\n", line, status, olbridge_error_message(error));
    exit(1);
  }
  CHECK(error == NULL);
}
#define OK(call) ok(call, __LINE__)

/* The call fails with this status; the error is freed. */
static void refused(int32_t status, int32_t expected, const char *text, int line) {
  if (status != expected || error == NULL || strstr(olbridge_error_message(error), text) == NULL) {
    fprintf(stderr, "line %d: status %d: %s\n", line, status, error ? olbridge_error_message(error) : "no error");
    exit(1);
  }
  CHECK(olbridge_error_status(error) == expected);
  olbridge_error_free(error);
  error = NULL;
}
#define REFUSED(call, expected, text) refused(call, expected, text, __LINE__)

#endif
