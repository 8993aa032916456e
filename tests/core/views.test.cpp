// Views: indexing, transposes, broadcasts and slices share storage and name the elements that a naive walk finds.
#include <sstream>

#include <limits>
#include <random>

#include "catch.h"
#include "core/tensor_impl.h"
#include "keen/creation.h"
#include "keen/ops/arithmetic.h"
#include "keen/ops/indexing.h"
#include "keen/ops/shape.h"
#include "keen/variable.h"

using namespace keen;

namespace {

using Place = std::vector<std::int64_t>;

// Calls f with every index of a shape, in row-major order.
template <class F>
void walk(const Shape& shape, F&& f) {
  if (shape.num_elements() == 0) return;
  Place at(static_cast<std::size_t>(shape.rank()), 0);
  for (;;) {
    f(at);
    int axis = shape.rank() - 1;
    for (; axis >= 0 && ++at[static_cast<std::size_t>(axis)] == shape[axis]; --axis)
      at[static_cast<std::size_t>(axis)] = 0;
    if (axis < 0) return;
  }
}

std::int64_t number_of(const Place& at, const Shape& shape) {
  std::int64_t n = 0;
  for (int i = 0; i < shape.rank(); ++i) n = n * shape[i] + at[static_cast<std::size_t>(i)];
  return n;
}

// Elements are their own row-major numbers, so a view tells which elements it names.
Tensor numbered(const Shape& shape) { return reshape(range(shape.num_elements()), shape); }

bool shares(const Tensor& view, const Tensor& of) {
  auto root = [](const Tensor& t) { return t.impl()->base ? t.impl()->base : t.impl(); };
  return root(view) == root(of);
}

// The view has this shape, and at each place the element of `of` that `source` names; it shares storage with it.
template <class F>
void check_view(const Tensor& view, const Tensor& of, const Shape& shape, F&& source) {
  INFO(of.shape() << " -> " << view.shape());
  CHECK(view.shape() == shape);
  CHECK(view.dtype() == of.dtype());
  CHECK(shares(view, of));
  std::vector<std::int64_t> wanted, elements = of.to_vector<std::int64_t>();
  walk(shape, [&](const Place& at) {
    wanted.push_back(elements[static_cast<std::size_t>(number_of(source(at), of.shape()))]);
  });
  CHECK(view.to_vector<std::int64_t>() == wanted);
}

// The positions that start:stop:step names of n, found by looking at each.
Place positions(std::int64_t n, const Slice& s) {
  Place out;
  auto from_end = [&](std::int64_t i) { return i < 0 ? i + n : i; };
  if (s.step > 0) {
    std::int64_t start = s.start ? std::max<std::int64_t>(from_end(*s.start), 0) : 0,
                 stop = s.stop ? from_end(*s.stop) : n;
    for (std::int64_t i = 0; i < n; ++i)
      if (i >= start && i < stop && (i - start) % s.step == 0) out.push_back(i);
  } else {
    std::int64_t start = s.start ? std::min(from_end(*s.start), n - 1) : n - 1, stop = s.stop ? from_end(*s.stop) : -1;
    if (s.stop && stop < 0) stop = -1;
    for (std::int64_t i = n - 1; i >= 0; --i)
      if (i <= start && i > stop && (start - i) % -s.step == 0) out.push_back(i);
  }
  return out;
}

// x(indices) by looking: which positions of which axis each result axis walks.
struct Walked {
  Shape shape;
  std::vector<int> axis_of;         // of each result axis; −1 for a new one
  std::vector<Place> positions_of;  // of each source axis

  Walked(const Shape& from, const std::vector<Index>& indices) {
    int named = 0;
    for (auto& i : indices) named += i.kind == Index::Kind::integer || i.kind == Index::Kind::slice;
    auto keep = [&](const Slice& s) {
      int axis = static_cast<int>(positions_of.size());
      positions_of.push_back(positions(from[axis], s));
      axis_of.push_back(axis);
      shape.push_back(positions_of.back().size());
    };
    for (auto& i : indices) {
      if (i.kind == Index::Kind::newaxis) {
        axis_of.push_back(-1);
        shape.push_back(1);
      } else if (i.kind == Index::Kind::ellipsis) {
        for (int k = named; k < from.rank(); ++k) keep({});
      } else if (i.kind == Index::Kind::slice) {
        keep(i.slice);
      } else {
        std::int64_t n = from[static_cast<int>(positions_of.size())], at = *i.slice.start;
        positions_of.push_back({at < 0 ? at + n : at});
      }
    }
    while (static_cast<int>(positions_of.size()) < from.rank()) keep({});
  }

  Place source(const Place& at) const {
    Place out;
    for (auto& p : positions_of) out.push_back(p.empty() ? 0 : p[0]);
    for (std::size_t i = 0; i < axis_of.size(); ++i)
      if (axis_of[i] >= 0)
        out[static_cast<std::size_t>(axis_of[i])] =
            positions_of[static_cast<std::size_t>(axis_of[i])][static_cast<std::size_t>(at[i])];
    return out;
  }
};

void check_index(const Tensor& x, const std::vector<Index>& indices) {
  Walked walked(x.shape(), indices);
  check_view(index(x, indices), x, walked.shape, [&](const Place& at) { return walked.source(at); });
}

Place permuted(const Place& at, const Shape& permutation) {
  Place out(at.size());
  for (std::size_t i = 0; i < at.size(); ++i) out[static_cast<std::size_t>(permutation[static_cast<int>(i)])] = at[i];
  return out;
}

}  // namespace

TEST_CASE("x[i] is the slice of the first dimension, from either end", "[views]") {
  Tensor x = numbered({3, 4, 2});
  for (std::int64_t i = -3; i < 3; ++i)
    check_view(x[i], x, {4, 2}, [&](const Place& at) { return Place{(i + 3) % 3, at[0], at[1]}; });
  CHECK(x[2][1][0].item<int>() == 18);
  CHECK(x(2, 1, 0).item<int>() == 18);
  CHECK(x(2, 1, 0).rank() == 0);
  CHECK(numbered({5})[-1].item<int>() == 4);
}

TEST_CASE("slices name the positions that Python's do, whatever their ends and steps", "[views]") {
  const std::int64_t far = std::numeric_limits<std::int64_t>::max();
  std::vector<SliceEnd> ends{{}, far, -far - 1};
  for (std::int64_t i = -7; i <= 7; ++i) ends.push_back(i);
  for (std::int64_t n : {0, 1, 5}) {
    Tensor x = numbered({n});
    std::vector<std::string> wrong;
    for (std::int64_t step :
         {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, std::int64_t{9}, far, std::int64_t{-1}, std::int64_t{-2},
          std::int64_t{-4}, -far})
      for (auto start : ends)
        for (auto stop : ends)
          if (x(slice(start, stop, step)).to_vector<std::int64_t>() != positions(n, {start, stop, step}))
            wrong.push_back(
                std::to_string(start.value_or(99)) + ':' + std::to_string(stop.value_or(99)) + ':' +
                std::to_string(step));
    INFO(n << " elements; 99 is an absent end");
    CHECK(wrong == std::vector<std::string>());
  }
}

TEST_CASE("integers, slices, ellipsis and newaxis combine", "[views]") {
  Tensor x = numbered({4, 3, 5});
  check_view(x(slice(1, 3), ellipsis, newaxis, 3), x, {2, 3, 1}, [](const Place& at) {
    return Place{at[0] + 1, at[1], 3};
  });
  check_view(x(all_of, -1, slice({}, {}, -2)), x, {4, 3}, [](const Place& at) {
    return Place{at[0], 2, 4 - 2 * at[1]};
  });
  check_view(x(newaxis, ellipsis, newaxis), x, {1, 4, 3, 5, 1}, [](const Place& at) {
    return Place{at[1], at[2], at[3]};
  });
  check_view(x(ellipsis, 0), x, {4, 3}, [](const Place& at) { return Place{at[0], at[1], 0}; });
  check_view(x(0, ellipsis, 1, 2), x, {}, [](const Place&) { return Place{0, 1, 2}; });
  check_view(x(slice(2)), x, {2, 3, 5}, [](const Place& at) { return at; });
}

TEST_CASE("random lists of indices name what a naive walk finds, also in views of views", "[views]") {
  std::mt19937 random(1);
  auto upto = [&](int n) { return static_cast<std::int64_t>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 400; ++round) {
    Shape shape;
    for (int rank = static_cast<int>(upto(5)); rank > 0; --rank) shape.push_back(upto(8) == 0 ? 0 : 1 + upto(4));
    Tensor x = numbered(shape);
    if (round % 2 && shape.rank() > 1) x = transpose(x);  // a view of a view
    if (round % 3 == 0 && shape.rank() > 0) x = x(slice({}, {}, -1));
    std::vector<Index> indices;
    bool dots = false;
    for (int axis = 0; axis < x.rank(); ++axis) {
      std::int64_t n = x.shape()[axis], kind = upto(6);
      if (upto(5) == 0) indices.push_back(newaxis);
      if (kind == 0 && !dots) {
        indices.push_back(ellipsis);
        dots = true;
      } else if (kind <= 2 && n > 0) {
        indices.push_back(upto(static_cast<int>(2 * n)) - n);
      } else {
        SliceEnd start, stop;
        if (upto(2)) start = upto(12) - 6;
        if (upto(2)) stop = upto(12) - 6;
        indices.push_back(slice(start, stop, upto(2) ? 1 + upto(3) : -1 - upto(3)));
      }
    }
    if (upto(3) == 0) indices.push_back(newaxis);
    CAPTURE(round);
    check_index(x, indices);
  }
}

TEST_CASE("transposes permute the axes", "[views]") {
  Tensor x = numbered({2, 3, 4});
  check_view(transpose(x), x, {4, 3, 2}, [](const Place& at) { return Place{at[2], at[1], at[0]}; });
  for (Shape p : {Shape{0, 1, 2}, Shape{0, 2, 1}, Shape{1, 0, 2}, Shape{1, 2, 0}, Shape{2, 0, 1}, Shape{-1, 0, -2}}) {
    Shape shape, plain = p;
    for (auto& axis : plain) axis = axis < 0 ? axis + 3 : axis;
    for (auto axis : plain) shape.push_back(x.shape()[static_cast<int>(axis)]);
    check_view(transpose(x, p), x, shape, [&](const Place& at) { return permuted(at, plain); });
  }
  Tensor deep = numbered({2, 1, 3, 1, 2, 1, 2, 2});
  check_view(transpose(deep), deep, {2, 2, 1, 2, 1, 3, 1, 2}, [](Place at) {
    std::reverse(at.begin(), at.end());
    return at;
  });
}

TEST_CASE("broadcasts repeat without a copy", "[views]") {
  Tensor x = numbered({3, 1});
  check_view(broadcast_to(x, {2, 3, 4}), x, {2, 3, 4}, [](const Place& at) { return Place{at[1], 0}; });
  check_view(broadcast_to(x, {3, 0}), x, {3, 0}, [](const Place& at) { return at; });
  Tensor one = numbered({});
  check_view(broadcast_to(one, {2, 2}), one, {2, 2}, [](const Place&) { return Place(); });
  CHECK(broadcast_to(one, {1 << 20, 1 << 20}).size() == std::int64_t{1} << 40);  // takes no memory
  check_view(transpose(broadcast_to(x, {3, 2}))[1], x, {3}, [](const Place& at) { return Place{at[0], 0}; });
}

TEST_CASE("reshape, squeeze, expand_dims, split, unstack and flip are views where strides allow", "[views]") {
  Tensor x = numbered({2, 3, 4});
  auto same_number = [](const Shape& from, const Shape& to) {
    return [=](const Place& at) {
      std::int64_t n = number_of(at, from);
      Place out(static_cast<std::size_t>(to.rank()));
      for (int i = to.rank() - 1; i >= 0; n /= to[i--]) out[static_cast<std::size_t>(i)] = n % to[i];
      return out;
    };
  };
  check_view(reshape(x, {4, -1}), x, {4, 6}, same_number({4, 6}, {2, 3, 4}));
  check_view(x.flatten(), x, {24}, same_number({24}, {2, 3, 4}));
  check_view(expand_dims(x, -2), x, {2, 3, 1, 4}, [](const Place& at) { return Place{at[0], at[1], at[3]}; });
  check_view(squeeze(expand_dims(x, 0)), x, {2, 3, 4}, [](const Place& at) { return at; });
  check_view(split(x, {1, 2}, 1)[1], x, {2, 2, 4}, [](const Place& at) { return Place{at[0], at[1] + 1, at[2]}; });
  check_view(unstack(x, 2)[3], x, {2, 3}, [](const Place& at) { return Place{at[0], at[1], 3}; });
  check_view(flip(x, {0, 2}), x, {2, 3, 4}, [](const Place& at) { return Place{1 - at[0], at[1], 3 - at[2]}; });
  // A transposed tensor has no strides for other row-major shapes: its reshape is a copy with the right elements.
  Tensor turned = transpose(numbered({2, 3}));
  CHECK_FALSE(shares(reshape(turned, {6}), turned));
  CHECK(reshape(turned, {6}).to_vector<int>() == std::vector{0, 3, 1, 4, 2, 5});
  CHECK(shares(reshape(turned, {3, 1, 2}), turned));  // but a new axis of size 1 needs none
}

TEST_CASE("views of views name the elements of the root", "[views]") {
  Tensor x = numbered({6, 6});
  Tensor y = transpose(x(slice(1, 6, 2), slice({}, {}, -1)));  // y(i, j) = x(1 + 2 j, 5 - i)
  check_view(y, x, {6, 3}, [](const Place& at) { return Place{1 + 2 * at[1], 5 - at[0]}; });
  Tensor z = y(slice(4, 0, -2))(all_of, slice(1, 3));
  check_view(z, x, {2, 2}, [](const Place& at) { return Place{1 + 2 * (1 + at[1]), 5 - (4 - 2 * at[0])}; });
  Tensor w = broadcast_to(z[0](newaxis), {3, 2})[2];
  check_view(w, x, {2}, [](const Place& at) { return Place{1 + 2 * (1 + at[0]), 1}; });
  x = Tensor();
  y = Tensor();  // the last view keeps the storage
  CHECK(z.to_vector<int>() == std::vector{19, 31, 21, 33});
}

TEST_CASE("views of nothing and of 0-d tensors", "[views]") {
  Tensor none = numbered({0, 3}), point = constant(7);
  CHECK(none(slice(2, 9)).shape() == Shape{0, 3});
  CHECK(none(all_of, 1).shape() == Shape{0});
  CHECK(none(all_of, slice({}, {}, -1)).shape() == Shape{0, 3});
  CHECK(transpose(none).shape() == Shape{3, 0});
  CHECK(reshape(none, {5, 0, 2}).shape() == Shape{5, 0, 2});
  CHECK(broadcast_to(numbered({0, 1}), {4, 0, 2}).to_vector<int>().empty());
  CHECK(numbered({3})(slice(2, 1)).shape() == Shape{0});
  CHECK(unstack(none).empty());
  CHECK_THROWS_AS(none[0], IndexError);
  check_view(point(newaxis), point, {1}, [](const Place&) { return Place(); });
  check_view(point(ellipsis), point, {}, [](const Place&) { return Place(); });
  check_view(transpose(point), point, {}, [](const Place&) { return Place(); });
  check_view(reshape(point, {1, 1}), point, {1, 1}, [](const Place&) { return Place(); });
  CHECK_THROWS_AS(point[0], IndexError);
  CHECK_THROWS_AS(point(0), IndexError);
}

TEST_CASE("a view knows when it is contiguous", "[views]") {
  Tensor x = numbered({4, 3, 2});
  CHECK(x[1].is_contiguous());
  CHECK(x(slice(1, 3)).is_contiguous());
  CHECK(x(2, slice(1, 3)).is_contiguous());
  CHECK_FALSE(x(all_of, 0).is_contiguous());
  CHECK_FALSE(x(slice({}, {}, 2)).is_contiguous());
  CHECK_FALSE(flip(x, 0).is_contiguous());
  CHECK(transpose(numbered({1, 5})).is_contiguous());
  CHECK(flip(numbered({1, 5}), 0).is_contiguous());
  CHECK(x(slice(1, 2), all_of, slice(1, 2)).strides() == Shape{6, 2, 1});
  std::ostringstream printed;
  printed << flip(numbered({2, 3}), 1).strides();
  CHECK(printed.str() == "(3, -1)");
  CHECK(contiguous(x).impl() == x.impl());
  Tensor turned = transpose(x), dense = contiguous(turned);
  CHECK_FALSE(shares(dense, turned));
  CHECK(dense.to_vector<int>() == turned.to_vector<int>());
}

TEST_CASE("set gives the changed tensor and leaves x alone", "[views]") {
  Tensor x = numbered({3, 4}), before = x;
  CHECK(set(x, {1}, constant(9)).to_vector<int>() == std::vector{0, 1, 2, 3, 9, 9, 9, 9, 8, 9, 10, 11});
  CHECK(set(x, {all_of, -1}, constant({7, 8, 9})).to_vector<int>() == std::vector{0, 1, 2, 7, 4, 5, 6, 8, 8, 9, 10, 9});
  CHECK(
      set(x, {slice({}, {}, -2), slice(1, 3)}, constant({{-1, -2}, {-3, -4}})).to_vector<int>() ==
      std::vector{0, -3, -4, 3, 4, 5, 6, 7, 8, -1, -2, 11});
  CHECK(
      set(x, {ellipsis, newaxis, 0}, constant({{7}, {8}, {9}})).to_vector<int>() ==
      std::vector{7, 1, 2, 3, 8, 5, 6, 7, 9, 9, 10, 11});
  CHECK(set(x, {slice(2, 1)}, constant(9)).to_vector<int>() == x.to_vector<int>());
  CHECK(set(x, {ellipsis}, constant(1)).to_vector<int>() == std::vector<int>(12, 1));
  CHECK(set(constant(1), {}, constant(5)).item<int>() == 5);
  CHECK(set(transpose(x), {0, 1}, constant(-1)).to_vector<int>() == std::vector{0, -1, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});
  CHECK(set(x, {0, 0}, constant(2).cast(int8)).dtype() == x.dtype());  // the value takes the dtype of x
  CHECK(set(x, {0, 0}, 2).to_vector<int>()[0] == 2);
  CHECK(set(x, {0, 1}, 7.).to_vector<int>()[1] == 7);  // a whole number is a whole number
  CHECK(before.impl() == x.impl());
  CHECK(x.to_vector<int>() == range(12).tensor().to_vector<int>());
}

TEST_CASE("a view of a variable's value does not follow later assignments", "[views]") {
  Variable v(constant({{1, 2}, {3, 4}}));
  Tensor column = v.value()(all_of, 1);
  v.assign(zeros({2, 2}, {.dtype = int32}));
  v.assign_add(5);
  CHECK(column.to_vector<int>() == std::vector{2, 4});
}
