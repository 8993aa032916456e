// bench_usage: runs a command and prints its seconds and its peak resident megabytes. Small, because a child starts
// with its parent's peak.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>

namespace {
double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}
}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s command [argument...]\n", argv[0]);
    return 2;
  }
  const double start = now();
  const pid_t child = fork();
  if (child == 0) {
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    execvp(argv[1], argv + 1);
    _exit(127);
  }
  int status = 1;
  rusage usage = {};
  if (child < 0 || wait4(child, &status, 0, &usage) < 0) return 1;
  std::printf("%.6f %.3f\n", now() - start, static_cast<double>(usage.ru_maxrss) * 1024 / 1e6);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
