// What the creators share.
#pragma once
#include <optional>

#include "core/context.h"
#include "keen/tensor.h"

namespace keen::detail {

/// A tensor made on the host, on the device that was asked for, else the current one.
Tensor to_current(Tensor t, const std::optional<Device>& device);
/// 0 … n−1, int64 (n,), for an n that is open in this trace.
Tensor positions(Size n);

}  // namespace keen::detail
