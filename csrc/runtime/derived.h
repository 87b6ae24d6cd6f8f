// Derived buffers: packed panels and the like, computed from state that this program only reads.
// Owned by the program, keyed by the slot's stamp, rebuilt when stale.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "kernels/kernel.h"
#include "plan/status.h"
#include "runtime/state.h"

namespace pydl {

class DerivedSet {
 public:
  // The buffers as one run sees them; a rebuild for another state leaves them alone.
  struct Snapshot {
    std::vector<void*> pointers;
    std::vector<uint64_t> stamps;
    std::vector<std::shared_ptr<void>> buffers;
  };

  void add(const Derived& derived, const void* params, int slot, int64_t offset);
  bool empty() const { return items_.empty(); }
  int size() const { return static_cast<int>(items_.size()); }

  // Where the content of slots is found and buffers are made.
  class Home {
   public:
    virtual ~Home() = default;
    virtual Status allocate(const char* kind, int64_t bytes, std::shared_ptr<void>* out) = 0;
    virtual const unsigned char* content(int slot) const = 0;
    virtual void* stream() const = 0;
  };

  // Buffers that match `state`, rebuilding the stale ones: in host memory, or at home.
  Status current(const State& state, std::shared_ptr<const Snapshot>* out) const;
  Status current(const State& state, Home& home, std::shared_ptr<const Snapshot>* out) const;

 private:
  struct Item {
    Derived derived;
    const void* params;
    int slot;
    int64_t offset;
  };
  bool is_current(const State& state) const;
  Status make(const Item& item, Home& home, std::shared_ptr<void>* out) const;

  std::vector<Item> items_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace pydl
