// The gradient of a loop, second half: the loop that runs the turns backwards.
#include "function/lift.h"
#include "function/loop_gradient.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"

namespace keen::detail {

/// The loop back, on its way: its body, as split() made it and as the loop wants it.
struct LoopGradient::Back {
  std::vector<int> own;  // inputs: the forward body's, what it keeps, d of its results
  GradientsOfPart gradients;
  std::vector<int> sums, joined;  // carried
  Loop loop;
};

Loop LoopGradient::backward_loop() const {
  std::shared_ptr<Graph> body = clone(*parts_.backward);
  Graph& around = current_tracer()->graph();
  body->symbols = larger(body->symbols, around.symbols);
  Back back{std::exchange(body->inputs, {}), {std::exchange(body->results, {}), inputs_}, {}, {}, {}};
  back.loop.body = body;
  back.loop.reverse = !form_.reverse;
  take_inputs(back);
  give_results(back);
  around.symbols = body->symbols;
  return std::move(back.loop);
}

void LoopGradient::take_inputs(Back& back) const {
  Graph& body = *back.loop.body;
  const auto begin = back.own.begin();
  const auto own = [&](std::size_t i) { return begin + static_cast<std::ptrdiff_t>(i); };
  const auto seeds = own(inputs_ + parts_.kept.size()),
             stacks = own(inputs_ + parts_.kept.size() + seeded_carried_.size());
  const auto add = [&](auto first, auto last) { body.inputs.insert(body.inputs.end(), first, last); };
  add(seeds, stacks);
  for (std::size_t i : asked_rest_) back.sums.push_back(body.add_value(Value(body.values[at(back.own[i])])));
  add(back.sums.begin(), back.sums.end());
  for (std::size_t i : joined_rows_)
    for (int part : {back.gradients.values(i), back.gradients.indices(i)}) {
      Value rows = body.values[at(part)];
      rows.shape[0] = body.new_symbol();
      back.joined.push_back(body.add_value(std::move(rows)));
    }
  add(back.joined.begin(), back.joined.end());
  back.loop.carried = body.inputs.size();
  add(own(inputs_), seeds);
  for (std::size_t i : kept_carried_) body.inputs.push_back(back.own[i]);
  if (counts_turns_) body.inputs.push_back(body.add_value({DType::bool_, {}, Device(), {}}));
  add(stacks, back.own.end());
  add(own(carried_), own(carried_ + scanned_));
  unpack(back.loop);
  back.loop.scanned = body.inputs.size() - back.loop.carried;
  add(own(carried_ + scanned_), own(inputs_));
}

void LoopGradient::give_results(Back& back) const {
  Graph& body = *back.loop.body;
  const GradientsOfPart& gradients = back.gradients;
  Tracer tracer(body);
  TraceScope scope(tracer);
  const auto gradient_or_zeros = [&](std::size_t i) {
    const ResultSpec spec = spec_of(body, back.own[i]);
    if (gradients.has(i)) body.results.push_back(gradients.dense(tracer, i, spec.shape));
    else tracer.result(zeros(spec.shape, {.dtype = spec.dtype}));
  };
  for (std::size_t i : seeded_carried_) gradient_or_zeros(i);
  for (std::size_t k = 0; k < asked_rest_.size(); ++k) {
    const int gradient = gradients.values(asked_rest_[k]);
    if (gradient < 0) body.results.push_back(back.sums[k]);
    else tracer.result(tracer.tensor(back.sums[k]) + tracer.tensor(gradient));
  }
  auto before = back.joined.begin();
  for (std::size_t i : joined_rows_)
    for (int part : {gradients.values(i), gradients.indices(i)})
      tracer.result(concat({tracer.tensor(*before++), tracer.tensor(part)}));
  const std::size_t first_slice = body.results.size();
  for (std::size_t i : asked_slices_) gradient_or_zeros(i);
  for (std::size_t i : stacked_rows_)
    body.results.insert(body.results.end(), {gradients.values(i), gradients.indices(i)});
  for (std::size_t k = 0; k < asked_slices_.size(); ++k)  // of packed slices packed, beside the same sizes
    if (const auto sizes = sizes_of_packed(form_.unpacked, asked_slices_[k]); sizes >= 0) {
      add_pair(back.loop.packed, first_slice + k, body.results.size());
      body.results.push_back(back.own[static_cast<std::size_t>(sizes)]);
    }
}

std::vector<std::pair<std::size_t, std::size_t>> LoopGradient::packed_scans() const {
  std::vector<std::size_t> results = kept_at_;
  results.insert(results.end(), seeded_stacks_.begin(), seeded_stacks_.end());
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (std::size_t k = 0; k < results.size(); ++k)
    if (const auto sizes = sizes_of_packed(form_.packed, results[k]); sizes >= 0)
      out.emplace_back(k, static_cast<std::size_t>(sizes));
  return out;
}

void LoopGradient::unpack(Loop& loop) const {
  Graph& body = *loop.body;
  const std::size_t slices = body.inputs.size() - scanned_;
  for (const auto& [scan, sizes] : packed_scans()) {
    add_pair(loop.unpacked, loop.carried + scan, body.inputs.size());
    const int result = parts_.forward->results[sizes];
    body.inputs.push_back(body.add_value(Value(parts_.forward->values[at(result)])));
  }
  for (int i = 0; i < form_.unpacked.rank(); ++i)
    loop.unpacked.push_back(
        form_.unpacked[i] - static_cast<std::int64_t>(carried_) + static_cast<std::int64_t>(slices));
}

}  // namespace keen::detail
