// Files and gzip (RFC 1952, by zlib).
#include "data/file.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

#include "core/message.h"
#include "keen/error.h"

namespace keen::detail {

std::string read_file(const char* operation, const std::string& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) fail<IoError>(operation, "cannot open '", path, "': ", std::strerror(errno));
  std::string content;
  char block[1 << 16];
  while (const std::size_t n = std::fread(block, 1, sizeof block, file.get())) content.append(block, n);
  if (std::ferror(file.get())) fail<IoError>(operation, "cannot read '", path, "': ", std::strerror(errno));
  return content;
}

// A gzip file is one or several members, each with a checksum that zlib compares at its end.
struct ContentReader::Inflater {
  explicit Inflater(const std::string& bytes) : stored(bytes) {
    // 16: a gzip header; + 15: the largest window.
    if (inflateInit2(&stream, 16 + 15) != Z_OK) throw OutOfMemory("[gzip] no memory to decompress with");
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  const std::string& stored;
  std::size_t at = 0;
  z_stream stream = {};
  bool ended = false;
};

namespace {
constexpr char gzip_magic[] = {'\x1f', '\x8b'};
bool is_gzip(std::string_view bytes) { return bytes.size() >= 2 && std::memcmp(bytes.data(), gzip_magic, 2) == 0; }
}  // namespace

ContentReader::ContentReader(const char* operation, std::string path)
    : operation_(operation), path_(std::move(path)), bytes_(read_file(operation, path_)) {
  if (is_gzip(bytes_)) inflater_ = std::make_unique<Inflater>(bytes_);
}
ContentReader::~ContentReader() = default;

std::uint64_t ContentReader::largest_content() const {
  return bytes_.size() * (inflater_ ? std::uint64_t{1032} : std::uint64_t{1});
}

// Up to `bytes` more of the content; 0 at its end.
std::size_t ContentReader::read_some(void* to, std::size_t bytes) {
  if (!inflater_) {
    const std::size_t n = std::min(bytes, bytes_.size() - at_);
    std::memcpy(to, bytes_.data() + at_, n);
    at_ += n;
    return n;
  }
  Inflater& z = *inflater_;
  const auto wanted = static_cast<uInt>(std::min<std::size_t>(bytes, UINT_MAX));
  z.stream.next_out = static_cast<Bytef*>(to);
  z.stream.avail_out = wanted;
  while (z.stream.avail_out == wanted && !z.ended) {
    const auto input = static_cast<uInt>(std::min<std::size_t>(bytes_.size() - z.at, UINT_MAX));
    z.stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes_.data() + z.at));
    z.stream.avail_in = input;
    const int status = inflate(&z.stream, Z_NO_FLUSH);
    z.at += input - z.stream.avail_in;
    if (status == Z_STREAM_END) {
      const auto rest = std::string_view(bytes_).substr(z.at);
      if (rest.empty()) z.ended = true;
      else if (!is_gzip(rest))
        fail<FormatError>(operation_, "'", path_, "' has ", rest.size(), " bytes behind its compressed data");
      else inflateReset(&z.stream);
    } else if (status == Z_BUF_ERROR) {
      fail<FormatError>(operation_, "'", path_, "' is cut short: its compressed data do not end");
    } else if (status != Z_OK) {
      fail<FormatError>(operation_, "'", path_, "' is damaged: ", z.stream.msg ? z.stream.msg : "bad compressed data");
    }
  }
  return wanted - z.stream.avail_out;
}

void ContentReader::read(void* to, std::size_t bytes) {
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t n = read_some(static_cast<char*>(to) + done, bytes - done);
    if (n == 0) fail<FormatError>(operation_, "'", path_, "' ends ", bytes - done, " bytes early");
    done += n;
  }
}

void ContentReader::expect_end() {
  char extra;
  if (read_some(&extra, 1) != 0) fail<FormatError>(operation_, "'", path_, "' is longer than its header says");
}

}  // namespace keen::detail
