// Loops as steps of plans.
#include <algorithm>
#include <cstring>
#include <optional>

#include "core/message.h"
#include "cpu/kernels.h"
#include "function/control_steps.h"
#include "function/plan_run.h"

namespace keen::detail {
namespace {

std::int64_t bytes_of(DType dtype, const Shape& shape) {
  return shape.num_elements() * static_cast<std::int64_t>(size_of(dtype));
}

std::shared_ptr<const Plan> plan_of(const Part& part, std::span<const OperandForm> arguments) {
  std::vector<Shape> shapes, strides;
  for (const auto& form : arguments) {
    shapes.push_back(form.shape);
    strides.push_back(form.strides);
  }
  auto plan = part.plan(shapes, strides);
  return plan && plan->takes_addresses() ? plan : nullptr;
}

const Part* part_of(const Attribute& attribute) {
  return static_cast<const Part*>(std::get_if<std::shared_ptr<void>>(&attribute)->get());
}

/// The place of a value in a list from `first` on, less `first`; -1 if it is not there.
int find_from(const std::vector<int>& values, std::size_t first, int value) {
  const auto begin = values.begin() + static_cast<std::ptrdiff_t>(first), found = std::find(begin, values.end(), value);
  return found == values.end() ? -1 : static_cast<int>(found - begin);
}

}  // namespace

std::unique_ptr<LoopStep> LoopStep::make(const Node& node, std::span<const OperandForm> operands) {
  auto step = std::make_unique<LoopStep>();
  const Loop loop = loop_form(node.attributes);
  const std::size_t carried = loop.carried, scanned = loop.scanned;
  if (!loop.packed.empty() || !loop.unpacked.empty()) return nullptr;
  step->reverse_ = loop.reverse;
  if (!loop.length.empty()) step->turns_ = loop.length[0];
  std::vector<OperandForm> found;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    OperandForm form = operands[i];
    if (i < carried) {
      step->carried_.push_back({form, bytes_of(form.dtype, form.shape)});
      form.strides = contiguous_strides(form.shape);
    } else if (i < carried + scanned) {
      check_slices(operands[carried].shape[0], form.shape[0]);
      step->turns_ = step->turns_ < 0 ? form.shape[0] : std::min(step->turns_, form.shape[0]);
      step->scanned_.push_back(form.strides[0] * static_cast<std::int64_t>(size_of(form.dtype)));
      form.shape.erase(0), form.strides.erase(0);
    }
    found.push_back(std::move(form));
  }
  step->body_ = plan_of(*part_of(node.attributes[1]), found);
  if (!step->body_) return nullptr;
  if (const Part* condition = part_of(node.attributes[0])) {
    const auto begin = found.begin() + static_cast<std::ptrdiff_t>(carried);
    found.erase(begin, begin + static_cast<std::ptrdiff_t>(scanned));
    step->condition_ = plan_of(*condition, found);
    if (!step->condition_) return nullptr;
  }
  return step->describe() ? std::move(step) : nullptr;
}

/// What turns give; false when a carried tensor changes its size.
bool LoopStep::describe() {
  const Graph& body = body_->graph();
  for (std::size_t i = 0; i < body.results.size(); ++i) {
    const ResultSpec spec = spec_of(body, body.results[i]);
    if (i >= carried_.size()) stacked_.push_back({spec.dtype, spec.shape, bytes_of(spec.dtype, spec.shape)});
    else if (spec.shape != carried_[i].form.shape) return false;
  }
  for (std::size_t i = 0; i < carried_.size(); ++i) {
    Carried& c = carried_[i];
    c.stays = body.results[i] == body.inputs[i];
    c.overwrites = body_->overwrites(i) == static_cast<int>(i);
    if (is_counted() && !c.overwrites) {
      c.stacked = find_from(body.results, carried_.size(), body.results[i]);
      c.found = find_from(body.results, carried_.size(), body.inputs[i]);
    }
    c.scratch = scratch_bytes_;
    if (!c.stays && !c.overwrites && c.stacked < 0) scratch_bytes_ += (c.bytes + 63) / 64 * 64;
  }
  return true;
}

void LoopStep::place(std::vector<Address> operands, std::vector<Address> results, Address scratch) {
  operands_ = std::move(operands);
  results_ = std::move(results);
  scratch_ = scratch;
}

/// One run of a loop.
class LoopRun {
 public:
  LoopRun(const LoopStep& step, Frame& frame)
      : s_(step), frame_(frame), carried_(step.carried_.size()), body_(*step.body_) {
    if (s_.condition_) condition_.emplace(*s_.condition_);
    for (std::size_t i = 0; i < carried_; ++i) now_.push_back(first(i));
    for (std::size_t i = carried_ + s_.scanned_.size(); i < s_.operands_.size(); ++i) {
      body_.argument(i, at(s_.operands_[i]));
      if (condition_) condition_->argument(i - s_.scanned_.size(), at(s_.operands_[i]));
    }
    to_.resize(carried_ + s_.stacked_.size());
    for (std::size_t k = 0; k < s_.stacked_.size(); ++k)
      rows_.push_back(s_.is_counted() ? at(s_.results_[carried_ + k]) : nullptr);
    if (!s_.is_counted()) grown_.resize(s_.stacked_.size());
  }

  void run() {
    std::int64_t turn = 0;
    for (; turn != s_.turns_ && goes_on(); ++turn) take(turn);
    for (std::size_t i = 0; i < carried_; ++i)
      if (char* result = at(s_.results_[i]); now_[i] != result) std::memcpy(result, now_[i], bytes(i));
    for (std::size_t k = 0; k < grown_.size(); ++k) hold(k, turn);
  }

 private:
  char* at(const Address& a) const { return frame_.base[static_cast<std::size_t>(a.slot)] + a.offset; }
  std::size_t bytes(std::size_t i) const { return static_cast<std::size_t>(s_.carried_[i].bytes); }
  char* row(int stacked, std::int64_t place) const {
    const auto k = static_cast<std::size_t>(stacked);
    return rows_[k] + place * s_.stacked_[k].bytes;
  }
  /// Which slice and row a turn has.
  std::int64_t place(std::int64_t turn) const { return s_.reverse_ ? s_.turns_ - 1 - turn : turn; }

  /// Where a carried tensor begins: row by row.
  char* first(std::size_t i) const {
    const OperandForm& form = s_.carried_[i].form;
    char* operand = at(s_.operands_[i]);
    if (is_contiguous(form.shape, form.strides)) return operand;
    const Tensor nothing = make_tensor(DType::bool_, Shape{0}, Device());
    const Tensor header = make_view(*nothing.impl(), form.shape, form.strides, 0);
    header.impl()->dtype = form.dtype;
    header.impl()->data = operand;
    char* result = at(s_.results_[i]);
    cpu::copy_strided(result, *header.impl());
    return result;
  }

  bool goes_on() {
    if (!condition_) return true;
    for (std::size_t i = 0; i < carried_; ++i) condition_->argument(i, now_[i]);
    bool truth = false;
    char* const to[] = {reinterpret_cast<char*>(&truth)};
    condition_->run(to);
    return truth;
  }

  void take(std::int64_t turn) {
    if (!s_.is_counted() && turn >= capacity_) grow(turn);
    for (std::size_t i = 0; i < carried_; ++i) {
      body_.argument(i, now_[i]);
      to_[i] = next(i, turn);
    }
    for (std::size_t j = 0; j < s_.scanned_.size(); ++j)
      body_.argument(carried_ + j, at(s_.operands_[carried_ + j]) + place(turn) * s_.scanned_[j]);
    for (std::size_t k = 0; k < rows_.size(); ++k) to_[carried_ + k] = row(static_cast<int>(k), place(turn));
    body_.run(to_);
    std::copy_n(to_.begin(), carried_, now_.begin());
  }

  /// Where a turn puts a carried tensor: never where it finds one that it reads after it has begun to write.
  char* next(std::size_t i, std::int64_t turn) const {
    const auto& c = s_.carried_[i];
    if (c.stays) return now_[i];
    if (c.stacked >= 0) return row(c.stacked, place(turn));
    if (c.found >= 0 && turn + 1 < s_.turns_) return row(c.found, place(turn + 1));
    char* const result = at(s_.results_[i]);
    if (c.overwrites || now_[i] != result) return result;
    return at(s_.scratch_) + c.scratch;
  }

  /// Room for twice as many rows.
  void grow(std::int64_t turn) {
    capacity_ = std::max<std::int64_t>(2 * capacity_, 8);
    for (std::size_t k = 0; k < grown_.size(); ++k) {
      const auto& stacked = s_.stacked_[k];
      Shape shape = stacked.row;
      shape.insert(0, capacity_);
      Tensor more = make_tensor(stacked.dtype, shape, Device());
      if (turn) std::memcpy(more.impl()->data, rows_[k], static_cast<std::size_t>(turn * stacked.bytes));
      rows_[k] = more.impl()->as<char>();
      grown_[k] = std::move(more);
    }
  }

  /// Gives what was stacked to the frame.
  void hold(std::size_t k, std::int64_t turns) {
    const auto slot = static_cast<std::size_t>(s_.results_[carried_ + k].slot);
    Shape shape = s_.stacked_[k].row;
    shape.insert(0, turns);
    Tensor& all = grown_[k];
    if (!all.defined()) all = make_tensor(s_.stacked_[k].dtype, shape, Device());
    else if (turns < capacity_) all = make_view(*all.impl(), shape, contiguous_strides(shape), 0);
    frame_.base[slot] = all.impl()->as<char>();
    frame_.held[slot] = std::move(all);
  }

  const LoopStep& s_;
  Frame& frame_;
  const std::size_t carried_;
  PlanRun body_;
  std::optional<PlanRun> condition_;
  std::vector<char*> now_, to_, rows_;  // of carried tensors, of results, of stacked ones
  std::vector<Tensor> grown_;           // where nobody knows how many rows there will be
  std::int64_t capacity_ = 0;
};

void LoopStep::run(Frame& frame) const { LoopRun(*this, frame).run(); }

std::string LoopStep::to_string() const {
  std::string out = turns_ < 0 ? "loop" : text("loop, ", condition_ ? "at most " : "", turns_, " turns");
  if (condition_) out += lines_of(*condition_, "while: ");
  return out + lines_of(*body_, "");
}

std::vector<const Plan*> LoopStep::parts() const {
  return condition_ ? std::vector<const Plan*>{condition_.get(), body_.get()} : std::vector<const Plan*>{body_.get()};
}

}  // namespace keen::detail
