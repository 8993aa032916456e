// Dense optimizer updates that run together: one loop over the elements of all their variables.
#pragma once
#include <array>
#include <span>
#include <vector>

#include "core/variable_state.h"

namespace keen::detail::cpu {

/// What an update does to n consecutive elements: p are the variable's and its slots', g the gradient's.
struct UpdateFactors {
  double values[4];
};
using UpdateLoop = void (*)(const UpdateFactors& factors, char* const* p, const char* g, std::int64_t n);

/// The update of one variable with its slots by a dense gradient.
struct DenseUpdate {
  std::array<VariableState*, 3> states{};
  int state_count = 0;
  const char* gradient = nullptr;
  Tensor gradient_copy;  // where the gradient was not contiguous
  UpdateLoop loop = nullptr;
  UpdateFactors factors{};
};

/// Runs updates as one, or one after the other where they share a variable. Their variables are locked meanwhile, and
/// publish their new values together when all are computed: until then nothing has changed.
void run_updates(std::span<const DenseUpdate> updates);

/// While one lives, the dense updates of this thread are put off until `run`. Gradients must stay as they are until then.
/// What has not run when the scope ends never runs.
class UpdateBatch {
 public:
  UpdateBatch() noexcept;
  ~UpdateBatch();
  UpdateBatch(const UpdateBatch&) = delete;
  UpdateBatch& operator=(const UpdateBatch&) = delete;

  void run();
  /// Puts an update off, or runs it at once where no batch lives.
  static void take(DenseUpdate update);

 private:
  std::vector<DenseUpdate> updates_;
  UpdateBatch* outer_;
};

}  // namespace keen::detail::cpu
