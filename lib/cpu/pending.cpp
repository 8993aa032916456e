// Kernels that are being written; this file goes with them.
#include "core/message.h"
#include "cpu/kernels.h"
namespace keen::detail::cpu {
#define KEEN_PENDING(x) void x(KernelCall& c) { fail<InternalError>(c.op.name, "no kernel yet"); }
KEEN_PENDING(gather) KEEN_PENDING(scatter) KEEN_PENDING(take_along_axis) KEEN_PENDING(put_along_axis) KEEN_PENDING(one_hot)
KEEN_PENDING(concat) KEEN_PENDING(pad) KEEN_PENDING(slice_gradient) KEEN_PENDING(softmax) KEEN_PENDING(log_softmax)
KEEN_PENDING(sparse_cross_entropy) KEEN_PENDING(sparse_cross_entropy_gradient)
}
