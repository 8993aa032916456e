// The backends that plugins bring.
#pragma once
#include <vector>

#include "core/backend.h"

namespace keen::detail {

/// The GPUs of this machine; empty without a driver or without the CUDA plugin (`why_no_gpu` says which).
const std::vector<Backend*>& gpu_backends();

}  // namespace keen::detail
