// Making plans: where values lie, in the arena, in results, or where somebody else put them.
#include <algorithm>
#include <set>

#include "function/plan_builder.h"

namespace keen::detail {

void PlanBuilder::find_homes() {
  const auto home = [&](int v, Home where) {
    Root& r = roots_[at(v)];
    r.home = where;
    r.slot = plan_.slots_++;
  };
  int number = 0;
  for (int v : graph_.inputs) {
    roots_[at(v)].number = number++;
    const bool is_read = roots_[at(v)].last_use >= 0;
    if (is_read) home(v, Home::argument);
    plan_.argument_slots_.push_back(is_read ? roots_[at(v)].slot : -1);
  }
  number = 0;
  for (const auto& constant : graph_.constants) {
    roots_[at(constant.value)].number = number++;
    home(constant.value, Home::constant);
    plan_.constants_.emplace_back(roots_[at(constant.value)].slot, constant.tensor.impl()->as<char>());
  }
  std::vector<bool> is_result(graph_.values.size());
  for (int v : graph_.results)
    if (v >= 0) is_result[at(root(v))] = true;
  std::vector<bool> as_tensor = is_result;
  for (const Draft& draft : drafts_)
    if (takes_tensors(draft.node))
      for (int v : draft.reads) as_tensor[at(v)] = true;
  for (const Draft& draft : drafts_)
    for (std::size_t i = 0; i < draft.makes.size(); ++i) {
      const int v = draft.makes[i];
      const bool reads = draft.node >= 0 && graph_.nodes[at(draft.node)].op == &read_variable_op;
      if (reads || is_held(draft.node, i)) {
        home(v, Home::held);
      } else if (as_tensor[at(v)]) {
        home(v, Home::fresh);
        const Shape& shape = value(v).shape;
        plan_.fresh_.push_back(
            {roots_[at(v)].slot, value(v).dtype, shape, contiguous_strides(shape), shape.num_elements()});
      } else {
        home(v, Home::temporary);
      }
    }
}

/// A temporary whose place a result could take over lies in the result's own memory from the start.
void PlanBuilder::share_with_results() {
  std::set<int> shared;
  for (std::size_t d = drafts_.size(); d-- > 0;)
    for (const auto& [made, read] : drafts_[d].may_replace) {
      const Root& result = roots_[at(made)];
      Root& temporary = roots_[at(read)];
      const bool dies = temporary.home == Home::temporary && temporary.last_use == static_cast<int>(d);
      const bool is_same = value(made).shape == value(read).shape && value(made).dtype == value(read).dtype;
      if (result.home != Home::fresh || !dies || !is_same || !shared.insert(made).second) continue;
      temporary.home = Home::fresh;
      temporary.slot = result.slot;
    }
}

void PlanBuilder::place_temporaries() {
  ArenaPlan arena;
  const auto is_temporary = [&](int v) { return roots_[at(v)].home == Home::temporary; };
  for (std::size_t d = 0; d < drafts_.size(); ++d) {
    const Draft& draft = drafts_[d];
    const auto dies = [&](int v) { return is_temporary(v) && roots_[at(v)].last_use == static_cast<int>(d); };
    std::vector<int> taken;
    for (int v : draft.makes) {
      if (!is_temporary(v)) continue;
      const auto fits = [&](const auto& pair) {
        return pair.first == v && dies(pair.second) &&
               std::find(taken.begin(), taken.end(), pair.second) == taken.end();
      };
      const auto found = std::find_if(draft.may_replace.begin(), draft.may_replace.end(), fits);
      if (found != draft.may_replace.end()) {
        taken.push_back(found->second);
        roots_[at(v)].offset = roots_[at(found->second)].offset;
      } else {
        roots_[at(v)].offset = arena.allocate(bytes(v));
      }
      plan_.temporaries_.emplace_back(roots_[at(v)].slot, roots_[at(v)].offset);
    }
    if (draft.scratch >= 0) {
      const std::int64_t size = controls_.at(draft.node).loop->scratch_bytes(), offset = arena.allocate(size);
      plan_.temporaries_.emplace_back(draft.scratch, offset);
      arena.release(offset, size);
    }
    const auto release = [&](int v) {
      if (!dies(v) || std::find(taken.begin(), taken.end(), v) != taken.end()) return;
      taken.push_back(v);  // once, though it be read twice
      arena.release(roots_[at(v)].offset, bytes(v));
    };
    for (int v : draft.reads) release(v);
    for (int v : draft.makes) release(v);
  }
  plan_.arena_bytes_ = static_cast<std::size_t>(arena.size());
}

Address PlanBuilder::address(int v) const {
  const Layout& layout = layouts_[at(v)];
  return {roots_[at(layout.root)].slot, layout.offset * static_cast<std::int64_t>(size_of(value(v).dtype))};
}

}  // namespace keen::detail
