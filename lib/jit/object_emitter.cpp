#include "jit/object_emitter.h"

#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/CodeGen/MachineModuleInfo.h>
#include <llvm/CodeGen/Passes.h>
#include <llvm/CodeGen/TargetPassConfig.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Transforms/Scalar.h>

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

std::unique_ptr<llvm::LLVMTargetMachine> target_machine(Isa isa) {
  const std::string triple = "x86_64-pc-linux-gnu";
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  // Position independent, so that object code can be kept in a file and mapped without LLVM.
  auto* machine = target(triple).createTargetMachine(
      triple, processor(isa), "", options, llvm::Reloc::PIC_, llvm::CodeModel::Small, llvm::CodeGenOpt::Default);
  return std::unique_ptr<llvm::LLVMTargetMachine>(static_cast<llvm::LLVMTargetMachine*>(machine));
}

/// Passes behind register allocation that find nothing to do in kernels: loops over vectors without calls to speak of,
/// exceptions or debug information. Those before it are left as they are, since they hand analyses on to one another.
void leave_out(llvm::TargetPassConfig& passes) {
  for (const llvm::AnalysisID pass :
       {&llvm::MachineCopyPropagationID, &llvm::PostRAMachineSinkingID, &llvm::ShrinkWrapID,
        &llvm::MachineLateInstrsCleanupID, &llvm::TailDuplicateID, &llvm::PostRASchedulerID, &llvm::FuncletLayoutID,
        &llvm::StackMapLivenessID, &llvm::LiveDebugValuesID, &llvm::RemoveRedundantDebugValuesID,
        &llvm::PatchableFunctionID, &llvm::FixupStatepointCallerSavedID})
    passes.disablePass(pass);
}

}  // namespace

const char* processor(Isa isa) { return isa == Isa::avx512 ? "x86-64-v4" : isa == Isa::avx2 ? "x86-64-v3" : "x86-64"; }

ObjectEmitter::ObjectEmitter(Isa isa) : machine_(target_machine(isa)) {}

// The passes are put together as LLVMTargetMachine::addPassesToEmitMC does it, but of those over IR before instruction
// selection only what it needs: loop strength reduction and its kin take as long as register allocation, for the same
// loops. They are new for each module, as LLVM has them everywhere: passes may hold on to what they have seen.
std::string ObjectEmitter::emit(llvm::Module& module) {
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream out(object);
  llvm::legacy::PassManager passes;
  auto* functions = new llvm::MachineModuleInfoWrapperPass(machine_.get());
  auto* config = machine_->createPassConfig(passes);
  passes.add(config);  // owns it, as it does all that is added
  passes.add(functions);
  passes.add(llvm::createTargetTransformInfoWrapperPass(machine_->getTargetIRAnalysis()));
  leave_out(*config);
  config->setDisableVerify(true);
  passes.add(llvm::createUnreachableBlockEliminationPass());
  passes.add(llvm::createScalarizeMaskedMemIntrinLegacyPass());
  passes.add(llvm::createExpandReductionsPass());
  bool fails = config->addInstSelector();
  passes.add(llvm::Pass::createPass(&llvm::FinalizeISelID));
  config->addMachinePasses();
  config->setInitialized();
  fails =
      fails || machine_->addAsmPrinter(passes, out, nullptr, llvm::CGFT_ObjectFile, functions->getMMI().getContext());
  if (fails) fail<InternalError>("jit", "no object code for this processor");
  passes.add(llvm::createFreeMachineFunctionPass());
  passes.run(module);
  return {object.begin(), object.end()};
}

}  // namespace keen::detail::fusion
