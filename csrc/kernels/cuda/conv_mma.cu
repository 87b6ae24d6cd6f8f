// conv_mma: the products of a pass by gemm_mma's choice of tiles and schedules. Those of several
// groups are never cut along K: there are enough of them.
#include "kernels/cuda/conv.h"

#ifndef PYDL_EMULATED
#include "kernels/cuda/conv_mma.cuh"

namespace pydl::cuda {
namespace {

constexpr int kTiles = 2;
using Launch = void (*)(const ConvPlan& plan, const ConvProduct& product, const Call& call);
constexpr Launch kLaunches[3][kTiles] = {
    {launch_conv_mma<MmaLarge, float, MmaMode::kSplit>,
     launch_conv_mma<MmaSmall, float, MmaMode::kSplit>},
    {launch_conv_mma<MmaLarge, float, MmaMode::kTensor>,
     launch_conv_mma<MmaSmall, float, MmaMode::kTensor>},
    {launch_conv_mma<MmaLarge, float, MmaMode::kHalf>,
     launch_conv_mma<MmaSmall, float, MmaMode::kHalf>},
};
template <class S>
constexpr Launch kLaunches16[kTiles] = {launch_conv_mma<Mma16Large, S, MmaMode::kHalf>,
                                        launch_conv_mma<Mma16Small, S, MmaMode::kHalf>};

Launch launch_of(const Gemm& p) {
  switch (p.dtype) {
    case DType::kFloat16: return kLaunches16<Half>[p.tile];
    case DType::kBFloat16: return kLaunches16<BFloat>[p.tile];
    default: return kLaunches[static_cast<int>(p.precision)][p.tile];
  }
}

void run_conv_mma(const Call& call, int64_t) {
  const ConvPlan& plan = *static_cast<const ConvPlan*>(call.params);
  if (plan.clears) clear_missed(plan, call);
  for (int64_t i = 0; i < plan.product_count; ++i) {
    const ConvProduct& product = plan.products[i];
    launch_of(product.gemm)(plan, product, call);
  }
}

}  // namespace

const char* bind_conv_mma(const OpView& op, Binder* binder, Bound* bound) {
  if (op.device == nullptr) return "no device";
  ConvPlan* plan = static_cast<ConvPlan*>(bind_alloc(binder, sizeof(ConvPlan)));
  if (plan == nullptr) return kOutOfMemory;
  if (const char* reason = plan_conv(op, binder, plan)) return reason;
  for (int64_t i = 0; i < plan->product_count; ++i) {
    int64_t bytes = 0;
    const char* reason =
        choose_gemm_mma(*op.device, plan->groups == 1, &plan->products[i].gemm, &bytes);
    if (reason != nullptr) return reason;
    bound->scratch_bytes = most(bound->scratch_bytes, bytes);
  }
  bound->params = plan;
  bound->phases[0] = {run_conv_mma, 1};
  bound->n_phases = 1;
  return nullptr;
}

}  // namespace pydl::cuda
#endif
