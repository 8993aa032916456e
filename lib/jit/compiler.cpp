#include "jit/compiler.h"

#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/ExecutionEngine/Orc/CompileUtils.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Linker/Linker.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/IPO/AlwaysInliner.h>
#include <llvm/Transforms/IPO/GlobalDCE.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/LICM.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>

#include "core/message.h"
#include "jit/bitcode.h"
#include "jit/codegen.h"
#include "keen/error.h"

namespace keen::detail::fusion {
namespace {

template <class T>
T must(llvm::Expected<T> result) {
  if (!result) fail<InternalError>("jit", llvm::toString(result.takeError()));
  return std::move(*result);
}

const char* processor(Isa isa) { return isa == Isa::avx512 ? "x86-64-v4" : isa == Isa::avx2 ? "x86-64-v3" : "x86-64"; }

std::unique_ptr<llvm::TargetMachine> target_machine(Isa isa) {
  [[maybe_unused]] static const bool once = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    return true;
  }();
  const std::string triple = "x86_64-pc-linux-gnu";
  std::string why;
  const auto* target = llvm::TargetRegistry::lookupTarget(triple, why);
  if (!target) fail<InternalError>("jit", why);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  // Position independent, so that object code can be kept in a file and mapped without LLVM.
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, processor(isa), "", options, llvm::Reloc::PIC_, llvm::CodeModel::Small, llvm::CodeGenOpt::Default));
}

// The bitcode names processor features function by function; one set for all lets everything be inlined.
void unify_attributes(llvm::Module& module, Isa isa) {
  const std::string bits = std::to_string(8 * register_bytes(isa));
  for (auto& function : module) {
    if (function.isDeclaration()) continue;
    if (function.getName() != code_symbol) function.setLinkage(llvm::GlobalValue::InternalLinkage);
    for (const char* attribute : {"target-cpu", "target-features", "tune-cpu"}) function.removeFnAttr(attribute);
    function.addFnAttr("target-cpu", processor(isa));
    function.addFnAttr("prefer-vector-width", bits);
    function.addFnAttr("min-legal-vector-width", bits);
    function.addFnAttr("no-jump-tables", "true");
  }
}

// The code is vectors already: a short list of passes gives the code that LLVM's -O2 pipeline gives, in a third of the
// time.
void optimise(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  llvm::FunctionPassManager list;
  list.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  list.addPass(llvm::EarlyCSEPass());
  list.addPass(llvm::InstCombinePass());
  list.addPass(llvm::SimplifyCFGPass());
  list.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()), true));
  list.addPass(llvm::EarlyCSEPass());
  llvm::ModulePassManager all;
  all.addPass(llvm::AlwaysInlinerPass(false));
  all.addPass(llvm::GlobalDCEPass());
  all.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(list)));
  all.run(module, modules);
}

std::unique_ptr<llvm::Module> build(
    const Kernel& kernel, Isa isa, llvm::LLVMContext& context, llvm::TargetMachine& machine) {
  auto module = std::make_unique<llvm::Module>("kernel", context);
  module->setDataLayout(machine.createDataLayout());
  module->setTargetTriple(machine.getTargetTriple().str());
  generate(kernel, isa, *module);
  const auto bytes = scalar_bitcode(isa);
  auto buffer = llvm::MemoryBuffer::getMemBuffer(llvm::StringRef(bytes.data(), bytes.size()), "scalar", false);
  auto library = must(llvm::getOwningLazyBitcodeModule(std::move(buffer), context));
  if (llvm::Linker::linkModules(*module, std::move(library), llvm::Linker::LinkOnlyNeeded))
    fail<InternalError>("jit", "the scalar functions do not link");
  unify_attributes(*module, isa);
  std::string why;
  llvm::raw_string_ostream out(why);
  if (llvm::verifyModule(*module, &out)) fail<InternalError>("jit", out.str(), "\n", kernel.to_string());
  optimise(*module, machine);
  return module;
}

}  // namespace

std::string compile(const Kernel& kernel, Isa isa) {
  auto machine = target_machine(isa);
  llvm::LLVMContext context;
  auto module = build(kernel, isa, context, *machine);
  auto object = must(llvm::orc::SimpleCompiler(*machine)(*module));
  return object->getBuffer().str();
}

std::string print_ir(const Kernel& kernel, Isa isa) {
  auto machine = target_machine(isa);
  llvm::LLVMContext context;
  auto module = build(kernel, isa, context, *machine);
  std::string ir;
  llvm::raw_string_ostream out(ir);
  module->print(out, nullptr);
  return out.str();
}

}  // namespace keen::detail::fusion
