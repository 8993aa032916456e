#include "fusion/columns.h"

#include <algorithm>
#include <cstring>
#include <deque>

#include "core/message.h"
#include "core/parallel.h"
#include "cpu/layout.h"
#include "keen/error.h"

namespace keen::detail::fusion {
namespace {

// What one task gathers into stays in the first-level cache; chunks are short enough for a plain sum to be accurate.
constexpr std::int64_t widest_tile = 4096, longest_chunk = 512, shortest_chunk = 16;

Kernel joining(scalar::Function function, DType dtype) {
  Kernel kernel;
  const int a = kernel.input(dtype);
  kernel.store(kernel.apply(function, a, kernel.input(dtype)));
  return kernel;
}

void fill(char* to, std::int64_t count, std::int64_t size, std::int64_t bits) {
  if (bits == 0) {
    std::memset(to, 0, static_cast<std::size_t>(count * size));
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) std::memcpy(to + i * size, &bits, static_cast<std::size_t>(size));
}

}  // namespace

/// A tile of columns over a chunk of rows.
struct ColumnReduction::Task {
  std::span<void* const> addresses;
  const std::vector<char*>& into;  // of each gathered: where this task's column 0 goes
  std::int64_t outer, first_row, end_row, first_column, columns;
};

ColumnReduction::ColumnReduction(
    const Kernel& kernel, const Shape& space, const std::vector<bool>& reduced, std::span<const Shape> strides) {
  const auto sizes = operand_sizes(kernel);
  if (strides.size() != sizes.size()) fail<InternalError>("fusion", "a layout for each operand is needed");
  lay_out(kernel, space, reduced, strides, sizes);

  // Each reduction becomes an element that is read, joined and written back.
  const std::size_t inputs = kernel.inputs().size();
  const Kernel laid_out = kernel.with_access(accesses(kernel, row_));
  std::vector<int> numbers;
  int input = 0;
  for (const Node& node : laid_out.nodes()) {
    Node copy = node;
    for (int& operand : copy.operands)
      if (operand >= 0) operand = numbers[static_cast<std::size_t>(operand)];
    if (node.kind == NodeKind::input) operand_of_.push_back(input++);
    if (node.kind != NodeKind::reduce) {
      numbers.push_back(kernel_.append(copy));
      continue;
    }
    operand_of_.push_back(-1 - static_cast<int>(gathered_.size()));
    gathered_.push_back(
        {0, operand_of_.size() - 1, 0, static_cast<std::int64_t>(size_of(node.dtype)),
         identity_bits(node.function, node.dtype), compiled(joining(node.function, node.dtype))});
    numbers.push_back(kernel_.apply(node.function, kernel_.input(node.dtype), copy.operands[0]));
  }
  std::size_t next = 0;
  for (std::size_t i = 0; i < laid_out.stores().size(); ++i) {
    const int node = laid_out.stores()[i];
    kernel_.store(numbers[static_cast<std::size_t>(node)]);
    if (laid_out[node].kind != NodeKind::reduce) {
      operand_of_.push_back(static_cast<int>(inputs + i));
      continue;
    }
    // Stores of reductions come in the order of the reductions, as whoever built the kernel promises.
    gathered_[next].store = inputs + i;
    gathered_[next].output = operand_of_.size();
    operand_of_.push_back(-1 - static_cast<int>(next++));
  }
  if (next != gathered_.size()) fail<InternalError>("fusion", "a column reduction that is not stored");
  code_ = compiled(kernel_);
}

void ColumnReduction::lay_out(
    const Kernel& kernel, const Shape& space, const std::vector<bool>& reduced, std::span<const Shape> strides,
    std::span<const std::int64_t> sizes) {
  int first_column = space.rank();
  while (first_column > 0 && !reduced[static_cast<std::size_t>(first_column - 1)]) --first_column;
  std::vector<int> kept, gone, columns;
  for (int axis = 0; axis < space.rank(); ++axis)
    (reduced[static_cast<std::size_t>(axis)] ? gone : axis < first_column ? kept : columns).push_back(axis);
  outer_ = collapse(space, kept, strides, sizes);
  rows_ = collapse(space, gone, strides, sizes);
  auto inner = collapse(space, columns, strides, sizes);
  if (rows_.empty()) fail<InternalError>("fusion", "a column reduction without rows");
  if (inner.empty()) inner.push_back({1, {sizes.begin(), sizes.end()}});
  row_ = std::move(inner.back());
  inner.pop_back();
  outer_.insert(outer_.end(), inner.begin(), inner.end());
  across_ = AcrossRows(row_, rows_.back(), sizes, kernel.inputs().size());
  std::vector<bool> fixed(sizes.size());
  for (std::size_t i = 0; i < kernel.stores().size(); ++i)
    fixed[kernel.inputs().size() + i] = kernel[kernel.stores()[i]].kind == NodeKind::reduce;
  std::vector<Axis> others = outer_;
  others.insert(others.end(), rows_.begin(), rows_.end() - 1);
  joined_ = join_rows(row_, rows_.back(), others, kernel.inputs().size(), fixed);
  if (joined_.factor > 1) {
    for (std::size_t i : joined_.repeated) staged_strides_.push_back(row_.strides[i]);
    sizes_.assign(sizes.begin(), sizes.end());
    apply(joined_, row_, rows_.back(), sizes);
  }
  for (const auto& axis : outer_) outer_count_ *= axis.size;
  for (const auto& axis : rows_) row_count_ *= axis.size;
  tile_ = std::min(row_.size, widest_tile);
  tiles_ = (row_.size + tile_ - 1) / tile_;
  chunk_ = std::clamp(2 * elementwise_grain / tile_, shortest_chunk, longest_chunk);
  chunks_ = (row_count_ + chunk_ - 1) / chunk_;
}

std::int64_t ColumnReduction::offset(const std::vector<Axis>& axes, std::int64_t index, std::size_t operand) const {
  std::int64_t bytes = 0;
  for (std::size_t axis = axes.size(); axis-- > 0; index /= axes[axis].size)
    bytes += index % axes[axis].size * axes[axis].strides[operand];
  return bytes;
}

void ColumnReduction::run_task(const Task& task) const {
  std::vector<CodeOperand> all(task.addresses.size()), operands(operand_of_.size());
  const std::int64_t run = rows_.back().size;
  for (std::size_t g = 0; g < gathered_.size(); ++g)
    fill(task.into[g], task.columns, gathered_[g].size, gathered_[g].identity);
  const std::int64_t block_rows = across_.empty() ? task.end_row - task.first_row : across_.rows(task.columns);
  AcrossRows::Block block(across_, block_rows, task.columns);
  for (std::int64_t row = task.first_row; row < task.end_row;) {
    // The last of joined rows may be shorter than the others.
    const std::int64_t left = run - row % run, most = std::min(block_rows, task.end_row - row);
    const bool is_short = left == 1 && joined_.last != joined_.factor;
    const std::int64_t count = is_short ? 1 : std::min(most, left - (joined_.last != joined_.factor));
    const std::int64_t columns =
        is_short ? std::min(task.columns, row_.size / joined_.factor * joined_.last - task.first_column) : task.columns;
    for (std::size_t i = 0; i < all.size(); ++i) {
      char* data = static_cast<char*>(task.addresses[i]) + offset(outer_, task.outer, i) + offset(rows_, row, i);
      all[i] = {data, rows_.back().strides[i], row_.strides[i]};
    }
    block.go_to(all.data(), all.size(), row_, task.first_column);
    block.load(all.data(), count, columns);
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const auto g = static_cast<std::size_t>(-1 - operand_of_[i]);
      operands[i] = operand_of_[i] < 0 ? CodeOperand{task.into[g], 0, gathered_[g].size}
                                       : all[static_cast<std::size_t>(operand_of_[i])];
    }
    if (columns > 0) (*code_)(operands.data(), count, columns);
    row += count;
  }
}

void ColumnReduction::run(std::span<void* const> addresses) const {
  if (outer_count_ == 0 || row_.size == 0) return;
  if (joined_.repeated.empty()) return run_tasks(addresses);
  const StagedRows staged(joined_, row_.size, staged_strides_, sizes_, addresses);
  run_tasks(staged.addresses());
}

void ColumnReduction::run_tasks(std::span<void* const> addresses) const {
  const bool in_parts = chunks_ * joined_.factor > 1;
  // Partials of one reduction: outer, then chunk, then column. With a single chunk they are the result.
  std::deque<cpu::Scratch> scratch;
  std::vector<char*> partials;
  for (const auto& g : gathered_) {
    if (in_parts) scratch.emplace_back(static_cast<std::size_t>(outer_count_ * chunks_ * row_.size * g.size));
    partials.push_back(in_parts ? scratch.back().data() : nullptr);
  }
  const std::int64_t tasks = outer_count_ * chunks_ * tiles_;
  const std::int64_t work = std::min(chunk_, row_count_) * tile_;
  parallel_for(
      tasks, std::max<std::int64_t>(1, elementwise_grain / std::max<std::int64_t>(1, work)),
      [&](std::int64_t begin, std::int64_t end) {
        std::vector<char*> into(gathered_.size());
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t column = i % tiles_ * tile_, chunk = i / tiles_ % chunks_, outer = i / tiles_ / chunks_;
          for (std::size_t g = 0; g < into.size(); ++g) {
            const auto store = gathered_[g].store;
            into[g] = in_parts ? partials[g] + ((outer * chunks_ + chunk) * row_.size + column) * gathered_[g].size
                               : static_cast<char*>(addresses[store]) + offset(outer_, outer, store) +
                                     column * gathered_[g].size;
          }
          run_task(
              {addresses, into, outer, chunk * chunk_, std::min((chunk + 1) * chunk_, row_count_), column,
               std::min(tile_, row_.size - column)});
        }
      });
  if (in_parts) join_chunks(addresses, partials);
}

void ColumnReduction::join_chunks(std::span<void* const> addresses, const std::vector<char*>& partials) const {
  // Of rows that were joined, each has gathered for itself: the parts are as wide as a row was.
  const std::int64_t parts = chunks_ * joined_.factor, width = row_.size / joined_.factor,
                     tile = std::min(tile_, width);
  for (std::size_t k = 0; k < gathered_.size(); ++k) {
    const Gathered& g = gathered_[k];
    parallel_for(
        outer_count_ * tiles_, std::max<std::int64_t>(1, elementwise_grain / (tile * parts)),
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t column = i % tiles_ * tile, outer = i / tiles_, columns = std::min(tile, width - column);
            const auto part = [&](std::int64_t chunk) {
              return partials[k] + ((outer * parts + chunk) * width + column) * g.size;
            };
            for (std::int64_t half = 1; half < parts; half *= 2)
              for (std::int64_t c = 0; c + half < parts; c += 2 * half) {
                const CodeOperand operands[] = {
                    {part(c), 0, g.size}, {part(c + half), 0, g.size}, {part(c), 0, g.size}};
                (*g.join)(operands, 1, columns);
              }
            char* to = static_cast<char*>(addresses[g.store]) + offset(outer_, outer, g.store) + column * g.size;
            std::memcpy(to, part(0), static_cast<std::size_t>(columns * g.size));
          }
        });
  }
}

}  // namespace keen::detail::fusion
