// The loop nest around the values: rows, passes over a row, segments of it.
#include "jit/codegen.h"

#include "jit/values.h"

namespace keen::detail::fusion {
namespace {

using llvm::BasicBlock;
using llvm::Value;

// A row is read in segments, so that one loop body serves everything: whole vectors straight from memory, the last few
// elements and strided inputs from scratch on the stack. Reductions start anew in each segment and segments are joined
// as they come: blocked sums are more accurate than one long chain.
constexpr int vectors_in_segment = 64;

class Generator {
 public:
  Generator(const Kernel& kernel, Isa isa, llvm::Module& module)
      : kernel_(kernel),
        facts_(analyse(kernel)),
        context_(module.getContext()),
        b_(context_),
        emit_(kernel, isa, module, b_),
        values_(kernel.nodes().size()) {
    auto* type = llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy(), b_.getInt64Ty(), b_.getInt64Ty()}, false);
    function_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, code_symbol, module);
    n_ = function_->getArg(2);
  }

  void run() {
    auto* entry = block("entry");
    auto *head = block("rows"), *row = block("row"), *end = block("end");
    b_.SetInsertPoint(entry);
    load_operands();
    b_.CreateBr(head);
    b_.SetInsertPoint(head);
    row_ = b_.CreatePHI(b_.getInt64Ty(), 2, "row");
    row_->addIncoming(i64(0), entry);
    b_.CreateCondBr(b_.CreateICmpSLT(row_, function_->getArg(1)), row, end);
    b_.SetInsertPoint(row);
    for (auto& operand : operands_) operand.row = step(operand.data, b_.CreateMul(row_, operand.row_stride));
    for (int pass = 0; pass < facts_.passes; ++pass) {
      emit_row_values(pass);
      emit_pass(pass);
    }
    store_row_values();
    row_->addIncoming(b_.CreateAdd(row_, i64(1)), b_.GetInsertBlock());
    b_.CreateBr(head);
    b_.SetInsertPoint(end);
    b_.CreateRetVoid();
  }

 private:
  struct Operand {
    int node;
    bool is_input, per_element, strided;
    std::int64_t size;
    Value *data, *row_stride, *stride;
    Value* row = nullptr;
    Value* scratch = nullptr;
    Value* segment = nullptr;  // where this segment's elements are
  };

  BasicBlock* block(const char* name) { return BasicBlock::Create(context_, name, function_); }
  Value* i64(std::int64_t value) { return b_.getInt64(static_cast<std::uint64_t>(value)); }
  Value* step(Value* pointer, Value* bytes) { return b_.CreateGEP(b_.getInt8Ty(), pointer, bytes); }
  bool per_element(int node) const { return facts_.per_element[static_cast<std::size_t>(node)]; }
  int pass_of(int node) const { return facts_.pass[static_cast<std::size_t>(node)]; }
  Value*& value(int node) { return values_[static_cast<std::size_t>(node)]; }

  void load_operands() {
    auto* type = llvm::StructType::get(b_.getPtrTy(), b_.getInt64Ty(), b_.getInt64Ty());
    const auto add = [&](int node, bool is_input) {
      const auto at = static_cast<unsigned>(operands_.size());
      const auto field = [&](llvm::Type* t, unsigned f) -> Value* {
        return b_.CreateLoad(t, b_.CreateGEP(type, function_->getArg(0), {b_.getInt32(at), b_.getInt32(f)}));
      };
      const DType dtype = kernel_[node].dtype;
      operands_.push_back(
          {.node = node,
           .is_input = is_input,
           .per_element = per_element(node),
           .strided = is_input && kernel_[node].access == Access::strided,
           .size = static_cast<std::int64_t>(size_of(dtype)),
           .data = field(b_.getPtrTy(), 0),
           .row_stride = field(b_.getInt64Ty(), 1),
           .stride = field(b_.getInt64Ty(), 2)});
      auto& operand = operands_.back();
      if (!operand.per_element) return;
      const int vectors = operand.strided ? vectors_in_segment : 1;
      operand.scratch = emit_.slot(emit_.vector(dtype), static_cast<std::uint64_t>(vectors));
      b_.CreateStore(llvm::Constant::getNullValue(emit_.vector(dtype)), operand.scratch);
    };
    for (int node : kernel_.inputs()) add(node, true);
    for (int node : kernel_.stores()) add(node, false);
  }

  Value* operand_value(const Node& node, int k) { return node.operands[k] < 0 ? nullptr : value(node.operands[k]); }

  Value* compute(const Node& node) {
    switch (node.kind) {
      case NodeKind::function:
        return emit_.apply(
            node.function, kernel_[node.operands[0]].dtype, operand_value(node, 0), operand_value(node, 1));
      case NodeKind::cast:
        return emit_.cast(operand_value(node, 0), kernel_[node.operands[0]].dtype, node.dtype);
      case NodeKind::select:
        return emit_.select(operand_value(node, 0), operand_value(node, 1), operand_value(node, 2));
      default:
        return emit_.constant(node.dtype, node.bits);
    }
  }

  /// Values that a whole row shares and that are first known in this pass: computed once, in every lane.
  void emit_row_values(int pass) {
    for (auto& operand : operands_)
      if (pass == 0 && operand.is_input && !operand.per_element)
        value(operand.node) = emit_.splat(b_.CreateLoad(emit_.element(kernel_[operand.node].dtype), operand.row));
    for (int i = 0; i < static_cast<int>(values_.size()); ++i) {
      const Node& node = kernel_[i];
      const bool computed = node.kind != NodeKind::input && node.kind != NodeKind::reduce;
      if (computed && !per_element(i) && pass_of(i) == pass) value(i) = compute(node);
    }
  }

  bool takes_part(const Operand& operand, int pass, const std::vector<bool>& needed) const {
    return operand.per_element && needed[static_cast<std::size_t>(operand.node)] &&
           (operand.is_input || pass_of(operand.node) == pass);
  }

  void emit_pass(int pass) {
    const auto needed = needed_in(kernel_, facts_, pass);
    std::vector<int> reductions;
    for (int i = 0; i < static_cast<int>(values_.size()); ++i)
      if (needed[static_cast<std::size_t>(i)] && kernel_[i].kind == NodeKind::reduce) reductions.push_back(i);
    if (reductions.empty() && std::find(needed.begin(), needed.end(), true) == needed.end()) return;
    std::vector<Operand*> inputs, outputs;
    bool strided = false;
    for (auto& operand : operands_)
      if (takes_part(operand, pass, needed)) {
        (operand.is_input ? inputs : outputs).push_back(&operand);
        strided = strided || operand.strided;
      }

    const std::int64_t width = emit_.width();
    auto* before = b_.GetInsertBlock();
    auto *head = block("segments"), *segment = block("segment"), *done = block("done");
    b_.CreateBr(head);
    b_.SetInsertPoint(head);
    auto* position = b_.CreatePHI(b_.getInt64Ty(), 2, "position");
    position->addIncoming(i64(0), before);
    std::vector<llvm::PHINode*> totals;
    for (int node : reductions) {
      totals.push_back(b_.CreatePHI(emit_.vector(kernel_[node].dtype), 2));
      totals.back()->addIncoming(identity(node), before);
    }
    Value* left = b_.CreateSub(n_, position);
    b_.CreateCondBr(b_.CreateICmpSGT(left, i64(0)), segment, done);

    b_.SetInsertPoint(segment);
    Value* whole = b_.CreateICmpSGE(left, i64(width));
    Value* vectors = b_.CreateAnd(left, i64(-width));
    if (strided || !reductions.empty())
      vectors = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, vectors, i64(width * vectors_in_segment));
    Value* count = b_.CreateSelect(whole, vectors, left);
    Value* padded = b_.CreateSelect(whole, vectors, i64(width));
    stage(inputs, position, count, whole);
    for (auto* operand : outputs) {
      Value* place = step(operand->row, b_.CreateMul(position, i64(operand->size)));
      operand->segment = b_.CreateSelect(whole, place, operand->scratch);
    }
    Value* mask = reductions.empty() ? nullptr : lane_mask(whole, left);
    const auto parts = emit_body(padded, inputs, outputs, reductions, needed, mask);
    write_back(outputs, position, count, whole);
    for (std::size_t i = 0; i < reductions.size(); ++i) {
      const Node& node = kernel_[reductions[i]];
      totals[i]->addIncoming(emit_.apply(node.function, node.dtype, totals[i], parts[i]), b_.GetInsertBlock());
    }
    position->addIncoming(b_.CreateAdd(position, count), b_.GetInsertBlock());
    b_.CreateBr(head);

    b_.SetInsertPoint(done);
    for (std::size_t i = 0; i < reductions.size(); ++i) {
      const Node& node = kernel_[reductions[i]];
      value(reductions[i]) = emit_.join_lanes(node.function, node.dtype, totals[i]);
    }
  }

  Value* identity(int reduction) {
    const Node& node = kernel_[reduction];
    return emit_.constant(node.dtype, identity_bits(node.function, node.dtype));
  }

  /// Lanes that hold elements: all of a whole vector, the first `left` of the last.
  Value* lane_mask(Value* whole, Value* left) {
    std::vector<std::uint32_t> lanes;
    for (int i = 0; i < emit_.width(); ++i) lanes.push_back(static_cast<std::uint32_t>(i));
    Value* all = i64(emit_.width());
    Value* limit = b_.CreateTrunc(b_.CreateSelect(whole, all, left), b_.getInt32Ty());
    return b_.CreateICmpULT(llvm::ConstantDataVector::get(context_, lanes), emit_.splat(limit));
  }

  /// for (i = 0; i < count; ++i) body(i)
  template <class Body>
  void loop(Value* count, std::int64_t by, Body&& body) {
    auto* before = b_.GetInsertBlock();
    auto *inside = block("loop"), *after = block("after");
    b_.CreateBr(inside);
    b_.SetInsertPoint(inside);
    auto* i = b_.CreatePHI(b_.getInt64Ty(), 2);
    i->addIncoming(i64(0), before);
    body(i, before);
    Value* next = b_.CreateAdd(i, i64(by));
    i->addIncoming(next, b_.GetInsertBlock());
    b_.CreateCondBr(b_.CreateICmpSLT(next, count), inside, after);
    b_.SetInsertPoint(after);
  }

  void copy_elements(const std::vector<Operand*>& operands, Value* position, Value* count, bool to_scratch) {
    loop(count, 1, [&](Value* i, BasicBlock*) {
      for (auto* operand : operands) {
        Value* stride = operand->strided ? operand->stride : i64(operand->size);
        Value* outside = step(operand->row, b_.CreateMul(b_.CreateAdd(position, i), stride));
        Value* inside = step(operand->scratch, b_.CreateMul(i, i64(operand->size)));
        auto* type = b_.getIntNTy(8 * static_cast<unsigned>(operand->size));
        b_.CreateStore(b_.CreateLoad(type, to_scratch ? outside : inside), to_scratch ? inside : outside);
      }
    });
  }

  /// Runs `body` unless the segment is whole.
  template <class Body>
  void in_tail(Value* whole, Body&& body) {
    auto *tail = block("tail"), *go_on = block("go_on");
    b_.CreateCondBr(whole, go_on, tail);
    b_.SetInsertPoint(tail);
    body();
    b_.CreateBr(go_on);
    b_.SetInsertPoint(go_on);
  }

  void stage(const std::vector<Operand*>& inputs, Value* position, Value* count, Value* whole) {
    std::vector<Operand*> strided, contiguous;
    for (auto* operand : inputs) (operand->strided ? strided : contiguous).push_back(operand);
    if (!strided.empty()) copy_elements(strided, position, count, true);
    if (!contiguous.empty()) in_tail(whole, [&] { copy_elements(contiguous, position, count, true); });
    for (auto* operand : strided) operand->segment = operand->scratch;
    for (auto* operand : contiguous) {
      Value* place = step(operand->row, b_.CreateMul(position, i64(operand->size)));
      operand->segment = b_.CreateSelect(whole, place, operand->scratch);
    }
  }

  void write_back(const std::vector<Operand*>& outputs, Value* position, Value* count, Value* whole) {
    if (!outputs.empty()) in_tail(whole, [&] { copy_elements(outputs, position, count, false); });
  }

  std::vector<Value*> emit_body(
      Value* padded, const std::vector<Operand*>& inputs, const std::vector<Operand*>& outputs,
      const std::vector<int>& reductions, const std::vector<bool>& needed, Value* mask) {
    std::vector<Value*> parts;
    loop(padded, emit_.width(), [&](Value* i, BasicBlock* before) {
      std::vector<llvm::PHINode*> sums;
      for (int node : reductions) {
        sums.push_back(b_.CreatePHI(emit_.vector(kernel_[node].dtype), 2));
        sums.back()->addIncoming(identity(node), before);
      }
      const auto place = [&](Operand* operand) { return step(operand->segment, b_.CreateMul(i, i64(operand->size))); };
      const auto align = [](Operand* operand) { return llvm::Align(static_cast<std::uint64_t>(operand->size)); };
      for (auto* operand : inputs)
        value(operand->node) =
            b_.CreateAlignedLoad(emit_.vector(kernel_[operand->node].dtype), place(operand), align(operand));
      for (int node = 0; node < static_cast<int>(values_.size()); ++node) {
        const auto kind = kernel_[node].kind;
        if (needed[static_cast<std::size_t>(node)] && kind != NodeKind::input && kind != NodeKind::reduce)
          value(node) = compute(kernel_[node]);
      }
      for (auto* operand : outputs) b_.CreateAlignedStore(value(operand->node), place(operand), align(operand));
      for (std::size_t k = 0; k < reductions.size(); ++k) {
        const Node& node = kernel_[reductions[k]];
        Value* element = b_.CreateSelect(mask, operand_value(node, 0), identity(reductions[k]));
        parts.push_back(emit_.apply(node.function, node.dtype, sums[k], element));
        sums[k]->addIncoming(parts.back(), b_.GetInsertBlock());
      }
    });
    return parts;
  }

  void store_row_values() {
    for (auto& operand : operands_)
      if (!operand.is_input && !operand.per_element)
        b_.CreateStore(b_.CreateExtractElement(value(operand.node), std::uint64_t{0}), operand.row);
  }

  const Kernel& kernel_;
  Analysis facts_;
  llvm::LLVMContext& context_;
  llvm::IRBuilder<> b_;
  ValueEmitter emit_;
  llvm::Function* function_;
  Value* n_;
  llvm::PHINode* row_ = nullptr;
  std::vector<Operand> operands_;
  std::vector<Value*> values_;
};

}  // namespace

void generate(const Kernel& kernel, Isa isa, llvm::Module& module) { Generator(kernel, isa, module).run(); }

}  // namespace keen::detail::fusion
