// matmul: operands of any layout brought before the BLAS, or before loops of Keen's own where those are faster.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/parallel.h"
#include "cpu/product.h"
#include "cpu/product_loops.h"
#include "math/gemm.h"

namespace keen::detail::cpu {
namespace {

/// Elements of memory that a task should read at the least.
constexpr int64_t streamed = 16384;

/// y = A x for one A of `rows` x `n` (any batch): rows times a contiguous vector, or a combination of columns.
struct MatrixVector {
  const ProductLoops& loops;
  int64_t size, rows, n, row, column, step;

  bool by_rows() const { return column == 1 && step == 1; }
  void run(char* y, const char* matrix, const char* x, int64_t begin, int64_t end) const {
    const char* first = matrix + begin * row * size;
    if (by_rows()) loops.rows(y + begin * size, first, row, x, end - begin, n);
    else loops.combine(y + begin * size, first, column, x, step, n, end - begin);
  }
};

void matrix_vector(const Product& p, const ProductLoops& loops) {
  // [1, k] B is Bᵀ times a column.
  const bool row_vector = p.m == 1;
  const Factor &matrix = row_vector ? p.b : p.a, &vector = row_vector ? p.a : p.b;
  const MatrixVector mv = row_vector ? MatrixVector{loops, p.size, p.n, p.k, matrix.column, matrix.row, vector.column}
                                     : MatrixVector{loops, p.size, p.m, p.k, matrix.row, matrix.column, vector.row};
  // Pieces of y: whole rows, or in a combination runs of memory that are not too short.
  const int64_t read = 4 * streamed, least = mv.by_rows() ? 1 : 128;
  const int64_t piece = std::max(least, (read / mv.n + least - 1) / least * least);
  const int64_t pieces = (mv.rows + piece - 1) / piece;
  const int64_t grain = std::max<int64_t>(1, read / std::max<int64_t>(1, std::min(piece, mv.rows) * mv.n));
  parallel_for(p.batches * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t batch = i / pieces, first = i % pieces * piece;
      const char *at_a = p.a_at(batch), *at_b = p.b_at(batch);
      mv.run(
          p.c + batch * mv.rows * p.size, row_vector ? at_b : at_a, row_vector ? at_a : at_b, first,
          std::min(mv.rows, first + piece));
    }
  });
}

void dots(const Product& p, const ProductLoops& loops) {
  parallel_for(p.batches, std::max<int64_t>(1, streamed / p.k), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) loops.dot(p.c + i * p.size, p.a_at(i), p.b_at(i), p.k);
  });
}

/// What follows the product, if its tiles suit.
const Tail* take_tail(const Product& p, const TiledGemm& tiled) {
  if (!p.is_sum) return nullptr;
  Cuts cuts = tiled.cuts();
  if (p.batches > 1) cuts.rows = std::gcd(cuts.rows, p.m);
  return Tail::take(cuts, p.batches * tiled.tiles(), p.batches * p.m * p.n);
}

void gemm(const Product& p) {
  const BlasLayout a = blas_layout(p.a), b = blas_layout(p.b);
  const TiledGemm tiled(
      p.dtype, {p.m, p.n, p.k, p.a.data, p.b.data, p.c, a.leading, b.leading, p.n, a.transpose, b.transpose, false});
  const Tail* tail = take_tail(p, tiled);
  if (p.batches == 1) return tiled.run_all(tail);
  const int64_t tiles = tiled.tiles();
  auto all = [&] {
    parallel_for(p.batches * tiles, tiled.grain(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t batch = i / tiles;
        tiled.run(i % tiles, p.a_offset(batch), p.b_offset(batch), batch * p.m * p.n);
        if (!tail) continue;
        Part part = tiled.part(i % tiles);
        part.row += batch * p.m;
        tail->run(part);
      }
    });
  };
  if (!tiled.needs_scope()) return all();
  SerialBlas scope(tiled.library());
  all();
}

/// Products that no BLAS takes: integers, and leading dimensions beyond its int. B's rows are contiguous.
void plain(const Product& p, const ProductLoops& loops) {
  const int64_t strips = (p.m + 7) / 8;
  parallel_for(p.batches * strips, std::max<int64_t>(1, streamed / (8 * p.n * p.k)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t batch = i / strips, first = i % strips * 8;
      loops.multiply(
          p.c + (batch * p.m + first) * p.n * p.size, p.n, p.a_at(batch) + first * p.a.row * p.size, p.a.row,
          p.a.column, p.b_at(batch), p.b.row, std::min<int64_t>(8, p.m - first), p.n, p.k);
    }
  });
}

bool is_float(DType d) { return d == DType::float32 || d == DType::float64; }

enum class Method { dot, matrix_vector, gemm, plain };

/// Chooses by the shape, and brings operands into a layout that the method reads.
Method prepare(Product& p, const TensorImpl& left, const TensorImpl& right) {
  auto dense_a = [&] { p.a.make_dense(left, p.leading); };
  auto dense_b = [&] { p.b.make_dense(right, p.leading); };
  if (p.m == 1 && p.n == 1) {
    if (p.a.column != 1) dense_a();
    if (p.b.row != 1) dense_b();
    return Method::dot;
  }
  if (p.m == 1) {
    if (p.b.column != 1 && p.b.row != 1) dense_b();
    if (p.b.column != 1 && p.a.column != 1) dense_a();
    return Method::matrix_vector;
  }
  if (p.n == 1) {
    if (p.a.row != 1 && p.a.column != 1) dense_a();
    if (p.a.row != 1 && p.b.row != 1) dense_b();
    return Method::matrix_vector;
  }
  if (is_float(p.dtype)) {
    if (!blas_layout(p.a).fits) dense_a();
    if (!blas_layout(p.b).fits) dense_b();
    if (blas_layout(p.a).fits && blas_layout(p.b).fits) return Method::gemm;
  }
  if (p.b.column != 1) dense_b();
  return Method::plain;
}

void multiply(const Product& p, Method method, const ProductLoops& loops) {
  switch (method) {
    case Method::dot:
      return dots(p, loops);
    case Method::matrix_vector:
      return matrix_vector(p, loops);
    case Method::gemm:
      return gemm(p);
    case Method::plain:
      return plain(p, loops);
  }
}

template <class T>
void add_parts(void* out, const void* parts, int64_t count, int64_t n) {
  auto* to = static_cast<T*>(out);
  auto* from = static_cast<const T*>(parts);
  for (int64_t j = 0; j < n; ++j) to[j] = from[j];
  for (int64_t i = 1; i < count; ++i)
    for (int64_t j = 0; j < n; ++j) to[j] += from[i * n + j];
}

/// A small result of a long sum: parts of the sum in parallel, then added in order. False for any other product.
bool multiply_in_parts(const Product& p, Method method, const ProductLoops& loops) {
  const int64_t results = p.m * p.n;
  if (p.batches != 1 || results > 4096 || !is_float(p.dtype)) return false;
  const int64_t most_parts = (int64_t{1} << 20) / results;
  const int64_t part = std::max(std::clamp<int64_t>(4 * streamed / results, 1024, streamed), p.k / most_parts);
  const int64_t parts = (p.k + part - 1) / part;
  if (parts < 2) return false;
  Scratch scratch(static_cast<std::size_t>(parts * results * p.size));
  parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Product one = p;
      one.k = one.a.columns = one.b.rows = std::min(part, p.k - i * part);
      one.a.data += i * part * p.a.column * p.size;
      one.b.data += i * part * p.b.row * p.size;
      one.c = scratch.data() + i * results * p.size;
      one.is_sum = false;
      multiply(one, method, loops);
    }
  });
  (p.dtype == DType::float32 ? add_parts<float> : add_parts<double>)(p.c, scratch.data(), parts, results);
  return true;
}

}  // namespace

void matmul(KernelCall& call) {
  const TensorImpl &left = call.in(0), &right = call.in(1);
  TensorImpl& out = call.out();
  if (out.size == 0) return;
  Shape leading;
  for (int i = 0; i < out.shape.rank() - 2; ++i) leading.push_back(out.shape[i]);
  Product p{
      .dtype = out.dtype,
      .size = static_cast<int64_t>(size_of(out.dtype)),
      .m = out.shape[-2],
      .n = out.shape[-1],
      .k = 0,
      .leading = leading,
      .a = Factor(left, boolean(call.attributes[0]), leading),
      .b = Factor(right, boolean(call.attributes[1]), leading),
      .c = out.as<char>()};
  p.k = p.a.columns;
  if (p.k == 0) {
    std::memset(out.data, 0, static_cast<std::size_t>(out.size * p.size));
    return;
  }
  p.batches = out.size / (p.m * p.n);
  merge_batches(p);
  const Method method = prepare(p, left, right);
  const ProductLoops& loops = *product_loops(p.dtype);
  if (!multiply_in_parts(p, method, loops)) multiply(p, method, loops);
}

}  // namespace keen::detail::cpu
