// The one rule for numbers that a dtype cannot hold.
#include "core/numbers.h"

#include <cmath>
#include <complex>
#include <limits>
#include <utility>

#include "core/context.h"
#include "core/message.h"
#include "core/tensor_impl.h"

namespace keen::detail {
namespace {

// The bits of an integer dtype, without the sign's.
int value_bits(DType d) noexcept { return static_cast<int>(size_of(d)) * 8 - (is_signed_integer(d) ? 1 : 0); }

bool is_beyond_int64(const Operand& number) noexcept {
  return number.native_dtype() == DType::uint64 && number.integer() < 0;
}

std::string in_words(const Operand& number) {
  if (number.kind() == Operand::Kind::weak_float) return text(number.real());
  if (number.kind() == Operand::Kind::weak_size) return "?";
  return is_beyond_int64(number) ? std::to_string(static_cast<std::uint64_t>(number.integer()))
                                 : std::to_string(number.integer());
}

// `what` is "the number" or "the element"; `cast` is one that would take it, where there is one to write.
[[noreturn, gnu::noinline]] void does_not_fit(
    const char* operation, const char* what, const Operand& number, DType dtype, const std::string& cast = {}) {
  const std::string or_cast = cast.empty() ? "" : ", or let " + cast + " change it";
  if (beyond(number, dtype) == 0)
    fail<DTypeError>(
        operation, what, ' ', in_words(number), " does not fit ", name(dtype), ", which holds whole numbers: round it",
        cast.empty() ? ", or" : ",", " use a floating dtype", or_cast);
  fail<DTypeError>(
      operation, what, ' ', in_words(number), " does not fit ", name(dtype), ", which holds ", in_words(least(dtype)),
      " to ", in_words(greatest(dtype)), ": use a wider dtype", or_cast);
}

}  // namespace

int beyond(const Operand& number, DType dtype) noexcept {
  if (number.kind() == Operand::Kind::weak_size) return 0;
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
    does_not_fit(operation, "the number", number, dtype);
}

bool always_holds(DType to, DType from) noexcept {
  if (to == from || from == DType::bool_ || to == DType::bool_ || is_complex(to)) return true;
  if (is_floating(to)) return !is_complex(from);
  return is_integer(to) && is_integer(from) && is_signed_integer(to) >= is_signed_integer(from) &&
         value_bits(to) >= value_bits(from);
}

namespace {

// The first element that an integer dtype does not hold, if there is one.
template <class T>
const T* misfit(const std::vector<T>& elements, DType dtype) {
  if constexpr (std::is_floating_point_v<T>) {
    const T end = std::ldexp(T(1), value_bits(dtype)), begin = is_signed_integer(dtype) ? -end : T(0);
    for (const T& x : elements)
      if (!(x >= begin && x < end && std::trunc(x) == x)) return &x;
  } else {
    const std::int64_t begin = least(dtype).integer();
    const auto end = static_cast<std::uint64_t>(greatest(dtype).integer());
    for (const T& x : elements)
      if (std::cmp_less(x, begin) || std::cmp_greater(x, end)) return &x;
  }
  return nullptr;
}

template <class T>
void check_elements(const char* operation, const Tensor& t, DType dtype, const std::string& cast) {
  const std::vector<T> elements = t.to_vector<T>();
  if (const T* x = misfit(elements, dtype)) does_not_fit(operation, "the element", *x, dtype, cast);
}

// Of complex numbers real dtypes hold those without an imaginary part.
Tensor real_part(const char* operation, const Tensor& t, DType dtype, const std::string& cast) {
  for (const auto& x : t.to_vector<std::complex<double>>())
    if (x.imag() != 0)
      fail<DTypeError>(
          operation, "the element ", text(x.real()), x.imag() < 0 ? "" : "+", text(x.imag()), "j does not fit ",
          name(dtype), ", which holds real numbers: use a complex dtype, or let ", cast, " change it");
  return t.cast(DType::float64);
}

}  // namespace

Tensor convert_exactly(const char* operation, const Tensor& numbers, DType dtype) {
  const DType from = checked(numbers, operation).dtype;
  if (from == dtype) return numbers;
  if (!always_holds(dtype, from)) {
    const std::string cast = text("cast(x, ", name(dtype), ')');
    if (numbers.is_symbolic())
      fail<DTypeError>(
          operation, name(from), " elements, unknown while a function is traced, may not fit ", name(dtype),
          ": use a dtype that always holds them, or let ", cast, " change them");
    EagerScope eager;  // the elements are looked at, not computed with
    Tensor t = is_complex(from) ? real_part(operation, numbers, dtype, cast) : numbers;
    if (is_integer(dtype)) {
      if (is_integer(t.dtype()))
        t.dtype() == DType::uint64 ? check_elements<std::uint64_t>(operation, t, dtype, cast)
                                   : check_elements<std::int64_t>(operation, t, dtype, cast);
      else check_elements<double>(operation, t, dtype, cast);
    }
  }
  return numbers.cast(dtype);
}

}  // namespace keen::detail
