// The graphs of one program: a bounded number, by the addresses they work on.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <vector>

#include "plan/status.h"

namespace pydl {

class Device;

// Of one set of addresses. Captured when it is seen again, or at once while there are few.
struct GraphSet {
  std::vector<const void*> key;
  bool seen = false;
  void* whole = nullptr;
  std::map<int, void*> parts;  // by first step, where the host walks the code
};

// Needs the device's mutex held and the device entered, but for destruction.
class GraphCache {
 public:
  explicit GraphCache(Device* device) : device_(device) {}
  ~GraphCache();

  // The set with this key, made where there is none; the least recently used leaves for it.
  Status find(const std::vector<const void*>& key, GraphSet** out);

 private:
  void destroy(const GraphSet& set);

  Device* device_;
  std::list<GraphSet> sets_;  // most recently used first
  int made_ = 0;
};

}  // namespace pydl
