import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps

from gnnvision.data.images.picture import BadPicture, decode_picture, measure_picture

from . import made

COLOUR = made.pixels(size=(10, 12))
GRAY = made.pixels(size=(10, 12), channels=1)


@pytest.mark.parametrize(
    ("form", "ending"),
    [("PNG", "png"), ("BMP", "bmp"), ("WEBP", "webp"), ("TIFF", "tif"), ("PPM", "ppm")],
)
def test_lossless_formats_give_the_very_pixels(form, ending):
    options = {"lossless": True} if form == "WEBP" else {}
    picture = decode_picture(made.encoded(COLOUR, form, **options), f"x.{ending}")
    np.testing.assert_array_equal(picture.pixels, COLOUR)
    assert picture.notes == ()


def test_jpeg_is_near():
    picture = decode_picture(made.encoded(COLOUR, "JPEG", quality=95, subsampling=0), "a/X.JPEG")
    assert np.abs(picture.pixels.astype(int) - COLOUR).mean() < 4
    assert picture.pixels.flags.c_contiguous


def test_gray_stays_gray():
    picture = decode_picture(made.encoded(GRAY), "x.png")
    np.testing.assert_array_equal(picture.pixels[:, :, 0], GRAY)
    one_bit = decode_picture(made.encoded(Image.fromarray(GRAY).convert("1")), "x.png")
    assert set(np.unique(one_bit.pixels)) <= {0, 255}


def kinds(picture):
    return [kind for kind, _ in picture.notes]


def test_16_bit_gray_is_scaled():
    deep = np.array([[0, 257], [32896, 65535]], dtype=np.uint16)
    for form, ending in (("PNG", "png"), ("TIFF", "tif")):
        picture = decode_picture(made.encoded(deep, form), f"x.{ending}")
        assert picture.pixels[:, :, 0].tolist() == [[0, 1], [128, 255]]
        assert kinds(picture) == ["16-bit"]


def test_16_bit_colour_is_scaled():
    import zlib

    rows = b"".join(b"\0" + struct.pack(">6H", 0, 256, 65535, 512, 1024, 40000) for _ in range(2))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    picture = decode_picture(data, "x.png")
    assert picture.pixels[0].tolist() == [[0, 1, 255], [2, 4, 156]]
    assert kinds(picture) == ["16-bit"]


def test_palette():
    image = Image.fromarray(COLOUR).quantize(16)
    picture = decode_picture(made.encoded(image), "x.png")
    np.testing.assert_array_equal(picture.pixels, np.asarray(image.convert("RGB")))
    assert kinds(picture) == ["palette"]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_laid_on_white(mode):
    image = Image.fromarray(COLOUR).convert("RGB" if mode == "RGBA" else "L")
    image.putalpha(0)
    clear = decode_picture(made.encoded(image), "x.png")
    assert (clear.pixels == 255).all()
    assert clear.pixels.shape[2] == (3 if mode == "RGBA" else 1)
    assert kinds(clear) == ["alpha"]
    image.putalpha(255)
    opaque = decode_picture(made.encoded(image), "x.png").pixels
    np.testing.assert_array_equal(
        opaque.squeeze(), np.asarray(image.convert("RGB" if mode == "RGBA" else "L"))
    )


def test_a_transparent_palette_colour_is_white():
    image = Image.fromarray(COLOUR).quantize(4)
    data = made.encoded(image, transparency=0)
    picture = decode_picture(data, "x.png")
    assert (picture.pixels[np.asarray(image) == 0] == 255).all()
    assert kinds(picture) == ["palette", "alpha"]


def test_cmyk_is_converted():
    image = Image.new("CMYK", (4, 4), (0, 255, 255, 0))  # red
    picture = decode_picture(made.encoded(image, "TIFF"), "x.tif")
    assert picture.pixels[0, 0].tolist() == [255, 0, 0]
    assert kinds(picture) == ["CMYK"]
    jpeg = decode_picture(made.encoded(image, "JPEG"), "x.jpg")
    assert np.abs(jpeg.pixels[0, 0].astype(int) - [255, 0, 0]).max() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("form", "ending"), [("JPEG", "jpg"), ("PNG", "png")])
def test_exif_orientation_is_undone(orientation, form, ending):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = made.encoded(COLOUR, form, exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    picture = decode_picture(data, f"x.{ending}")
    np.testing.assert_array_equal(picture.pixels, upright)
    assert kinds(picture) == ([] if orientation == 1 else ["rotated"])
    assert measure_picture(data) == picture.pixels.shape[:2]


def test_of_an_animation_the_first_frame():
    frames = [Image.fromarray(made.pixels(seed)).quantize(8) for seed in range(3)]
    data = made.encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    picture = decode_picture(data, "x.gif")
    assert "animated" in kinds(picture)
    first = np.asarray(frames[0].convert("RGB")).astype(int)
    assert np.abs(picture.pixels - first).max() < 3


def test_another_ending_than_the_format_is_noted():
    picture = decode_picture(made.encoded(COLOUR, "PNG"), "a/x.jpg")
    assert picture.notes == (("wrong extension", "is PNG"),)
    np.testing.assert_array_equal(picture.pixels, COLOUR)


JPEG = made.encoded(made.pixels(size=(40, 50)), "JPEG")
PNG = made.encoded(made.pixels(size=(40, 50)), "PNG")


@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        (b"", "empty file", "0 bytes"),
        (b"hello, this is text", "not an image", "begins with b'hello, this is t'"),
        (b"GIF89a", "broken|not an image", "."),
        (JPEG[: len(JPEG) // 2], "truncated", "[Tt]runcated"),
        (PNG[: len(PNG) // 2], "truncated|broken", "."),
        (PNG[:-30] + bytes(30), "broken|truncated", "."),
        (made.huge_png(), "oversized", "900000000 pixels"),
        (made.encoded(made.pixels(size=(1, 1))), "tiny", "1 x 1 pixels"),
        (made.encoded(made.pixels(size=(1, 9))), "tiny", "1 x 9 pixels"),
        (made.encoded(Image.new("F", (4, 4)), "TIFF"), "unsupported", "mode 'F'"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 5\n", "not an image", "begins"),
    ],
)
@pytest.mark.filterwarnings("ignore:Image size")
def test_files_that_cannot_be_used(data, kind, reason):
    with pytest.raises(BadPicture, match=reason) as caught:
        decode_picture(data, "x.jpg")
    assert caught.value.kind in kind.split("|")


def test_the_limit_of_pixels_is_met_before_decoding(monkeypatch):
    def load(self):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(BadPicture, match="40 x 50 pixels, the limit is 1999") as caught:
        decode_picture(PNG, "x.png", max_pixels=1999)
    assert caught.value.kind == "oversized"


def test_random_damage_is_never_more_than_a_bad_picture():
    rng = np.random.default_rng(0)
    for form in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"):
        whole = made.encoded(Image.fromarray(COLOUR), form)
        for _ in range(60):
            data = bytearray(whole)
            for place in rng.integers(0, len(data), 4):
                data[place] = rng.integers(256)
            try:
                decode_picture(bytes(data), "x.jpg", max_pixels=10**6)
            except BadPicture:
                pass
