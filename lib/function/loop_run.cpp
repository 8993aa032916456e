// Loops run on tensors, turn by turn.
#include <algorithm>
#include <map>

#include "core/message.h"
#include "function/loop.h"
#include "keen/creation.h"
#include "keen/ops/shape.h"

namespace keen::detail {

void check_slices(std::int64_t first, std::int64_t other) {
  if (first != other) fail<ShapeError>("scan", "tensors of ", first, " and of ", other, " slices do not go together");
}

namespace {

/// One run of a loop on tensors.
class Run {
 public:
  Run(std::span<Operand> inputs, Attributes attributes)
      : condition_(static_cast<const Part*>(std::get_if<std::shared_ptr<void>>(&attributes[0])->get())),
        body_(resource<Part>(attributes[1])),
        form_(loop_form(attributes)) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      auto& to = i < form_.carried ? carried_ : i < form_.carried + form_.scanned ? scanned_ : rest_;
      to.push_back(inputs[i].tensor());
    }
    if (!form_.length.empty()) turns_ = form_.length[0];
    std::int64_t first = -1;
    for (std::size_t k = 0; k < scanned_.size(); ++k) {
      if (sizes_of_slices(k) >= 0) continue;
      const std::int64_t slices = scanned_[k].shape().raw(0);
      check_slices(first < 0 ? slices : first, slices);
      first = slices;
    }
    if (first >= 0) turns_ = turns_ < 0 ? first : std::min(turns_, first);
    for (std::size_t k = 0; k < scanned_.size(); ++k)
      if (const auto sizes = sizes_of_slices(k); sizes >= 0)
        scanned_turns_.emplace(
            k, unpack(contiguous(scanned_[k]), scanned_[static_cast<std::size_t>(sizes) - form_.carried]));
    stacked_.resize(body_.graph().results.size() - form_.carried);
  }

  std::vector<Tensor> results() {
    for (std::int64_t turn = 0; turn != turns_ && goes_on(); ++turn)
      take_turn(form_.reverse ? turns_ - 1 - turn : turn);
    for (std::size_t i = 0; i < stacked_.size(); ++i) carried_.push_back(stack_of(i));
    return std::move(carried_);
  }

 private:
  std::int64_t sizes_of_slices(std::size_t k) const { return sizes_of_packed(form_.unpacked, form_.carried + k); }

  static std::vector<Tensor> unpack(const Tensor& packed, const Tensor& sizes) {
    std::vector<Tensor> turns;
    std::int64_t begin = 0;
    for (const Tensor& row : sizes) {
      const Shape shape(row.to_vector<std::int64_t>());
      turns.push_back(make_view(*packed.impl(), shape, contiguous_strides(shape), begin));
      begin += shape.num_elements();
    }
    return turns;
  }

  bool goes_on() const {
    if (!condition_) return true;
    std::vector<Tensor> arguments = carried_;
    arguments.insert(arguments.end(), rest_.begin(), rest_.end());
    return condition_->run(arguments)[0].item<bool>();
  }

  void take_turn(std::int64_t at) {
    std::vector<Tensor> arguments = std::move(carried_);
    for (std::size_t k = 0; k < scanned_.size(); ++k) {
      const auto turns = scanned_turns_.find(k);
      arguments.push_back(
          turns == scanned_turns_.end() ? scanned_[k][at] : turns->second[static_cast<std::size_t>(at)]);
    }
    arguments.insert(arguments.end(), rest_.begin(), rest_.end());
    std::vector<Tensor> results = body_.run(arguments);
    const auto own = results.begin() + static_cast<std::ptrdiff_t>(form_.carried);
    for (std::size_t i = 0; i < stacked_.size(); ++i)
      stacked_[i].push_back(std::move(own[static_cast<std::ptrdiff_t>(i)]));
    results.erase(own, results.end());
    carried_ = std::move(results);
  }

  Tensor stack_of(std::size_t i) {
    auto& turns = stacked_[i];
    if (form_.reverse) std::reverse(turns.begin(), turns.end());
    const ResultSpec spec = spec_of(body_.graph(), body_.graph().results[form_.carried + i]);
    if (sizes_of_packed(form_.packed, form_.carried + i) >= 0) {
      for (Tensor& turn : turns) turn = flatten(turn);
      return turns.empty() ? zeros({0}, {.dtype = spec.dtype}) : concat(std::exchange(turns, {}));
    }
    for (const Tensor& turn : turns)
      if (turn.shape() != turns[0].shape())
        fail<ShapeError>(
            "scan", "what its turns give to be stacked changes its size from ", turns[0].shape(), " to ", turn.shape(),
            ": bring it to one size (broadcast_to, pad), or carry what grows");
    if (!turns.empty()) return stack(std::exchange(turns, {}));
    Shape none = spec.shape;
    for (auto& dim : none) dim = std::max<std::int64_t>(dim, 0);
    none.insert(0, 0);
    return zeros(none, {.dtype = spec.dtype});
  }

  const Part* condition_;
  const Part& body_;
  const Loop form_;
  std::int64_t turns_ = -1;  // negative: the condition ends it
  std::vector<Tensor> carried_, scanned_, rest_;
  std::map<std::size_t, std::vector<Tensor>> scanned_turns_;  // of what is packed
  std::vector<std::vector<Tensor>> stacked_;
};

}  // namespace

std::vector<Tensor> run_loop(std::span<Operand> inputs, Attributes attributes) {
  return Run(inputs, attributes).results();
}

}  // namespace keen::detail
