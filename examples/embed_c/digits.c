/* Classifies digits with a model that Python exported, trains it further, saves it. No Python here.
 *
 *   digits MODEL [DATA] [OUT]
 *
 * MODEL is a .pydl file of images of 64 pixels and 10 classes, as README.md beside this file makes
 * one. DATA holds rows of 65 bytes: 64 pixels from 0 to 16 and the label; without it the program
 * draws rough digits itself. OUT is where the trained model goes, MODEL itself if left out.
 */
#include <pydl/pydl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = 64, CLASSES = 10, ROW = PIXELS + 1, BATCH = 32, EPOCHS = 5 };

typedef struct Digits {
  int64_t rows;
  float* x; /* rows x PIXELS, 0 to 1 */
  int64_t* y; /* rows */
} Digits;

static void free_digits(Digits* digits) {
  free(digits->x);
  free(digits->y);
}

static int allocate_digits(Digits* digits, int64_t rows) {
  const size_t n = rows > 0 ? (size_t)rows : 1;
  digits->rows = rows;
  digits->x = malloc(n * PIXELS * sizeof(float));
  digits->y = malloc(n * sizeof(int64_t));
  if (digits->x != NULL && digits->y != NULL) return 0;
  fprintf(stderr, "out of memory for %ld rows\n", (long)rows);
  free_digits(digits);
  return -1;
}

static int read_digits(const char* path, Digits* digits) {
  unsigned char row[ROW];
  long bytes;
  int64_t i;
  FILE* file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    return -1;
  }
  if (fseek(file, 0, SEEK_END) != 0 || (bytes = ftell(file)) < 0 || bytes == 0 ||
      bytes % ROW != 0) {
    fprintf(stderr, "%s: expected rows of %d bytes\n", path, ROW);
    fclose(file);
    return -1;
  }
  rewind(file);
  if (allocate_digits(digits, bytes / ROW) != 0) {
    fclose(file);
    return -1;
  }
  for (i = 0; i < digits->rows; ++i) {
    int k;
    if (fread(row, 1, ROW, file) != ROW) {
      perror(path);
      fclose(file);
      free_digits(digits);
      return -1;
    }
    for (k = 0; k < PIXELS; ++k) digits->x[i * PIXELS + k] = (float)row[k] / 16.0f;
    digits->y[i] = row[PIXELS];
  }
  fclose(file);
  return 0;
}

/* One row and one column of pixels per digit, with noise. */
static int draw_digits(Digits* digits) {
  int64_t i;
  if (allocate_digits(digits, 1000) != 0) return -1;
  srand(1);
  for (i = 0; i < digits->rows; ++i) {
    const int digit = (int)(i % CLASSES);
    int k;
    digits->y[i] = digit;
    for (k = 0; k < PIXELS; ++k) {
      const int on = k / 8 == digit % 8 || k % 8 == (digit < 8 ? digit : 15 - digit);
      digits->x[i * PIXELS + k] = (on ? 0.7f : 0.1f) + 0.2f * (float)rand() / (float)RAND_MAX;
    }
  }
  return 0;
}

static int complain(const char* what, pydl_status status) {
  fprintf(stderr, "%s: error %d: %s\n", what, (int)status, pydl_last_error());
  return -1;
}

/* The share of rows whose largest output is the label; any number of rows. Below 0 on error. */
static double accuracy(pydl_model* model, const Digits* digits) {
  int64_t i, right = 0;
  float* out = malloc(((size_t)digits->rows + 1) * CLASSES * sizeof(float));
  pydl_status status = PYDL_OUT_OF_MEMORY;
  if (out != NULL) status = pydl_predict(model, digits->x, digits->rows, out);
  if (status != PYDL_OK) {
    free(out);
    return complain("predict", status);
  }
  for (i = 0; i < digits->rows; ++i) {
    const float* scores = out + i * CLASSES;
    int k, best = 0;
    for (k = 1; k < CLASSES; ++k) {
      if (scores[k] > scores[best]) best = k;
    }
    right += best == digits->y[i];
  }
  free(out);
  return (double)right / (double)digits->rows;
}

static int train(pydl_model* model, const Digits* digits) {
  const int64_t rows = digits->rows - digits->rows % BATCH; /* full batches only */
  float loss = 0.0f;
  int epoch;
  for (epoch = 1; epoch <= EPOCHS; ++epoch) {
    const pydl_status status = pydl_train(model, digits->x, digits->y, rows, &loss);
    if (status != PYDL_OK) return complain("train", status);
    printf("epoch %d: loss %.4f\n", epoch, loss);
  }
  return 0;
}

/* The program relies on these sizes, so it checks them. */
static int check_sizes(const pydl_model* model) {
  pydl_row_sizes sizes;
  const pydl_status status = pydl_row_bytes(model, &sizes);
  if (status != PYDL_OK) return complain("model", status);
  if (sizes.x == PIXELS * (int64_t)sizeof(float) && sizes.y == (int64_t)sizeof(int64_t) &&
      sizes.out == CLASSES * (int64_t)sizeof(float)) {
    return 0;
  }
  fprintf(stderr, "expected a model of %d float32 pixels, int64 labels and %d classes\n", PIXELS,
          CLASSES);
  return -1;
}

static int work(pydl_model* model, const Digits* digits, const char* out) {
  pydl_status status;
  double before, after;
  if (check_sizes(model) != 0) return -1;
  if ((before = accuracy(model, digits)) < 0.0) return -1;
  if (train(model, digits) != 0) return -1;
  if ((after = accuracy(model, digits)) < 0.0) return -1;
  printf("%ld rows, accuracy %.4f before, %.4f after training\n", (long)digits->rows, before,
         after);
  status = pydl_save(model, out);
  if (status != PYDL_OK) return complain("save", status);
  printf("saved %s\n", out);
  return 0;
}

int main(int argc, char** argv) {
  pydl_model* model = NULL;
  Digits digits;
  pydl_status status;
  int result;
  if (argc < 2 || argc > 4) {
    fprintf(stderr, "usage: %s MODEL [DATA] [OUT]\n", argv[0]);
    return 2;
  }
  memset(&digits, 0, sizeof(digits));
  status = pydl_load(argv[1], &model);
  if (status != PYDL_OK) {
    complain("load", status);
    return 1;
  }
  result = argc > 2 ? read_digits(argv[2], &digits) : draw_digits(&digits);
  if (result == 0) {
    result = work(model, &digits, argc > 3 ? argv[3] : argv[1]);
    free_digits(&digits);
  }
  pydl_free(model);
  return result == 0 ? 0 : 1;
}
