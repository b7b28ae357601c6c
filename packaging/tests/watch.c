// watch ROOT: runs ROOT's /usr/bin/flock --version without a pause until SIGTERM, then
// tells how often whose flock answered, and how often none did. Fails if none did once.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t ended;

static void end(int signal) { (void)signal, ended = 1; }

// Writes what flock answers into `answer`. Returns what went wrong, or NULL.
static const char *ask(char *answer, size_t size) {
  static char error[64];
  static char *const arguments[] = {"/usr/bin/flock", "--version", NULL};
  static char *const environment[] = {"LC_ALL=C", NULL};
  int pipes[2], status;
  pid_t pid;
  if (pipe2(pipes, O_CLOEXEC)) return "pipe";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
  int failed = posix_spawn(&pid, arguments[0], &actions, NULL, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  close(pipes[1]);
  ssize_t length = failed ? 0 : read(pipes[0], answer, size - 1);
  close(pipes[0]);
  if (failed) return strerror(failed);
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return "waitpid";
  answer[length < 0 ? 0 : length] = 0;
  if (status == 0) return NULL;
  snprintf(error, sizeof error, "wait status %d", status);
  return error;
}

int main(int count, char **arguments) {
  struct sigaction action = {.sa_handler = end, .sa_flags = SA_RESTART};
  if (count != 2 || chroot(arguments[1]) || chdir("/")) return perror("watch"), 2;
  sigaction(SIGTERM, &action, NULL);
  unsigned long ours = 0, theirs = 0, none = 0;
  char first[80] = "";
  puts("watching"), fflush(stdout);
  while (!ended) {
    char answer[256];
    const char *error = ask(answer, sizeof answer);
    if (!error && strstr(answer, "flock-rs")) ours++;
    else if (!error && strstr(answer, "util-linux")) theirs++;
    else if (!none++) snprintf(first, sizeof first, ": %s", error ? error : "no version");
  }
  printf("flock-rs %lu util-linux %lu none %lu%s\n", ours, theirs, none, first);
  return none != 0;
}
