// Where tensors live: devices by name, scopes that select one, and moves between them.
#include <keen/keen.h>

using namespace keen;

int main() {
  log_device_placement(true);
  Tensor a = constant({{1, 2, 3}, {4, 5, 6}}, {.dtype = float32, .device = "/cpu:0", .name = "a"});
  Tensor b = constant({{1, 2}, {3, 4}, {5, 6}}, {.dtype = float32});
  {
    DeviceScope on("/cpu:0");
    std::cout << matmul(a, b) << '\n';
  }
  if (device_count("gpu") > 0) std::cout << a.gpu(0).device() << ' ' << a.gpu().cpu().device() << '\n';
  else std::cout << "no GPU here: " << why_no_gpu() << '\n';
}
