// Data files: IDX and CSV, good and bad; train_test_split.
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "catch.h"
#include "keen/keen.h"

using namespace keen;
namespace fs = std::filesystem;

namespace {

// A file that goes with its scope.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content)
      : path_((fs::temp_directory_path() / ("keen-files-test-" + std::to_string(getpid()))).string()) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { fs::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (int v : values) out += static_cast<char>(v);
  return out;
}

std::string gzip(const std::string& content) {
  z_stream z = {};
  deflateInit2(&z, 9, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, content.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  z.avail_in = static_cast<uInt>(content.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

Tensor idx(const std::string& content) { return data::read_idx(TemporaryFile(content).path()); }
data::Table csv(const std::string& content) { return data::read_csv(TemporaryFile(content).path()); }

const std::string samples = std::string(KEEN_TESTS_DIR) + "/../samples";
const std::string good = bytes({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255});

}  // namespace

TEST_CASE("IDX files are read in their own shape and dtype, plain and compressed", "[data]") {
  for (const auto& content : {good, gzip(good), gzip(good.substr(0, 7)) + gzip(good.substr(7))}) {
    const Tensor t = idx(content);
    CHECK(t.dtype() == uint8);
    CHECK(t.shape() == Shape{2, 3});
    CHECK(t.to_vector<int>() == std::vector<int>{1, 2, 3, 4, 5, 255});
  }
  CHECK(idx(bytes({0, 0, 0x0b, 1, 0, 0, 0, 2, 1, 2, 255, 255})).to_vector<int>() == std::vector<int>{258, -1});
  CHECK(idx(bytes({0, 0, 0x0d, 0, 0x3f, 0x80, 0, 0})).item<float>() == 1.f);
  CHECK(
      idx(bytes({0, 0, 0x0e, 1, 0, 0, 0, 1, 0xbf, 0xe0, 0, 0, 0, 0, 0, 0})).to_vector<double>() ==
      std::vector<double>{-0.5});
  CHECK(idx(bytes({0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 5})).shape() == Shape{0, 5});
}

TEST_CASE("damaged IDX files are format errors", "[data]") {
  CHECK_THROWS_AS(data::read_idx("/nowhere/file"), IoError);
  CHECK_THROWS_AS(data::read_idx("/"), IoError);
  CHECK_THROWS_AS(idx(""), FormatError);
  CHECK_THROWS_AS(idx(bytes({1, 0, 8, 1, 0, 0, 0, 1, 7})), FormatError);
  CHECK_THROWS_AS(idx(bytes({0, 0, 7, 1, 0, 0, 0, 1, 7})), FormatError);
  CHECK_THROWS_AS(idx(good + "x"), FormatError);
  CHECK_THROWS_AS(idx(gzip(good + "x")), FormatError);
  CHECK_THROWS_AS(idx(gzip(good) + "trailing"), FormatError);
  for (std::size_t n = 0; n < good.size(); ++n) CHECK_THROWS_AS(idx(good.substr(0, n)), FormatError);
  const std::string packed = gzip(good);
  for (std::size_t n = 0; n < packed.size(); ++n) CHECK_THROWS_AS(idx(packed.substr(0, n)), FormatError);
}

TEST_CASE("a flipped bit in a compressed IDX file is noticed, or changes nothing", "[data]") {
  const std::string packed = gzip(good);
  const Tensor whole = idx(good);
  int harmless = 0;
  for (std::size_t i = 10; i < packed.size(); ++i) {  // behind the gzip header, whose time and flags mean nothing here
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = packed;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      Tensor read;
      try {
        read = idx(damaged);
      } catch (const FormatError&) {
        continue;
      }
      ++harmless;
      CHECK(array_equal(read, whole));
    }
  }
  CHECK(harmless < 8);  // bits that fill the last byte of the compressed data
}

TEST_CASE("IDX headers that promise more than a file can hold take no memory", "[data]") {
  const std::string huge =
      bytes({0, 0, 8, 4, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255});
  CHECK_THROWS_AS(idx(huge), FormatError);
  CHECK_THROWS_AS(idx(gzip(huge)), FormatError);
  const std::string four_gigabytes = bytes({0, 0, 8, 1, 255, 255, 255, 255});
  CHECK_THROWS_AS(idx(four_gigabytes), FormatError);
  const auto before = memory_stats().peak;
  // A bomb: a megabyte of zeros behind a header that promises three bytes.
  CHECK_THROWS_AS(idx(gzip(bytes({0, 0, 8, 1, 0, 0, 0, 3}) + std::string(1 << 20, '\0'))), FormatError);
  CHECK(memory_stats().peak - before < 1 << 16);
}

TEST_CASE("MNIST's files become images in 0…1 and labels", "[data]") {
  const auto digits = data::mnist(samples + "/data/mnist5k");
  CHECK(digits.train.size() == 4000);
  CHECK(digits.test.size() == 1000);
  for (auto [x, y] : digits.train.take(1)) {
    CHECK(x.shape() == Shape{28, 28, 1});
    CHECK(x.dtype() == float32);
    CHECK(y.shape() == Shape{});
    CHECK(y.dtype() == int32);
  }
  for (auto [x, y] : digits.test.batch(1000)) {
    CHECK(min(x).item<float>() == 0.f);
    CHECK(max(x).item<float>() == 1.f);
    for (int digit = 0; digit < 10; ++digit) CHECK(sum(y == digit).item<int>() == 100);
  }
  CHECK_THROWS_AS(data::mnist(samples), IoError);
}

TEST_CASE("CSV cells may be quoted", "[data]") {
  const auto table = csv("name,\"a,b\",x\r\n\"O\"\"Neil\",1, 2.5 \r\n\"two\nlines\",-3e2,0.5\n\n");
  CHECK(table.names() == std::vector<std::string>{"name", "a,b", "x"});
  CHECK(table.rows() == 2);
  CHECK(table.cell(0, "name") == "O\"Neil");
  CHECK(table.cell(1, "name") == "two\nlines");
  CHECK(table.columns({"x", "a,b"}).to_vector<float>() == std::vector<float>{2.5, 1, 0.5, -300});
  CHECK(table.column("x").shape() == Shape{2});
}

TEST_CASE("bad CSV files say where", "[data]") {
  CHECK_THROWS_AS(data::read_csv("/nowhere/file"), IoError);
  CHECK_THROWS_AS(csv(""), FormatError);
  CHECK_THROWS_WITH(csv("a,b\n1,2\n3\n"), Catch::Contains("line 3"));
  CHECK_THROWS_WITH(csv("a,b\n1,\"2\n"), Catch::Contains("does not close"));
  CHECK_THROWS_AS(csv("a\n\"1\"2\n"), FormatError);
  const auto table = csv("a,b\n1,x\n");
  CHECK_THROWS_WITH(table.column("b"), Catch::Contains("'b'"));
  CHECK_THROWS_WITH(table.column("c"), Catch::Contains("a, b"));
  CHECK_THROWS_AS(table.cell(1, "a"), IndexError);
  CHECK(csv("a,b\n").column("a").shape() == Shape{0});
}

TEST_CASE("train_test_split cuts both tensors in the same random order", "[data]") {
  const Tensor x = reshape(range(20), {10, 2}), y = range(10);
  auto [x_train, x_test, y_train, y_test] = data::train_test_split(x, y, {.test_size = 0.25, .seed = 1});
  CHECK(x_test.shape() == Shape{3, 2});
  CHECK(x_train.shape() == Shape{7, 2});
  CHECK(array_equal(x_train(all_of, 0), y_train * 2));
  CHECK(array_equal(x_test(all_of, 1), y_test * 2 + 1));
  auto labels = concat({y_train, y_test}).to_vector<int>();
  CHECK_FALSE(std::is_sorted(labels.begin(), labels.end()));
  std::sort(labels.begin(), labels.end());
  CHECK(labels == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(array_equal(data::train_test_split(x, y, {.test_size = 0.25, .seed = 1})[0], x_train));
  CHECK_THROWS_AS(data::train_test_split(x, range(9)), ShapeError);
  CHECK_THROWS_AS(data::train_test_split(x, y, {.test_size = 0}), UsageError);
  CHECK_THROWS_AS(data::train_test_split(x, y, {.test_size = 1.5}), UsageError);
  CHECK_THROWS_AS(data::train_test_split(x, y, {.test_size = 0.95}), UsageError);
}
