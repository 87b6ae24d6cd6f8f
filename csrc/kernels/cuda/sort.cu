// sort, argsort and top_k: keys with their indices (kernels/sort_key.h), merged run by run
// (device/merge.h). searchsorted: a thread for each value.
#include "kernels/cuda/device/bind.h"
#include "kernels/cuda/device/merge.h"
#include "kernels/sort_key.h"
#include "plan/opcode.h"

namespace pydl::PYDL_GPU {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostElements = int64_t{1} << 56;  // scratch is some dozens of bytes for each

struct SortParams {
  int64_t rows, length, kept, count;
  Divisor by_length, by_kept;
  int64_t processors;
  bool right;
};

// 32 bits for what fits.
template <class T>
struct WideKey {
  using type = uint32_t;
};
template <>
struct WideKey<double> {
  using type = uint64_t;
};
template <>
struct WideKey<int64_t> {
  using type = uint64_t;
};

template <class T, bool descending>
__device__ __forceinline__ typename WideKey<T>::type key_of(T value) {
  using Key = typename SortKey<T>::Key;
  Key bits;
  memcpy(&bits, &value, sizeof bits);
  const Key key = SortKey<T>::tied(bits);
  return descending ? static_cast<Key>(~key) : key;
}

template <class T, bool descending, class Key>
__global__ void __launch_bounds__(kThreads) make_keys(SortParams p, const T* x, Order<Key> order) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < p.count; i += stride) {
    order.keys[i] = key_of<T, descending>(x[i]);
    order.indices[i] = static_cast<int32_t>(i - divide(i, p.by_length) * p.length);
  }
}

// The first `kept` of each row's order; either result may be absent.
template <class T>
__global__ void __launch_bounds__(kThreads)
    write_kept(SortParams p, const T* x, const int32_t* indices, T* values, int32_t* order) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x, count = p.rows * p.kept;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int64_t row = divide(i, p.by_kept);
    const int32_t index = indices[row * p.length + (i - row * p.kept)];
    if (values != nullptr) values[i] = x[row * p.length + index];
    if (order != nullptr) order[i] = index;
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    search_values(SortParams p, const T* sorted, const T* values, int32_t* out) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x, count = p.rows * p.kept;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const T* row = sorted + divide(i, p.by_kept) * p.length;
    const auto key = key_of<T, false>(values[i]);
    int64_t low = 0, n = p.length;
    while (n > 0) {
      const int64_t half = n / 2;
      const auto other = key_of<T, false>(row[low + half]);
      const bool before = p.right ? other <= key : other < key;
      low = before ? low + half + 1 : low;
      n = before ? n - half - 1 : half;
    }
    out[i] = static_cast<int32_t>(low);
  }
}

enum class Want { kValues, kOrder, kBoth };

template <class T, Want want>
void run_sort(const Call& call, int64_t) {
  using Key = typename WideKey<T>::type;
  constexpr bool kDescending = want == Want::kBoth;
  const SortParams& p = *static_cast<const SortParams*>(call.params);
  const T* x = static_cast<const T*>(call.in[0]);
  Order<Key> order = order_at<Key>(call.scratch, p.count);
  const Order<Key> other = order_at<Key>(call.scratch + order_bytes<Key>(p.count), p.count);
  const dim3 blocks(stride_blocks(p.count, kThreads, p.processors));
  launch(make_keys<T, kDescending, Key>, blocks, dim3(kThreads), 0, call.stream, p, x, order);
  order = launch_merges(call.stream, {p.length, p.count, p.by_length, p.processors}, order, other);
  T* values = want == Want::kOrder ? nullptr : static_cast<T*>(call.out[0]);
  void* indices = want == Want::kValues ? nullptr : call.out[want == Want::kBoth ? 1 : 0];
  launch(write_kept<T>, blocks, dim3(kThreads), 0, call.stream, p, x,
         static_cast<const int32_t*>(order.indices), values, static_cast<int32_t*>(indices));
}

template <class T>
void run_search(const Call& call, int64_t) {
  const SortParams& p = *static_cast<const SortParams*>(call.params);
  launch(search_values<T>, dim3(stride_blocks(p.rows * p.kept, kThreads, p.processors)),
         dim3(kThreads), 0, call.stream, p, static_cast<const T*>(call.in[0]),
         static_cast<const T*>(call.in[1]), static_cast<int32_t*>(call.out[0]));
}

template <class T>
PieceFn choose(Opcode op) {
  switch (op) {
    case Opcode::sort: return run_sort<T, Want::kValues>;
    case Opcode::argsort: return run_sort<T, Want::kOrder>;
    case Opcode::top_k: return run_sort<T, Want::kBoth>;
    default: return run_search<T>;
  }
}

const char* bind_sort(const OpView& op, Binder* binder, Bound* bound) {
  if (all_empty(op)) return nullptr;
  SortParams* p = alloc_params<SortParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  const TensorView& x = op.in[0];
  p->length = x.dims[x.rank - 1];
  p->rows = 1;
  for (int d = 0; d + 1 < x.rank; ++d) p->rows *= x.dims[d];
  p->kept = op.out[0].count / p->rows;
  p->count = x.count;
  if (p->count > kMostElements) return "too large";
  p->by_length = make_divisor(p->length > 0 ? p->length : 1);
  p->by_kept = make_divisor(p->kept);
  p->processors = processors(op);
  p->right = attr_int(op, "right", 0) != 0;
  if (op.op != Opcode::searchsorted) {
    const bool wide = dtype_size(x.dtype) == 8;
    bound->scratch_bytes =
        2 * (wide ? order_bytes<uint64_t>(p->count) : order_bytes<uint32_t>(p->count));
  }
  PieceFn run = nullptr;
  visit_number(x.dtype, [&](auto t) { run = choose<decltype(t)>(op.op); });
  if (run == nullptr) return "dtype not supported";
  return bind_piece(p, run, bound);
}

const Candidate kCandidates[] = {
    {Opcode::sort, "sort_gpu", bind_sort},
    {Opcode::argsort, "argsort_gpu", bind_sort},
    {Opcode::top_k, "top_k_gpu", bind_sort},
    {Opcode::searchsorted, "searchsorted_gpu", bind_sort},
};

}  // namespace

extern const Family kSortFamily = {kCandidates,
                                   static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_GPU
