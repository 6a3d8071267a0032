"""The former names in `gnnvision.data.images.image_file`, kept for scripts that import them."""

from gnnvision.data.images.image_file import MAX_PIXELS, InvalidImage, decode_image, image_size

__all__ = ["MAX_PIXELS", "BadPicture", "decode_picture", "measure_picture"]

BadPicture = InvalidImage
decode_picture = decode_image
measure_picture = image_size
