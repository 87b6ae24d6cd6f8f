// Functions of libpydl that the kernels call, by way of the services it handed over: the device
// library links to nothing of pydl's.
#include "kernels/cuda/driver/services.h"

#include "plan/op.h"

namespace pydl {
namespace {

const HostServices* services = nullptr;

}  // namespace

namespace cuda {

void set_services(const HostServices* given) { services = given; }

}  // namespace cuda

int64_t attr_int(const OpView& op, const char* name, int64_t otherwise) {
  return services->attr_int(op, name, otherwise);
}

double attr_float(const OpView& op, const char* name, double otherwise) {
  return services->attr_float(op, name, otherwise);
}

const char* attr_string(const OpView& op, const char* name) {
  return services->attr_string(op, name);
}

int attr_ints(const OpView& op, const char* name, const int64_t** values) {
  return services->attr_ints(op, name, values);
}

bool find_opcode(std::string_view name, Opcode* op) {
  return services->find_opcode(name.data(), name.size(), op);
}

void* bind_alloc(Binder* binder, size_t bytes) { return services->bind_alloc(binder, bytes); }

}  // namespace pydl
