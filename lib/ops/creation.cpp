// Making tensors filled by a rule: one value, the identity, evenly spaced numbers.
#include "keen/creation.h"

#include <algorithm>

#include "core/numbers.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/math.h"
#include "keen/ops/shape.h"
#include "ops/creation.h"
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

// A new tensor of this thread's program lies where its device scope says.
Tensor to_current(Tensor t, const std::optional<Device>& device) {
  const Device d = device ? *device : current_device();
  return d == Device() ? t : t.to(d);
}

namespace {

// Runs f where the options say: on their device, else the current one.
template <class F>
Tensor on_device(const std::optional<Device>& device, F&& f) {
  if (!device || *device == current_device()) return f();
  DeviceScope scope(*device);
  return f();
}

// `operation` is what the user called.
Tensor filled(const char* operation, const Shape& shape, const Operand& value, const TensorOptions& options) {
  return in_the_name_of(operation, [&] {
    if (!value.is_weak())
      return on_device(options.device, [&] {
        Tensor v = value.tensor();
        return run(full_op, {shape}, options.dtype ? convert_exactly(operation, v, *options.dtype) : v);
      });
    // A number lies on no device: the result goes where the program is.
    const Device where = options.device.value_or(current_device());
    std::optional<DeviceScope> scope;
    if (where != Device()) scope.emplace(where);
    return run(full_op, {shape}, number_tensor(operation, value, options.dtype.value_or(value.native_dtype())));
  });
}

Tensor filled_like(const char* operation, const Tensor& t, const Operand& value, TensorOptions options) {
  checked(t, operation);
  options.dtype = options.dtype.value_or(t.dtype());
  options.device = options.device.value_or(t.device());
  return filled(operation, t.shape(), value, options);
}

}  // namespace
}  // namespace detail

using namespace detail;

Tensor full(const keen::Shape& shape, const Operand& value, const TensorOptions& options, Where where) {
  note_line(where);
  return filled("full", shape, value, options);
}
Tensor zeros(const keen::Shape& shape, const TensorOptions& options, Where where) {
  note_line(where);
  return filled("zeros", shape, 0.f, options);
}
Tensor ones(const keen::Shape& shape, const TensorOptions& options, Where where) {
  note_line(where);
  return filled("ones", shape, 1.f, options);
}
Tensor full_like(const Tensor& t, const Operand& value, const TensorOptions& options, Where where) {
  note_line(where);
  return filled_like("full_like", t, value, options);
}
Tensor zeros_like(const Tensor& t, const TensorOptions& options, Where where) {
  note_line(where);
  return filled_like("zeros_like", t, 0, options);
}
Tensor ones_like(const Tensor& t, const TensorOptions& options, Where where) {
  note_line(where);
  return filled_like("ones_like", t, 1, options);
}

namespace {

Tensor open_eye(Size rows, Size columns, int k, const TensorOptions& options) {
  const Tensor row = reshape(positions(rows), {rows, 1}), column = positions(columns);
  return to_current(equal(row + k, column).cast(options.dtype.value_or(float32)), options.device);
}

// As below: the last number is `stop` itself, and one alone `start`.
Tensor open_linspace(double start, double stop, Size count, const TensorOptions& options) {
  const Tensor last = Tensor(max(count - 1, 1)), i = positions(count);
  const Tensor step = (stop - start) / last.cast(float64), at = start + i.cast(float64) * step;
  const DType dtype = options.dtype.value_or(float32);
  if (!is_floating(dtype)) fail<DTypeError>("linspace", "an open count of ", name(dtype), ": cast float32 numbers");
  return to_current(where(equal(i, last), stop, at).cast(dtype), options.device);
}

}  // namespace

Tensor eye(Dim row_count, std::optional<Dim> columns, int k, const TensorOptions& options, Where where) {
  note_line(where);
  const std::int64_t rows = row_count.value, width = columns.value_or(row_count).value;
  if (is_symbol(rows) || is_symbol(width)) return open_eye(Size(rows), Size(width), k, options);
  EagerScope eager;
  check_size("eye", detail::Shape{rows, width});
  Tensor t = make_result("eye", DType::float32, detail::Shape{rows, width});
  float* out = t.impl()->as<float>();
  std::fill_n(out, t.size(), 0.f);
  for (std::int64_t i = std::max<std::int64_t>(0, -static_cast<std::int64_t>(k)); i < rows && i + k < width; ++i)
    out[i * width + i + k] = 1;
  return to_current(t.cast(options.dtype.value_or(float32)), options.device);
}

Tensor linspace(double start, double stop, Dim numbers, const TensorOptions& options, Where where) {
  note_line(where);
  const std::int64_t count = numbers.value;
  if (is_symbol(count)) return open_linspace(start, stop, Size(count), options);
  if (count < 0) fail<ShapeError>("linspace", count, " numbers: the count may not be negative");
  Tensor t = make_result("linspace", DType::float64, detail::Shape{count});
  double* out = t.impl()->as<double>();
  double step = count > 1 ? (stop - start) / static_cast<double>(count - 1) : 0;
  for (std::int64_t i = 0; i < count; ++i) out[i] = start + static_cast<double>(i) * step;
  if (count > 1) out[count - 1] = stop;
  EagerScope eager;
  return to_current(convert_exactly("linspace", t, options.dtype.value_or(float32)), options.device);
}

}  // namespace keen
