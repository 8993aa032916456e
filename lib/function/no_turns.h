// Loops that do not turn, outside of traces.
#pragma once
#include "keen/function/control_flow.h"

namespace keen::detail {

/// The results of a loop of no turns: `carried` as they are, then a stack of no elements for each result of the body
/// behind these. So that tapes learn what a compiled loop tells them, whose number of turns no tape knows, all depend on
/// what the body uses: it is traced, and thrown away. A body that cannot be traced leaves no such trail.
Leaves after_no_turns(const Leaves& carried, const Leaves& scanned, const std::function<Leaves(const Leaves&)>& body);

}  // namespace keen::detail
