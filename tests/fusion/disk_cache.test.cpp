// The kernel cache on disk: found again, refused when damaged or foreign, bounded, silent when it cannot be used.
#include "fusion/disk_cache.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "catch.h"
#include "keen/log.h"

using keen::detail::fusion::DiskCache;

namespace {

/// A folder of its own, gone at the end.
struct Folder {
  Folder() {
    char name[] = "/tmp/keen-cache-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() {
    chmod(path.c_str(), 0700);
    std::filesystem::remove_all(path);
  }
  int files() const {
    int count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path)) ++count;
    return count;
  }
  std::string path;
};

/// Counts warnings while it lives.
struct Warnings {
  Warnings() {
    keen::set_log_handler(
        [this](keen::LogLevel level, std::string_view) { count += level == keen::LogLevel::warning; });
  }
  ~Warnings() { keen::set_log_handler({}); }
  int count = 0;
};

}  // namespace

TEST_CASE("the disk cache gives back what was stored, in this process and the next", "[fusion][cache]") {
  const Folder folder;
  const std::string below = folder.path + "/deep/er";
  {
    DiskCache cache(below);
    CHECK_FALSE(cache.find("key"));
    cache.store("key", "content");
    cache.store("other", std::string(100000, 'x'));
    CHECK(cache.find("key") == "content");
  }
  DiskCache cache(below);
  CHECK(cache.find("key") == "content");
  CHECK(cache.find("other")->size() == 100000);
  CHECK_FALSE(cache.find("third"));
  struct stat s {};
  REQUIRE(stat(below.c_str(), &s) == 0);
  CHECK((s.st_mode & 0077) == 0);
}

TEST_CASE("a damaged or foreign entry counts as absent and is replaced", "[fusion][cache]") {
  const Folder folder;
  DiskCache cache(folder.path);
  cache.store("key", "some content");
  const std::string path = cache.path_of("key");
  const auto size = std::filesystem::file_size(path);
  for (std::uintmax_t at = 0; at < size; ++at) {
    cache.store("key", "some content");
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char changed = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(changed);
    file.close();
    CHECK_FALSE(cache.find("key"));
  }
  cache.store("key", "some content");
  CHECK(cache.find("key") == "some content");
  for (std::uintmax_t length = 0; length < size; ++length) {
    std::filesystem::resize_file(path, length);
    CHECK_FALSE(cache.find("key"));
  }
  std::filesystem::rename(cache.path_of("key"), cache.path_of("another"));
  CHECK_FALSE(cache.find("another"));
  std::filesystem::remove(path);
  std::filesystem::create_symlink("/etc/passwd", path);
  CHECK_FALSE(cache.find("key"));
}

TEST_CASE("a folder that others may write is not used", "[fusion][cache]") {
  const Folder folder;
  {
    DiskCache cache(folder.path);
    cache.store("key", "content");
  }
  chmod(folder.path.c_str(), 0777);
  Warnings warnings;
  DiskCache cache(folder.path);
  CHECK_FALSE(cache.is_open());
  CHECK_FALSE(cache.find("key"));
  cache.store("key", "content");
  CHECK(warnings.count == 1);
}

TEST_CASE("a folder that cannot be made is one warning and no cache", "[fusion][cache]") {
  const Folder folder;
  { std::ofstream(folder.path + "/file") << "x"; }
  Warnings warnings;
  DiskCache cache(folder.path + "/file/below");
  cache.store("key", "content");
  cache.store("key", "content");
  CHECK_FALSE(cache.find("key"));
  CHECK(warnings.count == 1);
  DiskCache none("");
  none.store("key", "content");
  CHECK_FALSE(none.find("key"));
  CHECK(warnings.count == 1);
}

TEST_CASE("the oldest entries go when there are too many", "[fusion][cache]") {
  const Folder folder;
  for (int i = 0; i < 20; ++i) DiskCache(folder.path, {.files = 100}).store("key " + std::to_string(i), "content");
  CHECK(folder.files() == 20);
  DiskCache(folder.path, {.files = 8}).store("new", "content");
  CHECK(folder.files() == 7);
  CHECK(DiskCache(folder.path).find("new"));
}

TEST_CASE("threads store and find side by side", "[fusion][cache]") {
  const Folder folder;
  DiskCache cache(folder.path);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const std::string key = "key " + std::to_string(i % 5), content(static_cast<std::size_t>(1000 + i % 5), 'c');
        cache.store(key, content);
        const auto found = cache.find(key);
        wrong += !found || *found != content;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(folder.files() == 5);
}
