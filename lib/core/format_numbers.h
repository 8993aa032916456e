// Numbers as text: what NumPy prints for the elements of an array.
#pragma once
#include <string>
#include <vector>

#include "keen/dtype.h"

namespace keen::detail {

/// Floating values in columns: at most 8 digits behind the point, points aligned, all of one width; with exponents when
/// magnitudes ask for them. `plus` gives positive numbers a sign.
std::vector<std::string> format_reals(const std::vector<double>& values, DType dtype, bool plus = false);

/// One floating value by the fewest digits that give it back: "0.1", "2.0", "1e-05".
std::string format_real(double value, DType dtype);

}  // namespace keen::detail
