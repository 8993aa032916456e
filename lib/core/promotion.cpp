#include "core/promotion.h"

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

void cast_operand(const Op& op, Operand& in, DType dtype) {
  if (in.is_weak()) in.replace(number_tensor(op.name, in, dtype));
  else if (in.impl()->dtype != dtype) in.replace(in.tensor().cast(dtype));
}

}  // namespace

void promote_inputs(const Op& op, std::span<Operand> inputs) {
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

Tensor number_tensor(const char* operation, const Operand& number, DType dtype) {
  bool is_float = number.kind() == Operand::Kind::weak_float;
  if (is_integer(dtype) && dtype != number.native_dtype()) check_holds(operation, number, dtype);
  Tensor t;
  if (is_float || !is_integer(dtype)) {
    double v = number.real();
    if (dtype == DType::float32) {
      float f = static_cast<float>(v);
      t = scalar_tensor(dtype, &f);
    } else if (dtype == DType::float64) {
      t = scalar_tensor(dtype, &v);
    } else if (dtype == DType::bool_) {
      bool b = v != 0;
      t = scalar_tensor(dtype, &b);
    } else {
      t = scalar_tensor(DType::float64, &v).cast(dtype);
    }
  } else {
    std::int64_t v = number.integer();  // little endian: the low bytes are the narrower number
    t = scalar_tensor(dtype, &v);
  }
  t.impl()->flags |= TensorImpl::from_number;
  return t;
}

}  // namespace keen::detail
