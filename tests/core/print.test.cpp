// Printing: as NumPy prints, compared with what make_printed.py stored.
#include <fstream>
#include <iostream>
#include <sstream>

#include "catch.h"
#include "keen/ops/arithmetic.h"
#include "keen/variable.h"
#include "support/inputs.h"

using namespace keen;
using namespace keen::test;

namespace {

std::string printed(const auto& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

struct Entry {
  std::string operand, dtype, text;
  double scale = 1;
};

std::vector<Entry> read_entries() {
  std::ifstream in(KEEN_TESTS_DIR "/core/printed.txt");
  std::vector<Entry> entries;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("# ")) {
      std::istringstream words(line.substr(2));
      auto& e = entries.emplace_back();
      words >> e.operand >> e.dtype >> e.scale;
    } else {
      auto& text = entries.back().text;
      text += text.empty() ? line : '\n' + line;
    }
  }
  return entries;
}

}  // namespace

TEST_CASE("tensors print as NumPy prints them", "[print]") {
  auto entries = read_entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto& e = entries[i];
    Tensor t = operand(e.operand, dtype_named(e.dtype == "float16" || e.dtype == "complex64" ? "float64" : e.dtype), i);
    if (e.scale != 1) t = t.cast(float64) * e.scale;
    INFO(e.operand << ' ' << e.dtype << " * " << e.scale << "\nNumPy:\n" << e.text);
    CHECK(t.cast(dtype_named(e.dtype)).to_string() == e.text);
  }
  std::cout << entries.size() << " tensors printed as NumPy does\n";
}

TEST_CASE("exponents belong to the digits before them", "[print]") {
  CHECK(constant({0.01f, 132752.56f}).to_string() == "[9.9999998e-03 1.3275256e+05]");  // 0.01f lies below 0.01
  CHECK(constant({0.001f, 12345678.f, 1e-8f}).to_string() == "[1.0000000e-03 1.2345678e+07 9.9999999e-09]");
}

TEST_CASE("a printed tensor says its shape, dtype and device", "[print]") {
  CHECK(printed(constant({{1, 2}, {3, 4}})) == "Tensor(\n[[1 2]\n [3 4]], shape=(2, 2), dtype=int32, device=cpu:0)");
  CHECK(printed(constant(0.5f)) == "Tensor(0.5, shape=(), dtype=float32, device=cpu:0)");
  CHECK(printed(constant({true, false})) == "Tensor([ True False], shape=(2,), dtype=bool, device=cpu:0)");
  CHECK(printed(Tensor()) == "Tensor(undefined)");
  CHECK(printed(zeros({0})) == "Tensor([], shape=(0,), dtype=float32, device=cpu:0)");
}

TEST_CASE("shapes, devices and variables print", "[print]") {
  CHECK(printed(Shape{}) == "()");
  CHECK(printed(Shape{3}) == "(3,)");
  CHECK(printed(Shape{2, 3}) == "(2, 3)");
  CHECK(printed(Device("gpu:1")) == "gpu:1");
  CHECK(
      printed(Variable(constant({1, 2}), {.name = "w"})) == "Variable 'w' shape=(2,) dtype=int32 device=cpu:0\n[1 2]");
}
