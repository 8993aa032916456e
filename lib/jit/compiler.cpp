#include "jit/compiler.h"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Transforms/IPO/AlwaysInliner.h>
#include <llvm/Transforms/IPO/GlobalDCE.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/LICM.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>

#include <mutex>
#include <utility>
#include <vector>

#include "core/message.h"
#include "jit/codegen.h"
#include "jit/object_emitter.h"
#include "keen/error.h"

namespace keen::detail::fusion {
namespace {

// The bitcode names processor features function by function; one set for all lets everything be inlined.
void unify_attributes(llvm::Module& module, Isa isa) {
  const std::string bits = std::to_string(8 * register_bytes(isa));
  for (auto& function : module) {
    if (function.isDeclaration()) continue;
    for (const char* attribute : {"target-cpu", "target-features", "tune-cpu"}) function.removeFnAttr(attribute);
    function.addFnAttr("target-cpu", processor(isa));
    function.addFnAttr("prefer-vector-width", bits);
    function.addFnAttr("min-legal-vector-width", bits);
    function.addFnAttr("no-jump-tables", "true");
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

// Scalar functions come in as LLVM's -O2 left them, and as values: what is left to find is what two of them share, and
// the code generator does what there is to do between them. Those that come with blocks and stack slots of their own
// need to be inlined and cleaned up, for which a short list of passes gives the code that the -O2 pipeline gives.
llvm::ModulePassManager passes(bool inlines) {
  llvm::FunctionPassManager list;
  if (inlines) list.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  list.addPass(llvm::EarlyCSEPass());
  if (inlines) {
    list.addPass(llvm::InstCombinePass());
    list.addPass(llvm::SimplifyCFGPass());
    list.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()), true));
    list.addPass(llvm::EarlyCSEPass());
  }
  llvm::ModulePassManager all;
  if (inlines) {
    all.addPass(llvm::AlwaysInlinerPass(false));
    all.addPass(llvm::GlobalDCEPass());
  }
  all.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(list)));
  return all;
}

void optimise(llvm::Module& module, llvm::TargetMachine& machine, bool inlines) {
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
  passes(inlines).run(module, modules);
}

/// All that LLVM needs for an instruction set, of which a kernel needs nothing anew but a module; for one thread at a
/// time. The context keeps every constant it has seen, so that a compiler is replaced when it is `worn`.
class Compiler {
 public:
  explicit Compiler(Isa isa) : isa_(isa), library_(isa, context_), emitter_(isa) {}

  std::string object(const Kernel& kernel) { return emitter_.emit(*build(kernel)); }
  std::string ir(const Kernel& kernel) {
    std::string ir;
    llvm::raw_string_ostream out(ir);
    build(kernel)->print(out, nullptr);
    return out.str();
  }
  Isa isa() const noexcept { return isa_; }
  bool worn() const noexcept { return kernels_ >= 512; }

 private:
  std::unique_ptr<llvm::Module> build(const Kernel& kernel) {
    ++kernels_;
    auto module = std::make_unique<llvm::Module>("kernel", context_);
    module->setDataLayout(emitter_.machine().createDataLayout());
    module->setTargetTriple(emitter_.machine().getTargetTriple().str());
    generate(kernel, isa_, *module, library_);
    const bool inlines = library_.define_called(*module);
    unify_attributes(*module, isa_);
    std::string why;
    llvm::raw_string_ostream out(why);
    if (llvm::verifyModule(*module, &out)) fail<InternalError>("jit", out.str(), "\n", kernel.to_string());
    optimise(*module, emitter_.machine(), inlines);
    return module;
  }

  const Isa isa_;
  int kernels_ = 0;
  llvm::LLVMContext context_;
  ScalarLibrary library_;
  ObjectEmitter emitter_;
};

/// Compilers that wait for the next kernel: as many as there were threads that compiled at once.
class Idle {
 public:
  std::unique_ptr<Compiler> take(Isa isa) {
    std::lock_guard lock(mutex_);
    for (auto& one : compilers_) {
      if (one->isa() != isa) continue;
      auto taken = std::exchange(one, std::move(compilers_.back()));
      compilers_.pop_back();
      return taken;
    }
    return nullptr;
  }
  void put(std::unique_ptr<Compiler> compiler) {
    if (compiler->worn()) return;
    std::lock_guard lock(mutex_);
    compilers_.push_back(std::move(compiler));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Compiler>> compilers_;
};

/// Runs a member of a compiler that is this thread's meanwhile; one in which something failed is not used again.
std::string with_compiler(Isa isa, std::string (Compiler::*make)(const Kernel&), const Kernel& kernel) {
  static Idle& idle = *new Idle;  // for ever: LLVM's own statics may go first when the process ends
  auto compiler = idle.take(isa);
  if (!compiler) compiler = std::make_unique<Compiler>(isa);
  std::string result = (compiler.get()->*make)(kernel);
  idle.put(std::move(compiler));
  return result;
}

}  // namespace

std::string compile(const Kernel& kernel, Isa isa) { return with_compiler(isa, &Compiler::object, kernel); }
std::string print_ir(const Kernel& kernel, Isa isa) { return with_compiler(isa, &Compiler::ir, kernel); }

}  // namespace keen::detail::fusion
