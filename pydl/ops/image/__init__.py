"""The functions of `keras.ops.image`: images resized, cut, warped, filtered, recolored.

Each loads when it is first asked for.
"""

from typing import TYPE_CHECKING

from pydl.lazy import members

if TYPE_CHECKING:
    from pydl.ops.image.color import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
    from pydl.ops.image.cropping import crop_images, pad_images
    from pydl.ops.image.elastic import elastic_transform
    from pydl.ops.image.filters import gaussian_blur, sobel_edges
    from pydl.ops.image.patches import extract_patches, extract_patches_3d
    from pydl.ops.image.resizing import resize, scale_and_translate
    from pydl.ops.image.sampling import map_coordinates
    from pydl.ops.image.similarity import ssim
    from pydl.ops.image.warping import affine_transform, perspective_transform

__getattr__ = members(
    __name__,
    {
        "affine_transform": "pydl.ops.image.warping",
        "crop_images": "pydl.ops.image.cropping",
        "elastic_transform": "pydl.ops.image.elastic",
        "extract_patches": "pydl.ops.image.patches",
        "extract_patches_3d": "pydl.ops.image.patches",
        "gaussian_blur": "pydl.ops.image.filters",
        "hsv_to_rgb": "pydl.ops.image.color",
        "map_coordinates": "pydl.ops.image.sampling",
        "pad_images": "pydl.ops.image.cropping",
        "perspective_transform": "pydl.ops.image.warping",
        "resize": "pydl.ops.image.resizing",
        "rgb_to_grayscale": "pydl.ops.image.color",
        "rgb_to_hsv": "pydl.ops.image.color",
        "scale_and_translate": "pydl.ops.image.resizing",
        "sobel_edges": "pydl.ops.image.filters",
        "ssim": "pydl.ops.image.similarity",
    },
)

__all__ = [
    "affine_transform", "crop_images", "elastic_transform", "extract_patches",
    "extract_patches_3d", "gaussian_blur", "hsv_to_rgb", "map_coordinates",
    "pad_images", "perspective_transform", "resize", "rgb_to_grayscale", "rgb_to_hsv",
    "scale_and_translate", "sobel_edges", "ssim",
]  # fmt: skip
