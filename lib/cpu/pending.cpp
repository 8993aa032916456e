// Kernels that are being written; this file goes with them.
#include "core/message.h"
#include "cpu/kernels.h"
namespace keen::detail::cpu {
#define KEEN_PENDING(x) void x(KernelCall& c) { fail<InternalError>(c.op.name, "no kernel yet"); }
KEEN_PENDING(softmax) KEEN_PENDING(log_softmax) KEEN_PENDING(sparse_cross_entropy) KEEN_PENDING(sparse_cross_entropy_gradient)
}
