// What the creators share.
#pragma once
#include <optional>

#include "core/context.h"
#include "keen/tensor.h"

namespace keen::detail {

/// A tensor made on the host, on the device that was asked for, else the current one.
Tensor to_current(Tensor t, const std::optional<Device>& device);

}  // namespace keen::detail
