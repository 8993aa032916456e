// The whole table of type promotion, written down by hand.
#include <iterator>
#include <sstream>

#include "catch.h"
#include "keen/creation.h"
#include "keen/dtype.h"
#include "keen/error.h"
#include "keen/ops/arithmetic.h"

using namespace keen;

namespace {

// Row and column order is that of DType; ? is no common type. b bool, i1…i8, u1…u8, f2, bf, f4, f8, c8, c16.
const char* const order = "b i1 i2 i4 i8 u1 u2 u4 u8 f2 bf f4 f8 c8 c16";
const char* const table[dtype_count] = {
    /* b   */ "b   i1  i2  i4  i8  u1  u2  u4  u8  f2  bf  f4  f8  c8  c16",
    /* i1  */ "i1  i1  i2  i4  i8  i2  i4  i8  ?   f2  bf  f4  f8  c8  c16",
    /* i2  */ "i2  i2  i2  i4  i8  i2  i4  i8  ?   f2  bf  f4  f8  c8  c16",
    /* i4  */ "i4  i4  i4  i4  i8  i4  i4  i8  ?   f2  bf  f4  f8  c8  c16",
    /* i8  */ "i8  i8  i8  i8  i8  i8  i8  i8  ?   f2  bf  f4  f8  c8  c16",
    /* u1  */ "u1  i2  i2  i4  i8  u1  u2  u4  u8  f2  bf  f4  f8  c8  c16",
    /* u2  */ "u2  i4  i4  i4  i8  u2  u2  u4  u8  f2  bf  f4  f8  c8  c16",
    /* u4  */ "u4  i8  i8  i8  i8  u4  u4  u4  u8  f2  bf  f4  f8  c8  c16",
    /* u8  */ "u8  ?   ?   ?   ?   u8  u8  u8  u8  f2  bf  f4  f8  c8  c16",
    /* f2  */ "f2  f2  f2  f2  f2  f2  f2  f2  f2  f2  f4  f4  f8  c8  c16",
    /* bf  */ "bf  bf  bf  bf  bf  bf  bf  bf  bf  f4  bf  f4  f8  c8  c16",
    /* f4  */ "f4  f4  f4  f4  f4  f4  f4  f4  f4  f4  f4  f4  f8  c8  c16",
    /* f8  */ "f8  f8  f8  f8  f8  f8  f8  f8  f8  f8  f8  f8  f8  c16 c16",
    /* c8  */ "c8  c8  c8  c8  c8  c8  c8  c8  c8  c8  c8  c8  c16 c8  c16",
    /* c16 */ "c16 c16 c16 c16 c16 c16 c16 c16 c16 c16 c16 c16 c16 c16 c16",
};

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

}  // namespace

TEST_CASE("dtypes promote by the table", "[dtype]") {
  auto names = words(order);
  for (int i = 0; i < dtype_count; ++i) {
    auto row = words(table[i]);
    for (int j = 0; j < dtype_count; ++j) {
      auto a = static_cast<DType>(i), b = static_cast<DType>(j);
      INFO(name(a) << " with " << name(b));
      const std::string& wanted = row[static_cast<std::size_t>(j)];
      if (wanted == "?") CHECK_THROWS_AS(promote(a, b), DTypeError);
      else CHECK(names[static_cast<std::size_t>(promote(a, b))] == wanted);
    }
  }
}

TEST_CASE("numbers are weak: they take the dtype of the tensor they meet", "[dtype]") {
  auto dtype = [](DType d, auto number) { return (ones({2}, {.dtype = d}) + number).dtype(); };
  for (DType d : {int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64}) CHECK(dtype(d, 1) == d);
  CHECK(dtype(float32, 2.0) == float32);
  CHECK(dtype(float64, 2.f) == float64);
  CHECK(dtype(int32, 2.0) == float32);
  CHECK(dtype(int64, 2.f) == float32);
  CHECK(dtype(bool_, 1) == int32);
  CHECK(dtype(bool_, 1L) == int64);
  CHECK(dtype(bool_, true) == bool_);
  CHECK(dtype(bool_, 2.5) == float32);
  CHECK(dtype(int8, true) == int8);
  CHECK(add(1, 2).dtype() == int32);
  CHECK(add(1, 2.5).dtype() == float32);
  CHECK((3 - constant({1, 2}, {.dtype = uint8})).dtype() == uint8);
}

TEST_CASE("division gives floats and keeps wide ones", "[dtype]") {
  for (DType d : {bool_, int8, int64, uint8, uint64, float32}) CHECK((ones({2}, {.dtype = d}) / 2).dtype() == float32);
  CHECK((ones({2}, {.dtype = float64}) / 2).dtype() == float64);
}

TEST_CASE("names and sizes of dtypes", "[dtype]") {
  CHECK(std::string(name(bfloat16)) == "bfloat16");
  CHECK(size_of(bool_) == 1);
  CHECK(size_of(uint64) == 8);
  CHECK(size_of(bfloat16) == 2);
  CHECK(size_of(complex128) == 16);
  CHECK(dtype_of<long> == int64);
  CHECK(dtype_of<unsigned char> == uint8);
  CHECK(dtype_of<Half> == float16);
  CHECK(is_trainable(complex64));
  CHECK_FALSE(is_trainable(int64));
}

TEST_CASE("weak numbers of uint64 above the signed range keep their value", "[dtype]") {
  const std::uint64_t large = std::uint64_t{1} << 63;
  CHECK((constant({1.f}) * large).to_vector<float>()[0] == 0x1p63f);
  CHECK((constant({1.f}) < large).to_vector<bool>()[0]);
  CHECK(full({1}, large, {.dtype = float64}).to_vector<double>()[0] == 0x1p63);
  CHECK((constant(std::vector<std::uint64_t>{1}) + large).to_vector<std::uint64_t>()[0] == large + 1);
}
