/* What every host of the tests needs: it ends with the line of what is not as it should be. */
#ifndef CHECK_H
#define CHECK_H

#include "olbridge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                          \
  do {                                                                       \
    if (!(what)) {                                                           \
      fprintf(stderr, "line %d: %s\n", __LINE__, #what);                     \
      exit(1);                                                               \
    }                                                                        \
  } while (0)

#endif
