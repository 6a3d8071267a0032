"""The former name of `gnnvision.data.images.image_file`, kept for scripts that import it."""

from gnnvision.data.images.image_file import MAX_PIXELS, DecodedImage, decode_image

__all__ = ["MAX_PIXELS", "DecodedImage", "decode_picture"]

decode_picture = decode_image
