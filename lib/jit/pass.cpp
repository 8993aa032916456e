// One pass over a row: segments of it, and the loop over the registers of a segment.
#include <algorithm>

#include "jit/row_code.h"

namespace keen::detail::fusion {
namespace {

using llvm::BasicBlock;
using llvm::Value;
using Role = RowOperand::Role;

// What waits for the result before it, such as a running sum, waits for several cycles. In a pass of no more than this
// cost that would set the pace, so that several chains run side by side.
constexpr int largest_unrolled_cost = 12, chains = 4;

/// A row is read in segments, so that one loop body serves everything: whole registers straight from memory, the last few
/// elements and strided inputs from scratch on the stack. Before them, a light pass walks what it can with several chains.
class PassEmitter {
 public:
  PassEmitter(RowCode& code, int pass)
      : c_(code), b_(code.b), pass_(pass), needed_(needed_in(code.kernel, code.facts, pass)) {
    for (int i = 0; i < static_cast<int>(needed_.size()); ++i) {
      if (!needed_[at(i)]) continue;
      if (!is_recalled(code.facts, i, pass)) cost_ += cost(code.kernel, code.kernel[i]);
      if (code.kernel[i].kind == NodeKind::reduce) reductions_.push_back(i);
    }
    for (auto& operand : c_.operands) add(operand);
  }

  void run() {
    if (std::find(needed_.begin(), needed_.end(), true) == needed_.end()) return;
    Values totals;
    for (int node : reductions_) totals.push_back(identity(node));
    Value* position = c_.i64(0);
    if (!reductions_.empty() && cost_ <= largest_unrolled_cost) emit_segments(chains, position, totals);
    emit_segments(1, position, totals);
    for (std::size_t i = 0; i < reductions_.size(); ++i) {
      const Node& node = c_.kernel[reductions_[i]];
      c_.value(reductions_[i]) = c_.emit.join_lanes(node.function, node.dtype, totals[i]);
    }
  }

 private:
  using Values = std::vector<Value*>;
  using Operands = std::vector<RowOperand*>;
  // A stretch of the row. `whole` says that it consists of whole registers; null where that is sure.
  struct Segment {
    Value *position, *count, *padded, *left, *whole;
  };
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }

  void add(RowOperand& operand) {
    if (!operand.per_element || !needed_[at(operand.node)]) return;
    const bool recalled = is_recalled(c_.facts, operand.node, pass_);
    if (operand.role == Role::input) inputs_.push_back(&operand);
    else if (operand.role == Role::kept && recalled) recalled_.push_back(&operand);
    else if (operand.role == Role::kept) kept_.push_back(&operand);
    else if (c_.pass_of(operand.node) == pass_) outputs_.push_back(&operand);
    has_strided_ = has_strided_ || (operand.role == Role::input && operand.strided);
  }

  Value* identity(int reduction) {
    const Node& node = c_.kernel[reduction];
    return c_.emit.constant(node.dtype, identity_bits(node.function, node.dtype));
  }
  Value* join(int reduction, Value* a, Value* b) {
    const Node& node = c_.kernel[reduction];
    return c_.emit.apply(node.function, node.dtype, a, b);
  }

  /// Walks the row from `position` on, with several chains as far as those reach; leaves where it ended, and the totals.
  void emit_segments(int unroll, Value*& position, Values& totals) {
    auto* before = b_.GetInsertBlock();
    auto *head = c_.block("segments"), *inside = c_.block("segment"), *done = c_.block("done");
    b_.CreateBr(head);
    b_.SetInsertPoint(head);
    auto* here = b_.CreatePHI(b_.getInt64Ty(), 2, "position");
    here->addIncoming(position, before);
    std::vector<llvm::PHINode*> sums;
    for (std::size_t i = 0; i < reductions_.size(); ++i) {
      sums.push_back(b_.CreatePHI(totals[i]->getType(), 2));
      sums.back()->addIncoming(totals[i], before);
    }
    Value* left = b_.CreateSub(c_.n, here);
    const std::int64_t least = unroll == 1 ? 1 : unroll * width();
    b_.CreateCondBr(b_.CreateICmpSGE(left, c_.i64(least)), inside, done);

    b_.SetInsertPoint(inside);
    const Segment segment = cut(unroll, here, left);
    stage(segment);
    const Values parts = emit_body(unroll, segment);
    write_back(segment);
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i]->addIncoming(join(reductions_[i], sums[i], parts[i]), b_.GetInsertBlock());
    here->addIncoming(b_.CreateAdd(here, segment.count), b_.GetInsertBlock());
    b_.CreateBr(head);
    b_.SetInsertPoint(done);
    position = here;
    totals.assign(sums.begin(), sums.end());
  }

  Segment cut(int unroll, Value* position, Value* left) {
    Value* vectors = b_.CreateAnd(left, c_.i64(-unroll * width()));
    if (has_strided_ || !reductions_.empty())
      vectors = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, vectors, c_.i64(width() * vectors_in_segment));
    if (unroll > 1) return {position, vectors, vectors, left, nullptr};
    Value* whole = b_.CreateICmpSGE(left, c_.i64(width()));
    return {
        position, b_.CreateSelect(whole, vectors, left), b_.CreateSelect(whole, vectors, c_.i64(width())), left, whole};
  }

  // --- elements that the body does not read or write in place

  void stage(const Segment& segment) {
    Operands strided, contiguous;
    for (auto* operand : inputs_) (operand->strided ? strided : contiguous).push_back(operand);
    if (!strided.empty()) copy_one_by_one(strided, segment, true);
    if (!contiguous.empty()) in_tail(segment, [&] { copy(contiguous, segment, true); });
    for (auto* operand : strided) operand->segment = operand->scratch;
    for (auto* operand : contiguous) set_segment(operand, segment);
    for (auto* operand : outputs_) set_segment(operand, segment);
    for (const auto* list : {&recalled_, &kept_})
      for (auto* operand : *list) operand->segment = place(operand, segment.position);
  }
  void write_back(const Segment& segment) {
    if (!outputs_.empty()) in_tail(segment, [&] { copy(outputs_, segment, false); });
  }
  Value* place(RowOperand* operand, Value* index) {
    return c_.step(operand->row, b_.CreateMul(index, c_.i64(operand->size)));
  }
  void set_segment(RowOperand* operand, const Segment& segment) {
    operand->segment = place(operand, segment.position);
    if (segment.whole) operand->segment = b_.CreateSelect(segment.whole, operand->segment, operand->scratch);
  }

  /// Runs `body` where the segment is less than a register.
  template <class Body>
  void in_tail(const Segment& segment, Body&& body) {
    if (!segment.whole) return;
    auto *tail = c_.block("tail"), *go_on = c_.block("go_on");
    b_.CreateCondBr(segment.whole, go_on, tail);
    b_.SetInsertPoint(tail);
    body();
    b_.CreateBr(go_on);
    b_.SetInsertPoint(go_on);
  }

  void copy(const Operands& operands, const Segment& segment, bool to_scratch) {
    Operands masked, others;
    for (auto* operand : operands) (c_.has_masks(operand->size) ? masked : others).push_back(operand);
    if (!masked.empty()) copy_masked(masked, segment, to_scratch);
    if (!others.empty()) copy_one_by_one(others, segment, to_scratch);
  }
  void copy_masked(const Operands& operands, const Segment& segment, bool to_scratch) {
    Value* mask = c_.first_lanes(segment.left);
    for (auto* operand : operands) {
      auto* type = c_.emit.vector(c_.kernel[operand->node].dtype);
      Value* outside = place(operand, segment.position);
      const llvm::Align align(static_cast<std::uint64_t>(operand->size));
      if (to_scratch) {
        Value* zeros = llvm::Constant::getNullValue(type);
        b_.CreateStore(b_.CreateMaskedLoad(type, outside, align, mask, zeros), operand->scratch);
      } else {
        b_.CreateMaskedStore(b_.CreateLoad(type, operand->scratch), outside, align, mask);
      }
    }
  }
  void copy_one_by_one(const Operands& operands, const Segment& segment, bool to_scratch) {
    loop(segment.count, 1, [&](Value* i, BasicBlock*) {
      for (auto* operand : operands) {
        Value* stride = operand->strided ? operand->stride : c_.i64(operand->size);
        Value* outside = c_.step(operand->row, b_.CreateMul(b_.CreateAdd(segment.position, i), stride));
        Value* inside = c_.step(operand->scratch, b_.CreateMul(i, c_.i64(operand->size)));
        auto* type = b_.getIntNTy(8 * static_cast<unsigned>(operand->size));
        b_.CreateStore(b_.CreateLoad(type, to_scratch ? outside : inside), to_scratch ? inside : outside);
      }
    });
  }
  /// Lanes that hold elements: all of a whole register, the first `left` of the last.
  Value* lane_mask(const Segment& segment) {
    return c_.first_lanes(b_.CreateSelect(segment.whole, c_.i64(width()), segment.left));
  }

  // --- the loop over registers

  /// for (i = 0; i < count; i += by) body(i)
  template <class Body>
  void loop(Value* count, std::int64_t by, Body&& body) {
    auto* before = b_.GetInsertBlock();
    auto *inside = c_.block("loop"), *after = c_.block("after");
    b_.CreateBr(inside);
    b_.SetInsertPoint(inside);
    auto* i = b_.CreatePHI(b_.getInt64Ty(), 2);
    i->addIncoming(c_.i64(0), before);
    body(i, before);
    Value* next = b_.CreateAdd(i, c_.i64(by));
    i->addIncoming(next, b_.GetInsertBlock());
    b_.CreateCondBr(b_.CreateICmpSLT(next, count), inside, after);
    b_.SetInsertPoint(after);
  }

  /// What the reductions gather in a segment; chains are joined in pairs.
  Values emit_body(int unroll, const Segment& segment) {
    Value* mask = segment.whole && !reductions_.empty() ? lane_mask(segment) : nullptr;
    std::vector<Values> parts(reductions_.size());  // of each reduction, one a chain
    loop(segment.padded, unroll * width(), [&](Value* i, BasicBlock* before) {
      std::vector<llvm::PHINode*> sums;
      for (int node : reductions_)
        for (int chain = 0; chain < unroll; ++chain) {
          sums.push_back(b_.CreatePHI(c_.emit.vector(c_.kernel[node].dtype), 2));
          sums.back()->addIncoming(identity(node), before);
        }
      for (int chain = 0; chain < unroll; ++chain) {
        emit_register(b_.CreateAdd(i, c_.i64(chain * width())));
        for (std::size_t k = 0; k < reductions_.size(); ++k) {
          Value* element = c_.value(c_.kernel[reductions_[k]].operands[0]);
          if (mask) element = b_.CreateSelect(mask, element, identity(reductions_[k]));
          parts[k].push_back(join(reductions_[k], sums[k * at(unroll) + at(chain)], element));
        }
      }
      for (std::size_t s = 0; s < sums.size(); ++s)
        sums[s]->addIncoming(parts[s / at(unroll)][s % at(unroll)], b_.GetInsertBlock());
    });
    Values out;
    for (std::size_t k = 0; k < parts.size(); ++k) {
      for (std::size_t count = parts[k].size(); count > 1; count /= 2)
        for (std::size_t i = 0; i < count / 2; ++i)
          parts[k][i] = join(reductions_[k], parts[k][i], parts[k][i + count / 2]);
      out.push_back(parts[k][0]);
    }
    return out;
  }

  void emit_register(Value* index) {
    const auto type = [&](RowOperand* operand) { return c_.emit.vector(c_.kernel[operand->node].dtype); };
    const auto address = [&](RowOperand* o) { return c_.step(o->segment, b_.CreateMul(index, c_.i64(o->size))); };
    const auto align = [](RowOperand* operand) { return llvm::Align(static_cast<std::uint64_t>(operand->size)); };
    for (const auto* list : {&inputs_, &recalled_})
      for (auto* operand : *list)
        c_.value(operand->node) = b_.CreateAlignedLoad(type(operand), address(operand), align(operand));
    for (int i = 0; i < static_cast<int>(needed_.size()); ++i) {
      const auto kind = c_.kernel[i].kind;
      const bool computed = kind != NodeKind::input && kind != NodeKind::reduce && !is_recalled(c_.facts, i, pass_);
      if (needed_[at(i)] && computed) c_.value(i) = c_.compute(c_.kernel[i]);
    }
    for (const auto* list : {&outputs_, &kept_})
      for (auto* operand : *list) b_.CreateAlignedStore(c_.value(operand->node), address(operand), align(operand));
  }

  int width() const { return c_.emit.width(); }

  RowCode& c_;
  llvm::IRBuilder<>& b_;
  const int pass_;
  const std::vector<bool> needed_;
  std::vector<int> reductions_;
  Operands inputs_, outputs_, recalled_, kept_;
  bool has_strided_ = false;
  int cost_ = 0;
};

}  // namespace

void emit_pass(RowCode& code, int pass) { PassEmitter(code, pass).run(); }

}  // namespace keen::detail::fusion
