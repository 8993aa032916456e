// What convolution and pooling share: windows that move over images, and padding by name.
#pragma once
#include <array>
#include <string>
#include <string_view>

#include "core/message.h"
#include "core/op.h"
#include "keen/ops/nn.h"

namespace keen::detail {

/// (size + padding − reach) / stride + 1, where reach is what the (dilated) window spans.
std::int64_t output_size(
    const char* op, std::int64_t size, std::int64_t window, std::int64_t stride, std::int64_t dilation,
    std::int64_t padding);
/// The padding before and behind axis 0 or 1 of an image.
std::int64_t around(const Shape& padding, int axis);
/// The rule of operations whose last attribute is the result's shape.
void shaped_rule(Inference& in);

/// Throws ShapeError unless x is (batch, height, width, channels).
void check_images(const char* op, const Tensor& x);
/// Throws UsageError unless both numbers are positive.
void check_positive(const char* op, const char* what, Size2 values);

/// True for "same", false for "valid", in upper or lower case; a UsageError for anything else.
bool is_same_padding(const char* operation, std::string_view padding);
/// (top, bottom, left, right), open where sizes are. "same" gives ⌈size / stride⌉ outputs, the odd element going to the end
/// as in TensorFlow.
Shape padding_for(
    const char* op, const std::string& padding, const Shape& x, std::array<std::int64_t, 2> window, Size2 strides,
    Size2 dilation);

inline Shape pair(Size2 v) { return Shape{v.height, v.width}; }

}  // namespace keen::detail
