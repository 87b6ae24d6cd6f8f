#include "plan/ops/window_attrs.h"

#include <limits>

namespace pydl::ops {

Status read_extents(const OpCall& call, const char* name, size_t count, int64_t least, Shape* out) {
  *out = call.attrs.get_ints(name);
  if (out->size() != count) {
    return refuse(call, "attribute '", name, "' must have an entry for each of the ", count,
                  " spatial axes, received ", *out);
  }
  for (const int64_t extent : *out) {
    if (extent < least || extent > kMostExtent) {
      return refuse(call, "attribute '", name, "' must have entries between ", least, " and ",
                    kMostExtent, ", received ", *out);
    }
  }
  return Status();
}

Status read_windows(const OpCall& call, size_t count, bool dilated, Windows* out) {
  PYDL_RETURN_IF_ERROR(read_extents(call, "strides", count, 1, &out->strides));
  PYDL_RETURN_IF_ERROR(read_extents(call, "low", count, 0, &out->low));
  PYDL_RETURN_IF_ERROR(read_extents(call, "high", count, 0, &out->high));
  out->dilations.assign(count, 1);
  if (!dilated) return Status();
  return read_extents(call, "dilations", count, 1, &out->dilations);
}

Status check_images(const OpCall& call, const char* name, const Spec& x) {
  PYDL_RETURN_IF_ERROR(check_dtype(call, name, x.dtype, Takes::kFloat));
  if (x.shape.size() >= 3 && x.shape.size() <= kMostSpatial + 2) return Status();
  return refuse(call, name, " must have a batch axis, one to three spatial axes and channels, ",
                "received ", x.shape);
}

Status window_counts(const OpCall& call, const Windows& windows, const Shape& size, Shape* counts) {
  counts->clear();
  for (size_t i = 0; i < size.size(); ++i) {
    if (size[i] == kUnknown) {
      counts->push_back(kUnknown);
      continue;
    }
    int64_t reach = 0;
    if (__builtin_mul_overflow(windows.window[i] - 1, windows.dilations[i], &reach)) {
      reach = std::numeric_limits<int64_t>::max() - 1;
    }
    const int64_t padded = size[i] + windows.low[i] + windows.high[i];
    if (windows.window[i] < 1 || reach >= padded) {
      return refuse(call, "the result has no place: spatial axis ", i, " of size ", size[i],
                    " is padded to ", padded, ", less than the ", cat(reach, " + 1"),
                    " places a window spans (window ", windows.window, ", dilations ",
                    windows.dilations, ")");
    }
    counts->push_back((padded - reach - 1) / windows.strides[i] + 1);
  }
  return Status();
}

Shape spatial_of(const Shape& images) { return Shape(images.begin() + 1, images.end() - 1); }

Shape images_shape(int64_t batch, const Shape& spatial, int64_t channels) {
  Shape shape = {batch};
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  shape.push_back(channels);
  return shape;
}

}  // namespace pydl::ops
