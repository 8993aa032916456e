#include "fusion/disk_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "core/message.h"
#include "keen/log.h"

namespace keen::detail::fusion {
namespace {

constexpr char magic[8] = {'k', 'e', 'e', 'n', 'k', 'r', 'n', '1'};
struct Header {
  char magic[8];
  std::uint64_t key_bytes, content_bytes, checksum;
};

std::uint64_t mix(std::uint64_t h) noexcept {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdULL;
  return h ^ (h >> 29);
}
/// Of damage, not of malice: the folder's permissions keep that out.
std::uint64_t hash(std::string_view bytes, std::uint64_t seed) noexcept {
  std::uint64_t h = mix(seed + bytes.size());
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<std::size_t>(8, bytes.size() - i));
    h = mix(h ^ word) * 0x9e3779b97f4a7c15ULL;
  }
  return mix(h);
}

std::string file_name(std::string_view key) {
  char name[40];
  std::snprintf(
      name, sizeof name, "%016llx%016llx", static_cast<unsigned long long>(hash(key, 1)),
      static_cast<unsigned long long>(hash(key, 2)));
  return name;
}

class File {
 public:
  explicit File(int fd) noexcept : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int fd() const noexcept { return fd_; }

  bool write_all(const void* data, std::size_t bytes) const {
    for (auto* at = static_cast<const char*>(data); bytes > 0;) {
      const ssize_t written = write(fd_, at, bytes);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      at += written;
      bytes -= static_cast<std::size_t>(written);
    }
    return true;
  }
  std::optional<std::string> read_all(std::size_t most) const {
    std::string content;
    char buffer[16384];
    for (;;) {
      const ssize_t got = read(fd_, buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 || content.size() > most) return {};
      if (got == 0) return content;
      content.append(buffer, static_cast<std::size_t>(got));
    }
  }

 private:
  int fd_;
};

/// Belongs to this user, and nobody else may write it.
bool is_ours(const struct stat& s) { return s.st_uid == geteuid() && (s.st_mode & (S_IWGRP | S_IWOTH)) == 0; }

void make_folders(const std::string& folder) {
  for (std::size_t slash = folder.find('/', 1);; slash = folder.find('/', slash + 1)) {
    mkdir(folder.substr(0, slash).c_str(), 0700);
    if (slash == std::string::npos) return;
  }
}

std::string default_folder() {
  // secure_getenv: a set-uid program must not load code from where its caller says.
  if (const char* chosen = secure_getenv("KEEN_CACHE_DIR")) return chosen;
  if (const char* caches = secure_getenv("XDG_CACHE_HOME"); caches && *caches == '/')
    return std::string(caches) + "/keen/kernels";
  if (const char* home = secure_getenv("HOME"); home && *home == '/') return std::string(home) + "/.cache/keen/kernels";
  return {};
}

}  // namespace

DiskCache::DiskCache(std::string folder, Limits limits) : folder_(std::move(folder)), limits_(limits) {
  if (folder_.empty()) return;
  make_folders(folder_);
  folder_fd_ = open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat s {};
  const bool is_there = folder_fd_ >= 0 && fstat(folder_fd_, &s) == 0;
  if (is_there && is_ours(s)) return;
  give_up(is_there ? "belongs to another user, or others may write it" : "cannot be opened");
  if (folder_fd_ >= 0) close(folder_fd_);
  folder_fd_ = -1;
}

DiskCache::~DiskCache() {
  if (folder_fd_ >= 0) close(folder_fd_);
}

void DiskCache::give_up(const char* what) {
  if (std::exchange(writable_, false))
    log(LogLevel::warning, text(
                               "the kernel cache ", folder_, ' ', what,
                               ": kernels are compiled anew in each run (KEEN_CACHE_DIR names another folder)"));
}

std::string DiskCache::path_of(std::string_view key) const { return folder_ + '/' + file_name(key); }

std::optional<std::string> DiskCache::find(std::string_view key) {
  if (!is_open()) return {};
  const File file(openat(folder_fd_, file_name(key).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat s {};
  if (!file || fstat(file.fd(), &s) != 0 || !S_ISREG(s.st_mode) || !is_ours(s)) return {};
  const auto bytes = file.read_all(static_cast<std::size_t>(limits_.bytes));
  Header header{};
  if (!bytes || bytes->size() < sizeof header) return {};
  std::memcpy(&header, bytes->data(), sizeof header);
  const std::string_view body = std::string_view(*bytes).substr(sizeof header);
  if (std::memcmp(header.magic, magic, sizeof magic) != 0 || header.key_bytes != key.size() ||
      header.key_bytes > body.size() || header.content_bytes != body.size() - header.key_bytes ||
      header.checksum != hash(body, 3) || body.substr(0, key.size()) != key)
    return {};
  futimens(file.fd(), nullptr);  // used now: the oldest go first
  return std::string(body.substr(key.size()));
}

void DiskCache::store(std::string_view key, std::string_view content) {
  std::lock_guard lock(mutex_);
  if (!is_open() || !writable_) return;
  sweep();
  static std::atomic<unsigned> counter{0};
  const std::string temporary = text(".new-", getpid(), '-', counter++);
  const std::string body = std::string(key) + std::string(content);
  Header header{{}, key.size(), content.size(), hash(body, 3)};
  std::memcpy(header.magic, magic, sizeof magic);
  bool done = false;
  {
    const File file(openat(folder_fd_, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) return give_up("cannot be written");
    done = file.write_all(&header, sizeof header) && file.write_all(body.data(), body.size());
  }
  done = done && renameat(folder_fd_, temporary.c_str(), folder_fd_, file_name(key).c_str()) == 0;
  if (done) return;
  unlinkat(folder_fd_, temporary.c_str(), 0);
  give_up("cannot be written");
}

/// Before a process's first write: when the folder is over its limits, the oldest entries go until a quarter is free.
void DiskCache::sweep() {
  if (std::exchange(swept_, true)) return;
  struct Entry {
    std::string name;
    std::int64_t time, bytes;
  };
  std::vector<Entry> entries;
  std::int64_t total = 0;
  DIR* list = opendir(folder_.c_str());
  if (!list) return;
  while (const dirent* entry = readdir(list)) {
    struct stat s {};
    if (fstatat(folder_fd_, entry->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(s.st_mode)) continue;
    entries.push_back({entry->d_name, s.st_mtim.tv_sec, s.st_size});
    total += s.st_size;
  }
  closedir(list);
  auto count = static_cast<int>(entries.size());
  if (total <= limits_.bytes && count <= limits_.files) return;
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.time < b.time; });
  for (const auto& entry : entries) {
    if (total <= limits_.bytes / 4 * 3 && count <= limits_.files / 4 * 3) return;
    unlinkat(folder_fd_, entry.name.c_str(), 0);
    total -= entry.bytes;
    --count;
  }
}

DiskCache& disk_cache() {
  static DiskCache& cache = *new DiskCache(default_folder());  // for ever: threads may compile while the process ends
  return cache;
}

}  // namespace keen::detail::fusion
