// What convolution and pooling share: windows that move over images, and padding by name.
#include "ops/windows.h"

#include <algorithm>
#include <functional>

#include "ops/helpers.h"

namespace keen::detail {

std::int64_t output_size(
    const char* op, std::int64_t size, std::int64_t window, std::int64_t stride, std::int64_t dilation,
    std::int64_t padding) {
  if (size == 0) return 0;  // no window sees anything of an image without rows
  const std::int64_t reach = (window - 1) * dilation + 1;
  if (size < 0 || is_symbol(padding))
    return open_dim([&](Size n, Size p) { return max(n + p - reach + stride, 0) / stride; }, size, padding);
  if (size + padding < reach)
    fail<ShapeError>(
        op, "a window of ", reach, " does not fit into ", size, " + ", padding,
        " of padding: make it smaller, or pad more");
  return (size + padding - reach) / stride + 1;
}

std::int64_t around(const Shape& padding, int axis) {
  const std::int64_t before = padding[2 * axis], after = padding[2 * axis + 1];
  return before < 0 || after < 0 ? open_dim(std::plus<Size>(), before, after) : before + after;
}

void shaped_rule(Inference& in) { in.results[0] = {in.dtype(0), ints(in.attributes[in.attributes.size() - 1])}; }

void check_images(const char* op, const Tensor& x) {
  if (checked(x, op).shape.rank() != 4)
    fail<ShapeError>(op, "images have shape ", x.shape(), ": (batch, height, width, channels) is needed");
}

void check_positive(const char* op, const char* what, Size2 values) {
  for (int v : {values.height, values.width})
    if (v < 1) fail<UsageError>(op, what, ' ', v, " is not positive");
}

Shape padding_for(
    const char* op, const std::string& padding, const Shape& x, std::array<std::int64_t, 2> window, Size2 strides,
    Size2 dilation) {
  if (!is_same_padding(op, padding)) return Shape{0, 0, 0, 0};
  Shape out;
  const auto add = [&](Size size, std::int64_t length, int stride, int spread) {
    const Size outputs = (size + (stride - 1)) / stride;
    const Size total = max((outputs - 1) * stride + (length - 1) * spread + 1 - size, 0);
    out.push_back((total / 2).symbol());
    out.push_back((total - total / 2).symbol());
  };
  add(Size(x[1]), window[0], strides.height, dilation.height);
  add(Size(x[2]), window[1], strides.width, dilation.width);
  return out;
}

bool is_same_padding(const char* operation, std::string_view padding) {
  const auto is = [&](std::string_view name) {
    return std::ranges::equal(padding, name, {}, [](char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; });
  };
  if (!is("valid") && !is("same"))
    fail<UsageError>(operation, "padding '", padding, "' is neither \"valid\" nor \"same\"");
  return is("same");
}

}  // namespace keen::detail
