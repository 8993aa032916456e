// Rollback: variables get back the values they had, if what writes them fails midway.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "core/variable_state.h"
#include "function/graph.h"

namespace keen::detail {

/// The variables that a call must guard: those that the graph writes, if some are written inside branches and loops, where
/// a failure may come after the first write. Without such writes the order of the steps sees to it (`writes_last`).
std::vector<std::shared_ptr<VariableState>> guarded_variables(const Graph& graph);

/// Holds the values of variables; puts them back at its end unless told to keep the new ones. Meanwhile the first write to
/// each needs a buffer of its own.
class Rollback {
 public:
  explicit Rollback(std::span<const std::shared_ptr<VariableState>> variables);
  ~Rollback();
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  void keep() noexcept { values_.clear(); }

 private:
  std::span<const std::shared_ptr<VariableState>> variables_;
  std::vector<Tensor> values_;
};

}  // namespace keen::detail
