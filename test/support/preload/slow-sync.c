// A disk that is slow to sync, for whatever program this is preloaded into: each fsync and fdatasync takes
// SLOW_SYNC_MS milliseconds more, and none goes on while the file SLOW_SYNC_HELD_BY exists.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef int sync_function(int);

static void sleep_ms(double ms) {
  struct timespec time = {(time_t)(ms / 1000), (long)(ms * 1e6) % 1000000000};
  nanosleep(&time, NULL);
}

static int slowly(sync_function *sync, int file) {
  const char *ms = getenv("SLOW_SYNC_MS");
  const char *held_by = getenv("SLOW_SYNC_HELD_BY");
  struct stat found;
  if (ms != NULL) sleep_ms(atof(ms));
  while (held_by != NULL && stat(held_by, &found) == 0) sleep_ms(5);
  return sync(file);
}

int fsync(int file) { return slowly((sync_function *)dlsym(RTLD_NEXT, "fsync"), file); }

int fdatasync(int file) { return slowly((sync_function *)dlsym(RTLD_NEXT, "fdatasync"), file); }
