#include "jit/values.h"

#include <algorithm>
#include <numeric>

#include "core/message.h"
#include "keen/error.h"

namespace keen::detail::fusion {
namespace {

// One register of the narrowest type computed with (of a cast, the wider one); wider types then take several registers.
int choose_width(const Kernel& kernel, Isa isa) {
  int narrowest = 0, any = 1;
  for (const Node& node : kernel.nodes()) {
    any = std::max(any, static_cast<int>(size_of(node.dtype)));
    if (node.kind != NodeKind::function && node.kind != NodeKind::reduce && node.kind != NodeKind::cast) continue;
    const int operand = static_cast<int>(size_of(kernel[node.operands[0]].dtype));
    const int size = node.kind == NodeKind::cast ? std::max(operand, static_cast<int>(size_of(node.dtype))) : operand;
    narrowest = narrowest ? std::min(narrowest, size) : size;
  }
  return register_bytes(isa) / (narrowest ? narrowest : any);
}

std::vector<int> run_of(int first, int count) {
  std::vector<int> lanes(static_cast<std::size_t>(count));
  std::iota(lanes.begin(), lanes.end(), first);
  return lanes;
}

}  // namespace

ValueEmitter::ValueEmitter(
    const Kernel& kernel, Isa isa, llvm::Module& module, ScalarLibrary& library, llvm::IRBuilder<>& builder)
    : isa_(isa), width_(choose_width(kernel, isa)), module_(module), library_(library), b_(builder) {}

llvm::Type* ValueEmitter::element(DType dtype) const {
  if (dtype == DType::float32) return b_.getFloatTy();
  if (dtype == DType::float64) return b_.getDoubleTy();
  if (is_complex(dtype)) fail<DTypeError>("function", "kernels over ", keen::name(dtype), " are not compiled");
  return b_.getIntNTy(8 * static_cast<unsigned>(size_of(dtype)));
}

llvm::FixedVectorType* ValueEmitter::vector(DType dtype) const {
  return llvm::FixedVectorType::get(element(dtype), static_cast<unsigned>(width_));
}

llvm::AllocaInst* ValueEmitter::slot(llvm::Type* type, std::uint64_t count) {
  auto& entry = b_.GetInsertBlock()->getParent()->getEntryBlock();
  llvm::IRBuilder<> at(&entry, entry.begin());
  auto* made = at.CreateAlloca(type, count == 1 ? nullptr : at.getInt64(count));
  made->setAlignment(llvm::Align(64));
  return made;
}

llvm::Value* ValueEmitter::splat(llvm::Value* element) {
  return b_.CreateVectorSplat(static_cast<unsigned>(width_), element);
}

llvm::Value* ValueEmitter::constant(DType dtype, std::int64_t bits) {
  auto* type = element(dtype);
  const llvm::APInt value(type->getScalarSizeInBits(), static_cast<std::uint64_t>(bits));
  llvm::Constant* one = type->isIntegerTy()
                            ? static_cast<llvm::Constant*>(llvm::ConstantInt::get(type, value))
                            : llvm::ConstantFP::get(type, llvm::APFloat(type->getFltSemantics(), value));
  return llvm::ConstantVector::getSplat(llvm::ElementCount::getFixed(static_cast<unsigned>(width_)), one);
}

// The functions of the bitcode take registers through memory, so that one calling convention serves every type and
// instruction set; inlining and SROA leave nothing of it.
llvm::Value* ValueEmitter::call_in_memory(
    const std::string& name, llvm::ArrayRef<llvm::Value*> operands, llvm::Type* result) {
  std::vector<llvm::Type*> parameters(operands.size() + 1, b_.getPtrTy());
  auto callee = module_.getOrInsertFunction(name, llvm::FunctionType::get(b_.getVoidTy(), parameters, false));
  std::vector<llvm::Value*> arguments{slot(result)};
  for (llvm::Value* operand : operands) {
    arguments.push_back(slot(operand->getType()));
    b_.CreateStore(operand, arguments.back());
  }
  b_.CreateCall(callee, arguments);
  return b_.CreateLoad(result, arguments[0]);
}

llvm::Value* ValueEmitter::call(const std::string& name, int step, DType to, llvm::Value* a, llvm::Value* b) {
  auto* result_type = llvm::FixedVectorType::get(element(to), static_cast<unsigned>(step));
  std::vector<llvm::Value*> parts;
  for (int first = 0; first < width_; first += step) {
    std::vector<llvm::Value*> operands;
    for (llvm::Value* whole : {a, b})
      if (whole) operands.push_back(step == width_ ? whole : b_.CreateShuffleVector(whole, run_of(first, step)));
    llvm::Value* part = library_.inlined(name, operands, result_type, b_);
    parts.push_back(part ? part : call_in_memory(name, operands, result_type));
  }
  while (parts.size() > 1) {  // joins neighbours until one vector is left
    const int size = static_cast<int>(llvm::cast<llvm::FixedVectorType>(parts[0]->getType())->getNumElements());
    for (std::size_t i = 0; i < parts.size() / 2; ++i)
      parts[i] = b_.CreateShuffleVector(parts[2 * i], parts[2 * i + 1], run_of(0, 2 * size));
    parts.resize(parts.size() / 2);
  }
  return parts[0];
}

llvm::Value* ValueEmitter::apply(scalar::Function function, DType dtype, llvm::Value* a, llvm::Value* b) {
  const auto form = kind(function);
  const bool truth = form == scalar::Kind::predicate || form == scalar::Kind::comparison;
  return call(text("keen_", name(function), '_', keen::name(dtype)), lanes(dtype), truth ? DType::bool_ : dtype, a, b);
}

llvm::Value* ValueEmitter::cast(llvm::Value* a, DType from, DType to) {
  return call(
      text("keen_cast_", keen::name(from), '_', keen::name(to)), std::min(lanes(from), lanes(to)), to, a, nullptr);
}

llvm::Value* ValueEmitter::join_lanes(scalar::Function function, DType dtype, llvm::Value* all, int lanes) {
  for (int half = (lanes ? lanes : width_) / 2; half >= 1; half /= 2) {
    std::vector<int> turned = run_of(0, width_);
    for (int& lane : turned) lane = (lane + half) % width_;
    all = apply(function, dtype, all, b_.CreateShuffleVector(all, turned));
  }
  return b_.CreateShuffleVector(all, std::vector<int>(static_cast<std::size_t>(width_), 0));
}

llvm::Value* ValueEmitter::select(llvm::Value* condition, llvm::Value* a, llvm::Value* b) {
  auto* truth = llvm::FixedVectorType::get(b_.getInt1Ty(), static_cast<unsigned>(width_));
  return b_.CreateSelect(b_.CreateTrunc(condition, truth), a, b);
}

}  // namespace keen::detail::fusion
