// Range: evenly spaced numbers, as a tensor and as the range of a `for`.
#include <cmath>
#include <limits>
#include <ostream>

#include "core/message.h"
#include "core/numbers.h"
#include "core/parallel.h"
#include "core/tensor_impl.h"
#include "core/visit.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "ops/creation.h"

namespace keen {

using namespace detail;

namespace {

// The operand as a 0-d host value: a weak number keeps its kind, a tensor gives its element.
struct Bound {
  bool floating;
  double real;
  std::int64_t integer;
  bool wide;  // a 64-bit integer
};
Bound bound(const Operand& o) {
  if (o.kind() == Operand::Kind::weak_size) return {false, 0, o.integer(), true};
  if (o.is_weak()) {
    bool f = o.kind() == Operand::Kind::weak_float;
    return {f, o.real(), f ? 0 : o.integer(), size_of(o.native_dtype()) == 8};
  }
  return in_the_name_of("range", [&]() -> Bound {
    Tensor t = o.tensor();
    DType d = checked(t, "range").dtype;
    bool f = is_floating(d);
    return {f, t.item<double>(), f ? 0 : t.item<std::int64_t>(), size_of(d) == 8};
  });
}

std::int64_t count_integers(std::int64_t start, std::int64_t stop, std::int64_t step) {
  if (step > 0 ? start >= stop : start <= stop) return 0;
  std::uint64_t distance = step > 0 ? static_cast<std::uint64_t>(stop) - static_cast<std::uint64_t>(start)
                                    : static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(stop);
  std::uint64_t stride = step > 0 ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
  std::uint64_t n = (distance - 1) / stride + 1;
  if (n > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    fail<ShapeError>("range", "more numbers than 63 bits can count");
  return static_cast<std::int64_t>(n);
}

// Whole numbers that the dtype holds: all do when the first and the last do.
bool all_fit(std::int64_t start, std::int64_t step, std::int64_t count, DType dtype) {
  return is_integer(dtype) && (count == 0 || (holds(start, dtype) && holds(start + (count - 1) * step, dtype)));
}
Tensor whole_numbers(std::int64_t start, std::int64_t step, std::int64_t count, DType dtype) {
  Tensor t = make_result("range", dtype, detail::Shape{count});
  visit_numeric(dtype, "range", [&]<class T>(T) {
    T* out = t.impl()->as<T>();
    parallel_for(count, elementwise_grain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) out[i] = static_cast<T>(start + i * step);
    });
  });
  return t;
}

}  // namespace

Range::Range(Operand start, Operand stop, Operand step, const TensorOptions& options) {
  for (const Operand* given : {&start, &stop, &step}) note_line(given->where());
  Bound a = bound(start), b = bound(stop), s = bound(step);
  start_ = a.real;
  step_ = s.real;
  if (is_symbol(s.integer))
    fail<UsageError>("range", "the step is a size that is open in this trace: a number is wanted");
  if (s.real == 0) fail<UsageError>("range", "the step may not be 0");
  floating_ = a.floating || b.floating || s.floating;
  const bool is_open = is_symbol(a.integer) || is_symbol(b.integer);
  if (is_open && floating_)
    fail<UsageError>(
        "range", "a floating range that ends at an open size of this trace: make one of integers and compute with it");
  if (is_open) {
    const Size start(a.integer), stop(b.integer), stride(s.integer > 0 ? s.integer : -s.integer);
    istart_ = a.integer;
    istep_ = s.integer;
    count_ = ((max(s.integer > 0 ? stop - start : start - stop, 0) + (stride - 1)) / stride).symbol();
  } else if (floating_) {
    double n = std::ceil((b.real - a.real) / s.real);
    if (!(n < 9e18))
      fail<ShapeError>("range", "from ", a.real, " to ", b.real, " by ", s.real, " has no countable length");
    count_ = n > 0 ? static_cast<std::int64_t>(n) : 0;
  } else {
    istart_ = a.integer;
    istep_ = s.integer;
    count_ = count_integers(a.integer, b.integer, s.integer);
  }
  dtype_ = options.dtype.value_or(floating_ ? float32 : a.wide || b.wide || s.wide ? int64 : int32);
  device_ = options.device.value_or(current_device());
}

Range::Iterator Range::begin() const {
  if (floating_) fail<UsageError>("range", "a floating range is no range of integers to loop over: use its tensor()");
  if (is_symbol(count_)) fail_for_open_size();
  return {istart_, istep_, count_};
}
Range::Iterator Range::end() const { return {0, 0, 0}; }

Tensor Range::open_tensor() const {
  const Tensor numbers = positions(Size(count_)) * istep_ + Size(istart_);
  return to_current(numbers.cast(dtype_), device_);
}

Tensor Range::tensor() const {
  if (is_symbol(count_)) return open_tensor();
  EagerScope eager;
  if (!floating_ && all_fit(istart_, istep_, count_, dtype_))
    return to_current(whole_numbers(istart_, istep_, count_, dtype_), device_);
  Tensor t = make_result("range", floating_ ? DType::float64 : DType::int64, detail::Shape{count_});
  for (std::int64_t i = 0; i < count_; ++i) {
    if (floating_) t.impl()->as<double>()[i] = start_ + static_cast<double>(i) * step_;
    else t.impl()->as<std::int64_t>()[i] = istart_ + i * istep_;
  }
  return to_current(convert_exactly("range", t, dtype_), device_);
}

Range range(Operand stop, const TensorOptions& options) { return Range(0, std::move(stop), 1, options); }
Range range(Operand start, Operand stop, Operand step, const TensorOptions& options) {
  return Range(std::move(start), std::move(stop), std::move(step), options);
}
Range range(Operand start, Operand stop, const TensorOptions& options) {
  return Range(std::move(start), std::move(stop), 1, options);
}
Operand::Operand(const Range& range, Where where) : kind_(Kind::owned), where_(where) {
  impl_ = range.tensor().release_impl();
}
std::ostream& operator<<(std::ostream& out, const Range& r) { return out << r.tensor(); }

}  // namespace keen
