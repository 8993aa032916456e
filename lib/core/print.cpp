// Printing tensors as NumPy does: eight significant digits, aligned columns, summarised beyond a thousand elements.
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <ostream>
#include <string>
#include <vector>

#include "core/message.h"
#include "core/tensor_impl.h"
#include "keen/tensor.h"
#include "keen/variable.h"

namespace keen {
namespace {

constexpr std::int64_t summary_threshold = 1000, edge_items = 3;
constexpr int line_width = 75;

// Shortest digits that give the value back, at most `precision` behind the point.
std::string fixed(double v, int decimals) {
  char buffer[400];
  std::snprintf(buffer, sizeof buffer, "%.*f", decimals, v);
  return buffer;
}

std::string scientific(double v, int decimals) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*e", decimals, v);
  return buffer;
}

std::string special(double v) { return std::isnan(v) ? "nan" : v > 0 ? "inf" : "-inf"; }

// The fewest decimals (up to 8) at which all values print as exactly as they do with 8.
template <class Print>
int decimals_needed(const std::vector<double>& values, Print print) {
  int needed = 0;
  for (double v : values) {
    if (!std::isfinite(v)) continue;
    std::string s = print(v, 8);
    std::size_t point = s.find('.'), end = s.find('e');
    if (end == std::string::npos) end = s.size();
    while (end > point + 1 && s[end - 1] == '0') --end;
    needed = std::max(needed, static_cast<int>(end - point - 1));
  }
  return needed;
}

// Floating values are rounded to what their type can tell apart before digits are counted.
double shortest(double v, DType dtype) {
  if (dtype == DType::float64 || dtype == DType::complex128 || !std::isfinite(v)) return v;
  char buffer[64];
  for (int digits = 1; digits <= 9; ++digits) {
    std::snprintf(buffer, sizeof buffer, "%.*g", digits, v);
    if (static_cast<float>(std::strtod(buffer, nullptr)) == static_cast<float>(v)) break;
  }
  return std::strtod(buffer, nullptr);
}

std::vector<std::string> format_reals(std::vector<double> values, DType dtype) {
  double largest = 0, smallest = INFINITY;
  for (double& v : values) {
    v = shortest(v, dtype);
    if (!std::isfinite(v) || v == 0) continue;
    largest = std::max(largest, std::abs(v));
    smallest = std::min(smallest, std::abs(v));
  }
  bool exponent = largest >= 1e8 || (smallest < 1e-4 && smallest != INFINITY) ||
                  (smallest != INFINITY && largest / smallest > 1e3 && smallest < 1e-4);
  int decimals = exponent ? decimals_needed(values, scientific) : decimals_needed(values, fixed);
  std::vector<std::string> out;
  for (double v : values) {
    if (!std::isfinite(v)) out.push_back(special(v));
    else if (exponent) out.push_back(scientific(v, std::max(decimals, 0)));
    else out.push_back(decimals ? fixed(v, decimals) : fixed(v, 0) + ".");
  }
  // Trailing zeros become spaces, so that points align as in NumPy.
  if (!exponent && decimals)
    for (auto& s : out) {
      std::size_t end = s.size();
      if (s.find('.') == std::string::npos) continue;
      while (s[end - 1] == '0') --end;
      s.replace(end, s.size() - end, s.size() - end, ' ');
    }
  return out;
}

std::vector<std::string> format_elements(const Tensor& flat) {
  DType dtype = flat.dtype();
  std::vector<std::string> out;
  if (dtype == DType::bool_) {
    for (bool v : flat.to_vector<bool>()) out.push_back(v ? "True" : "False");
  } else if (dtype == DType::uint64) {
    for (auto v : flat.to_vector<std::uint64_t>()) out.push_back(std::to_string(v));
  } else if (is_integer(dtype)) {
    for (auto v : flat.to_vector<std::int64_t>()) out.push_back(std::to_string(v));
  } else if (is_complex(dtype)) {
    std::vector<double> re, im;
    for (auto v : flat.to_vector<std::complex<double>>()) {
      re.push_back(v.real());
      im.push_back(v.imag());
    }
    auto r = format_reals(re, dtype), i = format_reals(im, dtype);
    for (std::size_t k = 0; k < r.size(); ++k) out.push_back(r[k] + (i[k][0] == '-' ? "" : "+") + i[k] + "j");
  } else {
    out = format_reals(flat.to_vector<double>(), dtype);
  }
  std::size_t width = 0;
  for (auto& s : out) width = std::max(width, s.size());
  if (flat.size() > 1 || flat.rank() > 0)
    for (auto& s : out) s.insert(0, width - s.size(), ' ');
  return out;
}

// Positions along an axis that are shown; -1 stands for the dots.
std::vector<std::int64_t> shown(std::int64_t n, bool summarise) {
  std::vector<std::int64_t> at;
  for (std::int64_t i = 0; i < n; ++i) {
    if (summarise && n > 2 * edge_items && i == edge_items) {
      at.push_back(-1);
      i = n - edge_items;
    }
    at.push_back(i);
  }
  return at;
}

struct Printer {
  const Shape& shape;
  bool summarise;
  std::vector<std::int64_t> offsets;  // of shown elements, row-major
  std::vector<std::string> words;
  std::size_t next = 0;
  std::string out;

  void collect(int axis, std::int64_t base) {
    if (axis == shape.rank()) return offsets.push_back(base);
    for (auto i : shown(shape[axis], summarise))
      if (i >= 0) collect(axis + 1, base * shape[axis] + i);
  }

  void print_row(int axis) {
    int column = axis + 1;
    bool first = true;
    for (auto i : shown(shape[axis], summarise)) {
      const std::string word = i < 0 ? "..." : words[next++];
      if (!first) {
        if (column + 1 + static_cast<int>(word.size()) >= line_width) {
          out += '\n' + std::string(static_cast<std::size_t>(axis + 1), ' ');
          column = axis + 1;
        } else {
          out += ' ';
          ++column;
        }
      }
      first = false;
      out += word;
      column += static_cast<int>(word.size());
    }
  }

  void print(int axis) {
    if (axis == shape.rank()) {
      out += words[next++];
      return;
    }
    out += '[';
    if (axis == shape.rank() - 1) print_row(axis);
    else {
      bool first = true;
      for (auto i : shown(shape[axis], summarise)) {
        if (!first)
          out += std::string(static_cast<std::size_t>(shape.rank() - 1 - axis), '\n') +
                 std::string(static_cast<std::size_t>(axis + 1), ' ');
        first = false;
        if (i < 0) out += "...";
        else print(axis + 1);
      }
    }
    out += ']';
  }
};

// The elements at row-major positions, as a 1-d tensor.
Tensor pick(const Tensor& t, const std::vector<std::int64_t>& offsets) {
  const auto& from = *t.impl();
  Tensor out = detail::make_tensor(from.dtype, Shape({offsets.size()}), Device());
  std::size_t bytes = size_of(from.dtype), k = 0;
  for (std::int64_t offset : offsets) {
    std::int64_t at = 0;
    for (int i = from.shape.rank() - 1; i >= 0; --i) {
      at += offset % from.shape[i] * from.strides[i];
      offset /= from.shape[i];
    }
    std::memcpy(
        static_cast<char*>(out.impl()->data) + bytes * k++,
        static_cast<const char*>(from.data) + at * static_cast<std::int64_t>(bytes), bytes);
  }
  return out;
}

}  // namespace

std::string Tensor::to_string() const {
  if (!defined()) return "undefined";
  if (is_symbolic()) return "<symbolic>";
  Tensor t = detail::densify(*this).cpu();
  Printer p{t.shape(), t.size() > summary_threshold, {}, {}, 0, {}};
  p.collect(0, 0);
  if (t.rank() == 0) {
    auto words = format_elements(pick(t, {0}));
    words[0].erase(0, words[0].find_first_not_of(' '));
    words[0].erase(words[0].find_last_not_of(' ') + 1);
    // A 0-d value prints as the number it is: 2, not 2. as inside an array.
    if (words[0].back() == '.') words[0].pop_back();
    return words[0];
  }
  p.words = format_elements(pick(t, p.offsets));
  p.print(0);
  return p.out;
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  if (!tensor.defined()) return out << "Tensor(undefined)";
  out << "Tensor(" << tensor.to_string() << ", shape=" << tensor.shape() << ", dtype=" << name(tensor.dtype())
      << ", device=" << tensor.device();
  return out << (tensor.is_sparse() ? ", sparse)" : ")");
}

std::ostream& operator<<(std::ostream& out, const Variable& v) {
  if (!v.defined()) return out << "Variable(undefined)";
  return out << "Variable '" << v.name() << "' shape=" << v.shape() << " dtype=" << name(v.dtype())
             << " device=" << v.device() << '\n'
             << v.value().to_string();
}

}  // namespace keen
