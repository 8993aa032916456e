// Random programs over tensors, for differential tests: drawn from a seed, run eagerly or traced, shrunk when they fail.
#pragma once
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "keen/tensor.h"

namespace keen::test {

/// One operation on earlier values. `choice` draws what else it needs (axes, sizes, dtypes), so that an instruction stays
/// valid when the operands' shapes change under it.
struct Instruction {
  int kind = 0;
  int operands[3] = {0, 0, 0};  // positions among the values; taken modulo what is there
  std::uint32_t choice = 0;
};

struct Program {
  std::uint32_t seed = 0;
  std::vector<Instruction> instructions;
  std::vector<int> results;  // positions among the values

  static Program draw(std::uint32_t seed);
  /// Arguments to run it on: numbers that sums of any order get exactly.
  std::vector<Tensor> arguments() const;
  std::vector<Tensor> run(const std::vector<Tensor>& arguments) const;
  std::string to_string() const;
};

/// The smallest program that still fails, found by leaving instructions and results out.
Program shrink(Program program, const std::function<bool(const Program&)>& fails);

}  // namespace keen::test
