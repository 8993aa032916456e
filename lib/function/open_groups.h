// Groups of nodes while they grow, as fusion walks the nodes in their order.
#pragma once
#include <span>
#include <unordered_set>
#include <vector>

#include "function/fuse.h"

namespace keen::detail {

/// A group stays open until something outside reads one of its values: then all its nodes precede every reader, so that it
/// can run where its last node stands.
class OpenGroups {
 public:
  /// `crowded`: of each node, does it go only where the group keeps to `most_streams`?
  OpenGroups(const Graph& graph, std::span<const Layout> layouts, const std::vector<bool>& crowded);

 protected:
  // What a kernel may cost: a compilation takes about 20 us a unit.
  static constexpr int largest_cost = 1000;
  // Elements for which a row kernel does work on what it keeps.
  static constexpr std::int64_t shortest_row = 32;
  static int cost_of(const Node& node);

  struct State {
    Group group;
    bool open = true;
    int cost = 0;
    int merged_into = -1;
    std::unordered_set<int> inputs;  // values from outside
    int outputs = 0;                 // values that something outside reads, or that are yet to be read
    int streams() const noexcept { return static_cast<int>(inputs.size()) + outputs; }
  };

  const Shape& shape(int value) const { return graph_.values[at(value)].shape; }
  const Node& node(int i) const { return graph_.nodes[at(i)]; }
  const Group& group(int g) const { return groups_[at(g)].group; }

  int resolve(int group) const;
  /// The open group a value belongs to, or -1.
  int open_group(int value) const;
  /// Something outside `but` reads a value.
  void close(int value, int but = -1);

  /// A new group over a space.
  int open(Shape space);
  /// Takes a node into a group, where its value has these axes; `add` one that computes nothing.
  void join(int g, int i, const Shape& axes);
  void add(int g, int i, const Shape& axes);
  /// One group of two that both are open, if they fit: the one that is left, else the larger.
  int merge(int a, int b, const Node& node);
  /// The other group works on what this one keeps of its rows or columns: may it do so in the same kernel?
  bool takes_kept(const State& state, const State& other) const;
  /// Would a group that takes a node in be too large a kernel?
  bool is_full(int g, const Node& node) const;
  /// The groups that are worth a kernel; `joined` is the group of each node, or -1.
  Fusion finish(const std::vector<int>& joined);

  const Graph& graph_;
  std::span<const Layout> layouts_;
  std::vector<bool> crowded_;  // a value
  std::vector<State> groups_;
  std::vector<int> group_of_;  // a value; through merges
  std::vector<Shape> axes_;    // a value in a group
  std::vector<int> pass_;      // a value in a group: how many reductions it waits for, one after the other
  std::vector<int> reader_;    // a value: the last group that reads it from outside or inside
  std::vector<int> unread_;    // a value: reads of it, as a result too, that were not met inside its own group

 private:
  int streams_with(int g, const Node& node) const;
  void note_streams(int g, const Node& node);
};

}  // namespace keen::detail
