// Pooling, vectors along the channels; small channel counts with 2 x 2 windows have a way of their own.
#include "cpu/pool_loops.h"

#include "cpu/pack.h"

namespace keen::detail::cpu::KEEN_ISA {
namespace {

using std::int64_t;

template <int Bytes>
struct Integer;
template <>
struct Integer<4> {
  using type = std::int32_t;
};
template <>
struct Integer<8> {
  using type = int64_t;
};

/// The part of a window that lies inside the image.
struct Window {
  int64_t y0, y1, x0, x1;
  int64_t count() const { return (y1 - y0) * (x1 - x0); }
};

inline Window window_at(const Pooling& p, int64_t oy, int64_t ox) {
  const int64_t y = oy * p.sy - p.top, x = ox * p.sx - p.left;
  return {y < 0 ? 0 : y, y + p.kh < p.h ? y + p.kh : p.h, x < 0 ? 0 : x, x + p.kw < p.w ? x + p.kw : p.w};
}

template <class T>
struct Loops {
  using I = typename Integer<sizeof(T)>::type;
  static constexpr int width = register_bytes / sizeof(T);

  /// Calls f<W>(channel) for pieces of W channels that cover all.
  template <class F>
  [[gnu::always_inline]] static void for_channels(int64_t channels, F&& f) {
    int64_t j = 0;
    for (; j + width <= channels; j += width) f.template operator()<width>(j);
    if constexpr (width > 4)
      for (; j + 4 <= channels; j += 4) f.template operator()<4>(j);
    for (; j < channels; ++j) f.template operator()<1>(j);
  }

  /// Calls f<W>(window, offset in the image, offset in the result) for all windows of result rows [begin, end). Fewer
  /// channels than a register holds are worked on as if they filled it, as long as it ends inside the image and the
  /// results: what is stored behind them is put right by the next window.
  template <class F>
  static void for_windows(const Pooling& p, int64_t begin, int64_t end, F&& f) {
    const int64_t image_size = p.h * p.w * p.c, last_result = end * p.ow * p.c - width;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t image = row / p.oh * image_size;
      for (int64_t ox = 0; ox < p.ow; ++ox) {
        const Window w = window_at(p, row % p.oh, ox);
        const int64_t result = (row * p.ow + ox) * p.c, last_element = ((w.y1 - 1) * p.w + w.x1 - 1) * p.c;
        if (p.c < width && result <= last_result && last_element + width <= image_size)
          f.template operator()<width>(w, image, result);
        else for_channels(p.c, [&]<int W>(int64_t j) { f.template operator()<W>(w, image + j, result + j); });
      }
    }
  }
  /// What is added to an image: nothing behind the channels.
  template <int W>
  [[gnu::always_inline]] static typename Vector<T, W>::type of_channels(
      const Pooling& p, typename Vector<T, W>::type v) {
    if constexpr (W == width && W > 1)
      if (p.c < W) return Vector<I, W>::count() < Vector<I, W>::of(static_cast<I>(p.c)) ? v : Vector<T, W>::of(0);
    return v;
  }

  template <class F>
  [[gnu::always_inline]] static void for_elements(const Pooling& p, const Window& w, F&& f) {
    for (int64_t y = w.y0; y < w.y1; ++y)
      for (int64_t x = w.x0; x < w.x1; ++x) f((y * p.w + x) * p.c);
  }

  /// b where it is larger or NaN.
  template <class V>
  [[gnu::always_inline]] static V larger(V a, V b) {
    return ((b > a) | (b != b)) ? b : a;
  }

  /// The place of the first maximum of each channel, counted along the window; the first NaN wins.
  template <int W>
  [[gnu::always_inline]] static typename Vector<I, W>::type first_maximum(
      const Pooling& p, const Window& w, const T* x) {
    auto best = load<T, W>(x + (w.y0 * p.w + w.x0) * p.c);
    typename Vector<I, W>::type place = {};
    I here = 0;
    for_elements(p, w, [&](int64_t at) {
      const auto v = load<T, W>(x + at);
      const auto better = (v > best) | ((v != v) & (best == best));
      best = better ? v : best;
      place = better ? here + typename Vector<I, W>::type{} : place;
      ++here;
    });
    return place;
  }

  static void max(const Pooling& p, void* y, const void* x, int64_t begin, int64_t end) {
    auto* to = static_cast<T*>(y);
    auto* from = static_cast<const T*>(x);
    if (is_small_2x2(p)) return max_2x2(p, to, from, begin, end);
    for_windows(p, begin, end, [&]<int W>(const Window& w, int64_t image, int64_t result) {
      auto best = load<T, W>(from + image + (w.y0 * p.w + w.x0) * p.c);
      for_elements(p, w, [&](int64_t at) { best = larger(best, load<T, W>(from + image + at)); });
      store(to + result, best);
    });
  }

  static void average(const Pooling& p, void* y, const void* x, int64_t begin, int64_t end) {
    auto* to = static_cast<T*>(y);
    auto* from = static_cast<const T*>(x);
    for_windows(p, begin, end, [&]<int W>(const Window& w, int64_t image, int64_t result) {
      typename Vector<T, W>::type sum = {};
      for_elements(p, w, [&](int64_t at) { sum += load<T, W>(from + image + at); });
      store(to + result, sum / static_cast<T>(w.count()));
    });
  }

  static void pick(const Pooling& p, void* y, const void* x, const void* v, int64_t begin, int64_t end) {
    auto* to = static_cast<T*>(y);
    auto *from = static_cast<const T*>(x), *values = static_cast<const T*>(v);
    for_windows(p, begin, end, [&]<int W>(const Window& w, int64_t image, int64_t result) {
      const auto place = first_maximum<W>(p, w, from + image);
      typename Vector<T, W>::type found = {};
      I here = 0;
      for_elements(p, w, [&](int64_t at) {
        found = place == here ? load<T, W>(values + image + at) : found;
        ++here;
      });
      store(to + result, found);
    });
  }

  static void clear(const Pooling& p, T* images, int64_t begin, int64_t end) {
    const int64_t size = p.h * p.w * p.c;
    __builtin_memset(images + begin * size, 0, static_cast<std::size_t>((end - begin) * size) * sizeof(T));
  }

  static void max_gradient(const Pooling& p, void* dx, const void* x, const void* dy, int64_t begin, int64_t end) {
    auto* to = static_cast<T*>(dx);
    auto *from = static_cast<const T*>(x), *gradient = static_cast<const T*>(dy);
    const bool small = is_small_2x2(p), covered = small && 2 * p.oh == p.h && 2 * p.ow == p.w;
    if (!covered) clear(p, to, begin, end);
    if (small) return max_gradient_2x2(p, to, from, gradient, begin * p.oh, end * p.oh);
    for_windows(p, begin * p.oh, end * p.oh, [&]<int W>(const Window& w, int64_t image, int64_t result) {
      const auto place = first_maximum<W>(p, w, from + image);
      const auto g = of_channels<W>(p, load<T, W>(gradient + result));
      I here = 0;
      for_elements(p, w, [&](int64_t at) {
        const auto old = load<T, W>(to + image + at);
        store(to + image + at, place == here ? old + g : old);
        ++here;
      });
    });
  }

  static void average_gradient(const Pooling& p, void* dx, const void* dy, int64_t begin, int64_t end) {
    auto* to = static_cast<T*>(dx);
    auto* gradient = static_cast<const T*>(dy);
    clear(p, to, begin, end);
    for_windows(p, begin * p.oh, end * p.oh, [&]<int W>(const Window& w, int64_t image, int64_t result) {
      const auto share = of_channels<W>(p, load<T, W>(gradient + result) / static_cast<T>(w.count()));
      for_elements(p, w, [&](int64_t at) { store(to + image + at, load<T, W>(to + image + at) + share); });
    });
  }

  // 2 x 2 windows side by side with fewer channels than a register holds: whole rows pass through buffers with room
  // behind, where a full register may be stored over what the next pixel's store puts right.
  static constexpr int64_t row_limit = 1024;
  static constexpr int64_t buffer = row_limit + width;

  static bool is_small_2x2(const Pooling& p) {
    return p.kh == 2 && p.kw == 2 && p.sy == 2 && p.sx == 2 && p.top == 0 && p.left == 0 && 2 * p.oh <= p.h &&
           2 * p.ow <= p.w && p.c < width && p.w * p.c <= row_limit;
  }

  static void copy(T* to, const T* from, int64_t n) {
    __builtin_memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
  }

  static void max_2x2(const Pooling& p, T* y, const T* x, int64_t begin, int64_t end) {
    T upper[buffer], out[buffer];
    const int64_t row = p.w * p.c, results = p.ow * p.c;
    for (int64_t r = begin; r < end; ++r) {
      const T* a = x + (r / p.oh * p.h + r % p.oh * 2) * row;
      int64_t j = 0;
      for (; j + width <= row; j += width) store(upper + j, larger(load<T, width>(a + j), load<T, width>(a + row + j)));
      for (; j < row; ++j) store(upper + j, larger(load<T, 1>(a + j), load<T, 1>(a + row + j)));
      for (int64_t i = 0; i < p.ow; ++i)
        store(out + i * p.c, larger(load<T, width>(upper + 2 * i * p.c), load<T, width>(upper + (2 * i + 1) * p.c)));
      copy(y + r * results, out, results);
    }
  }

  static void max_gradient_2x2(const Pooling& p, T* dx, const T* x, const T* dy, int64_t begin, int64_t end) {
    using V = typename Vector<T, width>::type;
    T a[buffer], b[buffer], g[buffer], da[buffer], db[buffer];
    const int64_t row = p.w * p.c, results = p.ow * p.c, covered = 2 * results;
    for (int64_t r = begin; r < end; ++r) {
      const int64_t first = (r / p.oh * p.h + r % p.oh * 2) * row;
      copy(a, x + first, row), copy(b, x + first + row, row), copy(g, dy + r * results, results);
      for (int64_t i = 0; i < p.ow; ++i) {
        const int64_t left = 2 * i * p.c, right = left + p.c;
        V best = load<T, width>(a + left);
        const V zero = {}, here = load<T, width>(g + i * p.c);
        auto better = [&](V v) { return (v > best) | ((v != v) & (best == best)); };
        const V v1 = load<T, width>(a + right), v2 = load<T, width>(b + left), v3 = load<T, width>(b + right);
        const auto is1 = better(v1);
        best = is1 ? v1 : best;
        const auto is2 = better(v2);
        best = is2 ? v2 : best;
        const auto is3 = better(v3);
        store(da + left, (is1 | is2 | is3) ? zero : here);
        store(da + right, (is1 & ~is2 & ~is3) ? here : zero);
        store(db + left, (is2 & ~is3) ? here : zero);
        store(db + right, is3 ? here : zero);
      }
      copy(dx + first, da, covered), copy(dx + first + row, db, covered);
    }
  }

  static constexpr PoolLoops table = {max, average, pick, max_gradient, average_gradient};
};

}  // namespace

const PoolLoops& pool_loops(DType dtype) noexcept {
  return dtype == DType::float64 ? Loops<double>::table : Loops<float>::table;
}

}  // namespace keen::detail::cpu::KEEN_ISA
