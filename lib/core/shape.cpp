// Shape's cold parts: the heap form beyond six dimensions, checked products, printing, broadcasting.
#include "keen/shape.h"

#include <algorithm>
#include <ostream>

#include "core/context.h"
#include "core/message.h"
#include "keen/error.h"

namespace keen::detail {

Shape::Shape(std::initializer_list<detail::Dim> dims) : Shape() {
  for (auto d : dims) push_back(d.value);
}

Shape::Shape(std::span<const std::int64_t> dims) : Shape() {
  for (auto d : dims) push_back(d);
}

Shape Shape::filled(int rank, std::int64_t value) {
  Shape s;
  s.resize(rank, value);
  return s;
}

void Shape::copy_heap(const Shape& other) {
  size_ = 0;
  inline_.fill(0);
  resize(other.size_);
  std::copy(other.begin(), other.end(), begin());
}

Shape& Shape::assign_heap(const Shape& other) {
  if (this != &other) {
    Shape copy(other);
    swap(copy);
  }
  return *this;
}

void Shape::free_heap() noexcept { delete[] heap(); }

void Shape::resize(int rank, std::int64_t value) {
  int capacity = heap_ ? static_cast<int>(inline_[1]) : inline_capacity;
  if (rank > capacity) {
    int grown = std::max(rank, 2 * capacity);
    auto* list = new std::int64_t[static_cast<std::size_t>(grown)];
    std::copy(begin(), end(), list);
    if (heap_) delete[] heap();
    inline_[0] = reinterpret_cast<std::int64_t>(list);
    inline_[1] = grown;
    heap_ = true;
  }
  for (int i = size_; i < rank; ++i) data()[i] = value;
  size_ = rank;
}

void Shape::insert(int at, std::int64_t dim) {
  push_back(dim);
  std::rotate(begin() + at, end() - 1, end());
}

void Shape::erase(int at) noexcept {
  std::copy(begin() + at + 1, end(), begin() + at);
  --size_;
}

namespace {

[[noreturn, gnu::noinline]] void not_known(const Shape& shape) {
  throw ShapeError("[shape] " + shape.numbers() + " has a negative or unknown dimension");
}
[[noreturn, gnu::noinline]] void too_many(const Shape& shape) {
  throw ShapeError("[shape] " + shape.to_string() + " has more elements than 63 bits can count");
}

}  // namespace

std::int64_t Shape::num_elements() const {
  std::int64_t n = 1;
  bool overflow = false, empty = false;
  for (auto d : *this) {
    if (d < 0) not_known(*this);
    empty |= d == 0;
    overflow |= __builtin_mul_overflow(n, d, &n);
  }
  // An empty tensor has no elements however large its other dimensions are, but those must make sense by themselves.
  if (overflow && !empty) too_many(*this);
  return empty ? 0 : n;
}

namespace {

template <class Print>
std::string listed(const Shape& shape, Print print) {
  std::string out = "(";
  for (int i = 0; i < shape.rank(); ++i) {
    if (i) out += ", ";
    out += print(shape[i]);
  }
  return out + (shape.rank() == 1 ? ",)" : ")");
}

}  // namespace

std::string Shape::to_string() const {
  return listed(*this, [](std::int64_t d) { return d < 0 ? "?" : std::to_string(d); });
}
std::string Shape::numbers() const {
  return listed(*this, [](std::int64_t d) { return is_symbol(d) ? "?" : std::to_string(d); });
}

void refuse_open(const Shape& shape) {
  fail<UsageError>(
      "shape", "a size of shape ", shape,
      " is open in this trace, and no number: x.dim(axis) computes with it, range(x.dim(axis), carry(…)) counts to it");
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.to_string(); }

}  // namespace keen::detail

namespace keen {

std::ostream& operator<<(std::ostream& out, Size size) { return size.is_known() ? out << size.symbol() : out << '?'; }

void detail::fail_for_open_size() {
  fail<UsageError>(
      "dim",
      "the size of an axis that is open in this trace has no number to decide by, nor for the host: compute with it as "
      "it is (auto n = x.dim(0); reshape(y, {2 * n, -1}); y / n), decide with cond(Tensor(x.dim(0)) > 1, …), or trace "
      "for known sizes");
}

std::int64_t detail::open_size(SizeOp op, std::int64_t a, std::int64_t b) {
  if (thread_context.interpreter) return thread_context.interpreter->derive(op, a, b);
  fail_for_open_size();
}

namespace {

// The size of an axis that both broadcast to where one is open: a known one decides, and the call will check.
std::int64_t open_broadcast(std::int64_t a, std::int64_t b) {
  if (a >= 0 || b >= 0) return std::max(a, b);
  const bool has_names = detail::is_symbol(a) && detail::is_symbol(b) && detail::thread_context.interpreter;
  return has_names ? detail::open_size(detail::SizeOp::broadcast, a, b) : unknown;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Strides& strides) { return out << strides.to_string(); }

Shape broadcast_shapes(const detail::Shape& a, const detail::Shape& b) {
  const detail::Shape& longer = a.rank() >= b.rank() ? a : b;
  const detail::Shape& shorter = a.rank() >= b.rank() ? b : a;
  detail::Shape out = longer;
  int shift = longer.rank() - shorter.rank();
  for (int i = 0; i < shorter.rank(); ++i) {
    std::int64_t x = out[i + shift], y = shorter[i];
    if (x == y || y == 1) continue;
    if (x == 1) out[i + shift] = y;
    else if (x < 0 || y < 0) out[i + shift] = open_broadcast(x, y);
    else
      detail::fail<ShapeError>(
          "broadcast_shapes", "shapes ", a, " and ", b, " do not broadcast: axis ", i + shift, " has ", x, " and ", y);
  }
  return out;
}

}  // namespace keen
