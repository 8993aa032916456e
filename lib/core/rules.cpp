// The shared rules.
#include "core/rules.h"

#include "core/message.h"

namespace keen::detail::rules {

Shape broadcast(const Op& op, const Shape& a, const Shape& b) {
  if (a == b) return a;
  try {
    return broadcast_shapes(a, b);
  } catch (const ShapeError& e) {
    rethrow_as(op.name, e);
  }
}

namespace {
Shape broadcast_all(Inference& in) {
  Shape out = in.shape(0);
  for (int i = 1; i < in.arity(); ++i) out = broadcast(in.op, out, in.shape(i));
  return out;
}
}  // namespace

void elementwise(Inference& in) {
  in.results[0].shape = broadcast_all(in);
  in.results[0].dtype = in.dtype(0);
}

void comparison(Inference& in) {
  in.results[0].shape = broadcast_all(in);
  in.results[0].dtype = DType::bool_;
}

void same(Inference& in) {
  in.results[0].shape = in.shape(0);
  in.results[0].dtype = in.dtype(0);
}

}  // namespace keen::detail::rules
