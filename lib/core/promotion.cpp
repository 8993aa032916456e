#include "core/promotion.h"

#include <cstring>
#include <string>

#include "core/message.h"
#include "core/numbers.h"

namespace keen::detail {
namespace {

DType meet(const Op& op, DType a, DType b) {
  if (a == b) return a;
  try {
    return promote(a, b);
  } catch (const DTypeError&) {
    fail<DTypeError>(op.name, name(a), " and ", name(b), " have no common type: cast one of them, e.g. x.cast(int64)");
  }
}

[[noreturn]] void dtype_not_taken(const Op& op, DType d) {
  if (is_complex(d) || ((half_floats & bit(d)) != 0))
    fail<DTypeError>(op.name, "computing with ", name(d), " is not offered yet: cast to float32 or float64");
  std::string wanted;
  for (int i = 0; i < dtype_count; ++i)
    if (op.dtypes & (1u << i)) wanted += (wanted.empty() ? "" : ", ") + std::string(name(static_cast<DType>(i)));
  fail<DTypeError>(op.name, name(d), " is not taken: it wants ", wanted);
}

// The common dtype of the operands that meet, from tensors first, then weak numbers.
DType common_dtype(const Op& op, std::span<const Operand> inputs) {
  bool any_tensor = false, any = false;
  DType dtype = DType::float32;
  for (auto& in : inputs)
    if (!in.is_weak()) {
      dtype = any_tensor ? meet(op, dtype, in.impl()->dtype) : in.impl()->dtype;
      any_tensor = any = true;
    }
  for (auto& in : inputs)
    if (in.is_weak()) {
      DType d = any_tensor ? weak_dtype(in, dtype) : in.native_dtype();
      dtype = any_tensor ? d : any ? meet(op, dtype, d) : d;
      any = true;
    }
  return dtype;
}

// Whether nothing is to be done, which is the common case.
bool have_one_dtype(const Op& op, std::span<const Operand> inputs) {
  if (inputs.empty() || !inputs[0].impl()) return false;
  const DType dtype = inputs[0].impl()->dtype;
  for (auto& in : inputs)
    if (!in.impl() || in.impl()->dtype != dtype) return false;
  return (op.dtypes & bit(dtype)) != 0 && (op.inputs != Inputs::promote_floating || is_floating(dtype));
}

void cast_operand(const Op& op, Operand& in, DType dtype) {
  if (in.is_weak()) in.replace(number_tensor(op.name, in, dtype));
  else if (in.impl()->dtype != dtype) in.replace(in.tensor().cast(dtype));
}

}  // namespace

void promote_inputs(const Op& op, std::span<Operand> inputs) {
  if (have_one_dtype(op, inputs)) return;
  for (auto& in : inputs)
    if (!in.is_weak() && !in.impl())
      fail<UsageError>(op.name, "an undefined tensor is no operand (an unconnected gradient? see .defined())");
  std::size_t first = op.inputs == Inputs::promote_but_first ? 1 : 0;
  if (op.inputs == Inputs::any) {
    for (auto& in : inputs)
      if (in.is_weak()) in.replace(number_tensor(op.name, in, in.native_dtype()));
    if (!inputs.empty() && !(op.dtypes & bit(inputs[0].impl()->dtype))) dtype_not_taken(op, inputs[0].impl()->dtype);
    return;
  }
  if (first && inputs[0].is_weak()) inputs[0].replace(number_tensor(op.name, inputs[0], inputs[0].native_dtype()));
  auto meeting = inputs.subspan(first);
  DType dtype = common_dtype(op, meeting);
  if (op.inputs == Inputs::promote_floating && (is_integer(dtype) || dtype == DType::bool_)) dtype = DType::float32;
  if (!(op.dtypes & bit(dtype))) dtype_not_taken(op, dtype);
  for (auto& in : meeting) cast_operand(op, in, dtype);
}

bool write_number(const char* operation, const Operand& number, DType dtype, void* element) {
  if (number.kind() == Operand::Kind::weak_size) return false;
  if (is_integer(dtype)) {
    if (dtype != number.native_dtype()) check_holds(operation, number, dtype);
    if (number.kind() == Operand::Kind::weak_float) return false;
    const std::int64_t v = number.integer();  // little endian: the low bytes are the narrower number
    std::memcpy(element, &v, sizeof v);
    return true;
  }
  const double v = number.real();
  switch (dtype) {
    case DType::float32:
      *static_cast<float*>(element) = static_cast<float>(v);
      return true;
    case DType::float64:
      *static_cast<double*>(element) = v;
      return true;
    case DType::bool_:
      *static_cast<bool*>(element) = v != 0;
      return true;
    default:
      return false;
  }
}

namespace {

// Nobody knows yet how large it will be: narrow integers may not hold it.
Tensor size_tensor(const char* operation, const Operand& size, DType dtype) {
  if (is_integer(dtype) && size_of(dtype) < 4)
    fail<DTypeError>(
        operation, "the size of an axis that is open in this trace may not fit ", name(dtype),
        ": cast the other operand, or Tensor(x.dim(0)) itself");
  return Tensor(Size(size.integer())).cast(dtype);
}

}  // namespace

Tensor number_tensor(const char* operation, const Operand& number, DType dtype) {
  if (number.kind() == Operand::Kind::weak_size) return size_tensor(operation, number, dtype);
  alignas(8) char element[8];
  Tensor t;
  if (write_number(operation, number, dtype, element)) {
    t = scalar_tensor(dtype, element);
  } else {
    const double v = number.real();
    t = scalar_tensor(DType::float64, &v).cast(dtype);
  }
  t.impl()->flags |= TensorImpl::from_number;
  return t;
}

}  // namespace keen::detail
