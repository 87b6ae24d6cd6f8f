// conv_simt: which tile and how many parts of K, for each product of a pass.
#include "kernels/cuda/conv_simt.cuh"
#include "kernels/cuda/gemm_simt_tiles.cuh"

namespace pydl::PYDL_GPU {
namespace {

using Launch = void (*)(const ConvPlan& plan, const ConvProduct& product, const Call& call);
template <class S>
constexpr Launch kLaunches[kSimtTiles] = {launch_conv_simt<simt::Large, S>,
                                          launch_conv_simt<simt::Medium, S>,
                                          launch_conv_simt<simt::Small, S>};
template <>
constexpr Launch kLaunches<double>[kSimtTiles] = {launch_conv_simt<simt::LargeDouble>,
                                                  launch_conv_simt<simt::MediumDouble>,
                                                  launch_conv_simt<simt::SmallDouble>};

template <class S>
void run_conv_simt(const Call& call, int64_t) {
  const ConvPlan& plan = *static_cast<const ConvPlan*>(call.params);
  if (plan.clears) clear_missed(plan, call);
  for (int64_t i = 0; i < plan.product_count; ++i) {
    const ConvProduct& product = plan.products[i];
    kLaunches<S>[product.gemm.tile](plan, product, call);
  }
}

}  // namespace

const char* bind_conv_simt(const OpView& op, Binder* binder, Bound* bound) {
  ConvPlan* plan = static_cast<ConvPlan*>(bind_alloc(binder, sizeof(ConvPlan)));
  if (plan == nullptr) return kOutOfMemory;
  if (const char* reason = plan_conv(op, binder, plan)) return reason;
  for (int64_t i = 0; i < plan->product_count; ++i) {
    Gemm& p = plan->products[i].gemm;
    Gemm all = p;  // the groups' tiles fill the device together
    all.m *= plan->groups;
    apply_cut(choose_cut(all, simt_shapes(p.dtype), kSimtTiles), &p);
    bound->scratch_bytes = most(bound->scratch_bytes, conv_partial_bytes(*plan, p));
  }
  bound->params = plan;
  visit_any_float(op.in[0].dtype,
                  [&](auto s) { bound->phases[0] = {run_conv_simt<decltype(s)>, 1}; });
  bound->n_phases = 1;
  return nullptr;
}

}  // namespace pydl::PYDL_GPU
