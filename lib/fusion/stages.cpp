#include "fusion/stages.h"

#include <algorithm>

namespace keen::detail::fusion {
namespace {

/// Stored elements need no second place to be kept in.
Kernel keeping(const Kernel& kernel) {
  Kernel out = kernel;
  const Analysis facts = analyse(kernel);
  for (int node : kernel.stores()) {
    const bool is_kept = std::find(out.kept().begin(), out.kept().end(), node) != out.kept().end();
    if (facts.per_element[static_cast<std::size_t>(node)] && kernel[node].kind != NodeKind::input && !is_kept)
      out.keep(node);
  }
  return with_kept_values(out);
}

class Cutter {
 public:
  explicit Cutter(const Kernel& kernel)
      : kernel_(keeping(kernel)),
        facts_(analyse(kernel_)),
        wanted_(kernel_.nodes().size()),
        home_(kernel_.nodes().size(), -1),
        operands_(static_cast<int>(kernel_.inputs().size() + kernel_.stores().size())) {}

  Stages run() {
    find_homes();
    find_wanted();
    for (int pass = 0; pass < facts_.passes; ++pass) {
      sweep(pass);
      follow(pass);
    }
    return std::move(out_);
  }

 private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  int nodes() const { return static_cast<int>(kernel_.nodes().size()); }
  bool per_element(int node) const { return facts_.per_element[at(node)]; }
  bool is_given(int node) const {
    return kernel_[node].kind == NodeKind::input || kernel_[node].kind == NodeKind::constant;
  }
  bool reduces(int node) const { return kernel_[node].kind == NodeKind::reduce; }
  /// The pass behind which a value of what is kept is there.
  int known_behind(int node) const {
    const int pass = facts_.pass[at(node)];
    return reduces(node) ? pass : std::max(pass, 1) - 1;
  }
  int store_operand(std::size_t store) const { return static_cast<int>(kernel_.inputs().size() + store); }

  /// What is stored is read there by later stages; anything else in a temporary.
  void find_homes() {
    for (std::size_t i = 0; i < kernel_.stores().size(); ++i)
      if (int& home = home_[at(kernel_.stores()[i])]; home < 0 && !is_given(kernel_.stores()[i]))
        home = store_operand(i);
  }
  int home(int node) {
    int& home = home_[at(node)];
    if (home < 0) {
      home = operands_ + static_cast<int>(out_.temporaries.size());
      out_.temporaries.push_back({kernel_[node].dtype, per_element(node), per_element(node) ? host(node) : -1});
    }
    return home;
  }
  int host(int node) const {
    for (std::size_t i = 0; i < kernel_.stores().size(); ++i) {
      const int stored = kernel_.stores()[i], operand = store_operand(i);
      const bool is_last = per_element(stored) && facts_.pass[at(stored)] + 1 == facts_.passes;
      const bool is_free = std::none_of(out_.temporaries.begin(), out_.temporaries.end(), [&](const auto& temporary) {
        return temporary.host == operand;
      });
      if (is_last && is_free && size_of(kernel_[stored].dtype) == size_of(kernel_[node].dtype)) return operand;
    }
    return -1;
  }

  /// Values of what is kept that a stage leaves for later ones: those that sweeps read, those stored, and what these
  /// need of stages before theirs.
  void find_wanted() {
    for (int store : kernel_.stores()) wanted_[at(store)] = !per_element(store);
    for (int pass = 0; pass < facts_.passes; ++pass) {
      const auto needed = needed_in(kernel_, facts_, pass);
      for (int i = 0; i < nodes(); ++i) {
        if (!needed[at(i)] || is_recalled(facts_, i, pass)) continue;
        for (int operand : kernel_[i].operands)
          if (operand >= 0 && !per_element(operand) && facts_.pass[at(operand)] > 0) wanted_[at(operand)] = true;
      }
    }
    std::vector<bool> computed = wanted_;
    for (int i = nodes(); i-- > 0;) {
      if (!computed[at(i)] || reduces(i)) continue;
      for (int operand : kernel_[i].operands) {
        if (operand < 0) continue;
        computed[at(operand)] = true;
        if (known_behind(operand) != known_behind(i) && facts_.pass[at(operand)] > 0) wanted_[at(operand)] = true;
      }
    }
  }

  // --- one stage; `number` says which node of it a node of the whole is

  struct Draft {
    Stage stage;
    std::vector<int> number;
    std::vector<int> stores;  // operands
    int level = 0;            // values of what is kept that wait for so many reductions are computed here
  };
  Draft begin(bool sweeps, int level) const {
    Draft draft;
    draft.stage.sweeps = sweeps;
    draft.number.assign(at(nodes()), -1);
    draft.level = level;
    return draft;
  }
  int read(Draft& draft, int node, int operand) {
    draft.stage.operands.push_back(operand);
    return draft.number[at(node)] = draft.stage.kernel.input(kernel_[node].dtype);
  }
  void store(Draft& draft, int node, int operand) {
    draft.stage.kernel.store(draft.number[at(node)]);
    draft.stores.push_back(operand);
  }
  void finish(Draft& draft) {
    if (draft.stores.empty()) return;
    draft.stage.operands.insert(draft.stage.operands.end(), draft.stores.begin(), draft.stores.end());
    out_.stages.push_back(std::move(draft.stage));
  }

  int value(Draft& draft, int node) {
    if (const int number = draft.number[at(node)]; number >= 0) return number;
    if (kernel_[node].kind == NodeKind::input) return read(draft, node, static_cast<int>(kernel_.operand_of(node)));
    const int level = facts_.pass[at(node)];
    const bool is_left = reduces(node) || (level > 0 && level != draft.level);
    if (!per_element(node) && is_left) return read(draft, node, home(node));
    return copy(draft, node);
  }
  int copy(Draft& draft, int node) {
    Node made = kernel_[node];
    for (int& operand : made.operands)
      if (operand >= 0) operand = value(draft, operand);
    return draft.number[at(node)] = draft.stage.kernel.append(made);
  }

  void sweep(int pass) {
    Draft draft = begin(true, 0);
    const auto needed = needed_in(kernel_, facts_, pass);
    for (int i = 0; i < nodes(); ++i) {
      if (!needed[at(i)]) continue;
      if (is_recalled(facts_, i, pass)) read(draft, i, home(i));
      else if (reduces(i)) copy(draft, i);
      else value(draft, i);
    }
    for (std::size_t k = 0; k < kernel_.stores().size(); ++k)
      if (const int node = kernel_.stores()[k]; per_element(node) && facts_.pass[at(node)] == pass)
        store(draft, node, store_operand(k));
    for (int node : kernel_.kept())
      if (facts_.kept_in[at(node)] == pass && is_temporary(home(node))) store(draft, node, home(node));
    for (int i = 0; i < nodes(); ++i)
      if (reduces(i) && facts_.pass[at(i)] == pass) store(draft, i, home(i));
    finish(draft);
  }
  bool is_temporary(int operand) const { return operand >= operands_; }

  /// What is known once a sweep has gathered.
  void follow(int pass) {
    Draft draft = begin(false, pass + 1);
    for (int i = 0; i < nodes(); ++i) {
      if (!wanted_[at(i)] || is_given(i) || reduces(i) || known_behind(i) != pass) continue;
      value(draft, i);
      store(draft, i, home(i));
    }
    for (std::size_t k = 0; k < kernel_.stores().size(); ++k) {
      const int node = kernel_.stores()[k];
      if (per_element(node) || known_behind(node) != pass || home_[at(node)] == store_operand(k)) continue;
      value(draft, node);
      store(draft, node, store_operand(k));
    }
    finish(draft);
  }

  const Kernel kernel_;
  const Analysis facts_;
  std::vector<bool> wanted_;
  std::vector<int> home_;  // of a node: the operand that holds it
  const int operands_;
  Stages out_;
};

}  // namespace

Stages cut_into_stages(const Kernel& kernel) { return Cutter(kernel).run(); }

}  // namespace keen::detail::fusion
