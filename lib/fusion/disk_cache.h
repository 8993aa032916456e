// Compiled kernels kept in files, so that a program's second run opens no compiler.
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace keen::detail::fusion {

/// Entries by key, in one folder of the user's own. As an entry is machine code, a folder that belongs to someone else, or
/// that others may write, is not used, and an entry that does not match its key and checksum counts as absent. Files
/// appear whole or not at all; the oldest go when there are too many. What cannot be read or written never throws: the
/// first failure to write is one warning and the end of writing. Safe to use from several threads and processes.
class DiskCache {
 public:
  struct Limits {
    std::int64_t bytes = 64 << 20;
    int files = 8192;
  };
  /// An empty folder name means no cache.
  explicit DiskCache(std::string folder) : DiskCache(std::move(folder), Limits{}) {}
  DiskCache(std::string folder, Limits limits);
  ~DiskCache();
  DiskCache(const DiskCache&) = delete;
  DiskCache& operator=(const DiskCache&) = delete;

  bool is_open() const noexcept { return folder_fd_ >= 0; }
  std::optional<std::string> find(std::string_view key);
  void store(std::string_view key, std::string_view content);
  /// Where the entry of a key lies.
  std::string path_of(std::string_view key) const;

 private:
  void give_up(const char* what);
  void sweep();

  std::string folder_;
  Limits limits_;
  int folder_fd_ = -1;
  std::mutex mutex_;
  bool writable_ = true, swept_ = false;
};

/// The process's cache: in KEEN_CACHE_DIR (empty: none), else keen/kernels in the user's cache folder.
DiskCache& disk_cache();

}  // namespace keen::detail::fusion
