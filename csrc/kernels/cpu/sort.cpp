// sort, argsort, top_k: rows of keys (kernels/sort_key.h), sorted many at once, by rank or by
// digits; top_k keeps the best so far when k is small. searchsorted: several binary searches in
// step.
#include "kernels/cpu/bundle.h"
#include "kernels/cpu/columns.h"
#include "kernels/cpu/pieces.h"
#include "kernels/cpu/radix.h"
#include "kernels/sort_key.h"
#include "plan/opcode.h"

namespace pydl::PYDL_ISA {
namespace {

constexpr int64_t kFewKept = 256;  // top_k up to here may insert into a sorted list
constexpr int64_t kScan = 64;  // elements looked at together

struct SortParams {
  int64_t rows, length, kept;
  int64_t rows_per_piece;
  bool right;
};

template <class T>
using KeyOf = typename SortKey<T>::Key;

template <class T>
PYDL_INLINE KeyOf<T> bits_of(T value) {
  KeyOf<T> bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}

// The parts of a thread's memory: n elements twice, and the counts.
template <class Element>
struct Room {
  Element *first, *second;
  uint32_t* counts;
};
template <class Element>
Room<Element> make_room(const Call& call, int64_t n) {
  auto* counts = reinterpret_cast<uint32_t*>(call.worker);
  auto* elements = reinterpret_cast<Element*>(call.worker + kMostCounts * sizeof(uint32_t));
  return {elements, elements + n, counts};
}

template <class T>
void sort_row(const T* x, int64_t n, const Room<KeyOf<T>>& room, T* out) {
  using Key = KeyOf<T>;
  Key* sorted = room.second;
  for (int64_t i = 0; i < n; ++i) room.first[i] = SortKey<T>::of(bits_of(x[i]));
  if (n <= kRankedLength) {
    Key place[kRankedLength];
    rank_keys(room.first, n, place);
    for (int64_t i = 0; i < n; ++i) sorted[place[i]] = room.first[i];
  } else {
    sorted = sort_keys<Key>(room.first, room.second, n, room.counts);
  }
  for (int64_t i = 0; i < n; ++i) {
    const Key bits = SortKey<T>::bits(sorted[i]);
    __builtin_memcpy(out + i, &bits, sizeof bits);
  }
}

// Rows of keys of 4 or 8 bytes that are sorted together.
template <class T>
constexpr int kTogether = sizeof(T) < 4 ? 0 : kVectorBytes / static_cast<int>(sizeof(T));

// Up to this length together is faster than by digits.
template <class T>
constexpr int64_t kColumnLength = 64 * kTogether<T>;

template <class T>
void sort_together(const T* x, int64_t rows, int64_t n, void* memory, T* out) {
  using Key = KeyOf<T>;
  typedef Key V __attribute__((vector_size(kVectorBytes), may_alias));
  Key* keys = static_cast<Key*>(memory);
  load_columns(x, rows, n, keys);
  const int64_t length = column_length(n);
  for (int64_t i = n * kTogether<T>; i < length * kTogether<T>; ++i) keys[i] = static_cast<Key>(-1);
  sort_columns(static_cast<V*>(memory), length);
  store_columns(keys, rows, n, out);
}

template <class T>
void run_sort(const Call& call, int64_t piece) {
  const SortParams& p = *static_cast<const SortParams*>(call.params);
  const auto room = make_room<KeyOf<T>>(call, p.length);
  const int64_t first = piece * p.rows_per_piece;
  const int64_t end = first + p.rows_per_piece < p.rows ? first + p.rows_per_piece : p.rows;
  int64_t r = first;
  if constexpr (kTogether<T> > 0) {
    while (p.length <= kColumnLength<T> && 2 * (end - r) >= kTogether<T>) {
      const int64_t rows = end - r < kTogether<T> ? end - r : kTogether<T>;
      sort_together(static_cast<const T*>(call.in[0]) + r * p.length, rows, p.length, room.first,
                    static_cast<T*>(call.out[0]) + r * p.length);
      r += rows;
    }
  }
  for (; r < end; ++r) {
    const int64_t at = r * p.length;
    sort_row(static_cast<const T*>(call.in[0]) + at, p.length, room,
             static_cast<T*>(call.out[0]) + at);
  }
}

// The first `kept` indices of a row's order.
template <class T, bool descending>
void order_row(const T* x, int64_t n, int64_t kept, const Room<Keyed<KeyOf<T>>>& room,
               int32_t* order) {
  using Key = KeyOf<T>;
  const auto key_at = [x](int64_t i) {
    const Key key = SortKey<T>::tied(bits_of(x[i]));
    return descending ? static_cast<Key>(~key) : key;
  };
  if (n <= kRankedLength) {
    Key keys[kRankedLength], place[kRankedLength];
    for (int64_t i = 0; i < n; ++i) keys[i] = key_at(i);
    rank_keys(keys, n, place);
    for (int64_t i = 0; i < n; ++i) {
      if (static_cast<int64_t>(place[i]) < kept) order[place[i]] = static_cast<int32_t>(i);
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) room.first[i] = {key_at(i), static_cast<uint32_t>(i)};
  const Keyed<Key>* sorted = sort_keys<Key>(room.first, room.second, n, room.counts);
  for (int64_t i = 0; i < kept; ++i) order[i] = static_cast<int32_t>(sorted[i].index);
}

template <class T>
void run_argsort(const Call& call, int64_t piece) {
  const SortParams& p = *static_cast<const SortParams*>(call.params);
  const auto room = make_room<Keyed<KeyOf<T>>>(call, p.length);
  const int64_t first = piece * p.rows_per_piece, end = first + p.rows_per_piece;
  for (int64_t r = first; r < end && r < p.rows; ++r) {
    order_row<T, false>(static_cast<const T*>(call.in[0]) + r * p.length, p.length, p.length, room,
                        static_cast<int32_t*>(call.out[0]) + r * p.length);
  }
}

// --- top_k

// Enters an element into the `count` best, behind its equals. Keys descend.
template <class Key>
PYDL_INLINE void insert(Keyed<Key>* best, int64_t count, Keyed<Key> element) {
  int64_t at = count;
  for (; at > 0 && best[at - 1].key < element.key; --at) best[at] = best[at - 1];
  best[at] = element;
}

// The `kept` best of a row in their order: an element is looked at only when it beats the last.
template <class T>
void keep_best(const T* x, int64_t n, int64_t kept, Keyed<KeyOf<T>>* best, int32_t* order) {
  for (int64_t i = 0; i < kept; ++i) {
    insert(best, i, {SortKey<T>::tied(bits_of(x[i])), static_cast<uint32_t>(i)});
  }
  T least = x[best[kept - 1].index];
  // When the least is NaN nothing beats it.
  for (int64_t i = kept; i < n && least == least; i += kScan) {
    const int64_t stop = i + kScan < n ? i + kScan : n;
    bool any = false;
    for (int64_t j = i; j < stop; ++j) any |= !(x[j] <= least);
    if (!any) continue;
    for (int64_t j = i; j < stop; ++j) {
      const KeyOf<T> key = SortKey<T>::tied(bits_of(x[j]));
      if (key <= best[kept - 1].key) continue;
      insert(best, kept - 1, {key, static_cast<uint32_t>(j)});
    }
    least = x[best[kept - 1].index];
  }
  for (int64_t i = 0; i < kept; ++i) order[i] = static_cast<int32_t>(best[i].index);
}

// Short rows, a row in each lane: every column is carried past the best so far.
constexpr int64_t kShortRow = 64;
constexpr int64_t kFewBest = 8;

template <class T>
constexpr bool is_short_top_k(const SortParams& p) {
  return kTogether<T> > 0 && p.length <= kShortRow && p.kept <= kFewBest;
}

template <class T>
void top_together(const T* x, int64_t rows, int64_t n, int64_t kept, void* memory, int32_t* order) {
  using Key = KeyOf<T>;
  typedef Key V __attribute__((vector_size(kVectorBytes), may_alias));
  constexpr int kCount = kTogether<T>;
  const V* columns = static_cast<const V*>(memory);
  load_columns(x, rows, n, memory);
  V best[kFewBest], place[kFewBest];
  for (int64_t i = 0; i < n; ++i) {
    // Both zeros get one key, as comparisons see them.
    V key = columns[i], at = V{} + static_cast<Key>(i);
    if constexpr (ColumnKeys<T>::kFloat) key -= reinterpret_cast<V>(key == ColumnKeys<T>::kTop - 1);
    const int64_t full = i < kept ? i : kept;
    auto beats = key > key;
    for (int64_t j = 0; j < full; ++j) {
      beats |= key > best[j];  // from where it enters all move on, equals too
      const V worse = beats ? best[j] : key, worse_at = beats ? place[j] : at;
      best[j] = beats ? key : best[j];
      place[j] = beats ? at : place[j];
      key = worse;
      at = worse_at;
    }
    if (full < kept) {
      best[full] = key;
      place[full] = at;
    }
  }
  const Key* places = reinterpret_cast<const Key*>(place);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < kept; ++j) {
      order[r * kept + j] = static_cast<int32_t>(places[j * kCount + r]);
    }
  }
}

template <class T>
void run_short_top_k(const Call& call, int64_t piece) {
  const SortParams& p = *static_cast<const SortParams*>(call.params);
  const int64_t first = piece * p.rows_per_piece;
  const int64_t end = first + p.rows_per_piece < p.rows ? first + p.rows_per_piece : p.rows;
  for (int64_t r = first; r < end; r += kTogether<T>) {
    const int64_t rows = end - r < kTogether<T> ? end - r : kTogether<T>;
    const T* x = static_cast<const T*>(call.in[0]) + r * p.length;
    T* values = static_cast<T*>(call.out[0]) + r * p.kept;
    int32_t* order = static_cast<int32_t*>(call.out[1]) + r * p.kept;
    top_together(x, rows, p.length, p.kept, call.worker, order);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < p.kept; ++j) {
        values[i * p.kept + j] = x[i * p.length + order[i * p.kept + j]];
      }
    }
  }
}

template <class T>
void run_top_k(const Call& call, int64_t piece) {
  if constexpr (kTogether<T> > 0) {
    if (is_short_top_k<T>(*static_cast<const SortParams*>(call.params))) {
      return run_short_top_k<T>(call, piece);
    }
  }
  const SortParams& p = *static_cast<const SortParams*>(call.params);
  const auto room = make_room<Keyed<KeyOf<T>>>(call, p.length);
  const int64_t first = piece * p.rows_per_piece, end = first + p.rows_per_piece;
  const bool few = p.length >= kScan && p.kept <= kFewKept && p.kept <= p.length / 8;
  for (int64_t r = first; r < end && r < p.rows; ++r) {
    const T* x = static_cast<const T*>(call.in[0]) + r * p.length;
    T* values = static_cast<T*>(call.out[0]) + r * p.kept;
    int32_t* order = static_cast<int32_t*>(call.out[1]) + r * p.kept;
    if (few) {
      keep_best(x, p.length, p.kept, room.first, order);
    } else {
      order_row<T, true>(x, p.length, p.kept, room, order);
    }
    for (int64_t i = 0; i < p.kept; ++i) values[i] = x[order[i]];
  }
}

// --- searchsorted

struct Left {
  template <class T>
  PYDL_INLINE static bool before(T sorted, T value) {
    return sorted < value;
  }
};
struct Right {
  template <class T>
  PYDL_INLINE static bool before(T sorted, T value) {
    return sorted <= value;
  }
};

// NaN is the largest: on its right is the end, on its left the end of the numbers.
template <class T, class Side>
int64_t search_nan(const T* sorted, int64_t n) {
  if constexpr (__is_same(Side, Right)) return n;
  int64_t low = 0;
  while (n > 0) {
    const int64_t half = n / 2;
    const bool number = sorted[low + half] == sorted[low + half];
    low = number ? low + half + 1 : low;
    n = number ? n - half - 1 : half;
  }
  return low;
}

// kCount searches in step: their loads overlap, and no branch depends on a comparison.
template <int kCount, class T, class Side>
PYDL_INLINE void search(const T* sorted, int64_t n, const T* values, int32_t* out) {
  int64_t at[kCount] = {};
  int64_t length = n;
  for (; length > 1; length -= length / 2) {
    const int64_t half = length / 2;
    for (int k = 0; k < kCount; ++k) {  // an "and", since compilers turn a choice into a branch
      at[k] += half & -static_cast<int64_t>(Side::before(sorted[at[k] + half - 1], values[k]));
    }
  }
  for (int k = 0; k < kCount; ++k) {
    const bool past = length == 1 && Side::before(sorted[at[k]], values[k]);
    const bool number = values[k] == values[k];
    out[k] = static_cast<int32_t>(number ? at[k] + past : search_nan<T, Side>(sorted, n));
  }
}

// rows_per_piece counts values here.
template <class T, class Side>
void run_search(const Call& call, int64_t piece) {
  constexpr int kTogether = 8;
  const SortParams& p = *static_cast<const SortParams*>(call.params);
  const int64_t begin = piece * p.rows_per_piece, count = p.rows * p.kept;
  const int64_t end = begin + p.rows_per_piece < count ? begin + p.rows_per_piece : count;
  const T* values = static_cast<const T*>(call.in[1]);
  int32_t* out = static_cast<int32_t*>(call.out[0]);
  for (int64_t i = begin; i < end;) {
    const int64_t row = i / p.kept;
    const int64_t stop = (row + 1) * p.kept < end ? (row + 1) * p.kept : end;
    const T* sorted = static_cast<const T*>(call.in[0]) + row * p.length;
    for (; i + kTogether <= stop; i += kTogether) {
      search<kTogether, T, Side>(sorted, p.length, values + i, out + i);
    }
    for (; i < stop; ++i) search<1, T, Side>(sorted, p.length, values + i, out + i);
  }
}

// --- bind

struct Runs {
  PieceFn sort, argsort, top_k, left, right;
};

template <class T>
constexpr Runs runs_of() {
  return {run_sort<T>, run_argsort<T>, run_top_k<T>, run_search<T, Left>, run_search<T, Right>};
}

bool find_runs(DType dtype, Runs* runs) {
  switch (dtype) {
    case DType::kFloat32: *runs = runs_of<float>(); return true;
    case DType::kFloat64: *runs = runs_of<double>(); return true;
    case DType::kInt8: *runs = runs_of<int8_t>(); return true;
    case DType::kInt16: *runs = runs_of<int16_t>(); return true;
    case DType::kInt32: *runs = runs_of<int32_t>(); return true;
    case DType::kInt64: *runs = runs_of<int64_t>(); return true;
    case DType::kUInt8: *runs = runs_of<uint8_t>(); return true;
    case DType::kUInt16: *runs = runs_of<uint16_t>(); return true;
    case DType::kUInt32: *runs = runs_of<uint32_t>(); return true;
    default: return false;
  }
}

double log2_of(int64_t n) {
  double log = 1.0;
  for (; n > 2; n /= 2) log += 1.0;
  return log;
}

const char* bind_search(const Runs& runs, SortParams* p, Bound* bound) {
  const int64_t count = p->rows * p->kept;
  p->rows_per_piece = cut_pieces(count, 12, 8 * log2_of(p->length), 64);
  bound->phases[0] = {p->right ? runs.right : runs.left, piece_count(count, p->rows_per_piece)};
  bound->n_phases = 1;
  return nullptr;
}

const char* bind_sort(const OpView& op, Binder* binder, Bound* bound) {
  if (op.out[0].count == 0) return nullptr;
  Runs runs;
  const TensorView& x = op.in[0];
  if (!find_runs(x.dtype, &runs)) return "dtype not supported";
  SortParams* p = alloc_params<SortParams>(binder);
  if (p == nullptr) return kOutOfMemory;
  p->length = x.dims[x.rank - 1];
  p->rows = 1;
  for (int d = 0; d + 1 < x.rank; ++d) p->rows *= x.dims[d];
  p->kept = op.out[0].count / p->rows;
  p->right = attr_int(op, "right", 0) != 0;
  bound->params = p;
  if (op.op == Opcode::searchsorted) return bind_search(runs, p, bound);
  const bool together = (op.op == Opcode::sort && p->length <= kColumnLength<float>) ||
                        (op.op == Opcode::top_k && is_short_top_k<float>(*p));
  const int64_t unit = together ? 16 : 1;
  const double flops = 8 * static_cast<double>(p->length) * log2_of(p->length);
  p->rows_per_piece = cut_pieces(p->rows, 2 * p->length * dtype_size(x.dtype), flops, unit);
  // Elements are keys, with their indices (padded) but for `sort`.
  const int64_t element = op.op == Opcode::sort      ? dtype_size(x.dtype)
                          : dtype_size(x.dtype) == 8 ? 16
                                                     : 8;
  // Rows sorted together need a vector for each element.
  const int64_t columns =
      p->length <= kColumnLength<float> ? column_length(p->length) * kVectorBytes : 0;
  const int64_t bytes = 2 * p->length * element;
  bound->worker_bytes =
      kMostCounts * static_cast<int64_t>(sizeof(uint32_t)) + (bytes > columns ? bytes : columns);
  const PieceFn run = op.op == Opcode::sort      ? runs.sort
                      : op.op == Opcode::argsort ? runs.argsort
                                                 : runs.top_k;
  bound->phases[0] = {run, piece_count(p->rows, p->rows_per_piece)};
  bound->n_phases = 1;
  return nullptr;
}

const Candidate kCandidates[] = {
    {Opcode::sort, "sort_digits", bind_sort},
    {Opcode::argsort, "argsort_digits", bind_sort},
    {Opcode::top_k, "top_k_best", bind_sort},
    {Opcode::searchsorted, "searchsorted_in_step", bind_sort},
};

}  // namespace

const Family kSortFamily = {kCandidates,
                            static_cast<int>(sizeof(kCandidates) / sizeof(kCandidates[0]))};

}  // namespace pydl::PYDL_ISA
