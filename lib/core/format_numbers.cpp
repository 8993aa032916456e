// The rules of NumPy's array printing (numpy/_core/arrayprint, FloatingFormat) over shortest round-trip digits.
#include "core/format_numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
namespace keen::detail {
namespace {

constexpr int precision = 8;

/// Does `text` read back as the value in its own type?
bool gives_back(const char* text, double v, DType dtype) {
  const float read = std::strtof(text, nullptr), value = static_cast<float>(v);
  return dtype == DType::float16 ? Half(read).bits == Half(value).bits : BFloat(read).bits == BFloat(value).bits;
}

/// The fewest digits that tell the value from its neighbours in its type, as "d.ddde±dd" or plain digits.
std::string shortest(double v, DType dtype, std::chars_format format) {
  char buffer[400];
  std::to_chars_result end{};
  if (dtype == DType::float16 || dtype == DType::bfloat16) {
    char digits[32];
    for (int n = 1; n <= 9; ++n) {
      std::snprintf(digits, sizeof digits, "%.*e", n - 1, v);
      if (gives_back(digits, v, dtype)) break;
    }
    end = std::to_chars(buffer, buffer + sizeof buffer, std::strtod(digits, nullptr), format);
  } else if (dtype == DType::float32 || dtype == DType::complex64) {
    end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<float>(v), format);
  } else {
    end = std::to_chars(buffer, buffer + sizeof buffer, v, format);
  }
  return {buffer, end.ptr};
}

/// Digits before and behind the point, and the exponent ("" or "e-05").
struct Parts {
  std::string whole, fraction, exponent;
};

Parts parts(double v, DType dtype, std::chars_format format) {
  auto split = [](const std::string& s) {
    const auto e = std::min(s.find('e'), s.size()), point = std::min(s.find('.'), e);
    return Parts{s.substr(0, point), point < e ? s.substr(point + 1, e - point - 1) : "", s.substr(e)};
  };
  Parts p = split(shortest(v, dtype, format));
  if (p.fraction.size() > precision) {
    char buffer[400];
    std::snprintf(buffer, sizeof buffer, format == std::chars_format::fixed ? "%.*f" : "%.*e", precision, v);
    p = split(buffer);
    p.fraction.erase(p.fraction.find_last_not_of('0') + 1);
  }
  return p;
}

/// The magnitude from which a type's values are printed with exponents: where its decimal digits end.
double cutoff(DType dtype) {
  if (dtype == DType::bfloat16) return 1e2;
  if (dtype == DType::float16) return 1e3;
  return dtype == DType::float32 || dtype == DType::complex64 ? 1e6 : 1e8;
}

bool wants_exponents(const std::vector<double>& values, DType dtype) {
  double largest = 0, smallest = INFINITY;
  for (double v : values) {
    if (!std::isfinite(v) || v == 0) continue;
    largest = std::max(largest, std::abs(v));
    smallest = std::min(smallest, std::abs(v));
  }
  return largest > 0 && (largest >= cutoff(dtype) || smallest < 1e-4 || largest / smallest > 1000);
}

std::string special(double v, bool plus) { return std::isnan(v) ? "nan" : v < 0 ? "-inf" : plus ? "+inf" : "inf"; }

}  // namespace

std::vector<std::string> format_reals(const std::vector<double>& values, DType dtype, bool plus) {
  const bool exponents = wants_exponents(values, dtype);
  const auto format = exponents ? std::chars_format::scientific : std::chars_format::fixed;
  std::vector<Parts> all;
  std::size_t left = 0, fraction = 0, exponent = 0;
  bool any_finite = false;
  for (double v : values) {
    Parts& p = all.emplace_back();
    if (!std::isfinite(v)) continue;
    any_finite = true;
    p = parts(v, dtype, format);
    if (plus && !std::signbit(v)) p.whole.insert(0, 1, '+');
    left = std::max(left, p.whole.size());
    fraction = std::max(fraction, p.fraction.size());
    exponent = std::max(exponent, p.exponent.size());
  }
  std::size_t width = any_finite ? left + 1 + fraction + exponent : 0;
  for (double v : values)
    if (!std::isfinite(v)) width = std::max(width, special(v, plus).size());

  std::vector<std::string> out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Parts& p = all[i];
    std::string s = p.whole + '.' + p.fraction;
    if (!std::isfinite(values[i])) {
      s = special(values[i], plus);
    } else if (exponents) {
      // Missing digits are the value's own, not zeros.
      char digits[64];
      std::snprintf(digits, sizeof digits, plus ? "%+.*e" : "%.*e", static_cast<int>(fraction), values[i]);
      s = digits;
      std::string power = s.substr(s.find('e'));
      s.resize(s.size() - power.size());
      if (fraction == 0) s += '.';
      s += power.insert(2, exponent - power.size(), '0');
    } else {
      s.append(fraction - p.fraction.size(), ' ');
    }
    out.push_back(std::string(width - s.size(), ' ') + s);
  }
  return out;
}

std::string format_real(double value, DType dtype) {
  if (!std::isfinite(value)) return special(value, false);
  const double magnitude = std::abs(value),
               end = dtype == DType::float64 || dtype == DType::complex128 ? 1e16 : cutoff(dtype);
  if (magnitude != 0 && (magnitude < 1e-4 || magnitude >= end))
    return shortest(value, dtype, std::chars_format::scientific);
  std::string s = shortest(value, dtype, std::chars_format::fixed);
  return s.find('.') == std::string::npos ? s + ".0" : s;
}

}  // namespace keen::detail
