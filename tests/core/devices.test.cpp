// Devices: their names in all spellings, scopes, placement in the log, absent GPUs and the default device.
#include "keen/device.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "catch.h"
#include "keen/autodiff/gradient_tape.h"
#include "keen/creation.h"
#include "keen/log.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/linalg.h"
#include "keen/ops/math.h"
#include "keen/ops/reduce.h"
#include "keen/ops/shape.h"
#include "keen/random.h"
#include "keen/variable.h"

using namespace keen;

namespace {

// The lines that `f` logs with log_device_placement on.
template <class F>
std::vector<std::string> placements(F&& f) {
  std::vector<std::string> lines;
  const LogLevel level = log_level();
  set_log_handler([&](LogLevel l, std::string_view line) {
    CHECK(l == LogLevel::info);
    lines.emplace_back(line);
  });
  log_device_placement(true);
  f();
  log_device_placement(false);
  set_log_level(level);
  set_log_handler({});
  return lines;
}

// What the hidden test below prints in a process of its own, where KEEN_DEVICE is set: it is read once a process.
std::string with_keen_device(const std::string& name) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  FILE* child = popen(("KEEN_DEVICE='" + name + "' '" + self + "' 'tells the default device' 2>&1").c_str(), "r");
  REQUIRE(child);
  std::string answer;
  char buffer[512];
  while (std::size_t n = std::fread(buffer, 1, sizeof buffer, child)) answer.append(buffer, n);
  pclose(child);
  return answer;
}

}  // namespace

TEST_CASE("tells the default device", "[.]") {
  try {
    std::cout << "default " << default_device() << ", zeros on " << zeros({2}).device() << '\n';
  } catch (const DeviceError& e) {
    std::cout << e.what() << '\n';
  }
}

TEST_CASE("KEEN_DEVICE chooses the default device, or is a DeviceError", "[devices]") {
  auto says = [](const char* name, const std::string& words) {
    const std::string answer = with_keen_device(name);
    INFO(answer);
    CHECK(answer.find(words) != std::string::npos);
  };
  says("CPU:0", "default cpu:0, zeros on cpu:0");
  says("cpu:3", "[device] cpu:3 does not exist");
  says("toaster", "[device] 'toaster' is not a device name");
  if (device_count("gpu") == 0) says("gpu:0", why_no_gpu());
  else says("cuda:0", "default gpu:0, zeros on gpu:0");
}

TEST_CASE("devices are named in every spelling that TensorFlow and PyTorch use", "[devices]") {
  for (const char* name : {"cpu:0", "CPU:0", "/cpu:0", "/CPU:0", "cpu", "/device:CPU:0", "device:cpu:0"}) {
    INFO(name);
    CHECK(Device(name) == Device(DeviceType::cpu));
    CHECK(Device(name).to_string() == "cpu:0");
    CHECK(Device(name).is_cpu());
  }
  for (const char* name : {"gpu:1", "GPU:1", "/gpu:1", "/GPU:1", "cuda:1", "/device:GPU:1"}) {
    INFO(name);
    CHECK(Device(name) == Device(DeviceType::gpu, 1));
    CHECK(Device(std::string(name)).to_string() == "gpu:1");
    CHECK(Device(name).is_gpu());
  }
  CHECK(Device("gpu") == Device("gpu:0"));
  CHECK(Device("gpu:255").index == 255);
  CHECK(Device() == Device("cpu:0"));
  CHECK_FALSE(Device("gpu:0") == Device("gpu:1"));
  std::ostringstream out;
  out << Device("/GPU:3");
  CHECK(out.str() == "gpu:3");
}

TEST_CASE("a device number that cannot be is an error, not another device", "[devices]") {
  CHECK_THROWS_AS(Device(DeviceType::gpu, 256), DeviceError);
  CHECK_THROWS_AS(Device(DeviceType::gpu, -1), DeviceError);
  CHECK_THROWS_AS(constant(1).gpu(256), DeviceError);
  CHECK_THROWS_AS(constant(1).gpu(-1), DeviceError);
}

TEST_CASE("there is one cpu, and device_count never throws for lack of a driver", "[devices]") {
  CHECK(device_count("cpu") == 1);
  CHECK(device_count("CPU") == 1);
  CHECK(device_count("gpu") >= 0);
  CHECK(device_count("gpu") == device_count("cuda"));
  CHECK(device_count("gpu") == device_count("GPU"));
  CHECK((device_count("gpu") == 0) == !why_no_gpu().empty());
}

TEST_CASE("gpu:0 without a GPU is a DeviceError that says why", "[devices]") {
  if (device_count("gpu") > 0) return;
  const std::string why = why_no_gpu();
  CHECK(why.size() > 10);
  auto message_of = [](auto&& f) -> std::string {
    try {
      f();
    } catch (const DeviceError& e) {
      return e.what();
    }
    return "no error";
  };
  for (const std::string& message :
       {message_of([] { return constant(1).gpu(); }), message_of([] { return ones({2}, {.device = "gpu:0"}); }),
        message_of([] { DeviceScope on("/gpu:0"); }), message_of([] { return memory_stats("cuda:0"); }),
        message_of([] { synchronize("gpu"); }), message_of([] { return range(3, {.device = "gpu:0"}).tensor(); }),
        message_of([] { return random::normal({2}, {.device = "gpu:0"}); })}) {
    INFO(message);
    CHECK(message.find("gpu:0") != std::string::npos);
    CHECK(message.find(why) != std::string::npos);
    CHECK(message.find("cpu:0") != std::string::npos);  // the way out
  }
}

TEST_CASE("creators put tensors on the default device, the scope's, or the one they are told", "[devices]") {
  CHECK(zeros({2}).device() == default_device());
  if (device_count("gpu") == 0 && !std::getenv("KEEN_DEVICE")) CHECK(default_device() == Device("cpu:0"));
  CHECK(constant({1, 2}, {.device = "/cpu:0", .name = "a"}).device() == Device());
  DeviceScope on("/CPU:0");
  CHECK(zeros({2}).device() == Device());
  CHECK(constant({1, 2}).device() == Device());
  CHECK(random::uniform({2}).device() == Device());
  CHECK(Variable(zeros({2})).device() == Device());
}

TEST_CASE("scopes nest and end, also by an exception", "[devices]") {
  auto sum_in_scope = [] {
    DeviceScope outer("cpu:0");
    Tensor x = ones({3});
    {
      DeviceScope inner("cpu:0");
      x = x + 1;
    }
    return sum(x * 2).item<float>();
  };
  CHECK(sum_in_scope() == 12);
  CHECK_THROWS_AS(
      [] {
        DeviceScope on("cpu:0");
        return ones({2}) + ones({3});
      }(),
      ShapeError);
  CHECK_THROWS_AS(DeviceScope("cpu:1"), DeviceError);
  CHECK(placements([] { ones({2}); }) == std::vector<std::string>{"full: " + default_device().to_string()});
}

TEST_CASE("moving a tensor to where it is gives itself", "[devices]") {
  Tensor t = ones({2});
  CHECK(t.cpu().to("cpu:0").impl() == t.cpu().impl());
  GradientTape tape;
  tape.watch(t);
  CHECK(tape.gradient(sum(t.cpu() * 3), t).to_vector<float>() == std::vector<float>{3, 3});
}

TEST_CASE("log_device_placement logs a line for each operation that runs", "[devices]") {
  const std::string where = ": " + default_device().to_string();
  Tensor a = ones({2, 3}), b = ones({3, 2}), c;
  const auto lines = placements([&] {
    c = matmul(a, b) + 1;
    c = sum(transpose(exp(c)), 0);
    c = c[0];
    CHECK_THROWS_AS(matmul(a, a), ShapeError);  // does not run, and so logs nothing
  });
  std::vector<std::string> wanted;
  for (const char* operation : {"matmul", "add", "exp", "transpose", "sum", "slice", "reshape"})
    wanted.push_back(operation + where);
  CHECK(lines == wanted);
  int later = 0;
  set_log_handler([&](LogLevel, std::string_view) { ++later; });
  c = c + 1;
  set_log_handler({});
  CHECK(later == 0);  // it can be switched off
}

TEST_CASE("log_device_placement goes back to the log level it found", "[devices]") {
  const LogLevel found = log_level();
  for (const LogLevel level : {LogLevel::error, LogLevel::info, LogLevel::debug}) {
    set_log_level(level);
    log_device_placement(true);
    log_device_placement(true);
    CHECK(log_level() <= LogLevel::info);
    log_device_placement(false);
    CHECK(log_level() == level);
    log_device_placement(false);
    CHECK(log_level() == level);
  }
  set_log_level(found);
}

TEST_CASE("synchronize, statistics and emptying take any spelling", "[devices]") {
  synchronize();
  synchronize("CPU:0");
  empty_cache("/cpu:0");
  reset_peak_memory("cpu");
  CHECK(memory_stats("/CPU:0").peak >= 0);
}
