#pragma once

#include "runtime/device/table.h"

namespace pydl::cuda {

void set_services(const HostServices* given);

}  // namespace pydl::cuda
