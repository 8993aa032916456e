// Convolutions by oneDNN: plans made for a shape, kept in a bounded cache, run on the calling thread.
#include "math/plugin_convolution.h"

#include <atomic>
#include <cstring>
#include <dnnl.hpp>
#include <list>
#include <mutex>

#include "math/plugin_onednn.h"

namespace keen::math {
namespace {

using Memory = dnnl::memory;
using Layout = dnnl::memory::format_tag;

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

/// Counted by the cache and by every caller between plan_convolution and release_plan.
struct Plan : KeenConvolutionPlan {
  KeenConvolution problem;
  Memory::desc x, y, filters, plain_filters;
  dnnl::primitive primitive;
  std::atomic<int> users{1};
};

/// What all three kinds are described by. Images stay (n, h, w, c); the filters take the layout that oneDNN likes best.
struct Description {
  Memory::desc x, y, filters, plain_filters;
  Memory::dims strides, dilation, begin, end;
  dnnl::primitive_attr attributes;

  explicit Description(const KeenConvolution& p)
      : strides{p.stride_y, p.stride_x},
        dilation{p.dilation_y - 1, p.dilation_x - 1},
        begin{p.top, p.left},
        end{p.bottom, p.right} {
    const auto type = Memory::data_type::f32;
    x = {{p.n, p.c, p.h, p.w}, type, Layout::nhwc};
    y = {{p.n, p.out, p.oh, p.ow}, type, Layout::nhwc};
    const bool grouped = p.groups > 1;
    const Memory::dims dims = grouped ? Memory::dims{p.groups, p.out / p.groups, p.c / p.groups, p.kh, p.kw}
                                      : Memory::dims{p.out, p.c, p.kh, p.kw};
    filters = {dims, type, Layout::any};
    plain_filters = {dims, type, grouped ? Layout::hwigo : Layout::hwio};
    // One primitive runs on several threads at once, each with working memory of its own.
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  }
};

template <class PrimitiveDesc>
void finish(Plan& plan, const Description& d, const PrimitiveDesc& pd, const Memory::desc& filters) {
  plan.x = d.x;
  plan.y = d.y;
  plan.filters = filters;
  plan.plain_filters = d.plain_filters;
  plan.filter_bytes = filters.get_size();
  plan.scratch_bytes = pd.scratchpad_desc().get_size();
}

void make(Plan& plan) {
  const auto best = dnnl::algorithm::convolution_direct;
  const Description d(plan.problem);
  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, best, d.x, d.filters, d.y, d.strides, d.dilation, d.begin, d.end},
      d.attributes, engine());
  switch (plan.problem.kind) {
    case KeenConvolution::forward:
      finish(plan, d, forward, forward.weights_desc());
      plan.primitive = dnnl::convolution_forward(forward);
      break;
    case KeenConvolution::input_gradient: {
      const dnnl::convolution_backward_data::primitive_desc pd(
          {best, d.x, d.filters, d.y, d.strides, d.dilation, d.begin, d.end}, d.attributes, engine(), forward);
      finish(plan, d, pd, pd.weights_desc());
      plan.primitive = dnnl::convolution_backward_data(pd);
      break;
    }
    default: {
      const dnnl::convolution_backward_weights::primitive_desc pd(
          {best, d.x, d.filters, d.y, d.strides, d.dilation, d.begin, d.end}, d.attributes, engine(), forward);
      finish(plan, d, pd, pd.diff_weights_desc());
      plan.primitive = dnnl::convolution_backward_weights(pd);
    }
  }
}

bool equal(const KeenConvolution& a, const KeenConvolution& b) {
  static_assert(sizeof(KeenConvolution) == 19 * sizeof(std::int64_t), "without padding, so that its bytes compare");
  return std::memcmp(&a, &b, sizeof a) == 0;
}

/// The plans used last.
class Cache {
 public:
  Plan* find(const KeenConvolution& problem) {
    std::lock_guard lock(mutex_);
    for (auto it = plans_.begin(); it != plans_.end(); ++it) {
      if (!equal((*it)->problem, problem)) continue;
      plans_.splice(plans_.begin(), plans_, it);
      plans_.front()->users.fetch_add(1, std::memory_order_relaxed);
      return plans_.front();
    }
    return nullptr;
  }

  void insert(Plan* plan) {
    plan->users.fetch_add(1, std::memory_order_relaxed);
    Plan* last = nullptr;
    {
      std::lock_guard lock(mutex_);
      plans_.push_front(plan);
      if (plans_.size() > capacity) {
        last = plans_.back();
        plans_.pop_back();
      }
    }
    if (last) release_plan(last);
  }

 private:
  static constexpr std::size_t capacity = 128;
  std::mutex mutex_;
  std::list<Plan*> plans_;
};

/// Never destroyed: threads may still convolve while the process ends.
Cache& cache() {
  static Cache& c = *new Cache;
  return c;
}

bool reorder(const Memory::desc& from_desc, const void* from, const Memory::desc& to_desc, void* to) {
  try {
    OneThread scope;
    Memory source(from_desc, engine(), const_cast<void*>(from)), target(to_desc, engine(), to);
    dnnl::stream stream(engine());
    dnnl::reorder(source, target).execute(stream, source, target);
    stream.wait();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

const Plan& plan_of(const KeenConvolutionPlan* plan) { return *static_cast<const Plan*>(plan); }

}  // namespace

const KeenConvolutionPlan* plan_convolution(const KeenConvolution* problem) {
  if (Plan* known = cache().find(*problem)) return known;
  Plan* plan = nullptr;
  try {
    OneThread scope;
    plan = new Plan;
    plan->problem = *problem;
    make(*plan);
    cache().insert(plan);
    return plan;
  } catch (const std::exception&) {
    delete plan;
    return nullptr;
  }
}

void release_plan(const KeenConvolutionPlan* plan) {
  auto* p = const_cast<Plan*>(&plan_of(plan));
  if (p->users.fetch_sub(1, std::memory_order_acq_rel) == 1) delete p;
}

bool pack_filters(const KeenConvolutionPlan* plan, const float* filters, void* packed) {
  const Plan& p = plan_of(plan);
  return reorder(p.plain_filters, filters, p.filters, packed);
}

bool unpack_filters(const KeenConvolutionPlan* plan, const void* packed, float* filters) {
  const Plan& p = plan_of(plan);
  return reorder(p.filters, packed, p.plain_filters, filters);
}

bool convolve(const KeenConvolutionPlan* plan, float* x, void* filters, float* y, void* scratch) {
  const Plan& p = plan_of(plan);
  const int x_role = p.problem.kind == KeenConvolution::input_gradient ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC;
  const int y_role = p.problem.kind == KeenConvolution::forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST;
  const int filter_role = p.problem.kind == KeenConvolution::filter_gradient ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS;
  try {
    OneThread scope;
    const Memory::desc working({static_cast<std::int64_t>(p.scratch_bytes)}, Memory::data_type::u8, Layout::x);
    dnnl::stream stream(engine());
    p.primitive.execute(
        stream, {{x_role, Memory(p.x, engine(), x)},
                 {filter_role, Memory(p.filters, engine(), filters)},
                 {y_role, Memory(p.y, engine(), y)},
                 {DNNL_ARG_SCRATCHPAD, Memory(working, engine(), scratch)}});
    stream.wait();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace keen::math
