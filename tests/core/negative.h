// The harness of the negative tests: each row must throw exactly its kind of error, say what was wrong, leak nothing and
// leave everything usable.
#pragma once
#include <functional>
#include <iostream>
#include <string>
#include <typeinfo>
#include <vector>

#include "catch.h"
#include "keen/creation.h"
#include "keen/device.h"
#include "keen/error.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/linalg.h"
#include "keen/ops/reduce.h"

namespace keen::test {

/// A mistake, the error it must give, and words of its message: the operation and the offending values.
struct Row {
  const char* name;
  const std::type_info& kind;
  std::vector<std::string> words;
  std::function<void()> mistake;
};
using Rows = std::vector<Row>;

template <class E, class F>
Row row(const char* name, std::vector<std::string> words, F mistake) {
  return {name, typeid(E), std::move(words), [mistake] { (void)mistake(); }};
}

inline void check_everything_works() {
  Tensor a = constant({{1.f, 2.f}, {3.f, 4.f}});
  CHECK(sum(matmul(a, a + 1)).item<float>() == 74);
}

inline void check_row(const Row& r) {
  INFO(r.name);
  const std::int64_t before = memory_stats().in_use;
  try {
    r.mistake();
    FAIL_CHECK("no error");
  } catch (const std::exception& e) {
    std::string message = e.what();
    INFO(message);
    CHECK(std::string(typeid(e).name()) == r.kind.name());
    for (auto& word : r.words) {
      INFO("wanted: " << word);
      CHECK(message.find(word) != std::string::npos);
    }
  }
  CHECK(memory_stats().in_use == before);
  check_everything_works();
}

/// Runs all rows and prints their number.
inline void check_rows(const char* topic, const Rows& rows) {
  check_everything_works();
  for (auto& r : rows) check_row(r);
  std::cout << rows.size() << " negative cases: " << topic << '\n';
}

}  // namespace keen::test
