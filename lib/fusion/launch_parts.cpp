// Running a kernel on a part of its elements, behind the product that gives them.
#include "fusion/launch.h"

namespace keen::detail::fusion {

cpu::Cuts Launch::cuts(std::int64_t width) const noexcept {
  // Rows that are read more than once gain nothing from being there already: measured, they lose.
  if (has_reduction_ || outer_.size() > 1 || !across_.empty()) return {};
  if (outer_.empty()) return {1, true};
  const std::int64_t row = row_.size / joined_.factor;
  if (row % width == 0) return {row / width, row == width && joined_.factor == 1};
  return {width % row == 0, false};
}

void Launch::run_part(std::span<void* const> addresses, const cpu::Part& part, std::int64_t width) const {
  if (!outer_.empty() && part.columns == width) {
    const std::int64_t row = row_.size / joined_.factor;
    const std::int64_t begin = part.row * width / row, end = begin + part.rows * width / row;
    if (joined_.factor == 1) return run_rows(addresses, begin, end);
    return run_joined_part(addresses, begin, end);
  }
  // Some columns, or elements that all operands walk as one row.
  OperandList operands(addresses.size());
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const std::int64_t step = row_.strides[i], down = outer_.empty() ? width * step : outer_[0].strides[i];
    operands.data()[i] = {static_cast<char*>(addresses[i]) + part.row * down + part.column * step, down, step};
  }
  if (part.columns == width) (*code_)(operands.data(), 1, part.rows * width);
  else (*code_)(operands.data(), part.rows, part.columns);
}

/// Short rows [begin, end) of those that are walked as one: whatever the first is, repeated operands repeat from it on.
void Launch::run_joined_part(std::span<void* const> addresses, std::int64_t begin, std::int64_t end) const {
  const StagedRows staged(joined_, row_.size, staged_strides_, sizes_, addresses);
  const std::int64_t factor = joined_.factor, whole = (end - begin) / factor, left = (end - begin) % factor;
  OperandList operands(addresses.size());
  const auto place = [&](std::int64_t rows_behind) {
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const std::int64_t down = outer_[0].strides[i], offset = begin * (down / factor) + rows_behind * down;
      operands.data()[i] = {static_cast<char*>(staged.addresses()[i]) + offset, down, row_.strides[i]};
    }
  };
  place(0);
  if (whole > 0) (*code_)(operands.data(), whole, row_.size);
  place(whole);
  if (left > 0) (*code_)(operands.data(), 1, left * (row_.size / factor));
}

}  // namespace keen::detail::fusion
