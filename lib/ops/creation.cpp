// Making tensors from literals, buffers and rules.
#include "keen/creation.h"

#include <cmath>
#include <limits>
#include <ostream>
#include <utility>

#include "core/backend.h"
#include "core/context.h"
#include "keen/ops/math.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec shape_attribute[] = {{"shape", AttributeKind::shape}};
void fill_rule(Inference& in) {
  const Shape& shape = ints(in.attributes[0]);
  if (in.shape(0).rank() != 0) fail<ShapeError>("full", "the value has shape ", in.shape(0), ": a number is needed");
  check_size(in.op.name, shape);
  in.results[0] = {in.dtype(0), shape};
}

Tensor sum_all(const Tensor& t) { return sum_to(t, Shape()); }

}  // namespace

// d full(v) = Σ dy
KEEN_OP(full){
    .name = "full",
    .attributes = shape_attribute,
    .infer = fill_rule,
    .cpu = cpu::fill,
    .gradient = [](Gradient& g) { g.set(0, sum_all(g.dy())); },
    .formula = "value everywhere"};

namespace {

// Runs f where the options say: on their device, else the current one.
template <class F>
Tensor on_device(const std::optional<Device>& device, F&& f) {
  if (!device || *device == current_device()) return f();
  DeviceScope scope(*device);
  return f();
}

Tensor to_current(Tensor t, const std::optional<Device>& device) {
  Device d = device ? *device : current_device();
  if (d.is_cpu() && d.index == 0) return t;
  return t.to(d);
}

// --- literals

void measure(const Literal& l, const Shape& shape, int depth, DType& dtype, bool& first) {
  if (!l.is_list()) {
    if (depth != shape.rank()) fail<ShapeError>("constant", "the lists are nested unequally deep");
    dtype = first ? l.dtype() : promote(dtype, l.dtype());
    first = false;
    return;
  }
  auto n = static_cast<std::int64_t>(l.size());
  if (depth == shape.rank()) fail<ShapeError>("constant", "the lists are nested unequally deep");
  if (shape[depth] != n)
    fail<ShapeError>("constant", "lists of ", shape[depth], " and of ", n, " elements stand side by side");
  for (auto& item : l) measure(item, shape, depth + 1, dtype, first);
}

// The depth of the first element decides; `measure` then checks the others against it.
void outline(const Literal& l, Shape& shape) {
  for (const Literal* at = &l; at->is_list(); at = at->begin()) {
    shape.push_back(static_cast<std::int64_t>(at->size()));
    if (at->size() == 0) break;
  }
}

template <class T>
bool holds(const Literal& l) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    if (l.dtype() == DType::float32)
      return std::trunc(l.real()) == l.real() && std::abs(l.real()) < 9e15 && std::in_range<T>(l.integer());
    if (l.dtype() == DType::uint64)
      return static_cast<std::uint64_t>(l.integer()) <= static_cast<std::uint64_t>(std::numeric_limits<T>::max());
    return std::in_range<T>(l.integer());
  }
  return true;
}

template <class T>
T* write(const Literal& l, T* out) {
  if (l.is_list()) {
    for (auto& item : l) out = write(item, out);
    return out;
  }
  if (!holds<T>(l)) fail<DTypeError>("constant", "the value ", l.real(), " does not fit ", name(dtype_of<T>));
  if constexpr (std::is_floating_point_v<T>)
    *out =
        l.dtype() == DType::uint64 ? static_cast<T>(static_cast<std::uint64_t>(l.integer())) : static_cast<T>(l.real());
  else if constexpr (std::is_same_v<T, bool>) *out = l.real() != 0;
  else *out = static_cast<T>(l.integer());
  return out + 1;
}

DType compute_dtype(DType d) {
  return is_complex(d) || d == DType::float16 || d == DType::bfloat16 ? DType::float64 : d;
}

template <class F>
void visit_literal(DType dtype, F&& f) {
  if (dtype == DType::bool_) f(bool{});
  else visit_numeric(dtype, "constant", f);
}

// A number by itself: no lists to measure.
Tensor of_number(const Literal& number, DType dtype) {
  Tensor t;
  visit_literal(dtype, [&]<class T>(T value) {
    write(number, &value);
    t = scalar_tensor(dtype, &value);
  });
  return t;
}

// `dtype` is the common one of the elements unless it is given.
Tensor of_lists(const Literal& lists, std::optional<DType>& dtype) {
  Shape shape;
  outline(lists, shape);
  DType natural = float32;
  bool first = true;
  measure(lists, shape, 0, natural, first);
  if (!dtype) dtype = natural;
  Tensor t = make_result("constant", compute_dtype(*dtype), shape);
  visit_literal(t.dtype(), [&]<class T>(T) { write(lists, t.impl()->as<T>()); });
  return t;
}

}  // namespace
}  // namespace detail

using namespace detail;

Tensor constant(const Literal& literal, const TensorOptions& options) {
  std::optional<DType> wanted = options.dtype;
  if (!literal.is_list() && !wanted) wanted = literal.dtype();
  Tensor t = literal.is_list() ? of_lists(literal, wanted) : of_number(literal, compute_dtype(*wanted));
  EagerScope eager;
  if (t.dtype() != *wanted) t = t.cast(*wanted);
  return to_current(std::move(t), options.device);
}

Tensor from_data(DType dtype, const void* data, const Shape& shape, const TensorOptions& options) {
  Tensor t = make_result("from_data", dtype, shape);
  if (t.size() > 0) {
    if (!data) fail<UsageError>("from_data", "no data for shape ", shape);
    std::memcpy(t.impl()->data, data, t.nbytes());
  }
  EagerScope eager;
  return to_current(options.dtype ? t.cast(*options.dtype) : t, options.device);
}

Tensor from_buffer(DType dtype, const void* data, const Shape& shape, std::function<void()> deleter) {
  check_size("from_buffer", shape);
  std::int64_t n = shape.num_elements();
  if (!data && n > 0) fail<UsageError>("from_buffer", "no data for shape ", shape);
  Tensor root = make_tensor(dtype, Shape{0}, Device());
  TensorImpl& t = *root.impl();
  t.shape = shape;
  t.strides = contiguous_strides(shape);
  t.size = n;
  t.flags = TensorImpl::contiguous | TensorImpl::external;
  t.data = const_cast<void*>(data);
  if (deleter) {
    t.extra = new TensorExtra;
    t.extra->deleter = std::move(deleter);
  }
  return root;
}

namespace {

Tensor filled(
    const Shape& shape, const Operand& value, const std::optional<DType>& dtype, const std::optional<Device>& device) {
  if (value.is_weak()) {  // a number lies on no device: the result goes where the program is
    const Device where = device ? *device : current_device();
    std::optional<DeviceScope> scope;
    if (where != Device()) scope.emplace(where);
    return run(full_op, {shape}, number_tensor("full", value, dtype.value_or(value.native_dtype())));
  }
  return on_device(device, [&] {
    Tensor v = value.tensor();
    return run(full_op, {shape}, dtype ? v.cast(*dtype) : v);
  });
}

}  // namespace

Tensor full(const Shape& shape, const Operand& value, const TensorOptions& options) {
  return filled(shape, value, options.dtype, options.device);
}
Tensor zeros(const Shape& shape, const TensorOptions& options) {
  return filled(shape, 0.f, options.dtype, options.device);
}
Tensor ones(const Shape& shape, const TensorOptions& options) {
  return filled(shape, 1.f, options.dtype, options.device);
}

namespace {
Tensor like(const Tensor& t, const Operand& value, const TensorOptions& options) {
  checked(t, "full_like");
  return filled(t.shape(), value, options.dtype.value_or(t.dtype()), options.device.value_or(t.device()));
}
}  // namespace
Tensor full_like(const Tensor& t, const Operand& value, const TensorOptions& options) {
  return like(t, value, options);
}
Tensor zeros_like(const Tensor& t, const TensorOptions& options) { return like(t, 0, options); }
Tensor ones_like(const Tensor& t, const TensorOptions& options) { return like(t, 1, options); }

Tensor eye(std::int64_t rows, std::optional<std::int64_t> columns, int k, const TensorOptions& options) {
  std::int64_t width = columns.value_or(rows);
  check_size("eye", Shape{rows, width});
  Tensor t = make_result("eye", DType::float32, Shape{rows, width});
  float* out = t.impl()->as<float>();
  std::fill_n(out, t.size(), 0.f);
  for (std::int64_t i = std::max<std::int64_t>(0, -static_cast<std::int64_t>(k)); i < rows && i + k < width; ++i)
    out[i * width + i + k] = 1;
  EagerScope eager;
  return to_current(t.cast(options.dtype.value_or(float32)), options.device);
}

Tensor linspace(double start, double stop, std::int64_t count, const TensorOptions& options) {
  if (count < 0) fail<ShapeError>("linspace", count, " numbers: the count may not be negative");
  Tensor t = make_result("linspace", DType::float64, Shape{count});
  double* out = t.impl()->as<double>();
  double step = count > 1 ? (stop - start) / static_cast<double>(count - 1) : 0;
  for (std::int64_t i = 0; i < count; ++i) out[i] = start + static_cast<double>(i) * step;
  if (count > 1) out[count - 1] = stop;
  EagerScope eager;
  return to_current(t.cast(options.dtype.value_or(float32)), options.device);
}

// --- range

namespace {

// The operand as a 0-d host value: a weak number keeps its kind, a tensor gives its element.
struct Bound {
  bool floating;
  double real;
  std::int64_t integer;
  bool wide;  // a 64-bit integer
};
Bound bound(const Operand& o) {
  if (o.is_weak()) {
    bool f = o.kind() == Operand::Kind::weak_float;
    return {f, o.real(), f ? 0 : o.integer(), size_of(o.native_dtype()) == 8};
  }
  Tensor t = o.tensor();
  DType d = checked(t, "range").dtype;
  bool f = is_floating(d);
  return {f, t.item<double>(), f ? 0 : t.item<std::int64_t>(), size_of(d) == 8};
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

}  // namespace

Range::Range(Operand start, Operand stop, Operand step, const TensorOptions& options) {
  Bound a = bound(start), b = bound(stop), s = bound(step);
  start_ = a.real;
  step_ = s.real;
  if (s.real == 0) fail<UsageError>("range", "the step may not be 0");
  floating_ = a.floating || b.floating || s.floating;
  if (floating_) {
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
  return {istart_, istep_, count_};
}
Range::Iterator Range::end() const { return {0, 0, 0}; }

Tensor Range::tensor() const {
  Tensor t = make_result("range", floating_ ? DType::float64 : DType::int64, Shape{count_});
  for (std::int64_t i = 0; i < count_; ++i) {
    if (floating_) t.impl()->as<double>()[i] = start_ + static_cast<double>(i) * step_;
    else t.impl()->as<std::int64_t>()[i] = istart_ + i * istep_;
  }
  EagerScope eager;
  return to_current(t.cast(dtype_), device_);
}

Range range(Operand stop, const TensorOptions& options) { return Range(0, std::move(stop), 1, options); }
Range range(Operand start, Operand stop, Operand step, const TensorOptions& options) {
  return Range(std::move(start), std::move(stop), std::move(step), options);
}
std::ostream& operator<<(std::ostream& out, const Range& r) { return out << r.tensor(); }

}  // namespace keen
