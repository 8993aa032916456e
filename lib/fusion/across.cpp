#include "fusion/across.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/parallel.h"
#include "cpu/strided.h"

namespace keen::detail::fusion {
namespace {

constexpr std::int64_t line = 64, fewest_rows = 4, short_row = 16;

/// Elements that share a line with their neighbours in the row are found in the cache anyway.
bool lies_across(const Axis& row, const Axis& down, std::size_t input, std::int64_t size) {
  return down.strides[input] == size && down.size >= fewest_rows && std::abs(row.strides[input]) >= line;
}

/// Elements from one row of a copy to the next. A line more than there are, for rows a power of two apart would share few
/// cache sets; none where a kernel may walk many rows as one.
std::int64_t pitch(std::int64_t columns, std::int64_t size) {
  return columns < short_row ? columns : columns + line / size;
}

/// A row, again and again.
void repeat(
    char* to, const void* from, std::int64_t stride, std::int64_t rows, std::int64_t columns, std::size_t size) {
  cpu::copy_elements(to, 1, from, stride, columns, size);
  const std::size_t all = static_cast<std::size_t>(rows * columns) * size;
  for (std::size_t done = static_cast<std::size_t>(columns) * size; done < all; done *= 2)
    std::memcpy(to + done, to, std::min(done, all - done));
}

}  // namespace

AcrossRows::AcrossRows(Axis& row, const Axis& down, std::span<const std::int64_t> sizes, std::size_t inputs) {
  for (std::size_t i = 0; i < inputs; ++i)
    if (lies_across(row, down, i, sizes[i])) inputs_.push_back({i, sizes[i], row.strides[i], false});
  if (inputs_.empty()) return;
  for (std::size_t i = 0; i < inputs && row.size < short_row; ++i)
    if (down.strides[i] == 0 && row.strides[i] != 0) inputs_.push_back({i, sizes[i], row.strides[i], true});
  for (const Input& input : inputs_) row.strides[input.operand] = input.size;
}

std::int64_t AcrossRows::rows(std::int64_t columns) const noexcept {
  constexpr std::int64_t few_elements = 2048;
  std::int64_t size = 1;
  for (const Input& input : inputs_) size = std::max(size, input.size);
  const std::int64_t most = std::max(cpu::panel_rows(size), few_elements / columns);
  return std::clamp(elementwise_grain / columns, line / size, most);
}

bool AcrossRows::goes_on(const Axis& row, const Axis& down) const {
  for (std::size_t i = 0; i < row.strides.size(); ++i) {
    const auto input =
        std::find_if(inputs_.begin(), inputs_.end(), [&](const Input& input) { return input.operand == i; });
    const bool follows = input == inputs_.end() ? down.strides[i] == row.strides[i] * row.size
                                                : pitch(row.size, input->size) == row.size;
    if (!follows) return false;
  }
  return true;
}

AcrossRows::Block::Block(const AcrossRows& across, std::int64_t rows, std::int64_t columns)
    : across_(across), rows_(rows), columns_(columns), repeated_(across.inputs_.size()) {
  for (const Input& input : across.inputs_)
    scratch_.emplace_back(static_cast<std::size_t>(rows * pitch(columns, input.size) * input.size));
}

void AcrossRows::Block::go_to(CodeOperand* operands, std::size_t count, const Axis& row, std::int64_t first) const {
  const auto step = [&](std::size_t i, std::int64_t bytes) {
    operands[i].data = static_cast<char*>(operands[i].data) + bytes;
  };
  for (std::size_t i = 0; i < count; ++i) step(i, first * row.strides[i]);
  for (const Input& input : across_.inputs_) step(input.operand, first * (input.stride - input.size));
}

void AcrossRows::Block::load(CodeOperand* operands, std::int64_t rows, std::int64_t columns) {
  for (std::size_t k = 0; k < scratch_.size(); ++k) {
    const Input& input = across_.inputs_[k];
    CodeOperand& operand = operands[input.operand];
    const std::int64_t to_next = pitch(columns_, input.size), step = input.stride / input.size;
    char* to = scratch_[k].data();
    const auto size = static_cast<std::size_t>(input.size);
    if (!input.repeats) cpu::transpose_block(to, to_next, operand.data, step, rows, columns, size);
    else if (std::exchange(repeated_[k], operand.data) != operand.data)
      repeat(to, operand.data, step, rows_, columns_, size);
    operand = {to, to_next * input.size, input.size};
  }
}

int axis_across(std::span<const Axis> outer, const Axis& row, std::span<const std::int64_t> sizes, std::size_t inputs) {
  int found = -1;
  std::ptrdiff_t most = 0;
  for (std::size_t axis = 0; axis < outer.size(); ++axis) {
    std::ptrdiff_t count = 0;
    for (std::size_t i = 0; i < inputs; ++i) count += lies_across(row, outer[axis], i, sizes[i]);
    if (count >= most && count > 0) {  // of equals the last one, where neighbouring rows of results are neighbours
      most = count;
      found = static_cast<int>(axis);
    }
  }
  return found;
}

}  // namespace keen::detail::fusion
