// Which of the ways to run a kernel over a space is taken.
#pragma once
#include <variant>
#include <vector>

#include "fusion/arrange.h"
#include "fusion/columns.h"
#include "fusion/launch.h"
#include "fusion/staged_launch.h"

namespace keen::detail::fusion {

using AnyLaunch = std::variant<Launch, ColumnReduction, StagedLaunch>;

/// By rows or by columns where one walk does it; else in stages.
AnyLaunch make_launch(const Kernel& kernel, const Arrangement& over);

}  // namespace keen::detail::fusion
