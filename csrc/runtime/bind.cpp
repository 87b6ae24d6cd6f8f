#include "runtime/bind.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "runtime/device/device.h"
#include "runtime/widened.h"

namespace pydl {

void Binder::Free::operator()(void* p) const { std::free(p); }

void* Binder::alloc(size_t bytes) {
  const size_t size = (bytes + 63) / 64 * 64;
  void* block = size < bytes ? nullptr : std::aligned_alloc(64, std::max<size_t>(size, 64));
  if (block == nullptr) {
    failed_ = true;
    return nullptr;
  }
  std::memset(block, 0, std::max<size_t>(size, 64));
  blocks_.emplace_back(block);
  return block;
}

void* bind_alloc(Binder* binder, size_t bytes) { return binder->alloc(bytes); }

namespace {

const Attrs& attrs_of(const OpView& op) { return *static_cast<const Attrs*>(op.attrs); }

TensorView view_of(const Spec& spec, bool constant) {
  TensorView view = {};
  view.dtype = spec.dtype;
  view.rank = static_cast<int>(spec.shape.size());
  std::copy(spec.shape.begin(), spec.shape.end(), view.dims);
  view.count = element_count(spec.shape);
  view.constant = constant;
  return view;
}

std::vector<TensorView> views_of(const std::vector<Spec>& specs,
                                 const std::vector<bool>* constant) {
  std::vector<TensorView> views;
  views.reserve(specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    views.push_back(view_of(specs[i], constant != nullptr && (*constant)[i]));
  }
  return views;
}

const char* isa_of(const Candidate* candidate, const Bundle& bundle) {
  for (int f = 0; f < bundle.count; ++f) {
    const Family& family = *bundle.families[f];
    if (candidate >= family.candidates && candidate < family.candidates + family.count) {
      return bundle.isa;
    }
  }
  return "ref";
}

Status no_kernel(const BindRequest& request, const BoundInstruction& tried) {
  std::string message = std::string(opcode_name(request.op)) + ": no kernel takes";
  for (const Spec& spec : *request.inputs) message.append(" ").append(to_string(spec));
  for (const auto& [name, reason] : tried.refused) message += "; " + name + ": " + reason;
  return invalid(std::move(message));
}

// Which candidates: the bundle's own, those of "ref" behind them, or both.
enum Whose { kAll, kOwn, kRef };

Status bind_directly(const OpView& view, const Bundle& bundle, std::string_view kernel, Whose whose,
                     Binder* binder, BoundInstruction* out, const Candidate** taken) {
  for (const Candidate* candidate : candidates(bundle, view.op)) {
    const bool own = isa_of(candidate, bundle) == bundle.isa;
    if (whose != kAll && own != (whose == kOwn)) continue;
    if (!kernel.empty() && kernel != candidate->name) continue;
    Bound bound;
    const char* refusal = candidate->bind(view, binder, &bound);
    if (binder->failed()) return Status(Code::kOutOfMemory, "out of memory while binding");
    if (refusal == nullptr) {
      out->bound = bound;
      *taken = candidate;
      return {};
    }
    out->refused.emplace_back(candidate->name, refusal);
  }
  return {};
}

int64_t operand_bytes(const BindRequest& request) {
  int64_t bytes = 0;
  for (const Spec& spec : *request.inputs) bytes += byte_size(spec);
  for (const Spec& spec : *request.outputs) bytes += byte_size(spec);
  return bytes;
}

}  // namespace

int64_t attr_int(const OpView& op, const char* name, int64_t otherwise) {
  return attrs_of(op).get_int(name, otherwise);
}

double attr_float(const OpView& op, const char* name, double otherwise) {
  return attrs_of(op).get_float(name, otherwise);
}

const char* attr_string(const OpView& op, const char* name) {
  const AttrValue* value = attrs_of(op).find(name);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  return text == nullptr ? "" : text->c_str();
}

int attr_ints(const OpView& op, const char* name, const int64_t** values) {
  const AttrValue* value = attrs_of(op).find(name);
  const auto* list = value == nullptr ? nullptr : std::get_if<std::vector<int64_t>>(value);
  *values = list == nullptr ? nullptr : list->data();
  return list == nullptr ? 0 : static_cast<int>(list->size());
}

Status choose_bundle(std::string_view isa, const Bundle** out, Device** device) {
  if (Device::is_name(requested_isa(isa))) {
    Device* found = nullptr;
    PYDL_RETURN_IF_ERROR(Device::find(requested_isa(isa), &found));
    *out = found->table().bundle;
    if (device != nullptr) *device = found;
    return {};
  }
  if (device != nullptr) *device = nullptr;
  *out = find_bundle(isa);
  if (*out != nullptr) return {};
  std::string message = "instruction set '" + std::string(requested_isa(isa)) + "'";
  message += isa.empty() ? " (PYDL_ISA) is not one of:" : " is not one of:";
  for (const Bundle* bundle : available_bundles()) message += std::string(" ") + bundle->isa;
  return Status(Code::kNotFound, std::move(message));
}

Status bind_instruction(const BindRequest& request, const Bundle& bundle, Binder* binder,
                        BoundInstruction* out) {
  const std::vector<TensorView> in = views_of(*request.inputs, request.constant);
  const std::vector<TensorView> result = views_of(*request.outputs, nullptr);
  const OpView view = {request.op,        static_cast<int>(in.size()),
                       in.data(),         static_cast<int>(result.size()),
                       result.data(),     request.attrs,
                       request.precision, request.device};
  out->op = request.op;
  out->flops = flops(request.op, *request.inputs, *request.outputs, *request.attrs);
  out->bytes = operand_bytes(request);
  const Candidate* taken = nullptr;
  if (!any_half(view)) {
    PYDL_RETURN_IF_ERROR(bind_directly(view, bundle, request.kernel, kAll, binder, out, &taken));
  } else {  // the reference's own kernels last: they are slower than the way through float32
    PYDL_RETURN_IF_ERROR(bind_directly(view, bundle, request.kernel, kOwn, binder, out, &taken));
    if (taken == nullptr) {
      PYDL_RETURN_IF_ERROR(bind_widened(view, bundle, request.kernel, binder, out, &taken));
    }
    if (taken == nullptr) {
      PYDL_RETURN_IF_ERROR(bind_directly(view, bundle, request.kernel, kRef, binder, out, &taken));
    }
  }
  if (taken == nullptr) return no_kernel(request, *out);
  out->kernel = taken->name;
  out->isa = isa_of(taken, bundle);
  return {};
}

}  // namespace pydl
