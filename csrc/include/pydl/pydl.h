/* pydl: run and train an exported model from C. No Python needed.
 *
 *   model.export("digits.pydl")         in Python, then:
 *
 *   pydl_model* model = NULL;
 *   if (pydl_load("digits.pydl", &model) != PYDL_OK) {
 *     fprintf(stderr, "%s\n", pydl_last_error());
 *     return 1;
 *   }
 *   float x[100][64], out[100][10];      any number of rows
 *   int64_t y[100];
 *   float loss;
 *   pydl_predict(model, x, 100, out);
 *   pydl_train(model, x, y, 100, &loss); when exported with its training step
 *   pydl_save(model, "digits.pydl");     atomic: the old file or the new one, never half of it
 *   pydl_free(model);
 *
 * Every function that can fail returns a pydl_status; pydl_last_error says what went wrong, for the
 * thread that made the call. Nothing here aborts, exits or throws: wrong arguments, damaged files
 * and bad data are errors. Files are checked completely before anything of them runs.
 *
 * On a GPU: pydl_set_device(model, "cuda") after pydl_load; the calls stay the same.
 *
 * Threads: different models may be used from different threads at any time. Several threads may
 * call pydl_predict with one model, or pydl_run with entries that only read the state, and the
 * functions that describe it. While pydl_train, pydl_set_tensor or an entry that writes the state
 * runs, no other thread may use that model.
 */
#ifndef PYDL_PYDL_H_
#define PYDL_PYDL_H_

#include <stdint.h>

#if defined(__GNUC__)
#define PYDL_API __attribute__((visibility("default")))
#else
#define PYDL_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pydl_status {
  PYDL_OK = 0,
  PYDL_INVALID_ARGUMENT = 1, /* wrong shape, size, name or value */
  PYDL_BAD_FILE = 2,         /* malformed, truncated or altered file */
  PYDL_OUT_OF_MEMORY = 3,
  PYDL_IO = 4,        /* the operating system refused */
  PYDL_NOT_FOUND = 5, /* no such entry, tensor or instruction set */
  PYDL_FAULT = 6,     /* bad data, such as a label out of range; that step changed nothing */
  PYDL_INTERNAL = 7
} pydl_status;

typedef enum pydl_dtype {
  PYDL_FLOAT32 = 0,
  PYDL_FLOAT64 = 1,
  PYDL_FLOAT16 = 2,
  PYDL_BFLOAT16 = 3,
  PYDL_INT8 = 4,
  PYDL_INT16 = 5,
  PYDL_INT32 = 6,
  PYDL_INT64 = 7,
  PYDL_UINT8 = 8,
  PYDL_UINT16 = 9,
  PYDL_UINT32 = 10,
  PYDL_BOOL = 11
} pydl_dtype;

typedef struct pydl_model pydl_model; /* a plan, its weights and its bound programs */

/* An input, an output or a weight. The pointers live as long as the model. Data is dense and
 * row-major. */
typedef struct pydl_tensor {
  const char* name;
  pydl_dtype dtype;
  int rank;
  const int64_t* shape;
  int64_t bytes; /* of one such tensor */
  int64_t step;  /* inputs and outputs: bytes from one pass of the entry's loop to the next */
} pydl_tensor;

typedef struct pydl_input {
  const void* data;
  int64_t bytes;
} pydl_input;

typedef struct pydl_output {
  void* data;
  int64_t bytes;
} pydl_output;

PYDL_API const char* pydl_version(void); /* "0.1.0" */

/* What the last failing call of this thread said, "" before the first. Valid until the next one. */
PYDL_API const char* pydl_last_error(void);

/* "float32"; "" when there is no such dtype. */
PYDL_API const char* pydl_dtype_name(pydl_dtype dtype);

/* Threads for all models of this process; 0: as many as the machine, its cgroup and
 * PYDL_NUM_THREADS allow. Results do not depend on it. Not while a model runs. */
PYDL_API pydl_status pydl_set_threads(int count);

/* Reads a .pydl file. *model is NULL after an error. */
PYDL_API pydl_status pydl_load(const char* path, pydl_model** model);
PYDL_API void pydl_free(pydl_model* model); /* NULL is allowed */

/* How many GPUs can be used. PYDL_NOT_FOUND, and *count is 0, when there is none: pydl_last_error
 * says what is missing. */
PYDL_API pydl_status pydl_device_count(int* count);

/* Where the model runs from now on: "cpu", "cuda" (the first GPU) or "cuda:1". At first a model
 * runs on the CPU. Data handed over stays in host memory; weights move to the GPU when they are
 * first used there and are brought back when asked for. Not while the model runs. */
PYDL_API pydl_status pydl_set_device(pydl_model* model, const char* device);

/* Writes the plan and the weights as they are now. */
PYDL_API pydl_status pydl_save(const pydl_model* model, const char* path);

/* Classifies or otherwise maps `rows` rows: x holds rows x pydl_row_bytes().x bytes, out room for
 * rows x .out. Needs entries "predict:<batch size>" with one input and one output besides "steps".
 * Takes large batches first, then smaller ones. */
PYDL_API pydl_status pydl_predict(pydl_model* model, const void* x, int64_t rows, void* out);

/* Trains on `rows` rows in the order given, one step per batch; weights and optimizer state of the
 * model change. Full batches use the largest entry "train_step:<batch size>" that rows can fill;
 * rows left over need an entry of exactly that size, otherwise nothing is trained and the message
 * says which numbers of rows fit. `loss`, when not NULL, receives the output "loss" of the last
 * entry run. PYDL_FAULT names the first bad row: steps before it have been made, its own has not.
 */
PYDL_API pydl_status pydl_train(pydl_model* model, const void* x, const void* y, int64_t rows,
                                float* loss);

/* Bytes of one row of x, y and out in pydl_predict and pydl_train; 0 where the model has no such
 * entry. */
typedef struct pydl_row_sizes {
  int64_t x;
  int64_t y;
  int64_t out;
} pydl_row_sizes;
PYDL_API pydl_status pydl_row_bytes(const pydl_model* model, pydl_row_sizes* sizes);

/* Runs an entry. Inputs and outputs in the entry's order; sizes are checked. An entry with a loop
 * has an int64 input "steps": the passes to make; inputs and outputs whose `step` is not 0 then
 * need bytes + (steps - 1) * step. `passes`, when not NULL, receives the passes made. An output
 * "fault" is the caller's to look at. */
PYDL_API pydl_status pydl_run(pydl_model* model, const char* entry, const pydl_input* inputs,
                              int n_inputs, const pydl_output* outputs, int n_outputs,
                              int64_t* passes);

/* What a model holds. Counts are -1, names NULL, for a NULL model or an unknown entry. */
PYDL_API int pydl_entry_count(const pydl_model* model);
PYDL_API const char* pydl_entry_name(const pydl_model* model, int index);
PYDL_API int pydl_input_count(const pydl_model* model, const char* entry);
PYDL_API int pydl_output_count(const pydl_model* model, const char* entry);
PYDL_API int pydl_state_count(const pydl_model* model);
PYDL_API pydl_status pydl_input_info(const pydl_model* model, const char* entry, int index,
                                     pydl_tensor* tensor);
PYDL_API pydl_status pydl_output_info(const pydl_model* model, const char* entry, int index,
                                      pydl_tensor* tensor);
PYDL_API pydl_status pydl_state_info(const pydl_model* model, int index, pydl_tensor* tensor);

/* Copies a weight or another state tensor out of or into the model. `bytes` must be its size. */
PYDL_API pydl_status pydl_get_tensor(const pydl_model* model, const char* name, void* data,
                                     int64_t bytes);
PYDL_API pydl_status pydl_set_tensor(pydl_model* model, const char* name, const void* data,
                                     int64_t bytes);

#ifdef __cplusplus
}
#endif

#endif /* PYDL_PYDL_H_ */
