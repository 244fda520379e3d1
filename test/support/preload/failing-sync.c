// A disk whose syncs fail with EIO, for whatever program this is preloaded into: those of files whose names end with one of
// the parts of FAILING_SYNC_OF ("a:b"; "" is of all), while the file FAILING_SYNC_BY exists. Nothing is written then.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int sync_function(int);

static int fails(int file) {
  const char *of = getenv("FAILING_SYNC_OF");
  const char *by = getenv("FAILING_SYNC_BY");
  struct stat found;
  if (of == NULL || by == NULL || stat(by, &found) != 0) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path);
  for (;; of++) {
    size_t end = strcspn(of, ":");
    if (length >= (ssize_t)end && memcmp(path + length - end, of, end) == 0) return 1;
    of += end;
    if (*of == 0) return 0;
  }
}

static int sync_or_fail(const char *name, int file) {
  if (!fails(file)) return ((sync_function *)dlsym(RTLD_NEXT, name))(file);
  errno = EIO;
  return -1;
}

int fsync(int file) { return sync_or_fail("fsync", file); }

int fdatasync(int file) { return sync_or_fail("fdatasync", file); }
