// Shape and dtype rules that many operations share.
#pragma once
#include "core/op.h"

namespace keen::detail::rules {

/// Inputs broadcast; the result has their dtype.
void elementwise(Inference& in);
/// Inputs broadcast; the result is bool.
void comparison(Inference& in);
/// The result is like input 0.
void same(Inference& in);

/// A broadcast error that names the operation.
Shape broadcast(const Op& op, const Shape& a, const Shape& b);

}  // namespace keen::detail::rules
