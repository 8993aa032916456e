// A fused kernel cut into stages: sweeps over the elements, and between them what follows from their reductions.
#pragma once
#include <vector>

#include "fusion/kernel.h"

namespace keen::detail::fusion {

/// A kernel without reductions that wait for others.
struct Stage {
  Kernel kernel;
  bool sweeps = true;         // over the whole space; else over the axes that are kept
  std::vector<int> operands;  // its inputs, then its stores: numbers of the whole kernel's, behind them temporaries
};

struct Stages {
  struct Temporary {
    DType dtype;
    bool per_element;  // else one for what is kept
    int host = -1;     // an operand written last, whose memory serves until then, unless it is an input's too
  };
  std::vector<Stage> stages;
  std::vector<Temporary> temporaries;
};

/// The stages of a kernel whose inputs are `broadcast` where they do not vary along what is reduced. What a later sweep
/// needs of an earlier one's elements is read back where it is stored anyway, or where that is cheaper than to compute
/// it again.
Stages cut_into_stages(const Kernel& kernel);

}  // namespace keen::detail::fusion
