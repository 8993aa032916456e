// Operations on the rows that sparse gradients name.
#pragma once
#include "keen/tensor.h"

namespace keen::detail {

/// The rows of a sparse tensor, int64 (n,), counted from the start, as gather counts negative ones from the end. A row out
/// of range is an IndexError.
Tensor row_numbers(const Tensor& sparse);

/// The same sparse tensor, its rows counted from the start, and repetitions added up: the sum stands where a row is named
/// first, and zeros where it is named again. So as many rows are named as before, however often one is repeated.
Tensor sum_repeated_rows(const Tensor& sparse);

}  // namespace keen::detail
