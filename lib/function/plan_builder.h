// Makes a plan: which nodes run together, in which order, and where their values lie.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>

#include "function/arena.h"
#include "function/control_steps.h"
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
    int product = -1;                                   // a node that the group follows part by part
    std::vector<int> reads = {}, makes = {};            // roots
    std::vector<std::pair<int, int>> may_replace = {};  // a made root, and a read one whose bytes it may take over
    int scratch = -1;                                   // slot of memory that it needs while it runs
  };
  // A group whose kernel is compiled.
  struct Compiled {
    LoweredGroup lowered;
    std::shared_ptr<const fusion::AnyLaunch> code;
  };
  // A branch or loop; one that has neither runs of tensors.
  struct Control {
    std::unique_ptr<BranchStep> branch;
    std::unique_ptr<LoopStep> loop;
  };
  // `held`: a tensor that the step brings itself, as that of a variable.
  enum class Home : unsigned char { none, argument, constant, held, fresh, temporary };
  struct Root {
    Home home = Home::none;
    int slot = -1;
    int number = -1;    // among the arguments or the constants
    int last_use = -1;  // a draft; the number of drafts for what results need
    std::int64_t offset = 0;
  };

  void check_devices() const;
  void compile_groups();
  std::shared_ptr<const fusion::AnyLaunch> known_code(const std::string& key);
  bool compile(std::size_t group, const std::vector<bool>& stored);
  std::vector<bool> needed_in_memory() const;
  void add_drafts();
  void draft_group(int group);
  void draft_node(int node);
  void note_replacements(Draft& draft) const;
  void note_same_places(Draft& draft) const;
  int followed_by(std::size_t draft, std::span<const int> maker, std::span<const int> first_reader) const;
  bool follows(int group, int made) const;
  void join_tails();
  void note_uses();
  void find_homes();
  void share_with_results();
  void place_temporaries();
  void make_steps();
  void find_writes();
  void join_updates();
  void make_kernel_step(const Draft& draft);
  void make_op_step(int node);
  std::size_t template_like(const Op& op, const Plan::OpTemplate& made);
  void make_tail_step(const Draft& draft);
  Plan::Source source(int v) const;
  void make_results();

  void prepare_control();
  bool is_held(int node, std::size_t output) const;
  bool takes_tensors(int node) const;
  void note_row(Draft& draft) const;
  int overwritten(int result) const;
  void make_control_step(const Draft& draft);

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
  std::mutex codes_mutex_;
  std::unordered_map<std::string, std::shared_ptr<const fusion::AnyLaunch>> codes_;  // by content, sizes and strides
  std::unordered_map<std::string, std::size_t> templates_;  // by operation, operands and attributes
  std::vector<bool> in_memory_;                             // a root
  std::vector<Draft> drafts_;
  std::vector<Root> roots_;          // a value
  std::map<int, Control> controls_;  // a node
};

}  // namespace keen::detail
