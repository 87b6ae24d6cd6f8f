// The contract between bind, the executor and every kernel.
//
// A kernel family offers candidates, fastest first. At bind time each candidate looks at an
// instruction's shapes, dtypes and attributes (never at data) and either refuses with a reason or
// fills a Bound: what to run, in how many pieces. Pieces are fixed by shape and kernel alone,
// never by the thread count; each output element has one owner; partial results are summed in
// piece order. So the same inputs give the same bits on any number of threads.
//
// On a device a phase is one piece, which enqueues its launches on the call's stream and returns.
//
// POD only: per-ISA files include this header and must not instantiate std templates.
#pragma once

#include <cstddef>
#include <cstdint>

#include "plan/dtype.h"

namespace pydl {

enum class Opcode : uint16_t;
constexpr int kMaxDims = 8;

// A dense row-major operand.
struct TensorView {
  DType dtype;
  int rank;
  int64_t dims[kMaxDims];
  int64_t count;      // product of dims
  bool constant;      // an input no instruction of this program writes: derived buffers allowed
};

// How float32 products are computed: to float32's own accuracy, or with operands rounded to
// TensorFloat-32 or bfloat16 where the kernel has units for them. kExact: as kFloat32, and only as
// sums of products (no Winograd).
enum class Precision : uint8_t { kFloat32, kTensorFloat32, kBFloat16, kExact };

// The GPU an instruction is bound for.
struct DeviceLimits {
  int major, minor;       // compute capability; 0.0: the emulation
  int processors;         // streaming multiprocessors
  int64_t shared_bytes;   // a block may ask for, dynamic and static
  int64_t memory_bytes;
};

struct OpView {
  Opcode op;
  int n_in;
  const TensorView* in;
  int n_out;
  const TensorView* out;
  const void* attrs;  // read with attr_* below
  Precision precision;
  const DeviceLimits* device;  // null on the CPU
};

// Attribute reading for POD code; `infer` has already checked names and types.
int64_t attr_int(const OpView& op, const char* name, int64_t otherwise);
double attr_float(const OpView& op, const char* name, double otherwise);
const char* attr_string(const OpView& op, const char* name);                  // "" when absent
int attr_ints(const OpView& op, const char* name, const int64_t** values);    // count

// What one piece sees. Operand pointers are at least element-aligned; arena values and scratch are
// 64-byte aligned, caller memory may not be. Outputs and scratch hold garbage before the run.
struct Call {
  const void* params;          // what bind allocated
  const void* const* in;
  void* const* out;
  unsigned char* scratch;      // Bound::scratch_bytes, shared by all pieces and phases
  unsigned char* worker;       // Bound::worker_bytes, private to the running thread
  void* const* derived;        // one pointer per Bound::derived
  void* stream;                // of a device bundle: where to enqueue; null on the CPU
};

using PieceFn = void (*)(const Call& call, int64_t piece);

// Phases run in order: all pieces of one are done before the next begins.
struct Phase {
  PieceFn run;
  int64_t pieces;
};
constexpr int kMaxPhases = 6;  // a kernel has at most 4; bind may add one before and one after

// A buffer computed from a constant operand (packed panels, ...), rebuilt when it is stale.
struct Derived {
  int operand;
  const char* kind;
  int64_t bytes;
  // On a device: enqueued on `stream`, which is null on the CPU.
  void (*build)(const void* params, const void* source, void* target, void* stream);
};
constexpr int kMaxDerived = 2;

class Binder;  // opaque; see bind_alloc

struct Bound {
  const void* params = nullptr;
  Phase phases[kMaxPhases] = {};
  int n_phases = 0;            // 0: nothing to do (an empty tensor)
  int64_t scratch_bytes = 0;
  int64_t worker_bytes = 0;
  Derived derived[kMaxDerived] = {};
  int n_derived = 0;
};

// Zeroed, 64-byte aligned, lives as long as the program. nullptr when memory is exhausted: the
// candidate then returns kOutOfMemory.
void* bind_alloc(Binder* binder, size_t bytes);

// nullptr: accepted, `bound` filled. Otherwise why not, as a static string.
using BindFn = const char* (*)(const OpView& op, Binder* binder, Bound* bound);

struct Candidate {
  Opcode op;
  const char* name;  // "gemm_tiled"
  BindFn bind;
};

constexpr const char* kOutOfMemory = "out of memory";

// The candidates of one source file, in order of preference for each opcode.
struct Family {
  const Candidate* candidates;
  int count;
};

// All families of one instruction set, or of one kind of device.
struct Bundle {
  const char* isa;  // "ref", "baseline", "avx2", "avx512", "neon", "emulated", "cuda"
  const Family* const* families;
  int count;
  bool device;  // operands, scratch and derived buffers lie in device memory
};

// Work below this is not cut: a hand-over between threads costs about as much.
constexpr int64_t kSerialBytes = 128 * 1024;
constexpr double kSerialFlops = 400e3;

}  // namespace pydl
