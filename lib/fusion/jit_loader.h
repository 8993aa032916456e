// Opens the kernel compiler when the first kernel is needed, and keeps what it compiled.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "fusion/kernel.h"
#include "fusion/object_code.h"
#include "jit/plugin.h"

namespace keen::detail::fusion {

/// Code that stays mapped while someone holds it.
class CompiledKernel {
 public:
  explicit CompiledKernel(ObjectCode code) : code_(std::move(code)), run_(code_.entry<Code>()) {}
  void operator()(const CodeOperand* operands, std::int64_t rows, std::int64_t n) const { run_(operands, rows, n); }

 private:
  ObjectCode code_;
  Code run_;
};

/// Are kernels to be compiled at all? KEEN_JIT=0 says no. Opens nothing.
bool jit_wanted();
/// Can kernels be compiled here? Opens the plugin; why not is in `why_no_jit`.
bool jit_available();
/// One sentence; empty where kernels can be compiled.
const std::string& why_no_jit();

/// The code of a kernel for this processor, compiled unless an equal kernel was before. Throws UsageError without the
/// plugin, InternalError when the compiler fails.
std::shared_ptr<const CompiledKernel> compiled(const Kernel& kernel);
/// The same for an instruction set of choice, not kept: for tests.
std::shared_ptr<const CompiledKernel> compile_for(const Kernel& kernel, Isa isa);
/// The LLVM IR behind it.
std::string ir_text(const Kernel& kernel);

/// A line for each kernel that is asked for; KEEN_LOG_KERNELS=1 says so from the start.
void log_kernels(bool on);

struct JitStats {
  std::int64_t compilations = 0, disk_hits = 0, hits = 0;
  double milliseconds = 0;  // spent compiling and reading
};
JitStats jit_stats();

}  // namespace keen::detail::fusion
