#include "jit/object_emitter.h"

#include <llvm/MC/MCContext.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>

#include "core/message.h"
#include "keen/error.h"

namespace keen::detail::fusion {
namespace {

const llvm::Target& target(const std::string& triple) {
  [[maybe_unused]] static const bool once = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    return true;
  }();
  std::string why;
  const auto* target = llvm::TargetRegistry::lookupTarget(triple, why);
  if (!target) fail<InternalError>("jit", why);
  return *target;
}

std::unique_ptr<llvm::TargetMachine> target_machine(Isa isa) {
  const std::string triple = "x86_64-pc-linux-gnu";
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  // Position independent, so that object code can be kept in a file and mapped without LLVM.
  return std::unique_ptr<llvm::TargetMachine>(target(triple).createTargetMachine(
      triple, processor(isa), "", options, llvm::Reloc::PIC_, llvm::CodeModel::Small, llvm::CodeGenOpt::Default));
}

}  // namespace

const char* processor(Isa isa) { return isa == Isa::avx512 ? "x86-64-v4" : isa == Isa::avx2 ? "x86-64-v3" : "x86-64"; }

ObjectEmitter::ObjectEmitter(Isa isa) : machine_(target_machine(isa)) {
  llvm::MCContext* context = nullptr;
  if (machine_->addPassesToEmitMC(passes_, context, out_)) fail<InternalError>("jit", "no object code for this target");
}

std::string ObjectEmitter::emit(llvm::Module& module) {
  object_.clear();
  passes_.run(module);
  return {object_.begin(), object_.end()};
}

}  // namespace keen::detail::fusion
