// Deterministic test inputs, the same here and in inputs.py: an operand is told in words, its elements follow from a
// seed. `4x5:t:real` is a transposed 4x5 tensor of moderate real numbers; inputs.py explains the words.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "keen/creation.h"
#include "keen/ops/indexing.h"
#include "keen/ops/shape.h"

namespace keen::test {

inline std::uint64_t raw(std::uint64_t seed, std::uint64_t i) {
  std::uint64_t z = seed * 0xD1342543DE82EF95u + (i + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}
/// The top `count` bits.
inline std::int64_t bits(std::uint64_t r, int count) { return static_cast<std::int64_t>(r >> (64 - count)); }

/// What an element is made of: its own 64 random bits, and its place when all elements are put in order.
struct Draw {
  std::uint64_t r;
  std::int64_t rank, count;
};

inline std::vector<Draw> draws(const std::string& domain, std::uint64_t seed, std::int64_t n) {
  std::vector<Draw> out(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = {raw(seed, i), 0, n};
  if (domain == "distinct") {
    std::vector<std::size_t> order(out.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return out[a].r < out[b].r; });
    for (std::size_t k = 0; k < order.size(); ++k) out[order[k]].rank = static_cast<std::int64_t>(k) - n / 2;
  }
  return out;
}

inline double floating(const std::string& domain, const Draw& d) {
  auto k = static_cast<double>(bits(d.r, 16));
  if (domain == "real") return (k - 32768) / 4096;
  if (domain == "positive") return (k + 1) / 4096;
  if (domain == "unit") return (k - 32768) / 32768;
  if (domain == "nonzero") return (bits(d.r, 1) ? -1 : 1) * (0.125 + static_cast<double>(bits(d.r, 16) & 32767) / 4096);
  if (domain == "small") return static_cast<double>(bits(d.r, 8) - 128) / 64;
  if (domain == "coarse") return static_cast<double>(bits(d.r, 8) - 128) / 16;
  if (domain == "distinct") return static_cast<double>(d.rank) / 4;
  if (domain == "wide") {
    constexpr double inf = std::numeric_limits<double>::infinity();
    constexpr double specials[] = {
        std::numeric_limits<double>::quiet_NaN(), inf, -inf, 0, -0.0, 1, -1, 0.5, -2.5, 1e-38, 3e38, -3e38};
    auto pick = (d.r >> 8) & 255;
    return pick < 128 ? specials[pick % 12] : std::ldexp((k - 32768) / 4096, static_cast<int>(d.r & 31) - 16);
  }
  throw std::invalid_argument("no floating domain " + domain);
}

template <class T>
T integral(const std::string& domain, const Draw& d) {
  constexpr bool is_signed = std::numeric_limits<T>::is_signed;
  constexpr T low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  std::int64_t k = bits(d.r, 31), sign = is_signed && (d.r & 1) ? -1 : 1;
  if (domain == "wide") {
    const T specials[] = {low, high, static_cast<T>(low + 1), static_cast<T>(high - 1), 0, 1, 2, static_cast<T>(-1)};
    auto pick = (d.r >> 8) & 255;
    return pick < 128 ? specials[pick % 8] : static_cast<T>(d.r);
  }
  std::int64_t v = 0;
  if (domain == "real") v = k % 201 - (is_signed ? 100 : 0);
  else if (domain == "positive") v = k % 100 + 1;
  else if (domain == "nonzero") v = (k % 100 + 1) * sign;
  else if (domain == "unit") v = k % 2;
  else if (domain == "small") v = k % 7 - (is_signed ? 3 : 0);
  else if (domain == "coarse") v = k % 17 - (is_signed ? 8 : 0);
  else if (domain == "distinct") v = d.rank + (is_signed ? 0 : d.count / 2);
  else if (domain.starts_with("label")) v = k % std::stoll(domain.substr(5));
  else if (domain.starts_with("index")) {
    std::int64_t size = std::stoll(domain.substr(5));
    v = is_signed ? k % (2 * size) - size : k % size;
  } else throw std::invalid_argument("no integer domain " + domain);
  return static_cast<T>(v);
}

/// A contiguous tensor whose elements are drawn from `domain`.
inline Tensor drawn(DType dtype, const Shape& shape, const std::string& domain, std::uint64_t seed) {
  auto all = draws(domain, seed, shape.num_elements());
  auto make = [&]<class T>(T, auto&& element) {
    std::vector<T> values;
    for (auto& d : all) values.push_back(element(d));
    return from_data(dtype_of<T>, values.data(), shape, {});
  };
  auto integers = [&]<class T>(T zero) { return make(zero, [&](const Draw& d) { return integral<T>(domain, d); }); };
  switch (dtype) {
    case DType::bool_:
      return make(std::uint8_t{}, [](const Draw& d) { return static_cast<std::uint8_t>(bits(d.r, 1)); }).cast(bool_);
    case DType::int8:
      return integers(std::int8_t{});
    case DType::int16:
      return integers(std::int16_t{});
    case DType::int32:
      return integers(std::int32_t{});
    case DType::int64:
      return integers(std::int64_t{});
    case DType::uint8:
      return integers(std::uint8_t{});
    case DType::uint16:
      return integers(std::uint16_t{});
    case DType::uint32:
      return integers(std::uint32_t{});
    case DType::uint64:
      return integers(std::uint64_t{});
    case DType::float32:
      return make(float{}, [&](const Draw& d) { return static_cast<float>(floating(domain, d)); });
    case DType::float64:
      return make(double{}, [&](const Draw& d) { return floating(domain, d); });
    default:
      return drawn(DType::float64, shape, domain, seed).cast(dtype);
  }
}

inline std::vector<std::string> parts(const std::string& text, char separator) {
  std::vector<std::string> out;
  for (std::size_t at = 0;;) {
    std::size_t end = text.find(separator, at);
    out.push_back(text.substr(at, end - at));
    if (end == std::string::npos) return out;
    at = end + 1;
  }
}

inline DType dtype_named(const std::string& wanted) {
  for (int i = 0; i < dtype_count; ++i)
    if (wanted == name(static_cast<DType>(i))) return static_cast<DType>(i);
  throw std::invalid_argument("no dtype " + wanted);
}

inline Shape shape_from(const std::string& text) {
  Shape shape;
  if (text != "-")
    for (auto& d : parts(text, 'x')) shape.push_back(std::stoll(d));
  return shape;
}

/// The tensor that `spec` describes; its own dtype, if it names one, goes before `dtype`.
inline Tensor operand(const std::string& spec, DType dtype, std::uint64_t seed) {
  auto words = parts(spec, ':');
  Shape shape = shape_from(words[0]);
  char layout = shape.empty() ? 'c' : words[1][0];
  if (words.size() > 3) dtype = dtype_named(words[3]);
  auto base = [&](const Shape& of) { return drawn(dtype, of, words[2], seed); };
  if (layout == 't') {
    Shape reversed = shape;
    std::reverse(reversed.begin(), reversed.end());
    return transpose(base(reversed));
  }
  if (layout == 's') {
    Shape wide = shape;
    wide[-1] = 2 * wide[-1] + 1;
    Tensor t = base(wide)(ellipsis, slice(1, {}, 2));
    return t(slice({}, {}, -1));
  }
  if (layout == 'b') {
    Shape one = shape;
    one[0] = 1;
    return broadcast_to(base(one), shape);
  }
  return base(shape);
}

}  // namespace keen::test
