// The one rule for numbers that a dtype cannot hold.
#include "core/numbers.h"

#include <cmath>
#include <limits>

#include "core/context.h"
#include "core/message.h"
#include "core/visit.h"

namespace keen::detail {
namespace {

// The bits of an integer dtype, without the sign's.
int value_bits(DType d) noexcept { return static_cast<int>(size_of(d)) * 8 - (is_signed_integer(d) ? 1 : 0); }

bool is_beyond_int64(const Operand& number) noexcept {
  return number.native_dtype() == DType::uint64 && number.integer() < 0;
}

std::string in_words(const Operand& number) {
  if (number.kind() == Operand::Kind::weak_float) return text(number.real());
  return is_beyond_int64(number) ? std::to_string(static_cast<std::uint64_t>(number.integer()))
                                 : std::to_string(number.integer());
}

[[noreturn, gnu::noinline]] void does_not_fit(const char* operation, const Operand& number, DType dtype) {
  if (beyond(number, dtype) == 0)
    fail<DTypeError>(
        operation, "the number ", in_words(number), " does not fit ", name(dtype),
        ", which holds whole numbers: round it, or use a floating dtype");
  fail<DTypeError>(
      operation, "the number ", in_words(number), " does not fit ", name(dtype), ", which holds ",
      in_words(least(dtype)), " to ", in_words(greatest(dtype)), ": use a wider dtype");
}

}  // namespace

int beyond(const Operand& number, DType dtype) noexcept {
  const int bits = value_bits(dtype);
  if (number.kind() == Operand::Kind::weak_float) {
    const double limit = std::ldexp(1., bits);
    return number.real() >= limit ? 1 : number.real() < (is_signed_integer(dtype) ? -limit : 0.) ? -1 : 0;
  }
  if (is_beyond_int64(number)) return dtype == DType::uint64 ? 0 : 1;
  if (bits < 63 && number.integer() >> bits > 0) return 1;
  return number.integer() < least(dtype).integer() ? -1 : 0;
}

Operand greatest(DType dtype) noexcept {
  if (dtype == DType::uint64) return std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::int64_t>((std::uint64_t{1} << value_bits(dtype)) - 1);
}
Operand least(DType dtype) noexcept {
  if (!is_signed_integer(dtype)) return std::int64_t{0};
  return std::numeric_limits<std::int64_t>::min() >> (63 - value_bits(dtype));
}

bool holds(const Operand& number, DType dtype) noexcept {
  if (!is_integer(dtype)) return true;
  if (number.kind() == Operand::Kind::weak_float && std::trunc(number.real()) != number.real()) return false;
  return beyond(number, dtype) == 0;
}

void check_holds(const char* operation, const Operand& number, DType dtype) {
  if (!holds(number, dtype)) [[unlikely]]
    does_not_fit(operation, number, dtype);
}

Tensor convert_exactly(const char* operation, const Tensor& numbers, DType dtype) {
  if (numbers.dtype() == dtype) return numbers;
  if (is_integer(dtype) && numbers.dtype() != DType::bool_ && !is_complex(numbers.dtype())) {
    const Tensor wide = is_floating(numbers.dtype()) ? numbers.cast(DType::float64) : numbers;
    visit_numeric(wide.dtype(), operation, [&]<class T>(T) {
      for (const T x : wide.to_vector<T>()) check_holds(operation, x, dtype);
    });
  }
  return numbers.cast(dtype);
}

}  // namespace keen::detail
