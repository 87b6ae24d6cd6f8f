// Which processors the workers may use: not the caller's.
//
// A worker that wakes on the caller's processor queues behind it, and it can take ten milliseconds
// until the scheduler moves it to an idle one: longer than most runs.
#pragma once

#include <thread>
#include <vector>

namespace pydl {

class Placement {
 public:
  // Called by the caller before it works together with `workers`. Costs a few nanoseconds unless
  // the caller has moved to another processor.
  void keep_apart(std::vector<std::thread>& workers);

 private:
  int caller_ = -1;  // its processor when the workers were last told
};

}  // namespace pydl
