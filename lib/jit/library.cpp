#include "jit/library.h"

#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include "jit/bitcode.h"
#include "jit/must.h"

namespace keen::detail::fusion {
namespace {

using llvm::dyn_cast;
using llvm::isa;

bool says_nothing(const llvm::Instruction& instruction) {
  return isa<llvm::NoAliasScopeDeclInst>(instruction) || isa<llvm::ReturnInst>(instruction);
}

/// One block, in which each operand is only loaded, at once, and the result is stored once.
bool is_plain_function(const llvm::Function& function) {
  if (function.size() != 1) return false;
  for (const auto& instruction : function.front())
    if (isa<llvm::AllocaInst>(instruction)) return false;
  int stores = 0;
  for (const auto& argument : function.args())
    for (const auto* user : argument.users()) {
      const auto* store = dyn_cast<llvm::StoreInst>(user);
      const bool stored_to = store && argument.getArgNo() == 0 && store->getPointerOperand() == &argument;
      const bool loaded = argument.getArgNo() > 0 && isa<llvm::LoadInst>(user);
      if (!stored_to && !loaded) return false;
      stores += stored_to;
    }
  return stores == 1;
}

llvm::Function* declared_in(llvm::Module& module, const llvm::Function& function) {
  auto callee = module.getOrInsertFunction(function.getName(), function.getFunctionType(), function.getAttributes());
  return llvm::cast<llvm::Function>(callee.getCallee());
}

}  // namespace

ScalarLibrary::ScalarLibrary(Isa isa, llvm::LLVMContext& context) {
  const auto bytes = scalar_bitcode(isa);
  auto buffer = llvm::MemoryBuffer::getMemBuffer(llvm::StringRef(bytes.data(), bytes.size()), "scalar", false);
  module_ = must(llvm::getOwningLazyBitcodeModule(std::move(buffer), context));
}

const ScalarLibrary::Entry& ScalarLibrary::find(llvm::StringRef name) {
  auto& entry = entries_[name];
  if (!entry.function) {
    entry.function = module_->getFunction(name);
    if (!entry.function) fail<InternalError>("jit", "no scalar function ", name.str());
    must(entry.function->materialize());
    entry.is_plain = is_plain_function(*entry.function);
  }
  return entry;
}

llvm::Value* ScalarLibrary::inlined(
    llvm::StringRef name, llvm::ArrayRef<llvm::Value*> operands, llvm::Type* result, llvm::IRBuilder<>& at) {
  const auto& entry = find(name);
  if (!entry.is_plain) return nullptr;
  auto& module = *at.GetInsertBlock()->getModule();
  llvm::Value* stored = nullptr;
  llvm::DenseMap<const llvm::Value*, llvm::Value*> copies;
  const auto copied = [&](llvm::Value* value) -> llvm::Value* {
    if (auto* function = dyn_cast<llvm::Function>(value)) return declared_in(module, *function);
    return isa<llvm::Constant>(value) ? value : copies.lookup(value);
  };
  for (const auto& instruction : entry.function->front()) {
    if (says_nothing(instruction)) continue;
    if (const auto* load = dyn_cast<llvm::LoadInst>(&instruction)) {
      if (const auto* argument = dyn_cast<llvm::Argument>(load->getPointerOperand())) {
        copies[load] = at.CreateBitCast(operands[argument->getArgNo() - 1], load->getType());
        continue;
      }
    }
    if (const auto* store = dyn_cast<llvm::StoreInst>(&instruction)) {
      stored = at.CreateBitCast(copied(store->getOperand(0)), result);
      continue;
    }
    auto* copy = instruction.clone();
    for (auto& operand : copy->operands()) operand.set(copied(operand.get()));
    copies[&instruction] = at.Insert(copy);
  }
  return stored;
}

bool ScalarLibrary::define_called(llvm::Module& module) {
  std::vector<llvm::Function*> called;
  for (auto& function : module)
    if (function.isDeclaration() && function.getName().startswith("keen_")) called.push_back(&function);
  for (auto* function : called) {
    const auto& body = *find(function->getName()).function;
    llvm::ValueToValueMapTy copies;
    for (const auto& argument : body.args()) copies[&argument] = function->getArg(argument.getArgNo());
    for (const auto& block : body)
      for (const auto& instruction : block)
        if (const auto* call = dyn_cast<llvm::CallInst>(&instruction))
          copies[call->getCalledFunction()] = declared_in(module, *call->getCalledFunction());
    llvm::SmallVector<llvm::ReturnInst*, 1> returns;
    llvm::CloneFunctionInto(function, &body, copies, llvm::CloneFunctionChangeType::DifferentModule, returns);
    function->setLinkage(llvm::GlobalValue::InternalLinkage);
  }
  return !called.empty();
}

}  // namespace keen::detail::fusion
