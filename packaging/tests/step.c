// Preloaded into dpkg and all that it starts: counts the calls that change a directory,
// and at one of them kills the whole process group, or lets the call fail.
//
// $STEP_FILE holds what the processes share. step.c knows its layout, and crash.sh.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOTHING, KILL, FAIL };

static struct shared {
  uint32_t count, target, action;
} *shared;

__attribute__((constructor)) static void start(void) {
  const char *name = getenv("STEP_FILE");
  int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) _exit(99);
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared == MAP_FAILED) _exit(99);
  close(fd);
}

// Whether this call must fail. A call that must not happen does not return.
static int step(void) {
  uint32_t count = __atomic_add_fetch(&shared->count, 1, __ATOMIC_SEQ_CST);
  if (count != shared->target) return 0;
  if (shared->action == KILL) {
    kill(0, SIGKILL);
    for (;;) pause();
  }
  errno = ENOSPC;
  return shared->action == FAIL;
}

#define STEP(call) (step() ? -1 : (int)syscall call)

int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
  return STEP((SYS_renameat2, a, from, b, to, flags));
}
int renameat(int a, const char *from, int b, const char *to) {
  return STEP((SYS_renameat2, a, from, b, to, 0));
}
int rename(const char *from, const char *to) {
  return STEP((SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int linkat(int a, const char *from, int b, const char *to, int flags) {
  return STEP((SYS_linkat, a, from, b, to, flags));
}
int link(const char *from, const char *to) {
  return STEP((SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int symlinkat(const char *target, int dir, const char *name) {
  return STEP((SYS_symlinkat, target, dir, name));
}
int symlink(const char *target, const char *name) {
  return STEP((SYS_symlinkat, target, AT_FDCWD, name));
}
int unlinkat(int dir, const char *name, int flags) {
  return STEP((SYS_unlinkat, dir, name, flags));
}
int unlink(const char *name) { return STEP((SYS_unlinkat, AT_FDCWD, name, 0)); }
int rmdir(const char *name) { return STEP((SYS_unlinkat, AT_FDCWD, name, AT_REMOVEDIR)); }
int mkdirat(int dir, const char *name, mode_t mode) {
  return STEP((SYS_mkdirat, dir, name, mode));
}
int mkdir(const char *name, mode_t mode) { return STEP((SYS_mkdirat, AT_FDCWD, name, mode)); }
