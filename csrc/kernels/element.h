// One element of any dtype from a number. POD.
#pragma once

#include "kernels/kernel.h"

namespace pydl {

// Writes `dtype_size(dtype)` bytes; integers saturate, bool is != 0. False for an unknown dtype.
bool store_element(DType dtype, double value, unsigned char* target);

// Attr `name`, a float or an integer of any size.
bool read_element(const OpView& op, const char* name, DType dtype, unsigned char* target);

}  // namespace pydl
