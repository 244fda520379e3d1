// Records what a program does to the files of one directory, for a disk that exists only as a model. Written to the
// file DISK_RECORD_TO, in the order in which it happens: when a write has returned, when a sync begins and when it ends.
// DISK_RECORD_UNDER is the directory. A program sets a mark by asking for access to "/MARK/…".
//
// It can also behave as a faulty program or disk does, for the files of SQLite ("….sqlite") and their logs ("…-wal"):
//   DISK_LIES=1         a sync of a log does nothing and says that all is well: as if nobody had asked for one
//   DISK_FAILS_EACH=n   of the syncs of a file or log, one in n fails, by chance (DISK_SEED); and then, as Linux has it, the next one by
//                       each other descriptor of that file
//   DISK_ENDS_AFTER=n   the process is killed n records after it has noted that a sync has failed ("…-doubtful"); no other fails by
//                       chance until then
//   DISK_KEEPS_LOG=1    who opens an existing log gets the first one that was ever opened so, even if it is gone
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind { OPEN = 1, CLOSE, WRITE, TRUNCATE, SYNC_BEGINS, SYNC_ENDS, UNLINK, RENAME, MARK };

struct record {
  uint32_t length; // of what follows
  uint32_t kind;
  int32_t file;
  int32_t result;
  int64_t first;
  int64_t second;
};

#define MOST_FILES 65536
static char is_watched[MOST_FILES];
static char is_log[MOST_FILES];
static char is_main[MOST_FILES];
static ino_t inodes[MOST_FILES];
/** A sync by another descriptor has failed, and this one has not been told. */
static char is_owed[MOST_FILES];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int record_file = -1;
static const char *under;
static int lies, fails_each, ends_after, keeps_log;
static int has_noted;
static unsigned int chance;
static int64_t syncs;
static int kept_log = -1;

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int number(const char *name) {
  const char *value = getenv(name);
  return value == NULL ? 0 : atoi(value);
}

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("DISK_RECORD_TO");
  under = getenv("DISK_RECORD_UNDER");
  lies = number("DISK_LIES");
  fails_each = number("DISK_FAILS_EACH");
  ends_after = number("DISK_ENDS_AFTER");
  // Another chance in each run.
  chance = (unsigned int)number("DISK_SEED") + 1;
  keeps_log = number("DISK_KEEPS_LOG");
  if (path == NULL || under == NULL) return;
  record_file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_under(const char *path) {
  return under != NULL && path != NULL && strncmp(path, under, strlen(under)) == 0;
}

static int is_watched_file(int file) { return file >= 0 && file < MOST_FILES && is_watched[file]; }

static int ends_with(const char *text, const char *end) {
  size_t length = strlen(text), end_length = strlen(end);
  return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static void put(const void *bytes, size_t length) {
  for (const char *at = bytes; length > 0;) {
    long written = syscall(SYS_write, record_file, at, length);
    if (written < 0) abort();
    at += written;
    length -= (size_t)written;
  }
}

static void note(enum kind kind, int file, int result, int64_t first, int64_t second, const void *data, size_t length) {
  if (record_file < 0) return;
  int error = errno;
  struct record record = {(uint32_t)length, kind, file, result, first, second};
  pthread_mutex_lock(&lock);
  put(&record, sizeof record);
  put(data, length);
  if (has_noted && ends_after > 0 && --ends_after == 0) kill(getpid(), SIGKILL);
  pthread_mutex_unlock(&lock);
  errno = error;
}

static int opened(int file, const char *path, int flags) {
  if (file < 0 || file >= MOST_FILES || !is_under(path)) return file;
  struct stat found;
  if (fstat(file, &found) != 0) abort();
  is_watched[file] = 1;
  is_log[file] = (char)ends_with(path, "-wal");
  is_main[file] = (char)ends_with(path, ".sqlite");
  inodes[file] = found.st_ino;
  is_owed[file] = 0;
  if (ends_with(path, "-doubtful")) has_noted = 1;
  note(OPEN, file, 0, (int64_t)found.st_ino, flags, path, strlen(path));
  return file;
}

/** The descriptor of a log that a program keeps though the log is another one by now. */
static int kept(const char *path, int flags) {
  int is_opened_again = keeps_log && (flags & O_CREAT) == 0 && is_under(path) && ends_with(path, "-wal");
  if (!is_opened_again) return -1;
  pthread_mutex_lock(&lock);
  if (kept_log < 0) kept_log = NEXT(open64)(path, O_RDWR | O_CLOEXEC);
  int copy = kept_log < 0 ? -1 : fcntl(kept_log, F_DUPFD_CLOEXEC, 0);
  pthread_mutex_unlock(&lock);
  return copy;
}

static int open_any(__typeof__(&open64) next, const char *path, int flags, mode_t mode) {
  int file = kept(path, flags);
  return opened(file < 0 ? next(path, flags, mode) : file, path, flags);
}

static mode_t mode_in(int flags, va_list more) { return (flags & O_CREAT) ? va_arg(more, mode_t) : 0; }

int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = mode_in(flags, more);
  va_end(more);
  return open_any((__typeof__(&open64))NEXT(open), path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = mode_in(flags, more);
  va_end(more);
  return open_any(NEXT(open64), path, flags, mode);
}

int close(int file) {
  if (is_watched_file(file)) {
    is_watched[file] = 0;
    note(CLOSE, file, 0, 0, 0, NULL, 0);
  }
  return NEXT(close)(file);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
  ssize_t written = NEXT(pwrite64)(file, bytes, length, at);
  if (written > 0 && is_watched_file(file)) note(WRITE, file, 0, at, 0, bytes, (size_t)written);
  return written;
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) { return pwrite64(file, bytes, length, at); }

/** Node.js closes files by system calls, which are not seen: the number may be that of the eventfd of a thread by now. */
static int is_still_watched(int file) {
  struct stat found;
  if (!is_watched_file(file)) return 0;
  if (fstat(file, &found) != 0 || found.st_ino != inodes[file]) is_watched[file] = 0;
  return is_watched[file];
}

ssize_t write(int file, const void *bytes, size_t length) {
  off64_t at = is_still_watched(file) ? lseek64(file, 0, SEEK_CUR) : 0;
  ssize_t written = NEXT(write)(file, bytes, length);
  if (written > 0 && is_watched_file(file)) note(WRITE, file, 0, at, 0, bytes, (size_t)written);
  return written;
}

int ftruncate64(int file, off64_t length) {
  int result = NEXT(ftruncate64)(file, length);
  if (result == 0 && is_watched_file(file)) note(TRUNCATE, file, 0, length, 0, NULL, 0);
  return result;
}

int ftruncate(int file, off_t length) { return ftruncate64(file, length); }

/** By chance, once in so many times; 0: never. */
static int happens(int each) {
  if (each == 0) return 0;
  pthread_mutex_lock(&lock);
  int number = rand_r(&chance);
  pthread_mutex_unlock(&lock);
  return number % each == 0;
}

static int sync_any(int (*next)(int), int file) {
  if (!is_watched_file(file)) return next(file);
  if (lies && is_log[file]) return 0;
  int64_t id = __atomic_add_fetch(&syncs, 1, __ATOMIC_SEQ_CST);
  note(SYNC_BEGINS, file, 0, id, 0, NULL, 0);
  // A second failure could not be noted before the process is killed: nobody could know of it.
  int is_ending = has_noted && ends_after > 0;
  int fails = (is_log[file] || is_main[file]) && !is_ending && happens(fails_each);
  int result = next(file);
  if (fails) {
    for (int other = 0; other < MOST_FILES; other++) {
      if (is_watched[other] && inodes[other] == inodes[file]) is_owed[other] = 1;
    }
  }
  if (is_owed[file]) {
    is_owed[file] = 0;
    result = -1;
    errno = EIO;
  }
  note(SYNC_ENDS, file, result, id, 0, NULL, 0);
  return result;
}

int fsync(int file) { return sync_any(NEXT(fsync), file); }

int fdatasync(int file) { return sync_any(NEXT(fdatasync), file); }

static int unlinked(int result, const char *path) {
  if (result == 0 && is_under(path)) note(UNLINK, 0, 0, 0, 0, path, strlen(path));
  return result;
}

int unlink(const char *path) { return unlinked(NEXT(unlink)(path), path); }

// Node.js deletes by this one.
int remove(const char *path) { return unlinked(NEXT(remove)(path), path); }

int rename(const char *from, const char *to) {
  int result = NEXT(rename)(from, to);
  if (result == 0 && is_under(from)) {
    // Both names, each with its end.
    size_t from_length = strlen(from) + 1, to_length = strlen(to) + 1;
    char names[from_length + to_length];
    memcpy(names, from, from_length);
    memcpy(names + from_length, to, to_length);
    note(RENAME, 0, 0, 0, 0, names, sizeof names);
  }
  return result;
}

int access(const char *path, int mode) {
  if (strncmp(path, "/MARK/", 6) == 0) {
    note(MARK, 0, 0, 0, 0, path + 6, strlen(path + 6));
    return 0;
  }
  return NEXT(access)(path, mode);
}
