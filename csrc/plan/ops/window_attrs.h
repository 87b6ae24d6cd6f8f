// What conv and pool share: attributes with one entry per spatial axis, and the sizes they give.
#pragma once

#include "plan/ops/check.h"

namespace pydl::ops {

constexpr size_t kMostSpatial = 3;
constexpr int64_t kMostExtent = int64_t{1} << 30;  // of a window, stride or padding: sums stay sane

// One entry per spatial axis.
struct Windows {
  Shape window, strides, dilations, low, high;
};

// An attribute of `count` integers, each in [least, kMostExtent].
Status read_extents(const OpCall& call, const char* name, size_t count, int64_t least, Shape* out);

// Strides, low and high; dilations where the op has them, otherwise ones.
Status read_windows(const OpCall& call, size_t count, bool dilated, Windows* out);

// x must have one to three axes between the batch and the channels.
Status check_images(const OpCall& call, const char* name, const Spec& x);

// The spatial sizes of the result for those of x; refuses a result without a place.
Status window_counts(const OpCall& call, const Windows& windows, const Shape& size, Shape* counts);

Shape spatial_of(const Shape& images);
Shape images_shape(int64_t batch, const Shape& spatial, int64_t channels);

}  // namespace pydl::ops
