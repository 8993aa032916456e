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
  }
}

// The code is vectors already: a short list of passes gives the code that LLVM's -O2 pipeline gives, in a third of the
// time.
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
  llvm::FunctionPassManager list;
  if (inlines) list.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  list.addPass(llvm::EarlyCSEPass());
  list.addPass(llvm::InstCombinePass());
  list.addPass(llvm::SimplifyCFGPass());
  list.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()), true));
  list.addPass(llvm::EarlyCSEPass());
  llvm::ModulePassManager all;
  if (inlines) {
    all.addPass(llvm::AlwaysInlinerPass(false));
    all.addPass(llvm::GlobalDCEPass());
  }
  all.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(list)));
  all.run(module, modules);
}

class Compiler {
 public:
  explicit Compiler(Isa isa) : isa_(isa), library_(isa, context_), emitter_(isa) {}

  std::string object(const Kernel& kernel) {
    auto module = build(kernel);
    return emitter_.emit(*module);
  }
  std::string ir(const Kernel& kernel) {
    auto module = build(kernel);
    std::string ir;
    llvm::raw_string_ostream out(ir);
    module->print(out, nullptr);
    return out.str();
  }
  Isa isa() const { return isa_; }

 private:
  std::unique_ptr<llvm::Module> build(const Kernel& kernel) {
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
  llvm::LLVMContext context_;
  ScalarLibrary library_;
  ObjectEmitter emitter_;
};

template <class Use>
auto with_compiler(Isa isa, Use&& use) {
  static std::mutex& mutex = *new std::mutex;
  static auto& idle = *new std::vector<std::unique_ptr<Compiler>>;
  std::unique_ptr<Compiler> compiler;
  {
    std::lock_guard lock(mutex);
    for (auto& one : idle)
      if (one->isa() == isa) {
        compiler = std::move(one);
        std::swap(one, idle.back());
        idle.pop_back();
        break;
      }
  }
  if (!compiler) compiler = std::make_unique<Compiler>(isa);
  auto result = use(*compiler);
  std::lock_guard lock(mutex);
  idle.push_back(std::move(compiler));
  return result;
}

}  // namespace

std::string compile(const Kernel& kernel, Isa isa) {
  return with_compiler(isa, [&](Compiler& compiler) { return compiler.object(kernel); });
}

std::string print_ir(const Kernel& kernel, Isa isa) {
  return with_compiler(isa, [&](Compiler& compiler) { return compiler.ir(kernel); });
}

}  // namespace keen::detail::fusion
