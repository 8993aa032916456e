// Printing tensors as NumPy does: eight significant digits, aligned columns, summarised beyond a thousand elements.
#include <algorithm>
#include <cmath>
#include <complex>
#include <ostream>
#include <string>
#include <vector>

#include "core/format_numbers.h"
#include "core/message.h"
#include "core/tensor_impl.h"
#include "keen/tensor.h"
#include "keen/variable.h"

namespace keen {
namespace {

constexpr std::int64_t summary_threshold = 1000, edge_items = 3;
constexpr int line_width = 75;

template <class T>
std::vector<std::string> format_integers(const Tensor& flat) {
  std::vector<std::string> out;
  std::size_t width = 0;
  for (T v : flat.to_vector<T>()) width = std::max(width, out.emplace_back(std::to_string(v)).size());
  for (auto& s : out) s.insert(0, width - s.size(), ' ');
  return out;
}

std::vector<std::string> format_bools(const Tensor& flat) {
  std::vector<std::string> out;
  for (bool v : flat.to_vector<bool>()) out.push_back(v ? " True" : "False");
  return out;
}

// Real and imaginary parts are columns of their own; what pads an imaginary part goes behind its j.
std::vector<std::string> format_complex(const Tensor& flat) {
  std::vector<double> re, im;
  for (auto v : flat.to_vector<std::complex<double>>()) {
    re.push_back(v.real());
    im.push_back(v.imag());
  }
  auto out = detail::format_reals(re, flat.dtype()), imaginary = detail::format_reals(im, flat.dtype(), true);
  for (std::size_t k = 0; k < out.size(); ++k) {
    std::string& i = imaginary[k];
    out[k] += i.insert(i.find_last_not_of(' ') + 1, 1, 'j');
  }
  return out;
}

std::vector<std::string> format_elements(const Tensor& flat) {
  const DType dtype = flat.dtype();
  if (dtype == DType::bool_) return format_bools(flat);
  if (dtype == DType::uint64) return format_integers<std::uint64_t>(flat);
  if (is_integer(dtype)) return format_integers<std::int64_t>(flat);
  if (is_complex(dtype)) return format_complex(flat);
  return detail::format_reals(flat.to_vector<double>(), dtype);
}

// A 0-d tensor prints as the number it is.
std::string format_scalar(const Tensor& t) {
  const DType dtype = t.dtype();
  if (dtype == DType::bool_) return t.item<bool>() ? "True" : "False";
  if (is_floating(dtype)) return detail::format_real(t.item<double>(), dtype);
  if (!is_complex(dtype)) return format_elements(t)[0];
  auto part = [&](double v) {
    std::string s = detail::format_real(v, dtype);
    return s.ends_with(".0") ? s.substr(0, s.size() - 2) : s;
  };
  const auto v = t.to_vector<std::complex<double>>()[0];
  return '(' + part(v.real()) + (std::signbit(v.imag()) ? "" : "+") + part(v.imag()) + "j)";
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

  // Wraps where NumPy does: the line's width less the brackets that close behind it.
  void print_row(int axis) {
    const std::string indent(static_cast<std::size_t>(axis + 1), ' ');
    const std::size_t width = static_cast<std::size_t>(line_width - axis - 1);
    std::string line = indent;
    for (auto i : shown(shape[axis], summarise)) {
      const std::string word = i < 0 ? "..." : words[next++];
      if (line.size() > indent.size() && line.size() + word.size() > width) {
        line.erase(line.find_last_not_of(' ') + 1);
        out += line.substr(out.back() == '[' ? indent.size() : 0) + '\n';
        line = indent;
      }
      line += word + ' ';
    }
    line.pop_back();
    out += line.substr(out.back() == '[' ? indent.size() : 0);
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
  if (t.rank() == 0) return format_scalar(t);
  if (t.size() == 0) return "[]";
  p.words = format_elements(pick(t, p.offsets));
  p.print(0);
  return p.out;
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  if (!tensor.defined()) return out << "Tensor(undefined)";
  const std::string text = tensor.to_string();  // several rows begin on a line of their own, so that columns align
  out << "Tensor(" << (text.find('\n') == std::string::npos ? "" : "\n") << text << ", shape=" << tensor.shape()
      << ", dtype=" << name(tensor.dtype()) << ", device=" << tensor.device();
  return out << (tensor.is_sparse() ? ", sparse)" : ")");
}

std::ostream& operator<<(std::ostream& out, const Variable& v) {
  if (!v.defined()) return out << "Variable(undefined)";
  return out << "Variable '" << v.name() << "' shape=" << v.shape() << " dtype=" << name(v.dtype())
             << " device=" << v.device() << '\n'
             << v.value().to_string();
}

}  // namespace keen
