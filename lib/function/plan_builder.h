// Makes a plan: which nodes run together, in which order, and where their values lie.
#pragma once
#include "function/arena.h"
#include "function/lower.h"
#include "function/plan.h"

namespace keen::detail {

class PlanBuilder {
 public:
  PlanBuilder(Plan& plan, std::span<const Shape> argument_strides, bool fuse);
  void run();

 private:
  // A step before its addresses are known.
  struct Draft {
    int node = -1, group = -1;                          // either
    std::vector<int> reads = {}, makes = {};            // roots
    std::vector<std::pair<int, int>> may_replace = {};  // a made root, and a read one whose bytes it may take over
  };
  // A group whose kernel is compiled.
  struct Compiled {
    LoweredGroup lowered;
    std::shared_ptr<const KernelStep::Code> code;
  };
  enum class Home : unsigned char { none, argument, constant, variable, fresh, temporary };
  struct Root {
    Home home = Home::none;
    int slot = -1;
    int last_use = -1;  // a draft; the number of drafts for what results need
    std::int64_t offset = 0;
  };

  void check_devices() const;
  void compile_groups();
  bool compile(std::size_t group, const std::vector<bool>& stored);
  std::vector<bool> needed_in_memory() const;
  void add_drafts();
  void draft_group(int group);
  void draft_node(int node);
  void note_replacements(Draft& draft) const;
  void find_homes();
  void place_temporaries();
  void make_steps();
  void find_writes();
  void join_updates();
  void make_kernel_step(const Draft& draft);
  void make_op_step(const Draft& draft);
  void make_results();

  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  const Value& value(int v) const { return graph_.values[at(v)]; }
  int root(int v) const { return layouts_[at(v)].root; }
  std::int64_t bytes(int v) const {
    return value(v).shape.num_elements() * static_cast<std::int64_t>(size_of(value(v).dtype));
  }
  Address address(int v) const;
  bool moves(int v) const {
    return roots_[at(root(v))].home != Home::temporary && roots_[at(root(v))].home != Home::constant;
  }

  Plan& plan_;
  const Graph& graph_;
  std::vector<Layout> layouts_;
  std::vector<int> maker_;
  Fusion fusion_;
  std::vector<Compiled> compiled_;
  std::vector<bool> in_memory_;  // a root
  std::vector<Draft> drafts_;
  std::vector<Root> roots_;  // a value
};

}  // namespace keen::detail
