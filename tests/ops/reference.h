// NumPy's results as make_reference.py stored them, and the comparison of Keen's with them.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "core/tensor_impl.h"
#include "keen/tensor.h"
#include "support/inputs.h"

namespace keen::test {

/// `key=value` words of a line.
class Words {
 public:
  explicit Words(const std::string& text) {
    std::istringstream in(text);
    for (std::string word; in >> word;) {
      auto equals = word.find('=');
      values_[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  bool has(const std::string& key) const { return values_.contains(key); }
  const std::string& text(const std::string& key) const { return values_.at(key); }
  std::int64_t integer(const std::string& key) const { return std::stoll(values_.at(key)); }
  bool flag(const std::string& key) const { return has(key) && integer(key) != 0; }
  double real(const std::string& key) const { return std::stod(values_.at(key)); }
  Shape ints(const std::string& key) const {
    Shape out;
    if (!values_.at(key).empty())
      for (auto& part : parts(values_.at(key), ',')) out.push_back(std::stoll(part));
    return out;
  }
  Axes axes() const { return has("axes") ? Axes(ints("axes")) : Axes(); }

 private:
  std::map<std::string, std::string> values_;
};

struct Tolerance {
  enum Kind { exact, ulp, close } kind = exact;
  double amount = 0;
};

/// A line of reference.txt.
struct Group {
  std::string name;
  Words attributes{""};
  std::vector<std::string> operands, dtypes;
  Tolerance tolerance;
  std::uint64_t seed = 0;

  std::vector<Tensor> inputs(const std::string& dtype) const {
    auto each = parts(dtype, '+');
    std::vector<Tensor> out;
    for (std::size_t i = 0; i < operands.size(); ++i)
      out.push_back(operand(operands[i], dtype_named(each[each.size() == 1 ? 0 : i]), seed + i));
    return out;
  }
};

inline std::vector<std::string> blank_separated(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

inline Group parse_group(const std::string& line, std::uint64_t number) {
  std::vector<std::string> fields;
  for (std::size_t at = 0;;) {
    auto bar = line.find(" | ", at);
    fields.push_back(line.substr(at, bar - at));
    if (bar == std::string::npos) break;
    at = bar + 3;
  }
  auto tolerance = blank_separated(fields.at(4));
  auto kind = tolerance[0] == "exact" ? Tolerance::exact : tolerance[0] == "ulp" ? Tolerance::ulp : Tolerance::close;
  return {
      fields[0],
      Words(fields[1]),
      blank_separated(fields[2]),
      blank_separated(fields[3]),
      {kind, kind == Tolerance::exact ? 0 : std::stod(tolerance[1])},
      16 * number};
}

/// Reads reference.bin from start to end.
class Results {
 public:
  explicit Results(const std::string& file) : in_(file, std::ios::binary) {}
  Tensor next() {
    auto code = static_cast<DType>(in_.get());
    int rank = in_.get();
    Shape shape;
    for (int i = 0; i < rank; ++i) {
      std::uint32_t d = 0;
      in_.read(reinterpret_cast<char*>(&d), sizeof d);
      shape.push_back(d);
    }
    std::vector<char> bytes(static_cast<std::size_t>(shape.num_elements()) * size_of(code));
    in_.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!in_) throw std::runtime_error("reference.bin ends early");
    return from_data(code, bytes.data(), shape, {});
  }
  bool at_end() { return in_.peek() == std::ifstream::traits_type::eof(); }

 private:
  std::ifstream in_;
};

/// Distance in units in the last place; 0 for two NaNs and for zeros of either sign.
template <class T>
double ulps(T a, T b) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  if (!std::isfinite(a) || !std::isfinite(b)) return INFINITY;
  auto place = [](T v) {
    auto bits = std::bit_cast<Bits>(v);
    return bits < 0 ? std::numeric_limits<Bits>::min() - bits : bits;
  };
  return std::abs(static_cast<double>(place(a)) - static_cast<double>(place(b)));
}

/// Empty when got is what is wanted, else the first difference.
template <class T>
std::string difference(const std::vector<T>& got, const std::vector<T>& wanted, const Tolerance& tolerance) {
  double scale = 0;
  for (T w : wanted)
    if (std::isfinite(w)) scale = std::max(scale, std::abs(static_cast<double>(w)));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    double off = ulps(got[i], wanted[i]), limit = tolerance.kind == Tolerance::ulp ? tolerance.amount : 0;
    if (tolerance.kind == Tolerance::close && std::isfinite(wanted[i])) {
      constexpr double sharper = sizeof(T) == 8 ? 1e-6 : 1;  // tolerances are told for float32
      off = off == 0 ? 0 : std::abs(static_cast<double>(got[i]) - static_cast<double>(wanted[i])) / scale;
      limit = tolerance.amount * sharper;
    }
    if (!(off <= limit)) {
      std::ostringstream out;
      out.precision(17);
      out << "element " << i << " is " << got[i] << ", NumPy has " << wanted[i];
      return out.str();
    }
  }
  return {};
}

inline std::string difference(const Tensor& got, const Tensor& wanted, const Tolerance& tolerance) {
  std::ostringstream out;
  if (got.dtype() != wanted.dtype() || got.shape() != wanted.shape()) {
    out << name(got.dtype()) << ' ' << got.shape() << ", NumPy has " << name(wanted.dtype()) << ' ' << wanted.shape();
    return out.str();
  }
  Tensor dense = got.contiguous();
  switch (wanted.dtype()) {
    case DType::float32:
      return difference(dense.to_vector<float>(), wanted.to_vector<float>(), tolerance);
    case DType::float64:
      return difference(dense.to_vector<double>(), wanted.to_vector<double>(), tolerance);
    default: {
      auto* a = static_cast<const unsigned char*>(dense.impl()->data);
      auto* b = static_cast<const unsigned char*>(wanted.impl()->data);
      std::size_t bytes = wanted.nbytes(), width = size_of(wanted.dtype());
      auto at = static_cast<std::size_t>(std::mismatch(a, a + bytes, b).first - a);
      if (at == bytes) return {};
      out << "element " << at / width << ": got " << got.to_string() << ", NumPy has " << wanted.to_string();
      return out.str();
    }
  }
}

}  // namespace keen::test
