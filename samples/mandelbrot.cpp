// The Mandelbrot set as an image: a staged while loop over a large tensor that ends when every point has escaped, or
// after a number of turns. Usage: mandelbrot [picture.pgm]
#include <keen/keen.h>

#include <fstream>

using namespace keen;

namespace {

constexpr int width = 480, height = 320, most_turns = 200;

/// How many turns z = z² + c stays within |z| ≤ 2.
Tensor turns(const Tensor& cr, const Tensor& ci) {
  const Tensor zero = zeros_like(cr);
  const auto inside = [](const Tensor& x, const Tensor& y) { return x * x + y * y <= 4.f; };
  auto [x, y, count] = while_loop(
      [&](Tensor x, Tensor y, Tensor) { return sum(cast(inside(x, y), int32)) > 0; },
      [&](Tensor x, Tensor y, Tensor count) {
        const Tensor in = inside(x, y);
        return std::tuple{where(in, x * x - y * y + cr, x), where(in, x * y * 2.f + ci, y), count + cast(in, float32)};
      },
      std::tuple{zero, zero, zero}, {.maximum_iterations = most_turns});
  return count;
}

/// Grey levels as a portable graymap.
void write_picture(const Tensor& count, const std::string& path) {
  const Tensor grey = cast(clip_by_value(log1p(count) * 48.f, 0.f, 255.f), uint8);
  const auto bytes = grey.span<std::uint8_t>();
  std::ofstream out(path, std::ios::binary);
  out << "P5\n" << width << ' ' << height << "\n255\n";
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

int main(int argc, char** argv) {
  const Tensor re = reshape(linspace(-2.2, 0.8, width), {1, width}), im = reshape(linspace(-1, 1, height), {height, 1});
  const Tensor cr = broadcast_to(re, {height, width}).contiguous(), ci = broadcast_to(im, {height, width}).contiguous();
  auto compiled = function(turns);
  Tensor count;
  const double eager = timeit([&] { count = turns(cr, ci); }, 1);
  const bool same = array_equal(compiled(cr, ci), count);
  const double fast = timeit([&] { count = compiled(cr, ci); }, 1);
  std::cout << width << " x " << height << ", up to " << most_turns << " turns: eager " << eager * 1e3
            << " ms, compiled " << fast * 1e3 << " ms\n";
  if (argc > 1) write_picture(count, argv[1]);
  const float share = mean(cast(count >= static_cast<float>(most_turns), float32)).item<float>();
  std::cout << "inside: " << share * 100 << " % of the points" << (same ? "" : "; eager and compiled differ") << '\n';
  return same && share > 0.2f && share < 0.3f ? 0 : 1;
}
