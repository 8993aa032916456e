// Printing and checking values, also inside compiled functions, where they happen at each call in program order.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "keen/operand.h"
#include "keen/variable.h"

namespace keen {

namespace detail {
/// The parts of a line: texts, and tensors whose values are not known yet.
class Line {
 public:
  void add(const Tensor& tensor);
  void add(const Variable& variable) { add(variable.value()); }
  void add(std::string_view text);
  void add(Size size) { add(Tensor(size)); }
  void add(const Shape& shape);
  void add(DType dtype) { add(std::string_view(name(dtype))); }
  template <std::same_as<Device> D>  // so that a text is no device's name
  void add(D device) {
    add(std::string_view(device.to_string()));
  }
  template <Number T>
  void add(T number) {
    if constexpr (std::is_same_v<T, bool>) add(std::string_view(number ? "true" : "false"));
    else add(Tensor(number));
  }
  void print();

 private:
  std::string text_;
  std::vector<Tensor> tensors_;
};
}  // namespace detail

/// Prints texts, numbers, variables, the values of tensors, their shapes, sizes, dtypes and devices in one line to standard
/// output, a blank between them.
template <class... Parts>
void print(const Parts&... parts) {
  detail::Line line;
  (line.add(parts), ...);
  line.print();
}

/// x itself; a NaN or an infinity in it is a UsageError with the message. Inside a compiled function, one whose result
/// nothing uses is left out, as every operation is: assert_true is not.
Tensor check_numerics(const Tensor& x, std::string_view message, Where where = Where::current());

/// A UsageError with the message unless all elements of a bool tensor are true.
void assert_true(const Tensor& condition, std::string_view message, Where where = Where::current());

}  // namespace keen
