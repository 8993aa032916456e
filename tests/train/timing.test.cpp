// timeit and the progress bar.
#include <chrono>
#include <thread>

#include "catch.h"
#include "keen/keen.h"

using namespace keen;

TEST_CASE("timeit gives the mean of its repeats", "[train]") {
  int calls = 0;
  const double seconds = timeit([&] { ++calls, std::this_thread::sleep_for(std::chrono::milliseconds(2)); }, 5);
  CHECK(calls == 5);
  CHECK(seconds >= 0.002);
  CHECK(seconds < 0.2);
  CHECK_THROWS_AS(timeit([] {}, 0), UsageError);
}

TEST_CASE("a progress bar takes any number of steps", "[train]") {
  for (int total : {-1, 0, 1, 3}) {
    train::ProgressBar bar(total, {.label = "test", .width = 5});
    for (int i = 0; i < 5; ++i) bar.advance();
    bar.note("done");
  }
}
