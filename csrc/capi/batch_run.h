// Entries over the caller's rows: what pydl_predict and pydl_train share.
#pragma once

#include <string_view>
#include <vector>

#include "capi/model.h"

namespace pydl::capi {

// An entry "<kind>:<batch>".
struct BatchEntry {
  const Entry* entry = nullptr;
  int64_t batch = 0;
};

// One entry over batches of the caller's rows. Its inputs are rows and "steps"; its outputs are
// rows or reports (loss, fault, metrics) that every pass writes anew.
class BatchRun {
 public:
  explicit BatchRun(const BatchEntry& entry) : entry_(entry) {}

  // Checks that the entry has exactly so many inputs and outputs of rows.
  Status connect(size_t n_inputs, size_t n_outputs);
  // `rows_in` and `rows_out` point at the first row of this run.
  Status run(pydl_model* model, int64_t steps, const std::vector<const void*>& rows_in,
             const std::vector<void*>& rows_out);
  bool has_same_rows(const BatchRun& other) const;

  int64_t input_row_bytes(size_t i) const { return input_bytes_[i]; }
  int64_t output_row_bytes(size_t i) const { return output_bytes_[i]; }
  int64_t batch() const { return entry_.batch; }
  const Entry& entry() const { return *entry_.entry; }
  bool has_loss() const;
  // After run: the passes made, 0 or 1 + the bad row of the last of them, the loss.
  int64_t passes() const { return passes_; }
  int64_t fault() const { return fault_; }
  float loss() const;

 private:
  Status connect_inputs(size_t expected);
  Status connect_outputs(size_t expected);
  Status row_bytes(const Port& port, int64_t* bytes) const;
  // The index of the report with this name and spec, -1 when there is none.
  int find_report(std::string_view name, const Spec& spec) const;

  BatchEntry entry_;
  std::vector<int> inputs_;   // ports of rows, in order: x (, y)
  std::vector<int> outputs_;  // ports of rows: out, for prediction
  std::vector<int64_t> input_bytes_;
  std::vector<int64_t> output_bytes_;
  std::vector<std::vector<unsigned char>> reports_;  // per output; empty for rows
  int64_t passes_ = 0;
  int64_t fault_ = 0;
};

// All entries of a kind, largest batch first, connected. Refuses entries whose rows differ in size:
// the caller has one size in mind. kNotFound when there is none.
Status find_runs(const pydl_model* model, std::string_view kind, size_t n_inputs, size_t n_outputs,
                 std::vector<BatchRun>* runs);

// `rows` is not negative and the data it claims is addressable.
Status check_rows(const void* data, const char* name, int64_t rows, int64_t bytes);

inline const void* row_at(const void* data, int64_t row, int64_t bytes) {
  return data == nullptr ? nullptr : static_cast<const unsigned char*>(data) + row * bytes;
}

inline void* row_at(void* data, int64_t row, int64_t bytes) {
  return data == nullptr ? nullptr : static_cast<unsigned char*>(data) + row * bytes;
}

}  // namespace pydl::capi
