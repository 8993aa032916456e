// Moving tensors between devices.
#include "core/backend.h"
#include "core/context.h"
#include "ops/helpers.h"

namespace keen {
namespace detail {
namespace {

constexpr AttributeSpec device_attribute[] = {{"device", AttributeKind::device}};

// Runs for every pair of devices, so it is no kernel of one: like a view it makes its result itself.
Tensor move(const TensorImpl& in, Attributes attributes, const ResultSpec& result) {
  Device to = device(attributes[0]);
  Tensor staged = make_tensor(in.dtype, in.shape, Device());
  std::size_t bytes = static_cast<std::size_t>(in.size) * size_of(in.dtype);
  if (in.device.is_cpu()) cpu::copy_strided(staged.impl()->data, in);
  else backend(in.device).copy_to_host(staged.impl()->data, in.data, bytes);
  if (to.is_cpu()) return staged;
  Tensor out = make_tensor(result.dtype, result.shape, to);
  backend(to).copy_from_host(out.impl()->data, staged.impl()->data, bytes);
  return out;
}

}  // namespace

KEEN_OP(to_device){
    .name = "to_device",
    .attributes = device_attribute,
    .infer = rules::same,
    .view = move,
    .gradient = [](Gradient& g) { g.set(0, g.dy()); },
    .formula = "x on another device"};

}  // namespace detail

Tensor Tensor::to(Device to, Where where) const {
  detail::note_line(where);
  const auto& t = detail::checked(*this, "to");
  if (t.device == to) return *this;
  detail::backend(to);  // throws, with the reason, for a device that is not there
  return detail::run(detail::to_device_op, {to}, *this);
}

}  // namespace keen
