// Shapes: short lists of dimensions, without heap memory up to six of them.
#pragma once
#include <array>
#include <compare>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace keen {

/// A dimension that is not known until a traced function is called.
inline constexpr std::int64_t unknown = -1;

class Size;

namespace detail {
template <class T>
concept AxisSize = std::integral<T> || std::same_as<T, Size>;

// Sizes that a trace does not know are symbols: 2^32 numbers from here down, where no size and no position is.
inline constexpr std::int64_t first_symbol = -(std::int64_t{1} << 62);
constexpr bool is_symbol(std::int64_t dim) noexcept {
  return dim <= first_symbol && dim > first_symbol - (std::int64_t{1} << 32);
}
/// What sizes are computed with. `broadcast`: the size that both broadcast to; `wrap`: the position a, counted from the end
/// b where it is negative; `part`: a cut into b equal parts.
enum class SizeOp : std::uint8_t { add, subtract, multiply, divide, maximum, minimum, broadcast, wrap, part };
/// a op b where one of them is a symbol: a size of the same trace, known when its operands are. A UsageError outside.
std::int64_t open_size(SizeOp op, std::int64_t a, std::int64_t b);
[[noreturn]] void fail_for_open_size();
}  // namespace detail

/// The size of one axis: an integer wherever one is wanted. In a trace whose size of the axis is open it has no number:
/// it may be handed on, as a dimension of a shape, an index, a count of turns or an operand, and be computed with; but to
/// compare it, or to make a number of it, is a UsageError, since the program would take one course for all sizes.
/// Two things C++ decides by itself: `std::sqrt(size)` is ambiguous, as for every class that converts to an integer
/// (`sqrt(size)` gives a double), and in `flag ? size : 0` the int decides (write `std::int64_t{0}`).
class [[gnu::may_alias]] Size {
 public:
  explicit constexpr Size(std::int64_t value) noexcept : value_(value) {}
  constexpr operator std::int64_t() const { return number(); }
  constexpr bool is_known() const noexcept { return !detail::is_symbol(value_); }
  /// The number, or what stands for it in a trace.
  constexpr std::int64_t symbol() const noexcept { return value_; }
  /// Open sizes are equal where they are one and the same; else it is not known.
  friend constexpr bool operator==(Size a, Size b) { return a.value_ == b.value_ || a.number() == b.number(); }
  friend constexpr auto operator<=>(Size a, Size b) { return a.number() <=> b.number(); }
  // With the size of a container, which is unsigned, too.
  template <std::integral T>
  friend constexpr bool operator==(Size a, T b) {
    return std::is_eq(a <=> b);
  }
  template <std::integral T>
  friend constexpr std::strong_ordering operator<=>(Size a, T b) {
    if constexpr (std::is_signed_v<T>) return a.number() <=> std::int64_t{b};
    else
      return a.number() < 0 ? std::strong_ordering::less : static_cast<std::uint64_t>(a.number()) <=> std::uint64_t{b};
  }

  // Computing with open sizes gives open sizes.
  friend constexpr Size operator+(Size a, Size b) { return computed(detail::SizeOp::add, a, b); }
  friend constexpr Size operator-(Size a, Size b) { return computed(detail::SizeOp::subtract, a, b); }
  friend constexpr Size operator*(Size a, Size b) { return computed(detail::SizeOp::multiply, a, b); }
  friend constexpr Size operator/(Size a, Size b) { return computed(detail::SizeOp::divide, a, b); }
  friend constexpr Size operator%(Size a, Size b) { return a - a / b * b; }
  friend constexpr Size max(Size a, Size b) { return computed(detail::SizeOp::maximum, a, b); }
  friend constexpr Size min(Size a, Size b) { return computed(detail::SizeOp::minimum, a, b); }
#define KEEN_SIZE_WITH_INTEGER(f)                    \
  template <std::integral T>                         \
  friend constexpr Size f(Size a, T b) {             \
    return f(a, Size(static_cast<std::int64_t>(b))); \
  }                                                  \
  template <std::integral T>                         \
  friend constexpr Size f(T a, Size b) {             \
    return f(Size(static_cast<std::int64_t>(a)), b); \
  }
  KEEN_SIZE_WITH_INTEGER(operator+)
  KEEN_SIZE_WITH_INTEGER(operator-)
  KEEN_SIZE_WITH_INTEGER(operator*)
  KEEN_SIZE_WITH_INTEGER(operator/)
  KEEN_SIZE_WITH_INTEGER(operator%)
  KEEN_SIZE_WITH_INTEGER(max)
  KEEN_SIZE_WITH_INTEGER(min)
#undef KEEN_SIZE_WITH_INTEGER
  friend constexpr Size operator-(Size a) { return Size(0) - a; }
  friend constexpr bool operator!(Size a) { return a.number() == 0; }

  // A variable of this type may be counted with, as one of an integer type.
  constexpr Size& operator=(std::int64_t value) noexcept { return value_ = value, *this; }
  constexpr Size& operator+=(detail::AxisSize auto n) { return *this = *this + n; }
  constexpr Size& operator-=(detail::AxisSize auto n) { return *this = *this - n; }
  constexpr Size& operator*=(detail::AxisSize auto n) { return *this = *this * n; }
  constexpr Size& operator/=(detail::AxisSize auto n) { return *this = *this / n; }
  constexpr Size& operator++() { return *this += 1; }
  constexpr Size& operator--() { return *this -= 1; }
  constexpr Size operator++(int) { return std::exchange(*this, *this + 1); }
  constexpr Size operator--(int) { return std::exchange(*this, *this - 1); }

  // Functions of numbers, beside which those of tensors would be as near: `x / sqrt(x.dim(-1))`.
  friend double abs(Size n), ceil(Size n), cos(Size n), erf(Size n), exp(Size n), expm1(Size n), floor(Size n),
      log(Size n), log1p(Size n), round(Size n), sin(Size n), sqrt(Size n), tanh(Size n);

 private:
  constexpr std::int64_t number() const {
    if (!is_known()) [[unlikely]]
      detail::fail_for_open_size();
    return value_;
  }
  static constexpr Size computed(detail::SizeOp op, Size a, Size b) {
    if (!a.is_known() || !b.is_known()) [[unlikely]]
      return Size(detail::open_size(op, a.value_, b.value_));
    const std::int64_t x = a.value_, y = b.value_;
    switch (op) {
      case detail::SizeOp::add:
        return Size(x + y);
      case detail::SizeOp::subtract:
        return Size(x - y);
      case detail::SizeOp::multiply:
        return Size(x * y);
      case detail::SizeOp::divide:
        return Size(x / y);
      case detail::SizeOp::maximum:
        return Size(x > y ? x : y);
      default:
        return Size(x < y ? x : y);
    }
  }
  std::int64_t value_;
};

/// An open size prints as "?".
std::ostream& operator<<(std::ostream& out, Size size);

namespace detail {
/// One dimension in a braced shape: any integer type, so that `{m, v.size()}` compiles without a narrowing warning.
struct Dim {
  std::int64_t value;
  template <std::integral T>
  constexpr Dim(T v) noexcept : value(static_cast<std::int64_t>(v)) {}
  constexpr Dim(Size size) noexcept : value(size.symbol()) {}
};

/// What keen::Shape holds, as the library sees it: open sizes are numbers here. While a function is traced a dimension may
/// be open: a symbol, or -1, an unknown without a name.
class Shape {
 public:
  static constexpr int inline_capacity = 6;

  Shape() noexcept : inline_{}, size_(0), heap_(false) {}
  Shape(std::initializer_list<detail::Dim> dims);
  Shape(std::span<const std::int64_t> dims);
  Shape(const std::vector<std::int64_t>& dims) : Shape(std::span<const std::int64_t>(dims)) {}
  /// `rank` dimensions, each `value`.
  static Shape filled(int rank, std::int64_t value);

  Shape(const Shape& other) : size_(other.size_), heap_(false) {
    if (!other.heap_) [[likely]]
      inline_ = other.inline_;
    else copy_heap(other);
  }
  Shape(Shape&& other) noexcept : inline_(other.inline_), size_(other.size_), heap_(other.heap_) {
    other.heap_ = false;
    other.size_ = 0;
  }
  Shape& operator=(const Shape& other) {
    if (heap_ || other.heap_) [[unlikely]]
      return assign_heap(other);
    inline_ = other.inline_;
    size_ = other.size_;
    return *this;
  }
  Shape& operator=(Shape&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Shape() {
    if (heap_) [[unlikely]]
      free_heap();
  }

  int rank() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  /// The i-th dimension; negative i counts from the end. Unchecked.
  std::int64_t operator[](int i) const noexcept { return raw(i); }
  /// The same for every kind of shape, open sizes included.
  std::int64_t raw(int i) const noexcept { return data()[i < 0 ? i + size_ : i]; }
  std::int64_t& operator[](int i) noexcept { return data()[i < 0 ? i + size_ : i]; }
  const std::int64_t* data() const noexcept { return heap_ ? heap() : inline_.data(); }
  std::int64_t* data() noexcept { return heap_ ? heap() : inline_.data(); }
  const std::int64_t* begin() const noexcept { return data(); }
  const std::int64_t* end() const noexcept { return data() + size_; }
  std::int64_t* begin() noexcept { return data(); }
  std::int64_t* end() noexcept { return data() + size_; }

  void push_back(std::int64_t dim) {
    if (size_ < inline_capacity && !heap_) [[likely]]
      inline_[static_cast<std::size_t>(size_++)] = dim;
    else resize(size_ + 1, dim);
  }
  void insert(int at, std::int64_t dim);
  void erase(int at) noexcept;
  void resize(int rank, std::int64_t value = 0);

  /// True when no dimension is symbolic.
  bool is_known() const noexcept {
    for (auto d : *this)
      if (d < 0) return false;
    return true;
  }
  /// The product of all dimensions; 1 for rank 0. Throws ShapeError when it does not fit 63 bits, or one is negative.
  std::int64_t num_elements() const;
  /// "(2, 3)", "(4,)", "()"; symbolic dimensions print as "?".
  std::string to_string() const;
  /// The same with every number as it is, for lists that came from the user, in which -1 is -1; symbols print as "?".
  std::string numbers() const;
  std::vector<std::int64_t> to_vector() const { return {begin(), end()}; }

  friend bool operator==(const Shape& a, const Shape& b) noexcept {
    if (a.size_ != b.size_) return false;
    const std::int64_t *x = a.data(), *y = b.data();
    for (int i = 0; i < a.size_; ++i)
      if (x[i] != y[i]) return false;
    return true;
  }

 private:
  std::int64_t* heap() const noexcept { return reinterpret_cast<std::int64_t*>(inline_[0]); }
  void copy_heap(const Shape& other);
  Shape& assign_heap(const Shape& other);
  void free_heap() noexcept;
  void swap(Shape& other) noexcept {
    std::swap(inline_, other.inline_);
    std::swap(size_, other.size_);
    std::swap(heap_, other.heap_);
  }

  // With heap_ set, inline_[0] holds the address and inline_[1] the capacity of the list.
  std::array<std::int64_t, inline_capacity> inline_;
  std::int32_t size_;
  bool heap_;
};

std::ostream& operator<<(std::ostream& out, const Shape& shape);
[[noreturn]] void refuse_open(const Shape& shape);

}  // namespace detail

/// A list of dimensions (also of axes). A size that a trace leaves open stands in it as it stands in the tensor, so that
/// `zeros(x.shape())` and `reshape(y, x.shape())` serve every size; but to read it is a UsageError, since it has no number:
/// `dim` of the tensor computes with it. Inside the library, keen::detail::Shape is the same list without this check.
class Shape : public detail::Shape {
 public:
  using detail::Shape::Shape;
  Shape(const detail::Shape& shape) : detail::Shape(shape) {}
  Shape(detail::Shape&& shape) noexcept : detail::Shape(static_cast<detail::Shape&&>(shape)) {}
  static Shape filled(int rank, std::int64_t value) { return detail::Shape::filled(rank, value); }

  /// The i-th dimension; negative i counts from the end. Unchecked but for open sizes: `dim` of a tensor checks.
  std::int64_t operator[](int i) const {
    const std::int64_t dim = raw(i);
    if (dim < 0 && detail::is_symbol(dim)) [[unlikely]]
      detail::refuse_open(*this);
    return dim;
  }
  /// The same, to be set: an open size may be, and be computed with, as `dim` gives it.
  Size& operator[](int i) noexcept { return reinterpret_cast<Size&>(detail::Shape::operator[](i)); }
  const std::int64_t* begin() const { return known().detail::Shape::begin(); }
  std::int64_t* begin() { return const_cast<std::int64_t*>(known().detail::Shape::begin()); }
  const std::int64_t* data() const { return begin(); }
  std::int64_t* data() { return begin(); }
  std::int64_t num_elements() const { return known().detail::Shape::num_elements(); }
  std::vector<std::int64_t> to_vector() const { return known().detail::Shape::to_vector(); }

 private:
  const Shape& known() const {
    for (int i = 0; i < rank(); ++i)
      if (raw(i) < 0 && detail::is_symbol(raw(i))) [[unlikely]]
        detail::refuse_open(*this);
    return *this;
  }
};

/// Steps from one element to the next along each axis, in elements. They may be negative, and print so.
class Strides : public detail::Shape {
 public:
  explicit Strides(const detail::Shape& steps) : detail::Shape(steps) {}
  std::string to_string() const { return numbers(); }
};

std::ostream& operator<<(std::ostream& out, const Strides& strides);

/// The shape that both broadcast to, by NumPy's rule. Throws ShapeError when they do not fit.
Shape broadcast_shapes(const detail::Shape& a, const detail::Shape& b);

/// Which axes an operation runs over: one, several, or (the default) all.
class Axes {
 public:
  Axes() noexcept = default;
  template <std::integral T>
  Axes(T axis) : list_{axis}, all_(false) {}
  Axes(std::initializer_list<detail::Dim> axes) : list_(axes), all_(false) {}
  Axes(Shape axes) : list_(static_cast<Shape&&>(axes)), all_(false) {}
  Axes(const std::vector<std::int64_t>& axes) : list_(axes), all_(false) {}
  bool all() const noexcept { return all_; }
  const Shape& list() const noexcept { return list_; }

 private:
  Shape list_;
  bool all_ = true;
};

}  // namespace keen
