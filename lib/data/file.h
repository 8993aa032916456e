// Reading whole files, compressed or not, with bounded memory.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace keen::detail {

/// The bytes of a file. Throws IoError.
std::string read_file(const char* operation, const std::string& path);

/// Reads a file's content front to back; what it decompresses is taken piece by piece, so that memory is bounded by
/// what the caller asks for, not by what a crafted file unpacks to.
class ContentReader {
 public:
  /// gzip is known by its first bytes (RFC 1952), not by the name. Throws IoError.
  ContentReader(const char* operation, std::string path);
  ~ContentReader();
  ContentReader(const ContentReader&) = delete;
  ContentReader& operator=(const ContentReader&) = delete;

  /// Fills `to`; FormatError when the content ends earlier or is damaged.
  void read(void* to, std::size_t bytes);
  /// FormatError unless everything has been read and the checksum held.
  void expect_end();
  /// No content can be longer: deflate packs at most 1032 bytes into one.
  std::uint64_t largest_content() const;

 private:
  struct Inflater;
  std::size_t read_some(void* to, std::size_t bytes);

  const char* operation_;
  const std::string path_;
  const std::string bytes_;  // as stored
  std::size_t at_ = 0;       // when not compressed
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace keen::detail
