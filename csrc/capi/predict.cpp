// pydl_predict: any number of rows through entries of several batch sizes.
#include <cstring>

#include "capi/batch_run.h"
#include "capi/error.h"

namespace pydl::capi {
namespace {

Status fault_of_prediction(const BatchRun& run, int64_t first_row) {
  if (run.fault() == 0) return Status();
  const int64_t row = first_row + (run.passes() - 1) * run.batch();
  return Status(Code::kFault,
                cat("predict: an index out of range in the ", run.batch(), " rows from row ", row));
}

// The rows that fill no batch: one batch filled up with zeros.
Status predict_rest(pydl_model* model, BatchRun* run, const void* x, int64_t rows, void* out) {
  const auto x_bytes = static_cast<size_t>(run->input_row_bytes(0));
  const auto out_bytes = static_cast<size_t>(run->output_row_bytes(0));
  const auto batch = static_cast<size_t>(run->batch());
  const auto count = static_cast<size_t>(rows);
  std::vector<unsigned char> padded_x(batch * x_bytes);
  std::vector<unsigned char> padded_out(batch * out_bytes);
  if (count * x_bytes > 0) std::memcpy(padded_x.data(), x, count * x_bytes);
  PYDL_RETURN_IF_ERROR(run->run(model, 1, {padded_x.data()}, {padded_out.data()}));
  if (count * out_bytes > 0) std::memcpy(out, padded_out.data(), count * out_bytes);
  return Status();
}

Status predict(pydl_model* model, const void* x, int64_t rows, void* out) {
  std::vector<BatchRun> runs;
  PYDL_RETURN_IF_ERROR(find_runs(model, "predict", 1, 1, &runs));
  const int64_t x_bytes = runs[0].input_row_bytes(0);
  const int64_t out_bytes = runs[0].output_row_bytes(0);
  PYDL_RETURN_IF_ERROR(check_rows(x, "x", rows, x_bytes));
  PYDL_RETURN_IF_ERROR(check_rows(out, "out", rows, out_bytes));
  int64_t done = 0;
  for (BatchRun& run : runs) {
    const int64_t steps = (rows - done) / run.batch();
    if (steps == 0) continue;
    PYDL_RETURN_IF_ERROR(
        run.run(model, steps, {row_at(x, done, x_bytes)}, {row_at(out, done, out_bytes)}));
    PYDL_RETURN_IF_ERROR(fault_of_prediction(run, done));
    done += steps * run.batch();
  }
  if (done == rows) return Status();
  BatchRun& smallest = runs.back();
  PYDL_RETURN_IF_ERROR(predict_rest(model, &smallest, row_at(x, done, x_bytes), rows - done,
                                    row_at(out, done, out_bytes)));
  return fault_of_prediction(smallest, done);
}

}  // namespace
}  // namespace pydl::capi

pydl_status pydl_predict(pydl_model* model, const void* x, int64_t rows, void* out) {
  return pydl::capi::guard([&] { return pydl::capi::predict(model, x, rows, out); });
}
